//! A runner that does what a test says, and a clock that moves when a test says.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tidegate_model::compare::{CompareSpec, Comparison, TransactionSets};
use tidegate_model::endpoint::EngineKind;
use tidegate_model::finding::{CheckStep, Finding, Verdict};
use tidegate_model::job::{JobSpec, Limits};
use tidegate_model::report::{Outcome, RunReport};
use tidegate_model::{Error, Result};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{CompareHandle, RunHandle, Runner, World};

#[derive(Debug)]
pub(super) struct SimulatedWorld {
    now: watch::Sender<u64>,
    drawn: AtomicU64,
}

impl SimulatedWorld {
    pub(super) fn new(now_ms: u64) -> SimulatedWorld {
        SimulatedWorld {
            now: watch::Sender::new(now_ms),
            drawn: AtomicU64::new(1),
        }
    }

    pub(super) fn advance(&self, ms: u64) {
        self.now.send_modify(|now| *now += ms);
    }
}

#[async_trait]
impl World for SimulatedWorld {
    fn now_ms(&self) -> u64 {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at_ms: u64) {
        let mut now = self.now.subscribe();
        now.wait_for(|now| *now >= at_ms)
            .await
            .expect("the world goes on");
    }

    fn random(&self) -> u64 {
        // Any odd factor spreads the counter over the ids.
        self.drawn
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// One run, as the data plane sees it.
#[derive(Debug)]
pub(super) struct ScriptedRun {
    pub(super) spec: JobSpec,
    pub(super) stop: CancellationToken,
    pub(super) complete: CancellationToken,
    pub(super) limits: watch::Receiver<Limits>,
    reports: watch::Sender<RunReport>,
    end: oneshot::Sender<Outcome>,
}

impl ScriptedRun {
    pub(super) fn report(&self, report: RunReport) {
        self.reports.send_replace(report);
    }

    pub(super) fn end(self, outcome: Outcome) {
        // Nobody waits for a run that has stopped.
        let _ = self.end.send(outcome);
    }
}

/// A run stops when it is told to, unless the test ends it otherwise first.
#[derive(Debug)]
pub(super) struct ScriptedRunner {
    /// Answers of the next checks; without any a check passes.
    pub(super) checks: Mutex<VecDeque<Result<Vec<CheckStep>>>>,
    pub(super) checked: Mutex<Vec<JobSpec>>,
    /// Answers of the next removals of traces; without any they succeed.
    pub(super) forgets: Mutex<VecDeque<Result<()>>>,
    pub(super) forgotten: Mutex<Vec<String>>,
    /// Jobs that have a run now. Two runs of one job would write over each other.
    live: Arc<Mutex<BTreeSet<String>>>,
    runs: mpsc::UnboundedSender<ScriptedRun>,
    started: tokio::sync::Mutex<mpsc::UnboundedReceiver<ScriptedRun>>,
}

impl Default for ScriptedRunner {
    fn default() -> ScriptedRunner {
        let (runs, started) = mpsc::unbounded_channel();
        ScriptedRunner {
            checks: Mutex::default(),
            checked: Mutex::default(),
            forgets: Mutex::default(),
            forgotten: Mutex::default(),
            live: Arc::default(),
            runs,
            started: tokio::sync::Mutex::new(started),
        }
    }
}

impl ScriptedRunner {
    pub(super) async fn next_run(&self) -> ScriptedRun {
        let mut started = self.started.lock().await;
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), started.recv());
        next.await
            .expect("a run is started")
            .expect("the runner is there")
    }

    pub(super) async fn run_by_now(&self) -> Option<ScriptedRun> {
        self.started.lock().await.try_recv().ok()
    }

    pub(super) async fn no_run(&self) -> bool {
        self.started.lock().await.try_recv().is_err()
    }

    pub(super) fn next_check(&self, answer: Result<Vec<CheckStep>>) {
        self.checks.lock().expect("whole").push_back(answer);
    }
}

struct Live(Arc<Mutex<BTreeSet<String>>>, String);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.lock().expect("whole").remove(&self.1);
    }
}

#[async_trait]
impl Runner for ScriptedRunner {
    fn serves(&self, _kind: EngineKind) -> bool {
        true
    }

    async fn precheck(&self, spec: JobSpec) -> Result<Vec<CheckStep>> {
        self.checked.lock().expect("whole").push(spec);
        let next = self.checks.lock().expect("whole").pop_front();
        next.unwrap_or_else(|| Ok(vec![step("ConnectDBCheck", Verdict::Pass, false)]))
    }

    async fn forget(&self, spec: JobSpec) -> Result<()> {
        self.forgotten.lock().expect("whole").push(spec.job_id);
        let next = self.forgets.lock().expect("whole").pop_front();
        next.unwrap_or(Ok(()))
    }

    fn start(&self, spec: JobSpec, limits: watch::Receiver<Limits>) -> RunHandle {
        let (reports, seen) = watch::channel(RunReport::default());
        let (end, ended) = oneshot::channel();
        let (stop, complete) = (CancellationToken::new(), CancellationToken::new());
        let stopped = stop.clone();
        let id = spec.job_id.clone();
        assert!(
            self.live.lock().expect("whole").insert(id.clone()),
            "{id} runs twice"
        );
        let live = Live(Arc::clone(&self.live), id);
        let outcome = async move {
            let _live = live;
            tokio::select! {
                biased;
                outcome = ended => outcome.expect("the test ends its runs"),
                () = stopped.cancelled() => Outcome::Stopped,
            }
        };
        let run = ScriptedRun {
            spec,
            stop: stop.clone(),
            complete: complete.clone(),
            limits,
            reports,
            end,
        };
        self.runs.send(run).expect("the test listens");
        RunHandle {
            stop,
            complete,
            reports: seen,
            outcome: Box::pin(outcome),
        }
    }

    async fn compare_sets(&self, _job: JobSpec) -> Result<TransactionSets> {
        Ok(TransactionSets::default())
    }

    /// Ends as soon as it began; the server's tests run real ones.
    fn compare(&self, _job: JobSpec, _spec: CompareSpec, begun: Comparison) -> CompareHandle {
        let (_, reports) = watch::channel(Comparison {
            planned: true,
            ..begun
        });
        CompareHandle {
            stop: CancellationToken::new(),
            reports,
            outcome: Box::pin(async { Outcome::Finished }),
        }
    }
}

pub(super) fn step(id: &str, verdict: Verdict, skippable: bool) -> CheckStep {
    CheckStep {
        id: id.to_owned(),
        name: id.to_owned(),
        skippable,
        ran: true,
        findings: vec![Finding {
            step: id.to_owned(),
            item: "item".to_owned(),
            verdict,
            looked_at: "this".to_owned(),
            why: "that".to_owned(),
            remedy: "do so".to_owned(),
        }],
    }
}

pub(super) fn gone() -> Error {
    Error::retry("the server does not answer").remedy("Start it")
}
