//! A table's content in a few bytes, computed inside the database.

use async_trait::async_trait;
use tidegate_model::Result;
use tidegate_model::schema::{TableName, TableSchema};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDigest {
    pub rows: u64,
    /// Hexadecimal; independent of row order.
    pub digest: String,
    /// Only digests of one form compare.
    pub form: &'static str,
}

#[async_trait]
pub trait Digester: Send {
    /// `table` gives columns and key (the source's); `name` is the table's name here.
    async fn digest(&mut self, table: &TableSchema, name: &TableName) -> Result<TableDigest>;
}
