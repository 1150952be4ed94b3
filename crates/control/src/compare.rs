//! A consistency check as it is kept, and which action is allowed in which state.
//!
//! Source: the wire API's states of its compare tasks. Pure: no clock, no store. A check
//! belongs to a job and is only begun while that job follows its source.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_model::compare::{CompareSpec, Comparison, TableState};
use tidegate_model::report::Trouble;
use tidegate_model::{Error, Kind, Result};

use crate::lifecycle::{self, Trade};

/// Exactly the wire API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CompareStatus {
    Created,
    ReadyRun,
    Running,
    Success,
    Stopping,
    Failed,
    Canceled,
}

impl CompareStatus {
    pub fn word(self) -> &'static str {
        match self {
            CompareStatus::Created => "created",
            CompareStatus::ReadyRun => "readyRun",
            CompareStatus::Running => "running",
            CompareStatus::Success => "success",
            CompareStatus::Stopping => "stopping",
            CompareStatus::Failed => "failed",
            CompareStatus::Canceled => "canceled",
        }
    }

    pub fn is_over(self) -> bool {
        matches!(
            self,
            CompareStatus::Success | CompareStatus::Failed | CompareStatus::Canceled
        )
    }

    pub fn is_under_way(self) -> bool {
        matches!(
            self,
            CompareStatus::ReadyRun | CompareStatus::Running | CompareStatus::Stopping
        )
    }
}

/// What a user asks of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareAction {
    Modify,
    Rename,
    Start,
    Stop,
    Delete,
}

/// The Status after an action; `Delete` leaves it as it is.
pub fn after_action(status: CompareStatus, action: CompareAction) -> Result<CompareStatus> {
    use CompareStatus::{Created, ReadyRun, Running, Stopping};
    let next = match action {
        CompareAction::Rename => Some(status),
        CompareAction::Modify => (status == Created).then_some(Created),
        CompareAction::Start => (status == Created).then_some(ReadyRun),
        CompareAction::Stop => matches!(status, ReadyRun | Running).then_some(Stopping),
        CompareAction::Delete => status.is_over().then_some(status),
    };
    let (doing, remedy) = match action {
        CompareAction::Rename => ("renamed", ""),
        CompareAction::Modify => ("changed", "Create another one"),
        CompareAction::Start => ("started", "Create another one: a check is run once"),
        CompareAction::Stop => ("stopped", "Only a check under way can be"),
        CompareAction::Delete => ("deleted", "Wait for its end, or start and stop it first"),
    };
    next.ok_or_else(|| {
        let state = status.word();
        Error::new(
            Kind::WrongState,
            format!("a consistency check that is {state} cannot be {doing}"),
        )
        .remedy(remedy)
    })
}

/// May a check of this job be created and begun now?
pub fn allowed(status: lifecycle::Status, trade: Trade) -> bool {
    use lifecycle::Status::{ReadyComplete, Running};
    trade == Trade::Normal && matches!(status, Running | ReadyComplete)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    Same,
    Different,
    /// Nothing was compared at all.
    SkipAll,
}

impl Conclusion {
    pub fn word(self) -> &'static str {
        match self {
            Conclusion::Same => "same",
            Conclusion::Different => "different",
            Conclusion::SkipAll => "skipAll",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompareTask {
    pub id: String,
    pub job_id: String,
    pub name: String,
    pub created_ms: u64,
    pub status: CompareStatus,
    pub spec: CompareSpec,
    /// The wire side's own form of objects and options.
    pub shown: Value,
    pub started_ms: Option<u64>,
    pub ended_ms: Option<u64>,
    pub found: Comparison,
    pub trouble: Option<Trouble>,
}

impl CompareTask {
    /// None while there is nothing to conclude from. A difference is one at once.
    pub fn conclusion(&self) -> Option<Conclusion> {
        if self.found.differing_rows() > 0 {
            return Some(Conclusion::Different);
        }
        if self.status != CompareStatus::Success {
            return None;
        }
        if self.found.compared_tables() == 0 {
            return Some(Conclusion::SkipAll);
        }
        Some(Conclusion::Same)
    }

    /// 0 to 100, by the rows that the servers estimate.
    pub fn percent(&self) -> u64 {
        if self.status == CompareStatus::Success {
            return 100;
        }
        let (mut done, mut all) = (0_u64, 0_u64);
        for table in &self.found.tables {
            let weight = table.rows_estimate.max(1);
            all += weight;
            done += match table.state {
                TableState::Compared | TableState::Skipped => weight,
                _ => table.source_rows.min(weight),
            };
        }
        (done * 100).checked_div(all).unwrap_or_default().min(99)
    }

    /// What a person reads first: what was not covered, before anything else.
    pub fn message(&self) -> String {
        let mut lines = Vec::new();
        let left = self.found.not_covered();
        if self.found.planned && !left.is_empty() {
            lines.push(format!("not covered: {}", left.join("; ")));
        }
        if let Some(trouble) = &self.trouble {
            lines.push(
                format!("{} {}", trouble.message, trouble.remedy)
                    .trim_end()
                    .to_owned(),
            );
        } else if let Some(retrying) = &self.found.retrying {
            lines.push(format!("trying again: {retrying}"));
        } else if self.found.planned {
            let found = &self.found;
            lines.push(format!(
                "{} of {} tables compared, {} differ in {} rows",
                found.compared_tables(),
                found.tables.len(),
                found.differing_tables(),
                found.differing_rows()
            ));
        }
        lines.join("\n")
    }
}

/// `CompareTask.Status` of a job, by its newest check.
pub fn job_word(newest: Option<&CompareTask>) -> &'static str {
    let Some(task) = newest else { return "notexist" };
    match (task.status, task.conclusion()) {
        (CompareStatus::Created, _) => "unstart",
        (CompareStatus::ReadyRun | CompareStatus::Running | CompareStatus::Stopping, _) => "running",
        (CompareStatus::Canceled, _) => "canceled",
        (CompareStatus::Failed, _) => "failed",
        (CompareStatus::Success, Some(Conclusion::Different)) => "inconsistent",
        (CompareStatus::Success, _) => "consistent",
    }
}

#[cfg(test)]
mod tests {
    use tidegate_model::compare::{CompareMethod, TableComparison};
    use tidegate_model::schema::TableName;

