//! Which server is spoken to, and as whom: options, environment, or an
//! embedded server when neither names one.
//!
//! Plain HTTP is spoken to this machine only, since requests carry passwords of
//! databases; `--insecure` says otherwise.

use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::SecretString;
use tidegate_model::{Error, Result};
use tidegate_rpc::credentials::{self, Credentials};

use crate::client::Client;
use crate::{EmbeddedServer, Running};

pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:7437";

#[derive(Args, Clone)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// The server's address, such as http://127.0.0.1:7437 or https://dts.example.org
    #[arg(long, env = "TIDEGATE_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// File with SecretId and SecretKey, as `tidegate serve` writes it (DIR/credentials)
    #[arg(long, env = "TIDEGATE_CREDENTIALS", value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// SecretId, instead of a file
    #[arg(long, env = "TIDEGATE_SECRET_ID", value_name = "ID", hide_env_values = true)]
    secret_id: Option<String>,
    /// SecretKey: from the environment only, so that no process list shows it
    #[arg(skip = std::env::var("TIDEGATE_SECRET_KEY").ok().map(SecretString::from))]
    secret_key: Option<SecretString>,
    /// Certificates (PEM) to trust for https, instead of the system's
    #[arg(long, env = "TIDEGATE_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Send passwords over plain http to another machine
    #[arg(long)]
    insecure: bool,
}

impl std::fmt::Debug for ServerArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerArgs({:?})", self.server)
    }
}

/// A server to speak to; `embedded` is ours to stop.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) url: String,
    pub(crate) embedded: Option<Embedded>,
}

pub(crate) struct Embedded {
    running: Running,
    pub(crate) data: PathBuf,
}

impl Embedded {
    pub(crate) async fn stop(self) {
        (self.running.stop)().await;
    }
}

impl ServerArgs {
    /// The named server, or the default one.
    pub(crate) fn named(&self) -> Result<Client> {
        let url = self.server.as_deref().unwrap_or(DEFAULT_SERVER);
        let (id, key) = self.credential()?;
        Client::new(url, id, key, self.ca_file.as_deref(), self.insecure)
    }

    /// The named server; where none is named, one inside this process with its files in `data`.
    pub(crate) async fn named_or_embedded(
        &self,
        data: &Path,
        starter: &dyn EmbeddedServer,
    ) -> Result<Connection> {
        if self.server.is_some() {
            let client = self.named()?;
            return Ok(Connection {
                url: client.url(),
                client,
                embedded: None,
            });
        }
        let running = starter.start(data).await.map_err(|error| {
            Error::needs_user("cannot start an embedded server")
                .caused_by(Error::needs_user(format!("{error:#}")))
                .remedy("check that the data folder can be written and no other server uses it, or name a running server with --server")
        })?;
        let client = Client::new(
            &running.url,
            running.secret_id.clone(),
            running.secret_key.clone(),
            None,
            false,
        )?;
        Ok(Connection {
            url: client.url(),
            client,
            embedded: Some(Embedded {
                running,
                data: data.to_owned(),
            }),
        })
    }

    fn credential(&self) -> Result<(String, SecretString)> {
        if let Some(file) = &self.credentials {
            let text = std::fs::read_to_string(file).map_err(|error| {
                Error::needs_user(format!("cannot read {}", file.display()))
                    .caused_by(error)
                    .remedy("name the file that `tidegate serve` told at its first start")
            })?;
            let read = Credentials::from_text(&text).ok_or_else(|| {
                Error::bad_input(format!("{} holds no SecretId and SecretKey", file.display())).remedy(
                    format!(
                        "it has the lines `{}=…` and `{}=…`",
                        credentials::ID_NAME,
                        credentials::KEY_NAME
                    ),
                )
            })?;
            return Ok((read.secret_id, SecretString::from(read.secret_key)));
        }
        match (&self.secret_id, &self.secret_key) {
            (Some(id), Some(key)) => Ok((id.clone(), key.clone())),
            _ => Err(Error::needs_user("no credentials for the server")
                .remedy("give --credentials FILE, or set TIDEGATE_SECRET_ID and TIDEGATE_SECRET_KEY")),
        }
    }
}

/// Where an embedded server keeps its jobs if nothing else is said.
pub(crate) fn default_data() -> PathBuf {
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
    base.unwrap_or_else(|| PathBuf::from(".")).join("tidegate")
}
