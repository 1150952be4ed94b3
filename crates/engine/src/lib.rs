//! One run of a job. So far its two pure parts: merging of changes, and rate limits.
//!
//! Relies on `model` and `link`, names no database. What is here does no I/O:
//! time and events are passed in, so that its rules are tested without a server.

pub mod order;
pub mod run;
pub mod throttle;
