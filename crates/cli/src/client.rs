//! One signed call of the wire API over HTTP/1.1, plain or TLS.
//!
//! A connection a call: the commands ask about once a second, and a server that
//! was restarted in between is met again without further ado. Certificates are
//! always verified. Nothing is tried twice here; callers know what may be.

mod address;
mod trust;

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_model::{Error, Kind, Result};
use tidegate_rpc::ApiError;
use tidegate_rpc::sign::{Credential, sign_operator, sign_tc3};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use self::address::Address;
use crate::database_url::REGION;

/// The server answers from its store; longer means that it hangs.
const CALL_TIME: Duration = Duration::from_secs(30);
/// A list of 100 jobs is below 1 MiB; a cutover record of 100,000 tables below 32 MiB.
const ANSWER_BYTES_MAX: usize = 64 << 20;
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
            Some(trust::connector(ca_file)?)
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
        let body = body_of(request)?;
        let headers = sign_tc3(self.who(), &self.authority, action, &body, now());
        self.exchange(action, (Method::POST, "/"), headers, body).await
    }

    /// For actions that answer nothing but a RequestId.
    pub(crate) async fn tell(&self, action: &str, request: &impl Serialize) -> Result<()> {
        self.call::<Value>(action, request).await.map(drop)
    }

    /// A call of the operator's API; `what` names it in errors.
    pub(crate) async fn operate<T: DeserializeOwned>(
        &self,
        what: &str,
        place: (Method, &str),
        body: Option<&impl Serialize>,
    ) -> Result<T> {
        let body = body.map(body_of).transpose()?.unwrap_or_default();
        let signed = (place.0.as_str(), place.1);
        let headers = sign_operator(self.who(), &self.authority, signed, &body, now());
        self.exchange(what, place, headers, body).await
    }

    fn who(&self) -> Credential<'_> {
        Credential {
            secret_id: &self.secret_id,
            secret_key: self.secret_key.expose_secret(),
        }
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        what: &str,
        (method, path): (Method, &str),
        headers: Result<Vec<(String, String)>, ApiError>,
        body: Vec<u8>,
    ) -> Result<T> {
        let headers = headers
            .map_err(|error| Error::bug("the call cannot be signed").caused_by(Error::bug(error.message)))?;
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .header("X-TC-Region", REGION)
            .header("X-TC-Language", "en-US")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Error::bad_input("the call cannot be sent in HTTP").caused_by(error))?;
        let sent = tokio::time::timeout(CALL_TIME, self.connected(request)).await;
        let late = || {
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {} s", CALL_TIME.as_secs()),
            )
        };
        let answer = read_envelope(what, &sent.map_err(|_| self.unreachable(late()))??)?;
        serde_json::from_value(answer).map_err(|error| {
            Error::bug(format!("the answer to {what} is not of the agreed shape")).caused_by(error)
        })
    }

    async fn connected(&self, request: Request<Full<Bytes>>) -> Result<Bytes> {
        let socket = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| self.unreachable(error))?;
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
        "AuthFailure.UnauthorizedOperation" => Some("ask an owner of the server for a user with that role"),
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

fn body_of(request: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(request).map_err(|error| Error::bug("a request does not serialise").caused_by(error))
}

#[allow(clippy::disallowed_methods, reason = "the one place where it enters")]
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
