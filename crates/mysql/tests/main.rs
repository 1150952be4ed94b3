//! The engine against real servers, through its traits alone.
//!
//! Servers come from the testkit; the first run fetches them. Nothing here knows how
//! the engine does its work: source and target are compared by the servers' own
//! answers.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod catalog;
mod checks;
mod digests;
mod ends;
mod log;
mod objects;
mod tls;
