//! What goes on by itself: one task for each job that is under way.
//!
//! It does what the job's state says (check, wait for the time, run) until the
//! state asks for nothing more. A restarted server begins with the same states,
//! so it needs no other way to go on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use secrecy::ExposeSecret as _;
use tidegate_meta::Secrets;
use tidegate_model::endpoint::{Certificates, Endpoint};
use tidegate_model::error::Kind;
use tidegate_model::job::JobSpec;
use tidegate_model::report::{Outcome, RunReport, Trouble};
use tidegate_model::{Error, Result};

use crate::act::{SOURCE_KEY, SOURCE_PASSWORD, TARGET_KEY, TARGET_PASSWORD};
use crate::calm::{Calm, RUNNING_SEEN_MS};
use crate::carry::{at_rest, carried};
use crate::job::{CheckRecord, Job, Reach, Side, StartAt};
use crate::jobs::{Cell, Inner};
use crate::lifecycle::{self, Happening, Status, after_happening};
use crate::runner::RunHandle;
use crate::steps;

/// A check that takes longer has met a server that hangs.
const CHECK_MS_MAX: u64 = 10 * 60_000;
/// Reports come twice a second; this often one is written, so that a restart shows a recent one.
const SAVE_MS: u64 = 10_000;
/// A target that takes longer to remove a checkpoint is left with it for now.
const TIDY_MS_MAX: u64 = 30_000;
/// Between tries to write to a store that refuses.
const STORE_PAUSE_MS: u64 = 2_000;

/// How a run went out of our hands.
enum Ended {
    Outcome(Outcome),
    /// The server is going down: the run has stopped, the job stays under way.
    ShutDown,
}

impl Inner {
    pub(crate) async fn supervise(self: &Arc<Self>, cell: &Cell) {
        while !self.stop.is_cancelled() {
            let job = cell.job();
            match job.status {
                Status::Checking => self.check(cell).await,
                Status::ReadyRun => self.await_start(cell, &job).await,
                Status::Pausing => self.happen(cell, Happening::Paused, |_| ()).await,
                Status::Stopping => self.happen(cell, Happening::Stopped, |_| ()).await,
                // Caught up is what a run says, and there is none yet.
                Status::ReadyComplete => self.happen(cell, Happening::FellBehind, |_| ()).await,
                Status::Running | Status::Completing | Status::Resuming => self.run(cell).await,
                _ => {
                    if job.owes_tidying() {
                        self.tidy(cell).await;
                    }
                    let _writing = cell.writing.lock().await;
                    if !lifecycle::is_under_way(cell.job().status) {
                        cell.supervised.store(false, Ordering::Release);
                        return;
                    }
                }
            }
        }
    }

