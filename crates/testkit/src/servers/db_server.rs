//! A database server for a test: started, stopped, killed, paused, asked.
//!
//! Where `TIDEGATE_TEST_…` names running servers by URL, these stand in, each for
//! one `DbServer` at a time; what needs their process or folder is then refused.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, bail};

use super::client::{self, Rows};
use super::flavor::Flavor;
use super::home::home;
use super::instance::{Instance, Listed, client_command};
use super::named;
use super::process::signal;
use super::root::{Root, ensure};

/// A running server. Dropping it ends it and removes its data, unless it is kept.
#[derive(Debug)]
pub struct DbServer {
    flavor: Flavor,
    root: Root,
    listed: Listed,
    place: Place,
}

enum Place {
    /// Empty only while it restarts.
    Own(Option<Box<Instance>>),
    /// Someone else's, by URL; the folder holds the clients' options file.
    Named { url: String, folder: PathBuf },
}

impl DbServer {
    pub async fn start(flavor: Flavor) -> anyhow::Result<DbServer> {
        DbServer::start_with(flavor, &[]).await
    }

    /// `settings` are options of the server (`--name=value`); later ones win.
    pub async fn start_with(flavor: Flavor, settings: &[&str]) -> anyhow::Result<DbServer> {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_string()).collect();
        tokio::task::spawn_blocking(move || DbServer::start_blocking(flavor, &settings)).await?
    }

    /// The same for code without an async runtime.
    pub fn start_blocking(flavor: Flavor, settings: &[String]) -> anyhow::Result<DbServer> {
        if let Some(url) = named::take(flavor.recipe().url_variable)? {
            if !settings.is_empty() {
                named::give_back(&url);
                bail!(
                    "{} is someone's running server: it takes no settings",
                    flavor.recipe().url_variable
                );
            }
            let named = DbServer::named(flavor, &url);
            if named.is_err() {
                named::give_back(&url);
            }
            return named;
        }
        let instance = Instance::start(flavor, settings)?;
        let (root, listed) = (instance.root.clone(), instance.listed());
        Ok(DbServer {
            flavor,
            root,
            listed,
            place: Place::Own(Some(Box::new(instance))),
        })
    }

    /// A server that someone runs already, by its URL. It stays when this is dropped.
    pub fn named(flavor: Flavor, url: &str) -> anyhow::Result<DbServer> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let parts = named::parse(url)?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = home()?
            .join("named")
            .join(format!("{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let options = format!(
            "[client]\nhost=127.0.0.1\nport={}\nuser={}\npassword=\"{}\"\nprotocol=tcp\n[client-mariadb]\n\
             loose-skip-ssl-verify-server-cert\n",
            parts.port, parts.user, parts.password
        );
        let path = folder.join("client.cnf");
        std::fs::write(&path, options)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let root = clients(flavor)?;
        let listed = Listed {
            flavor: flavor.name().to_string(),
            version: root.version.clone(),
            url: url.to_string(),
            host: "127.0.0.1".to_string(),
            port: parts.port,
            user: parts.user,
            password: parts.password,
            pid: 0,
            kept: true,
            datadir: PathBuf::new(),
            log: PathBuf::new(),
            client_options: path,
            programs: root.usr("bin"),
        };
        Ok(DbServer {
            flavor,
            root,
            listed,
            place: Place::Named {
                url: url.to_string(),
                folder,
            },
        })
    }

    pub fn flavor(&self) -> Flavor {
        self.flavor
    }

    pub fn port(&self) -> u16 {
        self.listed.port
    }

    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    pub fn user(&self) -> &str {
        &self.listed.user
    }

    pub fn password(&self) -> &str {
        &self.listed.password
    }

    /// `mysql://user:password@127.0.0.1:port`, or `mariadb://…`.
    pub fn url(&self) -> String {
        self.listed.url.clone()
    }

    /// Everything that `testkit start` prints.
    pub fn listed(&self) -> Listed {
        match &self.place {
            Place::Own(Some(instance)) => instance.listed(),
            Place::Own(None) | Place::Named { .. } => self.listed.clone(),
        }
    }

    /// Runs statements through the command-line client and gives the rows of the
    /// last one that has a result. NULL is `None`; bytes that are not UTF-8 want
    /// `HEX(…)`. The error holds the client's message. Blocks for as long as it takes.
    pub fn sql(&self, text: &str) -> anyhow::Result<Rows> {
        Ok(self.sql_all(text)?.pop().unwrap_or_default())
    }

    /// The same, with the rows of every statement that has a result.
    pub fn sql_all(&self, text: &str) -> anyhow::Result<Vec<Rows>> {
        client::query(self.client()?, text)
    }

    /// Runs a script: the file of that name if there is one, else the text itself.
    pub fn run_script(&self, path_or_text: &str) -> anyhow::Result<()> {
        let may_be_path = path_or_text.len() < 4096 && !path_or_text.contains(['\n', ';', '\0']);
        if may_be_path && Path::new(path_or_text).is_file() {
            let text = std::fs::read(path_or_text).with_context(|| format!("cannot read {path_or_text}"))?;
            return client::script(self.client()?, &text).with_context(|| format!("in {path_or_text}"));
        }
        client::script(self.client()?, path_or_text.as_bytes())
    }

    /// Runs a script while other tasks go on.
    pub async fn run_script_beside(&self, text: &str) -> anyhow::Result<()> {
        let (client, text) = (self.client()?, text.to_string());
        tokio::task::spawn_blocking(move || client::script(client, text.as_bytes())).await?
    }

    /// SIGKILL; the data stay.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.own_mut()?.kill()
    }

    /// Starts again, on the same port and data; a server that runs is shut down first.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.in_background(Instance::restart).await
    }

    /// Ends the server hard and starts it with a new data folder on the same port.
    pub async fn reset(&mut self) -> anyhow::Result<()> {
        self.in_background(Instance::reset).await
    }

    /// Stops it where it is; connections stay open and unanswered.
    pub fn pause(&self) -> anyhow::Result<()> {
        signal(self.own()?.process()?.pid(), libc::SIGSTOP)
    }

    pub fn resume(&self) -> anyhow::Result<()> {
        signal(self.own()?.process()?.pid(), libc::SIGCONT)
    }

    /// Path of a program of this version; a name that is not there stays as it is.
    pub fn program(&self, name: &str) -> PathBuf {
        self.root.program(&[name]).unwrap_or_else(|| PathBuf::from(name))
    }

    /// A program of this version with the options file that makes it connect here.
    pub fn connected(&self, name: &str) -> Command {
        client_command(&self.root, &self.program(name), &self.listed.client_options)
    }

    pub fn data_dir(&self) -> &Path {
        &self.listed.datadir
    }

    pub fn log_tail(&self) -> String {
        self.own().map_or_else(|_| String::new(), Instance::log_tail)
    }

    /// The server's process; 0 while it is not running.
    pub fn pid(&self) -> u32 {
        self.listed().pid
    }

    /// Leaves the server running when this is dropped and when the process ends.
    pub fn keep(&mut self) {
        if let Place::Own(Some(instance)) = &mut self.place
            && let Err(error) = instance.keep()
        {
            tracing::warn!(%error, "the server is kept, but will not be listed as such");
        }
    }

    /// An oracle that is not ours: `CHECKSUM TABLE … EXTENDED`.
    pub fn checksum(&self, schema: &str, table: &str) -> anyhow::Result<String> {
        let quote = |name: &str| format!("`{}`", name.replace('`', "``"));
        let rows = self.sql(&format!(
            "CHECKSUM TABLE {}.{} EXTENDED",
            quote(schema),
            quote(table)
        ))?;
        let sum = rows.first().and_then(|row| row.get(1)).cloned().flatten();
        sum.with_context(|| format!("no checksum of {schema}.{table}: is it there?"))
    }

    fn client(&self) -> anyhow::Result<Command> {
        let program = self.root.program(self.flavor.recipe().family.client());
        let program = program.context("the root has no command-line client")?;
        Ok(client_command(&self.root, &program, &self.listed.client_options))
    }

    fn own(&self) -> anyhow::Result<&Instance> {
        match &self.place {
            Place::Own(instance) => instance.as_deref().context("an earlier restart was given up"),
            Place::Named { .. } => Err(not_ours(self.flavor)),
        }
    }

    fn own_mut(&mut self) -> anyhow::Result<&mut Instance> {
        match &mut self.place {
            Place::Own(instance) => instance.as_deref_mut().context("an earlier restart was given up"),
            Place::Named { .. } => Err(not_ours(self.flavor)),
        }
    }

    /// Runs what blocks beside the runtime. If the caller gives up waiting, the
    /// server ends when the work is done.
    async fn in_background(
        &mut self,
        work: impl FnOnce(&mut Instance) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let Place::Own(place) = &mut self.place else {
            return Err(not_ours(self.flavor));
        };
        let mut instance = place.take().context("an earlier restart was given up")?;
        let (instance, result) = tokio::task::spawn_blocking(move || {
            let result = work(&mut instance);
            (instance, result)
        })
        .await?;
        *place = Some(instance);
        result
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Own(_) => "own",
            Place::Named { .. } => "named by URL",
        })
    }
}

impl Drop for DbServer {
    fn drop(&mut self) {
        if let Place::Named { url, folder } = &self.place {
            named::give_back(url);
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// A root for its clients alone: the flavor's if it is there, else the machine's
/// own clients, else fetched.
fn clients(flavor: Flavor) -> anyhow::Result<Root> {
    if let Some(root) = Root::have(flavor)? {
        return Ok(root);
    }
    let machine = Root {
        folder: PathBuf::from("/"),
        version: "not ours".into(),
    };
    match machine.program(flavor.recipe().family.client()) {
        Some(_) => Ok(machine),
        None => ensure(flavor),
    }
}

fn not_ours(flavor: Flavor) -> anyhow::Error {
    anyhow::anyhow!(
        "the server is someone's own, named in {}: the testkit does not touch its process or data",
        flavor.recipe().url_variable
    )
}
