//! New jobs.

use serde_json::Value;
use tidegate_control::job::Tag;
use tidegate_control::{Jobs, NewJobs};
use tidegate_model::endpoint::EngineKind;
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{CreateMigrationServiceAnswer, CreateMigrationServiceRequest, TagItem};

use super::{needed, trade, written};

pub(super) async fn create(jobs: &Jobs, request: CreateMigrationServiceRequest) -> Result<Value, ApiError> {
    let new = NewJobs {
        count: request.count.unwrap_or(1),
        name: request.job_name.unwrap_or_default(),
        tags: tags(request.tags.unwrap_or_default())?,
        source_type: served(jobs, "SrcDatabaseType", request.src_database_type)?,
        target_type: served(jobs, "DstDatabaseType", request.dst_database_type)?,
        source_region: needed(request.src_region, "SrcRegion")?,
        target_region: needed(request.dst_region, "DstRegion")?,
        class: trade::class("InstanceClass", request.instance_class)?,
    };
    if jobs.room() < new.count {
        return Err(ApiError::new(
            "LimitExceeded.LimitExceededError",
            "there are too many jobs; destroy jobs that are over",
        ));
    }
    let ids = jobs.create(new).await?;
    written(&CreateMigrationServiceAnswer { job_ids: Some(ids) })
}

/// Types that the contract names and this version has no engine for are told from mistakes.
fn served(jobs: &Jobs, name: &str, given: Option<String>) -> Result<EngineKind, ApiError> {
    const ELSEWHERE: [&str; 6] = [
        "tdsqlmysql",
        "tdsqlpercona",
        "keewidb",
        "tdstore",
        "tendis",
        "clickhouse",
    ];
    let given = needed(given, name)?;
    match EngineKind::parse(&given) {
        Some(kind) if jobs.serves(kind) => Ok(kind),
        None if !ELSEWHERE.contains(&given.as_str()) => {
            Err(ApiError::bad_value(format!("`{name}` is no known database type")))
        }
        _ => Err(ApiError::unsupported(&format!("the `{name}` {given}"))),
    }
}

pub(super) fn tags(given: Vec<TagItem>) -> Result<Vec<Tag>, ApiError> {
    let tag = |item: TagItem| {
        Ok(Tag {
            key: needed(item.tag_key, "Tags.TagKey")?,
            value: item.tag_value.unwrap_or_default(),
        })
    };
    given.into_iter().map(tag).collect()
}
