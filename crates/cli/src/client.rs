//! One signed call of the wire API over HTTP/1.1, plain or TLS.
//!
//! A connection a call: the commands ask about once a second, and a server that
//! was restarted in between is met again without further ado. Certificates are
//! always verified. Nothing is tried twice here; callers know what may be.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_model::{Error, Kind, Result};
use tidegate_rpc::sign::{Credential, sign_tc3};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::database_url::REGION;

/// The server answers from its store; longer means that it hangs.
const CALL_TIME: Duration = Duration::from_secs(30);
/// A list of 100 jobs is below 1 MiB; a cutover record of 100,000 tables below 32 MiB.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Where distributions keep the trusted certificates.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

pub(crate) struct Client {
    host: String,
    port: u16,
    /// As sent and signed: with the port unless it is the scheme's own.
    authority: String,
    tls: Option<TlsConnector>,
    secret_id: String,
    secret_key: SecretString,
}

impl Client {
    pub(crate) fn new(
        url: &str,
        secret_id: String,
        secret_key: SecretString,
        ca_file: Option<&Path>,
        insecure: bool,
    ) -> Result<Client> {
        let address = Address::parse(url)?;
        if !address.tls && !address.is_local() && !insecure {
            return Err(Error::bad_input(format!("{url} is another machine, without TLS"))
                .remedy("use https://, or --insecure if the network between is yours"));
        }
        let tls = if address.tls {
            Some(connector(ca_file)?)
        } else {
            None
        };
        Ok(Client {
            authority: address.authority(),
            host: address.host,
            port: address.port,
            tls,
            secret_id,
            secret_key,
        })
    }

    /// The server's address as the user would name it.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Calls an action; `T` is its answer.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        action: &str,
        request: &impl Serialize,
    ) -> Result<T> {
        let answer = self.call_json(action, request).await?;
        serde_json::from_value(answer).map_err(|error| {
            Error::bug(format!("the answer of {action} is not of the contract's shape")).caused_by(error)
        })
    }

    /// For actions that answer nothing but a RequestId.
    pub(crate) async fn tell(&self, action: &str, request: &impl Serialize) -> Result<()> {
        self.call_json(action, request).await.map(drop)
    }

    async fn call_json(&self, action: &str, request: &impl Serialize) -> Result<Value> {
        let body = serde_json::to_vec(request)
            .map_err(|error| Error::bug("a request does not serialise").caused_by(error))?;
        let exchange = tokio::time::timeout(CALL_TIME, self.exchange(action, body));
        let answered = exchange.await.map_err(|_| {
            self.unreachable(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {} s", CALL_TIME.as_secs()),
            ))
        })?;
        read_envelope(action, &answered?)
    }

    async fn exchange(&self, action: &str, body: Vec<u8>) -> Result<Bytes> {
        let socket = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| self.unreachable(error))?;
        let request = self.signed(action, body)?;
        let Some(tls) = &self.tls else {
            return self.send(socket, request).await;
        };
        let name = ServerName::try_from(self.host.clone())
            .map_err(|error| Error::bad_input(format!("`{}` is no host name", self.host)).caused_by(error))?;
        let socket = tls.connect(name, socket).await.map_err(|error| {
            Error::needs_user(format!("no TLS connection to {}", self.url()))
                .caused_by(error)
                .remedy("if the server's certificate is your own, name its authority with --ca-file")
        })?;
        self.send(socket, request).await
    }

    fn signed(&self, action: &str, body: Vec<u8>) -> Result<Request<Full<Bytes>>> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let who = Credential {
            secret_id: &self.secret_id,
            secret_key: self.secret_key.expose_secret(),
        };
        let headers = sign_tc3(who, &self.authority, action, &body, now)
            .map_err(|error| Error::bug("the call cannot be signed").caused_by(Error::bug(error.message)))?;
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request
            .header("X-TC-Region", REGION)
            .header("X-TC-Language", "en-US")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Error::bad_input("the SecretId cannot be sent in a header").caused_by(error))
    }

    async fn send<S>(&self, socket: S, request: Request<Full<Bytes>>) -> Result<Bytes>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let lost = |error: hyper::Error| self.unreachable(io::Error::other(error));
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(lost)?;
        let mut connection = std::pin::pin!(connection);
        let mut answer = std::pin::pin!(async {
            let response = sender.send_request(request).await.map_err(lost)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
                .collect()
                .await;
            let body = body.map_err(|error| Error::retry("the answer broke off").caused_by(error))?;
            if status != hyper::StatusCode::OK {
                return Err(
                    Error::needs_user(format!("{} answered HTTP {status}", self.url()))
                        .remedy("check that the address is that of a Tidegate server"),
                );
            }
            Ok(body.to_bytes())
        });
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            ended = &mut connection => {
                ended.map_err(lost)?;
                answer.await
            }
        }
    }

    fn unreachable(&self, cause: io::Error) -> Error {
        Error::retry(format!("cannot reach the server at {}", self.url()))
            .caused_by(cause)
            .remedy("check that `tidegate serve` runs there, and --server (or TIDEGATE_SERVER)")
    }
}

