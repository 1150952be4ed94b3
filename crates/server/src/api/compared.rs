//! What a consistency check found: report, differing rows, sets of transactions.
//!
//! Rows are shown by their keys and the names of columns; no other value is read.

use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_control::compare::{CompareStatus, CompareTask, Conclusion};
use tidegate_model::compare::{ChunkDifference, DifferingRow, RowDifference, TableComparison, TableState};
use tidegate_model::schema::TableName;
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{
    CompareAbstractInfo, CompareDetailInfo, CompareTableInfo, CompareTableResult,
    DescribeCompareDiffItemsAnswer, DescribeCompareDiffItemsRequest, DescribeCompareReportAnswer,
    DescribeCompareReportRequest, DescribeMigrateGtidCompareReportAnswer,
    DescribeMigrateGtidCompareReportRequest, DiffChunkItem, DifferenceDetail, DifferenceDetails,
    DifferenceItem, SkippedDetail, SkippedItem,
};

use super::{compare, needed, times, written};

type Answer = Result<Value, ApiError>;

/// The contract gives no default: as other lists have it.
const LIMIT_DEFAULT: u64 = 20;

pub(super) fn report(jobs: &Jobs, request: DescribeCompareReportRequest, iso: bool) -> Answer {
    let (job, id) = compare::ids(request.job_id.clone(), request.compare_task_id.clone())?;
    let task = jobs.compare(&job, &id)?;
    written(&DescribeCompareReportAnswer {
        summary: Some(summary(&task, iso)),
        detail: Some(CompareDetailInfo {
            difference: Some(difference(&task, &request, iso)),
            skipped: Some(skipped(&task, &request)),
            full_progress: Some(progress(&task, iso)),
            ..CompareDetailInfo::default()
        }),
    })
}

fn summary(task: &CompareTask, iso: bool) -> CompareAbstractInfo {
    let shown = compare::shown(task);
    let found = &task.found;
    let rows = |of: fn(&TableComparison) -> u64| Some(found.tables.iter().map(of).sum());
    // Two words are published; a check under way has neither.
    let status = match task.status {
        CompareStatus::Success => "success",
        CompareStatus::Failed | CompareStatus::Canceled => "failed",
        _ => "",
    };
    CompareAbstractInfo {
        options: Some(shown.options),
        objects: Some(shown.objects),
        conclusion: task.conclusion().map(Conclusion::word).map(str::to_owned),
        status: Some(status.to_owned()),
        total_tables: u64::try_from(found.tables.len()).ok(),
        checked_tables: Some(found.compared_tables()),
        different_tables: Some(found.differing_tables()),
        skipped_tables: Some(found.skipped_tables()),
        nearly_table_count: rows(|table| u64::from(table.unsettled_rows > 0)),
        different_rows: Some(found.differing_rows()),
        src_sample_rows: rows(|table| table.source_rows),
        dst_sample_rows: rows(|table| table.target_rows),
        started_at: Some(times::show(task.started_ms, iso)),
        finished_at: Some(times::show(task.ended_ms, iso)),
    }
}

fn page<T>(items: Vec<&T>, offset: Option<u64>, limit: Option<u64>) -> impl Iterator<Item = &T> {
    let skip = usize::try_from(offset.unwrap_or_default()).unwrap_or(usize::MAX);
    let take = usize::try_from(limit.filter(|limit| *limit > 0).unwrap_or(LIMIT_DEFAULT));
    items.into_iter().skip(skip).take(take.unwrap_or(usize::MAX))
}

fn is_named(name: &TableName, database: Option<&String>, table: Option<&String>) -> bool {
    database.is_none_or(|database| *database == name.schema) && table.is_none_or(|table| *table == name.table)
}

fn difference(task: &CompareTask, asked: &DescribeCompareReportRequest, iso: bool) -> DifferenceDetail {
    let (database, table) = (asked.difference_db.as_ref(), asked.difference_table.as_ref());
    let all = task.found.chunks.iter();
    let chosen: Vec<&ChunkDifference> = all
        .filter(|chunk| is_named(&chunk.table, database, table))
        .collect();
    let total = u64::try_from(chosen.len()).ok();
    let key_of = |name: &TableName| {
        let found = task.found.tables.iter().find(|table| table.source == *name);
        found.map(|table| table.key.clone())
    };
    let item = |chunk: &ChunkDifference| DifferenceItem {
        db: Some(chunk.table.schema.clone()),
        schema: None,
        table: Some(chunk.table.table.clone()),
        chunk: Some(i64::from(chunk.chunk)),
        src_item: Some(side(chunk.source_rows, &chunk.source_digest)),
        dst_item: Some(side(chunk.target_rows, &chunk.target_digest)),
        index_name: key_of(&chunk.table),
        lower_boundary: Some(chunk.lower.clone()),
        upper_boundary: Some(chunk.upper.clone()),
        cost_time: Some(chunk.cost_ms as f64),
        finished_at: Some(times::show(Some(chunk.ended_ms), iso)),
    };
    let items = page(chosen, asked.difference_offset, asked.difference_limit).map(item);
    DifferenceDetail {
        total_count: total,
        items: Some(items.collect()),
    }
}

fn side(rows: u64, digest: &str) -> String {
    format!("{rows} rows, {digest}")
}