    /// Moves the job on, with more of `edit`. Tried until the store takes it: the
    /// state of a job must not be lost because a disk was full for a while.
    async fn happen(&self, cell: &Cell, happening: Happening, edit: impl Fn(&mut Job)) {
        loop {
            let writing = cell.writing.lock().await;
            let now = self.world.now_ms();
            let written = self
                .edit(cell, |job: &mut Job, _: &mut Secrets| {
                    if let Some(status) = after_happening(job.status, happening) {
                        job.status = status;
                        edit(job);
                        note_times(job, happening, now);
                    }
                    Ok(())
                })
                .await;
            drop(writing);
            let Err(error) = written else { return };
            tracing::error!(%error, "the job's state could not be written; trying again");
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.world.sleep_until(now + STORE_PAUSE_MS) => {}
            }
        }
    }

    async fn check(&self, cell: &Cell) {
        let began_ms = self.world.now_ms();
        let checking = async {
            let spec = self.spec(cell).await?;
            self.runner.precheck(spec).await
        };
        let too_long = || {
            Error::retry("the check took too long and was given up")
                .remedy("Check that both servers answer, then check the job again")
        };
        let found = tokio::select! {
            () = self.stop.cancelled() => return,
            () = self.world.sleep_until(began_ms + CHECK_MS_MAX) => Err(too_long()),
            found = checking => found,
        };
        let ended_ms = Some(self.world.now_ms());
        let (steps, trouble) = match found {
            Ok(steps) => (steps, None),
            Err(error) => (Vec::new(), Some(trouble(&error, began_ms))),
        };
        let job = cell.job();
        let passed = trouble.is_none() && steps.iter().all(|step| job.step_passes(step));
        let record = CheckRecord {
            began_ms,
            ended_ms,
            steps,
            trouble,
        };
        let happening = if passed {
            Happening::CheckPassed
        } else {
            Happening::CheckFailed
        };
        self.happen(cell, happening, |job| job.check = Some(record.clone()))
            .await;
    }

    /// Removes the job's checkpoint from its target, now that its end is stored. A target
    /// that can't be reached keeps it until the server starts again: it does no harm there.
    async fn tidy(&self, cell: &Cell) {
        let tidying = async {
            let spec = self.spec(cell).await?;
            self.runner.forget(spec).await
        };
        let limit = self.world.now_ms() + TIDY_MS_MAX;
        let done = tokio::select! {
            () = self.stop.cancelled() => return,
            () = self.world.sleep_until(limit) => Err(Error::retry("the target did not answer in time")),
            done = tidying => done,
        };
        let _writing = cell.writing.lock().await;
        let written = match done {
            Ok(()) => {
                self.edit(cell, |job: &mut Job, _: &mut Secrets| {
                    job.has_traces = false;
                    Ok(())
                })
                .await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "the job's checkpoint stays on the target until the next start");
        }
    }

    async fn await_start(&self, cell: &Cell, job: &Job) {
        if let StartAt::Timed(at_ms) = job.start_at {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = cell.wake.notified() => return,
                () = self.world.sleep_until(at_ms) => {}
            }
        }
        self.happen(cell, Happening::RunBegan, |_| ()).await;
    }

    async fn run(&self, cell: &Cell) {
        let spec = match self.spec(cell).await {
            Ok(spec) => spec,
            Err(error) => {
                let trouble = trouble(&error, self.world.now_ms());
                return self.end(cell, Outcome::Failed(trouble)).await;
            }
        };
        let mut handle = self.runner.start(spec, cell.limits.subscribe());
        self.happen(cell, Happening::RunBegan, |job| job.trouble = None)
            .await;
        match self.attend(cell, &mut handle).await {
            Ended::Outcome(outcome) => self.end(cell, outcome).await,
            Ended::ShutDown => self.save(cell).await,
        }
    }

    /// Stays with a run until it has ended, and hands on what the user wants of it.
    async fn attend(&self, cell: &Cell, handle: &mut RunHandle) -> Ended {
        let mut calm = Calm::default();
        let before = cell.report();
        let mut saved_ms = self.world.now_ms();
        let (mut reporting, mut stopping) = (true, false);
        loop {
            let job = cell.job();
            match job.status {
                Status::Pausing | Status::Stopping => handle.stop.cancel(),
                Status::Completing => handle.complete.cancel(),
                _ => {}
            }
            let now = self.world.now_ms();
            let due = calm.happening(job.status, job.running_since_ms, now);
            if let Some(happening) = due.filter(|_| !self.stop.is_cancelled()) {
                self.happen(cell, happening, |_| ()).await;
                continue;
            }
            let look = calm
                .next_look(job.status, job.running_since_ms)
                .filter(|at| *at > now);
            let look = look.unwrap_or(u64::MAX).min(saved_ms + SAVE_MS);
            tokio::select! {
                outcome = &mut handle.outcome => {
                    // The last report may lie unread.
                    let last = handle.reports.borrow().clone();
                    self.note(cell, at_rest(carried(before.as_ref(), last))).await;
                    let on_the_way = matches!(cell.job().status, Status::Pausing | Status::Stopping);
                    if stopping && !on_the_way && may_go_on(&outcome) {
                        return Ended::ShutDown;
                    }
                    return Ended::Outcome(outcome);
                }
                changed = handle.reports.changed(), if reporting => {
                    reporting = changed.is_ok();
                    let report = handle.reports.borrow_and_update().clone();
                    let report = carried(before.as_ref(), report);
                    calm.hear(report.caught_up, self.world.now_ms());
                    if self.note(cell, report).await {
                        saved_ms = self.world.now_ms();
                    }
                }
                () = cell.wake.notified() => {}
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    handle.stop.cancel();
                }
                () = self.world.sleep_until(look) => {
                    if self.world.now_ms() >= saved_ms + SAVE_MS {
                        self.save(cell).await;
                        saved_ms = self.world.now_ms();
                    }
                }
            }
        }
    }

    /// Shows a report. True when it was also written: at each new stage.
    async fn note(&self, cell: &Cell, report: RunReport) -> bool {
        let before = cell.report().map(|report| report.stage);
        let new_stage = before != Some(report.stage) || report.cutover.is_some();
        cell.show_report(report);
        if new_stage {
            self.save(cell).await;
        }
        new_stage
    }

    /// Writes the newest report. A failure is no more than an older report after a restart.
    async fn save(&self, cell: &Cell) {
        let _writing = cell.writing.lock().await;
        let now = self.world.now_ms();
        let edit = |job: &mut Job, _: &mut Secrets| {
            keep_report(job, now);
            Ok(())
        };
        if let Err(error) = self.edit(cell, edit).await {
            tracing::warn!(%error, "a report could not be written");
        }
    }

    async fn end(&self, cell: &Cell, outcome: Outcome) {
        let now = self.world.now_ms();
        let job = cell.job();
        let judged = judge(&job, cell.report().as_ref(), outcome, now);
        if matches!(judged, Judged::Finished) && job.status == Status::Running {
            // A server that goes down does not wait: the end is worth more than the show.
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.world.sleep_until(job.running_since_ms + RUNNING_SEEN_MS) => {}
            }
        }
        match judged {
            Judged::Finished => {
                self.happen(cell, Happening::Finished, |job| keep_report(job, now))
                    .await
            }
            Judged::Stopped if cell.job().status == Status::Pausing => {
                self.happen(cell, Happening::Paused, |job| keep_report(job, now))
                    .await;
            }
            Judged::Stopped => {
                self.happen(cell, Happening::Stopped, |job| keep_report(job, now))
                    .await;
            }
            Judged::Faulted(trouble) => {
                tracing::error!(kind = ?trouble.kind, message = %trouble.message, "the run ended with an error");
                let edit = |job: &mut Job| {
                    keep_report(job, now);
                    job.trouble = Some(trouble.clone());
                };
                self.happen(cell, Happening::Faulted, edit).await;
            }
        }
    }

    pub(crate) async fn spec(&self, cell: &Cell) -> Result<JobSpec> {
        let (job, passwords) = (cell.job(), cell.passwords());
        let task = job
            .task
            .as_ref()
            .ok_or_else(|| Error::bug("a job under way has no configuration"))?;
        let password = |field: &str| {
            let found = passwords.get(field);
            found.map(|password| password.expose_secret().to_owned())
        };
        Ok(JobSpec {
            job_id: job.id.clone(),
            source: self
                .endpoint(&task.source, password(SOURCE_PASSWORD), password(SOURCE_KEY))
                .await?,
            target: self
                .endpoint(&task.target, password(TARGET_PASSWORD), password(TARGET_KEY))
                .await?,
            selection: task.selection.clone(),
            migrate_type: task.migrate_type,
            limits: self.limits(&job),
            foreign_keys: job.foreign_keys,
            skipped_checks: job.skipped.clone(),
            retry_window_seconds: task.retry_window_seconds,
            skip_ddl_errors: task.skip_ddl_errors,
        })
    }

    async fn endpoint(
        &self,
        side: &Side,
        password: Option<String>,
        client_key: Option<String>,
    ) -> Result<Endpoint> {
        match &side.reach {
            Reach::Address { host, port, user } => Ok(Endpoint {
                engine: side.engine,
                host: host.clone(),
                port: *port,
                user: user.clone(),
                password: password.unwrap_or_default(),
                tls: side.tls,
                certificates: Certificates {
                    client_key,
                    ..side.certificates.clone()
                },
            }),
            Reach::Registered { name, user } => {
                let mut endpoint = self.registered(name).await?;
                if endpoint.engine != side.engine {
                    return Err(Error::needs_user(format!(
                        "the registered endpoint `{name}` is {}, not {}",
                        endpoint.engine.as_str(),
                        side.engine.as_str()
                    )));
                }
                if let Some(user) = user {
                    endpoint.user.clone_from(user);
                    endpoint.password = password.unwrap_or_default();
                }
                Ok(endpoint)
            }
        }
    }
}

