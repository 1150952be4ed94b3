//! What a user asks of a job: one function an action, each durable when it returns.
//!
//! Relies on `lifecycle` for what is allowed. Nothing here waits for a run: the
//! supervisor sees the changed state and acts.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::collections::BTreeSet;
use tidegate_meta::Secrets;
use tidegate_model::endpoint::EngineKind;
use tidegate_model::job::ForeignKeys;
use tidegate_model::{Error, Kind, Result};

use crate::class::{InstanceClass, Rates};
use crate::job::{Job, Side, StartAt, StepTimes, Tag, Task};
use crate::jobs::{JOBS_MAX, Jobs};
use crate::lifecycle::{Action, Status, Trade, after_action};

/// Names of the secrets that lie beside a job.
pub(crate) const SOURCE_PASSWORD: &str = "source";
pub(crate) const TARGET_PASSWORD: &str = "target";
pub(crate) const SOURCE_KEY: &str = "source key";
pub(crate) const TARGET_KEY: &str = "target key";

const ID_LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH: usize = 8;
/// 36^8 ids over at most `JOBS_MAX` jobs: a clash is rare, a row of them a broken source of chance.
const ID_TRIES_MAX: usize = 16;
/// The step whose skipping decides about foreign keys.
const FOREIGN_KEY_STEP: &str = "ConstraintCheck";

#[derive(Clone, Debug)]
pub struct NewJobs {
    pub count: u64,
    pub name: String,
    pub tags: Vec<Tag>,
    pub source_type: EngineKind,
    pub target_type: EngineKind,
    pub source_region: String,
    pub target_region: String,
    pub class: InstanceClass,
}

/// None: keep the one that is there, if the end is still the same.
#[derive(Clone, Debug, Default)]
pub struct Passwords {
    pub source: Option<SecretString>,
    pub target: Option<SecretString>,
    /// Keys of the certificates that are shown to the databases.
    pub source_key: Option<SecretString>,
    pub target_key: Option<SecretString>,
}

#[derive(Clone, Debug)]
pub struct Configuration {
    pub task: Task,
    pub passwords: Passwords,
    pub start_at: StartAt,
    /// The wire side's own form, without secrets.
    pub shown: Value,
    pub rates: Rates,
    pub name: Option<String>,
    pub tags: Option<Vec<Tag>>,
}

impl Jobs {
    /// Ids of the new jobs, oldest first.
    pub async fn create(&self, new: NewJobs) -> Result<Vec<String>> {
        if self.room() < new.count {
            return Err(
                Error::new(Kind::WrongState, format!("there are {JOBS_MAX} jobs already"))
                    .remedy("Destroy jobs that are over"),
            );
        }
        let mut ids = Vec::new();
        for _ in 0..new.count {
            let job = self.new_job(&new)?;
            ids.push(job.id.clone());
            self.inner.insert(job).await?;
        }
        Ok(ids)
    }

    /// How many more jobs there may be.
    pub fn room(&self) -> u64 {
        let room = JOBS_MAX.saturating_sub(self.inner.cells().len());
        u64::try_from(room).unwrap_or(u64::MAX)
    }

    fn new_job(&self, new: &NewJobs) -> Result<Job> {
        let created_ms = self.inner.created_ms();
        let id = self.new_id()?;
        Ok(Job {
            name: if new.name.is_empty() {
                id.clone()
            } else {
                new.name.clone()
            },
            id,
            created_ms,
            updated_ms: created_ms,
            tags: new.tags.clone(),
            source_type: new.source_type,
            target_type: new.target_type,
            source_region: new.source_region.clone(),
            target_region: new.target_region.clone(),
            class: new.class,
            status: Status::Created,
            trade: Trade::Normal,
            start_at: StartAt::Immediate,
            task: None,
            shown: Value::Null,
            check: None,
            skipped: Vec::new(),
            foreign_keys: ForeignKeys::Migrate,
            rates: Rates::default(),
            report: None,
            record: None,
            steps: StepTimes::default(),
            trouble: None,
            started_ms: None,
            ended_ms: None,
            running_since_ms: 0,
            isolated_ms: None,
            offlined_ms: None,
            bin_expired: false,
            has_traces: false,
        })
    }

