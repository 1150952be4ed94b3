//! The built binary: served over real sockets, driven by the real public SDKs.

mod cases;
mod certificate;
mod lives;
mod process;
mod sdks;
mod serving;
