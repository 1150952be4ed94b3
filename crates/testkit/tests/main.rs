//! Tests of the tree itself and of the testkit: one binary, so that it is linked once.
//!
//! `tree` reads the manifests and sources of this workspace and needs no server;
//! `proxy` needs sockets alone; the others start real ones.

#![allow(clippy::expect_used, reason = "a test that cannot go on says why, and ends")]

mod cases;
mod proxy;
mod servers;
mod tree;
