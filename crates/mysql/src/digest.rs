//! A table's content as a row count and a 128-bit number, computed by the server.
//!
//! Every row's written columns become one text, none of which can be read two ways;
//! the halves of its SHA-256 are added up as exact decimals over all rows. So order
//! does not matter, and a row that is there twice counts twice. The same content gives
//! the same number on MySQL and MariaDB of any version, but for JSON that one of them
//! keeps as it was written. Expects a session of raw bytes in UTC (`row_session`), and
//! whatever view of the data the caller has opened in it.

mod rows;

use async_trait::async_trait;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{Chunk, Depth, Digester, Named, RowDigest, TableDigest};
use tidegate_model::schema::{Column, ColumnType, TableName, TableSchema};
use tidegate_model::{Error, Result};

use crate::ddl::quoted;
use crate::failure::failed;

/// Names the recipe; to be changed with it.
const FORM: &str = "mysql-sha256-sums-1";

pub(crate) fn digester(conn: Conn) -> Box<dyn Digester> {
    Box::new(ServerDigester { conn })
}

struct ServerDigester {
    conn: Conn,
}

#[async_trait]
impl Digester for ServerDigester {
    async fn digest(&mut self, table: &TableSchema, name: &TableName) -> Result<TableDigest> {
        self.digest_where(Named { table, name }, "").await
    }

    async fn exists(&mut self, name: &TableName) -> Result<bool> {
        rows::exists(&mut self.conn, name).await
    }

    async fn bound_after(&mut self, of: Named<'_>, chunk: &Chunk, rows: u64) -> Result<Option<String>> {
        rows::bound_after(&mut self.conn, of, chunk, rows).await
    }

    async fn digest_chunk(&mut self, of: Named<'_>, chunk: &Chunk, depth: Depth) -> Result<TableDigest> {
        let condition = rows::within(of.table, chunk)?;
        match depth {
            Depth::Content => self.digest_where(of, &condition).await,
            Depth::Presence => rows::count(&mut self.conn, of.name, &condition).await,
        }
    }

    async fn row_digests(
        &mut self,
        of: Named<'_>,
        chunk: &Chunk,
        depth: Depth,
        limit: u64,
    ) -> Result<Vec<RowDigest>> {
        rows::row_digests(&mut self.conn, of, chunk, depth, limit).await
    }

    async fn rows_by_key(
        &mut self,
        of: Named<'_>,
        keys: &[String],
        depth: Depth,
    ) -> Result<Vec<Option<RowDigest>>> {
        rows::rows_by_key(&mut self.conn, of, keys, depth).await
    }

    fn show_key(&self, table: &TableSchema, key: &str) -> Result<String> {
        rows::show_key(table, key)
    }
}

impl ServerDigester {
    /// `condition` is empty, or `WHERE …`.
    async fn digest_where(&mut self, of: Named<'_>, condition: &str) -> Result<TableDigest> {
        type Sums = (u64, Option<String>, Option<String>);
        let name = of.name;
        let doing = || format!("computing the digest of {name}");
        let hashes = row_hashes(of.table, name, condition);
        let sums: Option<Sums> = self
            .conn
            .query_first(format!(
                "SELECT COUNT(*), CAST({} AS CHAR), CAST({} AS CHAR) FROM {hashes}",
                half(1),
                half(17)
            ))
            .await
            .map_err(failed(doing()))?;
        let (rows, high, low) =
            sums.ok_or_else(|| Error::unknown(format!("the server gave no digest of {name}")))?;
        if self.conn.get_warnings() > 0 {
            self.all_hashed(&hashes, name).await?;
        }
        let number = |sum: Option<String>| sum.map_or(Ok(0), |sum| sum.parse::<u128>());
        match (number(high), number(low)) {
            (Ok(high), Ok(low)) => Ok(TableDigest {
                rows,
                digest: format!("{high:032x}{low:032x}"),
                form: FORM,
            }),
            _ => Err(Error::unknown(format!(
                "the server's digest of {name} is not a number"
            ))),
        }
    }

    /// A row's text that does not fit into a packet becomes NULL, with a warning, and
    /// would not be counted. Asked only after a warning, for it costs as much again.
    async fn all_hashed(&mut self, hashes: &str, name: &TableName) -> Result<()> {
        let missing: Option<u64> = self
            .conn
            .query_first(format!("SELECT COUNT(*) - COUNT(h) FROM {hashes}"))
            .await
            .map_err(failed(format!("counting the hashed rows of {name}")))?;
        match missing {
            Some(0) => Ok(()),
            _ => Err(Error::needs_user(format!(
                "{} rows of {name} are too large for the server to compute a digest of",
                missing.unwrap_or_default()
            ))
            .remedy("SET GLOBAL max_allowed_packet = 67108864 on this server")),
        }
    }
}

