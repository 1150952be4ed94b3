//! Consistency checks of jobs: what a user asks for, and what goes on by itself.
//!
//! As with jobs, a change is written before it is shown, and a restarted server goes on
//! with what was under way: the report that was kept last is the bookmark.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;
use tidegate_meta::CompareRecord;
use tidegate_model::compare::{CompareSpec, Comparison, TransactionSets};
use tidegate_model::error::Kind;
use tidegate_model::report::{Outcome, Trouble};
use tidegate_model::{Error, Result};
use tokio::sync::{Mutex, Notify};
use tracing::Instrument as _;

use crate::act::drawn_id;
use crate::calm::RUNNING_SEEN_MS;
use crate::compare::{CompareAction, CompareStatus, CompareTask, after_action, allowed};
use crate::jobs::{Inner, Jobs};

/// Checks of one job that are kept. Each holds its differing rows, up to 1 MB.
pub(crate) const COMPARES_MAX: usize = 50;
/// A check's report is written so often: a server that is killed repeats no more than this.
const SAVE_MS: u64 = 1_000;

#[derive(Debug)]
pub(crate) struct CompareCell {
    /// Held by whoever changes the check, until the store has the change.
    writing: Mutex<()>,
    shown: RwLock<Arc<CompareTask>>,
    wake: Notify,
}

pub(crate) type CompareCells = RwLock<BTreeMap<String, Arc<CompareCell>>>;

#[derive(Clone, Debug)]
pub struct NewCompare {
    /// Empty: the id.
    pub name: String,
    pub spec: CompareSpec,
    /// The wire side's own form.
    pub shown: Value,
}

impl CompareCell {
    fn new(task: CompareTask) -> Arc<CompareCell> {
        Arc::new(CompareCell {
            writing: Mutex::new(()),
            shown: RwLock::new(Arc::new(task)),
            wake: Notify::new(),
        })
    }

    fn task(&self) -> Arc<CompareTask> {
        Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn show(&self, task: CompareTask) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(task);
    }
}

impl Jobs {
    /// The id of the new check.
    pub async fn create_compare(&self, job_id: &str, new: NewCompare) -> Result<String> {
        self.inner.may_compare(job_id)?;
        if self.compares(job_id)?.len() >= COMPARES_MAX {
            return Err(Error::new(
                Kind::WrongState,
                format!("the job has {COMPARES_MAX} consistency checks already"),
            )
            .remedy("Delete some that are over"));
        }
        let created_ms = self.inner.created_ms();
        let id = drawn_id(&format!("{job_id}-cmp-"), self.inner.world.random());
        if self.inner.compare_cell(job_id, &id).is_ok() {
            return Err(Error::retry("the drawn id is in use; ask again"));
        }
        let task = CompareTask {
            name: if new.name.is_empty() { id.clone() } else { new.name },
            id: id.clone(),
            job_id: job_id.to_owned(),
            created_ms,
            status: CompareStatus::Created,
            spec: new.spec,
            shown: new.shown,
            started_ms: None,
            ended_ms: None,
            found: Comparison::default(),
            trouble: None,
        };
        self.inner.store.put_compare(record_of(&task)?).await?;
        let mut cells = self
            .inner
            .compares
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        cells.insert(id.clone(), CompareCell::new(task));
        Ok(id)
    }

    /// All checks of a job, newest first.
    pub fn compares(&self, job_id: &str) -> Result<Vec<Arc<CompareTask>>> {
        self.inner.cell(job_id)?;
        Ok(self.inner.compares_of(job_id))
    }

    pub fn compare(&self, job_id: &str, id: &str) -> Result<Arc<CompareTask>> {
        Ok(self.inner.compare_cell(job_id, id)?.task())
    }

    pub async fn modify_compare(&self, job_id: &str, id: &str, new: NewCompare) -> Result<()> {
        let cell = self.inner.compare_cell(job_id, id)?;
        let _writing = cell.writing.lock().await;
        self.inner
            .edit_compare(&cell, |task| {
                task.status = after_action(task.status, CompareAction::Modify)?;
                if !new.name.is_empty() {
                    task.name = new.name;
                }
                task.spec = new.spec;
                task.shown = new.shown;
                Ok(())
            })
            .await
    }

