//! A table's content in a few bytes, computed inside the database: as a whole, by
//! chunks, and row by row.
//!
//! Keys and bounds are the engine's own text, the same form for both: what one side
//! gives is understood on the other side of the same family.

use async_trait::async_trait;
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Result};

use crate::source::Chunk;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDigest {
    pub rows: u64,
    /// Hexadecimal; independent of row order.
    pub digest: String,
    /// Only digests of one form compare.
    pub form: &'static str,
}

/// What a digest speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All written columns.
    Content,
    /// That a row of this key is there.
    Presence,
}

/// One row: its key, and its content in a few bytes. Never its values.
#[derive(Clone, PartialEq, Eq)]
pub struct RowDigest {
    pub key: String,
    pub digest: String,
    /// One a written column, in order; empty from `row_digests`.
    pub columns: Vec<String>,
}

impl std::fmt::Debug for RowDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowDigest({} columns)", self.columns.len())
    }
}

/// A table's columns and key (the source's), and its name on the side that is asked.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    pub table: &'a TableSchema,
    pub name: &'a TableName,
}

#[async_trait]
pub trait Digester: Send {
    /// `table` gives columns and key (the source's); `name` is the table's name here.
    async fn digest(&mut self, table: &TableSchema, name: &TableName) -> Result<TableDigest>;

    /// Is there a table of this name here?
    async fn exists(&mut self, name: &TableName) -> Result<bool> {
        Err(no_chunks(name))
    }

    /// The key of the row that is the `rows`-th of `chunk`, in key order. None when it has fewer.
    async fn bound_after(&mut self, of: Named<'_>, chunk: &Chunk, rows: u64) -> Result<Option<String>> {
        let _ = (chunk, rows);
        Err(no_chunks(of.name))
    }

    /// The rows of a chunk as `digest` does it; with `Presence` they are only counted.
    /// A table without a key is one chunk without bounds.
    async fn digest_chunk(&mut self, of: Named<'_>, chunk: &Chunk, depth: Depth) -> Result<TableDigest> {
        let _ = (chunk, depth);
        Err(no_chunks(of.name))
    }

    /// Each row of a chunk, but not more than `limit`.
    async fn row_digests(
        &mut self,
        of: Named<'_>,
        chunk: &Chunk,
        depth: Depth,
        limit: u64,
    ) -> Result<Vec<RowDigest>> {
        let _ = (chunk, depth, limit);
        Err(no_chunks(of.name))
    }

    /// The rows of these keys, in the order of `keys`; None where there is none. A row
    /// whose key is equal by the key's own rules counts, under its own spelling.
    async fn rows_by_key(
        &mut self,
        of: Named<'_>,
        keys: &[String],
        depth: Depth,
    ) -> Result<Vec<Option<RowDigest>>> {
        let _ = (keys, depth);
        Err(no_chunks(of.name))
    }

    /// A key or bound as a person reads it.
    fn show_key(&self, table: &TableSchema, key: &str) -> Result<String> {
        let _ = key;
        Err(no_chunks(&table.name))
    }
}

fn no_chunks(name: &TableName) -> Error {
    Error::bad_input(format!("{name}: this engine compares no chunks"))
}
