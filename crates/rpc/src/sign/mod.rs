//! Who asks: the three signature methods of the wire API.
//!
//! `verify` takes a request's parts as received and the time, and gives the
//! caller, the action and its parameters. Nothing of a request is believed
//! before its signature holds. Secrets never enter an error.

mod form;
mod tc3;
mod v1;

use serde_json::Value;

use crate::codes::ApiError;

pub use tc3::{Credential, sign_operator, sign_tc3, verify_operator};

/// How far a request's time may lie from ours, in seconds, either way.
pub const WINDOW_SECONDS: u64 = 300;

/// A request as received. `query` is the raw text after `?`.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    pub method: &'a str,
    pub query: &'a str,
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

impl std::fmt::Debug for RequestParts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} request, {} body bytes", self.method, self.body.len())
    }
}

impl<'a> RequestParts<'a> {
    fn header(&self, name: &str) -> Option<&'a str> {
        let found = self
            .headers
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    fn needed_header(&self, name: &str) -> Result<&'a str, ApiError> {
        self.header(name).ok_or_else(|| ApiError::missing(name))
    }

    /// Public clients sign a host with its scheme, without it, or without its port.
    fn host_forms(&self) -> Result<Vec<&'a str>, ApiError> {
        let raw = self.needed_header("host")?;
        let bare = raw
            .strip_prefix("https://")
            .or_else(|| raw.strip_prefix("http://"))
            .unwrap_or(raw);
        let mut forms = vec![raw, bare];
        if let Some((name, port)) = bare.rsplit_once(':')
            && port.bytes().all(|byte| byte.is_ascii_digit())
        {
            forms.push(name);
        }
        forms.dedup();
        Ok(forms)
    }
}

/// A request whose signature holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub secret_id: String,
    pub action: String,
    pub version: String,
    pub region: Option<String>,
    pub language: Option<String>,
    /// An object; `A.0.B` names of forms are nested already.
    pub params: Value,
}

/// `secrets` gives the secret key of a SecretId; `now` is in Unix seconds.
pub fn verify(
    request: &RequestParts<'_>,
    secrets: &dyn Fn(&str) -> Option<String>,
    now: u64,
) -> Result<Verified, ApiError> {
    match request.header("authorization") {
        Some(text) if text.starts_with(tc3::ALGORITHM) => tc3::verify(request, text, secrets, now),
        Some(_) => Err(ApiError::invalid_authorization(format!(
            "`Authorization` must begin with {}",
            tc3::ALGORITHM
        ))),
        None => v1::verify(request, secrets, now),
    }
}

fn check_time(text: &str, now: u64) -> Result<u64, ApiError> {
    let given: u64 = text
        .parse()
        .map_err(|_| ApiError::malformed("the timestamp is not a number of Unix seconds"))?;
    if given.abs_diff(now) > WINDOW_SECONDS {
        return Err(ApiError::signature_expired(format!(
            "the request's time is {} s away from the server's; at most {WINDOW_SECONDS} s is allowed: \
             set the caller's clock right",
            given.abs_diff(now)
        )));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::tc3::{Credential, sign_tc3};

    fn secret(id: &str) -> Option<String> {
        (id == "id").then(|| "key".to_owned())
    }

    fn signed(host: &str, body: &str) -> Vec<(String, String)> {
        let who = Credential {
            secret_id: "id",
            secret_key: "key",
        };
        sign_tc3(who, host, "DescribeMigrationJobs", body.as_bytes(), 1_700_000_000).expect("signs")
    }

    fn ask(headers: &[(String, String)], body: &str, now: u64) -> Result<Verified, ApiError> {
        let request = RequestParts {
            method: "POST",
            query: "",
            headers,
            body: body.as_bytes(),
        };
        verify(&request, &secret, now)
    }

    #[test]
    fn what_we_sign_verifies_and_one_changed_byte_does_not() {
        let headers = signed("127.0.0.1:7437", r#"{"Limit":1}"#);
        let seen = ask(&headers, r#"{"Limit":1}"#, 1_700_000_000).expect("verifies");
        assert_eq!(seen.action, "DescribeMigrationJobs");
        assert_eq!(seen.params["Limit"], 1);
        let changed = ask(&headers, r#"{"Limit":2}"#, 1_700_000_000).expect_err("refused");
        assert_eq!(changed.code, "AuthFailure.SignatureFailure");
    }

    #[test]
    fn a_host_may_be_signed_in_three_forms() {
        for form in ["http://127.0.0.1:7437", "127.0.0.1:7437", "127.0.0.1"] {
            let mut headers = signed(form, "{}");
            for (name, value) in &mut headers {
                if name == "Host" {
                    "http://127.0.0.1:7437".clone_into(value);
                }
            }
            assert!(ask(&headers, "{}", 1_700_000_000).is_ok(), "signed as {form}");
        }
        let mut other = signed("elsewhere", "{}");
        other.retain(|(name, _)| name != "Host");
        other.push(("Host".to_owned(), "127.0.0.1:7437".to_owned()));
        assert!(ask(&other, "{}", 1_700_000_000).is_err());
    }

    #[test]
    fn the_window_is_300_seconds_either_way() {
        let headers = signed("h", "{}");
        for (now, good) in [(300, true), (301, false), (-300, true), (-301, false)] {
            let now = 1_700_000_000_u64.saturating_add_signed(now);
            let seen = ask(&headers, "{}", now);
            assert_eq!(seen.is_ok(), good);
            if let Err(error) = seen {
                assert_eq!(error.code, "AuthFailure.SignatureExpire");
            }
        }
    }

    #[test]
    fn unsigned_and_half_signed_requests_are_refused() {
        let skip = vec![("Authorization".to_owned(), "SKIP".to_owned())];
        let seen = ask(&skip, "{}", 0).expect_err("refused");
        assert_eq!(seen.code, "AuthFailure.InvalidAuthorization");
        assert!(ask(&[], "", 0).is_err());
        for text in [
            "",
            " Credential",
            " Credential=id",
            " Credential=a/b/c/d, SignedHeaders=é, Signature=z",
        ] {
            let odd = vec![
                ("Authorization".to_owned(), format!("{}{text}", tc3::ALGORITHM)),
                ("Host".to_owned(), "h".to_owned()),
                ("X-TC-Timestamp".to_owned(), "0".to_owned()),
            ];
            assert!(ask(&odd, "{}", 0).is_err());
        }
    }

    #[test]
    fn an_unknown_secret_id_is_told() {
        let who = Credential {
            secret_id: "other",
            secret_key: "key",
        };
        let headers = sign_tc3(who, "h", "A", b"{}", 1_700_000_000).expect("signs");
        let seen = ask(&headers, "{}", 1_700_000_000).expect_err("refused");
        assert_eq!(seen.code, "AuthFailure.SecretIdNotFound");
    }
}
