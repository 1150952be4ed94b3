//! A precheck's findings: all of them as a table, or those that stand in the
//! way with what mends them.
//!
//! Relies on DescribeMigrationCheckJob's answer alone.

use tidegate_rpc::actions::{CheckStep, DescribeMigrationCheckJobAnswer, DetailCheckItem};

use crate::print;

pub(crate) fn passed(answer: &DescribeMigrationCheckJobAnswer) -> bool {
    answer.check_flag.as_deref() == Some("checkPass")
}

/// One row a check; a step without checks of its own is one row.
pub(crate) fn table(answer: &DescribeMigrationCheckJobAnswer) -> String {
    let mut rows = Vec::new();
    for step in answer.step_info.iter().flatten() {
        let items = step.detail_check_items.as_deref().unwrap_or_default();
        if items.is_empty() {
            let status = if step.has_skipped == Some(true) {
                "skipped"
            } else {
                text(&step.step_status)
            };
            rows.push([
                text(&step.step_id).to_owned(),
                String::new(),
                status.to_owned(),
                text(&step.step_message).to_owned(),
            ]);
        }
        for item in items {
            rows.push([
                text(&step.step_id).to_owned(),
                text(&item.check_item_name).to_owned(),
                result(step, item),
                reason(item),
            ]);
        }
    }
    print::table(["STEP", "CHECK", "RESULT", "WHY AND WHAT MENDS IT"], rows)
}

/// Failures first, then warnings; one paragraph each.
pub(crate) fn troubles(answer: &DescribeMigrationCheckJobAnswer) -> String {
    let mut paragraphs = Vec::new();
    for wanted in ["failed", "warning"] {
        for step in answer.step_info.iter().flatten() {
            for item in step.detail_check_items.iter().flatten() {
                if item.check_result.as_deref() == Some(wanted) {
                    paragraphs.push(paragraph(wanted, step, item));
                }
            }
        }
    }
    paragraphs.join("\n")
}

/// How many of each: for one line of summary.
pub(crate) fn summary(answer: &DescribeMigrationCheckJobAnswer) -> String {
    let steps = || answer.step_info.iter().flatten();
    let count = |wanted: &str| {
        let items = steps().flat_map(|step| step.detail_check_items.iter().flatten());
        items
            .filter(|item| item.check_result.as_deref() == Some(wanted))
            .count()
    };
    let skipped = steps().filter(|step| step.has_skipped == Some(true)).count();
    let mut line = format!(
        "precheck: {} steps, {} failures, {} warnings",
        steps().count(),
        count("failed"),
        count("warning")
    );
    if skipped > 0 {
        line.push_str(&format!(", {skipped} steps skipped on your word"));
    }
    line
}

fn paragraph(word: &str, step: &CheckStep, item: &DetailCheckItem) -> String {
    let word = if word == "failed" { "FAILED " } else { "warning" };
    let mut lines = format!("{word} {} ({})", text(&item.check_item_name), text(&step.step_id));
    for (label, value) in [("why:", &item.failure_reason), ("do: ", &item.solution)] {
        if !text(value).is_empty() {
            lines.push_str(&format!(
                "\n        {label} {}",
                text(value).replace('\n', "\n             ")
            ));
        }
    }
    lines
}

fn result(step: &CheckStep, item: &DetailCheckItem) -> String {
    let result = text(&item.check_result);
    if step.has_skipped == Some(true) && result != "pass" {
        format!("{result} (skipped)")
    } else {
        result.to_owned()
    }
}

fn reason(item: &DetailCheckItem) -> String {
    let parts = [text(&item.failure_reason), text(&item.solution)];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn text(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> DescribeMigrationCheckJobAnswer {
        serde_json::from_value(json!({"Status": "failed", "CheckFlag": "checkNotPass", "StepInfo": [
            {"StepId": "ConnectDBCheck", "StepStatus": "pass", "DetailCheckItems": [{"CheckItemName": "connect", "CheckResult": "pass"}]},
            {"StepId": "WarningParamCheck", "StepStatus": "warning", "DetailCheckItems": [
                {"CheckItemName": "charset", "CheckResult": "warning", "FailureReason": "they differ", "Solution": ""}]},
            {"StepId": "BinlogParamCheck", "StepStatus": "failed", "DetailCheckItems": [
                {"CheckItemName": "binlog_format", "CheckResult": "failed", "FailureReason": "it is MIXED",
                 "Solution": "SET GLOBAL binlog_format = ROW"}]},
            {"StepId": "ViewCheck", "StepStatus": "notStarted", "HasSkipped": true},
        ]}))
        .expect("an answer")
    }

    #[test]
    fn troubles_are_told_with_their_remedy_failures_first() {
        let text = troubles(&answer());
        assert_eq!(
            text,
            "FAILED  binlog_format (BinlogParamCheck)\n        why: it is MIXED\n        do:  SET GLOBAL binlog_format = ROW\n\
             warning charset (WarningParamCheck)\n        why: they differ"
        );
        assert!(!passed(&answer()));
        assert_eq!(
            summary(&answer()),
            "precheck: 4 steps, 1 failures, 1 warnings, 1 steps skipped on your word"
        );
    }

    #[test]
    fn the_table_has_every_check() {
        let text = table(&answer());
        for part in [
            "ConnectDBCheck",
            "binlog_format",
            "it is MIXED",
            "ViewCheck",
            "skipped",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
