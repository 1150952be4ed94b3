//! A table in pieces, read at one point by several sessions, without a lock on tables
//! that have a row key.
//!
//! MySQL: a transaction becomes visible before it enters `gtid_executed`, so all that
//! the set holds before a session opens is seen by it; the end of the log after the
//! last session opened bounds what any can see. MariaDB: the first session's snapshot
//! tells its exact place (`binlog_snapshot_position`). Tables without a key are
//! read-locked while the sessions open. A server without GTIDs is locked for that moment.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Value as DriverValue};
use tidegate_link::{BatchSender, Chunk, Snapshot, SnapshotReader};
use tidegate_model::row::{Batch, Encoding, Payload, Row};
use tidegate_model::schema::{Column, ColumnType, TableName, TableSchema};
use tidegate_model::{Error, Result};

use crate::binlog::place::Place;
use crate::connect::{Server, close};
use crate::ddl::quoted;
use crate::failure::{code_of, failed};
use crate::json_literal::holds_decimal;
use crate::position::{end_of_log, snapshot_place};
use crate::types::{bound_literal, neutral_expression, push_field, text_expression, value_of_text};

/// Bytes of one batch: large enough for few packets, small beside the memory budget.
const BATCH_BYTES: usize = 256 << 10;
/// A server that sends nothing for so long inside a result is taken as gone.
const ROW_WAIT_MAX: Duration = Duration::from_secs(120);
/// How long we wait for a lock; while we wait, new writers of that table wait behind us.
const LOCK_SECONDS: u32 = 5;
const LOCK_TRIES: u32 = 5;
/// Chunks of one table at most: their marks are rows on the target.
const CHUNKS_MAX: u64 = 10_000;

/// What stays locked while sessions open.
enum Lock<'a> {
    Nothing,
    Tables(&'a [&'a TableName]),
    /// Every table, and commits with them (FLUSH TABLES WITH READ LOCK).
    All,
}

pub(crate) async fn open(server: &Server, tables: &[Arc<TableSchema>], readers: usize) -> Result<Snapshot> {
    let keyless: Vec<&TableName> = tables
        .iter()
        .filter(|table| table.row_key.is_none())
        .map(|table| &table.name)
        .collect();
    let logged = server.is_on("log_bin");
    let lock = if logged && !server.version().is_mariadb() && !has_sets(server) {
        Lock::All
    } else if keyless.is_empty() {
        Lock::Nothing
    } else {
        Lock::Tables(&keyless)
    };
    let (low, high, sessions) = open_sessions(server, lock, readers).await?;
    let reader = |conn| Box::new(MysqlReader { conn }) as Box<dyn SnapshotReader>;
    Ok(Snapshot {
        low: low.position()?,
        high: high.position()?,
        readers: sessions.into_iter().map(reader).collect(),
    })
}

fn has_sets(server: &Server) -> bool {
    server.fact("gtid_mode").eq_ignore_ascii_case("ON")
}

/// Sessions that all see `tables` as they were at one place: the place is exact.
pub(crate) async fn open_exact(
    server: &Server,
    tables: &[Arc<TableSchema>],
    sessions: usize,
) -> Result<(Place, Vec<Conn>)> {
    let names: Vec<&TableName> = tables.iter().map(|table| &table.name).collect();
    let lock = if !server.version().is_mariadb() && !has_sets(server) && server.is_on("log_bin") {
        Lock::All
    } else {
        Lock::Tables(&names)
    };
    let mut locker = server.row_session().await?;
    take_lock(&mut locker, &lock).await?;
    let opened = async {
        let place = {
            let mut conn = server.row_session().await?;
            let place = end_of_log(server, &mut conn).await?;
            close(conn).await;
            place
        };
        Ok::<_, Error>((place, consistent_sessions(server, sessions).await?))
    }
    .await;
    release(locker).await;
    opened
}

async fn open_sessions(server: &Server, lock: Lock<'_>, count: usize) -> Result<(Place, Place, Vec<Conn>)> {
    let mut locker = server.row_session().await?;
    take_lock(&mut locker, &lock).await?;
    let opened = async {
        let mut asking = server.row_session().await?;
        let before = end_of_log(server, &mut asking).await?;
        let mut sessions = consistent_sessions(server, count).await?;
        let low = match (server.version().is_mariadb(), sessions.first_mut()) {
            (true, Some(first)) => snapshot_place(first).await?,
            _ => before,
        };
        Ok::<_, Error>((low, sessions, asking))
    }
    .await;
    release(locker).await;
    let (low, sessions, mut asking) = opened?;
    let high = end_of_log(server, &mut asking).await?;
    close(asking).await;
    Ok((low, high, sessions))
}

