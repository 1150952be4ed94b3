//! All jobs of this server: in memory to be read, in the store to be kept.
//!
//! A change is made to a copy, written, and shown only then, so an answer is
//! never ahead of the store. One writer a job at a time; readers never wait.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tidegate_meta::{AuditEntry, JobRecord, Secrets, Store};
use tidegate_model::job::Limits;
use tidegate_model::report::RunReport;
use tidegate_model::{Error, Kind, Result};
use tokio::sync::{Mutex, Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::carry::at_rest;
use crate::class::ClassTable;
use crate::compare::CompareTask;
use crate::compares::CompareCells;
use crate::job::Job;
use crate::lifecycle::{self, Trade, status_word};
use crate::runner::Runner;
use crate::world::World;

/// Jobs of one server, those in the recycle bin included. All are held in memory, some KB each.
pub const JOBS_MAX: usize = 10_000;

/// What control works with.
#[derive(Debug)]
pub struct Surroundings {
    pub store: Store,
    pub runner: Arc<dyn Runner>,
    pub world: Arc<dyn World>,
    pub classes: ClassTable,
}

/// A job and its newest report, at one moment.
#[derive(Clone, Debug)]
pub struct JobView {
    pub job: Arc<Job>,
    pub report: Option<RunReport>,
    pub limits: Limits,
    /// Those of the class, before a user's own rates.
    pub class_limits: Limits,
    /// The newest consistency check.
    pub compare: Option<Arc<CompareTask>>,
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jobs {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) world: Arc<dyn World>,
    pub(crate) classes: ClassTable,
    cells: RwLock<BTreeMap<String, Arc<Cell>>>,
    pub(crate) compares: CompareCells,
    /// Held by who starts a check.
    pub(crate) compare_starts: Mutex<()>,
    /// Of the newest job: no two jobs are created in the same millisecond.
    last_created_ms: AtomicU64,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// One job. Its supervisor and the callers of actions share it.
#[derive(Debug)]
pub(crate) struct Cell {
    /// Held by whoever changes the job, until the store has the change.
    pub(crate) writing: Mutex<()>,
    shown: RwLock<Shown>,
    /// Rung at every change by a caller.
    pub(crate) wake: Notify,
    /// A supervisor's task is alive. Changed only by who holds `writing`.
    pub(crate) supervised: AtomicBool,
    pub(crate) limits: watch::Sender<Limits>,
}

#[derive(Clone, Debug)]
struct Shown {
    job: Arc<Job>,
    passwords: Arc<Secrets>,
    report: Option<RunReport>,
}

impl Cell {
    fn new(job: Job, passwords: Secrets, limits: Limits) -> Cell {
        let report = job.report.clone();
        Cell {
            writing: Mutex::new(()),
            shown: RwLock::new(Shown {
                job: Arc::new(job),
                passwords: Arc::new(passwords),
                report,
            }),
            wake: Notify::new(),
            supervised: AtomicBool::new(false),
            limits: watch::Sender::new(limits),
        }
    }

    fn shown(&self) -> Shown {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn job(&self) -> Arc<Job> {
        self.shown().job
    }

    pub(crate) fn passwords(&self) -> Arc<Secrets> {
        self.shown().passwords
    }

    pub(crate) fn report(&self) -> Option<RunReport> {
        self.shown().report
    }

    pub(crate) fn show_report(&self, report: RunReport) {
        self.shown.write().unwrap_or_else(PoisonError::into_inner).report = Some(report);
    }

    fn show(&self, job: Job, passwords: Secrets) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.job = Arc::new(job);
        shown.passwords = Arc::new(passwords);
    }
}

impl Jobs {
    /// Reads all jobs and lets those go on that were under way.
    pub async fn open(with: Surroundings) -> Result<Jobs> {
        let inner = Arc::new(Inner {
            store: with.store,
            runner: with.runner,
            world: with.world,
            classes: with.classes,
            cells: RwLock::default(),
            compares: CompareCells::default(),
            compare_starts: Mutex::new(()),
            last_created_ms: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        for record in inner.store.jobs().await? {
            let job = job_of(&record)?;
            inner.last_created_ms.fetch_max(job.created_ms, Ordering::Relaxed);
            inner.add(job, record.secrets);
        }
        for cell in inner.cells() {
            let job = cell.job();
            if lifecycle::goes_on_after_restart(job.status, job.trade) {
                let _writing = cell.writing.lock().await;
                tracing::info!(job = %job.id, status = %status_word(job.status), "goes on after the restart");
                inner.ensure_supervised(&cell);
            } else if job.owes_tidying() {
                let _writing = cell.writing.lock().await;
                inner.ensure_supervised(&cell);
            }
        }
        inner.open_compares().await?;
        let keeper = Arc::clone(&inner);
        inner.tasks.spawn(async move { keeper.keep_bin().await });
        Ok(Jobs { inner })
    }

    /// Stops all runs at a checkpoint and waits for their ends. Jobs under way stay so.
    pub async fn shut_down(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    pub fn get(&self, id: &str) -> Result<JobView> {
        Ok(self.inner.view(&*self.inner.cell(id)?))
    }

    /// All jobs, newest first.
    pub fn all(&self) -> Vec<JobView> {
        let mut views: Vec<JobView> = self
            .inner
            .cells()
            .iter()
            .map(|cell| self.inner.view(cell))
            .collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.job.created_ms));
        views
    }

    /// Is there an engine for databases of this kind?
    pub fn serves(&self, kind: tidegate_model::endpoint::EngineKind) -> bool {
        self.inner.runner.serves(kind)
    }

    pub fn now_ms(&self) -> u64 {
        self.inner.world.now_ms()
    }

    /// Who asked for what, and what came of it. Durable when it returns.
    pub async fn audit(&self, caller: &str, action: &str, subject: &str, outcome: &str) -> Result<()> {
        let entry = AuditEntry {
            at_ms: i64::try_from(self.now_ms()).unwrap_or(i64::MAX),
            caller: caller.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            outcome: outcome.to_owned(),
        };
        self.inner.store.append_audit(entry).await
    }

    /// Entries of the audit trail with their numbers, newest first; those below
    /// `before` where it is given.
    pub async fn audit_trail(&self, before: Option<i64>, at_most: u32) -> Result<Vec<(i64, AuditEntry)>> {
        self.inner.store.audit(before, at_most).await
    }
}

impl Inner {
    pub(crate) fn cell(&self, id: &str) -> Result<Arc<Cell>> {
        let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
        cells.get(id).cloned().ok_or_else(|| {
            let shown: String = id.chars().take(40).collect();
            Error::new(Kind::NotFound, format!("there is no job `{shown}`"))
        })
    }

    pub(crate) fn cells(&self) -> Vec<Arc<Cell>> {
        let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
        cells.values().cloned().collect()
    }

    pub(crate) fn knows(&self, id: &str) -> bool {
        let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
        cells.contains_key(id)
    }

    pub(crate) fn forget(&self, id: &str) {
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        cells.remove(id);
    }

    fn add(&self, job: Job, passwords: Secrets) {
        let limits = self.limits(&job);
        let id = job.id.clone();
        let cell = Arc::new(Cell::new(job, passwords, limits));
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        cells.insert(id, cell);
    }

    /// Writes a new job, then shows it.
    pub(crate) async fn insert(&self, job: Job) -> Result<()> {
        self.store.put_job(record_of(&job, Secrets::new())?).await?;
        self.add(job, Secrets::new());
        Ok(())
    }

    /// Now, but later than any other job's.
    pub(crate) fn created_ms(&self) -> u64 {
        let now = self.world.now_ms();
        let next = |last: u64| Some(now.max(last + 1));
        let last = self
            .last_created_ms
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .unwrap_or(now);
        now.max(last + 1)
    }

    pub(crate) fn limits(&self, job: &Job) -> Limits {
        job.rates.apply(self.classes.limits(job.class))
    }

    fn view(&self, cell: &Cell) -> JobView {
        let shown = cell.shown();
        JobView {
            limits: self.limits(&shown.job),
            class_limits: self.classes.limits(shown.job.class),
            compare: self.newest_compare(&shown.job.id),
            job: shown.job,
            report: shown.report,
        }
    }

    /// Changes one job: all of `edit`, written and then shown, or after an error nothing.
    pub(crate) async fn change<T>(
        self: &Arc<Self>,
        id: &str,
        edit: impl FnOnce(&mut Job, &mut Secrets) -> Result<T>,
    ) -> Result<T> {
        let cell = self.cell(id)?;
        let writing = cell.writing.lock().await;
        // It may have been forgotten while we waited.
        self.cell(id)?;
        let answer = self.edit(&cell, edit).await?;
        let job = cell.job();
        if lifecycle::is_under_way(job.status) && job.trade == Trade::Normal {
            self.ensure_supervised(&cell);
        }
        cell.limits.send_if_modified(|limits| {
            let new = self.limits(&job);
            let changed = *limits != new;
            *limits = new;
            changed
        });
        drop(writing);
        cell.wake.notify_one();
        Ok(answer)
    }

    /// The same without the bell. The caller holds `writing`.
    pub(crate) async fn edit<T>(
        &self,
        cell: &Cell,
        edit: impl FnOnce(&mut Job, &mut Secrets) -> Result<T>,
    ) -> Result<T> {
        let shown = cell.shown();
        let (mut job, mut passwords) = ((*shown.job).clone(), (*shown.passwords).clone());
        job.report = shown.report;
        let answer = edit(&mut job, &mut passwords)?;
        job.updated_ms = self.world.now_ms().max(job.updated_ms);
        self.store.put_job(record_of(&job, passwords.clone())?).await?;
        if job.status != shown.job.status {
            let (from, to) = (status_word(shown.job.status), status_word(job.status));
            tracing::info!(job = %job.id, %from, %to, "the job's state changed");
        }
        cell.show(job, passwords);
        Ok(answer)
    }

    /// The caller holds `writing`, so that no supervisor can leave unseen meanwhile.
    fn ensure_supervised(self: &Arc<Self>, cell: &Arc<Cell>) {
        if self.stop.is_cancelled() || cell.supervised.swap(true, Ordering::AcqRel) {
            return;
        }
        let span = tracing::info_span!("job", id = %cell.job().id);
        let (inner, cell) = (Arc::clone(self), Arc::clone(cell));
        self.tasks
            .spawn(async move { inner.supervise(&cell).await }.instrument(span));
    }
}

fn job_of(record: &JobRecord) -> Result<Job> {
    let mut job: Job = serde_json::from_value(record.body.clone()).map_err(|error| {
        Error::needs_user(format!("the stored job {} cannot be read", record.id))
            .remedy("Start the version that wrote it, or a later one")
            .caused_by(error)
    })?;
    // Of a run that was killed; one that ended has said so itself.
    job.report = job.report.map(at_rest);
    Ok(job)
}

fn record_of(job: &Job, secrets: Secrets) -> Result<JobRecord> {
    Ok(JobRecord {
        id: job.id.clone(),
        created_ms: i64::try_from(job.created_ms).unwrap_or(i64::MAX),
        status: status_word(job.status),
        body: serde_json::to_value(job).map_err(|error| Error::bug("a job has no JSON").caused_by(error))?,
        secrets,
    })
}
