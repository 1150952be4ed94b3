//! Shapes that the migration actions share, as the contract names them.
//!
//! Every field is optional on the wire: what is absent is null, which public
//! clients take for any type. Relies on serde; checks nothing (`decode` does).

use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagItem {
    pub tag_key: Option<String>,
    pub tag_value: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct MigrateDBItem {
    pub instance_id: Option<String>,
    pub instance_name: Option<String>,
    pub vip: Option<String>,
    pub vport: Option<i64>,
    pub usable: Option<i64>,
    pub hint: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CheckStep {
    pub step_no: Option<u64>,
    pub step_id: Option<String>,
    pub step_name: Option<String>,
    pub step_status: Option<String>,
    pub step_message: Option<String>,
    pub detail_check_items: Option<Vec<DetailCheckItem>>,
    pub has_skipped: Option<bool>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DetailCheckItem {
    pub check_item_name: Option<String>,
    pub description: Option<String>,
    pub check_result: Option<String>,
    pub failure_reason: Option<String>,
    pub solution: Option<String>,
    pub error_log: Option<Vec<String>>,
    pub help_doc: Option<Vec<String>>,
    pub skip_info: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct MigrateAction {
    pub all_action: Option<Vec<String>>,
    pub allowed_action: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct MigrateDetailInfo {
    pub step_all: Option<u64>,
    pub step_now: Option<u64>,
    pub master_slave_distance: Option<i64>,
    pub seconds_behind_master: Option<i64>,
    pub step_info: Option<Vec<StepDetailInfo>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct StepDetailInfo {
    pub step_no: Option<u64>,
    pub step_name: Option<String>,
    pub step_id: Option<String>,
    pub status: Option<String>,
    pub start_time: Option<String>,
    pub finish_time: Option<String>,
    pub step_message: Option<String>,
    pub percent: Option<u64>,
    pub errors: Option<Vec<ProcessStepTip>>,
    pub warnings: Option<Vec<ProcessStepTip>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProcessStepTip {
    pub message: Option<String>,
    pub solution: Option<String>,
    pub help_doc: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DBEndpointInfo {
    pub region: Option<String>,
    pub access_type: Option<String>,
    pub database_type: Option<String>,
    pub node_type: Option<String>,
    pub info: Option<Vec<DBInfo>>,
    pub supplier: Option<String>,
    pub extra_attr: Option<Vec<KeyValuePairOption>>,
    pub database_net_env: Option<String>,
    pub connect_type: Option<String>,
    pub ccn_owner_uin: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DBInfo {
    pub role: Option<String>,
    pub db_kernel: Option<String>,
    pub host: Option<String>,
    pub port: Option<u64>,
    pub user: Option<String>,
    pub password: Option<String>,
    pub cvm_instance_id: Option<String>,
    pub uniq_vpn_gw_id: Option<String>,
    pub uniq_dcg_id: Option<String>,
    pub instance_id: Option<String>,
    pub ccn_gw_id: Option<String>,
    pub vpc_id: Option<String>,
    pub subnet_id: Option<String>,
    pub engine_version: Option<String>,
    pub account: Option<String>,
    pub account_role: Option<String>,
    pub account_mode: Option<String>,
    pub tmp_secret_id: Option<String>,
    pub tmp_secret_key: Option<String>,
    pub tmp_token: Option<String>,
    pub encrypt_conn: Option<String>,
    pub set_id: Option<String>,
}

/// Secrets are never shown, not even by `{:?}`.
impl std::fmt::Debug for DBInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DBInfo")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyValuePairOption {
    pub key: Option<String>,
    pub value: Option<String>,
}

/// The value may be a key.
impl std::fmt::Debug for KeyValuePairOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyValuePairOption({:?})", self.key)
    }
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareTaskInfo {
    pub compare_task_id: Option<String>,
    pub status: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct MigrateOption {
    pub database_table: Option<DatabaseTableObject>,
    pub migrate_type: Option<String>,
    pub consistency: Option<ConsistencyOption>,
    pub is_migrate_account: Option<bool>,
    pub is_override_root: Option<bool>,
    pub is_dst_read_only: Option<bool>,
    pub extra_attr: Option<Vec<KeyValuePairOption>>,
    pub migrate_way: Option<String>,
    pub rate_limit: Option<RateLimit>,
    pub skip_ddl_on_error: Option<SkipDdlOnError>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DatabaseTableObject {
    pub object_mode: Option<String>,
    pub databases: Option<Vec<DBItem>>,
    pub advanced_objects: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DBItem {
    pub db_name: Option<String>,
    pub new_db_name: Option<String>,
    pub schema_name: Option<String>,
    pub new_schema_name: Option<String>,
    #[serde(rename = "DBMode")]
    pub db_mode: Option<String>,
    pub schema_mode: Option<String>,
    pub table_mode: Option<String>,
    pub tables: Option<Vec<TableItem>>,
    pub view_mode: Option<String>,
    pub views: Option<Vec<ViewItem>>,
    pub role_mode: Option<String>,
    pub roles: Option<Vec<RoleItem>>,
    pub function_mode: Option<String>,
    pub trigger_mode: Option<String>,
    pub event_mode: Option<String>,
    pub procedure_mode: Option<String>,
    pub functions: Option<Vec<String>>,
    pub procedures: Option<Vec<String>>,
    pub events: Option<Vec<String>>,
    pub triggers: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct TableItem {
    pub table_name: Option<String>,
    pub new_table_name: Option<String>,
    pub tmp_tables: Option<Vec<String>>,
    pub table_edit_mode: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ViewItem {
    pub view_name: Option<String>,
    pub new_view_name: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct RoleItem {
    pub role_name: Option<String>,
    pub new_role_name: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConsistencyOption {
    pub mode: Option<String>,
    pub object_mode: Option<String>,
    pub objects: Option<DatabaseTableObject>,
    pub options: Option<CompareOptions>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareOptions {
    pub method: Option<String>,
    pub sample_rate: Option<i64>,
    pub thread_count: Option<i64>,
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    pub compare_mode: Option<Vec<String>>,
    pub re_check_time: Option<i64>,
    pub re_check_interval: Option<i64>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct RateLimit {
    pub dump_thread: Option<i64>,
    pub dump_rps: Option<i64>,
    pub load_thread: Option<i64>,
    pub load_rps: Option<i64>,
    pub sinker_thread: Option<i64>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct SkipDdlOnError {
    pub tables: Option<Vec<String>>,
    pub error_codes: Option<Vec<i64>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CheckStepInfo {
    pub start_at: Option<String>,
    pub end_at: Option<String>,
    pub progress: Option<ProcessProgress>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProcessProgress {
    pub status: Option<String>,
    pub percent: Option<u64>,
    pub step_all: Option<u64>,
    pub step_now: Option<u64>,
    pub message: Option<String>,
    pub steps: Option<Vec<StepDetailInfo>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct TradeInfo {
    pub deal_name: Option<String>,
    pub last_deal_name: Option<String>,
    pub instance_class: Option<String>,
    pub trade_status: Option<String>,
    pub expire_time: Option<String>,
    pub offline_time: Option<String>,
    pub isolate_time: Option<String>,
    pub offline_reason: Option<String>,
    pub isolate_reason: Option<String>,
    pub pay_type: Option<String>,
    pub billing_type: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ErrorInfoItem {
    pub code: Option<String>,
    pub solution: Option<String>,
    pub error_log: Option<String>,
    pub help_doc: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct RateLimitOption {
    pub current_dump_thread: Option<i64>,
    pub default_dump_thread: Option<i64>,
    pub current_dump_rps: Option<i64>,
    pub default_dump_rps: Option<i64>,
    pub current_load_thread: Option<i64>,
    pub default_load_thread: Option<i64>,
    pub current_load_rps: Option<i64>,
    pub default_load_rps: Option<i64>,
    pub current_sinker_thread: Option<i64>,
    pub default_sinker_thread: Option<i64>,
    pub has_user_set_rate_limit: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagFilter {
    pub tag_key: Option<String>,
    pub tag_value: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobItem {
    pub job_id: Option<String>,
    pub job_name: Option<String>,
    pub create_time: Option<String>,
    pub update_time: Option<String>,
    pub start_time: Option<String>,
    pub end_time: Option<String>,
    pub brief_msg: Option<String>,
    pub status: Option<String>,
    pub run_mode: Option<String>,
    pub expect_run_time: Option<String>,
    pub action: Option<MigrateAction>,
    pub step_info: Option<MigrateDetailInfo>,
    pub src_info: Option<DBEndpointInfo>,
    pub dst_info: Option<DBEndpointInfo>,
    pub compare_task: Option<CompareTaskInfo>,
    pub trade_info: Option<TradeInfo>,
    pub tags: Option<Vec<TagItem>>,
    pub auto_retry_time_range_minutes: Option<i64>,
    pub dumper_resume_ctrl: Option<String>,
}
