//! Rows and batches: values by position under one schema.

use std::sync::Arc;

use crate::schema::TableSchema;
use crate::value::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub values: Vec<Value>,
}

impl Row {
    pub fn weight(&self) -> usize {
        self.values.iter().map(Value::weight).sum::<usize>() + std::mem::size_of::<Row>()
    }
}

/// How a batch's payload is written. Source and target agree on one by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `Payload::Rows`: every engine reads and writes it.
    Neutral,
    /// Opaque bytes known to one engine family, named by it.
    Native(&'static str),
}

#[derive(Clone, Debug)]
pub enum Payload {
    Rows(Vec<Row>),
    Native(bytes::Bytes),
}

/// Rows of one table under one schema version.
#[derive(Clone, Debug)]
pub struct Batch {
    pub schema: Arc<TableSchema>,
    pub payload: Payload,
    pub rows: u64,
    /// Payload bytes, for throttling and progress.
    pub bytes: u64,
}
