//! Endpoints that the operator registers by name, for jobs to use.
//!
//! Kept in the store with their password sealed. A job looks one up when a
//! check or a run begins, so a changed password counts from the next one on.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tidegate_meta::{EndpointRecord, Secrets};
use tidegate_model::endpoint::{Certificates, Endpoint, EngineKind, Tls};
use tidegate_model::{Error, Kind, Result};

use crate::jobs::{Inner, Jobs};

const PASSWORD: &str = "password";
const CLIENT_KEY: &str = "client key";
/// Endpoints of one server: they are read anew for each listing.
pub const ENDPOINTS_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 60;

/// A registered endpoint without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    #[serde(skip)]
    pub name: String,
    pub engine: EngineKind,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub tls: Tls,
    /// The client's key is kept as a secret, and not given back.
    #[serde(default)]
    pub certificates: Certificates,
}

impl Jobs {
    /// Registers an endpoint, or replaces the one of that name.
    pub async fn put_endpoint(&self, endpoint: Registered, password: SecretString) -> Result<()> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let name = &endpoint.name;
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(good) {
            return Err(
                Error::bad_input("the endpoint's name is not usable").remedy(format!(
                    "Give 1 to {NAME_CHARS_MAX} of letters, digits, `_`, `.` and `-`"
                )),
            );
        }
        if endpoint.host.is_empty() || endpoint.port == 0 {
            return Err(Error::bad_input("an endpoint needs a host and a port"));
        }
        let known = self.endpoints().await?;
        if known.len() >= ENDPOINTS_MAX && !known.iter().any(|have| have.name == *name) {
            return Err(Error::new(
                Kind::WrongState,
                format!("there are {ENDPOINTS_MAX} endpoints already"),
            )
            .remedy("Remove those that are not used"));
        }
        check_certificates(endpoint.tls, &endpoint.certificates)?;
        let mut secrets = Secrets::from([(PASSWORD.to_owned(), password)]);
        if let Some(key) = endpoint.certificates.client_key.clone() {
            secrets.insert(CLIENT_KEY.to_owned(), SecretString::from(key));
        }
        let record = EndpointRecord {
            name: name.clone(),
            body: serde_json::to_value(&endpoint)
                .map_err(|error| Error::bug("an endpoint has no JSON").caused_by(error))?,
            secrets,
        };
        self.inner.store.put_endpoint(record).await
    }

    /// By name.
    pub async fn endpoints(&self) -> Result<Vec<Registered>> {
        let records = self.inner.store.endpoints().await?;
        records.into_iter().map(|record| read(&record)).collect()
    }

    /// Ids of the jobs that name this endpoint and are not over.
    pub fn users_of_endpoint(&self, name: &str) -> Vec<String> {
        let uses = self.all().into_iter().filter(|view| view.job.uses_endpoint(name));
        uses.map(|view| view.job.id.clone()).collect()
    }

    pub async fn remove_endpoint(&self, name: &str) -> Result<()> {
        let users = self.users_of_endpoint(name);
        if !users.is_empty() {
            return Err(Error::new(
                Kind::WrongState,
                format!("the endpoint is used by {}", users.join(", ")),
            )
            .remedy("Stop these jobs, or configure them with another endpoint"));
        }
        if self.inner.store.remove_endpoint(name).await? {
            return Ok(());
        }
        Err(Error::new(Kind::NotFound, "there is no endpoint of that name"))
    }
}

impl Inner {
    /// A registered endpoint with its password, to connect to. `user` goes before its own.
    pub(crate) async fn registered(&self, name: &str) -> Result<Endpoint> {
        let records = self.store.endpoints().await?;
        let record = records.into_iter().find(|record| record.name == name);
        let record = record.ok_or_else(|| {
            Error::needs_user(format!("there is no registered endpoint `{name}`"))
                .remedy(format!("Register it: tidegate endpoint add {name} --url …"))
        })?;
        let known = read(&record)?;
        let secret = |field: &str| {
            let found = record.secrets.get(field);
            found.map(|secret| secret.expose_secret().to_owned())
        };
        Ok(Endpoint {
            engine: known.engine,
            host: known.host,
            port: known.port,
            user: known.user,
            password: secret(PASSWORD).unwrap_or_default(),
            tls: known.tls,
            certificates: Certificates {
                client_key: secret(CLIENT_KEY),
                ..known.certificates
            },
        })
    }
}

/// As much of a PEM text as is kept: a bundle of some 20 authorities.
const PEM_BYTES_MAX: usize = 64 * 1024;

/// Do they go together, and are they what they say?
pub fn check_certificates(tls: Tls, given: &Certificates) -> Result<()> {
    let pem = |name: &str, text: &Option<String>, mark: &str| match text {
        Some(text) if text.len() > PEM_BYTES_MAX => Err(Error::bad_input(format!(
            "the {name} is longer than {PEM_BYTES_MAX} bytes"
        ))
        .remedy("Give only the certificates that this database needs")),
        Some(text) if !text.contains("-----BEGIN ") || !text.contains(mark) => {
            Err(Error::bad_input(format!("the {name} is not in PEM"))
                .remedy(format!("Give a file with `-----BEGIN …{mark}`")))
        }
        _ => Ok(()),
    };
    pem("authority's certificate", &given.ca, "CERTIFICATE-----")?;
    pem("client's certificate", &given.client_cert, "CERTIFICATE-----")?;
    pem("client's key", &given.client_key, "PRIVATE KEY-----")?;
    if given.client_cert.is_some() != given.client_key.is_some() {
        return Err(Error::bad_input("a client's certificate and its key go together")
            .remedy("Give both, or neither"));
    }
    if given.ca.is_some() && tls != Tls::Verified {
        return Err(Error::bad_input(format!(
            "an authority's certificate is given, and TLS `{}` checks none",
            tls.as_str()
        ))
        .remedy("Ask for TLS `verified`"));
    }
    if given.client_cert.is_some() && !matches!(tls, Tls::Verified | Tls::Required) {
        return Err(Error::bad_input(format!(
            "a client's certificate is given, and TLS `{}` may show none",
            tls.as_str()
        ))
        .remedy("Ask for TLS `verified` or `required`"));
    }
    Ok(())
}

fn read(record: &EndpointRecord) -> Result<Registered> {
    let mut known: Registered = serde_json::from_value(record.body.clone()).map_err(|error| {
        Error::needs_user(format!("the stored endpoint {} cannot be read", record.name)).caused_by(error)
    })?;
    known.name.clone_from(&record.name);
    Ok(known)
}