/// One after the other: the first one sees no more than those after it.
async fn consistent_sessions(server: &Server, count: usize) -> Result<Vec<Conn>> {
    let mut sessions = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        let mut conn = server.row_session().await?;
        let doing = || failed("opening a consistent session on the source");
        conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            .await
            .map_err(doing())?;
        conn.query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            .await
            .map_err(doing())?;
        sessions.push(conn);
    }
    Ok(sessions)
}

async fn take_lock(conn: &mut Conn, lock: &Lock<'_>) -> Result<()> {
    let (sql, what) = match lock {
        Lock::Nothing => return Ok(()),
        Lock::Tables([]) => return Ok(()),
        Lock::Tables(tables) => {
            let each =
                |table: &&TableName| format!("{}.{} READ", quoted(&table.schema), quoted(&table.table));
            let list: Vec<String> = tables.iter().map(each).collect();
            (
                format!("LOCK TABLES {}", list.join(", ")),
                "the tables without a row key",
            )
        }
        Lock::All => ("FLUSH TABLES WITH READ LOCK".to_owned(), "the source"),
    };
    conn.query_drop(format!("SET SESSION lock_wait_timeout = {LOCK_SECONDS}"))
        .await
        .map_err(failed("setting up a session"))?;
    for _ in 0..LOCK_TRIES {
        match conn.query_drop(&sql).await {
            Ok(()) => return Ok(()),
            Err(error) if code_of(&error) == Some(1205) => {}
            Err(error) => {
                return Err(failed(format!("read-locking {what} for a moment"))(error).remedy(
                    "GRANT LOCK TABLES (and RELOAD for a server without GTIDs) to the source's account",
                ));
            }
        }
    }
    Err(Error::retry(format!(
        "a long transaction on the source keeps {what} from being read-locked for a moment"
    ))
    .remedy("Wait for long transactions on the source to end, or end them"))
}

async fn release(mut locker: Conn) {
    // The end of the session releases the lock as well, whatever this answers.
    let _ = locker.query_drop("UNLOCK TABLES").await;
    close(locker).await;
}

struct MysqlReader {
    conn: Conn,
}

#[async_trait]
impl SnapshotReader for MysqlReader {
    async fn split(&mut self, table: &TableSchema, chunk_bytes: u64) -> Result<Vec<Chunk>> {
        let wanted = table
            .bytes_estimate
            .div_ceil(chunk_bytes.max(1))
            .clamp(1, CHUNKS_MAX);
        let bounds = match key_columns(table) {
            Some(key) if wanted > 1 => self.bounds(table, &key, wanted).await?,
            _ => Vec::new(),
        };
        let mut chunks = Vec::with_capacity(bounds.len() + 1);
        let mut lower = None;
        for upper in bounds.into_iter().map(Some).chain([None]) {
            chunks.push(Chunk {
                table: table.name.clone(),
                number: u32::try_from(chunks.len()).unwrap_or(u32::MAX),
                lower: lower.clone(),
                upper: upper.clone(),
            });
            lower = upper;
        }
        Ok(chunks)
    }

    async fn read(
        &mut self,
        table: &Arc<TableSchema>,
        chunk: &Chunk,
        encoding: Encoding,
        mut out: BatchSender,
    ) -> Result<u64> {
        let text = encoding != Encoding::Neutral;
        let columns: Vec<&Column> = table.written_columns().map(|(_, column)| column).collect();
        let sql = select(table, chunk, &columns, text)?;
        let doing = || failed(format!("reading {}", table.name));
        let mut result = self.conn.query_iter(sql).await.map_err(doing())?;
        let mut filling = Filling::new(table, text);
        let mut total = 0;
        loop {
            let row = tokio::time::timeout(ROW_WAIT_MAX, result.next())
                .await
                .map_err(|_| Error::retry(format!("the source sent no row of {} for too long", table.name)))?
                .map_err(doing())?;
            let Some(row) = row else { break };
            total += 1;
            filling.add(&columns, row.unwrap())?;
            if filling.unfit {
                // Tells the loader that this chunk must be read by value; the rest is not needed.
                out.send(filling.none()).await?;
                break;
            }
            if filling.bytes >= BATCH_BYTES {
                out.send(filling.take()).await?;
            }
        }
        drop(result);
        if filling.rows > 0 {
            out.send(filling.take()).await?;
        }
        out.finish().await?;
        Ok(total)
    }
}

impl MysqlReader {
    /// Upper bounds of all chunks but the last.
    async fn bounds(&mut self, table: &TableSchema, key: &[&Column], wanted: u64) -> Result<Vec<String>> {
        if let [column] = key
            && let ColumnType::Int { .. } = column.kind
            && let Some(bounds) = self.even_bounds(table, column, wanted).await?
        {
            return Ok(bounds);
        }
        self.walked_bounds(table, key, wanted).await
    }

