//! Numbered migrations, each applied once, in one transaction with its record.
//!
//! A migration's text is hashed into the record: a store whose migrations differ
//! from ours, or that a newer version has written, is refused before any use.

use rusqlite::{Connection, params};
use tidegate_model::{Error, Result};

use crate::database::failed;

const MIGRATIONS: [&str; 3] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_users.sql"),
    include_str!("../migrations/0003_compare.sql"),
];

pub(crate) fn migrate(connection: &mut Connection) -> Result<()> {
    apply(connection, &MIGRATIONS)
}

/// Is it a store of this version or an earlier one? Changes nothing.
pub(crate) fn check_ours(connection: &Connection) -> Result<()> {
    let applied = applied(connection).map_err(failed("reading the store's migrations"))?;
    if applied.is_empty() {
        return Err(not_ours(1));
    }
    compare(&applied, &MIGRATIONS)
}

fn compare(applied: &[Vec<u8>], migrations: &[&str]) -> Result<()> {
    if applied.len() > migrations.len() {
        return Err(Error::needs_user("the store was written by a newer version")
            .remedy("Start the version that wrote it, or a later one"));
    }
    for (index, (have, text)) in applied.iter().zip(migrations).enumerate() {
        if have.as_slice() != hash(text).as_ref() {
            return Err(not_ours(index + 1));
        }
    }
    Ok(())
}

fn not_ours(number: usize) -> Error {
    Error::needs_user(format!("migration {number} of the store is not ours"))
        .remedy("Start the version that wrote this data folder, or use another folder")
}

fn hash(text: &str) -> aws_lc_rs::digest::Digest {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes())
}

fn apply(connection: &mut Connection, migrations: &[&str]) -> Result<()> {
    connection
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT",
        )
        .map_err(failed("preparing the store"))?;
    let applied = applied(connection).map_err(failed("reading the store's migrations"))?;
    compare(&applied, migrations)?;
    for (index, text) in migrations.iter().enumerate().skip(applied.len()) {
        run(connection, index + 1, text, hash(text).as_ref())
            .map_err(failed("bringing the store up to date"))?;
    }
    Ok(())
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut query = connection.prepare("SELECT hash FROM migrations ORDER BY number")?;
    query.query_map([], |row| row.get(0))?.collect()
}

fn run(connection: &mut Connection, number: usize, text: &str, hash: &[u8]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(text)?;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    transaction.execute("INSERT INTO migrations VALUES (?1, ?2)", params![number, hash])?;
    transaction.commit()
}

/// A store as the first version left it.
#[cfg(test)]
pub(crate) fn first_only(connection: &Connection) {
    let sql = "CREATE TABLE migrations (number INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT";
    connection.execute_batch(sql).expect("prepares");
    connection.execute_batch(MIGRATIONS[0]).expect("makes");
    let first = hash(MIGRATIONS[0]);
    connection
        .execute("INSERT INTO migrations VALUES (1, ?1)", [first.as_ref()])
        .expect("notes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_once_and_foreign_ones_are_refused() {
        let mut connection = Connection::open_in_memory().expect("opens");
        apply(&mut connection, &["CREATE TABLE a (x)"]).expect("first");
        apply(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).expect("second");
        apply(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).expect("again");
        assert!(apply(&mut connection, &["CREATE TABLE a (y)", "CREATE TABLE b (x)"]).is_err());
        assert!(
            apply(&mut connection, &["CREATE TABLE a (x)"]).is_err(),
            "a newer store"
        );
    }

    #[test]
    fn a_failed_migration_leaves_nothing() {
        let mut connection = Connection::open_in_memory().expect("opens");
        assert!(apply(&mut connection, &["CREATE TABLE a (x); CREATE NONSENSE"]).is_err());
        apply(&mut connection, &["CREATE TABLE a (x)"]).expect("as if nothing had been");
    }
}
