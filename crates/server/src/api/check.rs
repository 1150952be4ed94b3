//! The precheck: asked for, described, and steps of it skipped.

use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_control::job::{CheckRecord, Job};
use tidegate_model::finding::{CheckStep, Finding, Verdict};
use tidegate_model::job::ForeignKeys;
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{
    CheckStep as StepShape, CreateMigrateCheckJobRequest, DescribeMigrationCheckJobAnswer,
    DescribeMigrationCheckJobRequest, DetailCheckItem, SkipCheckItemAnswer, SkipCheckItemRequest,
};

use super::{needed, written};

pub(super) async fn create(jobs: &Jobs, request: CreateMigrateCheckJobRequest) -> Result<Value, ApiError> {
    jobs.check(&needed(request.job_id, "JobId")?).await?;
    Ok(Value::Null)
}

pub(super) async fn skip(jobs: &Jobs, request: SkipCheckItemRequest) -> Result<Value, ApiError> {
    let id = needed(request.job_id, "JobId")?;
    let steps = needed(request.step_ids.filter(|steps| !steps.is_empty()), "StepIds")?;
    let foreign_keys = match request.foreign_key_flag.as_deref() {
        Some("shield") => Some(ForeignKeys::Shield),
        Some("migrate") => Some(ForeignKeys::Migrate),
        _ => None,
    };
    let message = jobs.skip(&id, &steps, foreign_keys).await?;
    written(&SkipCheckItemAnswer {
        message: Some(message),
    })
}

pub(super) fn describe(jobs: &Jobs, request: DescribeMigrationCheckJobRequest) -> Result<Value, ApiError> {
    let view = jobs.get(&needed(request.job_id, "JobId")?)?;
    let job = &view.job;
    let status = status(job);
    let steps = job.check.as_ref().map(|check| check.steps.as_slice());
    let steps = (0..).zip(steps.unwrap_or_default());
    written(&DescribeMigrationCheckJobAnswer {
        status: Some(status.to_owned()),
        brief_msg: Some(brief(job)),
        step_info: Some(steps.map(|(number, step)| shape(number, step, job)).collect()),
        // Empty until there is a verdict: clients wait for one of the two words.
        check_flag: Some(flag(status).to_owned()),
    })
}

/// notStarted, running, success or failed.
pub(super) fn status(job: &Job) -> &'static str {
    use tidegate_control::lifecycle::Status;
    match &job.check {
        _ if job.status == Status::Checking => "running",
        None => "notStarted",
        Some(check) if passed(job, check) => "success",
        Some(_) => "failed",
    }
}

fn flag(status: &str) -> &'static str {
    match status {
        "success" => "checkPass",
        "failed" => "checkNotPass",
        _ => "",
    }
}

/// As it was judged then: steps skipped since count from the next check on.
fn passed(job: &Job, check: &CheckRecord) -> bool {
    use tidegate_control::lifecycle::Status;
    match job.status {
        Status::CheckNotPass => false,
        Status::CheckPass => true,
        _ => check.trouble.is_none() && check.steps.iter().all(|step| job.step_passes(step)),
    }
}

pub(super) fn brief(job: &Job) -> String {
    let Some(check) = &job.check else {
        return String::new();
    };
    if let Some(trouble) = &check.trouble {
        return format!("{} {}", trouble.message, trouble.remedy);
    }
    let failed = check.steps.iter().filter(|step| !job.step_passes(step));
    let failed: Vec<&str> = failed.map(|step| step.id.as_str()).collect();
    if failed.is_empty() {
        return String::new();
    }
    format!("failed: {}", failed.join(", "))
}

fn shape(number: u64, step: &CheckStep, job: &Job) -> StepShape {
    let skipped = step.skippable && job.skipped.contains(&step.id);
    let mut status = match step.verdict() {
        _ if !step.ran => "blocked",
        Verdict::Failure => "failed",
        Verdict::Warning => "warning",
        Verdict::Pass => "pass",
    };
    if status != "failed" && skipped && step.ran {
        // It has nothing to skip any more.
        status = if status == "warning" { "warning" } else { "pass" };
    }
    let items = step
        .findings
        .iter()
        .map(|finding| item(finding, skipped, step.skippable));
    StepShape {
        step_no: Some(number),
        step_id: Some(step.id.clone()),
        step_name: Some(step.name.clone()),
        step_status: Some(status.to_owned()),
        step_message: Some(step_message(step)),
        detail_check_items: Some(items.collect()),
        has_skipped: Some(skipped && status == "failed"),
    }
}

pub(super) fn step_message(step: &CheckStep) -> String {
    let bad = step.findings.iter().filter(|one| one.verdict != Verdict::Pass);
    let said: Vec<&str> = bad.map(|one| one.why.as_str()).collect();
    if step.ran {
        said.join("; ")
    } else {
        "not run: a step that it needs has failed".to_owned()
    }
}

fn item(finding: &Finding, skipped: bool, skippable: bool) -> DetailCheckItem {
    let failed = finding.verdict == Verdict::Failure;
    let result = match finding.verdict {
        Verdict::Pass => "pass",
        Verdict::Failure if !skipped => "failed",
        Verdict::Failure | Verdict::Warning => "warning",
    };
    // A public client takes the first entry of each item of a failed step without a look.
    let log = match finding.verdict {
        Verdict::Pass => finding.looked_at.clone(),
        _ => format!("{}: {}", finding.looked_at, finding.why),
    };
    let skip_info = if failed && skippable {
        "can be skipped with SkipCheckItem"
    } else {
        ""
    };
    DetailCheckItem {
        check_item_name: Some(finding.item.clone()),
        description: Some(finding.looked_at.clone()),
        check_result: Some(result.to_owned()),
        failure_reason: Some(finding.why.clone()),
        solution: Some(finding.remedy.clone()),
        error_log: Some(vec![log]),
        help_doc: Some(Vec::new()),
        skip_info: Some(skip_info.to_owned()),
    }
}
