//! The simulation as an engine of the registry, and one whole run of a seed: with
//! deaths of the process, until it ends, and the checks of that end.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tidegate_link::{CheckStepRule, Clock, EngineLink, Registry, Source, Target};
use tidegate_model::Result;
use tidegate_model::endpoint::{Certificates, Endpoint, EngineKind, Tls};
use tidegate_model::job::{ForeignKeys, JobSpec, Limits, MigrateType};
use tidegate_model::report::{Outcome, RunReport};
use tidegate_model::schema::TableName;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::source::SimSource;
use super::target::SimTarget;
use super::{Inner, Lie, Random, SimClock, State, What, World, moved, selection};
use crate::run::{RunControl, run};

/// Virtual time that a run may take at most.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(3600);
/// Any kind will do: the registry knows the simulation under it.
const KIND: EngineKind = EngineKind::ALL[0];

#[derive(Debug)]
struct SimEngine(Arc<World>);

#[async_trait]
impl EngineLink for SimEngine {
    fn kinds(&self) -> &'static [EngineKind] {
        &[KIND]
    }

    fn check_steps(&self) -> &'static [CheckStepRule] {
        &[]
    }

    async fn open_source(&self, _: &Endpoint) -> Result<Arc<dyn Source>> {
        let generation = self.0.inner().generation;
        self.0.call(generation, "opening the source").await?;
        Ok(Arc::new(SimSource::new(&self.0)))
    }

    async fn open_target(&self, _: &Endpoint) -> Result<Arc<dyn Target>> {
        let generation = self.0.inner().generation;
        self.0.call(generation, "opening the target").await?;
        Ok(Arc::new(SimTarget::new(&self.0)))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub seed: u64,
    pub lie: Lie,
    pub writes: u64,
    pub faults: u64,
    pub crashes: u64,
    pub stops: u64,
    /// Schema changes that the target can't do are logged; true: they may be passed over.
    pub impossible: Option<bool>,
    pub migrate_type: MigrateType,
}

#[derive(Debug)]
pub(crate) struct End {
    pub outcome: Outcome,
    pub report: RunReport,
    pub world: Arc<World>,
    pub crashes: u64,
    pub stops: u64,
}

pub(crate) fn simulate(plan: Plan) -> End {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(run_to_the_end(plan))
}

fn world_of(plan: Plan) -> World {
    let mut inner = Inner {
        random: Random(plan.seed),
        lie: plan.lie,
        states: vec![(4, State::new())],
        log: Vec::new(),
        writes_left: 0,
        faults_left: plan.faults,
        crash_in: None,
        generation: 0,
        fires_triggers: false,
        copying: false,
        names: 100,
        impossible: plan.impossible.is_some(),
        target: State::new(),
        checkpoint: None,
        schemas: std::collections::BTreeMap::new(),
        marks: Vec::new(),
        lied: false,
        loads: 0,
        redone: 0,
    };
    for (number, keyed) in [(1, true), (2, true), (3, false), (4, false)] {
        let name = TableName::new("shop", format!("t{number}"));
        let statement = super::Statement::Create { keyed };
        super::execute(&mut inner.states[0].1, statement, &name, &name).expect("created");
    }
    for _ in 0..80 {
        inner.write_one(0);
    }
    inner.writes_left = plan.writes;
    World {
        inner: Mutex::new(inner),
        crashed: Notify::new(),
        clock: SimClock::new(),
    }
}

fn spec_of(plan: Plan) -> JobSpec {
    let endpoint = Endpoint {
        engine: KIND,
        host: "simulated".to_owned(),
        port: 1,
        user: String::new(),
        password: String::new(),
        tls: Tls::Off,
        certificates: Certificates::default(),
    };
    JobSpec {
        job_id: format!("job-{}", plan.seed),
        source: endpoint.clone(),
        target: endpoint,
        selection: selection(),
        migrate_type: plan.migrate_type,
        limits: Limits::default(),
        foreign_keys: ForeignKeys::Migrate,
        skipped_checks: Vec::new(),
        retry_window_seconds: 300,
        skip_ddl_errors: plan.impossible == Some(true),
    }
}

