//! What `/metrics`, `/readyz` and `/version` show.
//!
//! Figures of jobs are read when they are asked for, so they are never older
//! than the page; calls are counted as they are answered.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tidegate_control::Jobs;
use tidegate_control::lifecycle::{is_under_way, status_word};
use tidegate_model::report::RunReport;
use tidegate_rpc::actions::Action;

use crate::http::Probes;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    action: String,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    job: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: String,
}

/// Calls by action and code. Actions that do not exist share one name: labels are bounded.
#[derive(Debug, Default)]
pub(crate) struct Calls(Family<CallLabels, Counter>);

impl Calls {
    pub(crate) fn count(&self, action: &str, code: &str) {
        let known = Action::from_name(action).map_or("other", Action::name);
        let labels = CallLabels {
            action: known.to_owned(),
            code: code.to_owned(),
        };
        self.0.get_or_create(&labels).inc();
    }
}

/// The pages of the operator. Ready from the moment that all jobs are read.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) jobs: Arc<OnceLock<Jobs>>,
    pub(crate) calls: Arc<Calls>,
}

impl Probes for Pages {
    fn ready(&self) -> bool {
        self.jobs.get().is_some()
    }

    fn metrics(&self) -> String {
        let mut registry = Registry::with_prefix("tidegate");
        registry.register(
            "api_calls",
            "Calls of the wire API by action and code",
            self.calls.0.clone(),
        );
        if let Some(jobs) = self.jobs.get() {
            register_jobs(&mut registry, jobs);
        }
        let mut text = String::new();
        match encode(&mut text, &registry) {
            Ok(()) => text,
            Err(_) => "# EOF\n".to_owned(),
        }
    }

    fn version(&self) -> String {
        format!("tidegate {}\n", env!("CARGO_PKG_VERSION"))
    }
}

type Figure = (&'static str, &'static str, fn(&RunReport) -> Option<u64>);

/// Of jobs under way. None: not known now, so the line is left out.
const FIGURES: [Figure; 10] = [
    ("job_rows_copied", "Rows of the snapshot on the target", |r| {
        Some(r.rows_copied)
    }),
    ("job_bytes_copied", "Bytes of the snapshot on the target", |r| {
        Some(r.bytes_copied)
    }),
    ("job_chunks_done", "Chunks of the snapshot that are done", |r| {
        Some(r.chunks_done)
    }),
    ("job_changes_applied", "Row changes applied", |r| {
        Some(r.changes_applied)
    }),
    ("job_transactions_applied", "Source transactions applied", |r| {
        Some(r.transactions_applied)
    }),
    ("job_reconnects", "Reconnects of either side", |r| {
        Some(r.reconnects)
    }),
    (
        "job_retry_attempts",
        "Attempts in the present row of failures",
        |r| Some(r.retrying.as_ref().map_or(0, |trouble| trouble.attempts)),
    ),
    (
        "job_lag_seconds",
        "Seconds behind the source's newest change",
        |r| r.lag_seconds,
    ),
    (
        "job_lag_bytes",
        "Bytes of the source's log that are not applied",
        |r| r.lag_bytes,
    ),
    ("job_caught_up", "1 when all changes are on the target", |r| {
        Some(u64::from(r.caught_up))
    }),
];

fn register_jobs(registry: &mut Registry, jobs: &Jobs) {
    let views = jobs.all();
    let by_status = Family::<StatusLabels, Gauge>::default();
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for view in &views {
        *counts.entry(status_word(view.job.status)).or_default() += 1;
    }
    for (status, count) in counts {
        by_status.get_or_create(&StatusLabels { status }).set(count);
    }
    registry.register("jobs", "Jobs by status", by_status);
    for (name, what, figure) in FIGURES {
        let family = Family::<JobLabels, Gauge>::default();
        for view in views.iter().filter(|view| is_under_way(view.job.status)) {
            let value = view.report.as_ref().and_then(figure);
            if let Some(value) = value.and_then(|value| i64::try_from(value).ok()) {
                let job = view.job.id.clone();
                family.get_or_create(&JobLabels { job }).set(value);
            }
        }
        registry.register(name, what, family);
    }
}
