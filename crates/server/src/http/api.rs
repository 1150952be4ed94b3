//! What each path answers.
//!
//! A call at `/` is always answered with status 200 and exactly
//! `application/json`: public clients read an error's code only then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tidegate_rpc::actions::Action;
use tidegate_rpc::sign::{RequestParts, verify, verify_operator};
use tidegate_rpc::{ApiError, contract, envelope};

use super::{ApiService, OperatorCall, Probes};

/// The wire API's own limit of a request.
const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// A body is read before its signature can be checked, so a slow one must not hold a connection.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
const TEXT: &str = "text/plain; charset=utf-8";

/// One connection's view of the server.
pub(super) struct Pages {
    pub(super) api: Arc<dyn ApiService>,
    pub(super) probes: Arc<dyn Probes>,
    pub(super) peer: SocketAddr,
}

impl Pages {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/" | "" => self.call(request).await,
            "/healthz" => reply(StatusCode::OK, TEXT, "ok\n".to_owned()),
            "/readyz" if self.probes.ready() => reply(StatusCode::OK, TEXT, "ready\n".to_owned()),
            "/readyz" => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not ready\n".to_owned()),
            "/metrics" => reply(
                StatusCode::OK,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                self.probes.metrics(),
            ),
            path if path.starts_with("/operator/") => self.operate(request).await,
            "/version" => reply(StatusCode::OK, TEXT, self.probes.version()),
            _ => reply(StatusCode::NOT_FOUND, TEXT, "no such page\n".to_owned()),
        }
    }

    async fn call(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let mut action = String::new();
        let answer = self.asked(request, &mut action).await;
        self.api.answered(&action, answer.as_ref().err());
        enveloped(answer)
    }

    async fn operate(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        enveloped(self.operated(request).await)
    }

    /// `action` is set as soon as it is known.
    async fn asked(&self, request: Request<Incoming>, action: &mut String) -> Result<Value, ApiError> {
        if !matches!(*request.method(), Method::GET | Method::POST) {
            return Err(ApiError::new(
                "UnsupportedProtocol",
                "a call is made by POST or GET",
            ));
        }
        let received = Received::of(request).await?;
        let verified = verify(&received.parts(), &|id| self.api.secret_key(id), now())?;
        action.clone_from(&verified.action);
        if verified.version != contract::VERSION {
            return Err(ApiError::unknown_version(&verified.version));
        }
        // A known action that is not built says so, whatever its parameters are.
        Action::from_name(&verified.action)?;
        self.api.call(verified, self.peer).await
    }

    async fn operated(&self, request: Request<Incoming>) -> Result<Value, ApiError> {
        let path = request.uri().path().to_owned();
        let received = Received::of(request).await?;
        let secret_id = verify_operator(&received.parts(), &path, &|id| self.api.secret_key(id), now())?;
        let body = if received.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&received.body)
                .map_err(|_| ApiError::malformed("the body is not valid JSON"))?
        };
        let call = OperatorCall {
            secret_id,
            peer: self.peer,
            method: received.method.clone(),
            path,
            body,
        };
        self.api.operate(call).await
    }
}

/// A request with its whole body.
struct Received {
    method: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Received {
    async fn of(request: Request<Incoming>) -> Result<Received, ApiError> {
        let (head, body) = request.into_parts();
        let whole = Limited::new(body, BODY_BYTES_MAX).collect();
        let whole = tokio::time::timeout(BODY_TIME_MAX, whole)
            .await
            .ok()
            .and_then(Result::ok);
        let body = whole.ok_or_else(|| {
            ApiError::new(
                "RequestSizeLimitExceeded",
                format!("the body broke off, took too long, or is longer than {BODY_BYTES_MAX} bytes"),
            )
        })?;
        Ok(Received {
            method: head.method.as_str().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: headers(&head.headers),
            body: body.to_bytes(),
        })
    }

    fn parts(&self) -> RequestParts<'_> {
        RequestParts {
            method: &self.method,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        }
    }
}

/// Unix seconds.
fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default()
}

fn enveloped(answer: Result<Value, ApiError>) -> Response<Full<Bytes>> {
    let id = request_id();
    let body = match answer {
        Ok(answer) => envelope::success(answer, &id),
        Err(error) => envelope::failure(&error, &id),
    };
    reply(StatusCode::OK, envelope::CONTENT_TYPE, body.to_string())
}

/// Bytes that are no UTF-8 cannot be part of a good signature, so they may be lost.
fn headers(map: &hyper::HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    map.iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A random UUID (version 4). Should the system have no randomness left, the id
/// is the nil form: a reply without any id breaks public clients.
fn request_id() -> String {
    let mut bytes = [0_u8; 16];
    if aws_lc_rs::rand::fill(&mut bytes).is_ok() {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default());
    parts.join("-")
}
