//! A server's process, and the guard that ends it with the process that started
//! it, however that ends.
//!
//! The guard is a shell that reads from a pipe whose other end is ours. When we
//! are gone the kernel closes the pipe, and the shell kills the server and
//! removes its folder. (A parent-death signal would follow the thread that
//! started the server, and the threads of an async runtime come and go.)

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use super::home::Account;
use crate::wait::wait_until_blocking;

/// A killed server's threads leave one by one; large buffers take a moment.
const END_DEADLINE: Duration = Duration::from_secs(10);

const GUARD: &str = "read pid || exit 0; read end && exit 0; kill -9 \"$pid\"; sleep 0.2; rm -rf \"$0\"";

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    guard: Option<Child>,
}

impl Process {
    /// Starts `command`, whose files are in `folder`, under `account`.
    pub(crate) fn start(
        mut command: Command,
        folder: &Path,
        account: Option<Account>,
    ) -> anyhow::Result<Process> {
        // A group of its own: an interrupt at the terminal must not reach the guard.
        let mut guard = Command::new("/bin/sh")
            .args(["-c", GUARD])
            .arg(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start /bin/sh")?;
        as_account(&mut command, account);
        let child = command.spawn().context("cannot start the server's program")?;
        let pipe = guard.stdin.as_mut().context("the guard has no input")?;
        writeln!(pipe, "{}", child.id())?;
        Ok(Process {
            child,
            guard: Some(guard),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<String>> {
        Ok(self.child.try_wait()?.map(|status| status.to_string()))
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.release();
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// A clean shutdown within the deadline, else an error.
    pub(crate) fn terminate(&mut self, deadline: Duration) -> anyhow::Result<()> {
        signal(self.pid(), libc::SIGTERM)?;
        signal(self.pid(), libc::SIGCONT)?;
        wait_until_blocking("the server's end", deadline, || {
            Ok(self.child.try_wait()?.is_some())
        })?;
        self.release();
        Ok(())
    }

    /// Lets the guard go: the server's end is no longer its matter.
    pub(crate) fn release(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            // A guard that is gone already needs no word; either way it is collected.
            if let Some(mut pipe) = guard.stdin.take() {
                let _ = pipe.write_all(b"end\n");
            }
            let _ = guard.wait();
        }
    }
}

/// Makes a command run under an account, in a group of its own, without what
/// this process's environment would change about it.
pub(crate) fn as_account(command: &mut Command, account: Option<Account>) {
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC");
    command.process_group(0).stdin(Stdio::null());
    if let Some(account) = account {
        command.gid(account.gid).uid(account.uid);
    }
}

/// True where `pid` runs and was started for the server in `folder`.
pub(crate) fn is_server_of(pid: u32, folder: &Path) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    pid != 0 && String::from_utf8_lossy(&line).contains(&format!("{}/", folder.display()))
}

/// SIGKILL to a server that is no child of ours; waits until it is gone. (It may
/// stay as a zombie, whose command line reads as empty.)
pub(crate) fn kill_server_of(pid: u32, folder: &Path) -> anyhow::Result<()> {
    if is_server_of(pid, folder) {
        signal(pid, libc::SIGKILL)?;
        wait_until_blocking("the end of a killed server", END_DEADLINE, || {
            let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
            Ok(threads <= 1 && !is_server_of(pid, folder))
        })?;
    }
    Ok(())
}

pub(crate) fn signal(pid: u32, number: i32) -> anyhow::Result<()> {
    let Ok(target @ 2..) = i32::try_from(pid) else {
        bail!("{pid} is no process of ours")
    };
    #[allow(
        unsafe_code,
        reason = "the standard library sends no signals; kill() takes two numbers"
    )]
    let code = unsafe { libc::kill(target, number) };
    if code != 0 {
        return Err(std::io::Error::last_os_error()).context("cannot signal the server");
    }
    Ok(())
}
