//! Tests of the tree itself and of the testkit: one binary, so that it is linked once.
//!
//! `tree` reads the manifests and sources of this workspace and needs no server;
//! `servers` starts real ones.

mod servers;
mod tree;
