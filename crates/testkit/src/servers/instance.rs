//! One server's folder, port, settings and process, without any async: what
//! `DbServer` and the command line stand on.
//!
//! A folder holds `data/`, `files/`, `log`, `client.cnf`, `server.json` and a
//! lock that its owner holds. A folder whose owner is gone is removed, with its
//! server, at the next start of any.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::family::{PASSWORD, USER};
use super::flavor::Flavor;
use super::home::{account, give, home, lock, try_lock};
use super::process::{self, Process, as_account};
use super::root::{Root, ensure};
use crate::wait::wait_until_blocking;

/// Below the ports that the kernel hands out, so that a restart finds its port free.
const PORTS: std::ops::Range<u16> = 23_000..32_000;
/// A start takes about a second; a loaded machine gets a minute.
const START_DEADLINE: Duration = Duration::from_secs(60);
const STOP_DEADLINE: Duration = Duration::from_secs(60);
const LOG_TAIL_BYTES: usize = 4000;

/// A server as `testkit list` and `testkit start` show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Listed {
    pub flavor: String,
    pub version: String,
    pub url: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub pid: u32,
    /// Stays when the process that started it ends.
    pub kept: bool,
    pub datadir: PathBuf,
    pub log: PathBuf,
    /// Options file for the clients of `programs`.
    pub client_options: PathBuf,
    /// Folder of the clients (`mysql`, `mysqldump`, …).
    pub programs: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) flavor: Flavor,
    pub(crate) root: Root,
    pub(crate) folder: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) port: u16,
    settings: Vec<String>,
    process: Option<Process>,
    kept: bool,
    /// No server process has run on this data yet.
    fresh: bool,
    /// The log's length when the server was last started.
    log_start: u64,
    /// Held as long as we live: one tells others that the folder has an owner,
    /// one that the port is taken.
    _owner: File,
    _port: File,
}

impl Instance {
    pub(crate) fn start(flavor: Flavor, settings: &[String]) -> anyhow::Result<Instance> {
        for setting in settings {
            check_setting(setting)?;
        }
        let root = ensure(flavor)?;
        let (folder, owner) = new_folder(flavor)?;
        let (port, port_lock) = free_port()?;
        let mut instance = Instance {
            flavor,
            root,
            data: folder.join("data"),
            folder,
            port,
            settings: settings.to_vec(),
            process: None,
            kept: false,
            fresh: true,
            log_start: 0,
            _owner: owner,
            _port: port_lock,
        };
        instance.initialise()?;
        instance.run()?;
        Ok(instance)
    }

