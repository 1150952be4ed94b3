//! TC3-HMAC-SHA256, as the wire API's chapter "Signature v3" states it.
//!
//! Lenient where public clients differ: the host's form, the case of the signed
//! action, further signed headers. `UNSIGNED-PAYLOAD` leaves the body out of the
//! signature and is part of the published method.

use aws_lc_rs::{constant_time, digest, hmac};
use serde_json::Value;

use super::{RequestParts, Verified, check_time, form};
use crate::codes::ApiError;
use crate::contract::VERSION;
use crate::operator;

pub(super) const ALGORITHM: &str = "TC3-HMAC-SHA256";
const TERMINATOR: &str = "tc3_request";
const SERVICE: &str = "dts";

/// A caller's pair of identifier and key.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    pub secret_id: &'a str,
    pub secret_key: &'a str,
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({})", self.secret_id)
    }
}

struct Authorization<'a> {
    secret_id: &'a str,
    date: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

fn parse(text: &str) -> Option<Authorization<'_>> {
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in text.strip_prefix(ALGORITHM)?.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        match name {
            "Credential" => credential = Some(value),
            "SignedHeaders" => signed_headers = Some(value),
            "Signature" => signature = Some(value),
            _ => return None,
        }
    }
    let mut scope = credential?.split('/');
    let (secret_id, date, service) = (scope.next()?, scope.next()?, scope.next()?);
    if scope.next() != Some(TERMINATOR) || scope.next().is_some() || service.is_empty() {
        return None;
    }
    Some(Authorization {
        secret_id,
        date,
        service,
        signed_headers: signed_headers?,
        signature: signature?,
    })
}

pub(super) fn verify(
    request: &RequestParts<'_>,
    authorization: &str,
    secrets: &dyn Fn(&str) -> Option<String>,
    now: u64,
) -> Result<Verified, ApiError> {
    let given = check(request, "/", authorization, secrets, now)?;
    Ok(Verified {
        secret_id: given.secret_id.to_owned(),
        action: request.needed_header("X-TC-Action")?.to_owned(),
        version: request.needed_header("X-TC-Version")?.to_owned(),
        region: request.header("X-TC-Region").map(str::to_owned),
        language: request.header("X-TC-Language").map(str::to_owned),
        params: params(request)?,
    })
}

/// The caller of a request to the operator's API: its scope's service and its path are signed.
pub fn verify_operator(
    request: &RequestParts<'_>,
    path: &str,
    secrets: &dyn Fn(&str) -> Option<String>,
    now: u64,
) -> Result<String, ApiError> {
    let text = request.needed_header("authorization")?;
    let given = check(request, path, text, secrets, now)?;
    if given.service != operator::SERVICE {
        return Err(ApiError::signature(format!(
            "the credential's scope must name the service {}",
            operator::SERVICE
        )));
    }
    Ok(given.secret_id.to_owned())
}

fn check<'a>(
    request: &RequestParts<'_>,
    path: &str,
    authorization: &'a str,
    secrets: &dyn Fn(&str) -> Option<String>,
    now: u64,
) -> Result<Authorization<'a>, ApiError> {
    let given = parse(authorization)
        .ok_or_else(|| ApiError::invalid_authorization("`Authorization` is not of the published form"))?;
    let timestamp = request.needed_header("X-TC-Timestamp")?;
    let seconds = check_time(timestamp, now)?;
    if given.date != utc_date(seconds)? {
        return Err(ApiError::signature(
            "the credential's date is not that of X-TC-Timestamp in UTC",
        ));
    }
    let mut names = given.signed_headers.split(';');
    if !names.any(|name| name == "host") {
        return Err(ApiError::signature("SignedHeaders must contain host"));
    }
    let secret = secrets(given.secret_id).ok_or_else(ApiError::secret_id_not_found)?;
    let key = signing_key(&secret, given.date, given.service);
    if any_form_matches(request, path, &given, timestamp, &key)? {
        return Ok(given);
    }
    Err(ApiError::signature(
        "the signature does not match: check the SecretKey, and that host and body are sent as signed",
    ))
}

