//! Consistency checks: created, steered, listed. What they found is in `compared`.
//!
//! Whatever of a request would not be looked at is refused, so that a conclusion never
//! speaks of more than was compared.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_control::compare::{CompareStatus, CompareTask};
use tidegate_control::{Jobs, NewCompare};
use tidegate_model::compare::{CompareMethod, CompareSpec};
use tidegate_model::schema::TableName;
use tidegate_model::selection::{DatabaseSelection, Selection, TableSelection, TablesSelection};
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{
    CompareObject, CompareObjectItem, CompareOptions, CompareTaskItem, CreateCompareTaskAnswer,
    CreateCompareTaskRequest, DeleteCompareTaskRequest, DescribeCompareTasksAnswer,
    DescribeCompareTasksRequest, ModifyCompareTaskNameRequest, ModifyCompareTaskRequest, ProcessProgress,
    StartCompareRequest, StopCompareRequest,
};

use super::{needed, times, written};

/// The contract's own default.
const LIMIT_DEFAULT: u64 = 20;
const SAMPLE_DEFAULT: i64 = 50;
/// What the published product takes; more would be no sample, less would say little.
const SAMPLE_PERCENT: std::ops::RangeInclusive<i64> = 10..=90;
const THREADS_DEFAULT: i64 = 1;
const RECHECKS_MAX: i64 = 5;

type Answer = Result<Value, ApiError>;

/// The wire side's own form of a check.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) objects: CompareObject,
    pub(super) options: CompareOptions,
}

pub(super) async fn create(jobs: &Jobs, request: CreateCompareTaskRequest) -> Answer {
    let job = needed(request.job_id, "JobId")?;
    let chosen = (request.object_mode, request.objects);
    let new = new(jobs, &job, request.task_name, chosen, request.options)?;
    let id = jobs.create_compare(&job, new).await?;
    written(&CreateCompareTaskAnswer {
        compare_task_id: Some(id),
    })
}

pub(super) async fn modify(jobs: &Jobs, request: ModifyCompareTaskRequest) -> Answer {
    let (job, id) = ids(request.job_id, request.compare_task_id)?;
    let chosen = (request.object_mode, request.objects);
    let new = new(jobs, &job, request.task_name, chosen, request.options)?;
    jobs.modify_compare(&job, &id, new).await?;
    Ok(Value::Null)
}

pub(super) async fn rename(jobs: &Jobs, request: ModifyCompareTaskNameRequest) -> Answer {
    let (job, id) = ids(request.job_id, request.compare_task_id)?;
    let name = needed(request.task_name, "TaskName")?;
    jobs.rename_compare(&job, &id, &name).await?;
    Ok(Value::Null)
}

pub(super) async fn start(jobs: &Jobs, request: StartCompareRequest) -> Answer {
    let (job, id) = ids(request.job_id, request.compare_task_id)?;
    jobs.start_compare(&job, &id).await?;
    Ok(Value::Null)
}

/// Nothing is written to any log, so there is nothing that `ForceStop` would pass over.
pub(super) async fn stop(jobs: &Jobs, request: StopCompareRequest) -> Answer {
    let (job, id) = ids(request.job_id, request.compare_task_id)?;
    jobs.stop_compare(&job, &id).await?;
    Ok(Value::Null)
}

pub(super) async fn delete(jobs: &Jobs, request: DeleteCompareTaskRequest) -> Answer {
    let (job, id) = ids(request.job_id, request.compare_task_id)?;
    jobs.delete_compare(&job, &id).await?;
    Ok(Value::Null)
}

pub(super) fn list(jobs: &Jobs, request: DescribeCompareTasksRequest, iso: bool) -> Answer {
    let all = jobs.compares(&needed(request.job_id, "JobId")?)?;
    let statuses = request.status.unwrap_or_default();
    let id = request.compare_task_id;
    let fits = |task: &CompareTask| {
        id.as_ref().is_none_or(|id| *id == task.id)
            && (statuses.is_empty() || statuses.iter().any(|word| word == task.status.word()))
    };
    let found: Vec<_> = all.iter().filter(|task| fits(task)).collect();
    let skip = usize::try_from(request.offset.unwrap_or_default()).unwrap_or(usize::MAX);
    let take = usize::try_from(request.limit.unwrap_or(LIMIT_DEFAULT)).unwrap_or(usize::MAX);
    let page = found.iter().skip(skip).take(take).map(|task| item(task, iso));
    written(&DescribeCompareTasksAnswer {
        total_count: u64::try_from(found.len()).ok(),
        items: Some(page.collect()),
    })
}

