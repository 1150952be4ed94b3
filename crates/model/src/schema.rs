//! Tables and their columns and keys, as read from a source at one position.
//!
//! A schema is immutable and shared (`Arc<TableSchema>`): rows are positional
//! against it. It says what a table is, not how any engine spells it, but keeps
//! the engine's own type text beside the neutral type for same-kind targets.

use serde::{Deserialize, Serialize};

/// A table's two-part name. `schema` is the database for MySQL-like engines.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    pub schema: String,
    pub table: String,
}

impl TableName {
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> TableName {
        TableName {
            schema: schema.into(),
            table: table.into(),
        }
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// Neutral column types. Lengths are in characters for text, bytes for binary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnType {
    Int {
        bits: u8,
        unsigned: bool,
    },
    Decimal {
        precision: u8,
        scale: u8,
        unsigned: bool,
    },
    Float,
    Double,
    /// `charset` is the engine's name of the charset that values are in.
    Text {
        charset: String,
        fixed: bool,
        length: Option<u64>,
    },
    Bytes {
        fixed: bool,
        length: Option<u64>,
    },
    Date,
    Time {
        fsp: u8,
    },
    DateTime {
        fsp: u8,
    },
    /// An instant; values are in UTC.
    Timestamp {
        fsp: u8,
    },
    Year,
    Bit {
        width: u8,
    },
    Enum {
        charset: String,
        members: Vec<String>,
    },
    Set {
        charset: String,
        members: Vec<String>,
    },
    Json,
    Geometry,
    /// Known to the engine alone; moves only between servers of one kind.
    Native,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub kind: ColumnType,
    /// The engine's own spelling of the type, e.g. `int unsigned`.
    pub native: String,
    pub nullable: bool,
    /// Computed by the server: never written by us.
    pub generated: bool,
    pub auto_increment: bool,
}

/// A primary or unique key over whole columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub name: String,
    pub primary: bool,
    pub unique: bool,
    /// Indexes into `TableSchema::columns`.
    pub columns: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    pub name: TableName,
    pub columns: Vec<Column>,
    /// The primary key, or else a unique key over non-null columns: what tells
    /// rows apart. None: rows can only be told apart by all their columns.
    pub row_key: Option<Key>,
    /// The server's estimates, for progress and for splitting. Never asserted.
    pub rows_estimate: u64,
    pub bytes_estimate: u64,
}

impl TableSchema {
    /// Columns that are written: all but generated ones.
    pub fn written_columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns
            .iter()
            .enumerate()
            .filter(|(_, column)| !column.generated)
    }

    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}