    use super::*;

    fn task(status: CompareStatus, tables: &[(TableState, u64)]) -> CompareTask {
        let name = TableName::new("a", "t");
        let table = |&(state, differing_rows): &(TableState, u64)| TableComparison {
            state,
            differing_rows,
            rows_estimate: 10,
            ..TableComparison::new(name.clone(), name.clone())
        };
        CompareTask {
            id: "dts-a-cmp-b".to_owned(),
            job_id: "dts-a".to_owned(),
            name: "n".to_owned(),
            created_ms: 1,
            status,
            spec: CompareSpec {
                method: CompareMethod::Data,
                sample_percent: 100,
                threads: 1,
                only: None,
                recheck_rounds: 0,
                recheck_minutes: 0,
            },
            shown: Value::Null,
            started_ms: None,
            ended_ms: None,
            found: Comparison {
                planned: true,
                tables: tables.iter().map(table).collect(),
                ..Comparison::default()
            },
            trouble: None,
        }
    }

    #[test]
    fn a_conclusion_is_drawn_from_what_was_compared() {
        use CompareStatus::{Canceled, Running, Success};
        use TableState::{Compared, Running as Begun, Skipped};
        for (status, tables, expected) in [
            (Success, vec![(Compared, 0)], Some(Conclusion::Same)),
            (Success, vec![(Compared, 0), (Skipped, 0)], Some(Conclusion::Same)),
            (
                Success,
                vec![(Compared, 2), (Skipped, 0)],
                Some(Conclusion::Different),
            ),
            (Success, vec![(Skipped, 0)], Some(Conclusion::SkipAll)),
            (Success, vec![], Some(Conclusion::SkipAll)),
            (Running, vec![(Compared, 0)], None),
            (Running, vec![(Begun, 1)], Some(Conclusion::Different)),
            (Canceled, vec![(Compared, 0)], None),
        ] {
            assert_eq!(
                task(status, &tables).conclusion(),
                expected,
                "{status:?} {tables:?}"
            );
        }
        assert_eq!(task(Running, &[(Compared, 0), (Begun, 0)]).percent(), 50);
        assert_eq!(task(Running, &[(Compared, 0)]).percent(), 99);
        let mut some = task(Success, &[(Compared, 0), (Skipped, 0)]);
        some.found.tables[1].reason = "it has no key".to_owned();
        let message = some.message();
        assert!(
            message.starts_with("not covered: a.t: it has no key\n"),
            "{message}"
        );
        assert_eq!(job_word(Some(&some)), "consistent");
        assert_eq!(job_word(None), "notexist");
    }

    #[test]
    fn each_action_has_its_states() {
        use CompareAction::{Delete, Modify, Rename, Start, Stop};
        use CompareStatus::{Canceled, Created, Failed, ReadyRun, Running, Stopping, Success};
        let all = [Created, ReadyRun, Running, Success, Stopping, Failed, Canceled];
        for (action, allowed) in [
            (Rename, all.to_vec()),
            (Modify, vec![Created]),
            (Start, vec![Created]),
            (Stop, vec![ReadyRun, Running]),
            (Delete, vec![Success, Failed, Canceled]),
        ] {
            for status in all {
                let answer = after_action(status, action);
                assert_eq!(answer.is_ok(), allowed.contains(&status), "{status:?} {action:?}");
            }
        }
    }
}
