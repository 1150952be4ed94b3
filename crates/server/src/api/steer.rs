//! Start, pause, continue, complete, stop and resume.
//!
//! Each answers as soon as the new state is written; the work goes on after.

use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{
    CompleteMigrateJobRequest, ContinueMigrateJobRequest, PauseMigrateJobRequest, ResumeMigrateJobRequest,
    StartMigrateJobRequest, StopMigrateJobRequest,
};

use super::needed;

type Answer = Result<Value, ApiError>;

pub(super) async fn start(jobs: &Jobs, request: StartMigrateJobRequest) -> Answer {
    jobs.start(&needed(request.job_id, "JobId")?).await?;
    Ok(Value::Null)
}

pub(super) async fn pause(jobs: &Jobs, request: PauseMigrateJobRequest) -> Answer {
    jobs.pause(&needed(request.job_id, "JobId")?).await?;
    Ok(Value::Null)
}

pub(super) async fn go_on(jobs: &Jobs, request: ContinueMigrateJobRequest) -> Answer {
    jobs.go_on(&needed(request.job_id, "JobId")?).await?;
    Ok(Value::Null)
}

/// `immediately` would leave behind what is not applied yet: not offered.
pub(super) async fn complete(jobs: &Jobs, request: CompleteMigrateJobRequest) -> Answer {
    let id = needed(request.job_id, "JobId")?;
    jobs.get(&id)?;
    if request.complete_mode.as_deref() == Some("immediately") {
        return Err(ApiError::unsupported("the `CompleteMode` immediately"));
    }
    jobs.complete(&id).await?;
    Ok(Value::Null)
}

pub(super) async fn stop(jobs: &Jobs, request: StopMigrateJobRequest) -> Answer {
    jobs.stop(&needed(request.job_id, "JobId")?).await?;
    Ok(Value::Null)
}

/// The other options are those of Redis jobs.
pub(super) async fn resume(jobs: &Jobs, request: ResumeMigrateJobRequest) -> Answer {
    let id = needed(request.job_id, "JobId")?;
    jobs.get(&id)?;
    if let Some(option) = request.resume_option.filter(|option| option != "normal") {
        return Err(ApiError::unsupported(&format!("the `ResumeOption` {option}")));
    }
    jobs.resume(&id).await?;
    Ok(Value::Null)
}