async fn run_to_the_end(plan: Plan) -> End {
    let world = Arc::new(world_of(plan));
    let registry = Registry::new(vec![Arc::new(SimEngine(Arc::clone(&world)))]);
    let mut chance = Random(plan.seed ^ 0xabcd);
    let (mut crashes, mut stops) = (0, 0);
    loop {
        if crashes < plan.crashes {
            world.inner().crash_in = Some(chance.below(400));
        }
        let limits = Limits {
            memory_bytes: if chance.below(2) == 0 { 0 } else { 64 << 20 },
            dump_threads: 1 + u16::try_from(chance.below(3)).expect("small"),
            load_threads: 3,
            ..Limits::default()
        };
        let (_limits, limits) = watch::channel(limits);
        let (reports, mut seen) = watch::channel(RunReport::default());
        let complete = CancellationToken::new();
        let control = RunControl {
            stop: CancellationToken::new(),
            complete: complete.clone(),
            limits,
            reports,
        };
        let at_once = chance.below(2) == 0;
        let ask = async {
            while !at_once && seen.wait_for(|report| report.caught_up).await.is_err() {
                std::future::pending::<()>().await;
            }
            complete.cancel();
            std::future::pending::<()>().await;
        };
        let stop = control.stop.clone();
        let after = std::time::Duration::from_millis(chance.below(400));
        let interrupt = async {
            if stops < plan.stops {
                tokio::time::sleep(after).await;
                stop.cancel();
            }
            std::future::pending::<()>().await;
        };
        let mut watched = control.reports.subscribe();
        let watch = async {
            while watched.changed().await.is_ok() {
                let report = watched.borrow_and_update().clone();
                is_true_now(&world, &report, plan.seed);
            }
            std::future::pending::<()>().await;
        };
        let clock: Arc<dyn Clock> = Arc::new(SimClock::new());
        let reported = control.reports.subscribe();
        let outcome = tokio::select! {
            outcome = run(spec_of(plan), &registry, clock, control) => Some(outcome),
            () = world.crashed.notified() => None,
            () = ask => None,
            () = interrupt => None,
            () = watch => None,
            () = tokio::time::sleep(LONGEST) => panic!("seed {}: no end; {:?}", plan.seed, *reported.borrow()),
        };
        if let Some(outcome) = outcome {
            if outcome == Outcome::Stopped {
                stops += 1;
            }
            if outcome == Outcome::Stopped || follows_the_remedy(&world, &outcome) {
                continue;
            }
            let report = reported.borrow().clone();
            return End {
                outcome,
                report,
                world,
                crashes,
                stops,
            };
        }
        crashes += 1;
        let mut inner = world.inner();
        inner.generation += 1;
        inner.crash_in = None;
    }
}

/// Caught up means: nothing that was written more than some seconds ago is missing.
fn is_true_now(world: &World, report: &RunReport, seed: u64) {
    const SECONDS_MS: u64 = 6000;
    if !report.caught_up {
        return;
    }
    let now = world.clock.now_ms();
    let inner = world.inner();
    let checkpoint = inner.checkpoint.as_ref().expect("a checkpoint");
    let applied = checkpoint
        .applied
        .as_ref()
        .or(checkpoint.low.as_ref())
        .expect("a position")
        .order
        .1;
    let old = |entry: &&super::Logged| entry.ms + SECONDS_MS < now && !matches!(entry.what, What::Elsewhere);
    let missing = inner.log.iter().filter(old).find(|entry| entry.end > applied);
    assert!(
        missing.is_none(),
        "seed {seed}: said to be caught up at {applied}, {missing:?} is missing"
    );
}

/// Does what a user is asked to do: a table that changed before its rows were read is dropped.
fn follows_the_remedy(world: &World, outcome: &Outcome) -> bool {
    let Outcome::Failed(trouble) = outcome else {
        return false;
    };
    if trouble
        .remedy
        .starts_with("Let no schema changes run on the source")
    {
        return true;
    }
    let Some((_, tables)) = trouble
        .remedy
        .split_once("Drop these tables on the target, then start the job again: ")
    else {
        return false;
    };
    for table in tables.split(", ") {
        let name = TableName::new(
            "moved",
            table.strip_prefix("moved.").expect("a table of the target"),
        );
        world.inner().target.remove(&name).expect("a table that is there");
    }
    true
}

/// Does the target hold what the source held at `offset`? Nothing more either, but for empty
/// tables that the report speaks of.
pub(crate) fn differs(end: &End, offset: u64) -> Option<String> {
    let inner = end.world.inner();
    let source = inner.state_at(offset);
    let said = |name: &TableName| {
        let start = format!("shop.{} was dropped", name.table);
        end.report
            .not_covered
            .iter()
            .any(|sentence| sentence.starts_with(&start))
    };
    for (name, table) in &inner.target {
        let expected = source.contains_key(&TableName::new("shop", name.table.clone()));
        let empty_and_said = table.rows.is_empty() && said(name);
        if !expected && !empty_and_said {
            return Some(format!("{name} is on the target alone"));
        }
    }
    for (name, table) in source {
        let Some(other) = inner.target.get(&moved(name)) else {
            return Some(format!("{name} is missing"));
        };
        let sorted = |rows: &[Vec<i64>]| {
            let mut rows = rows.to_vec();
            rows.sort();
            rows
        };
        if table.schema.columns != other.schema.columns || sorted(&table.rows) != sorted(&other.rows) {
            return Some(format!(
                "{name}: {:?} and {:?}",
                sorted(&table.rows),
                sorted(&other.rows)
            ));
        }
    }
    None
}
