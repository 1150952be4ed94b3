//! What a user sees of a job while its source is away, and that it comes back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_testkit::{DbServer, FaultProxy, Flavor, compare_servers};

use crate::asking::{ask, new_job};
use crate::process::{Folder, Served, log_of};

/// How long the line is cut: long enough for every timeout on the way to pass.
const CUT: Duration = Duration::from_secs(60);
const DEADLINE: Duration = Duration::from_secs(90);

struct Watched<'a> {
    served: &'a Served,
    job: String,
    folder: &'a Folder,
}

impl Watched<'_> {
    fn ask(&self, action: &str, mut params: Value) -> Value {
        params["JobId"] = json!(self.job);
        let answer = ask(self.served, action, &params);
        assert!(answer["Error"].is_null(), "{action}: {answer}");
        answer
    }

    fn detail(&self) -> Value {
        self.ask("DescribeMigrationDetail", json!({}))
    }

    fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.detail();
            if wanted(&found) {
                return found;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "not {what}: {} {}\n{}",
                found["Status"],
                found["BriefMsg"],
                log_of(self.folder.path())
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn status(&self, status: &str) -> Value {
        self.until(status, |found| found["Status"] == status)
    }

    fn caught_up(&self, source_port: u16, source: &DbServer, target: &DbServer) {
        let side = |port: u16, server: &DbServer| {
            json!({"Region": "r", "AccessType": "extranet", "DatabaseType": "mysql", "NodeType": "simple",
                "Info": [{"Host": "127.0.0.1", "Port": port, "User": server.user(), "Password": server.password()}]})
        };
        let databases = json!([{"DbName": "d", "DBMode": "all"}]);
        self.ask(
            "ModifyMigrationJob",
            json!({"RunMode": "immediate", "SrcInfo": side(source_port, source), "DstInfo": side(target.port(), target),
                "MigrateOption": {"DatabaseTable": {"ObjectMode": "partial", "Databases": databases}}}),
        );
        self.ask("CreateMigrateCheckJob", json!({}));
        self.status("checkPass");
        self.ask("StartMigrateJob", json!({}));
        self.status("readyComplete");
    }

    /// Says that it is away: no lag that nobody knows, no readiness, and why.
    fn away(&self) {
        let found = self.until("away", |found| {
            found["Status"] == "running" && found["BriefMsg"] != ""
        });
        let message = found["BriefMsg"].as_str().unwrap_or_default();
        assert!(message.starts_with("trying again"), "{message}");
        assert_eq!(
            found["StepInfo"]["SecondsBehindMaster"], -1,
            "{}",
            found["StepInfo"]
        );
        let refused = ask(self.served, "CompleteMigrateJob", &json!({"JobId": self.job}));
        assert_eq!(refused["Error"]["Code"], "OperationDenied.OperationDeniedError");
    }

    fn complete(&self, source: &DbServer, target: &DbServer) {
        self.status("readyComplete");
        self.ask("CompleteMigrateJob", json!({}));
        self.status("success");
        let differ = compare_servers(source, target, &["d"], &[]).expect("compares");
        assert_eq!(differ, Vec::<String>::new());
    }
}

const LOAD: &str = "create database d; create table d.t (id int primary key auto_increment, v int); \
                    insert into d.t (v) values (1), (2), (3);";

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_killed_and_comes_back() {
    let mut source = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a source");
    let target = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a target");
    source.run_script(LOAD).expect("loads");
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    let job = Watched {
        served: &served,
        job: new_job(&served),
        folder: &folder,
    };
    job.caught_up(source.port(), &source, &target);
    source.kill9().expect("kills");
    job.away();
    source.restart().await.expect("restarts");
    source
        .run_script("insert into d.t (v) values (4); update d.t set v = 9 where id = 1;")
        .expect("writes");
    job.complete(&source, &target);
}

#[test]
fn a_line_that_is_cut_and_mended() {
    let source = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a source");
    let target = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a target");
    source.run_script(LOAD).expect("loads");
    let proxy = FaultProxy::start((std::net::Ipv4Addr::LOCALHOST, source.port()).into()).expect("a proxy");
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    let job = Watched {
        served: &served,
        job: new_job(&served),
        folder: &folder,
    };
    job.caught_up(proxy.address().port(), &source, &target);
    proxy.refuse(true).expect("refuses");
    proxy.cut().expect("cuts");
    source
        .run_script("insert into d.t (v) values (4); delete from d.t where id = 2;")
        .expect("writes");
    job.away();
    // What is shown stays true for as long as it lasts.
    let begun = Instant::now();
    while begun.elapsed() < CUT {
        let found = job.detail();
        assert_eq!(found["Status"], "running", "{}", found["BriefMsg"]);
        assert_eq!(
            found["StepInfo"]["SecondsBehindMaster"], -1,
            "{}",
            found["StepInfo"]
        );
        std::thread::sleep(Duration::from_millis(500));
    }
    proxy.refuse(false).expect("is mended");
    job.complete(&source, &target);
}

/// The line stays open and nothing comes: only the clock can tell.
#[test]
fn a_line_that_stalls_is_noticed_and_left() {
    let source = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a source");
    let target = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a target");
    source.run_script(LOAD).expect("loads");
    let proxy = FaultProxy::start((std::net::Ipv4Addr::LOCALHOST, source.port()).into()).expect("a proxy");
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    let job = Watched {
        served: &served,
        job: new_job(&served),
        folder: &folder,
    };
    job.caught_up(proxy.address().port(), &source, &target);
    proxy.stall(true).expect("stalls");
    source
        .run_script("insert into d.t (v) values (4); delete from d.t where id = 2;")
        .expect("writes");
    job.away();
    proxy.stall(false).expect("flows");
    job.complete(&source, &target);
}

/// The target killed and restarted: what it had committed is read back from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_killed_and_comes_back() {
    let source = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a source");
    let mut target = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a target");
    source.run_script(LOAD).expect("loads");
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    let job = Watched {
        served: &served,
        job: new_job(&served),
        folder: &folder,
    };
    job.caught_up(source.port(), &source, &target);
    target.kill9().expect("kills");
    source
        .run_script("insert into d.t (v) values (4); delete from d.t where id = 2;")
        .expect("writes");
    job.away();
    target.restart().await.expect("restarts");
    job.complete(&source, &target);
}
