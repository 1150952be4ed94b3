//! The writing side of structure: databases, tables, keys, foreign keys, views and
//! counters on the target, from the source's own CREATE texts.
//!
//! Everything may be called again after a crash: it looks at what is there and goes
//! on. It never drops or alters what it did not make; a table that is there and
//! differs is an error. Statements are logged by the target as any others.

mod accounts;
mod adapt;
mod compare;
mod definers;
mod plan;
mod stored;
mod table_text;
pub(crate) mod traits;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{DatabaseDef, Structure, TableDef};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Result};

pub(crate) use accounts::create_accounts;
pub(crate) use adapt::Pair;
pub(crate) use definers::{Definers, account};
pub(crate) use stored::{create_stored, speaks_of_renamed};
pub(crate) use table_text::is_word;
pub(crate) use views::{create_views, views_of_others};

use crate::connect::{Flavour, Server, Version, close};
use crate::ddl::{self, quoted};
use crate::failure::{code_of, failed};
use crate::schema::{MARIADB_MARK, Scope, list, literal, read_tables, show_hidden_keys};
use table_text::KeyKind;

/// Tables are made in so many sessions: a CREATE TABLE mostly waits for the disk.
const CREATORS: usize = 4;
/// ER_TABLE_WITHOUT_PK.
const WITHOUT_KEY: u16 = 3750;

/// Creates databases and tables without what is built after the rows. Answers what
/// is not made, or made differently, each in a sentence.
pub(crate) async fn create_structure(
    server: &Server,
    structure: &Structure,
    names: &Selection,
) -> Result<Vec<String>> {
    let pair = pair_of(server, structure);
    let mut sentences = Vec::new();
    let mut wanted: Vec<(&TableDef, TableName)> = Vec::new();
    for def in &structure.tables {
        wanted.push((def, target_of(server, &def.schema.name, names)?));
    }
    let mut conn = session(server).await?;
    for database in &structure.databases {
        create_database(&mut conn, database, names, pair).await?;
    }
    let targets: Vec<TableName> = wanted.iter().map(|(_, target)| target.clone()).collect();
    let there = by_name(read_tables(&mut conn, server.version(), &targets).await?);
    let mut missing = Vec::new();
    for (def, target) in &wanted {
        let plan = plan::plan(def, target, pair)?;
        sentences.extend(plan.sentences);
        for key in &plan.foreign_keys {
            if plan::foreign_key_on_target(def, key, names).is_none() {
                let referenced = plan::referenced(def, key);
                sentences.push(format!(
                    "{}: the foreign key {} is not made: {referenced} is not among the objects of this job",
                    def.schema.name, key.name
                ));
            }
        }
        match there.get(target) {
            Some(existing) => compare::same_columns(&def.schema, existing, pair)?,
            None => missing.push((target.clone(), plan.create)),
        }
    }
    create_tables(server, missing).await?;
    let there = by_name(read_tables(&mut conn, server.version(), &targets).await?);
    for (def, target) in &wanted {
        let made = there.get(target).ok_or_else(|| {
            Error::needs_user(format!("the table {target} was made on the target and is gone"))
        })?;
        compare::same_columns(&def.schema, made, pair)?;
    }
    close(conn).await;
    Ok(sentences)
}

/// What `create_structure` would refuse and what it would change, without a look at
/// the target's objects.
pub(crate) fn try_all(
    server: &Server,
    structure: &Structure,
    names: &Selection,
) -> (Vec<String>, Vec<String>) {
    let pair = pair_of(server, structure);
    let (mut refused, mut changed) = (Vec::new(), Vec::new());
    for def in &structure.tables {
        let planned =
            target_of(server, &def.schema.name, names).and_then(|target| plan::plan(def, &target, pair));
        match planned {
            Ok(plan) => changed.extend(plan.sentences),
            Err(error) => refused.push(error.to_string()),
        }
    }
    (refused, changed)
}

