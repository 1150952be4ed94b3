//! The cutover record for people: what it does not speak of first, then table
//! by table what was compared, then the verdict.
//!
//! Pure; the record comes with the job's progress.

use tidegate_model::report::{CutoverRecord, TableProof};

use crate::ending::Ending;
use crate::print::{self, grouped};

/// Enough of a digest's end to tell two apart by eye; the whole is in the JSON.
const DIGEST_SHOWN: usize = 12;

/// The record decides by its tables too: an `equal` that a table contradicts is no proof.
pub(crate) fn is_equal(record: &CutoverRecord) -> bool {
    record.equal && record.tables.iter().all(TableProof::equal)
}

pub(crate) fn ending(record: &CutoverRecord) -> Ending {
    if is_equal(record) {
        Ending::Done
    } else {
        Ending::Failed
    }
}

pub(crate) fn text(record: &CutoverRecord) -> String {
    let mut lines = Vec::new();
    if record.not_covered.is_empty() {
        lines.push("Not covered by this proof: nothing that the server knows of.".to_owned());
    } else {
        lines.push("Not covered by this proof:".to_owned());
        lines.extend(record.not_covered.iter().map(|part| format!("  - {part}")));
    }
    lines.push(String::new());
    lines.push(print::table(
        ["TABLE", "SOURCE ROWS", "TARGET ROWS", "DIGEST", "RESULT"],
        record.tables.iter().map(row),
    ));
    lines.push(format!("Source position  {}", record.source_position));
    lines.push(format!(
        "Auto-increment counters raised to the source's  {}",
        record.auto_increments_set
    ));
    lines.push(verdict(record));
    lines.join("\n")
}

pub(crate) fn verdict(record: &CutoverRecord) -> String {
    let rows: u64 = record.tables.iter().map(|table| table.source_rows).sum();
    let differ = record.tables.iter().filter(|table| !table.equal()).count();
    if is_equal(record) {
        return format!(
            "Verdict: EQUAL. {} tables, {} rows, same counts and digests on both sides.",
            record.tables.len(),
            grouped(rows)
        );
    }
    format!(
        "Verdict: DIFFERENT. {differ} of {} tables are not equal.",
        record.tables.len()
    )
}

fn row(proof: &TableProof) -> [String; 5] {
    let name = if proof.source_table == proof.target_table {
        proof.source_table.clone()
    } else {
        format!("{} -> {}", proof.source_table, proof.target_table)
    };
    let short = |digest: &str| {
        let passed_over = digest.chars().count().saturating_sub(DIGEST_SHOWN);
        digest.chars().skip(passed_over).collect::<String>()
    };
    let digest = if proof.source_digest == proof.target_digest {
        short(&proof.source_digest)
    } else {
        format!(
            "{} / {}",
            short(&proof.source_digest),
            short(&proof.target_digest)
        )
    };
    let result = if proof.equal() { "equal" } else { "DIFFERENT" };
    [
        name,
        grouped(proof.source_rows),
        grouped(proof.target_rows),
        digest,
        result.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(target_rows: u64, target_digest: &str, equal: bool) -> CutoverRecord {
        CutoverRecord {
            source_position: "pos-1".to_owned(),
            equal,
            tables: vec![TableProof {
                source_table: "shop.orders".to_owned(),
                target_table: "s2.orders".to_owned(),
                source_rows: 1000,
                target_rows,
                source_digest: "aabb".to_owned(),
                target_digest: target_digest.to_owned(),
            }],
            not_covered: vec!["triggers".to_owned()],
            ..CutoverRecord::default()
        }
    }

    #[test]
    fn verdicts_and_codes() {
        let check = |record: CutoverRecord, ends: Ending, said: &str| {
            assert_eq!(ending(&record), ends);
            assert!(verdict(&record).contains(said), "{}", verdict(&record));
        };
        check(
            record(1000, "aabb", true),
            Ending::Done,
            "EQUAL. 1 tables, 1,000 rows",
        );
        check(record(999, "aabb", false), Ending::Failed, "DIFFERENT. 1 of 1");
        check(record(1000, "ccdd", false), Ending::Failed, "DIFFERENT. 1 of 1");
        check(record(1000, "ccdd", true), Ending::Failed, "DIFFERENT");
        check(record(1000, "aabb", false), Ending::Failed, "DIFFERENT");
    }

    #[test]
    fn what_is_not_covered_comes_first_and_the_verdict_last() {
        let text = text(&record(1000, "ccdd", false));
        assert!(
            text.starts_with("Not covered by this proof:\n  - triggers\n"),
            "{text}"
        );
        assert!(
            text.contains("shop.orders -> s2.orders") && text.contains("aabb / ccdd"),
            "{text}"
        );
        assert!(
            text.lines()
                .last()
                .is_some_and(|line| line.starts_with("Verdict:")),
            "{text}"
        );
    }
}
