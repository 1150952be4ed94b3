//! What tests and benchmarks need: real servers, a TCP proxy for faults, waiting
//! for conditions, and the runner of `cases/`.
//!
//! `servers` fetches and starts databases on 127.0.0.1; nothing is installed on
//! the machine. Used by tests, `bench/` and `quickstart` alone; no product crate
//! depends on it.

pub mod cases;
pub mod compare;
pub mod proxy;
pub mod sdks;
pub mod servers;
pub mod wait;

pub use cases::{Case, Changes};
pub use compare::{Rename, compare_servers};
pub use proxy::FaultProxy;
pub use sdks::{Sdks, sdks};
pub use servers::{DbServer, Flavor, fetch};
pub use wait::wait_until;