    pub async fn rename_compare(&self, job_id: &str, id: &str, name: &str) -> Result<()> {
        let cell = self.inner.compare_cell(job_id, id)?;
        let _writing = cell.writing.lock().await;
        self.inner
            .edit_compare(&cell, |task| {
                after_action(task.status, CompareAction::Rename)?;
                name.clone_into(&mut task.name);
                Ok(())
            })
            .await
    }

    pub async fn start_compare(&self, job_id: &str, id: &str) -> Result<()> {
        let cell = self.inner.compare_cell(job_id, id)?;
        self.inner.may_compare(job_id)?;
        // One start at a time, so that no two checks of a job run.
        let _starting = self.inner.compare_starts.lock().await;
        let others = self.inner.compares_of(job_id);
        if let Some(other) = others
            .iter()
            .find(|other| other.id != id && other.status.is_under_way())
        {
            return Err(Error::new(
                Kind::WrongState,
                format!("the consistency check {} of this job is under way", other.id),
            )
            .remedy("Wait for its end, or stop it"));
        }
        {
            let _writing = cell.writing.lock().await;
            self.inner
                .edit_compare(&cell, |task| {
                    task.status = after_action(task.status, CompareAction::Start)?;
                    Ok(())
                })
                .await?;
        }
        self.inner.supervise_compare(&cell);
        Ok(())
    }

    pub async fn stop_compare(&self, job_id: &str, id: &str) -> Result<()> {
        let cell = self.inner.compare_cell(job_id, id)?;
        {
            let _writing = cell.writing.lock().await;
            self.inner
                .edit_compare(&cell, |task| {
                    task.status = after_action(task.status, CompareAction::Stop)?;
                    Ok(())
                })
                .await?;
        }
        cell.wake.notify_one();
        Ok(())
    }

    /// Which transactions of the source its target holds now.
    pub async fn compare_sets(&self, job_id: &str) -> Result<TransactionSets> {
        let cell = self.inner.cell(job_id)?;
        if !cell.job().has_traces {
            return Err(Error::new(
                Kind::WrongState,
                "the job has no run on its target to compare with",
            )
            .remedy("Sets of transactions are compared while the job runs"));
        }
        let spec = self.inner.spec(&cell).await?;
        self.inner.runner.compare_sets(spec).await
    }

    pub async fn delete_compare(&self, job_id: &str, id: &str) -> Result<()> {
        let cell = self.inner.compare_cell(job_id, id)?;
        let _writing = cell.writing.lock().await;
        after_action(cell.task().status, CompareAction::Delete)?;
        self.inner.store.remove_compare(id).await?;
        self.inner
            .compares
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        Ok(())
    }
}

impl Inner {
    fn compares_of(&self, job_id: &str) -> Vec<Arc<CompareTask>> {
        let cells = self.compares.read().unwrap_or_else(PoisonError::into_inner);
        let mut tasks: Vec<Arc<CompareTask>> = cells.values().map(|cell| cell.task()).collect();
        tasks.retain(|task| task.job_id == job_id);
        tasks.sort_by_key(|task| std::cmp::Reverse(task.created_ms));
        tasks
    }

    /// Ids of a job's checks stand side by side.
    pub(crate) fn newest_compare(&self, job_id: &str) -> Option<Arc<CompareTask>> {
        let cells = self.compares.read().unwrap_or_else(PoisonError::into_inner);
        let of_job = cells
            .range(job_id.to_owned()..)
            .take_while(|(id, _)| id.starts_with(job_id));
        of_job
            .map(|(_, cell)| cell.task())
            .max_by_key(|task| task.created_ms)
    }

    fn compare_cell(&self, job_id: &str, id: &str) -> Result<Arc<CompareCell>> {
        self.cell(job_id)?;
        let cells = self.compares.read().unwrap_or_else(PoisonError::into_inner);
        let found = cells.get(id).filter(|cell| cell.task().job_id == job_id);
        found.cloned().ok_or_else(|| {
            let shown: String = id.chars().take(60).collect();
            Error::new(
                Kind::NotFound,
                format!("the job has no consistency check `{shown}`"),
            )
        })
    }