    pub(crate) fn process(&self) -> anyhow::Result<&Process> {
        self.process.as_ref().context("the server is not running")
    }

    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Starts again on the same port and data; a server that runs is shut down first.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.terminate(STOP_DEADLINE)?;
        }
        self.run()
    }

    /// New data, same port.
    pub(crate) fn reset(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        fs::remove_dir_all(&self.data)?;
        self.initialise()?;
        self.run()
    }

    pub(crate) fn keep(&mut self) -> anyhow::Result<()> {
        self.kept = true;
        if let Some(process) = &mut self.process {
            process.release();
        }
        self.record()
    }

    pub(crate) fn log_tail(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        let tail = log
            .get(log.len().saturating_sub(LOG_TAIL_BYTES)..)
            .unwrap_or_default();
        String::from_utf8_lossy(tail).into_owned()
    }

    pub(crate) fn listed(&self) -> Listed {
        let scheme = self.flavor.recipe().family.scheme();
        Listed {
            flavor: self.flavor.name().to_string(),
            version: self.root.version.clone(),
            url: format!("{scheme}://{USER}:{PASSWORD}@127.0.0.1:{}", self.port),
            host: "127.0.0.1".to_string(),
            port: self.port,
            user: USER.to_string(),
            password: PASSWORD.to_string(),
            pid: self.process.as_ref().map_or(0, Process::pid),
            kept: self.kept,
            datadir: self.data.clone(),
            log: self.folder.join("log"),
            client_options: self.folder.join("client.cnf"),
            programs: self.root.usr("bin"),
        }
    }

    fn record(&self) -> anyhow::Result<()> {
        let new = self.folder.join("server.json.new");
        fs::write(&new, serde_json::to_vec_pretty(&self.listed())?)?;
        Ok(fs::rename(new, self.folder.join("server.json"))?)
    }

    /// Fills the data folder by a copy of the template, made on first use:
    /// initialising takes seconds, copying does not.
    fn initialise(&mut self) -> anyhow::Result<()> {
        for own in ["files", "tmp"] {
            let own = self.folder.join(own);
            fs::create_dir_all(&own)?;
            give(&own, 0o700)?;
        }
        let name = format!(
            "{}_{}",
            self.flavor.name(),
            self.root.version.replace(['/', ' '], "_")
        );
        let template = home()?.join("template").join(&name);
        if !template.exists() {
            let _alone = lock(&format!("template-{}", self.flavor.name()))?;
            if !template.exists() {
                self.make_template(&template)?;
            }
        }
        let (from, to) = (template.display().to_string(), self.data.display().to_string());
        super::apt::run("cp", &["-a", "--reflink=auto", "--sparse=always", &from, &to])?;
        self.fresh = true;
        Ok(())
    }

    fn make_template(&self, template: &Path) -> anyhow::Result<()> {
        let new = template.with_extension("new");
        if new.exists() {
            fs::remove_dir_all(&new)?;
        }
        fs::create_dir_all(&new)?;
        give(&new, 0o700)?;
        let (program, arguments) = self.flavor.recipe().family.initialise(&self.root, &new);
        let mut command = Command::new(self.program_of(program)?);
        command.args(arguments).current_dir(&self.folder);
        command.arg(self.tmpdir());
        as_account(&mut command, account()?);
        command.env("HOME", &self.folder);
        let output = command.output().context("cannot initialise")?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            bail!(
                "initialising {} failed: {}",
                self.flavor.name(),
                String::from_utf8_lossy(&said)
            );
        }
        // Holds the server's UUID: each copy makes its own.
        if new.join("auto.cnf").exists() {
            fs::remove_file(new.join("auto.cnf"))?;
        }
        Ok(fs::rename(new, template)?)
    }

    fn program_of(&self, names: &[&str]) -> anyhow::Result<PathBuf> {
        self.root
            .program(names)
            .with_context(|| format!("{} has no program {names:?}", self.flavor.name()))
    }

    /// A folder of its own: MariaDB removes temporary tables of others from it when it starts.
    fn tmpdir(&self) -> String {
        format!("--tmpdir={}/tmp", self.folder.display())
    }

    fn command(&self) -> anyhow::Result<Command> {
        let family = self.flavor.recipe().family;
        let mut command = Command::new(self.program_of(family.server())?);
        let (folder, port) = (self.folder.display(), self.port);
        command.arg("--no-defaults").args(family.settings(&self.root));
        command.arg(format!("--server-id={port}"));
        command.arg(format!("--secure-file-priv={folder}/files"));
        command.args(&self.settings);
        // Last, so that they win. The socket is relative to the data folder, for
        // its path must be short.
        command.args([
            "--bind-address=127.0.0.1".to_string(),
            format!("--port={port}"),
            format!("--datadir={folder}/data"),
            self.tmpdir(),
            "--socket=mysqld.sock".to_string(),
            format!("--pid-file={folder}/data/mysqld.pid"),
        ]);
        if self.fresh {
            let accounts = self.folder.join("accounts.sql");
            fs::write(&accounts, family.accounts())?;
            give(&accounts, 0o600)?;
            command.arg(format!("--init-file={}", accounts.display()));
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))?;
        command
            .current_dir(&self.folder)
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    fn run(&mut self) -> anyhow::Result<()> {
        // Of a server that was killed: it would be taken for one that still runs
        // if its process number has been given away.
        for left in ["mysqld.sock", "mysqld.sock.lock", "mysqld.pid"] {
            let path = self.data.join(left);
            if fs::symlink_metadata(&path).is_ok() {
                fs::remove_file(path)?;
            }
        }
        self.write_client_options()?;
        let command = self.command()?;
        self.log_start = fs::metadata(self.folder.join("log"))?.len();
        self.process = Some(Process::start(command, &self.folder, account()?)?);
        self.record()?;
        let what = format!("{} to take connections", self.flavor.name());
        let ready = self.flavor.recipe().family.ready();
        if let Err(error) = wait_until_blocking(&what, START_DEADLINE, || self.is_ready(ready)) {
            let tail = self.log_tail();
            self.kill()?;
            return Err(error.context(format!(
                "{} did not start; its log ends:\n{tail}",
                self.flavor.name()
            )));
        }
        self.fresh = false;
        if self.kept {
            self.keep()?;
        }
        Ok(())
    }

    fn is_ready(&mut self, ready: &str) -> anyhow::Result<bool> {
        if let Some(how) = self.process.as_mut().context("no process")?.ended()? {
            bail!("it ended: {how}");
        }
        let log = fs::read(self.folder.join("log"))?;
        let since = log.get(usize::try_from(self.log_start)?..).unwrap_or_default();
        Ok(String::from_utf8_lossy(since).contains(ready))
    }

    fn write_client_options(&self) -> anyhow::Result<()> {
        let path = self.folder.join("client.cnf");
        let text = format!(
            "[client]\nhost=127.0.0.1\nport={}\nuser={USER}\npassword=\"{PASSWORD}\"\nprotocol=tcp\n\
             [client-mariadb]\nloose-skip-ssl-verify-server-cert\n",
            self.port
        );
        fs::write(&path, text)?;
        Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if !self.kept {
            // A failure leaves a folder whose owner is gone: the next start clears it.
            let _ = self.kill();
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// All servers that run, or stay in their folders.
pub fn list() -> anyhow::Result<Vec<Listed>> {
    let found = folders()?
        .into_iter()
        .filter_map(|folder| read_record(&folder).map(|r| (folder, r)));
    Ok(found
        .filter(|(folder, r)| process::is_server_of(r.pid, folder))
        .map(|(_, r)| r)
        .collect())
}

/// Ends the server with this pid, or all that were kept or left behind, hard, and
/// removes their folders. Servers of running tests are not among "all". Gives
/// back how many there were.
pub fn stop(pid: Option<u32>) -> anyhow::Result<usize> {
    let mut count = 0;
    for folder in folders()? {
        let Some(record) = read_record(&folder) else {
            continue;
        };
        let owned = || File::open(folder.join("owner")).is_ok_and(|owner| owner.try_lock().is_err());
        let meant = match pid {
            Some(pid) => pid == record.pid,
            None => record.kept || !owned(),
        };
        if meant {
            count += usize::from(process::is_server_of(record.pid, &folder));
            process::kill_server_of(record.pid, &folder)?;
            fs::remove_dir_all(&folder)?;
        }
    }
    Ok(count)
}

fn folders() -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(home()?.join("run"));
    let mut paths: Vec<_> = entries
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|e| e.path())
        .collect();
    paths.sort();
    Ok(paths)
}

