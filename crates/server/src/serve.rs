//! One server: data folder, store, jobs, front, and a clean end.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use secrecy::SecretString;
use tidegate_control::users::{Pair, Users};
use tidegate_control::{Jobs, RealWorld, Surroundings};
use tidegate_link::Registry;
use tidegate_meta::{MasterKey, Store};
use tidegate_rpc::credentials::Credentials;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::backup::{Backups, STORE};
use crate::config::Config;
use crate::credentials::{self, From};
use crate::http::{self, Front, HttpConfig};
use crate::metrics::{Calls, Pages};
use crate::rates::Rates;
use crate::runs::Engines;

/// A run that hangs longer on a dead connection loses nothing by being left: its
/// checkpoint is durable at every moment. Below the 90 s after which service managers kill.
const RUNS_STOP_MAX: Duration = Duration::from_secs(60);

/// A server that is bound and has read its jobs. It answers once `serve` runs.
pub(crate) struct Server {
    front: Front,
    api: Arc<Api>,
    pages: Arc<Pages>,
    jobs: Jobs,
    credentials: Credentials,
    from: From,
    url: String,
    /// Held for as long as the folder is ours.
    _lock: File,
}

/// The engines of this version.
fn registry() -> Registry {
    Registry::new(vec![tidegate_mysql::engine()])
}

impl Server {
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Server> {
        let lock = take(&config.data)?;
        let (credentials, from) = credentials::open(&config.data)?;
        let (front, url) = bind(config).await?;
        let said = |error: tidegate_model::Error| {
            anyhow::anyhow!("{error}. {}", error.remedy_text().unwrap_or_default())
        };
        let file = config.data.join(STORE);
        if file.exists() && !config.key_file.exists() {
            // A new key would open nothing of it.
            bail!(
                "{} has a store and the key file {} is not there: put back the key that the store was made with",
                config.data.display(),
                config.key_file.display()
            );
        }
        let key = MasterKey::open(&config.key_file).map_err(said)?;
        let store = Store::open(&file, key).map_err(said)?;
        let first = Pair {
            secret_id: credentials.secret_id.clone(),
            secret_key: SecretString::from(credentials.secret_key.clone()),
        };
        let users = Users::open(store.clone(), first).await.map_err(said)?;
        let jobs = Jobs::open(Surroundings {
            store,
            runner: Arc::new(Engines::new(registry())),
            world: Arc::new(RealWorld),
            classes: config.classes.clone(),
        });
        let jobs = jobs.await.map_err(said)?;
        let calls = Arc::new(Calls::default());
        Ok(Server {
            front,
            api: Arc::new(Api {
                jobs: jobs.clone(),
                users,
                rates: Rates::new(config.calls_per_second.clone()),
                backups: Backups::new(&config.data),
                calls: Arc::clone(&calls),
            }),
            pages: Arc::new(Pages {
                jobs: Arc::new(OnceLock::from(jobs.clone())),
                calls,
            }),
            jobs,
            credentials,
            from,
            url,
            _lock: lock,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn credentials_from(&self) -> &From {
        &self.from
    }

    /// Answers until `stop`; then runs stop at a checkpoint, and calls under way end.
    pub(crate) async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        let ended = self.front.serve(self.api, self.pages, stop).await;
        tracing::info!("stopping: runs end at a checkpoint");
        if tokio::time::timeout(RUNS_STOP_MAX, self.jobs.shut_down())
            .await
            .is_err()
        {
            bail!(
                "some runs had not stopped after {} s; they go on from their last checkpoint at the next start",
                RUNS_STOP_MAX.as_secs()
            );
        }
        tracing::info!("stopped");
        ended
    }
}

/// Makes the folder and locks it: two servers on one folder would run each job twice.
pub(crate) fn take(data: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data).with_context(|| format!("cannot make the folder {}", data.display()))?;
    let path = data.join("lock");
    let lock = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!("another server uses the folder {}", data.display()),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

async fn bind(config: &Config) -> anyhow::Result<(Front, String)> {
    let front = http::bind(&HttpConfig {
        listen: config.listen,
        tls: config.tls.clone(),
        connections: http::CONNECTIONS_MAX,
    })
    .await?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", front.address()?);
    Ok((front, url))
}
