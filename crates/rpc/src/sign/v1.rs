//! The two older methods, `HmacSHA1` and `HmacSHA256`, of GET queries and POST forms.
//!
//! Source: the wire API's chapter "Signature v1". The text signed is
//! method, host, path, `?` and all parameters but the signature, decoded, in
//! the order of their names.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{RequestParts, Verified, check_time, form};
use crate::codes::ApiError;

/// Parameters that belong to the call and not to the action.
const COMMON: [&str; 11] = [
    "Action",
    "Version",
    "Region",
    "Language",
    "SecretId",
    "Timestamp",
    "Nonce",
    "Signature",
    "SignatureMethod",
    "RequestClient",
    "Token",
];

pub(super) fn verify(
    request: &RequestParts<'_>,
    secrets: &dyn Fn(&str) -> Option<String>,
    now: u64,
) -> Result<Verified, ApiError> {
    let mut pairs = form::decode(text_of(request)?)?;
    pairs.sort();
    let get = |name: &str| {
        pairs
            .iter()
            .find(|(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    };
    let need = |name: &str| get(name).ok_or_else(|| ApiError::missing(name));

    let given = need("Signature")?;
    check_time(need("Timestamp")?, now)?;
    let algorithm = match get("SignatureMethod") {
        None | Some("" | "HmacSHA1") => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Some("HmacSHA256") => hmac::HMAC_SHA256,
        Some(_) => {
            return Err(ApiError::malformed(
                "`SignatureMethod` must be HmacSHA1 or HmacSHA256",
            ));
        }
    };
    let secret_id = need("SecretId")?;
    let secret = secrets(secret_id).ok_or_else(ApiError::secret_id_not_found)?;
    let key = hmac::Key::new(algorithm, secret.as_bytes());
    let texts = signed_texts(&pairs);
    let hosts = request.host_forms()?;
    let matches = hosts.iter().any(|host| {
        texts.iter().any(|signed| {
            let text = format!("{}{host}/?{signed}", request.method);
            let expected = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
            constant_time::verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok()
        })
    });
    if !matches {
        return Err(ApiError::signature(
            "the signature does not match: check the SecretKey and the host that was signed",
        ));
    }
    let verified = Verified {
        secret_id: secret_id.to_owned(),
        action: need("Action")?.to_owned(),
        version: need("Version")?.to_owned(),
        region: get("Region").map(str::to_owned),
        language: get("Language").map(str::to_owned),
        params: serde_json::Value::Null,
    };
    pairs.retain(|(name, _)| !COMMON.contains(&name.as_str()));
    Ok(Verified {
        params: form::nest(pairs)?,
        ..verified
    })
}

/// The forms in which public clients write the parameters down: in the order of
/// their names or of whole pairs (`L.1` and `L.10` differ in it), and some leave
/// out empty values that they send all the same.
fn signed_texts(pairs: &[(String, String)]) -> Vec<String> {
    let written = |keep_empty: bool| {
        let signed = pairs
            .iter()
            .filter(|(name, value)| name != "Signature" && (keep_empty || !value.is_empty()));
        let signed: Vec<String> = signed.map(|(name, value)| format!("{name}={value}")).collect();
        signed
    };
    let mut texts = Vec::new();
    for mut signed in [written(true), written(false)] {
        texts.push(signed.join("&"));
        signed.sort();
        texts.push(signed.join("&"));
    }
    texts.dedup();
    texts
}

fn text_of<'a>(request: &RequestParts<'a>) -> Result<&'a str, ApiError> {
    if request.method == "GET" {
        return Ok(request.query);
    }
    std::str::from_utf8(request.body).map_err(|_| ApiError::malformed("the form is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(query: &str, now: u64) -> Result<Verified, ApiError> {
        let headers = vec![("Host".to_owned(), "cvm.tencentcloudapi.com".to_owned())];
        let request = RequestParts {
            method: "GET",
            query,
            headers: &headers,
            body: b"",
        };
        verify(
            &request,
            &|_| Some("Gu5t9xGARNpq86cd98joQYCN3*******".to_owned()),
            now,
        )
    }

    const EXAMPLE: &str = "Action=DescribeInstances&InstanceIds.0=ins-09dx96dg&Limit=20&Nonce=11886&Offset=0\
        &Region=ap-guangzhou&SecretId=example&Timestamp=1465185768&Version=2017-03-12";

    #[test]
    fn both_methods_match_signatures_computed_elsewhere() {
        let seen = ask(
            &format!("{EXAMPLE}&Signature=QBBxToaWjm3aGRaC7LqvxIIfAmc%3D"),
            1_465_185_768,
        )
        .expect("verifies");
        assert_eq!(seen.params["InstanceIds"][0], "ins-09dx96dg");
        assert!(seen.params.get("SecretId").is_none());
        let query = format!(
            "{EXAMPLE}&SignatureMethod=HmacSHA256&Signature=R4phY7blUtnLr0GkyJAiGIEfecs3%2FI6X7MMGpYSnRXk%3D"
        );
        assert!(ask(&query, 1_465_185_768).is_ok());
    }

    #[test]
    fn a_changed_parameter_or_an_old_time_is_refused() {
        let changed = EXAMPLE.replace("Limit=20", "Limit=21");
        let seen = ask(
            &format!("{changed}&Signature=QBBxToaWjm3aGRaC7LqvxIIfAmc%3D"),
            1_465_185_768,
        )
        .expect_err("refused");
        assert_eq!(seen.code, "AuthFailure.SignatureFailure");
        let late = ask(
            &format!("{EXAMPLE}&Signature=QBBxToaWjm3aGRaC7LqvxIIfAmc%3D"),
            1_465_186_069,
        )
        .expect_err("refused");
        assert_eq!(late.code, "AuthFailure.SignatureExpire");
    }

    /// `signed` is the text of a client, `sent` what travels beside it.
    fn signs(signed: &str, sent: &str) -> bool {
        let key = hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            b"Gu5t9xGARNpq86cd98joQYCN3*******",
        );
        let text = format!("GETcvm.tencentcloudapi.com/?{signed}");
        let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        let signature = signature
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        ask(&format!("{sent}&Signature={signature}"), 1_465_185_768).is_ok()
    }

    #[test]
    fn both_orders_and_left_out_empty_values_verify() {
        let common = "SecretId=example&Timestamp=1465185768&Version=2017-03-12";
        let by_name = format!("Action=A&L.1=x&L.10=y&Language=&{common}");
        let by_pair = format!("Action=A&L.10=y&L.1=x&Language=&{common}");
        let without = format!("Action=A&L.1=x&L.10=y&{common}");
        // The list's other items, so that its indices have no gap.
        let rest: String = [0, 2, 3, 4, 5, 6, 7, 8, 9].map(|n| format!("L.{n}=z&")).concat();
        let fill = |text: &str| {
            let mut parts: Vec<String> = format!("{rest}{text}").split('&').map(str::to_owned).collect();
            parts.sort_by(|a, b| {
                let name = |pair: &String| pair.split('=').next().unwrap_or_default().to_owned();
                name(a).cmp(&name(b))
            });
            parts.join("&")
        };
        let pairs = |text: &str| {
            let mut parts: Vec<&str> = text.split('&').collect();
            parts.sort_unstable();
            parts.join("&")
        };
        let sent = fill(&by_name);
        assert!(signs(&sent, &sent), "by name");
        assert!(signs(&pairs(&fill(&by_pair)), &sent), "by pair");
        assert!(signs(&fill(&without), &sent), "without the empty one");
        assert!(
            !signs(&fill(&without).replace("L.1=x", "L.1=w"), &sent),
            "changed"
        );
    }
}
