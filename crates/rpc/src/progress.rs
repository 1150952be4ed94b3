//! A run's figures in the one free text that the wire API has for them: the
//! `StepMessage` of a job's steps.
//!
//! `name=value` pairs, so that people and programs read the same line:
//! `dumper` and `loader` carry rows, bytes and rates, `sinker` what was applied.
//! Once a job has been cut over, `DescribeMigrationDetail` gives the whole
//! `CutoverRecord` as JSON in the `StepMessage` of `sinker`; see `record`.

use tidegate_model::report::{CutoverRecord, RunReport, Stage};

/// What the `StepMessage` of `dumper`, `loader` and `sinker` can hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    pub stage: String,
    pub tables_done: u64,
    pub tables_total: u64,
    pub chunks_done: u64,
    pub chunks_total: u64,
    pub chunks_reused: u64,
    pub chunks_redone: u64,
    pub rows: u64,
    pub rows_total: u64,
    pub bytes: u64,
    pub bytes_total: u64,
    pub rows_per_second: u64,
    pub bytes_per_second: u64,
    pub eta_seconds: Option<u64>,
    pub changes: u64,
    pub transactions: u64,
    pub ddl: u64,
    pub lag_seconds: Option<u64>,
    pub lag_bytes: Option<u64>,
    pub reconnects: u64,
    pub retrying: bool,
}

macro_rules! pairs {
    ($($name:ident),*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        fn get(progress: &Progress, name: &str) -> u64 {
            $(if name == stringify!($name) { return progress.$name; })*
            0
        }
        fn set(progress: &mut Progress, name: &str, value: u64) {
            $(if name == stringify!($name) { progress.$name = value; })*
        }
    };
}

pairs!(
    tables_done,
    tables_total,
    chunks_done,
    chunks_total,
    chunks_reused,
    chunks_redone,
    rows,
    rows_total,
    bytes,
    bytes_total,
    rows_per_second,
    bytes_per_second,
    changes,
    transactions,
    ddl,
    reconnects
);

impl Progress {
    pub fn of(report: &RunReport) -> Progress {
        Progress {
            stage: stage(report.stage).to_owned(),
            tables_done: report.tables_done,
            tables_total: report.tables_total,
            chunks_done: report.chunks_done,
            chunks_total: report.chunks_total,
            chunks_reused: report.chunks_reused,
            chunks_redone: report.chunks_redone,
            rows: report.rows_copied,
            rows_total: report.rows_total_estimate,
            bytes: report.bytes_copied,
            bytes_total: report.bytes_total_estimate,
            rows_per_second: rounded(report.rows_per_second),
            bytes_per_second: rounded(report.bytes_per_second),
            eta_seconds: report.eta_seconds,
            changes: report.changes_applied,
            transactions: report.transactions_applied,
            ddl: report.ddl_applied,
            lag_seconds: report.lag_seconds,
            lag_bytes: report.lag_bytes,
            reconnects: report.reconnects,
            retrying: report.retrying.is_some(),
        }
    }

    /// The line of a step. All steps carry the same pairs, so that one is enough to read.
    pub fn to_text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("stage={}", self.stage);
        for name in NAMES {
            // Writing into a text cannot fail.
            let _ = write!(text, " {name}={}", get(self, name));
        }
        let optional = [
            ("eta_seconds", self.eta_seconds),
            ("lag_seconds", self.lag_seconds),
            ("lag_bytes", self.lag_bytes),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                let _ = write!(text, " {name}={value}");
            }
        }
        if self.retrying {
            text.push_str(" retrying=1");
        }
        text
    }

    /// None where the text is not such a line.
    pub fn from_text(text: &str) -> Option<Progress> {
        let mut progress = Progress {
            stage: text.strip_prefix("stage=")?.split(' ').next()?.to_owned(),
            ..Progress::default()
        };
        for (name, value) in text.split(' ').filter_map(|pair| pair.split_once('=')) {
            let Ok(value) = value.parse::<u64>() else {
                continue;
            };
            match name {
                "eta_seconds" => progress.eta_seconds = Some(value),
                "lag_seconds" => progress.lag_seconds = Some(value),
                "lag_bytes" => progress.lag_bytes = Some(value),
                "retrying" => progress.retrying = value == 1,
                other => set(&mut progress, other, value),
            }
        }
        Some(progress)
    }
}

/// The record of a cutover out of the `StepMessage` of `sinker`; None before the cutover.
pub fn record(step_message: &str) -> Option<CutoverRecord> {
    serde_json::from_str(step_message).ok()
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Starting => "starting",
        Stage::Structure => "structure",
        Stage::Snapshot => "snapshot",
        Stage::Indexes => "indexes",
        Stage::Changes => "changes",
        Stage::Cutover => "cutover",
        Stage::Done => "done",
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and a rate is not negative"
)]
fn rounded(rate: f64) -> u64 {
    rate.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let report = RunReport {
            stage: Stage::Snapshot,
            rows_copied: 12,
            rows_total_estimate: 100,
            rows_per_second: 7.6,
            eta_seconds: Some(9),
            ..RunReport::default()
        };
        let progress = Progress::of(&report);
        assert_eq!(progress.rows_per_second, 8);
        assert_eq!(Progress::from_text(&progress.to_text()), Some(progress));
        assert_eq!(Progress::from_text("{}"), None);
    }

    #[test]
    fn a_record_is_told_from_a_line() {
        let record_made = CutoverRecord {
            equal: true,
            ..CutoverRecord::default()
        };
        let text = serde_json::to_string(&record_made).expect("writes");
        assert_eq!(record(&text), Some(record_made));
        assert_eq!(record("stage=changes rows=1"), None);
    }
}
