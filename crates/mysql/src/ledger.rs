//! What a job has done, kept on the target beside the data: checkpoint, chunk marks,
//! schemas. One database of ours, made at the first write and removed with the last job.
//!
//! Source of the rule: a mark counts only if it commits with the rows it speaks of, so
//! the texts of marks and checkpoints are given out to be run in the data's transaction.

use std::sync::Arc;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_link::{Checkpoint, Chunk, ChunkMark};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Result};

use crate::CONTROL_SCHEMA as SCHEMA;
use crate::failure::{code_of, failed};

/// Bytes of one statement that writes many marks or schemas.
const STATEMENT_BYTES: usize = 512 << 10;
const NO_SUCH_DATABASE: u16 = 1049;
const NO_SUCH_TABLE: u16 = 1146;

pub(crate) async fn make(conn: &mut Conn) -> Result<()> {
    let name = "VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL";
    let tables = [
        format!("CREATE DATABASE IF NOT EXISTS {SCHEMA} DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"),
        format!(
            "CREATE TABLE IF NOT EXISTS {SCHEMA}.checkpoint (job_id {name}, body LONGTEXT NOT NULL, \
             PRIMARY KEY (job_id)) ENGINE=InnoDB"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {SCHEMA}.chunk (job_id {name}, db {name}, tbl {name}, \
             number INT UNSIGNED NOT NULL, body LONGTEXT NOT NULL, row_count BIGINT UNSIGNED NULL, \
             PRIMARY KEY (job_id, db, tbl, number)) ENGINE=InnoDB"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {SCHEMA}.table_schema (job_id {name}, db {name}, tbl {name}, \
             body LONGTEXT NOT NULL, PRIMARY KEY (job_id, db, tbl)) ENGINE=InnoDB"
        ),
    ];
    for sql in tables {
        conn.query_drop(sql)
            .await
            .map_err(failed("making the database for checkpoints on the target"))?;
    }
    Ok(())
}

/// To be run in the transaction that it speaks of.
pub(crate) fn checkpoint_sql(job_id: &str, checkpoint: &Checkpoint) -> Result<Vec<u8>> {
    let body = json(checkpoint)?;
    Ok(format!(
        "REPLACE INTO {SCHEMA}.checkpoint (job_id, body) VALUES ({}, {})",
        text(job_id),
        text(&body)
    )
    .into_bytes())
}

/// To be run in the transaction that loads the chunk. Must change one row.
pub(crate) fn mark_sql(job_id: &str, chunk: &Chunk, rows: u64) -> String {
    format!(
        "UPDATE {SCHEMA}.chunk SET row_count = {rows} WHERE {} AND number = {} AND row_count IS NULL",
        of_table(job_id, &chunk.table),
        chunk.number
    )
}

pub(crate) async fn load_checkpoint(conn: &mut Conn, job_id: &str) -> Result<Option<Checkpoint>> {
    let sql = format!(
        "SELECT body FROM {SCHEMA}.checkpoint WHERE job_id = {}",
        text(job_id)
    );
    let found: Vec<Checkpoint> = read(conn, &sql, "reading the checkpoint on the target").await?;
    Ok(found.into_iter().next())
}

pub(crate) async fn load_chunks(conn: &mut Conn, job_id: &str) -> Result<Vec<ChunkMark>> {
    let sql = format!(
        "SELECT body, row_count FROM {SCHEMA}.chunk WHERE job_id = {} ORDER BY db, tbl, number",
        text(job_id)
    );
    let rows: Vec<(Vec<u8>, Option<u64>)> = rows(conn, &sql, "reading chunk marks on the target").await?;
    rows.into_iter()
        .map(|(body, rows)| {
            Ok(ChunkMark {
                chunk: parse(&body)?,
                rows,
            })
        })
        .collect()
}

pub(crate) async fn load_schemas(conn: &mut Conn, job_id: &str) -> Result<Vec<Arc<TableSchema>>> {
    let sql = format!(
        "SELECT body FROM {SCHEMA}.table_schema WHERE job_id = {} ORDER BY db, tbl",
        text(job_id)
    );
    let found: Vec<TableSchema> = read(conn, &sql, "reading schemas on the target").await?;
    Ok(found.into_iter().map(Arc::new).collect())
}

pub(crate) async fn save_checkpoint(conn: &mut Conn, job_id: &str, checkpoint: &Checkpoint) -> Result<()> {
    make(conn).await?;
    run(
        conn,
        checkpoint_sql(job_id, checkpoint)?,
        "writing the checkpoint",
    )
    .await
}

/// Replaces a table's plan, in one transaction.
pub(crate) async fn save_chunks(
    conn: &mut Conn,
    job_id: &str,
    table: &TableName,
    chunks: &[Chunk],
) -> Result<()> {
    make(conn).await?;
    const DOING: &str = "writing chunk marks";
    let mine = of_table(job_id, table);
    // Asked first, for a DELETE that finds nothing locks the gap that others insert into:
    // two tables whose plans are written at once would deadlock.
    let there: Option<u64> = conn
        .query_first(format!("SELECT 1 FROM {SCHEMA}.chunk WHERE {mine} LIMIT 1"))
        .await
        .map_err(failed(DOING))?;
    run(conn, "BEGIN", DOING).await?;
    if there.is_some() {
        run(conn, format!("DELETE FROM {SCHEMA}.chunk WHERE {mine}"), DOING).await?;
    }
    let rows: Result<Vec<String>> = chunks
        .iter()
        .map(|chunk| {
            Ok(format!(
                "({},{},{},{},{},NULL)",
                text(job_id),
                text(&table.schema),
                text(&table.table),
                chunk.number,
                text(&json(chunk)?)
            ))
        })
        .collect();
    let insert = format!("INSERT INTO {SCHEMA}.chunk (job_id, db, tbl, number, body, row_count) VALUES ");
    insert_many(conn, &insert, rows?, DOING).await?;
    run(conn, "COMMIT", DOING).await
}