/// A run that ended because it was told to, or by what may be gone when the server is back.
fn may_go_on(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Stopped => true,
        Outcome::Failed(trouble) => trouble.kind == Kind::Stopped || trouble.kind.is_retryable(),
        Outcome::Finished => false,
    }
}

enum Judged {
    Finished,
    Stopped,
    Faulted(Trouble),
}

/// What a run's end means. Nobody's word is taken for what its record does not say.
fn judge(job: &Job, report: Option<&RunReport>, outcome: Outcome, now_ms: u64) -> Judged {
    let fault = |kind, message: &str, remedy: &str| {
        Judged::Faulted(Trouble {
            kind,
            message: message.to_owned(),
            remedy: remedy.to_owned(),
            since_ms: now_ms,
            attempts: 1,
        })
    };
    let leaving = matches!(job.status, Status::Pausing | Status::Stopping);
    match outcome {
        Outcome::Failed(trouble) if leaving && trouble.kind == Kind::Stopped => Judged::Stopped,
        Outcome::Failed(trouble) => Judged::Faulted(trouble),
        Outcome::Stopped if leaving => Judged::Stopped,
        Outcome::Stopped => fault(
            Kind::Bug,
            "the run stopped and nobody had asked it to",
            "Resume the job, and report this",
        ),
        Outcome::Finished => {
            let record = report.and_then(|report| report.cutover.as_ref());
            let follows = job
                .task
                .as_ref()
                .is_some_and(|task| task.migrate_type.follows_changes());
            match record {
                Some(record) if !record.equal => fault(
                    Kind::Conflict,
                    "source and target differ after the cutover",
                    "The record names the tables. Stop all writing to both sides, then migrate these tables again",
                ),
                None if follows => fault(
                    Kind::Bug,
                    "the run ended without a proof that both sides are equal",
                    "Resume the job, and report this",
                ),
                _ => Judged::Finished,
            }
        }
    }
}

pub(crate) fn trouble(error: &Error, since_ms: u64) -> Trouble {
    Trouble {
        kind: error.kind(),
        message: error.to_string(),
        remedy: error.remedy_text().unwrap_or_default().to_owned(),
        since_ms,
        attempts: 1,
    }
}

fn keep_report(job: &mut Job, now_ms: u64) {
    let Some(report) = &job.report else { return };
    let follows = job
        .task
        .as_ref()
        .is_some_and(|task| task.migrate_type.follows_changes());
    steps::note(&mut job.steps, report.stage, follows, now_ms);
    if report.cutover.is_some() {
        job.record.clone_from(&report.cutover);
    }
}

fn note_times(job: &mut Job, happening: Happening, now_ms: u64) {
    if happening == Happening::RunBegan {
        job.started_ms.get_or_insert(now_ms);
        job.running_since_ms = now_ms;
        job.has_traces = true;
    }
    if job.is_over() {
        job.ended_ms = Some(now_ms);
    }
}
