//! One job whole.
//!
//! After a cutover the `StepMessage` of the step `sinker` is the cutover's
//! record as JSON: the only place of the published answer that can hold it.

use serde_json::Value;
use tidegate_control::job::{Job, StartAt};
use tidegate_control::steps::StepState;
use tidegate_control::{JobView, Jobs};
use tidegate_model::finding::{CheckStep, Verdict};
use tidegate_model::job::Limits;
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{
    CheckStepInfo, DescribeMigrationDetailAnswer, DescribeMigrationDetailRequest, ErrorInfoItem, JobItem,
    ProcessProgress, ProcessStepTip, RateLimitOption, StepDetailInfo,
};

use super::{check, needed, times, view, written};

pub(super) fn describe(
    jobs: &Jobs,
    request: DescribeMigrationDetailRequest,
    iso: bool,
) -> Result<Value, ApiError> {
    let found = jobs.get(&needed(request.job_id, "JobId")?)?;
    let job = &found.job;
    let mut item = view::item(&found, iso);
    let sinker = item
        .step_info
        .iter_mut()
        .flat_map(|info| info.step_info.iter_mut().flatten())
        .last();
    if let (Some(record), Some(sinker)) = (&job.record, sinker) {
        sinker.step_message = serde_json::to_string(record).ok();
    }
    written(&DescribeMigrationDetailAnswer {
        migrate_option: Some(view::shown(job).migrate_option),
        check_step_info: Some(check_info(job, iso)),
        error_info: Some(errors(job)),
        rate_limit_option: Some(rates(&found)),
        ..of_item(item)
    })
}

/// What a detail shares with an entry of a list.
fn of_item(item: JobItem) -> DescribeMigrationDetailAnswer {
    DescribeMigrationDetailAnswer {
        job_id: item.job_id,
        job_name: item.job_name,
        create_time: item.create_time,
        update_time: item.update_time,
        start_time: item.start_time,
        end_time: item.end_time,
        brief_msg: item.brief_msg,
        status: item.status,
        action: item.action,
        step_info: item.step_info,
        src_info: item.src_info,
        dst_info: item.dst_info,
        compare_task: item.compare_task,
        tags: item.tags,
        run_mode: item.run_mode,
        expect_run_time: item.expect_run_time,
        trade_info: item.trade_info,
        dumper_resume_ctrl: item.dumper_resume_ctrl,
        ..DescribeMigrationDetailAnswer::default()
    }
}

fn check_info(job: &Job, iso: bool) -> CheckStepInfo {
    let status = check::status(job);
    let steps = job.check.as_ref().map_or(&[][..], |check| &check.steps);
    let all = u64::try_from(steps.len()).unwrap_or_default();
    let ended = status == "success" || status == "failed";
    let shown = |step: &CheckStep| check_step(step, job);
    CheckStepInfo {
        start_at: Some(times::show(job.check.as_ref().map(|check| check.began_ms), iso)),
        end_at: Some(times::show(
            job.check.as_ref().and_then(|check| check.ended_ms),
            iso,
        )),
        progress: Some(ProcessProgress {
            status: Some(status.to_owned()),
            percent: Some(if ended { 100 } else { 0 }),
            step_all: Some(all),
            step_now: Some(if ended { all } else { 0 }),
            message: Some(check::brief(job)),
            steps: Some(steps.iter().map(shown).collect()),
        }),
    }
}

/// `StepNo` is 0 for all of them in the published answer.
fn check_step(step: &CheckStep, job: &Job) -> StepDetailInfo {
    let of = |verdict: Verdict| {
        let found = step.findings.iter().filter(move |one| one.verdict == verdict);
        let tips = found.map(|one| ProcessStepTip {
            message: Some(one.why.clone()),
            solution: Some(one.remedy.clone()),
            help_doc: None,
        });
        Some(tips.collect())
    };
    let state = if !step.ran {
        StepState::NotStarted
    } else if job.step_passes(step) {
        StepState::Finished
    } else {
        StepState::Failed
    };
    StepDetailInfo {
        step_no: Some(0),
        step_name: Some(step.name.clone()),
        step_id: Some(step.id.clone()),
        status: Some(view::state_word(state).to_owned()),
        start_time: None,
        finish_time: None,
        step_message: Some(check::step_message(step)),
        percent: Some(if step.ran { 100 } else { 0 }),
        errors: of(Verdict::Failure),
        warnings: of(Verdict::Warning),
    }
}

fn errors(job: &Job) -> Vec<ErrorInfoItem> {
    let shown = job.trouble.iter().map(|trouble| ErrorInfoItem {
        code: Some(format!("{:?}", trouble.kind)),
        solution: Some(trouble.remedy.clone()),
        error_log: Some(trouble.message.clone()),
        help_doc: None,
    });
    shown.collect()
}

fn rates(found: &JobView) -> RateLimitOption {
    let (now, class): (&Limits, &Limits) = (&found.limits, &found.class_limits);
    let rows = |rate: u64| i64::try_from(rate).ok();
    RateLimitOption {
        current_dump_thread: Some(now.dump_threads.into()),
        default_dump_thread: Some(class.dump_threads.into()),
        current_dump_rps: rows(now.dump_rows_per_second),
        default_dump_rps: rows(class.dump_rows_per_second),
        current_load_thread: Some(now.load_threads.into()),
        default_load_thread: Some(class.load_threads.into()),
        current_load_rps: rows(now.load_rows_per_second),
        default_load_rps: rows(class.load_rows_per_second),
        current_sinker_thread: Some(now.sink_threads.into()),
        default_sinker_thread: Some(class.sink_threads.into()),
        has_user_set_rate_limit: Some(if found.job.rates.is_empty() { "no" } else { "yes" }.to_owned()),
    }
}

pub(super) fn expected_ms(job: &Job) -> Option<u64> {
    match job.start_at {
        StartAt::Immediate => None,
        StartAt::Timed(at) => Some(at),
    }
}