    fn may_compare(&self, job_id: &str) -> Result<()> {
        let job = self.cell(job_id)?.job();
        if allowed(job.status, job.trade) {
            return Ok(());
        }
        let state = crate::lifecycle::status_word(job.status);
        Err(Error::new(
            Kind::WrongState,
            format!("a job that is {state} does not allow a consistency check"),
        )
        .remedy("Both sides are compared while the job is running or readyComplete"))
    }

    /// Reads all checks; those under way go on.
    pub(crate) async fn open_compares(self: &Arc<Self>) -> Result<()> {
        for record in self.store.compares().await? {
            let task: CompareTask = serde_json::from_value(record.body).map_err(|error| {
                Error::needs_user(format!(
                    "the stored consistency check {} cannot be read",
                    record.id
                ))
                .remedy("Start the version that wrote it, or a later one")
                .caused_by(error)
            })?;
            if !self.knows(&task.job_id) {
                self.store.remove_compare(&task.id).await?;
                continue;
            }
            let (id, under_way) = (task.id.clone(), task.status.is_under_way());
            let cell = CompareCell::new(task);
            self.compares
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id, Arc::clone(&cell));
            if under_way {
                self.supervise_compare(&cell);
            }
        }
        Ok(())
    }

    /// With a job, its checks go.
    pub(crate) async fn forget_compares(&self, job_id: &str) -> Result<()> {
        for task in self.compares_of(job_id) {
            self.store.remove_compare(&task.id).await?;
            self.compares
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&task.id);
        }
        Ok(())
    }

    /// The caller holds `writing`.
    async fn edit_compare(
        &self,
        cell: &CompareCell,
        edit: impl FnOnce(&mut CompareTask) -> Result<()>,
    ) -> Result<()> {
        let before = cell.task();
        let mut task = (*before).clone();
        edit(&mut task)?;
        self.store.put_compare(record_of(&task)?).await?;
        if task.status != before.status {
            let (from, to) = (before.status.word(), task.status.word());
            tracing::info!(compare = %task.id, %from, %to, "the check's state changed");
        }
        cell.show(task);
        Ok(())
    }

    fn supervise_compare(self: &Arc<Self>, cell: &Arc<CompareCell>) {
        if self.stop.is_cancelled() {
            return;
        }
        let span = tracing::info_span!("compare", id = %cell.task().id);
        let (inner, cell) = (Arc::clone(self), Arc::clone(cell));
        self.tasks
            .spawn(async move { inner.run_compare(&cell).await }.instrument(span));
    }

    async fn run_compare(&self, cell: &CompareCell) {
        let task = cell.task();
        if task.status == CompareStatus::Stopping {
            return self.end_compare(cell, Outcome::Stopped).await;
        }
        let spec = match self.cell(&task.job_id) {
            Ok(job) => self.spec(&job).await,
            Err(error) => Err(error),
        };
        let spec = match spec {
            Ok(spec) => spec,
            Err(error) => {
                let trouble = crate::supervise::trouble(&error, self.world.now_ms());
                return self.end_compare(cell, Outcome::Failed(trouble)).await;
            }
        };
        let now = self.world.now_ms();
        self.change_compare(cell, |task| {
            if task.status == CompareStatus::ReadyRun {
                task.status = CompareStatus::Running;
                task.started_ms.get_or_insert(now);
            }
        })
        .await;
        let handle = self.runner.compare(spec, task.spec.clone(), task.found.clone());
        self.attend_compare(cell, handle).await;
    }

    async fn attend_compare(&self, cell: &CompareCell, mut handle: crate::CompareHandle) {
        let (mut reporting, mut saved_ms, mut unsaved) = (true, 0, false);
        loop {
            let task = cell.task();
            if task.status == CompareStatus::Stopping || self.is_job_over(&task.job_id) {
                handle.stop.cancel();
            }
            tokio::select! {
                outcome = &mut handle.outcome => {
                    let last = handle.reports.borrow().clone();
                    self.change_compare(cell, |task| keep(task, last.clone())).await;
                    let wanted = cell.task().status == CompareStatus::Stopping || self.is_job_over(&task.job_id);
                    if outcome == Outcome::Stopped && self.stop.is_cancelled() && !wanted {
                        return;
                    }
                    return self.end_compare(cell, outcome).await;
                }
                changed = handle.reports.changed(), if reporting => {
                    reporting = changed.is_ok();
                    let found = handle.reports.borrow_and_update().clone();
                    if self.world.now_ms() >= saved_ms + SAVE_MS {
                        self.change_compare(cell, |task| keep(task, found.clone())).await;
                        (saved_ms, unsaved) = (self.world.now_ms(), false);
                    } else {
                        unsaved = true;
                        let _writing = cell.writing.lock().await;
                        let mut task = (*cell.task()).clone();
                        keep(&mut task, found);
                        cell.show(task);
                    }
                }
                () = cell.wake.notified() => {}
                () = self.stop.cancelled(), if !handle.stop.is_cancelled() => handle.stop.cancel(),
                () = self.world.sleep_until(self.world.now_ms() + SAVE_MS) => {
                    // What is shown is kept soon, also when nothing more comes for a while.
                    if unsaved {
                        self.change_compare(cell, |_| ()).await;
                        (saved_ms, unsaved) = (self.world.now_ms(), false);
                    }
                }
            }
        }
    }

    fn is_job_over(&self, job_id: &str) -> bool {
        self.cell(job_id).map_or(true, |cell| cell.job().is_over())
    }

    /// A check that is done in a moment is still seen running: public clients wait for that.
    async fn end_compare(&self, cell: &CompareCell, outcome: Outcome) {
        if outcome == Outcome::Finished {
            let seen_ms = cell.task().started_ms.unwrap_or_default() + RUNNING_SEEN_MS;
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = cell.wake.notified() => {}
                () = self.world.sleep_until(seen_ms) => {}
            }
        }
        let now = self.world.now_ms();
        self.change_compare(cell, |task| {
            (task.status, task.trouble) = ending(&outcome, task.status, now);
            task.ended_ms = Some(now);
        })
        .await;
    }

    /// A state that can't be written is tried again until it can: see `happen` of jobs.
    async fn change_compare(&self, cell: &CompareCell, edit: impl Fn(&mut CompareTask)) {
        loop {
            let writing = cell.writing.lock().await;
            let written = self
                .edit_compare(cell, |task| {
                    edit(task);
                    Ok(())
                })
                .await;
            drop(writing);
            let Err(error) = written else { return };
            tracing::error!(%error, "the check's state could not be written; trying again");
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.world.sleep_until(self.world.now_ms() + SAVE_MS) => {}
            }
        }
    }
}