pub(super) fn ids(job: Option<String>, id: Option<String>) -> Result<(String, String), ApiError> {
    Ok((needed(job, "JobId")?, needed(id, "CompareTaskId")?))
}

pub(super) fn shown(task: &CompareTask) -> Shown {
    serde_json::from_value(task.shown.clone()).unwrap_or_default()
}

fn item(task: &CompareTask, iso: bool) -> CompareTaskItem {
    let shown = shown(task);
    let time = |at_ms: Option<u64>| Some(times::show(at_ms, iso));
    CompareTaskItem {
        job_id: Some(task.job_id.clone()),
        compare_task_id: Some(task.id.clone()),
        task_name: Some(task.name.clone()),
        status: Some(task.status.word().to_owned()),
        config: Some(shown.objects),
        check_process: Some(progress(task.status != CompareStatus::Created, "success", 100)),
        compare_process: Some(progress(
            task.started_ms.is_some(),
            process_word(task.status),
            task.percent(),
        )),
        conclusion: task.conclusion().map(|conclusion| conclusion.word().to_owned()),
        created_at: time(Some(task.created_ms)),
        started_at: time(task.started_ms),
        finished_at: time(task.ended_ms),
        method: shown.options.method.clone(),
        options: Some(shown.options),
        message: Some(task.message()),
    }
}

fn process_word(status: CompareStatus) -> &'static str {
    match status {
        CompareStatus::Success => "success",
        CompareStatus::Failed | CompareStatus::Canceled => "failed",
        _ => "running",
    }
}

fn progress(begun: bool, word: &str, percent: u64) -> ProcessProgress {
    ProcessProgress {
        status: Some(if begun { word } else { "notStarted" }.to_owned()),
        percent: Some(if begun { percent } else { 0 }),
        step_all: Some(1),
        step_now: Some(1),
        ..ProcessProgress::default()
    }
}

fn new(
    jobs: &Jobs,
    job: &str,
    name: Option<String>,
    (mode, objects): (Option<String>, Option<CompareObject>),
    options: Option<CompareOptions>,
) -> Result<NewCompare, ApiError> {
    let view = jobs.get(job)?;
    let only = if mode.as_deref() == Some("custom") {
        let objects = needed(objects.as_ref(), "Objects")?;
        selection(objects)?
    } else {
        None
    };
    if let (Some(only), Some(task)) = (&only, &view.job.task) {
        within(only, &task.selection)?;
    }
    let options = complete(options.unwrap_or_default());
    let spec = spec(&options, only)?;
    let objects = objects.unwrap_or_else(|| CompareObject {
        object_mode: Some("all".to_owned()),
        ..CompareObject::default()
    });
    Ok(NewCompare {
        name: name.unwrap_or_default(),
        spec,
        shown: written(&Shown { objects, options })?,
    })
}

/// With the defaults in place of what is not said.
fn complete(given: CompareOptions) -> CompareOptions {
    let method = given.method.unwrap_or_else(|| "dataCheck".to_owned());
    let rate = match method.as_str() {
        "sampleDataCheck" => given
            .sample_rate
            .filter(|rate| *rate > 0)
            .or(Some(SAMPLE_DEFAULT)),
        _ => Some(100),
    };
    CompareOptions {
        method: Some(method),
        sample_rate: rate,
        thread_count: given.thread_count.or(Some(THREADS_DEFAULT)),
        kind: given.kind.or_else(|| Some("builtin".to_owned())),
        compare_mode: given.compare_mode.or_else(|| Some(vec!["full".to_owned()])),
        re_check_time: given.re_check_time.or(Some(0)),
        re_check_interval: given.re_check_interval.or(Some(1)),
    }
}

