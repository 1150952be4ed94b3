//! Named checks of a pair of servers. Not built yet: it comes with the next change.
//!
//! Relies on `connect` and the structure as read. Changes nothing.

use tidegate_link::{CheckStepRule, Structure};
use tidegate_model::Result;
use tidegate_model::finding::Finding;
use tidegate_model::job::JobSpec;

use crate::connect::Server;

pub(crate) const STEPS: &[CheckStepRule] = &[];

pub(crate) async fn source(_: &Server, _: &JobSpec, _: &Structure) -> Result<Vec<Finding>> {
    Ok(Vec::new())
}

pub(crate) async fn target(_: &Server, _: &JobSpec, _: &Structure) -> Result<Vec<Finding>> {
    Ok(Vec::new())
}
