//! The binary as a process of its own, in a folder of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tidegate_rpc::credentials::{Credentials, FILE_NAME};

/// A server or a refusal takes well below a second; this is for a loaded machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tidegate-server-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("makes a folder");
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays is in the temporary one.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `tidegate serve`, ready to be asked.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    pub(crate) credentials: Credentials,
}

pub(crate) fn command(data: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command
        .args(["serve", "--data"])
        .arg(data)
        .args(more)
        .env_remove("TIDEGATE_SECRET_ID")
        .env_remove("TIDEGATE_SECRET_KEY")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

impl Served {
    /// On a free port. The log goes to `log` in the data folder.
    pub(crate) fn start(data: &Path, more: &[&str]) -> Served {
        let log = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(data.join("log"))
            .expect("a log");
        let mut child = command(data, &[&["--listen", "127.0.0.1:0"], more].concat())
            .stderr(log)
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let url = first.strip_prefix("tidegate listens on ").map(str::to_owned);
        let url = url.unwrap_or_else(|| panic!("it says `{first}`: {}", log_of(data)));
        let text = std::fs::read_to_string(data.join(FILE_NAME)).expect("credentials");
        Served {
            child,
            url,
            credentials: Credentials::from_text(&text).expect("credentials"),
        }
    }

    /// host:port
    pub(crate) fn address(&self) -> &str {
        self.url.split("://").nth(1).expect("a scheme")
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let told = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(told.expect("kill runs").success());
        ended(&mut self.child)
    }

    pub(crate) fn kill9(mut self) {
        self.child.kill().expect("kills");
        ended(&mut self.child);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn log_of(data: &Path) -> String {
    std::fs::read_to_string(data.join("log")).unwrap_or_default()
}

/// Waits for a process to end by itself.
pub(crate) fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("waits") {
            return status;
        }
        assert!(begun.elapsed() < DEADLINE, "the process does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}
