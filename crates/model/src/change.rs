//! Changes as they come from a source's log, in commit order.
//!
//! A source transaction arrives as Begin, any number of pieces, Commit, so that
//! a transaction of any size passes in bounded memory. Whether an old row is
//! whole, key only or absent is in the type, so that it can't be forgotten.

use std::sync::Arc;

use crate::position::Position;
use crate::row::Row;
use crate::schema::{TableName, TableSchema};

#[derive(Clone, Debug)]
pub enum ChangeEvent {
    Begin {
        /// Counts every transaction that the source logged since the position we
        /// started from, chosen or not, so that the same log gives the same numbers.
        number: u64,
        /// Where the transaction starts in the log. Transactions are contiguous there,
        /// so it lies after a position exactly when it starts at or after it: known
        /// before its rows come, which may be too many to hold until the commit.
        at: Position,
    },
    Rows(RowChanges),
    Commit {
        number: u64,
        /// The position after this transaction.
        position: Position,
        /// Unix milliseconds at the source, 0 when unknown.
        committed_at_ms: u64,
    },
    /// A schema change; stands alone between transactions and is a barrier.
    Ddl(Ddl),
    /// Nothing happened, or only things not chosen: the position has moved on.
    Heartbeat {
        position: Position,
        source_time_ms: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOp {
    Insert,
    Update,
    Delete,
}

/// Changes of one kind to rows of one table, in order.
#[derive(Clone, Debug)]
pub struct RowChanges {
    pub schema: Arc<TableSchema>,
    pub op: RowOp,
    pub rows: Vec<RowChange>,
    pub bytes: u64,
}

#[derive(Clone, Debug)]
pub struct RowChange {
    pub old: OldRow,
    /// Insert and update: the row after. Positional against the schema.
    pub new: Option<Row>,
}

#[derive(Clone, Debug)]
pub enum OldRow {
    None,
    /// Only key columns are present; others are `Value::Unchanged`.
    Key(Row),
    Full(Row),
}

/// A schema change as logged, with what our reader understood of it.
#[derive(Clone, Debug)]
pub struct Ddl {
    pub number: u64,
    pub position: Position,
    pub committed_at_ms: u64,
    /// The statement's text as logged.
    pub statement: String,
    /// The session's default schema when it was logged; empty when none.
    pub default_schema: String,
    pub kind: DdlKind,
    /// Objects that it names, source names, in order of appearance.
    pub objects: Vec<TableName>,
    /// Session settings it must run under, engine's own (sql_mode, charset …).
    pub session: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DdlKind {
    CreateDatabase,
    AlterDatabase,
    DropDatabase,
    CreateTable,
    AlterTable,
    DropTable,
    RenameTable,
    TruncateTable,
    CreateIndex,
    DropIndex,
    CreateView,
    DropView,
    /// Understood, and of no effect on what is moved (ANALYZE, FLUSH, accounts …).
    NoEffect,
}
