//! Rows of a chunk, each as its key and a hash: what a check looks at where the
//! digests of a chunk differ.
//!
//! Keys are literals in plain ASCII, as in the bounds of chunks. Order is the key's own on
//! the server that is asked; nothing relies on two servers having the same. No value
//! leaves the server but those of keys.

use std::collections::HashMap;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Row, Value as DriverValue};
use tidegate_link::{Chunk, Depth, Named, RowDigest, TableDigest};
use tidegate_model::schema::{Column, ColumnType, TableName, TableSchema};
use tidegate_model::{Error, Result};

use super::{never_null, row_hash};
use crate::ddl::quoted;
use crate::failure::{code_of, failed};
use crate::snapshot::{above, bound_literals, bound_of, full_name, key_columns, not_above};
use crate::types::neutral_expression;

/// Counts of rows compare with counts only.
const COUNT_FORM: &str = "count";
/// Keys of one statement: its text stays below any server's max_allowed_packet.
const KEYS_AT_ONCE: usize = 100;
/// ER_NO_SUCH_TABLE, ER_BAD_DB_ERROR.
const NO_TABLE: [u16; 2] = [1146, 1049];

pub(super) async fn exists(conn: &mut Conn, name: &TableName) -> Result<bool> {
    match conn
        .query_drop(format!("SELECT 1 FROM {} LIMIT 0", full_name(name)))
        .await
    {
        Ok(()) => Ok(true),
        Err(error) if code_of(&error).is_some_and(|code| NO_TABLE.contains(&code)) => Ok(false),
        Err(error) => Err(failed(format!("looking for {name}"))(error)),
    }
}

/// `WHERE …` for the rows of a chunk; empty for all.
pub(super) fn within(table: &TableSchema, chunk: &Chunk) -> Result<String> {
    let key = key_columns(table).unwrap_or_default();
    let lower = chunk.lower.as_deref().map(|bound| above(&key, bound));
    let upper = chunk.upper.as_deref().map(|bound| not_above(&key, bound));
    let conditions: Vec<String> = lower.into_iter().chain(upper).collect::<Result<_>>()?;
    if conditions.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("WHERE {}", conditions.join(" AND ")))
}

pub(super) async fn count(conn: &mut Conn, name: &TableName, condition: &str) -> Result<TableDigest> {
    let rows: Option<u64> = conn
        .query_first(format!("SELECT COUNT(*) FROM {} {condition}", full_name(name)))
        .await
        .map_err(failed(format!("counting the rows of {name}")))?;
    let rows = rows.ok_or_else(|| Error::unknown(format!("the server gave no count of {name}")))?;
    Ok(TableDigest {
        rows,
        digest: rows.to_string(),
        form: COUNT_FORM,
    })
}

pub(super) async fn bound_after(
    conn: &mut Conn,
    of: Named<'_>,
    chunk: &Chunk,
    rows: u64,
) -> Result<Option<String>> {
    let Some(key) = key_columns(of.table) else {
        return Ok(None);
    };
    let list: Vec<String> = key.iter().map(|column| quoted(&column.name)).collect();
    let sql = format!(
        "SELECT {} FROM {} {} ORDER BY {} LIMIT 1 OFFSET {}",
        key_expressions(&key),
        full_name(of.name),
        within(of.table, chunk)?,
        list.join(","),
        rows.saturating_sub(1)
    );
    let row: Option<Row> = conn
        .query_first(sql)
        .await
        .map_err(failed(format!("splitting {}", of.name)))?;
    row.map(|row| bound_of(&key, row.unwrap())).transpose()
}

pub(super) async fn row_digests(
    conn: &mut Conn,
    of: Named<'_>,
    chunk: &Chunk,
    depth: Depth,
    limit: u64,
) -> Result<Vec<RowDigest>> {
    let key = keyed(of)?;
    let hash = match depth {
        Depth::Content => row_hash(of.table),
        Depth::Presence => "''".to_owned(),
    };
    let sql = format!(
        "SELECT {},{hash} FROM {} {} LIMIT {limit}",
        key_expressions(&key),
        full_name(of.name),
        within(of.table, chunk)?,
    );
    let rows: Vec<Row> = conn
        .query(sql)
        .await
        .map_err(failed(format!("reading the rows of {}", of.name)))?;
    rows.into_iter()
        .map(|row| row_digest(&key, row, of.name))
        .collect()
}

