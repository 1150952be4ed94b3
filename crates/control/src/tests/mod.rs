//! Whole lives of jobs, over a real store, a scripted runner and a clock moved by hand.

mod bin;
mod lives;
mod random;
mod refusals;
mod restarts;
mod scripted;
mod shown;
mod users;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use tidegate_meta::{MasterKey, Store};
use tidegate_model::endpoint::{Certificates, EngineKind, Tls};
use tidegate_model::job::MigrateType;
use tidegate_model::report::RunReport;
use tidegate_model::selection::Selection;

use crate::class::{ClassTable, InstanceClass, Rates};
use crate::job::{Job, Reach, Side, StartAt, Task};
use crate::lifecycle::Status;
use crate::{Configuration, Jobs, NewJobs, Passwords, Surroundings};
use scripted::{ScriptedRun, ScriptedRunner, SimulatedWorld};

/// A server's control plane in a folder of its own.
struct Bench {
    folder: PathBuf,
    jobs: Jobs,
    runner: Arc<ScriptedRunner>,
    world: Arc<SimulatedWorld>,
}

impl Bench {
    async fn new(name: &str) -> Bench {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tidegate-control-{name}-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("makes a folder");
        let world = Arc::new(SimulatedWorld::new(1_000_000));
        Bench::open(folder, world).await
    }

    async fn open(folder: PathBuf, world: Arc<SimulatedWorld>) -> Bench {
        let runner = Arc::new(ScriptedRunner::default());
        let key = MasterKey::open(&folder.join("key")).expect("a key");
        let with = Surroundings {
            store: Store::open(&folder.join("db"), key).expect("a store"),
            runner: Arc::clone(&runner) as Arc<dyn crate::Runner>,
            world: Arc::clone(&world) as Arc<dyn crate::World>,
            classes: ClassTable::default(),
        };
        let jobs = Jobs::open(with).await.expect("opens");
        Bench {
            folder,
            jobs,
            runner,
            world,
        }
    }

    /// As a server that was stopped and started again.
    async fn restart(self) -> Bench {
        let (folder, world) = (self.folder.clone(), Arc::clone(&self.world));
        self.jobs.shut_down().await;
        drop(self.jobs);
        Bench::open(folder, world).await
    }

    async fn end(self) {
        self.jobs.shut_down().await;
        std::fs::remove_dir_all(self.folder).expect("removes");
    }

    async fn created(&self) -> String {
        let new = NewJobs {
            count: 1,
            name: String::new(),
            tags: Vec::new(),
            source_type: EngineKind::Mysql,
            target_type: EngineKind::Mysql,
            source_region: "r".to_owned(),
            target_region: "r".to_owned(),
            class: InstanceClass::Small,
        };
        self.jobs.create(new).await.expect("creates").remove(0)
    }

    async fn configured(&self, migrate_type: MigrateType) -> String {
        let id = self.created().await;
        let with = configuration(migrate_type);
        self.jobs.configure(&id, with).await.expect("configures");
        id
    }

    async fn checked(&self, migrate_type: MigrateType) -> String {
        let id = self.configured(migrate_type).await;
        self.jobs.check(&id).await.expect("checks");
        self.until(&id, Status::CheckPass).await;
        id
    }

    /// A job in state `running`, and its run.
    async fn running(&self, migrate_type: MigrateType) -> (String, ScriptedRun) {
        let id = self.checked(migrate_type).await;
        self.jobs.start(&id).await.expect("starts");
        let run = self.runner.next_run().await;
        self.until(&id, Status::Running).await;
        (id, run)
    }

    /// A caught-up job that says so.
    async fn caught_up(&self) -> (String, ScriptedRun) {
        let (id, run) = self.running(MigrateType::FullAndIncrement).await;
        run.report(caught_up());
        self.seen(&id, |job, report| {
            job.status == Status::Running && report.is_some_and(|report| report.caught_up)
        })
        .await;
        self.world.advance(5_000);
        self.until(&id, Status::ReadyComplete).await;
        (id, run)
    }

    fn job(&self, id: &str) -> Arc<Job> {
        self.jobs.get(id).expect("is there").job
    }

    async fn until(&self, id: &str, status: Status) {
        self.seen(id, |job, _| job.status == status).await;
    }

    async fn seen(&self, id: &str, wanted: impl Fn(&Job, Option<&RunReport>) -> bool) {
        let look = || {
            let view = self.jobs.get(id).expect("is there");
            wanted(&view.job, view.report.as_ref())
        };
        let found = eventually(look).await;
        assert!(found, "the job stays {:?}", self.job(id).status);
    }
}

/// Real time only lets the store's thread work; nothing here depends on how long it takes.
async fn eventually(look: impl Fn() -> bool) -> bool {
    let waiting = async {
        while !look() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .is_ok()
}

fn side(host: &str) -> Side {
    Side {
        engine: EngineKind::Mysql,
        region: "r".to_owned(),
        access_type: "extranet".to_owned(),
        reach: Reach::Address {
            host: host.to_owned(),
            port: 3306,
            user: "root".to_owned(),
        },
        tls: Tls::Preferred,
        certificates: Certificates::default(),
    }
}

fn configuration(migrate_type: MigrateType) -> Configuration {
    Configuration {
        task: Task {
            source: side("a"),
            target: side("b"),
            selection: Selection {
                whole_instance: true,
                ..Selection::default()
            },
            migrate_type,
            retry_window_seconds: 60,
            skip_ddl_errors: false,
        },
        passwords: Passwords {
            source: Some(SecretString::from("one".to_owned())),
            target: Some(SecretString::from("two".to_owned())),
            ..Passwords::default()
        },
        start_at: StartAt::Immediate,
        shown: json!({"kept": true}),
        rates: Rates::default(),
        name: None,
        tags: None,
    }
}

fn caught_up() -> RunReport {
    RunReport {
        stage: tidegate_model::report::Stage::Changes,
        caught_up: true,
        lag_seconds: Some(0),
        lag_bytes: Some(0),
        ..RunReport::default()
    }
}
