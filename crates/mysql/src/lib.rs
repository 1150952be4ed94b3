//! MySQL and its relatives: MariaDB, Percona Server, TDSQL-C.
//!
//! Seven files that every engine has: `connect precheck schema snapshot changes
//! apply types`; below them protocol code (`binlog`, `ddl`, `gtid`) that takes bytes
//! and gives events. Relies on `model` and `link` only.

pub mod binlog;
mod changes;
mod connect;
pub mod ddl;
mod failure;
pub mod gtid;
mod ledger;
mod load;
mod position;
mod schema;
mod snapshot;
mod structure;
mod types;

/// The database on a target that holds our checkpoints. Never moved itself.
pub const CONTROL_SCHEMA: &str = "__tidegate__";
