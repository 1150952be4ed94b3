//! The server killed at ten moments of the snapshot and of the changes, under writing.
//!
//! After each start the job goes on by itself, and no chunk that was seen done is
//! copied again: the run counts what it found.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_model::report::{RunReport, Stage};
use tidegate_rpc::operator::{JOBS, JobReport};
use tidegate_testkit::{DbServer, Flavor, compare_servers};

use crate::asking::{ask, new_job, operate};
use crate::process::{Folder, Served, log_of};

const KILLS: u64 = 10;
const DEADLINE: Duration = Duration::from_secs(120);

/// Kills in the snapshot; the others come in the changes.
const EARLY: u64 = 6;
const TABLES: u64 = 24;

/// 24 tables of 8,000 rows: a chunk is a table as long as it is small.
fn load() -> String {
    let mut text = "create database d; use d; set session cte_max_recursion_depth = 100000;".to_owned();
    let rows = "with recursive s (n) as (select 1 union all select n + 1 from s where n < 8000)";
    let hash = "left(sha2(n, 256), 32)";
    for number in 0..TABLES {
        let table = match number {
            0 => "create table a (id int primary key auto_increment, v int not null, t varchar(60), key (v))",
            1 => "create table b (x int, y int, t varchar(60), primary key (x, y))",
            2 => "create table c (n int, t varchar(60))",
            _ => &format!("create table t{number} (id int primary key, t varchar(60))"),
        };
        let insert = match number {
            0 => format!("insert into a (v, t) {rows} select n mod 97, {hash} from s"),
            1 => format!("insert into b {rows} select n mod 31, n, {hash} from s"),
            2 => format!("insert into c {rows} select n, {hash} from s"),
            _ => format!("insert into t{number} {rows} select n, {hash} from s"),
        };
        text.push_str(&format!("{table}; {insert};\n"));
    }
    text
}

const WRITE: &str = "
use d;
insert into a (v, t) values (1, 'new'), (2, null);
update a set v = v + 1 where id mod 1009 = 7;
delete from a where id mod 5003 = 11 limit 3;
insert into b values (rand() * 1000000, rand() * 1000000, 'new') on duplicate key update t = 'again';
update t9 set t = 'changed' where id mod 101 = 5;
delete from t23 where id mod 1999 = 7 limit 2;
update b set y = y + 1000000 where x = 5 and y between 5 and 300 and y mod 7 = 1;
delete from c where n mod 4001 = 3 limit 2;
insert into c values (7, 'new');
";

/// Ends the writer, also where the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn report(served: &Served, job: &str) -> JobReport {
    let found = operate(served, "GET", &format!("{JOBS}/{job}"), &Value::Null);
    serde_json::from_value(found).expect("a report")
}

/// Waits for a report that the present run has made.
fn seen(served: &Served, job: &str, folder: &Folder, wanted: impl Fn(&str, &RunReport) -> bool) -> RunReport {
    let begun = Instant::now();
    loop {
        let found = report(served, job);
        if let Some(report) = found.report.filter(|report| wanted(&found.status, report)) {
            return report;
        }
        assert!(found.status != "error", "{}", log_of(folder.path()));
        assert!(
            begun.elapsed() < DEADLINE,
            "{}: {}",
            found.status,
            log_of(folder.path())
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn begin(served: &Served, job: &str, folder: &Folder, source: &DbServer, target: &DbServer) {
    let good = |answer: Value| assert!(answer["Error"].is_null(), "{answer}");
    let side = |server: &DbServer| {
        json!({"Region": "r", "AccessType": "extranet", "DatabaseType": "mysql", "NodeType": "simple",
            "Info": [{"Host": "127.0.0.1", "Port": server.port(), "User": server.user(), "Password": server.password()}]})
    };
    let databases = json!([{"DbName": "d", "DBMode": "all"}]);
    let option = json!({"DatabaseTable": {"ObjectMode": "partial", "Databases": databases},
        // So slow that there is a middle to be killed in.
        "RateLimit": {"DumpRps": 30_000, "LoadRps": 30_000}});
    let params = json!({"JobId": job, "RunMode": "immediate", "SrcInfo": side(source), "DstInfo": side(target),
        "MigrateOption": option});
    good(ask(served, "ModifyMigrationJob", &params));
    good(ask(served, "CreateMigrateCheckJob", &json!({"JobId": job})));
    let begun = Instant::now();
    while report(served, job).status != "checkPass" {
        assert!(begun.elapsed() < DEADLINE, "{}", log_of(folder.path()));
        std::thread::sleep(Duration::from_millis(50));
    }
    good(ask(served, "StartMigrateJob", &json!({"JobId": job})));
}

#[test]
fn ten_kills_lose_nothing_and_copy_nothing_twice() {
    let source = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a source");
    let target = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a target");
    source.run_script(&load()).expect("loads");
    let folder = Folder::new();
    let mut served = Served::start(folder.path(), &[]);
    let job = new_job(&served);
    let stop = AtomicBool::new(false);
    let served = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                source.run_script(WRITE).expect("writes");
            }
        });
        let over = Over(&stop);
        begin(&served, &job, &folder, &source, &target);
        // The clock's own low digits are moment enough; a failure names the moments in the log.
        let mut chance = std::process::id();
        for kill in 0..KILLS {
            chance = chance.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            let wait = Duration::from_millis(u64::from((chance >> 16) % 900) + 100);
            let stage = if kill < EARLY {
                Stage::Snapshot
            } else {
                Stage::Changes
            };
            seen(&served, &job, &folder, |_, report| report.stage >= stage);
            std::thread::sleep(wait);
            let before = report(&served, &job).report.expect("has run");
            eprintln!(
                "kill {kill} in {:?}: {} of {} chunks",
                before.stage, before.chunks_done, before.chunks_total
            );
            served.kill9();
            served = Served::start(folder.path(), &[]);
            let after = seen(&served, &job, &folder, |_, report| {
                report.stage > Stage::Snapshot || report.stage == Stage::Snapshot && report.chunks_total > 0
            });
            if after.stage == Stage::Snapshot {
                assert!(
                    after.chunks_done >= before.chunks_done && after.chunks_reused >= before.chunks_done,
                    "chunks are copied again: {before:?} then {after:?}"
                );
            }
        }
        drop(over);
        served
    });
    seen(&served, &job, &folder, |status, _| status == "readyComplete");
    let answer = ask(&served, "CompleteMigrateJob", &json!({"JobId": job}));
    assert!(answer["Error"].is_null(), "{answer}");
    seen(&served, &job, &folder, |status, _| status == "success");
    let differ = compare_servers(&source, &target, &["d"], &[]).expect("compares");
    assert_eq!(differ, Vec::<String>::new());
}
