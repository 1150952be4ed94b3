//! The operator's API: users, registered endpoints, backups, the audit trail, and
//! a job's report whole.
//!
//! Beside the wire protocol, under `/operator`; shapes and signature are
//! `rpc::operator`'s, roles are checked before. A password goes in and never out; a
//! caller's new key goes out once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_control::endpoints::Registered;
use tidegate_control::lifecycle::status_word;
use tidegate_control::users::{Pair, User, Users};
use tidegate_meta::AuditEntry;
use tidegate_model::endpoint::{Certificates, EngineKind, Tls};
use tidegate_rpc::ApiError;
use tidegate_rpc::operator::{
    AddUser, AuditItem, AuditList, BackupPiece, EndpointItem, EndpointList, JobReport, NewKey, Operation,
    PutEndpoint, UserItem, UserList, UserState,
};

use crate::api::Api;
use crate::credentials::letters;

/// Entries of the audit trail in one answer.
const AUDIT_SHOWN: u32 = 500;

/// The caller may do it.
pub(crate) async fn answer(api: &Api, operation: &Operation, body: &Value) -> Result<Value, ApiError> {
    let (jobs, users) = (&api.jobs, &api.users);
    match operation {
        Operation::ListEndpoints => list(jobs).await,
        Operation::PutEndpoint => put(jobs, body).await,
        Operation::RemoveEndpoint(name) => Ok(jobs.remove_endpoint(name).await.map(|()| Value::Null)?),
        Operation::JobReport(id) => report(jobs, id),
        Operation::Audit(before) => audit(jobs, *before).await,
        Operation::ListUsers => list_users(users),
        Operation::AddUser => add_user(users, jobs.now_ms(), body).await,
        Operation::SetUserState(name) => {
            let state: UserState = read(body, "a user's state has Enabled")?;
            users.set_enabled(name, state.enabled).await?;
            Ok(Value::Null)
        }
        Operation::RotateUserKey(name) => rotate(users, name).await,
        Operation::CreateBackup => json(&api.backups.make().await?),
        Operation::BackupPiece(offset) => json(&BackupPiece {
            data: STANDARD.encode(api.backups.piece(*offset).await?),
        }),
        Operation::RemoveBackup => {
            api.backups.remove().await;
            Ok(Value::Null)
        }
    }
}

/// What the audit trail says that it was about.
pub(crate) fn subject(operation: &Operation, body: &Value) -> String {
    match operation {
        Operation::PutEndpoint | Operation::AddUser => {
            let name = body.get("Name").and_then(Value::as_str);
            name.unwrap_or_default().to_owned()
        }
        Operation::RemoveEndpoint(name)
        | Operation::SetUserState(name)
        | Operation::RotateUserKey(name)
        | Operation::JobReport(name) => name.clone(),
        _ => String::new(),
    }
}

fn list_users(users: &Users) -> Result<Value, ApiError> {
    let item = |user: User| UserItem {
        name: user.name,
        secret_id: user.secret_id,
        role: user.role,
        enabled: user.enabled,
        created_ms: user.created_ms,
    };
    json(&UserList {
        users: users.list().into_iter().map(item).collect(),
    })
}

async fn add_user(users: &Users, now_ms: u64, body: &Value) -> Result<Value, ApiError> {
    let given: AddUser = read(body, "a user has Name and Role: viewer, operator or owner")?;
    let made = NewKey {
        secret_id: format!("AKID{}", random()?),
        secret_key: random()?,
    };
    let pair = Pair {
        secret_id: made.secret_id.clone(),
        secret_key: SecretString::from(made.secret_key.clone()),
    };
    users.add(&given.name, given.role, pair, now_ms).await?;
    json(&made)
}

async fn rotate(users: &Users, name: &str) -> Result<Value, ApiError> {
    let secret_key = random()?;
    let secret_id = users.rotate(name, SecretString::from(secret_key.clone())).await?;
    json(&NewKey {
        secret_id,
        secret_key,
    })
}

fn random() -> Result<String, ApiError> {
    letters(32).map_err(|error| ApiError::internal(error.to_string()))
}

/// The parser's own message could quote a secret.
fn read<T: DeserializeOwned>(body: &Value, shape: &str) -> Result<T, ApiError> {
    serde_json::from_value(body.clone()).map_err(|_| ApiError::bad_value(shape))
}

async fn list(jobs: &Jobs) -> Result<Value, ApiError> {
    let item = |known: Registered| EndpointItem {
        used_by: jobs.users_of_endpoint(&known.name),
        name: known.name,
        database_type: known.engine.as_str().to_owned(),
        host: known.host,
        port: known.port,
        user: known.user,
        tls: known.tls.as_str().to_owned(),
        has_ca: known.certificates.ca.is_some(),
        has_client_cert: known.certificates.client_cert.is_some(),
    };
    let endpoints = jobs.endpoints().await?.into_iter().map(item).collect();
    json(&EndpointList { endpoints })
}

async fn audit(jobs: &Jobs, before: Option<i64>) -> Result<Value, ApiError> {
    let item = |(number, entry): (i64, AuditEntry)| AuditItem {
        number,
        at_ms: entry.at_ms,
        caller: entry.caller,
        action: entry.action,
        subject: entry.subject,
        outcome: entry.outcome,
    };
    let entries = jobs.audit_trail(before, AUDIT_SHOWN).await?;
    json(&AuditList {
        entries: entries.into_iter().map(item).collect(),
    })
}

fn report(jobs: &Jobs, id: &str) -> Result<Value, ApiError> {
    let view = jobs.get(id)?;
    json(&JobReport {
        job_id: view.job.id.clone(),
        status: status_word(view.job.status),
        report: view.report,
        record: view.job.record.clone(),
    })
}

async fn put(jobs: &Jobs, body: &Value) -> Result<Value, ApiError> {
    let given: PutEndpoint = read(
        body,
        "an endpoint has Name, DatabaseType, Host, Port, User, Password and perhaps Tls, Ca, ClientCert, ClientKey",
    )?;
    let engine = EngineKind::parse(&given.database_type).filter(|kind| jobs.serves(*kind));
    let engine = engine.ok_or_else(|| ApiError::unsupported("that `DatabaseType`"))?;
    let tls = given.tls.as_deref().map_or(Some(Tls::default()), Tls::parse);
    let tls = tls.ok_or_else(|| ApiError::bad_value("`Tls` must be preferred, required, verified or off"))?;
    let endpoint = Registered {
        name: given.name,
        engine,
        host: given.host,
        port: given.port,
        user: given.user,
        tls,
        certificates: Certificates {
            ca: given.ca,
            client_cert: given.client_cert,
            client_key: given.client_key,
        },
    };
    jobs.put_endpoint(endpoint, SecretString::from(given.password))
        .await?;
    Ok(Value::Null)
}

fn json(answer: &impl serde::Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(answer).map_err(|_| ApiError::internal("the answer has no JSON form"))
}
