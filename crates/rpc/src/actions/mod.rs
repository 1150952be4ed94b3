//! The 21 migration actions and the 10 of their consistency checks: names, requests
//! and answers.
//!
//! Relies on `contract` for the other actions, which are known and refused.
//! Holds shapes only; what an action does is `control`'s.

mod changes;
mod compare_shapes;
mod compares;
mod reads;
mod shapes;

pub use changes::*;
pub use compare_shapes::*;
pub use compares::*;
pub use reads::*;
pub use shapes::*;

use crate::codes::ApiError;
use crate::contract::contract;

macro_rules! actions {
    ($($name:ident),* $(,)?) => {
        /// An action that this version answers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($name),* }

        impl Action {
            pub const ALL: &[Action] = &[$(Action::$name),*];

            pub fn name(self) -> &'static str {
                match self { $(Action::$name => stringify!($name)),* }
            }
        }
    };
}

actions! {
    CompleteMigrateJob,
    ContinueMigrateJob,
    CreateCompareTask,
    CreateMigrateCheckJob,
    CreateMigrationService,
    DeleteCompareTask,
    DescribeCompareDiffItems,
    DescribeCompareReport,
    DescribeCompareTasks,
    DescribeMigrateDBInstances,
    DescribeMigrateGtidCompareReport,
    DescribeMigrationCheckJob,
    DescribeMigrationDetail,
    DescribeMigrationJobs,
    DestroyMigrateJob,
    IsolateMigrateJob,
    ModifyCompareTask,
    ModifyCompareTaskName,
    ModifyMigrateJobSpec,
    ModifyMigrateName,
    ModifyMigrateRateLimit,
    ModifyMigrateRuntimeAttribute,
    ModifyMigrationJob,
    PauseMigrateJob,
    RecoverMigrateJob,
    ResumeMigrateJob,
    SkipCheckItem,
    StartCompare,
    StartMigrateJob,
    StopCompare,
    StopMigrateJob,
}

