//! Tables, columns and keys from the catalog, few queries for many tables.
//!
//! MariaDB and MySQL 5.7 look into one folder for `TABLE_SCHEMA = '…'` and into one
//! file when the table is named too, but walk everything for a list of names: so
//! questions are asked a schema or a table at a time. The catalog compares names
//! without case there; answers are therefore compared again.

use std::collections::{BTreeMap, BTreeSet};

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Value};
use tidegate_model::Result;
use tidegate_model::schema::{Column, TableName, TableSchema};

use super::column_type::column_type;
use super::keys::{self, IndexPart};
use crate::connect::Version;
use crate::failure::failed;

/// Up to so many tables of a schema are asked for one by one; more of them cost
/// less when the whole schema is read.
const ONE_BY_ONE_MAX: usize = 8;

/// A row of the catalog's TABLES.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: TableName,
    /// `BASE TABLE`, `VIEW`, `SEQUENCE`, `SYSTEM VERSIONED` …
    pub(crate) kind: String,
    pub(crate) engine: String,
    pub(crate) rows: u64,
    pub(crate) data_bytes: u64,
    pub(crate) index_bytes: u64,
    pub(crate) next_auto_increment: Option<u64>,
}

impl Listed {
    /// Holds rows of its own, history or not.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.kind.as_str(), "BASE TABLE" | "SYSTEM VERSIONED")
    }
}

/// What one question to the catalog is about.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) schema: String,
    pub(crate) table: Option<String>,
}

impl Scope {
    pub(crate) fn schema(name: &str) -> Scope {
        Scope {
            schema: name.to_owned(),
            table: None,
        }
    }

    fn condition(&self) -> String {
        let mut condition = format!("TABLE_SCHEMA = {}", literal(&self.schema));
        if let Some(table) = &self.table {
            condition.push_str(&format!(" AND TABLE_NAME = {}", literal(table)));
        }
        condition
    }

    pub(crate) fn of(names: &[TableName]) -> Vec<Scope> {
        let mut by_schema: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in names {
            by_schema.entry(&name.schema).or_default().push(&name.table);
        }
        let mut scopes = Vec::new();
        for (schema, tables) in by_schema {
            if tables.len() > ONE_BY_ONE_MAX {
                scopes.push(Scope::schema(schema));
                continue;
            }
            scopes.extend(tables.into_iter().map(|table| Scope {
                schema: schema.to_owned(),
                table: Some(table.to_owned()),
            }));
        }
        scopes
    }
}

/// A text as a literal of the server; our sessions take backslashes as escapes.
pub(crate) fn literal(text: &str) -> String {
    Value::from(text).as_sql(false)
}

