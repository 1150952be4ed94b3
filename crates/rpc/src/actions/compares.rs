//! Requests and answers of the consistency checks of migration jobs.
//!
//! Relies on `compare_shapes` and `shapes`. An answer always holds every field of the
//! contract; a request without a field leaves it out of the JSON.

use serde::{Deserialize, Serialize};

use super::compare_shapes::{
    CompareAbstractInfo, CompareDetailInfo, CompareObject, CompareTaskItem, DiffChunkItem, DifferenceDetails,
};
use super::shapes::CompareOptions;

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateCompareTaskRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<CompareObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<CompareOptions>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateCompareTaskAnswer {
    pub compare_task_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteCompareTaskRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeCompareDiffItemsRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
    #[serde(rename = "DBName", skip_serializing_if = "Option::is_none")]
    pub db_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeCompareDiffItemsAnswer {
    pub total_count: Option<i64>,
    pub items: Option<Vec<DiffChunkItem>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeCompareReportRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference_offset: Option<u64>,
    #[serde(rename = "DifferenceDB", skip_serializing_if = "Option::is_none")]
    pub difference_db: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference_table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped_offset: Option<u64>,
    #[serde(rename = "SkippedDB", skip_serializing_if = "Option::is_none")]
    pub skipped_db: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped_table: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeCompareReportAnswer {
    #[serde(rename = "Abstract")]
    pub summary: Option<CompareAbstractInfo>,
    pub detail: Option<CompareDetailInfo>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeCompareTasksRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeCompareTasksAnswer {
    pub total_count: Option<u64>,
    pub items: Option<Vec<CompareTaskItem>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrateGtidCompareReportRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub need_diff_detail: Option<bool>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeMigrateGtidCompareReportAnswer {
    pub conclusion: Option<String>,
    pub status: Option<String>,
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    pub detail: Option<Vec<DifferenceDetails>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModifyCompareTaskRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<CompareObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<CompareOptions>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModifyCompareTaskNameRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_name: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct StartCompareRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct StopCompareRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_stop: Option<bool>,
}