    fn new_id(&self) -> Result<String> {
        for _ in 0..ID_TRIES_MAX {
            let id = drawn_id("dts-", self.inner.world.random());
            if !self.inner.knows(&id) {
                return Ok(id);
            }
        }
        Err(Error::bug("no free job id was found"))
    }

    pub async fn configure(&self, id: &str, with: Configuration) -> Result<()> {
        let edit = |job: &mut Job, secrets: &mut Secrets| {
            job.status = after_action(job.status, job.trade, Action::Configure)?;
            fits("SrcInfo", &with.task.source, job.source_type, &job.source_region)?;
            fits("DstInfo", &with.task.target, job.target_type, &job.target_region)?;
            let before = job.task.as_ref();
            let source = (before.map(|task| &task.source), &with.task.source);
            keep_or_set(secrets, SOURCE_PASSWORD, source, with.passwords.source);
            keep_or_set(secrets, SOURCE_KEY, source, with.passwords.source_key);
            let target = (before.map(|task| &task.target), &with.task.target);
            keep_or_set(secrets, TARGET_PASSWORD, target, with.passwords.target);
            keep_or_set(secrets, TARGET_KEY, target, with.passwords.target_key);
            job.task = Some(with.task);
            job.start_at = with.start_at;
            job.shown = with.shown;
            job.rates = with.rates;
            job.check = None;
            job.skipped.clear();
            job.foreign_keys = ForeignKeys::Migrate;
            job.name = with.name.unwrap_or_else(|| job.name.clone());
            job.tags = with.tags.unwrap_or_else(|| job.tags.clone());
            Ok(())
        };
        self.inner.change(id, edit).await
    }

    pub async fn check(&self, id: &str) -> Result<()> {
        let edit = |job: &mut Job, _: &mut Secrets| {
            let status = after_action(job.status, job.trade, Action::Check)?;
            if job.task.is_none() {
                return Err(Error::new(Kind::WrongState, "the job is not configured")
                    .remedy("Configure it with ModifyMigrationJob first"));
            }
            job.status = status;
            job.check = None;
            Ok(())
        };
        self.inner.change(id, edit).await
    }

    /// Marks failed steps as skipped; the next check takes them as passed.
    pub async fn skip(
        &self,
        id: &str,
        steps: &[String],
        foreign_keys: Option<ForeignKeys>,
    ) -> Result<String> {
        let edit = |job: &mut Job, _: &mut Secrets| {
            job.status = after_action(job.status, job.trade, Action::SkipCheck)?;
            for step in steps {
                may_skip(job, step)?;
            }
            if foreign_keys.is_some() && !steps.iter().any(|step| step == FOREIGN_KEY_STEP) {
                return Err(Error::bad_input(format!(
                    "`ForeignKeyFlag` goes with the step {FOREIGN_KEY_STEP} only"
                )));
            }
            let all: BTreeSet<String> = job.skipped.iter().chain(steps).cloned().collect();
            job.skipped = all.into_iter().collect();
            job.foreign_keys = foreign_keys.unwrap_or(job.foreign_keys);
            Ok(format!("skipped: {}; check the job again", steps.join(", ")))
        };
        self.inner.change(id, edit).await
    }

    pub async fn start(&self, id: &str) -> Result<()> {
        self.steer(id, Action::Start).await
    }

    pub async fn pause(&self, id: &str) -> Result<()> {
        self.steer(id, Action::Pause).await
    }

    pub async fn go_on(&self, id: &str) -> Result<()> {
        let now = self.now_ms();
        let edit = |job: &mut Job, _: &mut Secrets| {
            job.status = after_action(job.status, job.trade, Action::Continue)?;
            job.running_since_ms = now;
            Ok(())
        };
        self.inner.change(id, edit).await
    }

    pub async fn complete(&self, id: &str) -> Result<()> {
        self.steer(id, Action::Complete).await
    }

    pub async fn stop(&self, id: &str) -> Result<()> {
        self.steer(id, Action::Stop).await
    }

