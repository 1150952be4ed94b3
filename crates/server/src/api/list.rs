//! Pages of jobs, newest first.

use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_control::lifecycle::Status;
use tidegate_control::list::{Filter, SideFilter};
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{DescribeMigrationJobsAnswer, DescribeMigrationJobsRequest, TagFilter};

use super::{needed, view, written};

/// The contract's own default.
const LIMIT_DEFAULT: u64 = 20;

pub(super) fn describe(
    jobs: &Jobs,
    request: DescribeMigrationJobsRequest,
    iso: bool,
) -> Result<Value, ApiError> {
    let (total, page) = jobs.list(&filter(request)?);
    written(&DescribeMigrationJobsAnswer {
        total_count: Some(total),
        job_list: Some(page.iter().map(|job| view::item(job, iso)).collect()),
    })
}

fn filter(request: DescribeMigrationJobsRequest) -> Result<Filter, ApiError> {
    let status = |word: String| {
        serde_json::from_value::<Status>(Value::from(word))
            .map_err(|_| ApiError::bad_value("`Status` holds a state that does not exist"))
    };
    let tag = |filter: TagFilter| {
        let key = needed(filter.tag_key, "TagFilters.TagKey")?;
        Ok::<_, ApiError>((key, filter.tag_value.unwrap_or_default()))
    };
    Ok(Filter {
        job_id: request.job_id,
        job_name: request.job_name,
        statuses: request
            .status
            .unwrap_or_default()
            .into_iter()
            .map(status)
            .collect::<Result<_, _>>()?,
        timed: request.run_mode.map(|mode| mode == "timed"),
        source: SideFilter {
            instance_id: request.src_instance_id,
            region: request.src_region,
            database_types: request.src_database_type.unwrap_or_default(),
            access_types: request.src_access_type.unwrap_or_default(),
        },
        target: SideFilter {
            instance_id: request.dst_instance_id,
            region: request.dst_region,
            database_types: request.dst_database_type.unwrap_or_default(),
            access_types: request.dst_access_type.unwrap_or_default(),
        },
        tags: request
            .tag_filters
            .unwrap_or_default()
            .into_iter()
            .map(tag)
            .collect::<Result<_, _>>()?,
        oldest_first: request.order_seq.as_deref() == Some("asc"),
        offset: request.offset.unwrap_or_default(),
        limit: request.limit.unwrap_or(LIMIT_DEFAULT),
    })
}
