//! Consistency checks of a migration under way, between real servers.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_testkit::{DbServer, Flavor};

use crate::asking::{ask, new_job};
use crate::process::{Folder, Served};

/// A caught-up job takes five seconds to say so, a check as long to be over; the rest is
/// for a loaded machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// 200,000 rows in four tables, one of them without a key.
const SHOP: &str = "
set session cte_max_recursion_depth = 1000000, time_zone = '+00:00';
create database shop; use shop;
create table item (id bigint primary key, code varchar(20) not null, price double, note blob, at timestamp(3) null,
  n int not null);
create table pair (a int, b varchar(20) character set utf8mb4 collate utf8mb4_0900_ai_ci, v varchar(20),
  primary key (a, b));
create table bag (v int, w varchar(10));
create table calm (id int primary key, v int);
insert into item with recursive r (i) as (select 1 union all select i + 1 from r where i < 120000)
  select i, concat('c', i), if(i = 500, 0, i / 3), repeat(char(i % 250), i % 60), '2026-01-02 03:04:05.678', 0 from r;
insert into pair with recursive r (i) as (select 1 union all select i + 1 from r where i < 60000)
  select i % 7, concat('k', i), concat('v', i) from r;
insert into bag with recursive r (i) as (select 1 union all select i + 1 from r where i < 19000)
  select i % 100, 'w' from r;
insert into calm with recursive r (i) as (select 1 union all select i + 1 from r where i < 1000) select i, i from r;
";

/// Each kind of difference, on the target alone.
const PLANTED: &str = "
set session time_zone = '+00:00'; use shop;
update item set note = concat(char(ascii(note) ^ 1), substr(note, 2)) where id = 77;
update item set code = concat(code, ' ') where id = 30001;
update item set code = upper(code) where id = 60002;
update item set price = -0e0 where id = 500;
update item set at = at + interval 8 hour where id = 90003;
delete from item where id = 110000;
insert into item values (0, 'x', 1, null, null, 0), (500000, 'y', 1, null, null, 0);
update pair set v = 'v14' where a = 0 and b = 'k7';
update pair set v = 'v7' where a = 0 and b = 'k14';
update pair set b = 'K21' where a = 0 and b = 'k21';
insert into bag values (5, 'w');
";

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < DEADLINE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn good(served: &Served, action: &str, params: &Value) -> Value {
    let answer = ask(served, action, params);
    assert!(answer["Error"].is_null(), "{action}: {answer}");
    let misfits = tidegate_rpc::encode::misfits(action, &answer);
    assert_eq!(misfits, Vec::<String>::new(), "{action}");
    answer
}

/// A job that follows the source and has caught up.
fn caught_up(served: &Served, source: &DbServer, target: &DbServer) -> String {
    let job = new_job(served);
    let side = |server: &DbServer| {
        json!({"Region": "r", "AccessType": "extranet", "DatabaseType": "mysql", "NodeType": "simple",
            "Info": [{"Host": "127.0.0.1", "Port": server.port(), "User": server.user(),
                      "Password": server.password()}]})
    };
    let params = json!({"JobId": job, "RunMode": "immediate", "SrcInfo": side(source), "DstInfo": side(target),
        "MigrateOption": {"DatabaseTable": {"ObjectMode": "partial", "Databases": [
            {"DbName": "shop", "DBMode": "all"}]}}});
    let one = json!({"JobId": job});
    good(served, "ModifyMigrationJob", &params);
    good(served, "CreateMigrateCheckJob", &one);
    let is = |status: &str| good(served, "DescribeMigrationDetail", &one)["Status"] == status;
    until("the check passes", || is("checkPass"));
    good(served, "StartMigrateJob", &one);
    until("the job has caught up", || is("readyComplete"));
    job
}

fn begin(served: &Served, job: &str, options: Value) -> Value {
    let made = good(
        served,
        "CreateCompareTask",
        &json!({"JobId": job, "Options": options}),
    );
    let task = json!({"JobId": job, "CompareTaskId": made["CompareTaskId"]});
    good(served, "StartCompare", &task);
    task
}

fn item(served: &Served, task: &Value) -> Value {
    good(served, "DescribeCompareTasks", task)["Items"][0].clone()
}

fn ends(served: &Served, task: &Value, status: &str) -> Value {
    let mut seen = Value::Null;
    until("the check ends", || {
        seen = item(served, task);
        ["success", "failed", "canceled"].contains(&seen["Status"].as_str().unwrap_or_default())
    });
    assert_eq!(seen["Status"], status, "{seen}");
    seen
}

fn found(served: &Served, task: &Value) -> BTreeSet<(String, String, String, String)> {
    let mut all = task.clone();
    all["Limit"] = json!(1000);
    let answer = good(served, "DescribeCompareDiffItems", &all);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |item: &Value| {
        let columns = item["SchemaInfo"].as_array().cloned().unwrap_or_default();
        let columns: Vec<String> = columns.iter().map(text).collect();
        (
            text(&item["TableName"]),
            text(&item["Identifier"]),
            text(&item["DiffType"]),
            columns.join(","),
        )
    };
    answer["Items"]
        .as_array()
        .expect("rows")
        .iter()
        .map(row)
        .collect()
}

fn servers() -> (DbServer, DbServer) {
    let source = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a source");
    let target = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a target");
    source.run_script(SHOP).expect("loads");
    (source, target)
}

