//! Requests of the migration actions that change a job, and the few answers
//! that hold more than a RequestId.
//!
//! Relies on `shapes`. A request without a field leaves it out of the JSON.

use serde::{Deserialize, Serialize};

use super::shapes::{DBEndpointInfo, KeyValuePairOption, MigrateOption, TagItem};

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompleteMigrateJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete_mode: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContinueMigrateJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateMigrateCheckJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateMigrationServiceRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_database_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_database_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<TagItem>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateMigrationServiceAnswer {
    pub job_ids: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DestroyMigrateJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct IsolateMigrateJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModifyMigrateJobSpecRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_instance_class: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModifyMigrateNameRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModifyMigrateRateLimitRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dump_thread: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dump_rps: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_thread: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sinker_thread: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_rps: Option<i64>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModifyMigrateRuntimeAttributeRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_options: Option<Vec<KeyValuePairOption>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModifyMigrationJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrate_option: Option<MigrateOption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_info: Option<DBEndpointInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_info: Option<DBEndpointInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_run_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<TagItem>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_retry_time_range_minutes: Option<i64>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct PauseMigrateJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct RecoverMigrateJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResumeMigrateJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_option: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct SkipCheckItemRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign_key_flag: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct SkipCheckItemAnswer {
    pub message: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct StartMigrateJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct StopMigrateJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}
