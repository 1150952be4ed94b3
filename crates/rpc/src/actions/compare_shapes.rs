//! What consistency checks are asked with and answer with, as the contract declares it.
//!
//! Every field is optional here: what is unset is left to `encode`.

use serde::{Deserialize, Serialize};

use super::shapes::{CompareOptions, ProcessProgress};

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareObject {
    pub object_mode: Option<String>,
    pub object_items: Option<Vec<CompareObjectItem>>,
    pub advanced_objects: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareObjectItem {
    pub db_name: Option<String>,
    pub db_mode: Option<String>,
    pub schema_name: Option<String>,
    pub table_mode: Option<String>,
    pub tables: Option<Vec<CompareTableItem>>,
    pub view_mode: Option<String>,
    pub views: Option<Vec<CompareViewItem>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareTableItem {
    pub table_name: Option<String>,
    pub column_mode: Option<String>,
    pub columns: Option<Vec<CompareColumnItem>>,
    pub filter_condition: Option<String>,
    pub filter_time_zone: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareColumnItem {
    pub column_name: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareViewItem {
    pub view_name: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DiffChunkItem {
    #[serde(rename = "DBName")]
    pub db_name: Option<String>,
    pub schema_name: Option<String>,
    pub table_name: Option<String>,
    pub chunk_id: Option<i64>,
    pub identifier: Option<String>,
    pub diff_type: Option<String>,
    pub schema_info: Option<Vec<String>>,
    pub src_item: Option<Vec<String>>,
    pub dst_item: Option<Vec<String>>,
    pub finished_at: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareAbstractInfo {
    pub options: Option<CompareOptions>,
    pub objects: Option<CompareObject>,
    pub conclusion: Option<String>,
    pub status: Option<String>,
    pub total_tables: Option<u64>,
    pub checked_tables: Option<u64>,
    pub different_tables: Option<u64>,
    pub skipped_tables: Option<u64>,
    pub nearly_table_count: Option<u64>,
    pub different_rows: Option<u64>,
    pub src_sample_rows: Option<u64>,
    pub dst_sample_rows: Option<u64>,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareDetailInfo {
    pub difference: Option<DifferenceDetail>,
    pub skipped: Option<SkippedDetail>,
    pub difference_advanced_objects: Option<DifferenceAdvancedObjectsDetail>,
    pub difference_data: Option<DifferenceDataDetail>,
    pub difference_row: Option<DifferenceRowDetail>,
    pub difference_schema: Option<DifferenceSchemaDetail>,
    pub difference_owner: Option<DifferenceOwnerDetail>,
    pub full_progress: Option<CompareTableInfo>,
    pub inc_difference: Option<CompareTableInfo>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DifferenceDetail {
    pub total_count: Option<u64>,
    pub items: Option<Vec<DifferenceItem>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DifferenceItem {
    pub db: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub chunk: Option<i64>,
    pub src_item: Option<String>,
    pub dst_item: Option<String>,
    pub index_name: Option<String>,
    pub lower_boundary: Option<String>,
    pub upper_boundary: Option<String>,
    pub cost_time: Option<f64>,
    pub finished_at: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct SkippedDetail {
    pub total_count: Option<u64>,
    pub items: Option<Vec<SkippedItem>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct SkippedItem {
    pub db: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub reason: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DifferenceAdvancedObjectsDetail {
    pub total_count: Option<i64>,
    pub items: Option<Vec<AdvancedObjectsItem>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct AdvancedObjectsItem {
    pub object_type: Option<String>,
    pub src_chunk: Option<String>,
    pub dst_chunk: Option<String>,
    pub src_item: Option<String>,
    pub dst_item: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DifferenceDataDetail {
    pub total_count: Option<i64>,
    pub items: Option<Vec<DifferenceData>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DifferenceData {
    pub db: Option<String>,
    pub table: Option<String>,
    pub src_chunk: Option<String>,
    pub dst_chunk: Option<String>,
    pub src_item: Option<String>,
    pub dst_item: Option<String>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DifferenceRowDetail {
    pub total_count: Option<i64>,
    pub items: Option<Vec<RowsCountDifference>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct RowsCountDifference {
    pub db: Option<String>,
    pub table: Option<String>,
    pub src_count: Option<i64>,
    pub dst_count: Option<i64>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DifferenceSchemaDetail {
    pub total_count: Option<i64>,
    pub items: Option<Vec<SchemaDifference>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct SchemaDifference {
    pub db: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub src_schema: Option<String>,
    pub dst_schema: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DifferenceOwnerDetail {
    pub total_count: Option<i64>,
    pub items: Option<Vec<OwnerDifference>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct OwnerDifference {
    pub db: Option<String>,
    pub schema: Option<String>,
    pub object_name: Option<String>,
    pub object_type: Option<String>,
    pub src_owner: Option<String>,
    pub dst_owner: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareTableInfo {
    pub total_count: Option<u64>,
    pub items: Option<Vec<CompareTableResult>>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareTableResult {
    pub db: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub conclusion: Option<String>,
    pub status: Option<String>,
    pub progress: Option<i64>,
    pub row_count: Option<i64>,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub expected_at: Option<String>,
    pub src_item: Option<String>,
    pub dst_item: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompareTaskItem {
    pub job_id: Option<String>,
    pub compare_task_id: Option<String>,
    pub task_name: Option<String>,
    pub status: Option<String>,
    pub config: Option<CompareObject>,
    pub check_process: Option<ProcessProgress>,
    pub compare_process: Option<ProcessProgress>,
    pub conclusion: Option<String>,
    pub created_at: Option<String>,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub method: Option<String>,
    pub options: Option<CompareOptions>,
    pub message: Option<String>,
}

#[derive(Clone, Default, Deserialize, PartialEq, Serialize, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DifferenceDetails {
    pub result: Option<String>,
    pub src_gtid_sets: Option<String>,
    pub dst_gtid_sets: Option<String>,
    pub diff_src: Option<String>,
    pub diff_src_tables: Option<Vec<String>>,
    pub diff_dst: Option<String>,
    pub compare_timestamp: Option<String>,
    pub diff_src_tables_need_sync: Option<Vec<String>>,
    pub diff_src_is_need_sync: Option<bool>,
}

/// It holds the key of a row.
impl std::fmt::Debug for DiffChunkItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DiffChunkItem({:?})", self.diff_type)
    }
}
