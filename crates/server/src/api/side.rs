//! One end of a job out of the wire API's `DBEndpointInfo`.
//!
//! Access types with host and port connect to that host; `cdb` names an
//! endpoint that the operator registered. What would not be honoured is refused.

use secrecy::SecretString;
use tidegate_control::endpoints::check_certificates;
use tidegate_control::job::{Reach, Side};
use tidegate_model::endpoint::{Certificates, EngineKind, Tls};
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{DBEndpointInfo, DBInfo};

use super::needed;

/// Reached by host and port; how the packets get there is the operator's network.
const BY_HOST: [&str; 9] = [
    "extranet", "intranet", "vpc", "dcg", "vpncloud", "ccn", "cvm", "ipv6", "noProxy",
];
const BY_NAME: &str = "cdb";

/// `ExtraAttr` names of ours: the contract has no place for certificates.
const TLS: &str = "Tls";
const TLS_CA: &str = "TlsCa";
const TLS_CLIENT_CERT: &str = "TlsClientCert";
const TLS_CLIENT_KEY: &str = "TlsClientKey";
const TLS_NAMES: [&str; 4] = [TLS, TLS_CA, TLS_CLIENT_CERT, TLS_CLIENT_KEY];

/// An end with what must not be kept in the clear.
pub(super) struct Given {
    pub(super) side: Side,
    pub(super) password: Option<SecretString>,
    pub(super) client_key: Option<SecretString>,
}

/// `end` is the parameter's name, for messages.
pub(super) fn side(end: &str, given: &DBEndpointInfo) -> Result<Given, ApiError> {
    let name = |part: &str| format!("{end}.{part}");
    let access = needed(given.access_type.clone(), &name("AccessType"))?;
    let kind = needed(given.database_type.clone(), &name("DatabaseType"))?;
    let engine = EngineKind::parse(&kind)
        .ok_or_else(|| ApiError::bad_value(format!("`{end}.DatabaseType` is no known database type")))?;
    refuse_foreign(end, given)?;
    let info = match given.info.as_deref() {
        Some([info]) => info,
        None | Some([]) => return Err(ApiError::missing(&name("Info"))),
        Some(_) => {
            return Err(ApiError::unsupported(&format!(
                "more than one node in `{end}.Info`"
            )));
        }
    };
    let reach = if BY_HOST.contains(&access.as_str()) {
        address(end, info)?
    } else if access == BY_NAME {
        Reach::Registered {
            name: needed(info.instance_id.clone(), &name("Info.0.InstanceId"))?,
            user: info.user.clone(),
        }
    } else {
        return Err(ApiError::bad_value(format!(
            "`{end}.AccessType` must be {BY_NAME} or one of {}",
            BY_HOST.join(", ")
        )));
    };
    let (tls, certificates, client_key) = tls(end, given, info)?;
    let side = Side {
        engine,
        region: needed(given.region.clone(), &name("Region"))?,
        access_type: access,
        reach,
        tls,
        certificates,
    };
    Ok(Given {
        side,
        password: info.password.clone().map(SecretString::from),
        client_key,
    })
}

fn address(end: &str, info: &DBInfo) -> Result<Reach, ApiError> {
    let host = needed(info.host.clone(), &format!("{end}.Info.0.Host"))?;
    // The longest name that the domain name system can hold.
    if host.len() > 253
        || host
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "/@".contains(c))
    {
        return Err(ApiError::bad_value(format!(
            "`{end}.Info.0.Host` is no host name"
        )));
    }
    let port = needed(info.port.filter(|port| *port != 0), &format!("{end}.Info.0.Port"))?;
    let port = u16::try_from(port)
        .map_err(|_| ApiError::bad_value(format!("`{end}.Info.0.Port` must be 1 to 65535")))?;
    let user = needed(info.user.clone(), &format!("{end}.Info.0.User"))?;
    Ok(Reach::Address { host, port, user })
}

/// `EncryptConn` unset: encrypted where the server offers it. `Encrypted` is taken at
/// its word, but names no authority, so the certificate is checked only where `Tls` in
/// `ExtraAttr` says `verified`.
fn tls(
    end: &str,
    given: &DBEndpointInfo,
    info: &DBInfo,
) -> Result<(Tls, Certificates, Option<SecretString>), ApiError> {
    let extra = given.extra_attr.as_deref().unwrap_or_default();
    let value = |name: &str| {
        let found = extra.iter().find(|pair| pair.key.as_deref() == Some(name));
        found.and_then(|pair| pair.value.clone())
    };
    let by_flag = match info.encrypt_conn.as_deref() {
        Some("Encrypted") => Tls::Required,
        Some("UnEncrypted") => Tls::Off,
        _ => Tls::Preferred,
    };
    let tls = match value(TLS) {
        None => by_flag,
        Some(word) => Tls::parse(&word).ok_or_else(|| {
            ApiError::bad_value(format!(
                "`{end}.ExtraAttr` {TLS} must be preferred, required, verified or off"
            ))
        })?,
    };
    let client_key = value(TLS_CLIENT_KEY);
    let certificates = Certificates {
        ca: value(TLS_CA),
        client_cert: value(TLS_CLIENT_CERT),
        client_key: client_key.clone(),
    };
    check_certificates(tls, &certificates)?;
    let kept = Certificates {
        client_key: None,
        ..certificates
    };
    Ok((tls, kept, client_key.map(SecretString::from)))
}

fn refuse_foreign(end: &str, given: &DBEndpointInfo) -> Result<(), ApiError> {
    let unsupported = |what: &str| Err(ApiError::unsupported(&format!("`{end}.{what}`")));
    if given.node_type.as_deref().is_some_and(|node| node != "simple") {
        return unsupported("NodeType other than simple");
    }
    if given.connect_type.is_some() {
        return unsupported("ConnectType");
    }
    let extra = given.extra_attr.as_deref().unwrap_or_default();
    let foreign = |key: &String| !TLS_NAMES.contains(&key.as_str());
    if let Some(key) = extra.iter().filter_map(|pair| pair.key.clone()).find(foreign) {
        return unsupported(&format!("ExtraAttr {key}"));
    }
    for info in given.info.as_deref().unwrap_or_default() {
        if info.account_mode.as_deref() == Some("other") {
            return unsupported("Info.0.AccountMode other");
        }
        if info.tmp_secret_id.is_some() || info.tmp_secret_key.is_some() || info.tmp_token.is_some() {
            return unsupported("Info.0.TmpSecretId, TmpSecretKey and TmpToken");
        }
    }
    Ok(())
}

/// What may be shown of it again: no password and no token.
pub(super) fn without_secrets(mut given: DBEndpointInfo) -> DBEndpointInfo {
    for info in given.info.iter_mut().flatten() {
        info.password = None;
        info.tmp_secret_id = None;
        info.tmp_secret_key = None;
        info.tmp_token = None;
    }
    let secret = |key: Option<&str>| key == Some(TLS_CLIENT_KEY);
    if let Some(extra) = given.extra_attr.as_mut() {
        extra.retain(|pair| !secret(pair.key.as_deref()));
    }
    given
}
