//! A chunk into a table: its rows and its mark in one transaction.
//!
//! Two lanes: LOAD DATA LOCAL with the lines that the source's session gave, and
//! INSERT of many rows. LOCAL makes the server turn bad values and clashing keys into
//! warnings (manual, "LOAD DATA", "Nonlocal Versus Local"), so a single warning means:
//! roll back, read again, and let INSERT say what is wrong.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{BatchReceiver, LoadOutcome, LoadTask, Loader};
use tidegate_model::row::{Batch, Encoding, Payload, Row};
use tidegate_model::schema::{Column, ColumnType, TableSchema};
use tidegate_model::{Error, Result};

use crate::connect::Server;
use crate::ddl::quoted;
use crate::failure::{code_of, failed};
use crate::ledger;
use crate::snapshot::full_name;
use crate::types::push_literal;

/// A statement that the target does not answer by then is taken as lost.
const STATEMENT_WAIT_MAX: Duration = Duration::from_secs(600);

pub(crate) struct MysqlLoader {
    server: Server,
    job_id: String,
    statement_bytes: usize,
    conn: Option<Conn>,
}

impl MysqlLoader {
    pub(crate) fn new(server: Server, job_id: &str, statement_bytes: usize) -> MysqlLoader {
        MysqlLoader {
            server,
            job_id: job_id.to_owned(),
            statement_bytes,
            conn: None,
        }
    }
}

#[async_trait]
impl Loader for MysqlLoader {
    async fn load(&mut self, task: &LoadTask, batches: BatchReceiver) -> Result<LoadOutcome> {
        // Taken out for the time of the call: a call that fails or is dropped takes the
        // connection, and with it the open transaction, away.
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.server.row_session().await?,
        };
        begin(&mut conn).await?;
        let loaded = match task.encoding {
            Encoding::Native(_) => load_lines(&mut conn, task, batches).await?,
            Encoding::Neutral => insert_rows(&mut conn, task, batches, self.statement_bytes).await?,
        };
        let rows = match loaded {
            Loaded::Rows(rows) => rows,
            Loaded::Differs(why) => {
                conn.query_drop("ROLLBACK")
                    .await
                    .map_err(failed("rolling back a chunk"))?;
                self.conn = Some(conn);
                return Ok(LoadOutcome::Redo { why });
            }
        };
        let mark = ledger::mark_sql(&self.job_id, &task.chunk, rows);
        conn.query_drop(mark)
            .await
            .map_err(failed("marking a chunk as loaded"))?;
        if conn.affected_rows() != 1 {
            return Err(Error::bug(format!(
                "chunk {} of {} is not planned, or was loaded already",
                task.chunk.number, task.chunk.table
            )));
        }
        conn.query_drop("COMMIT")
            .await
            .map_err(failed("committing a chunk"))?;
        self.conn = Some(conn);
        Ok(LoadOutcome::Loaded { rows })
    }
}

enum Loaded {
    Rows(u64),
    /// The server reported warnings or left rows out.
    Differs(String),
}

async fn begin(conn: &mut Conn) -> Result<()> {
    conn.query_drop("BEGIN")
        .await
        .map_err(failed("beginning a transaction"))
}

/// Columns that take the text as JSON must be told its charset; others take bytes.
fn load_sql(task: &LoadTask) -> String {
    let mut columns = Vec::new();
    let mut set = Vec::new();
    for (at, column) in task.schema.written_columns() {
        if column.kind == ColumnType::Json {
            columns.push(format!("@v{at}"));
            set.push(format!(
                "{} = CONVERT(@v{at} USING utf8mb4)",
                quoted(&column.name)
            ));
        } else {
            columns.push(quoted(&column.name));
        }
    }
    let set = if set.is_empty() {
        String::new()
    } else {
        format!(" SET {}", set.join(", "))
    };
    format!(
        "LOAD DATA LOCAL INFILE 'chunk' INTO TABLE {} CHARACTER SET binary \
         FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({}){set}",
        full_name(&task.target),
        columns.join(",")
    )
}

/// What the stream of a chunk came to; the driver ends the file also after an error.
#[derive(Default)]
struct Sent {
    rows: u64,
    failed: Option<Error>,
    finished: bool,
    /// The reader met a value that this lane cannot carry.
    unfit: bool,
}

