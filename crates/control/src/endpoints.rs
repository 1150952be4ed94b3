//! Endpoints that the operator registers by name, for jobs to use.
//!
//! Kept in the store with their password sealed. A job looks one up when a
//! check or a run begins, so a changed password counts from the next one on.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tidegate_meta::{EndpointRecord, Secrets};
use tidegate_model::endpoint::{Endpoint, EngineKind, Tls};
use tidegate_model::{Error, Kind, Result};

use crate::jobs::{Inner, Jobs};

const PASSWORD: &str = "password";
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
        let record = EndpointRecord {
            name: name.clone(),
            body: serde_json::to_value(&endpoint)
                .map_err(|error| Error::bug("an endpoint has no JSON").caused_by(error))?,
            secrets: Secrets::from([(PASSWORD.to_owned(), password)]),
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
        let password = record.secrets.get(PASSWORD);
        Ok(Endpoint {
            engine: known.engine,
            host: known.host,
            port: known.port,
            user: known.user,
            password: password.map_or_else(String::new, |password| password.expose_secret().to_owned()),
            tls: known.tls,
        })
    }
}

fn read(record: &EndpointRecord) -> Result<Registered> {
    let mut known: Registered = serde_json::from_value(record.body.clone()).map_err(|error| {
        Error::needs_user(format!("the stored endpoint {} cannot be read", record.name)).caused_by(error)
    })?;
    known.name.clone_from(&record.name);
    Ok(known)
}