    pub async fn resume(&self, id: &str) -> Result<()> {
        self.steer(id, Action::Resume).await
    }

    async fn steer(&self, id: &str, action: Action) -> Result<()> {
        let edit = |job: &mut Job, _: &mut Secrets| {
            job.status = after_action(job.status, job.trade, action)?;
            Ok(())
        };
        self.inner.change(id, edit).await
    }

    pub async fn rename(&self, id: &str, name: &str) -> Result<()> {
        let edit = |job: &mut Job, _: &mut Secrets| {
            after_action(job.status, job.trade, Action::Modify)?;
            name.clone_into(&mut job.name);
            Ok(())
        };
        self.inner.change(id, edit).await
    }

    pub async fn resize(&self, id: &str, class: InstanceClass) -> Result<()> {
        let edit = |job: &mut Job, _: &mut Secrets| {
            after_action(job.status, job.trade, Action::Resize)?;
            job.class = class;
            Ok(())
        };
        self.inner.change(id, edit).await
    }

    /// What is None stays as it is.
    pub async fn limit_rates(&self, id: &str, rates: Rates) -> Result<()> {
        rates.check()?;
        let edit = |job: &mut Job, _: &mut Secrets| {
            after_action(job.status, job.trade, Action::LimitRate)?;
            job.rates = rates.over(job.rates);
            Ok(())
        };
        self.inner.change(id, edit).await
    }

    /// Options of a run under way, by name. No engine of this version has any.
    pub fn set_attributes(&self, id: &str, names: &[String]) -> Result<()> {
        let view = self.get(id)?;
        after_action(view.job.status, view.job.trade, Action::Modify)?;
        match names.first() {
            None => Ok(()),
            Some(name) => {
                let shown: String = name.chars().take(60).collect();
                let kind = view.job.source_type.as_str();
                Err(Error::bad_input(format!("a {kind} job has no option `{shown}`"))
                    .remedy("Leave it out: the published options concern other databases"))
            }
        }
    }
}

/// An id of the wire API's form, out of a random number.
pub(crate) fn drawn_id(before: &str, mut number: u64) -> String {
    let mut id = before.to_owned();
    for _ in 0..ID_LENGTH {
        let at = usize::try_from(number % 36).unwrap_or_default();
        id.push(ID_LETTERS.get(at).copied().map_or('a', char::from));
        number /= 36;
    }
    id
}

/// A job's database types and regions are fixed when it is created.
fn fits(end: &str, side: &Side, kind: EngineKind, region: &str) -> Result<()> {
    if side.engine != kind {
        return Err(Error::bad_input(format!(
            "`{end}.DatabaseType` is not {}, which this job was created with",
            kind.as_str()
        )));
    }
    if side.region != region {
        return Err(Error::bad_input(format!(
            "`{end}.Region` is not the region that this job was created with"
        )));
    }
    Ok(())
}

/// A password is never carried over to another server or user.
fn keep_or_set(
    secrets: &mut Secrets,
    field: &str,
    (before, now): (Option<&Side>, &Side),
    given: Option<SecretString>,
) {
    let same = before.is_some_and(|before| before.reach == now.reach);
    match given.filter(|password| !password.expose_secret().is_empty()) {
        Some(password) => {
            secrets.insert(field.to_owned(), password);
        }
        None if same => {}
        None => {
            secrets.remove(field);
        }
    }
}

fn may_skip(job: &Job, id: &str) -> Result<()> {
    let shown: String = id.chars().take(60).collect();
    let steps = job.check.as_ref().map(|check| check.steps.as_slice());
    let Some(step) = steps.unwrap_or_default().iter().find(|step| step.id == id) else {
        return Err(Error::bad_input(format!("the last check has no step `{shown}`")));
    };
    if job.step_passes(step) {
        return Err(Error::bad_input(format!("the step `{shown}` has not failed")));
    }
    if step.skippable {
        return Ok(());
    }
    Err(
        Error::new(Kind::WrongState, format!("the step `{shown}` cannot be skipped"))
            .remedy("Mend what it found, then check the job again"),
    )
}
