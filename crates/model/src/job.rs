//! What the control plane hands to the data plane: one job's specification.

use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::selection::Selection;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MigrateType {
    Structure,
    Full,
    FullAndIncrement,
}

impl MigrateType {
    /// `full` expects the tables to be there on the target only when they are: the
    /// wire API's `full` moves structure and rows, once.
    pub fn copies_rows(self) -> bool {
        self != MigrateType::Structure
    }

    pub fn follows_changes(self) -> bool {
        self == MigrateType::FullAndIncrement
    }
}

/// Limits of a run. 0 means no limit for rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub dump_threads: u16,
    pub dump_rows_per_second: u64,
    pub load_threads: u16,
    pub load_rows_per_second: u64,
    pub sink_threads: u16,
    /// Budget of all buffers of the run together, in bytes.
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            dump_threads: 2,
            dump_rows_per_second: 0,
            load_threads: 2,
            load_rows_per_second: 0,
            sink_threads: 1,
            memory_bytes: 64 << 20,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum ForeignKeys {
    /// Carry foreign keys to the target.
    #[default]
    Migrate,
    /// Leave them out.
    Shield,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JobSpec {
    pub job_id: String,
    pub source: Endpoint,
    pub target: Endpoint,
    pub selection: Selection,
    pub migrate_type: MigrateType,
    pub limits: Limits,
    pub foreign_keys: ForeignKeys,
    /// Step ids of the precheck that the user has skipped.
    pub skipped_checks: Vec<String>,
    /// How long a run goes on trying after a retryable error, in seconds.
    pub retry_window_seconds: u64,
    pub skip_ddl_errors: bool,
}