/// An empty report is that of a check which has not begun: it says nothing new.
fn keep(task: &mut CompareTask, found: Comparison) {
    if found.planned {
        task.found = found;
    }
}

fn ending(outcome: &Outcome, status: CompareStatus, now_ms: u64) -> (CompareStatus, Option<Trouble>) {
    match outcome {
        Outcome::Finished => (CompareStatus::Success, None),
        Outcome::Stopped if status == CompareStatus::Stopping => (CompareStatus::Canceled, None),
        Outcome::Stopped => {
            let trouble = Trouble {
                kind: Kind::Stopped,
                message: "the job ended before its check did".to_owned(),
                remedy: "The cutover compares both sides as well: see its record".to_owned(),
                since_ms: now_ms,
                attempts: 1,
            };
            (CompareStatus::Canceled, Some(trouble))
        }
        Outcome::Failed(_) if status == CompareStatus::Stopping => (CompareStatus::Canceled, None),
        Outcome::Failed(trouble) => (CompareStatus::Failed, Some(trouble.clone())),
    }
}

fn record_of(task: &CompareTask) -> Result<CompareRecord> {
    Ok(CompareRecord {
        id: task.id.clone(),
        job_id: task.job_id.clone(),
        created_ms: i64::try_from(task.created_ms).unwrap_or(i64::MAX),
        body: serde_json::to_value(task)
            .map_err(|error| Error::bug("a consistency check has no JSON").caused_by(error))?,
    })
}
