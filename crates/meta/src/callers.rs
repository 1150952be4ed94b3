//! Credentials of callers and the audit trail of what they asked for.
//!
//! A secret key is sealed like any other secret. What a role may do is not
//! known here. The trail is bounded: the oldest entries go as new ones come.

use rusqlite::{Connection, Row, params};
use secrecy::SecretString;
use std::sync::Arc;
use tidegate_model::Result;

use crate::database::failed;
use crate::store::{Secrets, Store, put_secrets, secrets};

const CREDENTIAL: &str = "credential";
const SECRET_KEY: &str = "secret key";

/// Entries that are kept: about 20 MB of file, three months of a thousand writes a
/// day. Whoever must keep them longer takes them out before (`tidegate audit`).
pub const AUDIT_KEPT: i64 = 100_000;

#[derive(Debug)]
pub struct CredentialRecord {
    pub secret_id: String,
    pub name: String,
    pub role: String,
    pub enabled: bool,
    pub created_ms: i64,
    /// Never shown by `{:?}`.
    pub secret_key: SecretString,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub at_ms: i64,
    pub caller: String,
    pub action: String,
    pub subject: String,
    pub outcome: String,
}

impl Store {
    /// Writes a credential, new or known, with its secret key.
    pub async fn put_credential(&self, record: CredentialRecord) -> Result<()> {
        const DOING: &str = "writing a credential";
        const SQL: &str = "INSERT INTO credentials (secret_id, name, role, enabled, created_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (secret_id) DO UPDATE SET name = ?2, role = ?3, enabled = ?4";
        let key = Arc::clone(&self.key);
        let write = move |db: &Connection| {
            let id = record.secret_id;
            let values = params![id, record.name, record.role, record.enabled, record.created_ms];
            db.execute(SQL, values).map_err(failed(DOING))?;
            let secrets = Secrets::from([(SECRET_KEY.to_owned(), record.secret_key)]);
            put_secrets(db, &key, (CREDENTIAL, &id), &secrets)
        };
        self.database.call(DOING, write).await
    }

    /// All of them, the oldest first.
    pub async fn credentials(&self) -> Result<Vec<CredentialRecord>> {
        const DOING: &str = "reading credentials";
        const SQL: &str = "SELECT secret_id, name, role, enabled, created_ms FROM credentials ORDER BY created_ms, secret_id";
        let key = Arc::clone(&self.key);
        let read = move |db: &Connection| {
            let of_row = |row: &Row<'_>| {
                Ok(CredentialRecord {
                    secret_id: row.get(0)?,
                    name: row.get(1)?,
                    role: row.get(2)?,
                    enabled: row.get(3)?,
                    created_ms: row.get(4)?,
                    secret_key: SecretString::default(),
                })
            };
            let mut query = db.prepare(SQL).map_err(failed(DOING))?;
            let found = query.query_map([], of_row).and_then(Iterator::collect);
            let mut found: Vec<CredentialRecord> = found.map_err(failed(DOING))?;
            for record in &mut found {
                let mut secrets = secrets(db, &key, (CREDENTIAL, &record.secret_id))?;
                record.secret_key = secrets.remove(SECRET_KEY).unwrap_or_default();
            }
            Ok(found)
        };
        self.database.call(DOING, read).await
    }

    pub async fn append_audit(&self, entry: AuditEntry) -> Result<()> {
        self.append_audit_keeping(entry, AUDIT_KEPT).await
    }

    pub(crate) async fn append_audit_keeping(&self, entry: AuditEntry, kept: i64) -> Result<()> {
        const DOING: &str = "writing the audit trail";
        let write = move |db: &Connection| {
            const SQL: &str =
                "INSERT INTO audit (at_ms, caller, action, subject, outcome) VALUES (?1, ?2, ?3, ?4, ?5)";
            let values = params![
                entry.at_ms,
                entry.caller,
                entry.action,
                entry.subject,
                entry.outcome
            ];
            db.execute(SQL, values).map_err(failed(DOING))?;
            let last = db.last_insert_rowid();
            db.execute("DELETE FROM audit WHERE number <= ?1", [last - kept])
                .map(drop)
                .map_err(failed(DOING))
        };
        self.database.call(DOING, write).await
    }

    /// Entries with their numbers, newest first; those below `before` where it is given.
    pub async fn audit(&self, before: Option<i64>, at_most: u32) -> Result<Vec<(i64, AuditEntry)>> {
        const SQL: &str = "SELECT at_ms, caller, action, subject, outcome, number FROM audit \
                           WHERE number < ?1 ORDER BY number DESC LIMIT ?2";
        const DOING: &str = "reading the audit trail";
        let read = move |db: &Connection| {
            let of_row = |row: &Row<'_>| {
                let entry = AuditEntry {
                    at_ms: row.get(0)?,
                    caller: row.get(1)?,
                    action: row.get(2)?,
                    subject: row.get(3)?,
                    outcome: row.get(4)?,
                };
                Ok((row.get(5)?, entry))
            };
            let mut query = db.prepare(SQL).map_err(failed(DOING))?;
            let before = before.unwrap_or(i64::MAX);
            let found = query
                .query_map(params![before, at_most], of_row)
                .and_then(Iterator::collect);
            found.map_err(failed(DOING))
        };
        self.database.call(DOING, read).await
    }
}
