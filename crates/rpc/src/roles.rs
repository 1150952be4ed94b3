//! Who may call what, and how often: one table of all calls, wire and operator's.
//!
//! A viewer describes, an operator does all that jobs need, an owner also keeps
//! users, endpoints and backups. A call that is not in the table is the owner's
//! alone; a test holds the table against the contract.

pub use tidegate_model::role::Role;

use crate::ApiError;

use Role::{Operator, Owner, Viewer};

/// The published limit of every action but those that say otherwise.
pub const CALLS_A_SECOND: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub name: &'static str,
    /// The least role that may make it.
    pub role: Role,
    /// Of one caller, unless the server is configured otherwise.
    pub a_second: u32,
}

const fn call(name: &'static str, role: Role) -> Call {
    Call {
        name,
        role,
        a_second: CALLS_A_SECOND,
    }
}

impl Call {
    const fn at_most(self, a_second: u32) -> Call {
        Call { a_second, ..self }
    }

    /// The call of that name; one that the table lacks is the owner's.
    pub fn named(name: &'static str) -> Call {
        let found = CALLS.iter().find(|call| call.name == name);
        found.copied().unwrap_or(call(name, Owner))
    }

    /// Nothing of a refused call is done.
    pub fn allow(&self, have: Role) -> Result<(), ApiError> {
        if have >= self.role {
            return Ok(());
        }
        Err(ApiError::unauthorized(format!(
            "`{}` needs the role {}, and this SecretId has the role {}: an owner can make one with \
             `tidegate user add NAME --role {}`",
            self.name,
            self.role.as_str(),
            have.as_str(),
            self.role.as_str()
        )))
    }
}

