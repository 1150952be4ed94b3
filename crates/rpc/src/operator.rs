//! The operator's API beside the wire protocol: endpoints registered by name,
//! and a job's last report whole.
//!
//! `POST /operator/endpoints` (`PutEndpoint`), `GET /operator/endpoints`
//! (`EndpointList`), `DELETE /operator/endpoints/NAME`, `GET /operator/jobs/ID`
//! (`JobReport`), `GET /operator/audit` (`AuditList`). Signed as TC3-HMAC-SHA256 by `sign::sign_operator`: the service
//! of the credential's scope is `SERVICE` and the canonical path is the real one,
//! so that neither API takes the other's signature. Replies have the wire API's
//! envelope and status 200. A password goes in and never comes out.

use serde::{Deserialize, Serialize};
use tidegate_model::report::{CutoverRecord, RunReport};

/// The service in a credential's scope.
pub const SERVICE: &str = "tidegate-operator";
pub const ENDPOINTS: &str = "/operator/endpoints";
/// Followed by `/` and a job's id.
pub const JOBS: &str = "/operator/jobs";

pub const AUDIT: &str = "/operator/audit";

/// Registers an endpoint, or replaces the one of that name.
#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutEndpoint {
    /// 1 to 60 of `[A-Za-z0-9_.-]`: what `InstanceId` names with AccessType `cdb`.
    pub name: String,
    /// The wire API's database type, such as `mysql`.
    pub database_type: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    /// `preferred` (where left out), `verified` or `off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
}

/// The password is never shown, not even by `{:?}`.
impl std::fmt::Debug for PutEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PutEndpoint")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A registered endpoint as it is listed.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EndpointItem {
    pub name: String,
    pub database_type: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub tls: String,
    /// Jobs that name it and are not over; while there are any it can't be removed.
    pub used_by: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EndpointList {
    /// By name.
    pub endpoints: Vec<EndpointItem>,
}

/// All that is known of a job's run. The public API shows the same as text: see `progress`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobReport {
    pub job_id: String,
    pub status: String,
    /// None before the first run.
    pub report: Option<RunReport>,
    /// None before the cutover.
    pub record: Option<CutoverRecord>,
}

/// One write that somebody asked for, allowed or refused.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AuditItem {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// SecretId and address.
    pub caller: String,
    pub action: String,
    /// The job or endpoint that it was about.
    pub subject: String,
    /// `OK`, or the error's code.
    pub outcome: String,
}

/// The newest entries, newest first.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AuditList {
    pub entries: Vec<AuditItem>,
}
