//! The operator's API beside the wire protocol: what is no job's action.
//!
//! `Operation` names each call by method and path; shapes are below. Signed as
//! TC3-HMAC-SHA256 by `sign::sign_operator`: the service of the credential's scope
//! is `SERVICE` and the canonical path is the real one, so that neither API takes
//! the other's signature. Replies have the wire API's envelope and status 200. A
//! database's password goes in and never comes out; a caller's new secret key
//! comes out once.

use serde::{Deserialize, Serialize};
use tidegate_model::report::{CutoverRecord, RunReport};

use crate::roles::Role;

/// The service in a credential's scope.
pub const SERVICE: &str = "tidegate-operator";
pub const ENDPOINTS: &str = "/operator/endpoints";
/// Followed by `/` and a job's id.
pub const JOBS: &str = "/operator/jobs";
/// The newest entries; followed by `/` and a number, those before that entry.
pub const AUDIT: &str = "/operator/audit";
pub const USERS: &str = "/operator/users";
/// Followed by `/` and an offset, a piece of the copy that was made last.
pub const BACKUP: &str = "/operator/backup";

/// A call, out of its method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `GET ENDPOINTS`: `EndpointList`
    ListEndpoints,
    /// `POST ENDPOINTS`: takes `PutEndpoint`
    PutEndpoint,
    /// `DELETE ENDPOINTS/NAME`
    RemoveEndpoint(String),
    /// `GET JOBS/ID`: `JobReport`
    JobReport(String),
    /// `GET AUDIT` or `GET AUDIT/NUMBER`: `AuditList`
    Audit(Option<i64>),
    /// `GET USERS`: `UserList`
    ListUsers,
    /// `POST USERS`: takes `AddUser`, gives `NewKey`
    AddUser,
    /// `POST USERS/NAME`: takes `UserState`
    SetUserState(String),
    /// `POST USERS/NAME/key`: `NewKey`
    RotateUserKey(String),
    /// `POST BACKUP`: `BackupMade`
    CreateBackup,
    /// `GET BACKUP/OFFSET`: `BackupPiece`
    BackupPiece(u64),
    /// `DELETE BACKUP`
    RemoveBackup,
}

impl Operation {
    pub const NAMES: [&'static str; 12] = [
        "ListEndpoints",
        "PutEndpoint",
        "RemoveEndpoint",
        "JobReport",
        "Audit",
        "ListUsers",
        "AddUser",
        "SetUserState",
        "RotateUserKey",
        "CreateBackup",
        "BackupPiece",
        "RemoveBackup",
    ];

    pub fn of(method: &str, path: &str) -> Option<Operation> {
        let parts: Vec<&str> = path.strip_prefix("/operator/")?.split('/').collect();
        Some(match (method, parts.as_slice()) {
            ("GET", ["endpoints"]) => Operation::ListEndpoints,
            ("POST", ["endpoints"]) => Operation::PutEndpoint,
            ("DELETE", ["endpoints", name]) => Operation::RemoveEndpoint((*name).to_owned()),
            ("GET", ["jobs", id]) => Operation::JobReport((*id).to_owned()),
            ("GET", ["audit"]) => Operation::Audit(None),
            ("GET", ["audit", before]) => Operation::Audit(Some(before.parse().ok()?)),
            ("GET", ["users"]) => Operation::ListUsers,
            ("POST", ["users"]) => Operation::AddUser,
            ("POST", ["users", name]) => Operation::SetUserState((*name).to_owned()),
            ("POST", ["users", name, "key"]) => Operation::RotateUserKey((*name).to_owned()),
            ("POST", ["backup"]) => Operation::CreateBackup,
            ("GET", ["backup", offset]) => Operation::BackupPiece(offset.parse().ok()?),
            ("DELETE", ["backup"]) => Operation::RemoveBackup,
            _ => return None,
        })
    }

    /// As the table of roles and the audit trail name it.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::ListEndpoints => "ListEndpoints",
            Operation::PutEndpoint => "PutEndpoint",
            Operation::RemoveEndpoint(_) => "RemoveEndpoint",
            Operation::JobReport(_) => "JobReport",
            Operation::Audit(_) => "Audit",
            Operation::ListUsers => "ListUsers",
            Operation::AddUser => "AddUser",
            Operation::SetUserState(_) => "SetUserState",
            Operation::RotateUserKey(_) => "RotateUserKey",
            Operation::CreateBackup => "CreateBackup",
            Operation::BackupPiece(_) => "BackupPiece",
            Operation::RemoveBackup => "RemoveBackup",
        }
    }

    /// Goes into the audit trail. So does a copy of the store, which is no small read.
    pub fn is_write(&self) -> bool {
        !matches!(
            self,
            Operation::ListEndpoints
                | Operation::JobReport(_)
                | Operation::Audit(_)
                | Operation::ListUsers
                | Operation::BackupPiece(_)
        )
    }
}

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
    /// `preferred` (where left out), `required`, `verified` or `off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// Certificates (PEM) to trust instead of the public authorities'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The certificate chain (PEM) to show to the server, with its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
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
    /// Has it authorities, and a client's certificate, of its own?
    pub has_ca: bool,
    pub has_client_cert: bool,
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
    /// Grows with time; `AUDIT/NUMBER` gives those before it.
    pub number: i64,
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

/// A new caller. Names are 1 to 60 of `[A-Za-z0-9_.-]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AddUser {
    pub name: String,
    pub role: Role,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UserState {
    pub enabled: bool,
}

/// A caller as it is listed: the secret key is never in it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UserItem {
    pub name: String,
    pub secret_id: String,
    pub role: Role,
    pub enabled: bool,
    /// Unix milliseconds; 0 for the first owner, whose key is in the server's file or environment.
    pub created_ms: i64,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UserList {
    pub users: Vec<UserItem>,
}

/// The one time that a secret key is shown.
#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NewKey {
    pub secret_id: String,
    pub secret_key: String,
}

/// The key is not shown by `{:?}`.
impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewKey({})", self.secret_id)
    }
}

/// A copy of the store is ready to be fetched. One is held at a time.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BackupMade {
    pub bytes: u64,
    /// Of the whole, hexadecimal.
    pub sha256: String,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BackupPiece {
    /// Base64. Empty at the end.
    pub data: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_by_method_and_path() {
        let check = |method, path, name: Option<&str>| {
            let found = Operation::of(method, path);
            assert_eq!(found.as_ref().map(Operation::name), name, "{method} {path}");
        };
        check("GET", ENDPOINTS, Some("ListEndpoints"));
        check("POST", "/operator/users/anna", Some("SetUserState"));
        check("POST", "/operator/users/anna/key", Some("RotateUserKey"));
        check("GET", "/operator/audit/17", Some("Audit"));
        check("GET", "/operator/audit/x", None);
        check("GET", "/operator/backup/0", Some("BackupPiece"));
        check("PUT", ENDPOINTS, None);
        check("GET", "/operator/tea", None);
        check("DELETE", "/operator/endpoints", None);
    }
}
