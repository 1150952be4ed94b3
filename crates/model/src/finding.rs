//! What a precheck found: one finding a check, grouped by the wire API's steps.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    Pass,
    Warning,
    Failure,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The wire API's step id, such as `BinlogParamCheck`.
    pub step: String,
    /// One check inside the step, such as `binlog_format`.
    pub item: String,
    pub verdict: Verdict,
    /// What was looked at.
    pub looked_at: String,
    /// Why it does not fit; empty on pass.
    pub why: String,
    /// The exact statement or setting that mends it; empty on pass.
    pub remedy: String,
}

/// A step of the precheck in the order of the wire API, with its findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStep {
    pub id: String,
    pub name: String,
    /// May the user skip a failure of this step?
    pub skippable: bool,
    /// False: not run, because an earlier step failed.
    pub ran: bool,
    pub findings: Vec<Finding>,
}

impl CheckStep {
    pub fn verdict(&self) -> Verdict {
        let has = |wanted| self.findings.iter().any(|finding| finding.verdict == wanted);
        if has(Verdict::Failure) {
            Verdict::Failure
        } else if has(Verdict::Warning) {
            Verdict::Warning
        } else {
            Verdict::Pass
        }
    }
}