/// Adds the keys that a table was created without: all in one statement, so that the
/// table is read once. Of full-text keys the server builds one at a time.
pub(crate) async fn build_indexes(server: &Server, table: &TableDef, names: &Selection) -> Result<()> {
    let target = target_of(server, &table.schema.name, names)?;
    let plan = plan::plan(table, &target, pair_of_table(server, table))?;
    if plan.keys.is_empty() {
        return Ok(());
    }
    let mut conn = session(server).await?;
    let there = index_names(&mut conn, &target).await?;
    let missing = plan
        .keys
        .iter()
        .filter(|key| !there.contains(&key.name.to_lowercase()));
    let (full_text, others): (Vec<_>, Vec<_>) = missing.partition(|key| key.kind == KeyKind::Fulltext);
    let mut statements: Vec<Vec<&str>> = vec![others.iter().map(|key| key.text.as_str()).collect()];
    statements.extend(full_text.iter().map(|key| vec![key.text.as_str()]));
    for keys in statements.iter().filter(|keys| !keys.is_empty()) {
        let added: Vec<String> = keys.iter().map(|key| format!("ADD {key}")).collect();
        alter(&mut conn, &target, &added, "building the indexes of").await?;
    }
    close(conn).await;
    Ok(())
}

/// Adds a table's foreign keys, but for those to tables that are not moved, of which
/// `create_structure` has told. Rows are not looked at again: they are the source's.
pub(crate) async fn add_foreign_keys(server: &Server, table: &TableDef, names: &Selection) -> Result<()> {
    let target = target_of(server, &table.schema.name, names)?;
    let plan = plan::plan(table, &target, pair_of_table(server, table))?;
    if plan.foreign_keys.is_empty() {
        return Ok(());
    }
    let mut conn = session(server).await?;
    let sql = format!(
        "SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS \
         WHERE CONSTRAINT_TYPE = 'FOREIGN KEY' AND TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(&target.schema),
        literal(&target.table)
    );
    let there: Vec<String> = conn.query(sql).await.map_err(failed("listing foreign keys"))?;
    let there: BTreeSet<String> = there.iter().map(|name| name.to_lowercase()).collect();
    let added: Vec<String> = plan
        .foreign_keys
        .iter()
        .filter(|key| !there.contains(&key.name.to_lowercase()))
        .filter_map(|key| plan::foreign_key_on_target(table, key, names))
        .map(|text| format!("ADD {text}"))
        .collect();
    if !added.is_empty() {
        alter(&mut conn, &target, &added, "adding the foreign keys of").await?;
    }
    close(conn).await;
    Ok(())
}

/// Raises counters that are lower than the source's. Answers how many were raised.
pub(crate) async fn set_auto_increments(
    server: &Server,
    structure: &Structure,
    names: &Selection,
) -> Result<u64> {
    let mut wanted: BTreeMap<TableName, u64> = BTreeMap::new();
    for def in &structure.tables {
        if let Some(next) = def.next_auto_increment {
            wanted.insert(target_of(server, &def.schema.name, names)?, next);
        }
    }
    let targets: Vec<TableName> = wanted.keys().cloned().collect();
    let mut conn = session(server).await?;
    let mut set = 0;
    for scope in Scope::of(&targets) {
        for table in list(&mut conn, &scope).await? {
            let Some(next) = wanted.get(&table.name) else {
                continue;
            };
            if table.next_auto_increment.unwrap_or(1) >= *next {
                continue;
            }
            let option = [format!("AUTO_INCREMENT = {next}")];
            alter(&mut conn, &table.name, &option, "setting the counter of").await?;
            set += 1;
        }
    }
    close(conn).await;
    Ok(set)
}

/// A catalog session that takes everything that the source may hold, and changes
/// nothing in silence: no engine put in place of another, no key cut short.
async fn session(server: &Server) -> Result<Conn> {
    // Zero dates are taken as defaults since NO_ZERO_DATE is not there.
    const MODE: &str =
        "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'";
    // Each may be unknown to this version, or not allowed to this account: then what
    // it would have let pass is refused by name, and columns are compared afterwards.
    const WISHES: [&str; 7] = [
        "SET SESSION innodb_strict_mode = OFF",
        "SET SESSION sql_require_primary_key = OFF",
        "SET SESSION sql_generate_invisible_primary_key = OFF",
        "SET SESSION explicit_defaults_for_timestamp = ON",
        "SET SESSION restrict_fk_on_non_standard_key = OFF",
        "SET SESSION character_set_collations = ''",
        "SET SESSION default_table_encryption = OFF",
    ];
    let mut conn = server.catalog_session().await?;
    conn.query_drop(MODE)
        .await
        .map_err(failed("setting up a session"))?;
    show_hidden_keys(&mut conn, server.version()).await?;
    for wish in WISHES {
        match conn.query_drop(wish).await {
            Ok(()) | Err(mysql_async::Error::Server(_)) => {}
            Err(error) => return Err(failed("setting up a session")(error)),
        }
    }
    Ok(conn)
}

