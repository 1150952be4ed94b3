//! How far a run is, as it is shown: percentages, steps and lags by stage.

use tidegate_model::report::Stage;

use super::*;
use crate::steps::{StepState, steps};

fn job(status: Status, migrate_type: MigrateType) -> Job {
    let task = configuration(migrate_type).task;
    let text = serde_json::json!({
        "id": "dts-a", "created_ms": 1, "updated_ms": 1, "name": "n", "tags": [], "source_type": "mysql",
        "target_type": "mysql", "source_region": "r", "target_region": "r", "class": "small",
        "status": status, "trade": "normal", "start_at": "immediate", "task": task,
    });
    serde_json::from_value(text).expect("a job")
}

fn check(report: RunReport, now: u64, percents: [u64; 3], states: [StepState; 3]) {
    let seen = steps(
        &job(Status::Running, MigrateType::FullAndIncrement),
        Some(&report),
    );
    assert_eq!(seen.now, now, "{report:?}");
    assert_eq!(seen.all.map(|step| step.percent), percents, "{report:?}");
    assert_eq!(seen.all.map(|step| step.state), states, "{report:?}");
}

#[test]
fn steps_by_stage() {
    use StepState::{Finished, NotStarted, Running};
    let at = |stage| RunReport {
        stage,
        tables_total: 4,
        tables_done: 2,
        chunks_total: 10,
        chunks_done: 5,
        rows_total_estimate: 100,
        rows_copied: 50,
        lag_bytes: Some(1),
        lag_seconds: Some(2),
        ..RunReport::default()
    };
    check(
        at(Stage::Starting),
        1,
        [0, 0, 0],
        [Running, NotStarted, NotStarted],
    );
    check(at(Stage::Structure), 1, [2, 0, 0], [Running, Running, NotStarted]);
    check(
        at(Stage::Snapshot),
        1,
        [52, 45, 0],
        [Running, Running, NotStarted],
    );
    check(
        at(Stage::Indexes),
        2,
        [100, 94, 0],
        [Finished, Running, NotStarted],
    );
    check(
        at(Stage::Changes),
        3,
        [100, 100, 1],
        [Finished, Finished, Running],
    );
    check(
        at(Stage::Cutover),
        3,
        [100, 100, 99],
        [Finished, Finished, Running],
    );
    let more_than_estimated = RunReport {
        rows_copied: 1_000,
        ..at(Stage::Snapshot)
    };
    check(
        more_than_estimated,
        1,
        [99, 90, 0],
        [Running, Running, NotStarted],
    );
}

#[test]
fn lags_are_told_in_the_last_phase_only_and_never_rounded_to_nothing() {
    let lag = |stage, bytes| {
        let report = RunReport {
            stage,
            lag_bytes: bytes,
            lag_seconds: bytes,
            ..RunReport::default()
        };
        let seen = steps(
            &job(Status::Running, MigrateType::FullAndIncrement),
            Some(&report),
        );
        (seen.lag_mb, seen.lag_seconds)
    };
    assert_eq!(lag(Stage::Snapshot, Some(5)), (None, None));
    assert_eq!(lag(Stage::Changes, None), (None, None));
    assert_eq!(lag(Stage::Changes, Some(0)), (Some(0), Some(0)));
    assert_eq!(lag(Stage::Changes, Some(5)), (Some(1), Some(5)));
    assert_eq!(lag(Stage::Cutover, Some(3 << 20)), (Some(3), Some(3 << 20)));
}

#[test]
fn a_failed_step_is_the_one_where_the_run_was() {
    let report = RunReport {
        stage: Stage::Snapshot,
        ..RunReport::default()
    };
    let seen = steps(&job(Status::Error, MigrateType::Full), Some(&report));
    assert_eq!(
        seen.all.map(|step| step.state),
        [StepState::Failed, StepState::Running, StepState::Skipped]
    );
    let before = steps(&job(Status::Created, MigrateType::FullAndIncrement), None);
    assert_eq!((before.now, before.lag_mb), (0, None));
    assert!(before.all.iter().all(|step| step.state == StepState::NotStarted));
}
