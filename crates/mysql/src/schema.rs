//! What a server holds of the chosen objects: databases, tables, views, stored objects.
//!
//! Reads information_schema a schema at a time and the server's own CREATE texts one
//! by one. The answers are not one transaction's: an object that vanishes between two
//! questions is left out, and the log tells of it. Never reads a row of a user's table.

mod accounts;
mod chosen;
mod column_type;
mod keys;
mod stored;
mod tables;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Row};
use tidegate_link::{DatabaseDef, Structure, TableDef};
use tidegate_model::schema::TableName;
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Result};

pub(crate) use accounts::{OWN_ACCOUNT, own_account, secrets_of};
pub(crate) use chosen::is_system;
pub(crate) use stored::{
    CLIENT_CHARSET, COLLATION, DATABASE_COLLATION, ListedObject, Read, SQL_MODE, TIME_ZONE, list_stored,
    mode_of, read_one, setting, take_definer,
};
pub(crate) use tables::{Listed, Scope, list, literal, read_tables, show_hidden_keys};
pub(crate) use views::collation_of;

use crate::connect::{Server, close};
use crate::ddl;
use crate::failure::{code_of, failed};

/// Names the dialect of our CREATE texts.
pub(crate) const DIALECT: &str = "mysql";
/// Fact beside the server's own: bytes of the chosen tables, indexes included.
pub(crate) const CHOSEN_BYTES: &str = "chosen_bytes";
/// Stands before a table's text that MariaDB wrote: the two flavours' texts look alike,
/// and not all of them mean the same.
pub(crate) const MARIADB_MARK: &str = "/* MariaDB */ ";
/// ER_NO_SUCH_TABLE.
const NO_SUCH_TABLE: u16 = 1146;

/// The chosen objects as they are now.
pub(crate) async fn read_structure(server: &Server, selection: &Selection) -> Result<Structure> {
    let mut conn = server.catalog_session().await?;
    show_hidden_keys(&mut conn, server.version()).await?;
    let structure = read_with(&mut conn, server, selection).await;
    close(conn).await;
    structure
}

async fn read_with(conn: &mut Conn, server: &Server, selection: &Selection) -> Result<Structure> {
    let schemas = chosen::schemas(conn, server, selection).await?;
    let mut structure = Structure {
        dialect: DIALECT,
        facts: server.facts().clone(),
        ..Structure::default()
    };
    let (mut views, mut bytes) = (Vec::new(), 0_u64);
    for schema in &schemas {
        structure.databases.push(read_database(conn, schema).await?);
        let scope = Scope::schema(schema);
        let all = list(conn, &scope).await?;
        chosen::all_there(server, selection, schema, &all)?;
        let mut listed: Vec<Listed> = Vec::new();
        for object in all {
            let is_view = object.kind == "VIEW";
            let target = if is_view {
                selection.target_of_view(&object.name)
            } else {
                selection.target_of(&object.name)
            };
            if target.is_none() {
                if is_view && selection.has_whole_schema(schema) {
                    structure
                        .not_covered
                        .push(format!("the view {} is not moved", object.name));
                }
                continue;
            }
            if object.is_table() {
                bytes = bytes.saturating_add(object.data_bytes + object.index_bytes);
                listed.push(object);
            } else if is_view {
                views.push(object.name);
            } else if let Some(sentence) = chosen::not_moved(&object) {
                structure.not_covered.push(sentence);
            }
        }
        structure
            .tables
            .extend(read_defs(conn, server, &scope, listed).await?);
        stored::read_stored(conn, selection, schema, &mut structure).await?;
    }
    structure.tables.sort_by(|a, b| a.schema.name.cmp(&b.schema.name));
    structure.views = views::read_views(conn, views).await?;
    structure.facts.insert(CHOSEN_BYTES.to_owned(), bytes.to_string());
    match selection.accounts {
        Some(chosen) => accounts::read_accounts(conn, server, chosen, &mut structure).await?,
        None if selection.whole_instance => {
            let sentence = "accounts, roles and their rights are not moved";
            structure.not_covered.push(sentence.to_owned());
        }
        None => {}
    }
    Ok(structure)
}

async fn read_database(conn: &mut Conn, name: &str) -> Result<DatabaseDef> {
    let sql = format!("SHOW CREATE DATABASE {}", ddl::quoted(name));
    let row: Option<Row> = conn
        .query_first(sql)
        .await
        .map_err(failed(format!("reading the database {name}")))?;
    let native_ddl = text_of(row, 1).ok_or_else(|| {
        Error::unknown(format!(
            "the server's text of the database {name} is not understood"
        ))
    })?;
    Ok(DatabaseDef {
        name: name.to_owned(),
        native_ddl,
    })
}

async fn read_defs(
    conn: &mut Conn,
    server: &Server,
    scope: &Scope,
    listed: Vec<Listed>,
) -> Result<Vec<TableDef>> {
    let schemas = tables::read_schemas(conn, server.version(), scope, &listed).await?;
    let counters: BTreeMap<TableName, Option<u64>> = listed
        .into_iter()
        .map(|table| (table.name, table.next_auto_increment))
        .collect();
    let mut defs = Vec::with_capacity(schemas.len());
    for schema in schemas {
        let Some(text) = read_table_text(conn, &schema.name).await? else {
            continue;
        };
        let native_ddl = if server.version().is_mariadb() {
            format!("{MARIADB_MARK}{text}")
        } else {
            text
        };
        let counts = schema.columns.iter().any(|column| column.auto_increment);
        let next_auto_increment = counters.get(&schema.name).copied().flatten();
        defs.push(TableDef {
            schema: Arc::new(schema),
            native_ddl,
            next_auto_increment: next_auto_increment.filter(|_| counts),
        });
    }
    Ok(defs)
}

/// The server's CREATE TABLE; None when there is no such table (any more).
pub(crate) async fn read_table_text(conn: &mut Conn, name: &TableName) -> Result<Option<String>> {
    let sql = format!(
        "SHOW CREATE TABLE {}.{}",
        ddl::quoted(&name.schema),
        ddl::quoted(&name.table)
    );
    match conn.query_first::<Row, _>(sql).await {
        Ok(row) => text_of(row, 1).map(Some).ok_or_else(|| {
            Error::unknown(format!("the server's text of the table {name} is not understood"))
        }),
        Err(error) if code_of(&error) == Some(NO_SUCH_TABLE) => Ok(None),
        Err(error) => Err(failed(format!("reading the table {name}"))(error)),
    }
}

fn text_of(row: Option<Row>, column: usize) -> Option<String> {
    row?.take_opt::<String, _>(column)?.ok()
}