    /// Equal parts of the key's range. None when the keys lie so thin in it that equal
    /// parts would hold very unequal numbers of rows.
    async fn even_bounds(
        &mut self,
        table: &TableSchema,
        column: &Column,
        wanted: u64,
    ) -> Result<Option<Vec<String>>> {
        const THIN: i128 = 4;
        let name = quoted(&column.name);
        let sql = format!("SELECT MIN({name}), MAX({name}) FROM {}", full_name(&table.name));
        let row: Option<(Option<String>, Option<String>)> = self
            .conn
            .query_first(sql)
            .await
            .map_err(failed(format!("splitting {}", table.name)))?;
        let Some((Some(low), Some(high))) = row else {
            return Ok(Some(Vec::new()));
        };
        let (Ok(low), Ok(high)) = (low.parse::<i128>(), high.parse::<i128>()) else {
            return Err(Error::unknown(format!(
                "the key of {} is not a number",
                table.name
            )));
        };
        let span = high - low + 1;
        if span > i128::from(table.rows_estimate.max(1)) * THIN {
            return Ok(None);
        }
        let wanted = i128::from(wanted);
        let bound =
            |part: i128| serde_json::json!([(low + span * part / wanted - 1).to_string()]).to_string();
        Ok(Some((1..wanted).map(bound).collect()))
    }

    /// Every n-th key, by walking the key's index.
    async fn walked_bounds(
        &mut self,
        table: &TableSchema,
        key: &[&Column],
        wanted: u64,
    ) -> Result<Vec<String>> {
        let step = table.rows_estimate.div_ceil(wanted).max(1);
        let list: Vec<String> = key.iter().map(|column| quoted(&column.name)).collect();
        let exprs: Vec<String> = key.iter().map(|column| neutral_expression(column)).collect();
        let mut bounds: Vec<String> = Vec::new();
        while (bounds.len() as u64) < CHUNKS_MAX - 1 {
            let after = bounds.last().map(|bound| above(key, bound)).transpose()?;
            let condition = after.map_or(String::new(), |text| format!("WHERE {text}"));
            let sql = format!(
                "SELECT {} FROM {} {condition} ORDER BY {} LIMIT 1 OFFSET {}",
                exprs.join(","),
                full_name(&table.name),
                list.join(","),
                step - 1
            );
            let row: Option<mysql_async::Row> = self
                .conn
                .query_first(sql)
                .await
                .map_err(failed(format!("splitting {}", table.name)))?;
            let Some(row) = row else { break };
            bounds.push(bound_of(key, row.unwrap())?);
        }
        Ok(bounds)
    }
}

pub(crate) fn key_columns(table: &TableSchema) -> Option<Vec<&Column>> {
    let key = table.row_key.as_ref()?;
    key.columns.iter().map(|at| table.columns.get(*at)).collect()
}

pub(crate) fn full_name(name: &TableName) -> String {
    format!("{}.{}", quoted(&name.schema), quoted(&name.table))
}

fn select(table: &TableSchema, chunk: &Chunk, columns: &[&Column], text: bool) -> Result<String> {
    let expression = if text { text_expression } else { neutral_expression };
    let list: Vec<String> = columns.iter().map(|column| expression(column)).collect();
    let key = key_columns(table).unwrap_or_default();
    let mut conditions = Vec::new();
    if let Some(lower) = &chunk.lower {
        conditions.push(above(&key, lower)?);
    }
    if let Some(upper) = &chunk.upper {
        conditions.push(not_above(&key, upper)?);
    }
    let mut sql = format!("SELECT {} FROM {}", list.join(","), full_name(&table.name));
    if !conditions.is_empty() {
        sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
    }
    // The clustered index gives this order anyway; other keys would have to be sorted by it.
    if table.row_key.as_ref().is_some_and(|key| key.primary) {
        let names: Vec<String> = key.iter().map(|column| quoted(&column.name)).collect();
        sql.push_str(&format!(" ORDER BY {}", names.join(",")));
    }
    Ok(sql)
}

/// `(a, b) > (x, y)` column by column: servers find a range for that, not for the tuple.
pub(crate) fn above(key: &[&Column], bound: &str) -> Result<String> {
    compare(key, bound, ">", ">")
}

pub(crate) fn not_above(key: &[&Column], bound: &str) -> Result<String> {
    compare(key, bound, "<", "<=")
}

/// A bound's literals, one a column of the key.
pub(crate) fn bound_literals(key: &[&Column], bound: &str) -> Result<Vec<String>> {
    serde_json::from_str(bound)
        .ok()
        .filter(|literals: &Vec<String>| literals.len() == key.len() && !literals.is_empty())
        .ok_or_else(|| Error::unknown("a chunk's bound does not fit the table's key"))
}

