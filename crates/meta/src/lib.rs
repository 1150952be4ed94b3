//! What must outlive the process: jobs, endpoints, callers, the audit trail.
//!
//! One SQLite file, written by one thread. Passwords and keys are sealed before
//! they reach the file. Knows nothing of what a job's states mean: bodies are
//! the control plane's own JSON.

mod compares;
mod database;
mod migrate;
mod seal;
mod store;

pub use compares::CompareRecord;
pub use seal::MasterKey;
pub use store::{AuditEntry, EndpointRecord, JobRecord, Secrets, Store};
