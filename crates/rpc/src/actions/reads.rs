//! Requests and answers of the migration actions that only look.
//!
//! Relies on `shapes`. An answer always holds every field of the contract.

use serde::{Deserialize, Serialize};

use super::shapes::{
    CheckStep, CheckStepInfo, CompareTaskInfo, DBEndpointInfo, ErrorInfoItem, JobItem, MigrateAction,
    MigrateDBItem, MigrateDetailInfo, MigrateOption, RateLimitOption, TagFilter, TagItem, TradeInfo,
};

#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrateDBInstancesRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrate_role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmp_secret_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmp_secret_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmp_token: Option<String>,
}

/// Secrets are never shown, not even by `{:?}`.
impl std::fmt::Debug for DescribeMigrateDBInstancesRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DescribeMigrateDBInstancesRequest")
            .field("database_type", &self.database_type)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrateDBInstancesAnswer {
    pub total_count: Option<i64>,
    pub instances: Option<Vec<MigrateDBItem>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrationCheckJobRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrationCheckJobAnswer {
    pub status: Option<String>,
    pub brief_msg: Option<String>,
    pub step_info: Option<Vec<CheckStep>>,
    pub check_flag: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrationDetailRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrationDetailAnswer {
    pub job_id: Option<String>,
    pub job_name: Option<String>,
    pub create_time: Option<String>,
    pub update_time: Option<String>,
    pub start_time: Option<String>,
    pub end_time: Option<String>,
    pub brief_msg: Option<String>,
    pub status: Option<String>,
    pub action: Option<MigrateAction>,
    pub step_info: Option<MigrateDetailInfo>,
    pub src_info: Option<DBEndpointInfo>,
    pub dst_info: Option<DBEndpointInfo>,
    pub compare_task: Option<CompareTaskInfo>,
    pub tags: Option<Vec<TagItem>>,
    pub run_mode: Option<String>,
    pub expect_run_time: Option<String>,
    pub migrate_option: Option<MigrateOption>,
    pub check_step_info: Option<CheckStepInfo>,
    pub trade_info: Option<TradeInfo>,
    pub error_info: Option<Vec<ErrorInfoItem>>,
    pub dumper_resume_ctrl: Option<String>,
    pub rate_limit_option: Option<RateLimitOption>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrationJobsRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_instance_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_database_type: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_access_type: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_instance_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_database_type: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_access_type: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_seq: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_filters: Option<Vec<TagFilter>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrationJobsAnswer {
    pub total_count: Option<u64>,
    pub job_list: Option<Vec<JobItem>>,
}
