//! What a user may do with a job, and when. So far the rules alone.
//!
//! Relies on `model`. Never sees an engine: runs are started through a trait of
//! this crate, which comes with the schedule.

pub mod lifecycle;
