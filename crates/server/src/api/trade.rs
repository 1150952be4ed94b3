//! The recycle bin, and the class of a job.
//!
//! Nothing is billed here: what a cloud sells is the operator's to give.

use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_control::class::InstanceClass;
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{
    DestroyMigrateJobRequest, IsolateMigrateJobRequest, ModifyMigrateJobSpecRequest, RecoverMigrateJobRequest,
};

use super::needed;

type Answer = Result<Value, ApiError>;

pub(super) async fn isolate(jobs: &Jobs, request: IsolateMigrateJobRequest) -> Answer {
    jobs.isolate(&needed(request.job_id, "JobId")?).await?;
    Ok(Value::Null)
}

pub(super) async fn recover(jobs: &Jobs, request: RecoverMigrateJobRequest) -> Answer {
    jobs.recover(&needed(request.job_id, "JobId")?).await?;
    Ok(Value::Null)
}

pub(super) async fn destroy(jobs: &Jobs, request: DestroyMigrateJobRequest) -> Answer {
    jobs.destroy(&needed(request.job_id, "JobId")?).await?;
    Ok(Value::Null)
}

pub(super) async fn resize(jobs: &Jobs, request: ModifyMigrateJobSpecRequest) -> Answer {
    let class = class("NewInstanceClass", request.new_instance_class)?;
    jobs.resize(&needed(request.job_id, "JobId")?, class).await?;
    Ok(Value::Null)
}

pub(super) fn class(name: &str, given: Option<String>) -> Result<InstanceClass, ApiError> {
    let given = needed(given, name)?;
    InstanceClass::parse(&given)
        .ok_or_else(|| ApiError::bad_value(format!("`{name}` is no class of this service")))
}