/// These tables as they are now. Those that are not there are left out; the order
/// is by schema, then table.
pub(crate) async fn read_tables(
    conn: &mut Conn,
    version: Version,
    names: &[TableName],
) -> Result<Vec<TableSchema>> {
    show_hidden_keys(conn, version).await?;
    let wanted: BTreeSet<&TableName> = names.iter().collect();
    let mut found = Vec::new();
    for scope in Scope::of(names) {
        let mut listed = list(conn, &scope).await?;
        listed.retain(|table| table.is_table() && wanted.contains(&table.name));
        if !listed.is_empty() {
            found.extend(read_schemas(conn, version, &scope, &listed).await?);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// MySQL's generated invisible primary keys can be left out of the catalog's answers;
/// the log holds them all the same.
pub(crate) async fn show_hidden_keys(conn: &mut Conn, version: Version) -> Result<()> {
    if version.is_mariadb() || version.number < (8, 0, 30) {
        return Ok(());
    }
    conn.query_drop("SET SESSION show_gipk_in_create_table_and_information_schema = ON")
        .await
        .map_err(failed("setting up a session"))
}

pub(crate) async fn list(conn: &mut Conn, scope: &Scope) -> Result<Vec<Listed>> {
    type Row = (
        String,
        String,
        String,
        Option<String>,
        Option<u64>,
        Option<u64>,
        Option<u64>,
        Option<u64>,
    );
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, INDEX_LENGTH, AUTO_INCREMENT \
         FROM information_schema.TABLES WHERE {}",
        scope.condition()
    );
    let rows: Vec<Row> = conn.query(sql).await.map_err(failed("listing tables"))?;
    let listed = rows
        .into_iter()
        .map(|(schema, table, kind, engine, rows, data, index, next)| Listed {
            name: TableName::new(schema, table),
            kind,
            engine: engine.unwrap_or_default(),
            rows: rows.unwrap_or(0),
            data_bytes: data.unwrap_or(0),
            index_bytes: index.unwrap_or(0),
            next_auto_increment: next,
        });
    Ok(listed.filter(|table| table.name.schema == scope.schema).collect())
}

/// The schemas of tables that were listed within the scope.
pub(crate) async fn read_schemas(
    conn: &mut Conn,
    version: Version,
    scope: &Scope,
    listed: &[Listed],
) -> Result<Vec<TableSchema>> {
    let mut columns = read_columns(conn, scope).await?;
    let mut indexes = read_unique_indexes(conn, scope).await?;
    let mut schemas = Vec::with_capacity(listed.len());
    for table in listed {
        // A table that was dropped since it was listed has no columns.
        let Some(columns) = columns.remove(&table.name) else {
            continue;
        };
        let parts = indexes.remove(&table.name).unwrap_or_default();
        let hashed = version.is_mariadb() && table.engine.eq_ignore_ascii_case("InnoDB");
        schemas.push(TableSchema {
            row_key: keys::row_key(&columns, &parts, hashed),
            name: table.name.clone(),
            columns,
            rows_estimate: table.rows,
            bytes_estimate: table.data_bytes,
        });
    }
    Ok(schemas)
}

async fn read_columns(conn: &mut Conn, scope: &Scope) -> Result<BTreeMap<TableName, Vec<Column>>> {
    type Row = (
        String,
        String,
        String,
        String,
        String,
        Option<String>,
        String,
        String,
    );
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME, IS_NULLABLE, EXTRA \
         FROM information_schema.COLUMNS WHERE {} ORDER BY TABLE_NAME, ORDINAL_POSITION",
        scope.condition()
    );
    let rows: Vec<Row> = conn.query(sql).await.map_err(failed("reading columns"))?;
    let mut tables: BTreeMap<TableName, Vec<Column>> = BTreeMap::new();
    for (schema, table, name, data_type, native, charset, nullable, extra) in rows {
        let extra = extra.to_ascii_uppercase();
        let column = Column {
            kind: column_type(&data_type, &native, charset.as_deref()),
            nullable: nullable.eq_ignore_ascii_case("YES"),
            generated: is_generated(&extra),
            auto_increment: extra.contains("AUTO_INCREMENT"),
            name,
            native,
        };
        let table = TableName::new(schema, table);
        tables.entry(table).or_default().push(column);
    }
    Ok(tables)
}

/// `DEFAULT_GENERATED` is a default that is an expression: such a column is written.
fn is_generated(extra: &str) -> bool {
    extra
        .split(|char: char| !char.is_ascii_alphabetic() && char != '_')
        .any(|word| matches!(word, "VIRTUAL" | "STORED" | "PERSISTENT"))
}

async fn read_unique_indexes(conn: &mut Conn, scope: &Scope) -> Result<BTreeMap<TableName, Vec<IndexPart>>> {
    type Row = (String, String, String, Option<String>, Option<u64>, String);
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART, INDEX_TYPE \
         FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND {} \
         ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
        scope.condition()
    );
    let rows: Vec<Row> = conn.query(sql).await.map_err(failed("reading keys"))?;
    let mut tables: BTreeMap<TableName, Vec<IndexPart>> = BTreeMap::new();
    for (schema, table, index, column, prefix, kind) in rows {
        let part = IndexPart {
            index,
            column,
            is_prefix: prefix.is_some(),
            is_hash: kind.eq_ignore_ascii_case("HASH"),
        };
        let table = TableName::new(schema, table);
        tables.entry(table).or_default().push(part);
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_columns_are_told_from_generated_defaults() {
        let check = |extra: &str, expected| assert_eq!(is_generated(extra), expected, "{extra}");
        check("", false);
        check("AUTO_INCREMENT", false);
        check("DEFAULT_GENERATED", false);
        check("DEFAULT_GENERATED ON UPDATE CURRENT_TIMESTAMP", false);
        check("INVISIBLE", false);
        check("VIRTUAL GENERATED", true);
        check("STORED GENERATED INVISIBLE", true);
        check("STORED GENERATED, INVISIBLE", true);
        check("PERSISTENT", true);
    }

    #[test]
    fn few_tables_are_asked_for_one_by_one() {
        let names = |count: usize| -> Vec<TableName> {
            (0..count)
                .map(|number| TableName::new("s", number.to_string()))
                .collect()
        };
        assert_eq!(Scope::of(&names(8)).len(), 8);
        assert_eq!(Scope::of(&names(9)).len(), 1);
    }
}
