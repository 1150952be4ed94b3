//! A consistency check of a job's two sides, while both take writes.
//!
//! Read `chunk` (one piece of a table), then `settle` (what is really different), then
//! `table` (all pieces in order). `fold` is pure: it keeps the `Comparison`, which is the
//! bookmark that a later attempt goes on from. Reads only; repairs nothing.

mod chunk;
mod fold;
mod settle;
mod table;

use std::sync::Arc;
use std::time::Duration;

use tidegate_link::{Clock, Digester, Registry, Source, TableDef, Target};
use tidegate_model::compare::{CompareMethod, CompareSpec, Comparison, TableState, TransactionSets};
use tidegate_model::error::Kind;
use tidegate_model::job::JobSpec;
use tidegate_model::report::{Outcome, Trouble};
use tidegate_model::schema::TableName;
use tidegate_model::{Error, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::retry::Retry;

/// Reports are sent no more often than this: each is a copy of all that was found.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// What is never looked at; the first lines of a report say so.
const ROWS_ONLY: &str = "only rows are compared: indexes, constraints, defaults and views are not, and tables that only the \
                         target has are not looked for";

const COUNTED: &str = "rows were counted: their values were not compared";

/// What the control side holds of a check under way.
#[derive(Clone, Debug)]
pub struct CompareControl {
    /// End with `Outcome::Stopped`; the last report is the bookmark.
    pub stop: CancellationToken,
    pub reports: watch::Sender<Comparison>,
}

/// One check, from where `begun` stands. Never panics outward.
pub async fn compare(
    (job, spec): (JobSpec, CompareSpec),
    begun: Comparison,
    registry: &Registry,
    clock: Arc<dyn Clock>,
    control: CompareControl,
) -> Outcome {
    let stop = control.stop.clone();
    let check = Check {
        job,
        spec,
        registry: registry.clone(),
        clock,
        control,
        sent: None,
        found: fold::bookmark(begun),
    };
    let since = check.clock.now_ms();
    // A task of its own: a panic in it becomes an error here. Dropping the set ends it.
    let mut tasks = JoinSet::new();
    tasks.spawn(check.attempts());
    tokio::select! {
        joined = tasks.join_next() => match joined {
            Some(Ok(outcome)) => outcome,
            _ => Outcome::Failed(trouble(&Error::bug("the check broke off"), since, 1)),
        },
        // What is under way is a reading: nothing is lost with it.
        () = stop.cancelled() => {
            tasks.shutdown().await;
            Outcome::Stopped
        }
    }
}

/// Which transactions of the source the target holds by its checkpoint.
pub async fn transaction_sets(job: &JobSpec, registry: &Registry) -> Result<TransactionSets> {
    let engine = registry.get(job.source.engine)?;
    let source = engine.open_source(&job.source).await?;
    let target = registry.get(job.target.engine)?.open_target(&job.target).await?;
    let checkpoint = target.load_checkpoint(&job.job_id).await?;
    let applied = checkpoint
        .and_then(|checkpoint| checkpoint.applied)
        .ok_or_else(|| {
            Error::new(Kind::WrongState, "the job has applied no changes yet")
                .remedy("Wait until it follows the source")
        })?;
    engine.compare_positions(&source.position().await?, &applied)
}

pub(crate) struct Check {
    job: JobSpec,
    spec: CompareSpec,
    registry: Registry,
    clock: Arc<dyn Clock>,
    control: CompareControl,
    sent: Option<Duration>,
    found: Comparison,
}

/// Both sides, opened for one attempt.
pub(crate) struct Sides {
    pub source: Arc<dyn Source>,
    pub follower: settle::Follower,
    pub clock: Arc<dyn Clock>,
}

/// What one worker asks with.
pub(crate) struct Pair {
    pub source: Box<dyn Digester>,
    pub target: Box<dyn Digester>,
}

impl Check {
    async fn attempts(mut self) -> Outcome {
        let done = fold::steps(&self.found);
        if done > 0 {
            tracing::info!(done, "the check goes on after the chunks that are done");
        }
        let mut retry = Retry::new(self.job.retry_window_seconds, &self.job.job_id);
        loop {
            let Err(error) = self.attempt().await else {
                self.report(true);
                return Outcome::Finished;
            };
            let (now, now_ms) = (self.clock.monotonic(), self.clock.now_ms());
            let verdict = retry.failed(now, now_ms, fold::steps(&self.found));
            let wait = match verdict.wait {
                Some(wait) if error.kind().is_retryable() => wait,
                _ if self.pass_over(&error) => Duration::ZERO,
                _ => {
                    tracing::error!(%error, "the check failed");
                    return Outcome::Failed(trouble(&error, verdict.since_ms, verdict.attempts));
                }
            };
            tracing::warn!(%error, attempts = verdict.attempts, "trying again");
            self.found.retrying = Some(error.to_string());
            self.report(true);
            tokio::time::sleep(wait).await;
        }
    }

    /// A table that can't be compared is said so; the others go on. False when no table
    /// was under way.
    fn pass_over(&mut self, error: &Error) -> bool {
        if matches!(error.kind(), Kind::Retry | Kind::Stopped) {
            return false;
        }
        let now_ms = self.clock.now_ms();
        let mut tables = self.found.tables.iter_mut();
        let Some(table) = tables.find(|table| table.state == TableState::Running) else {
            return false;
        };
        fold::skip(table, &error.to_string(), now_ms);
        true
    }

    async fn attempt(&mut self) -> Result<()> {
        let (source, target) = self.open().await?;
        let structure = source
            .read_structure(self.spec.only.as_ref().unwrap_or(&self.job.selection))
            .await?;
        if !self.found.planned {
            let tables = structure.tables.iter().map(|def| &*def.schema);
            let target_of = |name: &TableName| self.job.selection.target_of(name);
            fold::plan(&mut self.found, tables, &target_of)?;
            self.found.never_covered.push(ROWS_ONLY.to_owned());
            if self.spec.method == CompareMethod::Rows {
                self.found.never_covered.push(COUNTED.to_owned());
            }
            self.found.never_covered.extend(structure.not_covered.clone());
        }
        self.found.retrying = None;
        self.report(true);
        let follower = settle::Follower::new(Arc::clone(&target), &self.job);
        let sides = Arc::new(Sides {
            source: Arc::clone(&source),
            follower,
            clock: Arc::clone(&self.clock),
        });
        let mut pairs = self.pairs(&*source, &*target).await?;
        for at in 0..self.found.tables.len() {
            let Some(table) = self.found.tables.get(at) else {
                break;
            };
            if matches!(table.state, TableState::Compared | TableState::Skipped) {
                continue;
            }
            match find(&structure.tables, &table.source) {
                Some(def) => self.table(at, def, &sides, &mut pairs).await?,
                None => self.gone(at),
            }
            self.report(true);
        }
        self.rechecks(&structure.tables, &sides, &mut pairs).await
    }

    async fn open(&self) -> Result<(Arc<dyn Source>, Arc<dyn Target>)> {
        let source = self.registry.get(self.job.source.engine)?;
        let target = self.registry.get(self.job.target.engine)?;
        Ok((
            source.open_source(&self.job.source).await?,
            target.open_target(&self.job.target).await?,
        ))
    }

    /// One more than the threads: it looks for the bounds of chunks.
    async fn pairs(&self, source: &dyn Source, target: &dyn Target) -> Result<Vec<Pair>> {
        let count = usize::from(self.spec.threads.max(1)) + 1;
        let sources = source.open_digesters(count).await?;
        let targets = target.open_digesters(count).await?;
        let pair = |(source, target)| Pair { source, target };
        Ok(sources.into_iter().zip(targets).map(pair).collect())
    }

    fn gone(&mut self, at: usize) {
        let now_ms = self.clock.now_ms();
        if let Some(table) = self.found.tables.get_mut(at) {
            fold::skip(table, "it is no longer on the source", now_ms);
        }
    }

    pub(crate) fn report(&mut self, now: bool) {
        let time = self.clock.monotonic();
        if now
            || self
                .sent
                .is_none_or(|sent| time.saturating_sub(sent) >= REPORT_EVERY)
        {
            self.sent = Some(time);
            self.control.reports.send_replace(self.found.clone());
        }
    }

    pub(crate) fn depth(&self) -> tidegate_link::Depth {
        match self.spec.method {
            CompareMethod::Rows => tidegate_link::Depth::Presence,
            CompareMethod::Data | CompareMethod::Sample => tidegate_link::Depth::Content,
        }
    }
}

pub(crate) fn find<'a>(tables: &'a [TableDef], name: &TableName) -> Option<&'a TableDef> {
    tables.iter().find(|def| def.schema.name == *name)
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
