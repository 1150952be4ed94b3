//! Can this job run? Each check says what was looked at, why it does not fit, and the
//! exact statement that mends it.
//!
//! Reads settings, grants and the catalog; changes nothing and reads no row. A thing
//! that can't be looked at is a warning that says so, never a pass.

mod grants;
mod objects;
mod on_source;
mod on_target;
mod versions;

use tidegate_link::{CheckStepRule, TableDef};
use tidegate_model::finding::{Finding, Verdict};

pub(crate) use on_source::source;
pub(crate) use on_target::target;

/// The steps in the wire API's published order. Not skippable is what the job can't
/// run without, or what would make it write into someone else's tables.
pub(crate) const STEPS: &[CheckStepRule] = &[
    step("ConnectDBCheck", "Connection to source and target", false),
    step("VersionCheck", "Versions of source and target", true),
    step("SrcPrivilegeCheck", "Privileges on the source", true),
    step("SimpleParamCheck", "Settings and table formats", false),
    step("DstPrivilegeCheck", "Privileges on the target", true),
    step("DstEmptyCheck", "Objects of the same name on the target", false),
    step("DstSpaceCheck", "Free space on the target", true),
    step("BinlogParamCheck", "Binary log of the source", false),
    step(
        "ConstraintCheck",
        "Foreign keys that change rows by themselves",
        true,
    ),
    step("ConstraintRefCheck", "Tables that foreign keys refer to", true),
    step("ViewCheck", "Definers of views", true),
    step("WarningParamCheck", "Settings that slow or limit the job", true),
    step("OptimizeCheck", "Settings that burden the source", true),
    step("AdvancedStoreObjectCheck", "Stored objects and accounts", true),
];

const VERSION: &str = "VersionCheck";
const SOURCE_RIGHTS: &str = "SrcPrivilegeCheck";
const SETTINGS: &str = "SimpleParamCheck";
const TARGET_RIGHTS: &str = "DstPrivilegeCheck";
const SAME_NAMES: &str = "DstEmptyCheck";
const SPACE: &str = "DstSpaceCheck";
const BINLOG: &str = "BinlogParamCheck";
const CASCADES: &str = "ConstraintCheck";
const REFERENCES: &str = "ConstraintRefCheck";
const VIEWS: &str = "ViewCheck";
pub(crate) const WARNINGS: &str = "WarningParamCheck";
const BURDENS: &str = "OptimizeCheck";
const OBJECTS: &str = "AdvancedStoreObjectCheck";

/// So many objects are named in a finding; of the rest only the number.
const NAMES_MAX: usize = 10;

const fn step(id: &'static str, name: &'static str, skippable: bool) -> CheckStepRule {
    CheckStepRule { id, name, skippable }
}

/// A check: the step it belongs to, its name, and what it looked at.
pub(crate) struct Check {
    step: &'static str,
    item: &'static str,
    looked_at: String,
}

pub(crate) fn check(step: &'static str, item: &'static str, looked_at: impl Into<String>) -> Check {
    Check {
        step,
        item,
        looked_at: looked_at.into(),
    }
}

impl Check {
    pub(crate) fn pass(self) -> Finding {
        self.verdict(Verdict::Pass, String::new(), String::new())
    }

    pub(crate) fn warning(self, why: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.verdict(Verdict::Warning, why.into(), remedy.into())
    }

    fn failure(self, why: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.verdict(Verdict::Failure, why.into(), remedy.into())
    }

    /// Fails when the list has members; `why` begins with them.
    fn fail_for(self, names: &[String], why: &str, remedy: impl Into<String>) -> Finding {
        if names.is_empty() {
            return self.pass();
        }
        self.failure(format!("{}: {why}", some_of(names)), remedy)
    }

    fn warn_for(self, names: &[String], why: &str, remedy: impl Into<String>) -> Finding {
        if names.is_empty() {
            return self.pass();
        }
        self.warning(format!("{}: {why}", some_of(names)), remedy)
    }

    fn verdict(self, verdict: Verdict, why: String, remedy: String) -> Finding {
        Finding {
            step: self.step.to_owned(),
            item: self.item.to_owned(),
            verdict,
            looked_at: self.looked_at,
            why,
            remedy,
        }
    }
}

fn some_of(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMES_MAX);
    let said: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    match more {
        0 => said.join(", "),
        _ => format!("{} and {more} more", said.join(", ")),
    }
}

/// Names of the tables for which it holds.
fn tables_where(tables: &[TableDef], holds: impl Fn(&TableDef) -> bool) -> Vec<String> {
    tables
        .iter()
        .filter(|table| holds(table))
        .map(|table| table.schema.name.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_those_of_the_wire_api_in_its_order() {
        let ids: Vec<&str> = STEPS.iter().map(|step| step.id).collect();
        let published = [
            // Its findings are the engine's, which opens both sides.
            "ConnectDBCheck",
            VERSION,
            SOURCE_RIGHTS,
            SETTINGS,
            TARGET_RIGHTS,
            SAME_NAMES,
            SPACE,
            BINLOG,
            CASCADES,
            REFERENCES,
            VIEWS,
            WARNINGS,
            BURDENS,
            // Published for sync jobs, where it stands last.
            OBJECTS,
        ];
        assert_eq!(ids, published);
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..12).map(|number| format!("t{number}")).collect();
        let finding = check(SETTINGS, "x", "y").fail_for(&names, "too many", "fix");
        assert!(
            finding.why.ends_with("t9 and 2 more: too many"),
            "{}",
            finding.why
        );
        assert_eq!(
            check(SETTINGS, "x", "y").fail_for(&[], "", "").verdict,
            Verdict::Pass
        );
    }
}