pub(crate) async fn save_schemas(conn: &mut Conn, job_id: &str, schemas: &[Arc<TableSchema>]) -> Result<()> {
    make(conn).await?;
    const DOING: &str = "writing schemas";
    let rows: Result<Vec<String>> = schemas
        .iter()
        .map(|schema| {
            Ok(format!(
                "({},{},{},{})",
                text(job_id),
                text(&schema.name.schema),
                text(&schema.name.table),
                text(&json(schema.as_ref())?)
            ))
        })
        .collect();
    let insert = format!("REPLACE INTO {SCHEMA}.table_schema (job_id, db, tbl, body) VALUES ");
    run(conn, "BEGIN", DOING).await?;
    insert_many(conn, &insert, rows?, DOING).await?;
    run(conn, "COMMIT", DOING).await
}

pub(crate) async fn remove_schemas(conn: &mut Conn, job_id: &str, tables: &[TableName]) -> Result<()> {
    for table in tables {
        let sql = format!(
            "DELETE FROM {SCHEMA}.table_schema WHERE {}",
            of_table(job_id, table)
        );
        run(conn, sql, "removing a schema").await?;
    }
    Ok(())
}

/// Removes a table's rows and marks together: neither is there without the other.
pub(crate) async fn clear_table(
    conn: &mut Conn,
    job_id: &str,
    source: &TableName,
    target: &TableName,
) -> Result<()> {
    const DOING: &str = "emptying a table that is to be read again";
    run(conn, "BEGIN", DOING).await?;
    run(
        conn,
        format!("DELETE FROM {}", crate::snapshot::full_name(target)),
        DOING,
    )
    .await?;
    run(
        conn,
        format!("DELETE FROM {SCHEMA}.chunk WHERE {}", of_table(job_id, source)),
        DOING,
    )
    .await?;
    run(conn, "COMMIT", DOING).await
}

pub(crate) async fn forget(conn: &mut Conn, job_id: &str) -> Result<()> {
    const DOING: &str = "removing a job's checkpoint from the target";
    for table in ["chunk", "table_schema", "checkpoint"] {
        let sql = format!("DELETE FROM {SCHEMA}.{table} WHERE job_id = {}", text(job_id));
        match conn.query_drop(sql).await {
            Err(error) if is_missing(&error) => return Ok(()),
            other => other.map_err(failed(DOING))?,
        }
    }
    let left: Option<u64> = conn
        .query_first(format!("SELECT COUNT(*) FROM {SCHEMA}.checkpoint"))
        .await
        .map_err(failed(DOING))?;
    if left == Some(0) {
        run(conn, format!("DROP DATABASE IF EXISTS {SCHEMA}"), DOING).await?;
    }
    Ok(())
}

async fn insert_many(conn: &mut Conn, insert: &str, rows: Vec<String>, doing: &'static str) -> Result<()> {
    let mut sql = String::new();
    for row in rows {
        if sql.len() + row.len() > STATEMENT_BYTES && !sql.is_empty() {
            run(conn, std::mem::take(&mut sql), doing).await?;
        }
        sql.push_str(if sql.is_empty() { insert } else { "," });
        sql.push_str(&row);
    }
    if sql.is_empty() {
        return Ok(());
    }
    run(conn, sql, doing).await
}

async fn run(conn: &mut Conn, sql: impl Into<Vec<u8>>, doing: &'static str) -> Result<()> {
    conn.query_drop(sql.into()).await.map_err(failed(doing))
}

async fn rows<T>(conn: &mut Conn, sql: &str, doing: &'static str) -> Result<Vec<T>>
where
    T: mysql_async::prelude::FromRow + Send + 'static,
{
    match conn.query(sql).await {
        Ok(rows) => Ok(rows),
        // Nothing was ever written here.
        Err(error) if is_missing(&error) => Ok(Vec::new()),
        Err(error) => Err(failed(doing)(error)),
    }
}

async fn read<T: DeserializeOwned>(conn: &mut Conn, sql: &str, doing: &'static str) -> Result<Vec<T>> {
    let bodies: Vec<Vec<u8>> = rows(conn, sql, doing).await?;
    bodies.iter().map(|body| parse(body)).collect()
}

fn is_missing(error: &mysql_async::Error) -> bool {
    matches!(code_of(error), Some(NO_SUCH_DATABASE | NO_SUCH_TABLE))
}

fn of_table(job_id: &str, table: &TableName) -> String {
    format!(
        "job_id = {} AND db = {} AND tbl = {}",
        text(job_id),
        text(&table.schema),
        text(&table.table)
    )
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::bug("a mark does not serialise").caused_by(error))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        Error::unknown(format!("a mark in {SCHEMA} on the target is not readable"))
            .remedy("It was written by another version, or by hand. Start the job anew")
            .caused_by(error)
    })
}

/// A string literal that compares with our columns, which are in utf8mb4.
fn text(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('\'', "\\'")
        .replace('\0', "\\0");
    format!("_utf8mb4'{escaped}'")
}
