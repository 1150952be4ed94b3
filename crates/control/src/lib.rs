//! What a user may do with a job, and when; and what goes on by itself.
//!
//! Relies on `model` and the store. Never sees an engine: runs are started
//! through `Runner`. Read `lifecycle` (the rules), `job` (what is kept), `jobs`
//! (what a user asks for), `supervise` (what happens by itself), in that order.

mod act;
mod calm;
mod carry;
pub mod class;
pub mod compare;
mod compares;
pub mod endpoints;
pub mod job;
pub mod jobs;
pub mod lifecycle;
pub mod list;
mod recycle;
pub mod runner;
pub mod steps;
mod supervise;
pub mod users;
pub mod world;

pub use act::{Configuration, NewJobs, Passwords};
pub use calm::RUNNING_SEEN_MS;
pub use compares::NewCompare;
pub use jobs::{JobView, Jobs, Surroundings};
pub use recycle::offline_due_ms;
pub use runner::{CompareHandle, RunHandle, Runner};
pub use world::{RealWorld, World};

#[cfg(test)]
mod tests;