async fn load_lines(conn: &mut Conn, task: &LoadTask, batches: BatchReceiver) -> Result<Loaded> {
    let sent = Arc::new(Mutex::new(Sent::default()));
    let noted = Arc::clone(&sent);
    let lines = futures_util::stream::unfold(Some(batches), move |batches| {
        let noted = Arc::clone(&noted);
        async move { next_lines(batches?, &noted).await }
    });
    conn.set_infile_handler(async move { Ok(lines.boxed()) });
    let doing = || failed(format!("loading into {}", task.target));
    let ran = tokio::time::timeout(STATEMENT_WAIT_MAX * 6, conn.query_drop(load_sql(task))).await;
    let mut sent = std::mem::take(&mut *sent.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(error) = sent.failed.take() {
        return Err(error);
    }
    ran.map_err(|_| {
        Error::retry(format!(
            "the target did not answer while loading into {}",
            task.target
        ))
    })?
    .map_err(doing())?;
    if !sent.finished {
        return Err(Error::retry("a chunk's stream ended early"));
    }
    if sent.unfit {
        return Ok(Loaded::Differs(format!(
            "rows of {} hold JSON numbers of type DECIMAL, which text cannot carry",
            task.target
        )));
    }
    let said = conn.info().into_owned();
    match counts(&said) {
        Some((records, 0, 0)) if records == sent.rows => Ok(Loaded::Rows(records)),
        Some((records, skipped, warnings)) => Ok(Loaded::Differs(format!(
            "LOAD DATA took {records} of {} rows of {} with {skipped} skipped and {warnings} warnings",
            sent.rows, task.target
        ))),
        None => Err(Error::unknown(
            "the target's report on LOAD DATA is not understood",
        )),
    }
}

type NextLines = Option<(std::io::Result<Bytes>, Option<BatchReceiver>)>;

async fn next_lines(mut batches: BatchReceiver, sent: &Mutex<Sent>) -> NextLines {
    let mut next = batches.next().await;
    // A batch of values in place of lines: the reader found one that lines can't carry.
    let mut unfit = false;
    while let Ok(Some(Batch {
        payload: Payload::Rows(_),
        ..
    })) = next
    {
        unfit = true;
        next = batches.next().await;
    }
    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    sent.unfit |= unfit;
    let error = match next {
        Ok(Some(batch)) => match batch.payload {
            Payload::Native(lines) => {
                sent.rows += batch.rows;
                return Some((Ok(lines), Some(batches)));
            }
            Payload::Rows(_) => Error::bug("a batch came in two encodings"),
        },
        Ok(None) => {
            sent.finished = true;
            return None;
        }
        Err(error) => error,
    };
    sent.failed = Some(error);
    Some((Err(std::io::Error::other("the chunk's reader failed")), None))
}

/// `Records: 3  Deleted: 0  Skipped: 0  Warnings: 0`.
fn counts(said: &str) -> Option<(u64, u64, u64)> {
    let number = |name: &str| {
        let (_, rest) = said.split_once(name)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    Some((number("Records:")?, number("Skipped:")?, number("Warnings:")?))
}

async fn insert_rows(
    conn: &mut Conn,
    task: &LoadTask,
    mut batches: BatchReceiver,
    statement_bytes: usize,
) -> Result<Loaded> {
    let insert = insert_into(&task.schema, &full_name(&task.target), "INSERT");
    let mut many = ManyRows::new(insert, statement_bytes);
    while let Some(batch) = batches.next().await? {
        let Payload::Rows(rows) = &batch.payload else {
            return Err(Error::bug("a batch came in another encoding than was agreed"));
        };
        for row in rows {
            if let Some((sql, count)) = many.add(&task.schema, row)? {
                insert_exactly(conn, sql, count, task).await?;
            }
        }
    }
    let total = many.total;
    if let Some((sql, count)) = many.rest() {
        insert_exactly(conn, sql, count, task).await?;
    }
    Ok(Loaded::Rows(total))
}

async fn insert_exactly(conn: &mut Conn, sql: Vec<u8>, count: u64, task: &LoadTask) -> Result<()> {
    let doing = format!("inserting into {}", task.target);
    let affected = store(conn, sql, &task.schema, &doing).await?;
    if affected != count {
        return Err(Error::unknown(format!(
            "{doing}: {affected} of {count} rows were taken"
        )));
    }
    Ok(())
}

/// Runs a statement and answers the rows it changed.
pub(crate) async fn execute(conn: &mut Conn, sql: Vec<u8>, doing: &str) -> Result<u64> {
    let ran = tokio::time::timeout(STATEMENT_WAIT_MAX, conn.query_drop(sql)).await;
    ran.map_err(|_| Error::retry(format!("{doing}: the target did not answer")))?
        .map_err(failed(doing))?;
    Ok(conn.affected_rows())
}

/// As `execute`, for statements that store rows. An ENUM can hold number 0, the value of
/// something that was no member (manual, "The ENUM Type"), which a strict session does
/// not store again: such a statement is repeated without strictness, and every warning
/// it gives must be about an ENUM.
pub(crate) async fn store(conn: &mut Conn, sql: Vec<u8>, schema: &TableSchema, doing: &str) -> Result<u64> {
    let has_enum = schema
        .columns
        .iter()
        .any(|column| matches!(column.kind, ColumnType::Enum { .. }));
    if !has_enum {
        return execute(conn, sql, doing).await;
    }
    let ran = tokio::time::timeout(STATEMENT_WAIT_MAX, conn.query_drop(&sql)).await;
    match ran.map_err(|_| Error::retry(format!("{doing}: the target did not answer")))? {
        Ok(()) => Ok(conn.affected_rows()),
        Err(error) if code_of(&error) == Some(DATA_TRUNCATED) => {
            store_no_members(conn, sql, schema, doing).await
        }
        Err(error) => Err(failed(doing)(error)),
    }
}

/// WARN_DATA_TRUNCATED.
const DATA_TRUNCATED: u16 = 1265;

async fn store_no_members(conn: &mut Conn, sql: Vec<u8>, schema: &TableSchema, doing: &str) -> Result<u64> {
    let set =
        "SET @strict = @@SESSION.sql_mode, SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'";
    conn.query_drop(set).await.map_err(failed(doing))?;
    let affected = execute(conn, sql, doing).await?;
    let count = u64::from(conn.get_warnings());
    let warnings: Vec<(String, u16, String)> = conn.query("SHOW WARNINGS").await.map_err(failed(doing))?;
    let about_enum = |text: &str| {
        schema.columns.iter().any(|column| {
            matches!(column.kind, ColumnType::Enum { .. }) && text.contains(&format!("'{}'", column.name))
        })
    };
    let all_known = warnings
        .iter()
        .all(|(_, code, text)| *code == DATA_TRUNCATED && about_enum(text));
    if !all_known || (warnings.len() as u64) < count {
        return Err(
            Error::needs_user(format!("{doing}: a value does not fit its column on the target"))
                .remedy("Compare the table's definition on both sides"),
        );
    }
    conn.query_drop("SET SESSION sql_mode = @strict")
        .await
        .map_err(failed(doing))?;
    Ok(affected)
}

/// `INSERT INTO t (a,b) VALUES `, for the columns that are written.
pub(crate) fn insert_into(schema: &TableSchema, target: &str, verb: &str) -> Vec<u8> {
    let columns: Vec<String> = schema
        .written_columns()
        .map(|(_, column)| quoted(&column.name))
        .collect();
    format!("{verb} INTO {target} ({}) VALUES ", columns.join(",")).into_bytes()
}

/// Statements of many rows, each up to a number of bytes; a larger row goes alone.
pub(crate) struct ManyRows {
    head: Vec<u8>,
    limit: usize,
    sql: Vec<u8>,
    rows: u64,
    pub(crate) total: u64,
}

impl ManyRows {
    pub(crate) fn new(head: Vec<u8>, limit: usize) -> ManyRows {
        ManyRows {
            head,
            limit,
            sql: Vec::new(),
            rows: 0,
            total: 0,
        }
    }

    /// Adds a row; gives a statement and its number of rows when one is full.
    pub(crate) fn add(&mut self, schema: &TableSchema, row: &Row) -> Result<Option<(Vec<u8>, u64)>> {
        self.add_tuple(|tuple| {
            let each = schema.columns.iter().zip(&row.values);
            let written = each.filter(|(column, _)| !column.generated);
            push_tuple(tuple, written, push_literal)
        })
    }

    pub(crate) fn add_tuple(
        &mut self,
        push: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<Option<(Vec<u8>, u64)>> {
        if self.sql.is_empty() {
            self.sql.extend_from_slice(&self.head);
        } else {
            self.sql.push(b',');
        }
        push(&mut self.sql)?;
        self.rows += 1;
        self.total += 1;
        if self.sql.len() < self.limit {
            return Ok(None);
        }
        Ok(self.rest())
    }

    pub(crate) fn rest(&mut self) -> Option<(Vec<u8>, u64)> {
        let rows = std::mem::take(&mut self.rows);
        (rows > 0).then(|| (std::mem::take(&mut self.sql), rows))
    }
}

type PushValue = fn(&mut Vec<u8>, &Column, &tidegate_model::value::Value) -> Result<()>;

pub(crate) fn push_tuple<'a>(
    sql: &mut Vec<u8>,
    values: impl Iterator<Item = (&'a Column, &'a tidegate_model::value::Value)>,
    push: PushValue,
) -> Result<()> {
    sql.push(b'(');
    for (at, (column, value)) in values.enumerate() {
        if at > 0 {
            sql.push(b',');
        }
        push(sql, column, value)?;
    }
    sql.push(b')');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_report_is_read() {
        let said = "Records: 12  Deleted: 0  Skipped: 1  Warnings: 3";
        assert_eq!(counts(said), Some((12, 1, 3)));
        assert_eq!(counts("Rows matched: 1"), None);
    }
}