fn skipped(task: &CompareTask, asked: &DescribeCompareReportRequest) -> SkippedDetail {
    let (database, table) = (asked.skipped_db.as_ref(), asked.skipped_table.as_ref());
    let left = |one: &&TableComparison| {
        let said = one.state == TableState::Skipped || one.unsettled_rows > 0;
        said && is_named(&one.source, database, table)
    };
    let chosen: Vec<&TableComparison> = task.found.tables.iter().filter(left).collect();
    let total = u64::try_from(chosen.len()).ok();
    let item = |table: &TableComparison| SkippedItem {
        db: Some(table.source.schema.clone()),
        schema: None,
        table: Some(table.source.table.clone()),
        reason: Some(if table.state == TableState::Skipped {
            table.reason.clone()
        } else {
            format!("{} rows did not hold still", table.unsettled_rows)
        }),
    };
    SkippedDetail {
        total_count: total,
        items: Some(
            page(chosen, asked.skipped_offset, asked.skipped_limit)
                .map(item)
                .collect(),
        ),
    }
}

/// Every table; a job has some thousands of them at most.
fn progress(task: &CompareTask, iso: bool) -> CompareTableInfo {
    let item = |table: &TableComparison| {
        let (status, done) = match table.state {
            TableState::Waiting => ("notStarted", false),
            TableState::Running => ("running", false),
            TableState::Compared => ("success", true),
            TableState::Skipped => ("skipped", true),
        };
        let share = (table.source_rows * 100).checked_div(table.rows_estimate);
        let progress = if done {
            100
        } else {
            share.unwrap_or_default().min(99)
        };
        let conclusion = match table.state {
            _ if table.differing_rows > 0 => "different",
            TableState::Compared => "same",
            _ => "",
        };
        CompareTableResult {
            db: Some(table.source.schema.clone()),
            schema: None,
            table: Some(table.source.table.clone()),
            conclusion: Some(conclusion.to_owned()),
            status: Some(status.to_owned()),
            progress: i64::try_from(progress).ok(),
            row_count: i64::try_from(table.rows_estimate).ok(),
            started_at: None,
            finished_at: done.then(|| times::show(Some(table.ended_ms), iso)),
            expected_at: None,
            src_item: Some(table.source_rows.to_string()),
            dst_item: Some(table.target_rows.to_string()),
        }
    };
    CompareTableInfo {
        total_count: u64::try_from(task.found.tables.len()).ok(),
        items: Some(task.found.tables.iter().map(item).collect()),
    }
}

pub(super) fn rows(jobs: &Jobs, request: DescribeCompareDiffItemsRequest, iso: bool) -> Answer {
    let (job, id) = compare::ids(request.job_id, request.compare_task_id)?;
    let task = jobs.compare(&job, &id)?;
    let (database, table) = (request.db_name.as_ref(), request.table_name.as_ref());
    let fits = |row: &&DifferingRow| {
        is_named(&row.table, database, table)
            && request.chunk_id.is_none_or(|chunk| chunk == i64::from(row.chunk))
    };
    let chosen: Vec<&DifferingRow> = task.found.rows.iter().filter(fits).collect();
    let total = i64::try_from(chosen.len()).ok();
    let whole = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let item = |row: &DifferingRow| DiffChunkItem {
        db_name: Some(row.table.schema.clone()),
        schema_name: None,
        table_name: Some(row.table.table.clone()),
        chunk_id: Some(i64::from(row.chunk)),
        identifier: Some(row.shown.clone()),
        diff_type: Some(kind(row.kind).to_owned()),
        schema_info: Some(row.columns.clone()),
        src_item: None,
        dst_item: None,
        finished_at: Some(times::show(Some(row.seen_ms), iso)),
    };
    let items = page(chosen, whole(request.offset), whole(request.limit)).map(item);
    written(&DescribeCompareDiffItemsAnswer {
        total_count: total,
        items: Some(items.collect()),
    })
}

fn kind(kind: RowDifference) -> &'static str {
    match kind {
        RowDifference::Data => "data",
        RowDifference::SrcLack => "srcLack",
        RowDifference::DstLack => "dstLack",
    }
}

/// The source's transactions beside those of them that the target holds.
pub(super) async fn sets(jobs: &Jobs, request: DescribeMigrateGtidCompareReportRequest, iso: bool) -> Answer {
    let job = needed(request.job_id, "JobId")?;
    if let Some(id) = &request.compare_task_id {
        jobs.compare(&job, id)?;
    }
    let sets = jobs.compare_sets(&job).await?;
    let same = sets.only_source.is_empty() && sets.only_target.is_empty();
    let word = if same { "same" } else { "different" };
    written(&DescribeMigrateGtidCompareReportAnswer {
        conclusion: Some(word.to_owned()),
        status: Some("success".to_owned()),
        kind: Some("gtid".to_owned()),
        detail: Some(vec![DifferenceDetails {
            result: Some(word.to_owned()),
            src_gtid_sets: Some(sets.source),
            dst_gtid_sets: Some(sets.target),
            diff_src_is_need_sync: Some(!sets.only_source.is_empty()),
            diff_src: Some(sets.only_source),
            diff_dst: Some(sets.only_target),
            compare_timestamp: Some(times::show(Some(jobs.now_ms()), iso)),
            ..DifferenceDetails::default()
        }]),
    })
}