/// A half of each hash, as a number, over all rows.
fn half(from: u8) -> String {
    format!("SUM(CAST(CONV(SUBSTRING(h,{from},16),16,10) AS UNSIGNED))")
}

/// A derived table of one hash a row. The servers merge it into the outer query, so
/// nothing is written to disk on the way; the price is that each half, and whatever
/// else names `h`, computes the hash for itself.
fn row_hashes(table: &TableSchema, name: &TableName, condition: &str) -> String {
    format!(
        "(SELECT {} AS h FROM {}.{}{}{condition}) AS row_hashes",
        row_hash(table),
        quoted(&name.schema),
        quoted(&name.table),
        if condition.is_empty() { "" } else { " " },
    )
}

fn row_hash(table: &TableSchema) -> String {
    let columns: Vec<String> = table
        .written_columns()
        .map(|(_, column)| never_null(column))
        .collect();
    format!("SHA2(CONCAT_WS(',',{}),256)", columns.join(","))
}

fn never_null(column: &Column) -> String {
    format!("IFNULL({},'N')", expression(column))
}

/// A value as text without commas that is never `N`. Long values are hashed on their
/// own, which keeps a row's text below every server's max_allowed_packet.
fn expression(column: &Column) -> String {
    let name = quoted(&column.name);
    match &column.kind {
        // ZEROFILL would pad by a display width that need not be the same.
        ColumnType::Int { unsigned: true, .. } => format!("CAST({name} AS UNSIGNED)"),
        ColumnType::Int { .. }
        | ColumnType::Decimal { .. }
        | ColumnType::Date
        | ColumnType::Time { .. }
        | ColumnType::DateTime { .. }
        | ColumnType::Timestamp { .. }
        | ColumnType::Year => name,
        ColumnType::Float | ColumnType::Double => double(&name),
        ColumnType::Bit { .. } | ColumnType::Enum { .. } | ColumnType::Set { .. } => {
            format!("CAST({name} AS UNSIGNED)")
        }
        ColumnType::Text { length: Some(_), .. } | ColumnType::Bytes { length: Some(_), .. } => {
            format!("HEX({name})")
        }
        ColumnType::Text { .. } | ColumnType::Bytes { .. } | ColumnType::Json | ColumnType::Geometry => {
            format!("SHA2({name},256)")
        }
        ColumnType::Native => format!("SHA2(CAST({name} AS CHAR),256)"),
    }
}

/// `* 1e0` gives a FLOAT's value and not its six digits, a DOUBLE(m,d)'s and not its
/// scale, and keeps the sign of zero. MySQL cuts a computed double's text at 22
/// characters, which has no room for a sign or a negative exponent beside all digits; so
/// the sign stands apart, and a power of two lifts small numbers, exactly.
fn double(name: &str) -> String {
    // 2^1020, and 2^60 more for those that 2^1020 leaves small.
    const UP: &str = "1.1235582092889474e307";
    const MORE: &str = "1.152921504606847e18";
    let sign = format!("IF({name} < 0,'-','+')");
    format!(
        "CASE WHEN {name} = 0 THEN CONCAT({name} * 1e0) \
         WHEN ABS({name}) >= 1 THEN CONCAT({sign},ABS({name}) * 1e0) \
         WHEN ABS({name}) > 1e-300 THEN CONCAT({sign},'s',ABS({name}) * {UP}) \
         ELSE CONCAT({sign},'t',ABS({name}) * {UP} * {MORE}) END"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_written_columns_count_and_each_in_its_own_form() {
        let column = |name: &str, kind, generated| Column {
            name: name.to_owned(),
            kind,
            native: String::new(),
            nullable: true,
            generated,
            auto_increment: false,
        };
        let int = ColumnType::Int {
            bits: 32,
            unsigned: false,
        };
        let table = TableSchema {
            name: TableName::new("shop", "t"),
            columns: vec![
                column("id", int.clone(), false),
                column("twice", int, true),
                column("note", ColumnType::Json, false),
            ],
            row_key: None,
            rows_estimate: 0,
            bytes_estimate: 0,
        };
        let text = row_hashes(&table, &TableName::new("store", "u`v"), "");
        let expected = "(SELECT SHA2(CONCAT_WS(',',IFNULL(`id`,'N'),IFNULL(SHA2(`note`,256),'N')),256) AS h \
                        FROM `store`.`u``v`) AS row_hashes";
        assert_eq!(text, expected);
    }
}
