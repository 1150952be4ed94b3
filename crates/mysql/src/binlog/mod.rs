//! The binary log's bytes: table maps, rows, packed values.
//!
//! Bytes in, values out: no sockets, no panics on any bytes. A value that is cut
//! short or out of its range is an error that names the form, never the bytes.

pub mod cursor;
pub mod decimal;
pub mod event;
pub mod held;
pub mod json;
pub mod json_diff;
pub mod native;
pub mod packed;
pub mod place;
pub mod reader;
pub mod rows;
pub mod table_map;
pub mod temporal;
