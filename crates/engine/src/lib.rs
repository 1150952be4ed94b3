//! One run of a job, from where its checkpoint stands to its end.
//!
//! Read `run` (the sequence), then `copy`, `follow` and `cutover` (its stages). Relies
//! on `model` and the traits of `link`, names no database and holds no statement of one.
//! `order`, `gather`, `throttle`, `progress`, `retry` and most of `plan` and
//! `checkpoint` are pure: time and events are passed in.

mod barrier;
mod board;
mod checkpoint;
pub mod compare;
mod copy;
mod cutover;
mod feed;
mod follow;
mod gather;
pub mod order;
mod plan;
mod precheck;
pub mod progress;
mod queue;
mod retry;
pub mod run;
#[cfg(test)]
mod simulation;
mod stages;
pub mod throttle;
mod transfer;
