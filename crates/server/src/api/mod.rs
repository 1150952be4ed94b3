//! The migration actions and those of their consistency checks: each maps a request to one call of `control`.
//!
//! Relies on `rpc` for what a request may hold, on `control` for what is
//! allowed. Every write is in the audit trail with its caller and outcome.

mod check;
mod compare;
mod compared;
mod configure;
mod create;
mod detail;
mod instances;
mod list;
mod modify;
mod selection;
mod side;
mod steer;
mod times;
mod trade;
mod view;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_control::users::Users;
use tidegate_rpc::actions::Action;
use tidegate_rpc::contract::contract;
use tidegate_rpc::operator::Operation;
use tidegate_rpc::roles::Call;
use tidegate_rpc::sign::Verified;
use tidegate_rpc::{ApiError, decode, encode};

use crate::backup::Backups;
use crate::http::{ApiService, OperatorCall};
use crate::metrics::Calls;
use crate::operator;
use crate::rates::Rates;

/// The codes of a call that was answered.
const OK: &str = "OK";

/// As much of a subject as the audit trail keeps: 15 job ids fit.
const SUBJECT_CHARS_MAX: usize = 200;

#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) jobs: Jobs,
    pub(crate) users: Users,
    pub(crate) rates: Rates,
    pub(crate) backups: Backups,
    pub(crate) calls: Arc<Calls>,
}

#[async_trait]
impl ApiService for Api {
    fn secret_key(&self, secret_id: &str) -> Option<String> {
        let key = self.users.secret_key(secret_id)?;
        Some(key.expose_secret().to_owned())
    }

    async fn call(&self, verified: Verified, peer: SocketAddr) -> Result<Value, ApiError> {
        let action = Action::from_name(&verified.action)?;
        let subject = verified.params.get("JobId").and_then(Value::as_str);
        let subject = subject.unwrap_or_default().to_owned();
        let call = Call::named(action.name());
        self.rates.take(&verified.secret_id, &call)?;
        let answer = match self
            .may(&verified.secret_id, &call)
            .and_then(|()| decode::normalise(action.name(), verified.params))
        {
            Ok(params) => answer(&self.jobs, action, params).await,
            Err(error) => Err(error),
        };
        if is_write(action) {
            let subject = match &answer {
                Ok(answer) if subject.is_empty() => created(answer),
                _ => subject,
            };
            let caller = format!("{}@{}", verified.secret_id, peer.ip());
            self.note(&caller, action.name(), &subject, answer.as_ref().err())
                .await?;
        }
        answer
    }

    async fn operate(&self, call: OperatorCall) -> Result<Value, ApiError> {
        let caller = format!("{}@{}", call.secret_id, call.peer.ip());
        let operation = Operation::of(&call.method, &call.path).ok_or_else(|| {
            ApiError::new("InvalidAction", "the operator's API has no such path and method")
        })?;
        let named = Call::named(operation.name());
        self.rates.take(&call.secret_id, &named)?;
        let answer = match self.may(&call.secret_id, &named) {
            Ok(()) => operator::answer(self, &operation, &call.body).await,
            Err(error) => Err(error),
        };
        if operation.is_write() {
            let subject = operator::subject(&operation, &call.body);
            self.note(&caller, operation.name(), &subject, answer.as_ref().err())
                .await?;
        }
        answer
    }

    fn answered(&self, action: &str, error: Option<&ApiError>) {
        self.calls.count(action, error.map_or(OK, |error| error.code));
    }
}

impl Api {
    /// A caller that was disabled since its signature was checked is not known any more.
    fn may(&self, secret_id: &str, call: &Call) -> Result<(), ApiError> {
        let role = self.users.role(secret_id);
        call.allow(role.ok_or_else(ApiError::secret_id_not_found)?)
    }

    async fn note(
        &self,
        caller: &str,
        action: &str,
        subject: &str,
        error: Option<&ApiError>,
    ) -> Result<(), ApiError> {
        let outcome = error.map_or(OK, |error| error.code);
        // It may be anything that a caller sends, unreadable signs among it.
        let subject: String = subject
            .chars()
            .filter(|sign| !sign.is_control())
            .take(SUBJECT_CHARS_MAX)
            .collect();
        tracing::info!(job = %subject, %caller, %action, %outcome, "asked");
        Ok(self.jobs.audit(caller, action, &subject, outcome).await?)
    }
}

