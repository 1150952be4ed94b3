//! Where a job is, read from DescribeMigrationDetail, and told in one line.
//!
//! Rates, counts and the cutover record are in the steps' `StepMessage`, see
//! `rpc::progress`; each may be missing. Pure: reads no clock, prints nothing.

use tidegate_model::report::CutoverRecord;
use tidegate_rpc::actions::{DescribeMigrationDetailAnswer, ProcessStepTip, StepDetailInfo};
use tidegate_rpc::progress as wire;

use crate::print::grouped;

/// All rows are there; what is missing is told by the lag, not by a part of a whole.
const FOLLOWING_PERCENT: u64 = 99;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) status: String,
    /// What the step under way is called.
    pub(crate) step: String,
    pub(crate) percent: u64,
    pub(crate) note: wire::Progress,
    /// What the steps warn of: message, and remedy where there is one.
    pub(crate) warnings: Vec<String>,
    /// What stands in the way at the moment.
    pub(crate) errors: Vec<String>,
    pub(crate) cutover: Option<CutoverRecord>,
    /// None where the server knows none.
    pub(crate) lag_seconds: Option<i64>,
    pub(crate) lag_megabytes: Option<i64>,
}

impl Progress {
    pub(crate) fn read(detail: &DescribeMigrationDetailAnswer) -> Progress {
        let info = detail.step_info.clone().unwrap_or_default();
        let steps = info.step_info.unwrap_or_default();
        let begun =
            |step: &&StepDetailInfo| step.status.as_deref() != Some("notStarted") && step.status.is_some();
        let running = |step: &&StepDetailInfo| step.status.as_deref() == Some("running");
        let shown = steps.iter().find(running).or_else(|| steps.iter().rfind(begun));
        let known = |value: Option<i64>| value.filter(|value| *value >= 0);
        let messages = || steps.iter().rev().filter_map(|step| step.step_message.as_deref());
        let warnings = steps.iter().flat_map(|step| step.warnings.iter().flatten());
        let errors = steps.iter().flat_map(|step| step.errors.iter().flatten());
        let mut progress = Progress {
            status: detail.status.clone().unwrap_or_default(),
            step: shown.and_then(|step| step.step_name.clone()).unwrap_or_default(),
            percent: shown.and_then(|step| step.percent).unwrap_or_default().min(100),
            note: messages().find_map(wire::Progress::from_text).unwrap_or_default(),
            warnings: warnings.map(tip).collect(),
            errors: errors.map(tip).collect(),
            cutover: messages().find_map(wire::record),
            lag_seconds: known(info.seconds_behind_master),
            lag_megabytes: known(info.master_slave_distance),
        };
        match progress.status.as_str() {
            "success" => progress.percent = 100,
            _ if progress.follows() => progress.percent = progress.percent.max(FOLLOWING_PERCENT),
            _ => {}
        }
        progress
    }

    /// All that is known, in one line of parts.
    pub(crate) fn line(&self) -> String {
        let note = &self.note;
        let mut parts = vec![self.stage()];
        if note.rows > 0 && !self.follows() {
            parts.push(match note.rows_total {
                0 => format!("{} rows", grouped(note.rows)),
                total => format!("{} of {} rows", grouped(note.rows), grouped(total.max(note.rows))),
            });
        }
        if self.follows() {
            let (changes, transactions) = (grouped(note.changes), grouped(note.transactions));
            parts.push(self.lag());
            parts.push(format!("{changes} changes in {transactions} transactions"));
        }
        if note.rows_per_second > 0 || note.bytes_per_second > 0 {
            parts.push(format!("{} rows/s", grouped(note.rows_per_second)));
            parts.push(format!("{} MB/s", megabytes(note.bytes_per_second, 1)));
        }
        if let Some(seconds) = note.eta_seconds.filter(|_| !self.follows()) {
            parts.push(format!("ETA {}", duration(seconds)));
        }
        if note.tables_total > 0 && !self.follows() {
            parts.push(format!("tables {}/{}", note.tables_done, note.tables_total));
        }
        if note.retrying {
            parts.push(format!("trying again after: {}", self.errors.join("; ")));
        }
        parts.join("  ")
    }

    pub(crate) fn lag(&self) -> String {
        let seconds = self.lag_seconds.map(|seconds| format!("{seconds} s"));
        let size = match (self.note.lag_bytes, self.lag_megabytes) {
            (Some(bytes), _) => Some(format!("{} MB", megabytes(bytes, 2))),
            (None, Some(megabytes)) => Some(format!("{megabytes} MB")),
            (None, None) => None,
        };
        let known: Vec<String> = seconds.into_iter().chain(size).collect();
        if known.is_empty() {
            return "lag unknown".to_owned();
        }
        format!("lag {}", known.join(", "))
    }

    fn follows(&self) -> bool {
        matches!(self.note.stage.as_str(), "changes" | "cutover")
            || matches!(self.status.as_str(), "readyComplete" | "completing")
    }

