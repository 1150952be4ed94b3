//! MySQL and its relatives: MariaDB, Percona Server, TDSQL-C.
//!
//! Seven files that every engine has: `connect precheck schema snapshot changes
//! apply types`; below them protocol code (`binlog`, `ddl`, `gtid`) that takes bytes
//! and gives events. Relies on `model` and `link` only.

pub mod binlog;
mod connect;
pub mod ddl;
mod digest;
mod failure;
pub mod gtid;
mod precheck;
mod schema;
mod structure;
