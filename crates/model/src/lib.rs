//! The words everything else is written in: values, rows, schemas, changes,
//! positions, selections, jobs and errors.
//!
//! Pure data. Nothing here does I/O, knows a database by name beyond its kind,
//! or depends on an async runtime. Read the modules in the order below.

pub mod change;
pub mod compare;
pub mod endpoint;
pub mod error;
pub mod finding;
pub mod job;
pub mod position;
pub mod report;
pub mod role;
pub mod row;
pub mod schema;
pub mod selection;
pub mod value;

pub use error::{Error, Kind, Result};
