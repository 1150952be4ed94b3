//! The built binary: served over real sockets, driven by the real public SDKs.

#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

mod asking;
mod cases;
mod certificate;
mod compares;
mod faults;
mod kills;
mod lives;
mod million;
mod process;
mod sdks;
mod serving;
mod users;
