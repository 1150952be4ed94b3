//! MySQL and its relatives. So far two pure parts of the changes side: reading
//! of schema changes as logged, and sets of transaction identifiers.
//!
//! Relies on `model`. Nothing here opens a connection yet; the engine's seven
//! files come with the first that does.

pub mod ddl;
pub mod gtid;