fn spec(options: &CompareOptions, only: Option<Selection>) -> Result<CompareSpec, ApiError> {
    let modes = options.compare_mode.as_deref().unwrap_or_default();
    if let Some(mode) = modes.iter().find(|mode| *mode != "full") {
        return Err(ApiError::unsupported(&format!(
            "the `Options.CompareMode` {mode}"
        )));
    }
    if options.kind.as_deref() == Some("independent") {
        return Err(ApiError::unsupported("the `Options.Type` independent"));
    }
    let method = match options.method.as_deref() {
        Some("sampleDataCheck") => CompareMethod::Sample,
        Some("rowsCount") => CompareMethod::Rows,
        _ => CompareMethod::Data,
    };
    let rate = options.sample_rate.unwrap_or(100);
    if method == CompareMethod::Sample && !SAMPLE_PERCENT.contains(&rate) {
        return Err(ApiError::bad_value(
            "`Options.SampleRate` must be from 10 to 90 with sampleDataCheck",
        ));
    }
    let rounds = options.re_check_time.unwrap_or_default();
    if !(0..=RECHECKS_MAX).contains(&rounds) {
        return Err(ApiError::bad_value(format!(
            "`Options.ReCheckTime` must be from 0 to {RECHECKS_MAX}"
        )));
    }
    let small = |number: Option<i64>| number.and_then(|number| u8::try_from(number).ok());
    Ok(CompareSpec {
        method,
        sample_percent: u8::try_from(rate).unwrap_or(100),
        threads: small(options.thread_count).unwrap_or(1),
        only,
        recheck_rounds: u8::try_from(rounds).unwrap_or_default(),
        recheck_minutes: small(options.re_check_interval).unwrap_or(1),
    })
}

/// None: all that the job moves.
fn selection(objects: &CompareObject) -> Result<Option<Selection>, ApiError> {
    if let Some(kind) = objects.advanced_objects.as_deref().unwrap_or_default().first() {
        return Err(ApiError::unsupported(&format!(
            "`Objects.AdvancedObjects` {kind}"
        )));
    }
    if objects.object_mode.as_deref() == Some("all") {
        return Ok(None);
    }
    let items = objects.object_items.as_deref().unwrap_or_default();
    if items.is_empty() {
        return Err(ApiError::missing("Objects.ObjectItems"));
    }
    let databases = items.iter().map(database).collect::<Result<_, _>>()?;
    Ok(Some(Selection {
        whole_instance: false,
        databases,
        ..Selection::default()
    }))
}

fn database(given: &CompareObjectItem) -> Result<DatabaseSelection, ApiError> {
    let name = needed(given.db_name.clone(), "Objects.ObjectItems.DbName")?;
    let views = given.views.as_deref().unwrap_or_default();
    if given.schema_name.is_some() || !views.is_empty() {
        return Err(ApiError::unsupported(
            "`Objects.ObjectItems` SchemaName and Views",
        ));
    }
    let listed = given.tables.as_deref().unwrap_or_default();
    let whole = given.db_mode.as_deref() == Some("all") || given.table_mode.as_deref() == Some("all");
    if whole && listed.is_empty() {
        return Ok(DatabaseSelection {
            name,
            new_name: None,
            tables: TablesSelection::All,
            ..DatabaseSelection::default()
        });
    }
    if listed.is_empty() {
        return Err(ApiError::missing("Objects.ObjectItems.Tables"));
    }
    let mut tables = Vec::with_capacity(listed.len());
    for table in listed {
        let columns = table.column_mode.as_deref() == Some("partial")
            || table.columns.as_ref().is_some_and(|columns| !columns.is_empty());
        if columns || table.filter_condition.is_some() {
            return Err(ApiError::unsupported(
                "comparing some columns, or rows by a condition, in a migration job,",
            ));
        }
        tables.push(TableSelection {
            name: needed(table.table_name.clone(), "Objects.ObjectItems.Tables.TableName")?,
            new_name: None,
            temporary: Vec::new(),
        });
    }
    Ok(DatabaseSelection {
        name,
        new_name: None,
        tables: TablesSelection::Some(tables),
        ..DatabaseSelection::default()
    })
}

fn within(only: &Selection, job: &Selection) -> Result<(), ApiError> {
    for database in &only.databases {
        let covered = match &database.tables {
            TablesSelection::All | TablesSelection::AllWith(_) => job.has_whole_schema(&database.name),
            TablesSelection::Some(tables) => tables.iter().all(|table| {
                job.target_of(&TableName::new(&*database.name, &*table.name))
                    .is_some()
            }),
        };
        if !covered {
            return Err(ApiError::bad_value(format!(
                "`Objects` names more of the database {} than the job moves",
                database.name
            )));
        }
    }
    Ok(())
}
