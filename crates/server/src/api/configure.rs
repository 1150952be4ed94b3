//! A job's configuration: checked whole before anything of it is kept.
//!
//! What the contract offers and this version does not do is refused by name.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidegate_control::job::{StartAt, Task};
use tidegate_control::{Configuration, Jobs, Passwords};
use tidegate_model::job::MigrateType;
use tidegate_model::selection::Selection;
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{DBEndpointInfo, MigrateOption, ModifyMigrationJobRequest, SkipDdlOnError};

use super::{create, modify, needed, selection, side, times, written};

/// Where a request says nothing: a network cut or a server's restart is waited for.
const RETRY_MINUTES_DEFAULT: i64 = 60;
/// 0 is off; else the contract's range.
const RETRY_MINUTES: std::ops::RangeInclusive<i64> = 5..=720;

/// The configuration as it is shown again.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Shown {
    pub(super) src_info: DBEndpointInfo,
    pub(super) dst_info: DBEndpointInfo,
    pub(super) migrate_option: MigrateOption,
}

pub(super) async fn configure(jobs: &Jobs, request: ModifyMigrationJobRequest) -> Result<Value, ApiError> {
    let id = needed(request.job_id.clone(), "JobId")?;
    jobs.get(&id)?;
    let configuration = configuration(request)?;
    jobs.configure(&id, configuration).await?;
    Ok(Value::Null)
}

fn configuration(request: ModifyMigrationJobRequest) -> Result<Configuration, ApiError> {
    let start_at = start_at(request.run_mode.as_deref(), request.expect_run_time.as_deref())?;
    let source_info = needed(request.src_info, "SrcInfo")?;
    let target_info = needed(request.dst_info, "DstInfo")?;
    let option = needed(request.migrate_option, "MigrateOption")?;
    let source = side::side("SrcInfo", &source_info)?;
    let target = side::side("DstInfo", &target_info)?;
    let migrate_type = migrate_type(&option);
    refuse_foreign(&option, migrate_type)?;
    let objects = option
        .database_table
        .as_ref()
        .ok_or_else(|| ApiError::missing("MigrateOption.DatabaseTable"))?;
    let selection = Selection {
        accounts: selection::accounts(&option)?,
        ..selection::selection(objects)?
    };
    let task = Task {
        source: source.side,
        target: target.side,
        selection,
        migrate_type,
        retry_window_seconds: retry_seconds(request.auto_retry_time_range_minutes)?,
        skip_ddl_errors: skips_all_ddl(option.skip_ddl_on_error.as_ref())?,
    };
    let rates = option.rate_limit.clone().unwrap_or_default();
    // What was left open is shown as what it means.
    let option = MigrateOption {
        migrate_type: Some(
            option
                .migrate_type
                .unwrap_or_else(|| "fullAndIncrement".to_owned()),
        ),
        ..option
    };
    let shown = Shown {
        src_info: side::without_secrets(source_info),
        dst_info: side::without_secrets(target_info),
        migrate_option: option,
    };
    Ok(Configuration {
        task,
        passwords: Passwords {
            source: source.password,
            target: target.password,
            source_key: source.client_key,
            target_key: target.client_key,
        },
        start_at,
        shown: written(&shown)?,
        rates: modify::rates_of(&rates)?,
        name: request.job_name,
        tags: request.tags.map(create::tags).transpose()?,
    })
}

fn start_at(mode: Option<&str>, time: Option<&str>) -> Result<StartAt, ApiError> {
    match (mode, time) {
        (Some("timed"), Some(time)) => Ok(StartAt::Timed(times::read("ExpectRunTime", time)?)),
        (Some("timed"), None) => Err(ApiError::missing("ExpectRunTime")),
        _ => Ok(StartAt::Immediate),
    }
}

fn migrate_type(option: &MigrateOption) -> MigrateType {
    match option.migrate_type.as_deref() {
        Some("structure") => MigrateType::Structure,
        Some("full") => MigrateType::Full,
        _ => MigrateType::FullAndIncrement,
    }
}

fn retry_seconds(minutes: Option<i64>) -> Result<u64, ApiError> {
    let minutes = minutes.unwrap_or(RETRY_MINUTES_DEFAULT);
    if minutes != 0 && !RETRY_MINUTES.contains(&minutes) {
        return Err(ApiError::bad_value(
            "`AutoRetryTimeRangeMinutes` must be 0, or from 5 to 720",
        ));
    }
    Ok(u64::try_from(minutes).unwrap_or_default() * 60)
}

/// All tables and all codes, or none: a part of them can't be told apart yet.
fn skips_all_ddl(given: Option<&SkipDdlOnError>) -> Result<bool, ApiError> {
    let Some(given) = given else { return Ok(false) };
    let tables = given.tables.as_deref().unwrap_or_default();
    let codes = given.error_codes.as_deref().unwrap_or_default();
    match (tables, codes) {
        ([], []) => Ok(false),
        ([all], []) if all == "*" => Ok(true),
        _ => Err(ApiError::unsupported(
            "`MigrateOption.SkipDdlOnError` for anything but Tables [\"*\"] without ErrorCodes",
        )),
    }
}

fn refuse_foreign(option: &MigrateOption, migrate_type: MigrateType) -> Result<(), ApiError> {
    let unsupported = |what: &str| Err(ApiError::unsupported(&format!("`MigrateOption.{what}`")));
    let flags = [("IsDstReadOnly", option.is_dst_read_only)];
    if let Some((name, _)) = flags.iter().find(|(_, flag)| *flag == Some(true)) {
        return unsupported(name);
    }
    let extra = option.extra_attr.as_deref().unwrap_or_default();
    if let Some(key) = extra.iter().find_map(|pair| pair.key.clone()) {
        return unsupported(&format!("ExtraAttr {key}"));
    }
    if option.migrate_way.as_deref() == Some("physical") {
        return unsupported("MigrateWay physical");
    }
    // The cutover compares every table whole; jobs without a cutover have no comparison yet.
    let consistency = option.consistency.as_ref();
    let full = consistency.and_then(|consistency| consistency.mode.as_deref()) == Some("full");
    let custom = consistency.and_then(|consistency| consistency.object_mode.as_deref()) == Some("custom");
    if full && (custom || migrate_type != MigrateType::FullAndIncrement) {
        return unsupported("Consistency full for chosen objects, or without increment");
    }
    Ok(())
}