#[test]
fn every_planted_difference_is_found_and_nothing_else() {
    let (source, target) = servers();
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    let job = caught_up(&served, &source, &target);

    let task = begin(&served, &job, json!({"ThreadCount": 2}));
    let same = ends(&served, &task, "success");
    assert_eq!(same["Conclusion"], "same", "{same}");
    let report = good(&served, "DescribeCompareReport", &task);
    assert_eq!(report["Abstract"]["SrcSampleRows"], 200_000, "{report}");
    assert_eq!(report["Abstract"]["CheckedTables"], 4, "{report}");

    target.run_script(PLANTED).expect("plants");
    let task = begin(&served, &job, json!({"ThreadCount": 2}));
    let different = ends(&served, &task, "success");
    assert_eq!(different["Conclusion"], "different", "{different}");
    let message = different["Message"].as_str().expect("a text");
    assert!(message.starts_with("not covered: "), "{message}");
    let expected = [
        ("item", "id=0", "srcLack", "id"),
        ("item", "id=110000", "dstLack", "id"),
        ("item", "id=30001", "data", "code"),
        ("item", "id=500", "data", "price"),
        ("item", "id=500000", "srcLack", "id"),
        ("item", "id=60002", "data", "code"),
        ("item", "id=77", "data", "note"),
        ("item", "id=90003", "data", "at"),
        ("pair", "a=0, b=k14", "data", "v"),
        ("pair", "a=0, b=k21", "data", "b"),
        ("pair", "a=0, b=k7", "data", "v"),
    ];
    let expected = expected.map(|(table, key, kind, columns)| {
        (
            table.to_owned(),
            key.to_owned(),
            kind.to_owned(),
            columns.to_owned(),
        )
    });
    assert_eq!(found(&served, &task), BTreeSet::from(expected));
    let report = good(&served, "DescribeCompareReport", &task);
    let summary = &report["Abstract"];
    assert_eq!(
        (&summary["DifferentTables"], &summary["DifferentRows"]),
        (&json!(3), &json!(12))
    );
    let tables: BTreeSet<&str> = report["Detail"]["Difference"]["Items"]
        .as_array()
        .expect("chunks")
        .iter()
        .filter_map(|chunk| chunk["Table"].as_str())
        .collect();
    assert_eq!(tables, BTreeSet::from(["bag", "item", "pair"]));
    // A key's value is in its answer and nowhere else.
    assert!(!crate::process::log_of(folder.path()).contains("k14"));

    let counted = begin(&served, &job, json!({"Method": "rowsCount"}));
    ends(&served, &counted, "success");
    let keys: BTreeSet<String> = found(&served, &counted).into_iter().map(|row| row.1).collect();
    assert!(keys.contains("id=500000") && !keys.contains("id=77"), "{keys:?}");
    let sets = good(
        &served,
        "DescribeMigrateGtidCompareReport",
        &json!({"JobId": job}),
    );
    assert_eq!(sets["Conclusion"], "same", "{sets}");
    assert!(served.stop().success());
}

#[test]
fn a_whole_life_by_the_python_sdk() {
    let sdks = tidegate_testkit::sdks().expect("SDKs");
    let source = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a source");
    let target = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a target");
    let script = "create database shop; create table shop.customer (id int primary key, name varchar(20));
        insert into shop.customer values (1, 'Ada'), (2, 'Grace'), (3, null);
        create table shop.sale (id int primary key);";
    source.run_script(script).expect("loads");
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    let mut life = crate::sdks::python(&sdks, "compare.py");
    life.args([source.port().to_string(), target.port().to_string()])
        .args([source.user(), source.password()]);
    crate::sdks::run(life, &served, None, folder.path());
    assert!(served.stop().success());
}

#[test]
fn under_writes_nothing_is_taken_for_a_difference_and_a_killed_server_goes_on() {
    let (source, target) = servers();
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    let job = caught_up(&served, &source, &target);
    target
        .run_script("use shop; update calm set v = -1 where id = 7;")
        .expect("plants one");
    let script = "use shop;
        update item set n = n + 1, price = price + 1 where id between 1 and 40;
        update item set code = concat('d', id) where id between 50000 and 50200;
        delete from item where id between 60000 and 60010;
        insert into item select id + 1000000, code, price, note, at, n from item where id between 1 and 50
          on duplicate key update n = values(n);
        delete from item where id > 1000010; update pair set v = left(uuid(), 20) where a = 3 limit 500;";
    let (served, task, rounds) = std::thread::scope(|scope| {
        let source = &source;
        let writer = scope.spawn(move || {
            let (begun, mut rounds) = (Instant::now(), 0);
            while begun.elapsed() < Duration::from_secs(30) {
                source.run_script(script).expect("writes");
                rounds += 1;
            }
            rounds
        });
        let task = begin(&served, &job, json!({"ThreadCount": 2}));
        until("some chunks are done", || {
            item(&served, &task)["CompareProcess"]["Percent"] != 0
        });
        served.kill9();
        let served = Served::start(folder.path(), &[]);
        let mut last = task.clone();
        loop {
            let ended = ends(&served, &last, "success");
            let rows: Vec<String> = found(&served, &last).into_iter().map(|row| row.1).collect();
            assert_eq!(rows, ["id=7"], "{ended}");
            if writer.is_finished() {
                break;
            }
            last = begin(&served, &job, json!({"ThreadCount": 4}));
        }
        (served, task, writer.join().expect("the writer ends"))
    });
    assert!(rounds > 3, "{rounds} rounds of writes");
    let log = crate::process::log_of(folder.path());
    assert!(log.contains("cmp-"), "the check is named in the log");
    good(&served, "DeleteCompareTask", &task);
    assert!(served.stop().success());
}