impl Action {
    /// Tells an action of the contract that is not built from one that does not exist.
    pub fn from_name(name: &str) -> Result<Action, ApiError> {
        let found = Action::ALL.iter().find(|action| action.name() == name);
        match found {
            Some(action) => Ok(*action),
            None if contract().actions.contains_key(name) => Err(ApiError::unsupported(&format!("`{name}`"))),
            None => Err(ApiError::unknown_action(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::contract::Field;

    /// A value of the contract's type, with every member set.
    fn sample(kind: &str) -> Value {
        if let Some(inner) = kind.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
            return json!([sample(inner)]);
        }
        match kind {
            "string" => json!("text"),
            "int64" | "uint64" => json!(7),
            "bool" => json!(true),
            "float" => json!(0.5),
            _ => object(&contract().types[kind]),
        }
    }

    fn object(fields: &[Field]) -> Value {
        let each = fields
            .iter()
            .map(|field| (field.name.clone(), sample(&field.kind)));
        Value::Object(each.collect::<Map<_, _>>())
    }

    /// All that the contract declares goes in and comes out the same; a
    /// default names the same fields.
    fn check<T: DeserializeOwned + Serialize + Default>(fields: &[Field], always: bool) {
        let whole = object(fields);
        let read: T = serde_json::from_value(whole.clone()).expect("reads");
        assert_eq!(serde_json::to_value(&read).expect("writes"), whole);
        if always {
            let names = |value: &Value| -> BTreeSet<String> {
                value.as_object().expect("an object").keys().cloned().collect()
            };
            let bare = serde_json::to_value(T::default()).expect("writes");
            assert_eq!(names(&bare), names(&whole));
        }
    }

    #[test]
    fn shapes_are_the_contracts() {
        let actions = &contract().actions;
        check::<CompleteMigrateJobRequest>(&actions["CompleteMigrateJob"].input, false);
        check::<ContinueMigrateJobRequest>(&actions["ContinueMigrateJob"].input, false);
        check::<CreateMigrateCheckJobRequest>(&actions["CreateMigrateCheckJob"].input, false);
        check::<CreateMigrationServiceRequest>(&actions["CreateMigrationService"].input, false);
        check::<DescribeMigrateDBInstancesRequest>(&actions["DescribeMigrateDBInstances"].input, false);
        check::<DescribeMigrationCheckJobRequest>(&actions["DescribeMigrationCheckJob"].input, false);
        check::<DescribeMigrationDetailRequest>(&actions["DescribeMigrationDetail"].input, false);
        check::<DescribeMigrationJobsRequest>(&actions["DescribeMigrationJobs"].input, false);
        check::<DestroyMigrateJobRequest>(&actions["DestroyMigrateJob"].input, false);
        check::<IsolateMigrateJobRequest>(&actions["IsolateMigrateJob"].input, false);
        check::<ModifyMigrateJobSpecRequest>(&actions["ModifyMigrateJobSpec"].input, false);
        check::<ModifyMigrateNameRequest>(&actions["ModifyMigrateName"].input, false);
        check::<ModifyMigrateRateLimitRequest>(&actions["ModifyMigrateRateLimit"].input, false);
        check::<ModifyMigrateRuntimeAttributeRequest>(&actions["ModifyMigrateRuntimeAttribute"].input, false);
        check::<ModifyMigrationJobRequest>(&actions["ModifyMigrationJob"].input, false);
        check::<PauseMigrateJobRequest>(&actions["PauseMigrateJob"].input, false);
        check::<RecoverMigrateJobRequest>(&actions["RecoverMigrateJob"].input, false);
        check::<ResumeMigrateJobRequest>(&actions["ResumeMigrateJob"].input, false);
        check::<SkipCheckItemRequest>(&actions["SkipCheckItem"].input, false);
        check::<StartMigrateJobRequest>(&actions["StartMigrateJob"].input, false);
        check::<StopMigrateJobRequest>(&actions["StopMigrateJob"].input, false);
        check::<CreateMigrationServiceAnswer>(&actions["CreateMigrationService"].output, true);
        check::<DescribeMigrateDBInstancesAnswer>(&actions["DescribeMigrateDBInstances"].output, true);
        check::<DescribeMigrationCheckJobAnswer>(&actions["DescribeMigrationCheckJob"].output, true);
        check::<DescribeMigrationDetailAnswer>(&actions["DescribeMigrationDetail"].output, true);
        check::<DescribeMigrationJobsAnswer>(&actions["DescribeMigrationJobs"].output, true);
        check::<SkipCheckItemAnswer>(&actions["SkipCheckItem"].output, true);
    }

    #[test]
    fn shapes_of_consistency_checks_are_the_contracts() {
        let actions = &contract().actions;
        check::<CreateCompareTaskRequest>(&actions["CreateCompareTask"].input, false);
        check::<DeleteCompareTaskRequest>(&actions["DeleteCompareTask"].input, false);
        check::<DescribeCompareDiffItemsRequest>(&actions["DescribeCompareDiffItems"].input, false);
        check::<DescribeCompareReportRequest>(&actions["DescribeCompareReport"].input, false);
        check::<DescribeCompareTasksRequest>(&actions["DescribeCompareTasks"].input, false);
        check::<DescribeMigrateGtidCompareReportRequest>(
            &actions["DescribeMigrateGtidCompareReport"].input,
            false,
        );
        check::<ModifyCompareTaskRequest>(&actions["ModifyCompareTask"].input, false);
        check::<ModifyCompareTaskNameRequest>(&actions["ModifyCompareTaskName"].input, false);
        check::<StartCompareRequest>(&actions["StartCompare"].input, false);
        check::<StopCompareRequest>(&actions["StopCompare"].input, false);
        check::<CreateCompareTaskAnswer>(&actions["CreateCompareTask"].output, true);
        check::<DescribeCompareDiffItemsAnswer>(&actions["DescribeCompareDiffItems"].output, true);
        check::<DescribeCompareReportAnswer>(&actions["DescribeCompareReport"].output, true);
        check::<DescribeCompareTasksAnswer>(&actions["DescribeCompareTasks"].output, true);
        check::<DescribeMigrateGtidCompareReportAnswer>(
            &actions["DescribeMigrateGtidCompareReport"].output,
            true,
        );
    }

    #[test]
    fn every_action_of_the_contract_is_known_and_most_are_refused() {
        for (name, shape) in &contract().actions {
            match Action::from_name(name) {
                Ok(action) => {
                    assert_eq!(action.name(), name);
                    assert!(["migration", "compare"].contains(&shape.group.as_str()), "{name}");
                }
                Err(error) => assert_eq!(error.code, "UnsupportedOperation.UnsupportedOperationError"),
            }
        }
        assert_eq!(
            Action::from_name("MakeTea").expect_err("refused").code,
            "InvalidAction"
        );
    }
}
