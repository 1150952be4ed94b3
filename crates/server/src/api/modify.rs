//! Name, rates and runtime options of a job.
//!
//! 0, -1 or nothing keeps a rate as it is, as the contract says.

use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_control::class::Rates;
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{
    ModifyMigrateNameRequest, ModifyMigrateRateLimitRequest, ModifyMigrateRuntimeAttributeRequest, RateLimit,
};

use super::needed;

type Answer = Result<Value, ApiError>;

pub(super) async fn name(jobs: &Jobs, request: ModifyMigrateNameRequest) -> Answer {
    const CHARS_MAX: usize = 128;
    let name = needed(request.job_name, "JobName")?;
    if name.chars().count() > CHARS_MAX {
        return Err(ApiError::bad_value(format!(
            "`JobName` may have at most {CHARS_MAX} characters"
        )));
    }
    jobs.rename(&needed(request.job_id, "JobId")?, &name).await?;
    Ok(Value::Null)
}

pub(super) async fn rates(jobs: &Jobs, request: ModifyMigrateRateLimitRequest) -> Answer {
    let id = needed(request.job_id, "JobId")?;
    let given = rates_of(&RateLimit {
        dump_thread: request.dump_thread,
        dump_rps: request.dump_rps,
        load_thread: request.load_thread,
        load_rps: request.load_rps,
        sinker_thread: request.sinker_thread,
    })?;
    jobs.get(&id)?;
    if given.is_empty() {
        return Err(ApiError::missing(
            "DumpThread, DumpRps, LoadThread, LoadRps or SinkerThread",
        ));
    }
    jobs.limit_rates(&id, given).await?;
    Ok(Value::Null)
}

pub(super) fn attributes(jobs: &Jobs, request: ModifyMigrateRuntimeAttributeRequest) -> Answer {
    let options = needed(request.other_options, "OtherOptions")?;
    let names: Vec<String> = options.into_iter().filter_map(|option| option.key).collect();
    jobs.set_attributes(&needed(request.job_id, "JobId")?, &names)
        .map_err(|error| match ApiError::from(error) {
            // This action's list has no code of the family InvalidParameterValue.
            seen if seen.code.starts_with("InvalidParameterValue") => ApiError {
                code: "InvalidParameter.InvalidParameterError",
                ..seen
            },
            seen => seen,
        })?;
    Ok(Value::Null)
}

pub(super) fn rates_of(given: &RateLimit) -> Result<Rates, ApiError> {
    let rates = Rates {
        dump_threads: number("DumpThread", given.dump_thread)?,
        dump_rows_per_second: number("DumpRps", given.dump_rps)?,
        load_threads: number("LoadThread", given.load_thread)?,
        load_rows_per_second: number("LoadRps", given.load_rps)?,
        sink_threads: number("SinkerThread", given.sinker_thread)?,
    };
    rates.check()?;
    Ok(rates)
}

fn number<T: TryFrom<i64>>(name: &str, given: Option<i64>) -> Result<Option<T>, ApiError> {
    match given {
        None | Some(0 | -1) => Ok(None),
        Some(number) => T::try_from(number)
            .map(Some)
            .map_err(|_| ApiError::bad_value(format!("`{name}` is out of range"))),
    }
}
