//! A million rows under four writers, moved by the public Python SDK alone, and found
//! equal by the servers' own checksums.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tidegate_testkit::{DbServer, Flavor, sdks};

use crate::process::{Folder, Served};
use crate::sdks::{python, run};

const WRITERS: u64 = 4;

const LOAD: &str = "
create database shop;
use shop;
set session cte_max_recursion_depth = 1000000;
create table customer (id bigint unsigned primary key auto_increment, name varchar(80) not null, born date,
  balance decimal(12,2) not null default 0, about json, unique key (name)) charset utf8mb4;
insert into customer (name, born, balance, about)
  with recursive n (i) as (select 1 union all select i + 1 from n where i < 200000)
  select concat('Zoë ', i), date_add('1950-01-01', interval i mod 20000 day), i / 7, json_object('i', i, 'half', i / 2e0)
  from n;
create table sale (id int primary key auto_increment, customer bigint unsigned not null, at datetime(3) not null,
  amount double, note varchar(120), key (customer), foreign key (customer) references customer (id));
insert into sale (customer, at, amount, note)
  with recursive n (i) as (select 1 union all select i + 1 from n where i < 700000)
  select 1 + i mod 200000, date_add('2020-01-01 00:00:00.123', interval i second), i / 9e0, repeat('tab\\t', i mod 9)
  from n;
create table visit (code char(16) primary key, page varbinary(40), seen timestamp(6));
insert into visit
  with recursive n (i) as (select 1 union all select i + 1 from n where i < 99000)
  select left(sha2(i, 256), 16), unhex(sha2(i, 224)), '2024-03-31 01:30:00.000001' from n;
create table log (a int, b varchar(20));
insert into log with recursive n (i) as (select 1 union all select i + 1 from n where i < 1000)
  select i mod 50, 'same' from n;
";

/// One writer's round, in transactions of several rows and tables; mostly on rows of its own (`W`).
const WRITE: &str = "
use shop;
start transaction;
insert into sale (customer, at, amount, note) select 1 + W, now(3), rand(), 'new' from (select 1 union all select 2) x;
update customer set balance = balance + 1, about = json_set(about, '$.u', uuid()) where id between R and R + 400 and id mod 4 = W;
delete from sale where id = R * 3 + W;
commit;
start transaction;
update visit set seen = now(6) where code >= left(sha2(R, 256), 16) and crc32(code) mod 4 = W order by code limit 5;
insert into log values (R, 'W');
update log set b = 'changed' where a = R mod 50 and b = 'same' limit 1;
delete from log where b = 'W' and a < 100000 limit 1;
commit;
";

/// What a query of one row and column answers.
fn one(server: &DbServer, sql: &str) -> String {
    let rows = server.sql(sql).expect("answers");
    rows.into_iter().flatten().flatten().next().expect("a value")
}

#[test]
fn a_million_rows_under_four_writers() {
    let sdks = sdks().expect("SDKs");
    let source = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a source");
    let target = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a target");
    source.run_script(LOAD).expect("loads");
    let folder = Folder::new();
    let job = folder.path().join("job");
    let served = Served::start(folder.path(), &[]);
    let phase = |name: &str| {
        let mut script = python(&sdks, "restart.py");
        script
            .arg(name)
            .arg(&job)
            .args([source.port().to_string(), target.port().to_string()])
            .args([source.user(), source.password()]);
        run(script, &served, None, folder.path());
    };
    let (stop, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (stop, rounds, source) = (&stop, &rounds, &source);
            scope.spawn(move || {
                let mut at = writer + 1;
                while !stop.load(Ordering::Relaxed) {
                    at = (at * 7919 + 104_729) % 190_000;
                    let round = WRITE
                        .replace('W', &writer.to_string())
                        .replace('R', &at.to_string());
                    match source.run_script(&round) {
                        Ok(()) => rounds.fetch_add(1, Ordering::Relaxed),
                        // Four writers do meet; the server has taken the transaction back.
                        Err(error) if error.to_string().contains("ERROR 1213") => continue,
                        Err(error) => panic!("{error}"),
                    };
                }
            });
        }
        // Also where the script fails: else the writers would hold up the test's end.
        let moved = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| phase("caught-up")));
        stop.store(true, Ordering::Relaxed);
        moved.expect("catches up under writing");
    });
    phase("end");
    assert!(served.stop().success());
    assert!(rounds.load(Ordering::Relaxed) > WRITERS * 5, "the writers wrote");
    let mut rows = 0;
    for table in ["customer", "sale", "visit", "log"] {
        let sum = |server: &DbServer| server.checksum("shop", table).expect("a checksum");
        assert_eq!(sum(&source), sum(&target), "{table}");
        let count = format!("select count(*) from shop.{table}");
        assert_eq!(one(&source, &count), one(&target, &count), "{table}");
        rows += one(&source, &count).parse::<u64>().expect("a number");
    }
    assert!(rows >= 1_000_000, "{rows} rows");
    let counter = "select auto_increment from information_schema.tables where table_schema = 'shop' and table_name = 'sale'";
    source.sql("analyze table shop.sale").expect("analyzes");
    target.sql("analyze table shop.sale").expect("analyzes");
    assert_eq!(one(&source, counter), one(&target, counter));
}
