//! The store's records and what can be done with them.
//!
//! A record's body is the control plane's JSON and must hold no secret; secrets
//! go beside it, by field, and are sealed here. Every call is one transaction.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tidegate_model::{Error, Result};

use crate::database::{Database, failed};
use crate::seal::{MasterKey, Owner, Sealed};

/// Secrets of one record by field; never shown by `{:?}`.
pub type Secrets = BTreeMap<String, SecretString>;

#[derive(Debug)]
pub struct JobRecord {
    pub id: String,
    /// Unix milliseconds: the order of listings.
    pub created_ms: i64,
    pub status: String,
    pub body: Value,
    pub secrets: Secrets,
}

#[derive(Debug)]
pub struct EndpointRecord {
    pub name: String,
    pub body: Value,
    pub secrets: Secrets,
}

/// Cheap to clone: all clones write through one thread.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) database: Database,
    pub(crate) key: Arc<MasterKey>,
}

const JOB: &str = "job";
const ENDPOINT: &str = "endpoint";

impl Store {
    /// Opens or creates the file. Errors: not writable, of a newer version, not ours.
    pub fn open(path: &Path, key: MasterKey) -> Result<Store> {
        Ok(Store {
            database: Database::open(path)?,
            key: Arc::new(key),
        })
    }

    /// Writes a job, new or known, with all its secrets.
    pub async fn put_job(&self, job: JobRecord) -> Result<()> {
        const DOING: &str = "writing a job";
        let key = Arc::clone(&self.key);
        let write = move |db: &Connection| {
            const SQL: &str = "INSERT INTO jobs VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE \
                               SET created_ms = ?2, status = ?3, body = ?4";
            db.execute(
                SQL,
                params![job.id, job.created_ms, job.status, job.body.to_string()],
            )
            .map_err(failed(DOING))?;
            put_secrets(db, &key, (JOB, &job.id), &job.secrets)
        };
        self.database.call(DOING, write).await
    }

    pub async fn job(&self, id: &str) -> Result<Option<JobRecord>> {
        let mut found = self
            .read_jobs("SELECT * FROM jobs WHERE id = ?1", Some(id.to_owned()))
            .await?;
        Ok(found.pop())
    }

    /// All jobs, newest first.
    pub async fn jobs(&self) -> Result<Vec<JobRecord>> {
        self.read_jobs("SELECT * FROM jobs ORDER BY created_ms DESC, id DESC", None)
            .await
    }

    async fn read_jobs(&self, sql: &'static str, id: Option<String>) -> Result<Vec<JobRecord>> {
        const DOING: &str = "reading jobs";
        let key = Arc::clone(&self.key);
        let read = move |db: &Connection| {
            let rows = rows(db, sql, id, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
            });
            let of_row = |(id, created_ms, status, body): (String, i64, String, String)| {
                let secrets = secrets(db, &key, (JOB, &id))?;
                Ok(JobRecord {
                    body: json(&body)?,
                    id,
                    created_ms,
                    status,
                    secrets,
                })
            };
            rows.map_err(failed(DOING))?.into_iter().map(of_row).collect()
        };
        self.database.call(DOING, read).await
    }

    /// False when there was none.
    pub async fn remove_job(&self, id: &str) -> Result<bool> {
        self.remove("DELETE FROM jobs WHERE id = ?1", JOB, id).await
    }

    pub async fn put_endpoint(&self, endpoint: EndpointRecord) -> Result<()> {
        const DOING: &str = "writing an endpoint";
        let key = Arc::clone(&self.key);
        let write = move |db: &Connection| {
            const SQL: &str =
                "INSERT INTO endpoints VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET body = ?2";
            db.execute(SQL, params![endpoint.name, endpoint.body.to_string()])
                .map_err(failed(DOING))?;
            put_secrets(db, &key, (ENDPOINT, &endpoint.name), &endpoint.secrets)
        };
        self.database.call(DOING, write).await
    }

    /// All endpoints by name.
    pub async fn endpoints(&self) -> Result<Vec<EndpointRecord>> {
        const DOING: &str = "reading endpoints";
        let key = Arc::clone(&self.key);
        let read = move |db: &Connection| {
            let rows = rows(db, "SELECT * FROM endpoints ORDER BY name", None, |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?))
            });
            let of_row = |(name, body): (String, String)| {
                let secrets = secrets(db, &key, (ENDPOINT, &name))?;
                Ok(EndpointRecord {
                    body: json(&body)?,
                    name,
                    secrets,
                })
            };
            rows.map_err(failed(DOING))?.into_iter().map(of_row).collect()
        };
        self.database.call(DOING, read).await
    }

    /// False when there was none.
    pub async fn remove_endpoint(&self, name: &str) -> Result<bool> {
        self.remove("DELETE FROM endpoints WHERE name = ?1", ENDPOINT, name)
            .await
    }

    async fn remove(&self, sql: &'static str, kind: &'static str, id: &str) -> Result<bool> {
        const DOING: &str = "removing a record";
        let id = id.to_owned();
        let write = move |db: &Connection| {
            let removed = db.execute(sql, [&id]).map_err(failed(DOING))?;
            remove_secrets(db, (kind, &id))?;
            Ok(removed > 0)
        };
        self.database.call(DOING, write).await
    }
}

fn rows<T>(
    db: &Connection,
    sql: &str,
    id: Option<String>,
    of_row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut query = db.prepare(sql)?;
    let found = query.query_map(rusqlite::params_from_iter(id), of_row)?;
    found.collect()
}

pub(crate) fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|_| {
        Error::needs_user("a stored record is not JSON").remedy("Restore the data folder from a backup")
    })
}

fn remove_secrets(db: &Connection, (kind, id): (&str, &str)) -> Result<()> {
    const SQL: &str = "DELETE FROM secrets WHERE owner_kind = ?1 AND owner_id = ?2";
    db.execute(SQL, [kind, id])
        .map(drop)
        .map_err(failed("removing secrets"))
}

pub(crate) fn put_secrets(
    db: &Connection,
    key: &MasterKey,
    (kind, id): (&str, &str),
    secrets: &Secrets,
) -> Result<()> {
    remove_secrets(db, (kind, id))?;
    for (field, secret) in secrets {
        let sealed = key.seal(Owner { kind, id, field }, secret.expose_secret())?;
        let values = params![kind, id, field, sealed.nonce, sealed.bytes];
        db.execute("INSERT INTO secrets VALUES (?1, ?2, ?3, ?4, ?5)", values)
            .map_err(failed("writing secrets"))?;
    }
    Ok(())
}

pub(crate) fn secrets(db: &Connection, key: &MasterKey, (kind, id): (&str, &str)) -> Result<Secrets> {
    const SQL: &str = "SELECT field, nonce, sealed FROM secrets WHERE owner_kind = ?1 AND owner_id = ?2";
    let read = || -> rusqlite::Result<Vec<(String, Sealed)>> {
        let mut query = db.prepare(SQL)?;
        let of_row = |row: &Row<'_>| {
            Ok((
                row.get(0)?,
                Sealed {
                    nonce: row.get(1)?,
                    bytes: row.get(2)?,
                },
            ))
        };
        query.query_map([kind, id], of_row)?.collect()
    };
    let mut secrets = Secrets::new();
    for (field, sealed) in read().map_err(failed("reading secrets"))? {
        let secret = key.open_sealed(
            Owner {
                kind,
                id,
                field: &field,
            },
            sealed,
        )?;
        secrets.insert(field, SecretString::from(secret));
    }
    Ok(secrets)
}

#[cfg(test)]
#[path = "store_tests.rs"]
pub(crate) mod tests;
