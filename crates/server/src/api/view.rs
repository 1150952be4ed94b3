//! A job as it is shown in lists and in detail.
//!
//! No password is in what is kept of a configuration, so none can be shown.

use tidegate_control::compare::job_word;
use tidegate_control::job::{Job, StartAt};
use tidegate_control::lifecycle::{self, Status, Trade};
use tidegate_control::steps::{StepState, StepView, steps};
use tidegate_control::{JobView, offline_due_ms};
use tidegate_model::report::{CutoverRecord, RunReport};
use tidegate_rpc::actions::{
    CompareTaskInfo, DBEndpointInfo, JobItem, MigrateAction, MigrateDetailInfo, ProcessStepTip,
    StepDetailInfo, TagItem, TradeInfo,
};
use tidegate_rpc::progress::Progress;

use super::configure::Shown;
use super::{detail, times};

pub(super) fn item(view: &JobView, iso: bool) -> JobItem {
    let job = &*view.job;
    let shown = shown(job);
    let time = |at_ms: Option<u64>| Some(times::show(at_ms, iso));
    let tags = job.tags.iter().map(|tag| TagItem {
        tag_key: Some(tag.key.clone()),
        tag_value: Some(tag.value.clone()),
    });
    let retry = job.task.as_ref().map_or(0, |task| task.retry_window_seconds / 60);
    JobItem {
        job_id: Some(job.id.clone()),
        job_name: Some(job.name.clone()),
        create_time: time(Some(job.created_ms)),
        update_time: time(Some(job.updated_ms)),
        start_time: time(job.started_ms),
        end_time: time(job.ended_ms),
        brief_msg: Some(brief(job, view.report.as_ref())),
        status: Some(lifecycle::status_word(job.status)),
        run_mode: Some(run_mode(job).to_owned()),
        expect_run_time: time(detail::expected_ms(job)),
        action: Some(actions(job)),
        step_info: Some(step_info(view, iso)),
        src_info: Some(shown.src_info),
        dst_info: Some(shown.dst_info),
        compare_task: Some(CompareTaskInfo {
            compare_task_id: view.compare.as_ref().map(|task| task.id.clone()),
            status: Some(job_word(view.compare.as_deref()).to_owned()),
        }),
        trade_info: Some(trade(job, iso)),
        tags: Some(tags.collect()),
        auto_retry_time_range_minutes: i64::try_from(retry).ok(),
        // A copy that broke off goes on with the chunks that are missing.
        dumper_resume_ctrl: Some("yes".to_owned()),
    }
}

/// The configuration as it came, or what is known of the ends before there is one.
pub(super) fn shown(job: &Job) -> Shown {
    let kept = serde_json::from_value::<Shown>(job.shown.clone());
    kept.unwrap_or_else(|_| Shown {
        src_info: bare(job.source_type.as_str(), &job.source_region),
        dst_info: bare(job.target_type.as_str(), &job.target_region),
        ..Shown::default()
    })
}

fn bare(kind: &str, region: &str) -> DBEndpointInfo {
    DBEndpointInfo {
        region: Some(region.to_owned()),
        database_type: Some(kind.to_owned()),
        ..DBEndpointInfo::default()
    }
}

fn run_mode(job: &Job) -> &'static str {
    match job.start_at {
        StartAt::Immediate => "immediate",
        StartAt::Timed(_) => "timed",
    }
}

fn actions(job: &Job) -> MigrateAction {
    let owned = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    MigrateAction {
        all_action: owned(&lifecycle::ALL_ACTIONS),
        allowed_action: owned(&lifecycle::allowed_actions(job.status, job.trade)),
    }
}

/// Nothing is billed; the class says what a run may use.
fn trade(job: &Job, iso: bool) -> TradeInfo {
    let state = match job.trade {
        Trade::Normal => "normal",
        Trade::Isolating => "isolating",
        Trade::Isolated => "isolated",
        Trade::Offlining => "offlining",
        Trade::Offlined => "offlined",
    };
    let offlined = job.trade == Trade::Offlined;
    let offline_reason = match (offlined, job.bin_expired) {
        (false, _) => "",
        (true, false) => "user_offline",
        (true, true) => "expired_in_recycle_bin",
    };
    let isolate_reason = if job.isolated_ms.is_some() {
        "user_isolate"
    } else {
        ""
    };
    let time = |at_ms| Some(times::show(at_ms, iso));
    TradeInfo {
        deal_name: None,
        last_deal_name: None,
        instance_class: Some(job.class.as_str().to_owned()),
        trade_status: Some(state.to_owned()),
        expire_time: time(None),
        offline_time: time(job.offlined_ms.or_else(|| offline_due_ms(job))),
        isolate_time: time(job.isolated_ms),
        offline_reason: Some(offline_reason.to_owned()),
        isolate_reason: Some(isolate_reason.to_owned()),
        pay_type: Some("postpay".to_owned()),
        billing_type: Some("notBilling".to_owned()),
    }
}

