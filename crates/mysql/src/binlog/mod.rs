//! The binary log's bytes. So far reading of packed values: decimals and times.
//!
//! Bytes in, values out: no sockets, no panics on any bytes. A value that is cut
//! short or out of its range is an error that names the form, never the bytes.

pub mod cursor;
pub mod decimal;
pub mod temporal;
