//! What earlier runs of a job have done, seen together with the present one.
//!
//! A run counts what it does itself. A job that was paused and continued has
//! done all of it. Pure.

use tidegate_model::report::{RunReport, Stage};

/// The present run's report on top of the last one of the runs before it.
pub(crate) fn carried(before: Option<&RunReport>, now: RunReport) -> RunReport {
    let mut all = now;
    // A run that tries again has no open session that could tell it a lag.
    if all.retrying.is_some() {
        all.caught_up = false;
        (all.lag_seconds, all.lag_bytes) = (None, None);
    }
    let Some(before) = before else { return all };
    all.changes_applied += before.changes_applied;
    all.transactions_applied += before.transactions_applied;
    all.ddl_applied += before.ddl_applied;
    all.events_not_chosen += before.events_not_chosen;
    all.reconnects += before.reconnects;
    all.chunks_redone += before.chunks_redone;
    let skipped: Vec<String> = before
        .ddl_skipped
        .iter()
        .filter(|text| !all.ddl_skipped.contains(text))
        .cloned()
        .collect();
    all.ddl_skipped.splice(0..0, skipped);
    // A run that begins after the snapshot does not count its chunks; one that resumes it counts all.
    let after_snapshot = all.stage == Stage::Starting || all.stage > Stage::Snapshot;
    if all.chunks_total == 0 && after_snapshot {
        all.tables_total = all.tables_total.max(before.tables_total);
        all.tables_done = all.tables_done.max(before.tables_done);
        all.chunks_total = before.chunks_total;
        all.chunks_done = before.chunks_done;
        all.chunks_reused = before.chunks_reused;
        all.rows_total_estimate = before.rows_total_estimate;
        all.bytes_total_estimate = before.bytes_total_estimate;
        all.rows_copied = before.rows_copied;
        all.bytes_copied = before.bytes_copied;
    }
    // Until it says where it goes on, the job is where it was.
    if all.stage == Stage::Starting {
        all.stage = before.stage.min(Stage::Changes);
    }
    all
}

/// What is left of a report when its run is no more: what was done, and no word
/// of speed, lag or readiness, for nobody knows them now.
pub(crate) fn at_rest(mut report: RunReport) -> RunReport {
    report.caught_up = false;
    (report.lag_seconds, report.lag_bytes) = (None, None);
    (report.rows_per_second, report.bytes_per_second) = (0.0, 0.0);
    (report.eta_seconds, report.retrying) = (None, None);
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continued_run_forgets_no_rows_and_adds_its_changes() {
        let before = RunReport {
            stage: Stage::Changes,
            chunks_total: 4,
            rows_copied: 100,
            changes_applied: 7,
            ddl_skipped: vec!["a".to_owned()],
            ..RunReport::default()
        };
        let now = RunReport {
            stage: Stage::Changes,
            changes_applied: 3,
            ddl_skipped: vec!["a".to_owned(), "b".to_owned()],
            ..RunReport::default()
        };
        let seen = carried(Some(&before), now);
        assert_eq!(
            (seen.rows_copied, seen.chunks_total, seen.changes_applied),
            (100, 4, 10)
        );
        assert_eq!(seen.ddl_skipped, ["a", "b"]);
    }

    #[test]
    fn a_run_that_begins_does_not_set_the_job_back() {
        let check = |before: Stage, seen: Stage| {
            let before = RunReport {
                stage: before,
                ..RunReport::default()
            };
            assert_eq!(carried(Some(&before), RunReport::default()).stage, seen);
        };
        check(Stage::Starting, Stage::Starting);
        check(Stage::Snapshot, Stage::Snapshot);
        check(Stage::Cutover, Stage::Changes);
        assert_eq!(carried(None, RunReport::default()).stage, Stage::Starting);
    }

    #[test]
    fn a_run_that_tries_again_knows_no_lag() {
        let now = RunReport {
            stage: Stage::Changes,
            caught_up: true,
            lag_seconds: Some(0),
            lag_bytes: Some(0),
            retrying: Some(tidegate_model::report::Trouble {
                kind: tidegate_model::error::Kind::Retry,
                message: String::new(),
                remedy: String::new(),
                since_ms: 0,
                attempts: 1,
            }),
            ..RunReport::default()
        };
        let seen = carried(None, now);
        assert_eq!(
            (seen.caught_up, seen.lag_seconds, seen.lag_bytes),
            (false, None, None)
        );
        assert!(seen.retrying.is_some());
    }

    #[test]
    fn a_resumed_snapshot_counts_for_itself() {
        let before = RunReport {
            stage: Stage::Snapshot,
            chunks_total: 4,
            rows_copied: 100,
            ..RunReport::default()
        };
        let now = RunReport {
            stage: Stage::Snapshot,
            chunks_total: 4,
            rows_copied: 50,
            ..RunReport::default()
        };
        assert_eq!(carried(Some(&before), now).rows_copied, 50);
    }
}
