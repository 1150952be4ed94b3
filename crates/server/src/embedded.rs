//! A server inside the process of a command: the same server, on a free port of
//! the loopback, with its files in the folder that the command names.
//!
//! It writes no log, for the terminal belongs to the command's own display.

use std::path::Path;

use anyhow::Context as _;
use async_trait::async_trait;
use futures_util::FutureExt as _;
use secrecy::SecretString;
use tidegate_cli::{EmbeddedServer, Running};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::serve::Server;

pub(crate) struct Embedded;

#[async_trait]
impl EmbeddedServer for Embedded {
    async fn start(&self, data: &Path) -> anyhow::Result<Running> {
        let server = Server::open(&Config::embedded(data)).await?;
        let (url, credentials) = (server.url().to_owned(), server.credentials().clone());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let serving = tasks.spawn(server.serve(stop.clone()));
        tasks.close();
        Ok(Running {
            url,
            secret_id: credentials.secret_id,
            secret_key: SecretString::from(credentials.secret_key),
            stop: Box::new(move || {
                async move {
                    stop.cancel();
                    let ended = serving.await.context("the embedded server panicked");
                    if let Err(error) = ended.and_then(|ended| ended) {
                        tracing::warn!(
                            error = format!("{error:#}"),
                            "the embedded server did not end cleanly"
                        );
                    }
                }
                .boxed()
            }),
        })
    }
}