pub(super) async fn rows_by_key(
    conn: &mut Conn,
    of: Named<'_>,
    keys: &[String],
    depth: Depth,
) -> Result<Vec<Option<RowDigest>>> {
    let key = keyed(of)?;
    // Where 'a' and 'A' are one key, a row may be there under another spelling.
    let spellings = key
        .iter()
        .any(|column| !matches!(column.kind, ColumnType::Int { .. }));
    let mut found = Vec::with_capacity(keys.len());
    for some in keys.chunks(KEYS_AT_ONCE) {
        let rows = look_up(conn, of, &key, some, depth).await?;
        let mut rows: HashMap<String, RowDigest> =
            rows.into_iter().map(|row| (row.key.clone(), row)).collect();
        for one in some {
            let mut row = rows.remove(one);
            if row.is_none() && spellings && some.len() > 1 {
                row = look_up(conn, of, &key, std::slice::from_ref(one), depth)
                    .await?
                    .pop();
            } else if row.is_none() && spellings {
                row = rows.drain().next().map(|(_, row)| row);
            }
            found.push(row);
        }
    }
    Ok(found)
}

async fn look_up(
    conn: &mut Conn,
    of: Named<'_>,
    key: &[&Column],
    keys: &[String],
    depth: Depth,
) -> Result<Vec<RowDigest>> {
    let mut list = vec![key_expressions(key)];
    match depth {
        Depth::Content => {
            list.push(row_hash(of.table));
            let each = of.table.written_columns();
            list.extend(each.map(|(_, column)| format!("LEFT(SHA2({},256),16)", never_null(column))));
        }
        Depth::Presence => list.push("''".to_owned()),
    }
    let conditions: Vec<String> = keys.iter().map(|one| same(key, one)).collect::<Result<_>>()?;
    let sql = format!(
        "SELECT {} FROM {} WHERE {}",
        list.join(","),
        full_name(of.name),
        conditions.join(" OR ")
    );
    let rows: Vec<Row> = conn
        .query(sql)
        .await
        .map_err(failed(format!("looking up rows of {}", of.name)))?;
    rows.into_iter()
        .map(|row| row_digest(key, row, of.name))
        .collect()
}

fn keyed<'a>(of: Named<'a>) -> Result<Vec<&'a Column>> {
    key_columns(of.table).ok_or_else(|| Error::bug(format!("{} has no key to look rows up by", of.name)))
}

fn key_expressions(key: &[&Column]) -> String {
    let list: Vec<String> = key.iter().map(|column| neutral_expression(column)).collect();
    list.join(",")
}

fn same(key: &[&Column], bound: &str) -> Result<String> {
    let literals = bound_literals(key, bound)?;
    let each = key.iter().zip(&literals);
    let each: Vec<String> = each
        .map(|(column, literal)| format!("{} = {literal}", quoted(&column.name)))
        .collect();
    Ok(format!("({})", each.join(" AND ")))
}

fn row_digest(key: &[&Column], row: Row, name: &TableName) -> Result<RowDigest> {
    let mut values = row.unwrap();
    if values.len() <= key.len() {
        return Err(Error::bug(format!("a row of {name} came without its hash")));
    }
    let mut hashes = values.split_off(key.len()).into_iter().map(|hash| match hash {
        DriverValue::Bytes(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        _ => Err(
            Error::needs_user(format!("a row of {name} is too large for the server to hash"))
                .remedy("SET GLOBAL max_allowed_packet = 67108864 on this server"),
        ),
    });
    Ok(RowDigest {
        key: bound_of(key, values)?,
        digest: hashes.next().transpose()?.unwrap_or_default(),
        columns: hashes.collect::<Result<_>>()?,
    })
}

/// `id=7`, or `shop=3, code=x`.
pub(super) fn show_key(table: &TableSchema, key: &str) -> Result<String> {
    let columns = key_columns(table).unwrap_or_default();
    let literals = bound_literals(&columns, key)?;
    let each = columns.iter().zip(&literals);
    let each: Vec<String> = each
        .map(|(column, literal)| format!("{}={}", column.name, plain(literal)))
        .collect();
    Ok(each.join(", "))
}

/// A literal without its quotes; bytes that are no text stay hexadecimal.
fn plain(literal: &str) -> String {
    if let Some((_, hex)) = literal.split_once("x'") {
        let hex = hex.trim_end_matches('\'');
        let text = unhex(hex).and_then(|bytes| String::from_utf8(bytes).ok());
        return match text {
            Some(text) if !text.chars().any(char::is_control) => text,
            _ => format!("0x{hex}"),
        };
    }
    literal.trim_matches('\'').to_owned()
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex
        .chars()
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let byte = |pair: &[u32]| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_as_people_read_them() {
        for (literal, shown) in [
            ("7", "7"),
            ("-1.5", "-1.5"),
            ("'2026-01-02'", "2026-01-02"),
            ("_utf8mb4 x'5a6fc3ab'", "Zoë"),
            ("_latin1 x'e4'", "0xe4"),
            ("x'0001'", "0x0001"),
            ("x'6162'", "ab"),
        ] {
            assert_eq!(plain(literal), shown, "{literal}");
        }
    }
}
