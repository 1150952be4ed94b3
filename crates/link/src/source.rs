//! The reading side: structure, a snapshot, the change stream, a proof.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tidegate_model::change::ChangeEvent;
use tidegate_model::finding::Finding;
use tidegate_model::job::JobSpec;
use tidegate_model::position::Position;
use tidegate_model::row::Encoding;
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Result};

use crate::batch::BatchSender;
use crate::digest::Digester;
use crate::structure::{Facts, Structure};

#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    fn facts(&self) -> &Facts;

    /// Checks of the source alone. Changes nothing.
    async fn precheck(&self, spec: &JobSpec, structure: &Structure) -> Result<Vec<Finding>>;

    /// The chosen objects as they are now. An object named in the selection that
    /// does not exist is an error of `Kind::NeedsUser`.
    async fn read_structure(&self, selection: &Selection) -> Result<Structure>;

    /// Encodings it can read this table in, cheapest first. Always ends with `Neutral`.
    fn offers(&self, table: &TableSchema) -> Vec<Encoding>;

    /// Opens `readers` sessions that all see states of the source between `low`
    /// and `high`: each transaction up to `low` is seen, none after `high` is.
    /// Tables without a row key are seen exactly at `low` by every reader.
    async fn open_snapshot(&self, tables: &[Arc<TableSchema>], readers: usize) -> Result<Snapshot>;

    /// Changes after `from`, of chosen tables, in commit order. `known` are the
    /// schemas in force at `from`. `Kind::PositionLost` when the log no longer
    /// reaches back that far.
    async fn open_changes(
        &self,
        from: &Position,
        selection: &Selection,
        known: &[Arc<TableSchema>],
    ) -> Result<Box<dyn ChangeStream>>;

    /// The end of the log now.
    async fn position(&self) -> Result<Position>;

    /// Log bytes between two positions of this source.
    async fn bytes_between(&self, from: &Position, to: &Position) -> Result<u64>;

    /// A view for digests that is exact: `low` equals `high`, and every digester sees
    /// the source as it was there. A source that takes writes may have its chosen
    /// tables read-locked for the moment in which the sessions are opened.
    async fn open_proof(&self, tables: &[Arc<TableSchema>], digesters: usize) -> Result<Proof>;

    /// Digesters that see the source as it is at each call, without any lock.
    async fn open_digesters(&self, count: usize) -> Result<Vec<Box<dyn Digester>>> {
        let _ = count;
        Err(Error::bad_input("this engine compares no chunks"))
    }
}

pub struct Snapshot {
    pub low: Position,
    pub high: Position,
    pub readers: Vec<Box<dyn SnapshotReader>>,
}

pub struct Proof {
    pub low: Position,
    pub high: Position,
    pub digesters: Vec<Box<dyn Digester>>,
}

/// A piece of a table. Bounds are the engine's own text: a row is in the chunk
/// when its key is above `lower` (None: from the start) and not above `upper`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub table: TableName,
    pub number: u32,
    pub lower: Option<String>,
    pub upper: Option<String>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} readers)", self.readers.len())
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proof({} digesters)", self.digesters.len())
    }
}

#[async_trait]
pub trait SnapshotReader: Send {
    /// Cuts a table into chunks of about `chunk_bytes`, together covering every
    /// key. Tables without a row key are one chunk.
    async fn split(&mut self, table: &TableSchema, chunk_bytes: u64) -> Result<Vec<Chunk>>;

    /// Reads a chunk's rows into `out`, ends it with `finish`, returns the rows sent.
    async fn read(
        &mut self,
        table: &Arc<TableSchema>,
        chunk: &Chunk,
        encoding: Encoding,
        out: BatchSender,
    ) -> Result<u64>;
}

/// Owned by one task. Not cancel-safe: a dropped `next` closes the connection.
#[async_trait]
pub trait ChangeStream: Send {
    /// The next event. Waits as long as the source is silent but alive; sends
    /// heartbeats upward at least every few seconds; `Kind::Retry` when the
    /// connection is lost or nothing was heard for two heartbeats.
    async fn next(&mut self) -> Result<ChangeEvent>;

    /// Answers a `ChangeEvent::Ddl`: the table's schema in force after it, under the
    /// source's name; None when the table is gone. Called for each table that the
    /// statement changed, before the next `next`, which decodes by what it was told.
    fn learn(&mut self, table: &TableName, schema: Option<Arc<TableSchema>>);

    /// Tells the source what is durable on the target. Never called with more.
    async fn acknowledge(&mut self, durable: &Position) -> Result<()>;
}
