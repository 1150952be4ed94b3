//! MySQL and its relatives. So far pure parts of the changes side: reading of
//! schema changes and of packed values as logged, and sets of transaction identifiers.
//!
//! Relies on `model`. Nothing here opens a connection yet; the engine's seven
//! files come with the first that does.

pub mod binlog;
pub mod ddl;
pub mod gtid;