fn is_write(action: Action) -> bool {
    let shape = contract().actions.get(action.name());
    shape.is_none_or(|shape| shape.mode == "write")
}

fn created(answer: &Value) -> String {
    let ids = answer.get("JobIds").and_then(Value::as_array);
    let ids: Vec<&str> = ids.into_iter().flatten().filter_map(Value::as_str).collect();
    ids.join(",")
}

/// A request's own type. The parameters have been checked against the contract.
fn read<T: DeserializeOwned>(params: Value) -> Result<T, ApiError> {
    serde_json::from_value(params)
        .map_err(|_| ApiError::malformed("the request is not of the contract's shape"))
}

fn written<T: Serialize>(answer: &T) -> Result<Value, ApiError> {
    serde_json::to_value(answer).map_err(|_| ApiError::internal("the answer has no JSON form"))
}

/// A parameter that the contract calls optional, and that every call needs.
fn needed<T>(value: Option<T>, name: &str) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::missing(name))
}

async fn answer(jobs: &Jobs, action: Action, params: Value) -> Result<Value, ApiError> {
    let iso = params.get("DateTimeISOFormat").and_then(Value::as_bool) == Some(true);
    let answer = match action {
        Action::CompleteMigrateJob => steer::complete(jobs, read(params)?).await,
        Action::ContinueMigrateJob => steer::go_on(jobs, read(params)?).await,
        Action::CreateCompareTask => compare::create(jobs, read(params)?).await,
        Action::CreateMigrateCheckJob => check::create(jobs, read(params)?).await,
        Action::CreateMigrationService => create::create(jobs, read(params)?).await,
        Action::DeleteCompareTask => compare::delete(jobs, read(params)?).await,
        Action::DescribeCompareDiffItems => compared::rows(jobs, read(params)?, iso),
        Action::DescribeCompareReport => compared::report(jobs, read(params)?, iso),
        Action::DescribeCompareTasks => compare::list(jobs, read(params)?, iso),
        Action::DescribeMigrateGtidCompareReport => compared::sets(jobs, read(params)?, iso).await,
        Action::DescribeMigrateDBInstances => instances::describe(jobs, read(params)?).await,
        Action::DescribeMigrationCheckJob => check::describe(jobs, read(params)?),
        Action::DescribeMigrationDetail => detail::describe(jobs, read(params)?, iso),
        Action::DescribeMigrationJobs => list::describe(jobs, read(params)?, iso),
        Action::DestroyMigrateJob => trade::destroy(jobs, read(params)?).await,
        Action::IsolateMigrateJob => trade::isolate(jobs, read(params)?).await,
        Action::ModifyCompareTask => compare::modify(jobs, read(params)?).await,
        Action::ModifyCompareTaskName => compare::rename(jobs, read(params)?).await,
        Action::ModifyMigrateJobSpec => trade::resize(jobs, read(params)?).await,
        Action::ModifyMigrateName => modify::name(jobs, read(params)?).await,
        Action::ModifyMigrateRateLimit => modify::rates(jobs, read(params)?).await,
        Action::ModifyMigrateRuntimeAttribute => modify::attributes(jobs, read(params)?),
        Action::ModifyMigrationJob => configure::configure(jobs, read(params)?).await,
        Action::PauseMigrateJob => steer::pause(jobs, read(params)?).await,
        Action::RecoverMigrateJob => trade::recover(jobs, read(params)?).await,
        Action::ResumeMigrateJob => steer::resume(jobs, read(params)?).await,
        Action::SkipCheckItem => check::skip(jobs, read(params)?).await,
        Action::StartCompare => compare::start(jobs, read(params)?).await,
        Action::StartMigrateJob => steer::start(jobs, read(params)?).await,
        Action::StopCompare => compare::stop(jobs, read(params)?).await,
        Action::StopMigrateJob => steer::stop(jobs, read(params)?).await,
    }?;
    Ok(encode::fill(action.name(), answer))
}
