//! TLS with one server: what is asked of its certificate, and what a refusal means.
//!
//! Only `Tls::Verified` checks the certificate: authority, host name and dates, by the
//! endpoint's own authorities or else the public ones. Relies on the driver for the
//! handshake, whose errors are told apart here by their words.

use mysql_async::{ClientIdentity, SslOpts};
use tidegate_model::endpoint::{Endpoint, Tls};
use tidegate_model::finding::Finding;
use tidegate_model::{Error, Result};

use crate::precheck::{self, Check};

/// None: not encrypted. On this host there is no network to protect, so `Preferred` asks for nothing.
pub(crate) fn options(endpoint: &Endpoint) -> Result<Option<SslOpts>> {
    let options = match endpoint.tls {
        Tls::Off => return Ok(None),
        Tls::Preferred if endpoint.is_local() => return Ok(None),
        Tls::Preferred | Tls::Required => SslOpts::default().with_danger_accept_invalid_certs(true),
        Tls::Verified => SslOpts::default(),
    };
    let given = &endpoint.certificates;
    let options = match &given.ca {
        Some(ca) if endpoint.tls == Tls::Verified => options
            .with_disable_built_in_roots(true)
            .with_root_certs(vec![ca.clone().into_bytes().into()]),
        _ => options,
    };
    match (&given.client_cert, &given.client_key) {
        (Some(cert), Some(key)) => {
            let (cert, key) = (cert.clone().into_bytes(), key.clone().into_bytes());
            Ok(Some(options.with_client_identity(Some(ClientIdentity::new(
                cert.into(),
                key.into(),
            )))))
        }
        (None, None) => Ok(Some(options)),
        _ => Err(
            Error::needs_user("a client's certificate and its key go together")
                .remedy("Register the endpoint with both, or with neither"),
        ),
    }
}

/// A server that offers no TLS at all.
pub(crate) fn is_lacking(error: &mysql_async::Error) -> bool {
    use mysql_async::{DriverError, Error};
    matches!(error, Error::Driver(DriverError::NoClientSslFlagFromServer))
}

/// Words of the driver's error, what it means, and what to do. The first that fits counts.
const MEANINGS: [(&[&str], &str, &str); 6] = [
    (
        &["NotValidForName"],
        "its certificate is for another host name",
        "Name the host as the certificate does, or have one made with this host in subjectAltName \
         (a common name alone does not count, and those that MySQL makes by itself have no more)",
    ),
    (
        &["Expired", "NotValidYet"],
        "its certificate has expired or is not valid yet",
        "Renew the server's certificate, and check the clocks of both machines",
    ),
    (
        &["UnknownIssuer", "BadSignature", "CaUsedAsEndEntity", "SelfSigned"],
        "its certificate is not from an authority that is trusted here",
        "Give the authority's certificate with the endpoint (--tls-ca, or ?tls=verified&ca=FILE in the address); \
         TLS `required` encrypts without checking it",
    ),
    (
        &["NoRootAnchors", "NoItemsFound", "Pem"],
        "the authority's certificate that is given cannot be read",
        "Give a PEM file with `-----BEGIN CERTIFICATE-----`",
    ),
    (
        &[
            "KeyMismatch",
            "KeysMismatch",
            "No key found",
            "failed to parse private key",
            "InconsistentKeys",
        ],
        "the client's certificate and key that are given do not belong together",
        "Give the certificate and the key that were made together, both in PEM",
    ),
    (
        &[
            "CertificateRequired",
            "HandshakeFailure",
            "BadCertificate",
            "UnknownCA",
            "AccessDenied",
            "CertificateUnknown",
            "DecryptError",
        ],
        "it refuses the client's certificate, or wants one",
        "Give a certificate and key that the server trusts (--tls-cert and --tls-key)",
    ),
];

/// An error of TLS, if it is one; `place` is host and port.
pub(crate) fn refused(place: &str, error: &mysql_async::Error) -> Option<Error> {
    let doing = |why: &str| Error::needs_user(format!("TLS with {place}: {why}"));
    if is_lacking(error) {
        return Some(doing("the server offers none").remedy(
            "Switch TLS on at the server (ssl_cert, ssl_key), or ask for `off` where the network is yours",
        ));
    }
    let mysql_async::Error::Io(_) = error else {
        return None;
    };
    let words = format!("{error} {error:?}");
    let fits = |all: &[&str]| all.iter().any(|word| words.contains(word));
    let (_, why, remedy) = MEANINGS.iter().find(|(all, _, _)| fits(all))?;
    Some(doing(why).remedy(*remedy))
}

/// How well the way to this server is protected: a warning where nobody would notice a stranger.
pub(crate) fn finding(endpoint: &Endpoint, end: &'static str) -> Finding {
    let looked_at = format!(
        "TLS {} to {}:{}",
        endpoint.tls.as_str(),
        endpoint.host,
        endpoint.port
    );
    let check: Check = precheck::check(precheck::WARNINGS, end, looked_at);
    let remedy = "Ask for TLS `verified`, with the authority's certificate where it is not a public one";
    match endpoint.tls {
        Tls::Verified => check.pass(),
        Tls::Required => check.warning(
            "the server's certificate is not checked: whoever stands between can read and change what is moved",
            remedy,
        ),
        Tls::Preferred | Tls::Off if endpoint.is_local() => check.pass(),
        Tls::Preferred => check.warning(
            "the connection is encrypted only if the server offers it, and its certificate is not checked: \
             whoever stands between can read and change what is moved",
            remedy,
        ),
        Tls::Off => check.warning(
            "the connection is not encrypted: whoever stands between can read and change what is moved",
            remedy,
        ),
    }
}
