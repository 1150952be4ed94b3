//! Control's `Runner` over the real engines.

use std::sync::Arc;

use async_trait::async_trait;
use tidegate_control::{CompareHandle, RunHandle, Runner};
use tidegate_engine::compare::{self, CompareControl};
use tidegate_engine::run::{self, RunControl};
use tidegate_link::{Registry, SystemClock};
use tidegate_model::Result;
use tidegate_model::compare::{CompareSpec, Comparison, TransactionSets};
use tidegate_model::endpoint::EngineKind;
use tidegate_model::error::Kind;
use tidegate_model::finding::CheckStep;
use tidegate_model::job::{JobSpec, Limits};
use tidegate_model::report::{Outcome, RunReport, Trouble};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

#[derive(Debug)]
pub(crate) struct Engines {
    registry: Arc<Registry>,
    tasks: TaskTracker,
}

impl Engines {
    pub(crate) fn new(registry: Registry) -> Engines {
        Engines {
            registry: Arc::new(registry),
            tasks: TaskTracker::new(),
        }
    }
}

#[async_trait]
impl Runner for Engines {
    fn serves(&self, kind: EngineKind) -> bool {
        self.registry.get(kind).is_ok()
    }

    async fn precheck(&self, spec: JobSpec) -> Result<Vec<CheckStep>> {
        run::precheck(&spec, &self.registry).await
    }

    async fn forget(&self, spec: JobSpec) -> Result<()> {
        run::forget(&spec, &self.registry).await
    }

    fn start(&self, spec: JobSpec, limits: watch::Receiver<Limits>) -> RunHandle {
        let (reports, seen) = watch::channel(RunReport::default());
        let control = RunControl {
            stop: CancellationToken::new(),
            complete: CancellationToken::new(),
            limits,
            reports,
        };
        let (stop, complete) = (control.stop.clone(), control.complete.clone());
        let registry = Arc::clone(&self.registry);
        let running = async move { run::run(spec, &registry, Arc::new(SystemClock::new()), control).await };
        let task = self.tasks.spawn(running.in_current_span());
        RunHandle {
            stop,
            complete,
            reports: seen,
            outcome: Box::pin(async move {
                // Nobody aborts the task, so an error is a panic: its text is in the log already.
                task.await.unwrap_or_else(|_| Outcome::Failed(broken()))
            }),
        }
    }

    async fn compare_sets(&self, job: JobSpec) -> Result<TransactionSets> {
        compare::transaction_sets(&job, &self.registry).await
    }

    fn compare(&self, job: JobSpec, spec: CompareSpec, begun: Comparison) -> CompareHandle {
        let (reports, seen) = watch::channel(begun.clone());
        let control = CompareControl {
            stop: CancellationToken::new(),
            reports,
        };
        let stop = control.stop.clone();
        let registry = Arc::clone(&self.registry);
        let running = async move {
            compare::compare(
                (job, spec),
                begun,
                &registry,
                Arc::new(SystemClock::new()),
                control,
            )
            .await
        };
        let task = self.tasks.spawn(running.in_current_span());
        CompareHandle {
            stop,
            reports: seen,
            outcome: Box::pin(async move {
                // Nobody aborts the task, so an error is a panic: its text is in the log already.
                task.await.unwrap_or_else(|_| Outcome::Failed(broken()))
            }),
        }
    }
}

fn broken() -> Trouble {
    Trouble {
        kind: Kind::Bug,
        message: "the run broke off by a fault of this program; its log says where".to_owned(),
        remedy: "Resume the job, and report this with the log".to_owned(),
        since_ms: u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default(),
        attempts: 1,
    }
}