/// The bound that a row gives: the values of its key as they were read.
pub(crate) fn bound_of(key: &[&Column], values: impl IntoIterator<Item = DriverValue>) -> Result<String> {
    let literals: Result<Vec<String>> = key
        .iter()
        .zip(values)
        .map(|(column, value)| bound_literal(column, &value_of_text(column, bytes_of(value)?)?))
        .collect();
    Ok(serde_json::json!(literals?).to_string())
}

fn compare(key: &[&Column], bound: &str, strictly: &str, last: &str) -> Result<String> {
    let literals = bound_literals(key, bound)?;
    let mut condition = String::new();
    for (at, (column, literal)) in key.iter().zip(&literals).enumerate().rev() {
        let name = quoted(&column.name);
        condition = if at + 1 == key.len() {
            format!("{name} {last} {literal}")
        } else {
            format!("({name} {strictly} {literal} OR ({name} = {literal} AND {condition}))")
        };
    }
    Ok(condition)
}

pub(crate) fn bytes_of(value: DriverValue) -> Result<Option<Vec<u8>>> {
    match value {
        DriverValue::NULL => Ok(None),
        DriverValue::Bytes(bytes) => Ok(Some(bytes)),
        _ => Err(Error::bug("a text result holds a binary value")),
    }
}

/// A batch being filled.
struct Filling<'a> {
    table: &'a Arc<TableSchema>,
    text: bool,
    lines: Vec<u8>,
    neutral: Vec<Row>,
    rows: u64,
    bytes: usize,
    /// A value was met that lines of text can't carry.
    unfit: bool,
}

impl<'a> Filling<'a> {
    fn new(table: &'a Arc<TableSchema>, text: bool) -> Filling<'a> {
        Filling {
            table,
            text,
            lines: Vec::new(),
            neutral: Vec::new(),
            rows: 0,
            bytes: 0,
            unfit: false,
        }
    }

    /// An empty batch of values.
    fn none(&mut self) -> Batch {
        self.rows = 0;
        Batch {
            schema: Arc::clone(self.table),
            payload: Payload::Rows(Vec::new()),
            rows: 0,
            bytes: 1,
        }
    }

    fn add(&mut self, columns: &[&Column], fields: Vec<DriverValue>) -> Result<()> {
        self.rows += 1;
        if self.text {
            if self.lines.capacity() == 0 {
                self.lines.reserve(BATCH_BYTES + BATCH_BYTES / 8);
            }
            for (at, (field, column)) in fields.into_iter().zip(columns).enumerate() {
                if at > 0 {
                    self.lines.push(b'\t');
                }
                let field = bytes_of(field)?;
                self.unfit |= column.kind == ColumnType::Json && field.as_deref().is_some_and(holds_decimal);
                push_field(&mut self.lines, field.as_deref());
            }
            self.lines.push(b'\n');
            self.bytes = self.lines.len();
            return Ok(());
        }
        let values: Result<Vec<_>> = columns
            .iter()
            .zip(fields)
            .map(|(column, field)| value_of_text(column, bytes_of(field)?))
            .collect();
        let row = self.whole_row(values?);
        self.bytes += row.weight();
        self.neutral.push(row);
        Ok(())
    }

    /// Rows are positional against the schema: computed columns are left unset.
    fn whole_row(&self, written: Vec<tidegate_model::value::Value>) -> Row {
        let mut written = written.into_iter();
        let value = |column: &Column| {
            let given = if column.generated { None } else { written.next() };
            given.unwrap_or(tidegate_model::value::Value::Unchanged)
        };
        Row {
            values: self.table.columns.iter().map(value).collect(),
        }
    }

    fn take(&mut self) -> Batch {
        let payload = if self.text {
            Payload::Native(Bytes::from(std::mem::take(&mut self.lines)))
        } else {
            Payload::Rows(std::mem::take(&mut self.neutral))
        };
        Batch {
            schema: Arc::clone(self.table),
            payload,
            rows: std::mem::take(&mut self.rows),
            bytes: std::mem::take(&mut self.bytes) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Column {
        Column {
            name: name.to_owned(),
            kind: ColumnType::Int {
                bits: 32,
                unsigned: false,
            },
            native: "int".to_owned(),
            nullable: false,
            generated: false,
            auto_increment: false,
        }
    }

    #[test]
    fn bounds_of_several_columns_compare_as_tuples() {
        let (a, b) = (column("a"), column("b"));
        let bound = r#"["1","2"]"#;
        assert_eq!(
            above(&[&a, &b], bound).expect("fits"),
            "(`a` > 1 OR (`a` = 1 AND `b` > 2))"
        );
        assert_eq!(
            not_above(&[&a, &b], bound).expect("fits"),
            "(`a` < 1 OR (`a` = 1 AND `b` <= 2))"
        );
        assert_eq!(not_above(&[&a], r#"["7"]"#).expect("fits"), "`a` <= 7");
        assert!(above(&[&a], bound).is_err());
        assert!(above(&[&a], "1; DROP TABLE t").is_err());
    }
}
