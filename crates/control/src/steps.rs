//! A run as the wire API shows it: three steps, a percentage each, two lags.
//!
//! `dumper` reads structure and rows, `loader` writes them and builds the
//! indexes, `sinker` applies changes. Pure; words of the wire are the server's.

use tidegate_model::job::MigrateType;
use tidegate_model::report::{RunReport, Stage};

use crate::job::{Job, Span, StepTimes};
use crate::lifecycle::Status;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    NotStarted,
    Running,
    Finished,
    /// The job's type has no such step.
    Skipped,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepView {
    pub id: &'static str,
    pub name: &'static str,
    pub state: StepState,
    pub percent: u64,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// 1 to 3; 0 before the first run.
    pub now: u64,
    pub all: [StepView; 3],
    /// Whole MB, rounded up: 0 says that nothing is missing.
    pub lag_mb: Option<u64>,
    pub lag_seconds: Option<u64>,
}

/// Structure takes this much of `dumper`; rows take the rest.
const STRUCTURE_PERCENT: u64 = 5;
/// Rows take this much of `loader`; indexes take the rest.
const ROWS_PERCENT: u64 = 90;

/// `report` is the newest one, or None before the first run.
pub fn steps(job: &Job, report: Option<&RunReport>) -> Steps {
    let stage = report.map(|report| report.stage);
    let follows = job
        .task
        .as_ref()
        .is_none_or(|task| task.migrate_type.follows_changes());
    let done = job.status == Status::Success;
    let now = match stage {
        None => 0,
        Some(_) if done => {
            if follows {
                3
            } else {
                2
            }
        }
        Some(Stage::Starting | Stage::Structure | Stage::Snapshot) => 1,
        Some(Stage::Indexes) => 2,
        Some(Stage::Changes | Stage::Cutover | Stage::Done) if follows => 3,
        Some(Stage::Changes | Stage::Cutover | Stage::Done) => 2,
    };
    let failed = matches!(job.status, Status::Error | Status::Failed);
    let view = |number: u64, id, name, percent: u64, span| {
        let percent = if done { 100 } else { percent };
        let state = match number {
            3 if !follows => StepState::Skipped,
            _ if done || percent == 100 => StepState::Finished,
            _ if now == 0 || number > now.max(2) => StepState::NotStarted,
            2 if stage <= Some(Stage::Starting) => StepState::NotStarted,
            _ if failed && number == now => StepState::Failed,
            _ => StepState::Running,
        };
        let percent = if state == StepState::Skipped { 0 } else { percent };
        StepView {
            id,
            name,
            state,
            percent,
            span,
        }
    };
    let [dumper, loader, sinker] = report.map_or([0; 3], |report| percents(report, job));
    let all = [
        view(1, "dumper", "Export structure and rows", dumper, job.steps.dumper),
        view(2, "loader", "Load structure and rows", loader, job.steps.loader),
        view(3, "sinker", "Apply changes", sinker, job.steps.sinker),
    ];
    let last_phase = matches!(stage, Some(Stage::Changes | Stage::Cutover | Stage::Done)) && follows;
    let lag = report.filter(|_| last_phase);
    Steps {
        now,
        all,
        lag_mb: lag
            .and_then(|report| report.lag_bytes)
            .map(|bytes| bytes.div_ceil(1 << 20)),
        lag_seconds: lag.and_then(|report| report.lag_seconds),
    }
}

fn percents(report: &RunReport, job: &Job) -> [u64; 3] {
    let rows_wanted = job
        .task
        .as_ref()
        .is_none_or(|task| task.migrate_type != MigrateType::Structure);
    let tables = part(report.tables_done, report.tables_total, 100);
    match report.stage {
        Stage::Starting => [0, 0, 0],
        Stage::Structure if !rows_wanted => [tables, tables, 0],
        Stage::Structure => [
            part(report.tables_done, report.tables_total, STRUCTURE_PERCENT),
            0,
            0,
        ],
        Stage::Snapshot => {
            // By rows and not by chunks: tables are cut into chunks one after the other, so the
            // number of all chunks is known late. Rows are counted once they are on the target.
            let rows = |whole| part(report.rows_copied, report.rows_total_estimate, whole);
            [STRUCTURE_PERCENT + rows(94), rows(ROWS_PERCENT), 0]
        }
        Stage::Indexes => [
            100,
            ROWS_PERCENT + part(report.tables_done, report.tables_total, 9),
            0,
        ],
        // How far changes are is told by the lag; the percentage only says whether it is caught up.
        Stage::Changes => [100, 100, if report.caught_up { 99 } else { 1 }],
        Stage::Cutover => [100, 100, 99],
        Stage::Done => [100, 100, 100],
    }
}

/// `done` of `all` as a part of `whole`; an estimate that was too low is no more than the whole.
fn part(done: u64, all: u64, whole: u64) -> u64 {
    if all == 0 {
        return 0;
    }
    let part = u128::from(done.min(all)) * u128::from(whole) / u128::from(all);
    u64::try_from(part).unwrap_or(whole)
}

/// Notes when the steps began and ended.
pub(crate) fn note(times: &mut StepTimes, stage: Stage, follows: bool, now_ms: u64) {
    let mark = |at: &mut Option<u64>, when: bool| {
        if when {
            at.get_or_insert(now_ms);
        }
    };
    mark(&mut times.dumper.began_ms, true);
    mark(&mut times.loader.began_ms, stage >= Stage::Structure);
    mark(&mut times.dumper.ended_ms, stage > Stage::Snapshot);
    mark(&mut times.loader.ended_ms, stage > Stage::Indexes);
    mark(&mut times.sinker.began_ms, stage >= Stage::Changes && follows);
    mark(&mut times.sinker.ended_ms, stage == Stage::Done && follows);
}