fn step_info(view: &JobView, iso: bool) -> MigrateDetailInfo {
    let report = view.report.as_ref();
    let seen = steps(&view.job, report);
    let lag = |lag: Option<u64>| lag.and_then(|lag| i64::try_from(lag).ok()).or(Some(-1));
    let message = report.map(|report| Progress::of(report).to_text());
    let each = (1..).zip(&seen.all).map(|(number, step)| {
        let now = number == seen.now;
        let mut shape = step_shape(number, step, iso);
        shape.step_message = message.clone().filter(|_| step.state != StepState::NotStarted);
        if now {
            shape.errors = Some(tips(&view.job, report));
            shape.warnings = Some(warnings(report));
        }
        shape
    });
    MigrateDetailInfo {
        step_all: Some(3),
        step_now: Some(seen.now),
        master_slave_distance: lag(seen.lag_mb),
        seconds_behind_master: lag(seen.lag_seconds),
        step_info: Some(each.collect()),
    }
}

fn step_shape(number: u64, step: &StepView, iso: bool) -> StepDetailInfo {
    StepDetailInfo {
        step_no: Some(number),
        step_name: Some(step.name.to_owned()),
        step_id: Some(step.id.to_owned()),
        status: Some(state_word(step.state).to_owned()),
        start_time: Some(times::show(step.span.began_ms, iso)),
        finish_time: Some(times::show(step.span.ended_ms, iso)),
        step_message: None,
        percent: Some(step.percent),
        errors: None,
        warnings: None,
    }
}

pub(super) fn state_word(state: StepState) -> &'static str {
    match state {
        StepState::NotStarted => "notStarted",
        StepState::Running => "running",
        StepState::Finished => "finished",
        StepState::Skipped => "skipped",
        StepState::Failed => "failed",
    }
}

fn tips(job: &Job, report: Option<&RunReport>) -> Vec<ProcessStepTip> {
    let retrying = report.and_then(|report| report.retrying.as_ref());
    let troubles = job
        .trouble
        .iter()
        .chain(retrying.filter(|_| lifecycle::is_under_way(job.status)));
    let tip = troubles.map(|trouble| ProcessStepTip {
        message: Some(trouble.message.clone()),
        solution: Some(trouble.remedy.clone()),
        help_doc: None,
    });
    tip.collect()
}

fn warnings(report: Option<&RunReport>) -> Vec<ProcessStepTip> {
    let Some(report) = report else {
        return Vec::new();
    };
    let left = report.not_covered.iter().map(|what| format!("not moved: {what}"));
    let skipped = report
        .ddl_skipped
        .iter()
        .map(|what| format!("schema change skipped: {what}"));
    let tip = left.chain(skipped).map(|message| ProcessStepTip {
        message: Some(message),
        ..ProcessStepTip::default()
    });
    tip.collect()
}

/// What a person wants to know first.
fn brief(job: &Job, report: Option<&RunReport>) -> String {
    if let Some(trouble) = &job.trouble {
        return format!("{} {}", trouble.message, trouble.remedy)
            .trim_end()
            .to_owned();
    }
    if let Some(record) = &job.record {
        return record_brief(record);
    }
    let retrying = report.and_then(|report| report.retrying.as_ref());
    match (job.status, retrying) {
        (Status::CheckNotPass, _) => super::check::brief(job),
        (status, Some(trouble)) if lifecycle::is_under_way(status) => {
            format!(
                "trying again ({} tries so far): {}",
                trouble.attempts, trouble.message
            )
        }
        _ => String::new(),
    }
}

fn record_brief(record: &CutoverRecord) -> String {
    let tables = record.tables.len();
    let differ = record.tables.iter().filter(|table| !table.equal()).count();
    let verdict = if record.equal {
        format!("{tables} tables proven equal")
    } else {
        format!("{differ} of {tables} tables differ")
    };
    let left = record.not_covered.len();
    if left == 0 {
        verdict
    } else {
        format!("not covered: {left} objects; {verdict}")
    }
}
