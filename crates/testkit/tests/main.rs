//! Tests of the tree itself: who may depend on whom, and how files look.
//!
//! Reads the manifests and the sources of this workspace; needs no server.

mod tree;