    fn stage(&self) -> String {
        match self.status.as_str() {
            "running" | "" => {}
            "readyComplete" => return "caught up".to_owned(),
            other => return other.to_owned(),
        }
        match (self.note.stage.as_str(), self.step.as_str()) {
            ("", "") => "running".to_owned(),
            ("", step) => step.to_owned(),
            (stage, _) => stage.to_owned(),
        }
    }
}

fn tip(tip: &ProcessStepTip) -> String {
    let parts = [&tip.message, &tip.solution].into_iter().flatten();
    let known: Vec<&str> = parts
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    known.join(": ")
}

/// Bytes as MB with this many decimals.
#[allow(clippy::cast_precision_loss, reason = "shown with a few digits")]
fn megabytes(bytes: u64, decimals: usize) -> String {
    format!("{:.decimals$}", bytes as f64 / 1e6)
}

fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}:{seconds:02} min"),
        (hours, minutes, _) => format!("{hours}:{minutes:02} h"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn progress(status: &str, steps: Value, lag: (i64, i64)) -> Progress {
        let detail = json!({"Status": status, "StepInfo": {"StepAll": 3, "StepNow": 1, "StepInfo": steps,
            "MasterSlaveDistance": lag.0, "SecondsBehindMaster": lag.1}});
        Progress::read(&serde_json::from_value(detail).expect("a detail"))
    }

    fn step(id: &str, status: &str, percent: u64, message: &str) -> Value {
        json!({"StepId": id, "StepName": id, "Status": status, "Percent": percent, "StepMessage": message})
    }

    fn check(status: &str, steps: Value, lag: (i64, i64), percent: u64, expected: &str) {
        let progress = progress(status, steps, lag);
        assert_eq!((progress.percent, progress.line().as_str()), (percent, expected));
    }

    #[test]
    fn lines_of_a_copy() {
        let copying = "stage=snapshot tables_done=3 tables_total=5 rows=1200000 rows_total=2000000 \
                       rows_per_second=45000 bytes_per_second=6100000 eta_seconds=75 new_pair=1";
        let steps = json!([
            step("dumper", "running", 60, copying),
            step("sinker", "notStarted", 0, "")
        ]);
        let line = "snapshot  1,200,000 of 2,000,000 rows  45,000 rows/s  6.1 MB/s  ETA 1:15 min  tables 3/5";
        check("running", steps, (-1, -1), 60, line);
        check(
            "running",
            json!([step("dumper", "running", 7, "reading")]),
            (-1, -1),
            7,
            "dumper",
        );
        let skipped = json!([
            step("loader", "finished", 100, "stage=done rows=3"),
            step("sinker", "skipped", 0, "")
        ]);
        check("success", skipped, (-1, -1), 100, "success  3 rows");
        check("readyRun", json!(null), (-1, -1), 0, "readyRun");
        check("manualPaused", json!([]), (-1, -1), 0, "manualPaused");
    }

    #[test]
    fn lines_of_following_changes() {
        let following = "stage=changes rows=2000000 rows_total=2000000 changes=4321 transactions=99";
        let steps = json!([
            step("loader", "finished", 100, ""),
            step("sinker", "running", 1, following)
        ]);
        check(
            "running",
            steps,
            (3, 12),
            99,
            "changes  lag 12 s, 3 MB  4,321 changes in 99 transactions",
        );
        let caught_up = json!([step(
            "sinker",
            "running",
            99,
            "stage=changes changes=5 transactions=2 lag_bytes=20000"
        )]);
        check(
            "readyComplete",
            caught_up,
            (0, 0),
            99,
            "caught up  lag 0 s, 0.02 MB  5 changes in 2 transactions",
        );
        let mut lost = step("sinker", "running", 1, "stage=changes retrying=1");
        lost["Errors"] = json!([{"Message": "connection refused", "Solution": "start it"}]);
        let line = "changes  lag unknown  0 changes in 0 transactions  \
                    trying again after: connection refused: start it";
        check("running", json!([lost]), (-1, -1), 99, line);
    }

    #[test]
    fn durations() {
        let check = |seconds, expected: &str| assert_eq!(duration(seconds), expected);
        check(0, "0 s");
        check(59, "59 s");
        check(60, "1:00 min");
        check(7384, "2:03 h");
    }

    #[test]
    fn the_cutover_record_is_in_the_last_steps_message() {
        let record = CutoverRecord {
            equal: true,
            ..CutoverRecord::default()
        };
        let message = serde_json::to_string(&record).expect("JSON");
        let loader = step("loader", "finished", 100, "stage=done rows=7");
        let progress = progress(
            "success",
            json!([loader, step("sinker", "finished", 100, &message)]),
            (-1, -1),
        );
        assert_eq!((progress.note.rows, progress.cutover), (7, Some(record)));
    }

    #[test]
    fn warnings_of_all_steps_are_kept() {
        let mut warned = step("dumper", "running", 1, "");
        warned["Warnings"] =
            json!([{"Message": "no triggers", "Solution": ""}, {"Message": "a", "Solution": "b"}]);
        assert_eq!(
            progress("running", json!([warned]), (-1, -1)).warnings,
            ["no triggers", "a: b"]
        );
    }
}