/// The answer inside `{"Response": …}`, or the error that it holds.
fn read_envelope(action: &str, body: &[u8]) -> Result<Value> {
    let strange = || {
        Error::needs_user(format!("the answer to {action} is not that of the wire API"))
            .remedy("check that the address is that of a Tidegate server")
    };
    let mut whole: Value = serde_json::from_slice(body).map_err(|_| strange())?;
    let mut response = whole.get_mut("Response").map(Value::take).ok_or_else(strange)?;
    let Some(error) = response.get_mut("Error") else {
        return Ok(response);
    };
    let text = |name: &str| {
        error
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (code, message) = (text("Code"), text("Message"));
    let refused = Error::new(kind_of(&code), format!("{action} was refused"));
    let refused = refused.caused_by(Error::needs_user(format!("{code}: {message}")));
    Err(match remedy_of(&code) {
        Some(remedy) => refused.remedy(remedy),
        None => refused,
    })
}

fn kind_of(code: &str) -> Kind {
    match code.split('.').next().unwrap_or_default() {
        "ResourceNotFound" => Kind::NotFound,
        "OperationDenied" => Kind::WrongState,
        "InvalidParameter" | "InvalidParameterValue" | "MissingParameter" | "UnknownParameter" => {
            Kind::BadInput
        }
        "RequestLimitExceeded" => Kind::Retry,
        "InternalError" => Kind::Bug,
        _ => Kind::NeedsUser,
    }
}

fn remedy_of(code: &str) -> Option<&'static str> {
    match code {
        "AuthFailure.SignatureExpire" => {
            Some("the clocks of this machine and the server differ by over 300 s: set them")
        }
        _ if code.starts_with("AuthFailure") => Some(
            "check SecretId and SecretKey: --credentials FILE, or TIDEGATE_SECRET_ID and TIDEGATE_SECRET_KEY",
        ),
        _ if code.starts_with("ResourceNotFound") => Some("see the jobs there are with `tidegate job list`"),
        _ if code.starts_with("OperationDenied") => {
            Some("see the job's state and what it allows with `tidegate job show JOB`")
        }
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Address {
    tls: bool,
    host: String,
    port: u16,
}

impl Address {
    fn parse(url: &str) -> Result<Address> {
        let bad = |why: &str| {
            Error::bad_input(format!("`{url}` is no server address: {why}"))
                .remedy("write it as http://HOST:PORT or https://HOST")
        };
        let (tls, rest) = if let Some(rest) = url.strip_prefix("https://") {
            (true, rest)
        } else if let Some(rest) = url.strip_prefix("http://") {
            (false, rest)
        } else {
            return Err(bad("it begins with neither http:// nor https://"));
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(bad("it has more than host and port"));
        }
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        if host.is_empty() {
            return Err(bad("it has no host"));
        }
        let port = match port {
            Some(port) => port.parse().map_err(|_| bad("the port is no number"))?,
            None if tls => 443,
            None => 80,
        };
        Ok(Address {
            tls,
            host: host.to_owned(),
            port,
        })
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    fn is_local(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    }
}

fn connector(ca_file: Option<&Path>) -> Result<TlsConnector> {
    let system = || SYSTEM_ROOTS.iter().map(Path::new).find(|path| path.exists());
    let file = ca_file.or_else(system).ok_or_else(|| {
        Error::needs_user("this system has no trusted certificates")
            .remedy("name a file of them with --ca-file")
    })?;
    let unreadable = |error: rustls_pki_types::pem::Error| {
        Error::needs_user(format!("cannot read certificates from {}", file.display())).caused_by(error)
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
        let added = roots.add(certificate.map_err(unreadable)?);
        // A system's bundle may hold some that the verifier cannot use; a named file must be good.
        if let (Err(error), Some(_)) = (added, ca_file) {
            return Err(
                Error::needs_user(format!("a certificate in {} is unfit", file.display())).caused_by(error),
            );
        }
    }
    if roots.is_empty() {
        return Err(Error::needs_user(format!(
            "{} holds no certificate",
            file.display()
        )));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::bug("no TLS version to use").caused_by(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests;
