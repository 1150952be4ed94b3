//! What must outlive the process: jobs, endpoints, callers, the audit trail.
//!
//! One SQLite file, written by one thread. Passwords and keys are sealed before
//! they reach the file. Knows nothing of what a job's states mean: bodies are
//! the control plane's own JSON.

mod backup;
mod callers;
mod compares;
mod database;
mod migrate;
mod seal;
mod store;

pub use backup::{back_up, check_backup};
pub use callers::{AUDIT_KEPT, AuditEntry, CredentialRecord};
pub use compares::CompareRecord;
pub use seal::MasterKey;
pub use store::{EndpointRecord, JobRecord, Secrets, Store};
