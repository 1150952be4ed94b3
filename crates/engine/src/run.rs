//! One run of a job, from where its checkpoint stands to its end.
//!
//! Relies on the traits of `link` alone. The control side hands down a
//! `JobSpec` and a `RunControl`, and gets reports and an `Outcome`. A run is a row
//! of attempts: each opens both sides anew and goes on from the durable checkpoint,
//! so nothing that an attempt held in memory is believed after it failed.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_link::{Clock, Registry, Structure, TableDef};
use tidegate_model::finding::CheckStep;
use tidegate_model::job::{JobSpec, Limits};
use tidegate_model::report::{Outcome, RunReport, Trouble};
use tidegate_model::schema::TableName;
use tidegate_model::{Error, Kind, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::retry::Retry;
use crate::stages;

/// A stop lets what is under way be committed; a side that hangs must not hold it up for longer.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// What the control side holds of a run under way.
#[derive(Clone, Debug)]
pub struct RunControl {
    /// Checkpoint and end with `Outcome::Stopped`.
    pub stop: CancellationToken,
    /// Cut over: drain, prove, end with `Outcome::Finished`. May be set before the run is caught up.
    pub complete: CancellationToken,
    /// Rates count at once when they change; threads from the next stage on.
    pub limits: watch::Receiver<Limits>,
    /// Replaced about twice a second, and at every change of stage.
    pub reports: watch::Sender<RunReport>,
}

/// Runs a job until it is finished, stopped or failed. Never panics outward; a
/// run that was stopped or failed goes on from its checkpoint when run again.
pub async fn run(spec: JobSpec, registry: &Registry, clock: Arc<dyn Clock>, control: RunControl) -> Outcome {
    let board = Board::new(Arc::clone(&clock), control.reports.clone());
    let context = Arc::new(Context {
        spec,
        registry: registry.clone(),
        clock,
        control,
        board,
        memory: Mutex::default(),
    });
    // A task of its own: a panic in it becomes an error here. Dropping the set ends it.
    let mut tasks = JoinSet::new();
    let inner = Arc::clone(&context);
    tasks.spawn(async move { attempts(&inner).await });
    let outcome = tokio::select! {
        joined = tasks.join_next() => match joined {
            Some(Ok(outcome)) => outcome,
            _ => Outcome::Failed(trouble(&Error::bug("the run broke off"), context.clock.now_ms(), 1)),
        },
        never = publish_forever(&context.board) => match never {},
        () = overdue(&context.control.stop) => Outcome::Stopped,
    };
    // Whatever is left of it is at a call that does not return: its sessions are closed.
    tasks.shutdown().await;
    context.board.publish();
    outcome
}

/// All steps of the precheck, in the engine's order. A step whose basis failed (no
/// connection) is there with `ran: false`. An error only when nothing could be said.
pub async fn precheck(spec: &JobSpec, registry: &Registry) -> Result<Vec<CheckStep>> {
    crate::precheck::steps(spec, registry).await
}

/// What all parts of a run share.
#[derive(Debug)]
pub(crate) struct Context {
    pub spec: JobSpec,
    pub registry: Registry,
    pub clock: Arc<dyn Clock>,
    pub control: RunControl,
    pub board: Board,
    memory: Mutex<Memory>,
}

/// What outlives an attempt and is not in the checkpoint. Losing it costs an error with a
/// way out at worst, never a wrong row.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The structure that the tables were created from.
    pub created: Option<Structure>,
    /// The structure of the last snapshot, and the tables' definitions as they were copied.
    pub copied: Option<Arc<Structure>>,
    pub defs: BTreeMap<TableName, TableDef>,
    /// Chunks that must be read as `Neutral`.
    pub neutral: HashSet<(TableName, u32)>,
    /// Chunks that were finished before this run.
    pub reused: Option<u64>,
}

impl Context {
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn job_id(&self) -> &str {
        &self.spec.job_id
    }

    pub(crate) fn limits(&self) -> Limits {
        *self.control.limits.borrow()
    }

    /// Ends `work` with `Kind::Stopped` as soon as the run is asked to stop.
    pub(crate) async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.control.stop.cancelled() => Err(Error::stopped()),
            done = work => done,
        }
    }
}

/// Ends when a stop was asked for and the run has not ended by itself in time.
async fn overdue(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_LIMIT).await;
}

async fn publish_forever(board: &Board) -> Infallible {
    loop {
        board.publish_forever().await;
    }
}

fn trouble(error: &Error, since_ms: u64, attempts: u64) -> Trouble {
    Trouble {
        kind: error.kind(),
        message: error.to_string(),
        remedy: error.remedy_text().unwrap_or_default().to_owned(),
        since_ms,
        attempts,
    }
}

async fn attempts(context: &Arc<Context>) -> Outcome {
    let mut retry = Retry::new(context.spec.retry_window_seconds, context.job_id());
    let mut first = true;
    loop {
        let Err(error) = Box::pin(stages::attempt(context, first)).await else {
            return Outcome::Finished;
        };
        first = false;
        if error.kind() == Kind::Stopped && context.control.stop.is_cancelled() {
            return Outcome::Stopped;
        }
        let (now, now_ms) = (context.clock.monotonic(), context.clock.now_ms());
        let verdict = retry.failed(now, now_ms, context.board.advances());
        let seen = trouble(&error, verdict.since_ms, verdict.attempts);
        let wait = match verdict.wait {
            Some(wait) if error.kind().is_retryable() => wait,
            _ => {
                tracing::error!(job = context.job_id(), %error, "the run failed");
                context.board.update(|report| report.retrying = None);
                return Outcome::Failed(seen);
            }
        };
        tracing::warn!(job = context.job_id(), %error, attempts = seen.attempts, "trying again");
        context.board.update(|report| report.retrying = Some(seen));
        context.board.publish();
        tokio::select! {
            () = context.control.stop.cancelled() => return Outcome::Stopped,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