fn params(request: &RequestParts<'_>) -> Result<Value, ApiError> {
    if request.method == "GET" {
        return form::nest(form::decode(request.query)?);
    }
    if request.body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    // The parser's own message could quote a value.
    let body: Value = serde_json::from_slice(request.body)
        .map_err(|_| ApiError::malformed("the body is not valid JSON"))?;
    if body.is_object() {
        Ok(body)
    } else {
        Err(ApiError::malformed("the body must be a JSON object"))
    }
}

fn any_form_matches(
    request: &RequestParts<'_>,
    path: &str,
    given: &Authorization<'_>,
    timestamp: &str,
    key: &hmac::Key,
) -> Result<bool, ApiError> {
    let payload = payload_hash(request);
    for host in request.host_forms()? {
        for lower_action in [true, false] {
            let headers = canonical_headers(request, given.signed_headers, host, lower_action)?;
            let canonical = [
                request.method,
                path,
                if request.method == "GET" {
                    request.query
                } else {
                    ""
                },
                &headers,
                given.signed_headers,
                &payload,
            ]
            .join("\n");
            let expected = signature(key, timestamp, given.date, given.service, &canonical);
            let (expected, seen) = (expected.as_bytes(), given.signature.as_bytes());
            if constant_time::verify_slices_are_equal(expected, seen).is_ok() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn payload_hash(request: &RequestParts<'_>) -> String {
    const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
    if request.header("X-TC-Content-SHA256") == Some(UNSIGNED) {
        sha256(UNSIGNED.as_bytes())
    } else {
        sha256(request.body)
    }
}

fn canonical_headers(
    request: &RequestParts<'_>,
    signed: &str,
    host: &str,
    lower_action: bool,
) -> Result<String, ApiError> {
    let mut text = String::new();
    for name in signed.split(';') {
        let value = match name {
            "host" => host.to_owned(),
            "x-tc-action" if lower_action => request.needed_header(name)?.to_lowercase(),
            _ => request.needed_header(name)?.to_owned(),
        };
        text.push_str(name);
        text.push(':');
        text.push_str(&value);
        text.push('\n');
    }
    Ok(text)
}

fn signature(key: &hmac::Key, timestamp: &str, date: &str, service: &str, canonical: &str) -> String {
    let text = [
        ALGORITHM,
        timestamp,
        &format!("{date}/{service}/{TERMINATOR}"),
        &sha256(canonical.as_bytes()),
    ]
    .join("\n");
    hex(hmac::sign(key, text.as_bytes()).as_ref())
}

fn signing_key(secret: &str, date: &str, service: &str) -> hmac::Key {
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("TC3{secret}").as_bytes());
    for part in [date, service, TERMINATOR] {
        key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    }
    key
}

fn utc_date(seconds: u64) -> Result<String, ApiError> {
    let seconds = i64::try_from(seconds).map_err(|_| ApiError::malformed("the timestamp is out of range"))?;
    let time = jiff::Timestamp::from_second(seconds)
        .map_err(|_| ApiError::malformed("the timestamp is out of range"))?;
    Ok(time.strftime("%Y-%m-%d").to_string())
}

fn sha256(data: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, data).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The headers of a signed POST of `body`, `Host` among them. `now`: Unix seconds.
pub fn sign_tc3(
    who: Credential<'_>,
    host: &str,
    action: &str,
    body: &[u8],
    now: u64,
) -> Result<Vec<(String, String)>, ApiError> {
    let to = Place {
        service: SERVICE,
        method: "POST",
        path: "/",
        host,
        action,
    };
    let mut pairs = sign(who, &to, body, now)?;
    pairs.push(("X-TC-Version".to_owned(), VERSION.to_owned()));
    Ok(pairs)
}

/// The same for the operator's API. `place` is the method and the path, without a query.
pub fn sign_operator(
    who: Credential<'_>,
    host: &str,
    (method, path): (&str, &str),
    body: &[u8],
    now: u64,
) -> Result<Vec<(String, String)>, ApiError> {
    let to = Place {
        service: operator::SERVICE,
        method,
        path,
        host,
        action: "Operate",
    };
    sign(who, &to, body, now)
}

/// Where a signed request goes, and what it asks.
struct Place<'a> {
    service: &'a str,
    method: &'a str,
    path: &'a str,
    host: &'a str,
    action: &'a str,
}

fn sign(
    who: Credential<'_>,
    to: &Place<'_>,
    body: &[u8],
    now: u64,
) -> Result<Vec<(String, String)>, ApiError> {
    const SIGNED: &str = "content-type;host;x-tc-action";
    let (date, timestamp) = (utc_date(now)?, now.to_string());
    let Place { service, host, .. } = to;
    let lower = to.action.to_lowercase();
    let headers = format!("content-type:application/json\nhost:{host}\nx-tc-action:{lower}\n");
    let canonical = [to.method, to.path, "", &headers, SIGNED, &sha256(body)].join("\n");
    let key = signing_key(who.secret_key, &date, service);
    let signature = signature(&key, &timestamp, &date, service, &canonical);
    let scope = format!("{}/{date}/{service}/{TERMINATOR}", who.secret_id);
    let pairs = [
        (
            "Authorization",
            format!("{ALGORITHM} Credential={scope}, SignedHeaders={SIGNED}, Signature={signature}"),
        ),
        ("Content-Type", "application/json".to_owned()),
        ("Host", (*host).to_owned()),
        ("X-TC-Action", to.action.to_owned()),
        ("X-TC-Timestamp", timestamp),
    ];
    let owned = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
    Ok(owned.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_api_takes_its_own_signature_for_its_own_path_only() {
        let who = Credential {
            secret_id: "id",
            secret_key: "key",
        };
        let secret = |_: &str| Some("key".to_owned());
        let place = ("GET", operator::ENDPOINTS);
        let headers = sign_operator(who, "h", place, b"", 1_700_000_000).expect("signs");
        let seen = |headers: &[(String, String)], method: &str, path: &str| {
            let request = RequestParts {
                method,
                query: "",
                headers,
                body: b"",
            };
            verify_operator(&request, path, &secret, 1_700_000_000)
        };
        assert_eq!(
            seen(&headers, "GET", operator::ENDPOINTS).expect("verifies"),
            "id"
        );
        assert!(seen(&headers, "DELETE", operator::ENDPOINTS).is_err());
        assert!(seen(&headers, "GET", "/operator/endpoints/shop").is_err());
        let wire = sign_tc3(who, "h", "Operate", b"", 1_700_000_000).expect("signs");
        assert!(seen(&wire, "POST", "/").is_err(), "another service");
    }

    /// The published example of the method; the signature is computed apart from
    /// this code, by another implementation.
    #[test]
    fn the_published_example_has_the_known_signature() {
        let body =
            r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
        assert_eq!(
            sha256(body.as_bytes()),
            "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064"
        );
        let headers: Vec<(String, String)> = [
            ("content-type", "application/json; charset=utf-8"),
            ("host", "cvm.tencentcloudapi.com"),
            ("x-tc-action", "DescribeInstances"),
            ("x-tc-version", "2017-03-12"),
            ("x-tc-timestamp", "1551113065"),
            ("authorization", "TC3-HMAC-SHA256 Credential=example/2019-02-25/cvm/tc3_request, \
              SignedHeaders=content-type;host;x-tc-action, Signature=be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let request = RequestParts {
            method: "POST",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        let secret = |_: &str| Some("Gu5t9xGARNpq86cd98joQYCN3*******".to_owned());
        let seen = crate::sign::verify(&request, &secret, 1_551_113_065).expect("verifies");
        assert_eq!(seen.action, "DescribeInstances");
    }
}
