//! One run of a job, from where its checkpoint stands to its end.
//!
//! Relies on the traits of `link` alone. The control side hands down a
//! `JobSpec` and a `RunControl`, and gets reports and an `Outcome`.

use std::sync::Arc;

use tidegate_link::{Clock, Registry};
use tidegate_model::Result;
use tidegate_model::finding::CheckStep;
use tidegate_model::job::{JobSpec, Limits};
use tidegate_model::report::{Outcome, RunReport, Trouble};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What the control side holds of a run under way.
#[derive(Clone, Debug)]
pub struct RunControl {
    /// Checkpoint and end with `Outcome::Stopped`.
    pub stop: CancellationToken,
    /// Cut over: drain, prove, end with `Outcome::Finished`. May be set before the run is caught up.
    pub complete: CancellationToken,
    /// Rates count at once when they change; threads from the next stage on.
    pub limits: watch::Receiver<Limits>,
    /// Replaced about twice a second, and at every change of stage.
    pub reports: watch::Sender<RunReport>,
}

/// Runs a job until it is finished, stopped or failed. Never panics outward; a
/// run that was stopped or failed goes on from its checkpoint when run again.
pub async fn run(spec: JobSpec, registry: &Registry, clock: Arc<dyn Clock>, control: RunControl) -> Outcome {
    let _ = (spec, registry, clock, control);
    Outcome::Failed(Trouble {
        kind: tidegate_model::Kind::Bug,
        message: "runs are not built yet".to_owned(),
        remedy: String::new(),
        since_ms: 0,
        attempts: 1,
    })
}

/// All steps of the precheck, in the engine's order. A step whose basis failed (no
/// connection) is there with `ran: false`. An error only when nothing could be said.
#[allow(clippy::unused_async, reason = "not built yet")]
pub async fn precheck(spec: &JobSpec, registry: &Registry) -> Result<Vec<CheckStep>> {
    let _ = (spec, registry);
    Ok(Vec::new())
}
