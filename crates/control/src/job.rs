//! A job as it is kept: one JSON body in the store, passwords beside it.
//!
//! Pure data. `shown` is the wire side's own form of the configuration; control
//! keeps it as it came and never looks inside.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_model::endpoint::{Certificates, EngineKind, Tls};
use tidegate_model::finding::{CheckStep, Verdict};
use tidegate_model::job::{ForeignKeys, MigrateType};
use tidegate_model::report::{CutoverRecord, RunReport, Trouble};
use tidegate_model::selection::Selection;

use crate::class::{InstanceClass, Rates};
use crate::lifecycle::{Status, Trade};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// How an end is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reach {
    Address {
        host: String,
        port: u16,
        user: String,
    },
    /// An endpoint that the operator has registered; a user of its own may be named.
    Registered {
        name: String,
        user: Option<String>,
    },
}

/// One end of a job, without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    pub engine: EngineKind,
    pub region: String,
    pub access_type: String,
    pub reach: Reach,
    pub tls: Tls,
    /// Without the client's key, which lies beside the job.
    #[serde(default)]
    pub certificates: Certificates,
}

/// A validated configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub source: Side,
    pub target: Side,
    pub selection: Selection,
    pub migrate_type: MigrateType,
    pub retry_window_seconds: u64,
    pub skip_ddl_errors: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum StartAt {
    #[default]
    Immediate,
    /// Unix milliseconds.
    Timed(u64),
}

/// The last precheck.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckRecord {
    pub began_ms: u64,
    /// None: under way.
    pub ended_ms: Option<u64>,
    pub steps: Vec<CheckStep>,
    /// Set when nothing could be checked at all.
    pub trouble: Option<Trouble>,
}

/// When the three steps that a run is shown in began and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepTimes {
    pub dumper: Span,
    pub loader: Span,
    pub sinker: Span,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Span {
    pub began_ms: Option<u64>,
    pub ended_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: String,
    pub created_ms: u64,
    pub updated_ms: u64,
    pub name: String,
    pub tags: Vec<Tag>,
    pub source_type: EngineKind,
    pub target_type: EngineKind,
    pub source_region: String,
    pub target_region: String,
    pub class: InstanceClass,
    pub status: Status,
    pub trade: Trade,
    pub start_at: StartAt,
    /// None: not configured yet.
    pub task: Option<Task>,
    #[serde(default)]
    pub shown: Value,
    #[serde(default)]
    pub check: Option<CheckRecord>,
    /// Steps of the precheck that the user has skipped.
    #[serde(default)]
    pub skipped: Vec<String>,
    #[serde(default)]
    pub foreign_keys: ForeignKeys,
    #[serde(default)]
    pub rates: Rates,
    /// The last report that was written; a newer one may be in memory.
    #[serde(default)]
    pub report: Option<RunReport>,
    #[serde(default)]
    pub record: Option<CutoverRecord>,
    #[serde(default)]
    pub steps: StepTimes,
    #[serde(default)]
    pub trouble: Option<Trouble>,
    #[serde(default)]
    pub started_ms: Option<u64>,
    #[serde(default)]
    pub ended_ms: Option<u64>,
    /// When the present run, or the run's continuation, began.
    #[serde(default)]
    pub running_since_ms: u64,
    /// A run may have left its checkpoint on the target: to be removed once the job is over.
    #[serde(default)]
    pub has_traces: bool,
    #[serde(default)]
    pub isolated_ms: Option<u64>,
    #[serde(default)]
    pub offlined_ms: Option<u64>,
    /// Did the time in the recycle bin run out, rather than a user destroy it?
    #[serde(default)]
    pub bin_expired: bool,
}

impl Job {
    pub fn is_over(&self) -> bool {
        matches!(self.status, Status::Success | Status::Failed | Status::Canceled)
    }

    /// Is there nothing left to do but to tidy the target?
    pub fn owes_tidying(&self) -> bool {
        self.has_traces && matches!(self.status, Status::Success | Status::Canceled)
    }

    /// Does this step count as passed: no failure, or a failure that was skipped?
    pub fn step_passes(&self, step: &CheckStep) -> bool {
        let skipped = step.skippable && self.skipped.contains(&step.id);
        skipped || (step.ran && step.verdict() != Verdict::Failure)
    }

    /// Names that registered endpoint, and may yet need it.
    pub fn uses_endpoint(&self, endpoint: &str) -> bool {
        let named = |side: &Side| matches!(&side.reach, Reach::Registered { name, .. } if name == endpoint);
        let task = self.task.as_ref();
        !self.is_over()
            && self.trade != Trade::Offlined
            && task.is_some_and(|task| named(&task.source) || named(&task.target))
    }
}
