//! Durable proof of what a target has applied. Lives on the target, written in the
//! same transaction as the data where the target has transactions.

use serde::{Deserialize, Serialize};
use tidegate_model::position::Position;
use tidegate_model::report::{CutoverRecord, Stage};
use tidegate_model::schema::TableName;

use crate::source::Chunk;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Checkpoint {
    pub stage: Stage,
    /// Changes are read from here on; the position of the first snapshot.
    pub low: Option<Position>,
    /// Up to here rows may hold a change already: apply idempotently. Strict after.
    pub high: Option<Position>,
    /// All source transactions up to here are on the target.
    pub applied: Option<Position>,
    /// How many source transactions that makes since `low`.
    pub number: u64,
    /// Tables without a row key: the exact position at which their rows were read.
    pub exact: Vec<(TableName, Position)>,
    /// Number of a schema change that was about to be executed.
    pub ddl_pending: Option<u64>,
    pub changes_applied: u64,
    pub ddl_applied: u64,
    pub ddl_skipped: Vec<String>,
    pub events_not_chosen: u64,
    /// Chosen objects that were not made on the target, each said in a sentence.
    pub not_covered: Vec<String>,
    /// With `Stage::Done`: what was proven, so that a crash in the last step loses no record.
    pub cutover: Option<CutoverRecord>,
}

/// A chunk as planned and, when `rows` is set, as loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChunkMark {
    pub chunk: Chunk,
    /// Rows loaded; None while the chunk is not finished.
    pub rows: Option<u64>,
}
