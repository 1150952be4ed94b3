//! How control starts runs without seeing an engine.
//!
//! The data plane's side of this trait is the server's: it holds the engines.

use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use tidegate_model::Result;
use tidegate_model::compare::{CompareSpec, Comparison, TransactionSets};
use tidegate_model::endpoint::EngineKind;
use tidegate_model::finding::CheckStep;
use tidegate_model::job::{JobSpec, Limits};
use tidegate_model::report::{Outcome, RunReport};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[async_trait]
pub trait Runner: Send + Sync + std::fmt::Debug {
    /// Is there an engine for databases of this kind?
    fn serves(&self, kind: EngineKind) -> bool;

    /// All steps of the precheck. An error only when nothing could be said.
    async fn precheck(&self, spec: JobSpec) -> Result<Vec<CheckStep>>;

    /// Removes what a job keeps on its target beside the data. Called when its end is
    /// stored; may be called again.
    async fn forget(&self, spec: JobSpec) -> Result<()>;

    /// Begins a run from where the job's checkpoint stands.
    fn start(&self, spec: JobSpec, limits: watch::Receiver<Limits>) -> RunHandle;

    /// Which transactions of the source its target holds. Changes nothing.
    async fn compare_sets(&self, job: JobSpec) -> Result<TransactionSets>;

    /// Begins a consistency check from where `begun` stands.
    fn compare(&self, job: JobSpec, spec: CompareSpec, begun: Comparison) -> CompareHandle;
}

/// What control holds of a check under way.
pub struct CompareHandle {
    /// End with `Outcome::Stopped`; the last report is the bookmark.
    pub stop: CancellationToken,
    pub reports: watch::Receiver<Comparison>,
    /// As with `RunHandle`.
    pub outcome: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

impl std::fmt::Debug for CompareHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CompareHandle(…)")
    }
}

/// What control holds of a run under way.
pub struct RunHandle {
    /// Checkpoint and end with `Outcome::Stopped`.
    pub stop: CancellationToken,
    /// Cut over and end with `Outcome::Finished`; may be set before the run is caught up.
    pub complete: CancellationToken,
    pub reports: watch::Receiver<RunReport>,
    /// Comes when nothing of the run goes on any more. The run does not depend on being polled here.
    pub outcome: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

impl std::fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunHandle(…)")
    }
}
