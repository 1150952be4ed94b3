//! Consistency checks as they are kept: one JSON body each, without secrets.
//!
//! Keys of differing rows are in a body, in the clear, as the answer for them is.

use rusqlite::{Connection, params};
use serde_json::Value;
use tidegate_model::Result;

use crate::database::failed;
use crate::store::{Store, json};

#[derive(Clone)]
pub struct CompareRecord {
    pub id: String,
    pub job_id: String,
    pub created_ms: i64,
    pub body: Value,
}

/// The body holds keys of rows.
impl std::fmt::Debug for CompareRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CompareRecord({})", self.id)
    }
}

impl Store {
    /// Writes a check, new or known.
    pub async fn put_compare(&self, record: CompareRecord) -> Result<()> {
        const DOING: &str = "writing a consistency check";
        const SQL: &str =
            "INSERT INTO compares VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET body = ?4";
        let write = move |db: &Connection| {
            let values = params![
                record.id,
                record.job_id,
                record.created_ms,
                record.body.to_string()
            ];
            db.execute(SQL, values).map(drop).map_err(failed(DOING))
        };
        self.database.call(DOING, write).await
    }

    /// All checks of all jobs, newest first.
    pub async fn compares(&self) -> Result<Vec<CompareRecord>> {
        const DOING: &str = "reading consistency checks";
        type Row = (String, String, i64, String);
        let read = move |db: &Connection| {
            let rows = || -> rusqlite::Result<Vec<Row>> {
                let mut query = db.prepare(
                    "SELECT id, job_id, created_ms, body FROM compares ORDER BY created_ms DESC, id DESC",
                )?;
                let of_row =
                    |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
                query.query_map([], of_row)?.collect()
            };
            let record = |(id, job_id, created_ms, body): Row| {
                Ok(CompareRecord {
                    id,
                    job_id,
                    created_ms,
                    body: json(&body)?,
                })
            };
            rows().map_err(failed(DOING))?.into_iter().map(record).collect()
        };
        self.database.call(DOING, read).await
    }

    pub async fn remove_compare(&self, id: &str) -> Result<()> {
        const DOING: &str = "removing a consistency check";
        let id = id.to_owned();
        let write = move |db: &Connection| {
            db.execute("DELETE FROM compares WHERE id = ?1", [&id])
                .map(drop)
                .map_err(failed(DOING))
        };
        self.database.call(DOING, write).await
    }
}
