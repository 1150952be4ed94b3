//! Where a job is, read from DescribeMigrationDetail, and told in one line.
//!
//! Rates and counts come as a JSON object in the steps' `StepMessage`; every
//! member may be missing. Pure: reads no clock, prints nothing.

use serde::Deserialize;
use tidegate_model::report::CutoverRecord;
use tidegate_rpc::actions::{DescribeMigrationDetailAnswer, StepDetailInfo};

use crate::print::grouped;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) status: String,
    /// What the step under way is called.
    pub(crate) step: String,
    pub(crate) percent: u64,
    pub(crate) note: Note,
    /// None where the server knows none.
    pub(crate) lag_seconds: Option<i64>,
    pub(crate) lag_megabytes: Option<i64>,
}

/// A step's message, as the server writes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Note {
    pub(crate) stage: String,
    pub(crate) rows: u64,
    pub(crate) rows_total: u64,
    pub(crate) bytes: u64,
    pub(crate) rows_per_second: f64,
    pub(crate) bytes_per_second: f64,
    pub(crate) eta_seconds: Option<u64>,
    pub(crate) tables_done: u64,
    pub(crate) tables_total: u64,
    pub(crate) changes: u64,
    pub(crate) transactions: u64,
    pub(crate) lag_bytes: Option<u64>,
    pub(crate) not_covered: Vec<String>,
    pub(crate) retrying: Option<Retrying>,
    pub(crate) cutover: Option<CutoverRecord>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Retrying {
    pub(crate) message: String,
    pub(crate) remedy: String,
    pub(crate) attempts: u64,
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
        Progress {
            status: detail.status.clone().unwrap_or_default(),
            step: shown.and_then(|step| step.step_name.clone()).unwrap_or_default(),
            percent: shown.and_then(|step| step.percent).unwrap_or_default().min(100),
            note: steps.iter().rev().find_map(note).unwrap_or_default(),
            lag_seconds: known(info.seconds_behind_master),
            lag_megabytes: known(info.master_slave_distance),
        }
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
            parts.push(self.lag());
            parts.push(format!(
                "{} changes in {} transactions",
                grouped(note.changes),
                grouped(note.transactions)
            ));
        }
        if note.rows_per_second >= 0.5 || note.bytes_per_second >= 1.0 {
            parts.push(format!("{} rows/s", grouped(whole(note.rows_per_second))));
            parts.push(format!("{:.1} MB/s", note.bytes_per_second / 1e6));
        }
        if let Some(seconds) = note.eta_seconds.filter(|_| !self.follows()) {
            parts.push(format!("ETA {}", duration(seconds)));
        }
        if note.tables_total > 0 && !self.follows() {
            parts.push(format!("tables {}/{}", note.tables_done, note.tables_total));
        }
        if let Some(retrying) = &note.retrying {
            parts.push(format!(
                "trying again (attempt {}): {}",
                retrying.attempts, retrying.message
            ));
        }
        parts.join("  ")
    }

    pub(crate) fn lag(&self) -> String {
        let seconds = self.lag_seconds.map(|seconds| format!("{seconds} s"));
        let size = match (self.note.lag_bytes, self.lag_megabytes) {
            #[allow(clippy::cast_precision_loss, reason = "shown with two decimals")]
            (Some(bytes), _) => Some(format!("{:.2} MB", bytes as f64 / 1e6)),
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

fn note(step: &StepDetailInfo) -> Option<Note> {
    serde_json::from_str(step.step_message.as_deref()?).ok()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate, shown"
)]
fn whole(rate: f64) -> u64 {
    rate.round().max(0.0) as u64
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
    use serde_json::json;

    use super::*;

    fn progress(status: &str, steps: serde_json::Value, lag: (i64, i64)) -> Progress {
        let detail = json!({"Status": status, "StepInfo": {"StepAll": 3, "StepNow": 1, "StepInfo": steps,
            "MasterSlaveDistance": lag.0, "SecondsBehindMaster": lag.1}});
        Progress::read(&serde_json::from_value(detail).expect("a detail"))
    }

    fn step(id: &str, status: &str, percent: u64, message: &str) -> serde_json::Value {
        json!({"StepNo": 1, "StepId": id, "StepName": id, "Status": status, "Percent": percent, "StepMessage": message})
    }

    #[test]
    fn lines_of_every_stage() {
        let check =
            |status: &str, steps: serde_json::Value, lag: (i64, i64), percent: u64, expected: &str| {
                let progress = progress(status, steps, lag);
                assert_eq!((progress.percent, progress.line().as_str()), (percent, expected));
            };
        let copying =
            json!({"stage": "snapshot", "rows": 1_200_000, "rowsTotal": 2_000_000, "rowsPerSecond": 45_000.4,
            "bytesPerSecond": 6_100_000.0, "etaSeconds": 75, "tablesDone": 3, "tablesTotal": 5})
            .to_string();
        check(
            "running",
            json!([
                step("dumper", "running", 60, &copying),
                step("sinker", "notStarted", 0, "")
            ]),
            (-1, -1),
            60,
            "snapshot  1,200,000 of 2,000,000 rows  45,000 rows/s  6.1 MB/s  ETA 1:15 min  tables 3/5",
        );
        let following =
            json!({"stage": "changes", "rows": 2_000_000, "changes": 4321, "transactions": 99}).to_string();
        check(
            "running",
            json!([
                step("loader", "finished", 100, ""),
                step("sinker", "running", 100, &following)
            ]),
            (3, 12),
            100,
            "changes  lag 12 s, 3 MB  4,321 changes in 99 transactions",
        );
        let caught_up =
            json!({"stage": "changes", "lagBytes": 20_000, "changes": 5, "transactions": 2}).to_string();
        check(
            "readyComplete",
            json!([step("sinker", "running", 100, &caught_up)]),
            (0, 0),
            100,
            "caught up  lag 0 s, 0.02 MB  5 changes in 2 transactions",
        );
        let lost = json!({"stage": "changes", "retrying": {"message": "connection refused", "attempts": 3}})
            .to_string();
        check(
            "running",
            json!([step("sinker", "running", 100, &lost)]),
            (-1, -1),
            100,
            "changes  lag unknown  0 changes in 0 transactions  trying again (attempt 3): connection refused",
        );
        check(
            "running",
            json!([step("dumper", "running", 7, "reading tables")]),
            (-1, -1),
            7,
            "dumper",
        );
        check("readyRun", json!(null), (-1, -1), 0, "readyRun");
        check("manualPaused", json!([]), (-1, -1), 0, "manualPaused");
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
    fn the_cutover_record_is_in_the_note() {
        let record = CutoverRecord {
            equal: true,
            ..CutoverRecord::default()
        };
        let message = json!({ "cutover": record }).to_string();
        let progress = progress(
            "success",
            json!([step("sinker", "finished", 100, &message)]),
            (-1, -1),
        );
        assert_eq!(progress.note.cutover, Some(record));
    }
}
