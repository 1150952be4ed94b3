//! Where the parts of a run write what they have done, and from where reports go up.
//!
//! Relies on `progress` for the figures. Reports are made about twice a second by
//! `publish_forever` and at every change of stage; nothing here decides anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_link::{Checkpoint, Clock};
use tidegate_model::position::Position;
use tidegate_model::report::{RunReport, Stage};
use tokio::sync::watch;

use crate::progress::{Lag, Rates, eta_seconds};

/// Twice a second: what a person takes for live.
const REPORT_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Board {
    inner: Mutex<Inner>,
    advances: AtomicU64,
    clock: Arc<dyn Clock>,
    reports: watch::Sender<RunReport>,
}

#[derive(Debug, Default)]
struct Inner {
    report: RunReport,
    rates: Rates,
    lag: Lag,
    window_end: Option<Position>,
}

impl Board {
    pub(crate) fn new(clock: Arc<dyn Clock>, reports: watch::Sender<RunReport>) -> Board {
        Board {
            inner: Mutex::default(),
            advances: AtomicU64::new(0),
            clock,
            reports,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Counters stay true whoever panicked while adding to them.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut RunReport) -> T) -> T {
        change(&mut self.inner().report)
    }

    /// A durable step was made: an earlier row of failures is over.
    pub(crate) fn advance(&self) {
        self.advances.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn advances(&self) -> u64 {
        self.advances.load(Ordering::Relaxed)
    }

    pub(crate) fn enter(&self, stage: Stage) {
        self.update(|report| report.stage = stage);
        self.publish();
    }

    /// Sets what is counted in the checkpoint, and the window's end.
    pub(crate) fn show(&self, checkpoint: &Checkpoint) {
        let mut inner = self.inner();
        inner.window_end.clone_from(&checkpoint.high);
        let report = &mut inner.report;
        report.changes_applied = checkpoint.changes_applied;
        report.transactions_applied = checkpoint.number;
        report.ddl_applied = checkpoint.ddl_applied;
        report.ddl_skipped.clone_from(&checkpoint.ddl_skipped);
        report.events_not_chosen = checkpoint.events_not_chosen;
        for sentence in &checkpoint.not_covered {
            if !report.not_covered.contains(sentence) {
                report.not_covered.push(sentence.clone());
            }
        }
        if let Some(applied) = &checkpoint.applied {
            report.target_position.clone_from(&applied.token);
        }
    }

    /// All up to `position` is on the target.
    pub(crate) fn reach(&self, position: &Position, source_ms: u64) {
        self.inner().lag.reach(position, source_ms);
    }

    pub(crate) fn reached(&self) -> Option<Position> {
        self.inner().lag.reached().cloned()
    }

    pub(crate) fn end_read(&self, end: Position, bytes: Option<u64>) {
        let (now, now_ms) = (self.clock.monotonic(), self.clock.now_ms());
        self.inner().lag.end_read(now, now_ms, end, bytes);
    }

    pub(crate) fn publish(&self) {
        let (now, now_ms) = (self.clock.monotonic(), self.clock.now_ms());
        let mut guard = self.inner();
        let inner = &mut *guard;
        let report = &mut inner.report;
        inner.rates.add(now, report.rows_copied, report.bytes_copied);
        (report.rows_per_second, report.bytes_per_second) = inner.rates.per_second();
        report.eta_seconds = None;
        (report.lag_seconds, report.lag_bytes, report.caught_up) = (None, None, false);
        match report.stage {
            Stage::Snapshot => {
                let (done, total) = (report.bytes_copied, report.bytes_total_estimate);
                report.eta_seconds = eta_seconds(done, total, report.bytes_per_second);
            }
            Stage::Changes | Stage::Cutover => {
                (report.lag_seconds, report.lag_bytes) = inner.lag.behind(now, now_ms);
                // A run that waits to try again has no hold of both sides.
                report.caught_up =
                    report.retrying.is_none() && inner.lag.caught_up(now, inner.window_end.as_ref());
                if let Some(end) = inner.lag.source_end() {
                    report.source_position.clone_from(&end.token);
                }
            }
            _ => {}
        }
        self.reports.send_replace(report.clone());
    }

    /// Ends only by being dropped.
    pub(crate) async fn publish_forever(&self) {
        loop {
            self.publish();
            tokio::time::sleep(REPORT_EVERY).await;
        }
    }
}