fn read_record(folder: &Path) -> Option<Listed> {
    serde_json::from_slice(&fs::read(folder.join("server.json")).ok()?).ok()
}

/// A folder for one server, and the lock that says whose it is.
fn new_folder(flavor: Flavor) -> anyhow::Result<(PathBuf, File)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let _alone = lock("run")?;
    remove_orphans()?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{}-{number}", flavor.name(), std::process::id());
    let folder = home()?.join("run").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    give(&folder, 0o755)?;
    let owner = File::create(folder.join("owner"))?;
    owner.lock()?;
    Ok((folder, owner))
}

/// Ends the servers whose owner is gone and whose guard was ended with it, and
/// removes their folders; so too the folders of kept servers that run no more.
fn remove_orphans() -> anyhow::Result<()> {
    for folder in folders()? {
        let Ok(owner) = File::open(folder.join("owner")) else {
            continue;
        };
        if owner.try_lock().is_err() {
            continue;
        }
        let record = read_record(&folder);
        if record
            .as_ref()
            .is_some_and(|r| r.kept && process::is_server_of(r.pid, &folder))
        {
            continue;
        }
        if let Some(record) = record {
            process::kill_server_of(record.pid, &folder)?;
        }
        // The guard may be removing it at this moment. What is left is looked at
        // again at the next start.
        let _ = fs::remove_dir_all(&folder);
    }
    Ok(())
}

/// A port that nobody listens on, and the lock that keeps it ours.
fn free_port() -> anyhow::Result<(u16, File)> {
    // Spread the first look, so that processes that start together do not queue.
    let span = u32::from(PORTS.end - PORTS.start);
    let first = std::process::id().wrapping_mul(31) % span;
    for step in 0..span {
        let port = PORTS.start + u16::try_from((first + step) % span)?;
        let Some(held) = try_lock(&format!("port-{port}"))? else {
            continue;
        };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok((port, held));
        }
    }
    bail!("no free port from {} to {}", PORTS.start, PORTS.end)
}

/// Settings that decide where a server listens and writes are ours.
fn check_setting(setting: &str) -> anyhow::Result<()> {
    const OURS: [&str; 12] = [
        "tmpdir",
        "bind-address",
        "port",
        "socket",
        "datadir",
        "basedir",
        "pid-file",
        "user",
        "admin-address",
        "mysqlx-bind-address",
        "extra-port",
        "log-error",
    ];
    let name = setting
        .strip_prefix("--")
        .with_context(|| format!("{setting}: write it as --name=value"))?;
    let name = name.split('=').next().unwrap_or(name).replace('_', "-");
    let name = name.strip_prefix("loose-").unwrap_or(&name);
    if OURS.contains(&name) {
        bail!("{setting}: the testkit sets this itself");
    }
    Ok(())
}

/// The client programs write to pipes, and read what we give them.
pub(crate) fn client_command(root: &Root, program: &Path, options: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(format!("--defaults-file={}", options.display()));
    command
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("LD_PRELOAD")
        .env("LC_ALL", "C.UTF-8");
    if let Some(plugins) = root.client_plugins() {
        command.env("MARIADB_PLUGIN_DIR", plugins);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