pub const CALLS: &[Call] = &[
    // The migration actions.
    call("CompleteMigrateJob", Operator),
    call("ContinueMigrateJob", Operator),
    call("CreateMigrateCheckJob", Operator),
    call("CreateMigrationService", Operator),
    call("DescribeMigrateDBInstances", Viewer),
    call("DescribeMigrationCheckJob", Viewer),
    call("DescribeMigrationDetail", Viewer),
    call("DescribeMigrationJobs", Viewer),
    call("DestroyMigrateJob", Operator),
    call("IsolateMigrateJob", Operator),
    call("ModifyMigrateJobSpec", Operator),
    call("ModifyMigrateName", Operator),
    call("ModifyMigrateRateLimit", Operator),
    call("ModifyMigrateRuntimeAttribute", Operator),
    call("ModifyMigrationJob", Operator),
    call("PauseMigrateJob", Operator),
    call("RecoverMigrateJob", Operator),
    call("ResumeMigrateJob", Operator),
    call("SkipCheckItem", Operator),
    call("StartMigrateJob", Operator),
    call("StopMigrateJob", Operator),
    // The sync actions.
    call("ConfigureSyncJob", Operator),
    call("ContinueSyncJob", Operator),
    call("CreateCheckSyncJob", Operator),
    call("CreateModifyCheckSyncJob", Operator),
    call("CreateSyncJob", Operator),
    call("DescribeCheckSyncJobResult", Viewer),
    call("DescribeModifyCheckSyncJobResult", Viewer),
    call("DescribeSyncJobs", Viewer).at_most(100),
    call("DestroySyncJob", Operator),
    call("IsolateSyncJob", Operator),
    call("ModifySyncJobConfig", Operator),
    call("ModifySyncRateLimit", Operator),
    call("PauseSyncJob", Operator),
    call("RecoverSyncJob", Operator),
    call("ResetSyncJob", Operator),
    call("ResizeSyncJob", Operator),
    call("ResumeSyncJob", Operator),
    call("SkipSyncCheckItem", Operator),
    call("StartModifySyncJob", Operator),
    call("StartSyncJob", Operator),
    call("StopSyncJob", Operator),
    // The compare actions.
    call("CreateCompareTask", Operator),
    call("CreateSyncCompareTask", Operator),
    call("DeleteCompareTask", Operator),
    call("DeleteSyncCompareTask", Operator),
    call("DescribeCompareDiffItems", Viewer),
    call("DescribeCompareReport", Viewer),
    call("DescribeCompareTasks", Viewer),
    call("DescribeMigrateGtidCompareReport", Viewer),
    call("DescribeSyncCompareDiffItems", Viewer),
    call("DescribeSyncCompareReport", Viewer),
    call("DescribeSyncCompareTasks", Viewer),
    call("DescribeSyncGtidCompareReport", Viewer),
    call("ModifyCompareTask", Operator),
    call("ModifyCompareTaskName", Operator),
    call("ModifySyncCompareTask", Operator),
    call("ModifySyncCompareTaskName", Operator),
    call("StartCompare", Operator),
    call("StartSyncCompare", Operator),
    call("StopCompare", Operator),
    call("StopSyncCompare", Operator),
    // The subscription actions.
    call("ConfigureSubscribeJob", Operator),
    call("CreateConsumerGroup", Operator),
    call("CreateSubscribe", Operator),
    call("CreateSubscribeCheckJob", Operator),
    call("DeleteConsumerGroup", Operator),
    call("DescribeConsumerGroups", Viewer),
    call("DescribeOffsetByTime", Viewer),
    call("DescribeSubscribeCheckJob", Viewer),
    call("DescribeSubscribeDetail", Viewer),
    call("DescribeSubscribeJobs", Viewer),
    call("DescribeSubscribeReturnable", Viewer),
    call("DestroyIsolatedSubscribe", Operator),
    call("IsolateSubscribe", Operator),
    call("ModifyConsumerGroupDescription", Operator),
    call("ModifyConsumerGroupPassword", Operator),
    call("ModifySubscribeAutoRenewFlag", Operator),
    call("ModifySubscribeName", Operator),
    call("ModifySubscribeObjects", Operator),
    call("ResetConsumerGroupOffset", Operator),
    call("ResetSubscribe", Operator),
    call("ResumeSubscribe", Operator),
    call("StartSubscribe", Operator),
    // The operator's own API.
    call("ListEndpoints", Viewer),
    call("JobReport", Viewer),
    call("PutEndpoint", Owner),
    call("RemoveEndpoint", Owner),
    call("ListUsers", Owner),
    call("AddUser", Owner),
    call("SetUserState", Owner),
    call("RotateUserKey", Owner),
    call("Audit", Owner),
    call("CreateBackup", Owner),
    // A backup of any size goes over in pieces.
    call("BackupPiece", Owner).at_most(100),
    call("RemoveBackup", Owner),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract::contract;
    use crate::operator::Operation;

    #[test]
    fn the_table_has_every_call_once_and_reads_are_a_viewers() {
        let names: BTreeSet<&str> = CALLS.iter().map(|call| call.name).collect();
        assert_eq!(names.len(), CALLS.len(), "a call is named twice");
        let mut wanted: BTreeSet<&str> = contract().actions.keys().map(String::as_str).collect();
        wanted.extend(Operation::NAMES);
        assert_eq!(names, wanted);
        for (name, shape) in &contract().actions {
            let call = CALLS.iter().find(|call| call.name == name).expect("is there");
            let role = if shape.mode == "read" { Viewer } else { Operator };
            assert_eq!(call.role, role, "{name}");
            let published = if name == "DescribeSyncJobs" { 100 } else { 20 };
            assert_eq!(call.a_second, published, "{name}");
        }
    }

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        let check = |name, have, good: bool| {
            let seen = Call::named(name).allow(have);
            assert_eq!(seen.is_ok(), good, "{name} as {have:?}");
            if let Err(error) = seen {
                assert_eq!(error.code, "AuthFailure.UnauthorizedOperation");
                assert!(error.message.contains("needs the role"), "{error}");
            }
        };
        check("DescribeMigrationJobs", Viewer, true);
        check("StartMigrateJob", Viewer, false);
        check("StartMigrateJob", Operator, true);
        check("AddUser", Operator, false);
        check("AddUser", Owner, true);
        check("MakeTea", Operator, false);
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
    }
}
