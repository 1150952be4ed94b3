//! What a run tells the control plane: where it is and what it has proven.
//!
//! Reports are snapshots: each one replaces the last. They hold counts and
//! names, never row values.

use serde::{Deserialize, Serialize};

use crate::error::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    #[default]
    Starting,
    Structure,
    Snapshot,
    Indexes,
    Changes,
    /// Draining and proving, after the user asked to complete.
    Cutover,
    Done,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct RunReport {
    pub stage: Stage,
    pub tables_total: u64,
    pub tables_done: u64,
    pub chunks_total: u64,
    pub chunks_done: u64,
    /// Chunks found finished by an earlier run and not copied again.
    pub chunks_reused: u64,
    /// Chunks that were read a second time, because the first encoding did not give the same rows.
    pub chunks_redone: u64,
    pub rows_total_estimate: u64,
    pub bytes_total_estimate: u64,
    pub rows_copied: u64,
    pub bytes_copied: u64,
    /// Averages over the last few seconds.
    pub rows_per_second: f64,
    pub bytes_per_second: f64,
    /// Seconds left in the snapshot at the present rate; None when not known.
    pub eta_seconds: Option<u64>,
    pub changes_applied: u64,
    pub transactions_applied: u64,
    pub ddl_applied: u64,
    /// Events passed over because they touch nothing chosen.
    pub events_not_chosen: u64,
    /// DDL statements that failed on the target and were passed over by the user's wish.
    pub ddl_skipped: Vec<String>,
    /// None outside the changes stage, or while the source can't be reached.
    pub lag_seconds: Option<u64>,
    pub lag_bytes: Option<u64>,
    pub caught_up: bool,
    pub source_position: String,
    pub target_position: String,
    /// Set while the run waits to try again.
    pub retrying: Option<Trouble>,
    /// What is not moved, said up front.
    pub not_covered: Vec<String>,
    pub cutover: Option<CutoverRecord>,
    /// Counts a reconnect of either side.
    pub reconnects: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    pub kind: Kind,
    pub message: String,
    pub remedy: String,
    /// Unix milliseconds of the first failure in this row of failures.
    pub since_ms: u64,
    pub attempts: u64,
}

/// What a cutover has proven, and at which position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
pub struct CutoverRecord {
    pub source_position: String,
    pub target_position: String,
    pub compared_at_ms: u64,
    pub equal: bool,
    pub tables: Vec<TableProof>,
    pub auto_increments_set: u64,
    /// What the proof does not speak of; printed first.
    pub not_covered: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
pub struct TableProof {
    pub source_table: String,
    pub target_table: String,
    pub source_rows: u64,
    pub target_rows: u64,
    pub source_digest: String,
    pub target_digest: String,
}

impl TableProof {
    pub fn equal(&self) -> bool {
        self.source_rows == self.target_rows && self.source_digest == self.target_digest
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// All that was asked is done.
    Finished,
    /// Stopped on request (pause, stop, shutdown); the checkpoint stands.
    Stopped,
    /// Ended by an error; the checkpoint stands.
    Failed(Trouble),
}
