//! The operator's API: registered endpoints, and a job's report whole.
//!
//! Beside the wire protocol, under `/operator`; shapes and signature are
//! `rpc::operator`'s. A password goes in and never out.

use secrecy::SecretString;
use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_control::endpoints::Registered;
use tidegate_control::lifecycle::status_word;
use tidegate_meta::AuditEntry;
use tidegate_model::endpoint::{EngineKind, Tls};
use tidegate_rpc::ApiError;
use tidegate_rpc::operator::{
    AUDIT, AuditItem, AuditList, ENDPOINTS, EndpointItem, EndpointList, JOBS, JobReport, PutEndpoint,
};

use crate::http::OperatorCall;

/// Entries of the audit trail in one answer; the store holds them all.
const AUDIT_SHOWN: u32 = 500;

/// An answer, and for the audit trail what was written: action and subject.
pub(crate) struct Done {
    pub(crate) answer: Result<Value, ApiError>,
    pub(crate) written: Option<(&'static str, String)>,
}

pub(crate) async fn answer(jobs: &Jobs, call: &OperatorCall) -> Done {
    let read = |answer| Done {
        answer,
        written: None,
    };
    let (rest, job) = (
        call.path.strip_prefix(ENDPOINTS),
        call.path
            .strip_prefix(JOBS)
            .and_then(|rest| rest.strip_prefix('/')),
    );
    match (call.method.as_str(), rest, job) {
        ("GET", Some(""), _) => read(list(jobs).await),
        ("GET", None, None) if call.path == AUDIT => read(audit(jobs).await),
        ("GET", _, Some(id)) => read(report(jobs, id)),
        ("POST", Some(""), _) => {
            let name = call.body.get("Name").and_then(Value::as_str);
            Done {
                written: Some(("PutEndpoint", name.unwrap_or_default().to_owned())),
                answer: put(jobs, &call.body).await,
            }
        }
        ("DELETE", Some(rest), _) if rest.starts_with('/') => {
            let name = rest.trim_start_matches('/');
            Done {
                written: Some(("RemoveEndpoint", name.to_owned())),
                answer: jobs
                    .remove_endpoint(name)
                    .await
                    .map(|()| Value::Null)
                    .map_err(ApiError::from),
            }
        }
        _ => read(Err(ApiError::new(
            "InvalidAction",
            "the operator's API has no such path and method",
        ))),
    }
}

async fn list(jobs: &Jobs) -> Result<Value, ApiError> {
    let item = |known: Registered| EndpointItem {
        used_by: jobs.users_of_endpoint(&known.name),
        name: known.name,
        database_type: known.engine.as_str().to_owned(),
        host: known.host,
        port: known.port,
        user: known.user,
        tls: tls_word(known.tls).to_owned(),
    };
    let endpoints = jobs.endpoints().await?.into_iter().map(item).collect();
    json(&EndpointList { endpoints })
}

async fn audit(jobs: &Jobs) -> Result<Value, ApiError> {
    let item = |entry: AuditEntry| AuditItem {
        at_ms: entry.at_ms,
        caller: entry.caller,
        action: entry.action,
        subject: entry.subject,
        outcome: entry.outcome,
    };
    let entries = jobs.audit_trail(AUDIT_SHOWN).await?;
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
    // The parser's own message could quote the password.
    let given: PutEndpoint = serde_json::from_value(body.clone()).map_err(|_| {
        ApiError::bad_value("an endpoint has Name, DatabaseType, Host, Port, User, Password and perhaps Tls")
    })?;
    let engine = EngineKind::parse(&given.database_type).filter(|kind| jobs.serves(*kind));
    let engine = engine.ok_or_else(|| ApiError::unsupported("that `DatabaseType`"))?;
    let tls = match given.tls.as_deref() {
        None | Some("preferred") => Tls::Preferred,
        Some("verified") => Tls::Verified,
        Some("off") => Tls::Off,
        Some(_) => return Err(ApiError::bad_value("`Tls` must be preferred, verified or off")),
    };
    let endpoint = Registered {
        name: given.name,
        engine,
        host: given.host,
        port: given.port,
        user: given.user,
        tls,
    };
    jobs.put_endpoint(endpoint, SecretString::from(given.password))
        .await?;
    Ok(Value::Null)
}

fn tls_word(tls: Tls) -> &'static str {
    match tls {
        Tls::Preferred => "preferred",
        Tls::Verified => "verified",
        Tls::Off => "off",
    }
}

fn json(answer: &impl serde::Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(answer).map_err(|_| ApiError::internal("the answer has no JSON form"))
}