fn pair_of(server: &Server, structure: &Structure) -> Pair {
    let version = structure
        .facts
        .get("version")
        .and_then(|text| Version::parse(text));
    Pair {
        from: version.map_or(server.version().flavour, |version| version.flavour),
        to: server.version(),
    }
}

/// For calls that are given one table alone.
fn pair_of_table(server: &Server, table: &TableDef) -> Pair {
    let from = if table.native_ddl.starts_with(MARIADB_MARK) {
        Flavour::Mariadb
    } else {
        Flavour::Mysql
    };
    Pair {
        from,
        to: server.version(),
    }
}

/// The name as the target keeps it.
fn target_of(server: &Server, name: &TableName, names: &Selection) -> Result<TableName> {
    let target = names
        .target_of(name)
        .ok_or_else(|| Error::bug(format!("{name} is not chosen")))?;
    if server.fact("lower_case_table_names") == "1" {
        return Ok(TableName::new(
            target.schema.to_lowercase(),
            target.table.to_lowercase(),
        ));
    }
    Ok(target)
}

fn by_name(tables: Vec<TableSchema>) -> BTreeMap<TableName, TableSchema> {
    tables
        .into_iter()
        .map(|table| (table.name.clone(), table))
        .collect()
}

async fn create_database(
    conn: &mut Conn,
    database: &DatabaseDef,
    names: &Selection,
    pair: Pair,
) -> Result<()> {
    let name = &database.name;
    let target = names
        .target_schema(name)
        .ok_or_else(|| Error::bug(format!("the database {name} is not chosen")))?;
    let begin = format!("CREATE DATABASE {}", quoted(name));
    let rest = database.native_ddl.strip_prefix(&begin).ok_or_else(|| {
        Error::unknown(format!(
            "the source's text of the database {name} is not understood"
        ))
    })?;
    let options = pair.clause(rest)?.text;
    conn.query_drop(format!(
        "CREATE DATABASE IF NOT EXISTS {} {options}",
        quoted(&target)
    ))
    .await
    .map_err(failed(format!("creating the database {target}")))
}

async fn create_tables(server: &Server, statements: Vec<(TableName, String)>) -> Result<()> {
    let size = statements.len().div_ceil(CREATORS).max(1);
    let parts = statements.chunks(size).map(async |part| {
        let mut conn = session(server).await?;
        for (target, create) in part {
            conn.query_drop(create).await.map_err(|error| {
                let code = code_of(&error);
                let error = failed(format!("creating the table {target}"))(error);
                match code {
                    Some(WITHOUT_KEY) => {
                        error.remedy("SET GLOBAL sql_require_primary_key = OFF on the target")
                    }
                    _ => error,
                }
            })?;
        }
        close(conn).await;
        Ok::<(), Error>(())
    });
    try_join_all(parts).await.map(drop)
}

async fn index_names(conn: &mut Conn, table: &TableName) -> Result<BTreeSet<String>> {
    let sql = format!(
        "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
        literal(&table.schema),
        literal(&table.table)
    );
    let names: Vec<String> = conn
        .query(sql)
        .await
        .map_err(failed(format!("listing the indexes of {table}")))?;
    Ok(names.iter().map(|name| name.to_lowercase()).collect())
}

async fn alter(conn: &mut Conn, table: &TableName, changes: &[String], doing: &str) -> Result<()> {
    let sql = format!(
        "ALTER TABLE {}.{} {}",
        ddl::quoted(&table.schema),
        ddl::quoted(&table.table),
        changes.join(", ")
    );
    conn.query_drop(sql)
        .await
        .map_err(failed(format!("{doing} {table}")))
}
