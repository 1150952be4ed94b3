//! Our side: a job of the engine in this process, as the server would run it, and when
//! it reached which stage.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tidegate_engine::run::{RunControl, run};
use tidegate_link::{Registry, SystemClock};
use tidegate_model::endpoint::{Certificates, Endpoint, EngineKind, Tls};
use tidegate_model::job::{ForeignKeys, JobSpec, Limits, MigrateType};
use tidegate_model::report::{Outcome, RunReport, Stage};
use tidegate_model::selection::{DatabaseSelection, Selection, TablesSelection};
use tidegate_testkit::{DbServer, Flavor};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Enough memory that disks decide less; durability and logs as a server has them
/// when nobody sets anything.
const SETTINGS: [&str; 6] = [
    "--innodb-buffer-pool-size=1G",
    "--innodb-redo-log-capacity=1G",
    "--innodb-log-buffer-size=16M",
    "--table-open-cache=4000",
    "--table-definition-cache=4000",
    "--open-files-limit=10000",
];

/// A server as all benchmarks use it.
pub(crate) fn server() -> anyhow::Result<DbServer> {
    DbServer::start_blocking(Flavor::Mysql97, &SETTINGS.map(str::to_owned))
}

fn endpoint(server: &DbServer) -> Endpoint {
    Endpoint {
        engine: EngineKind::Mysql,
        host: server.host().to_owned(),
        port: server.port(),
        user: server.user().to_owned(),
        password: server.password().to_owned(),
        tls: Tls::Preferred,
        certificates: Certificates::default(),
    }
}

/// Database `sbtest` with all its tables, as a job of the default size.
pub(crate) fn job(job_id: &str, source: &DbServer, target: &DbServer) -> JobSpec {
    JobSpec {
        job_id: job_id.to_owned(),
        source: endpoint(source),
        target: endpoint(target),
        selection: Selection {
            whole_instance: false,
            databases: vec![DatabaseSelection {
                name: "sbtest".to_owned(),
                new_name: None,
                tables: TablesSelection::All,
                ..DatabaseSelection::default()
            }],
            ..Selection::default()
        },
        migrate_type: MigrateType::FullAndIncrement,
        limits: Limits::default(),
        foreign_keys: ForeignKeys::Migrate,
        skipped_checks: Vec::new(),
        retry_window_seconds: 30,
        skip_ddl_errors: false,
    }
}

/// A run under way.
pub(crate) struct Running {
    pub begun: Instant,
    reports: watch::Receiver<RunReport>,
    stop: CancellationToken,
    ended: JoinHandle<Outcome>,
    /// Kept, for the run watches it.
    _limits: watch::Sender<Limits>,
}

impl Running {
    /// Must be called inside a runtime.
    pub(crate) fn start(spec: JobSpec) -> Running {
        let (reports, seen) = watch::channel(RunReport::default());
        let (limits_sender, limits) = watch::channel(spec.limits);
        let stop = CancellationToken::new();
        let control = RunControl {
            stop: stop.clone(),
            complete: CancellationToken::new(),
            limits,
            reports,
        };
        let registry = Registry::new(vec![tidegate_mysql::engine()]);
        let begun = Instant::now();
        let work = async move { run(spec, &registry, Arc::new(SystemClock::new()), control).await };
        Running {
            begun,
            reports: seen,
            stop,
            ended: TaskTracker::new().spawn(work),
            _limits: limits_sender,
        }
    }

    /// Since the start until `stage` is first shown; a run shows each change of stage at once.
    pub(crate) async fn reached(&mut self, stage: Stage) -> anyhow::Result<Duration> {
        let shown = self.reports.wait_for(|report| report.stage >= stage).await;
        shown.context("the run ended too early")?;
        Ok(self.begun.elapsed())
    }

    pub(crate) async fn caught_up(&mut self) -> anyhow::Result<()> {
        let shown = self.reports.wait_for(|report| report.caught_up).await;
        shown.context("the run ended too early")?;
        Ok(())
    }

    pub(crate) async fn stopped(self) -> anyhow::Result<RunReport> {
        self.stop.cancel();
        let outcome = self.ended.await?;
        let last = self.reports.borrow().clone();
        anyhow::ensure!(outcome == Outcome::Stopped, "the run ended as {outcome:?}");
        Ok(last)
    }
}
