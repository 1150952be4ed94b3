//! The HTTP front: one accept loop, plain or TLS, with bounds on connections,
//! header time and body size, and a graceful stop.
//!
//! `/` is the wire API (any host, any absolute-form target); `/healthz`,
//! `/readyz`, `/metrics` and `/version` are for operators. Relies on `rpc` for
//! signature and envelope. It knows no action: `ApiService` does.

mod api;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tidegate_rpc::ApiError;
use tidegate_rpc::sign::Verified;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Above this, new connections wait in the kernel's own queue.
pub(crate) const CONNECTIONS_MAX: usize = 512;
/// A client that has sent no whole header by then is dropped.
const HEADER_SECONDS: u64 = 15;
const TLS_SECONDS: u64 = 10;
/// How long a stop waits for calls under way.
const DRAIN_SECONDS: u64 = 10;
/// After a failed accept (descriptors used up), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub(crate) struct HttpConfig {
    pub(crate) listen: SocketAddr,
    /// Certificate chain and key, PEM files.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) connections: usize,
}

/// What answers the calls. `secret_key` gives the key of a SecretId.
#[async_trait]
pub(crate) trait ApiService: Send + Sync {
    fn secret_key(&self, secret_id: &str) -> Option<String>;

    /// The action is one that is built; its parameters are as they came.
    async fn call(&self, verified: Verified, peer: SocketAddr) -> Result<Value, ApiError>;

    /// A call of the operator's API.
    async fn operate(&self, call: OperatorCall) -> Result<Value, ApiError>;

    /// A call of the wire API was answered; `action` is whatever was asked.
    fn answered(&self, action: &str, error: Option<&ApiError>);
}

/// A call of the operator's API whose signature holds. Its body is never printed.
pub(crate) struct OperatorCall {
    pub(crate) secret_id: String,
    pub(crate) peer: SocketAddr,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// What the operator's pages show.
pub(crate) trait Probes: Send + Sync {
    fn ready(&self) -> bool;
    fn metrics(&self) -> String;
    fn version(&self) -> String;
}

/// A bound front. Binding and serving are apart so that a port of 0 can be told.
pub(crate) struct Front {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    connections: usize,
}

pub(crate) async fn bind(config: &HttpConfig) -> anyhow::Result<Front> {
    let tls = match &config.tls {
        Some((cert, key)) => Some(tls::acceptor(cert, key)?),
        None => None,
    };
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    Ok(Front {
        listener,
        tls,
        connections: config.connections,
    })
}

impl Front {
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Accepts until `stop`, then lets the calls under way end.
    pub(crate) async fn serve(
        self,
        api: Arc<dyn ApiService>,
        probes: Arc<dyn Probes>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let tasks = TaskTracker::new();
        let room = Arc::new(Semaphore::new(self.connections));
        loop {
            let permit = tokio::select! {
                () = stop.cancelled() => break,
                permit = Arc::clone(&room).acquire_owned() => permit?,
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((socket, peer)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let front = api::Pages {
                api: Arc::clone(&api),
                probes: Arc::clone(&probes),
                peer,
            };
            let (tls, stop) = (self.tls.clone(), stop.clone());
            tasks.spawn(async move {
                connection(socket, tls, front, stop).await;
                drop(permit);
            });
        }
        drop(self.listener);
        tasks.close();
        let drained = tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS), tasks.wait()).await;
        drained.context("some calls had not ended when the server stopped")
    }
}

async fn connection(socket: TcpStream, tls: Option<TlsAcceptor>, pages: api::Pages, stop: CancellationToken) {
    // Delay costs a reply's latency only; a failure to set it changes nothing.
    let _ = socket.set_nodelay(true);
    let Some(tls) = tls else {
        return speak(socket, pages, stop).await;
    };
    let hello = tokio::time::timeout(Duration::from_secs(TLS_SECONDS), tls.accept(socket)).await;
    match hello {
        Ok(Ok(socket)) => speak(socket, pages, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn speak<S>(socket: S, pages: api::Pages, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pages = Arc::new(pages);
    let service = hyper::service::service_fn(move |request| {
        let pages = Arc::clone(&pages);
        async move { Ok::<_, std::convert::Infallible>(pages.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEADER_SECONDS))
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
