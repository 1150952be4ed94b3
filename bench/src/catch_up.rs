//! Catching up with changes that were written while nobody listened, beside the
//! server's own replica with four workers.
//!
//! Each round has a fresh source, target and replica. Both sides are brought to the
//! same point and stopped; the source writes; then each in turn is started and timed
//! until the last transaction's row is seen on it, by the same procedure on both.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tidegate_testkit::DbServer;
use tokio::runtime::Runtime;

use crate::figures::{load_average, median, median_ratio, per_second};
use crate::ours::{self, Running};
use crate::rows::{Folder, Numbers, create_table, load_data, write_files};

const TABLES: usize = 2;
const ROWS: u64 = 300_000;
const TRANSACTIONS: u64 = 50_000;
/// Sessions that write at once, so that the log says which transactions may run in parallel.
const WRITERS: u64 = 4;

pub(crate) fn run(rounds: usize) -> anyhow::Result<()> {
    let folder = Folder::new()?;
    let files = write_files(&folder, TABLES, ROWS)?;
    let scripts: Vec<(String, u64)> = (0..WRITERS).map(script).collect();
    let changes: u64 = scripts.iter().map(|(_, changes)| changes).sum();
    println!(
        "catch-up: {TRANSACTIONS} transactions with {changes} row changes on {TABLES} tables of {ROWS} rows, MySQL 9.7"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut ours_all, mut replica_all) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let source = ours::server()?;
        seed(&source, &files)?;
        let (target, replica) = (ours::server()?, ours::server()?);
        let job = format!("dts-bench-{round}");
        runtime.block_on(async {
            let mut running = Running::start(ours::job(&job, &source, &target));
            running.caught_up().await?;
            running.stopped().await
        })?;
        replicate(&source, &replica)?;
        for server in [&target, &replica] {
            server.run_script(WAIT)?;
        }
        write(&source, &scripts)?;
        let mut times = [Duration::ZERO; 2];
        for turn in 0..2 {
            if (turn + round) % 2 == 1 {
                times[0] = our_turn(&runtime, &job, &source, &target)?;
            } else {
                times[1] = replicas_turn(&replica)?;
            }
        }
        let [ours, theirs] = times.map(|time| per_second(changes, time));
        println!(
            "round {round}: ours {ours:.0} row changes/s ({:.2} s), the replica {theirs:.0} ({:.2} s); {}; load {}",
            times[0].as_secs_f64(),
            times[1].as_secs_f64(),
            equal(&source, &target, &replica)?,
            load_average()
        );
        ours_all.push(ours);
        replica_all.push(theirs);
    }
    println!("\nmedians, row changes/s");
    println!("  ours                               {:>9.0}", median(&ours_all));
    println!(
        "  the server's own replica           {:>9.0}",
        median(&replica_all)
    );
    println!(
        "ratio, median of the rounds'         {:>9.2}",
        median_ratio(&ours_all, &replica_all)
    );
    Ok(())
}

/// Returns when the last transaction is seen, within some milliseconds.
const WAIT: &str = "SET SESSION sql_log_bin = 0;
CREATE DATABASE bench;
DELIMITER //
CREATE PROCEDURE bench.wait_for_mark()
BEGIN
  DECLARE found INT DEFAULT 0;
  WHILE found = 0 DO
    SELECT COUNT(*) INTO found FROM sbtest.mark;
    IF found = 0 THEN DO SLEEP(0.01); END IF;
  END WHILE;
END//
DELIMITER ;
";

fn seed(source: &DbServer, files: &[std::path::PathBuf]) -> anyhow::Result<()> {
    let mut script = "CREATE DATABASE sbtest; CREATE TABLE sbtest.mark (id int PRIMARY KEY);\n".to_owned();
    script.extend((1..=files.len()).map(|number| create_table(number, true)));
    source.run_script(&script)?;
    for (at, file) in files.iter().enumerate() {
        let mut command = source.connected("mysql");
        command.args(["--local-infile=1", "-e", &load_data(at + 1, file)]);
        let status = command.status()?;
        anyhow::ensure!(status.success(), "the server's client ended with {status}");
    }
    Ok(())
}

/// One writer's transactions in the manner of sysbench's oltp_write_only: an update of the
/// indexed column, one of another, and two times in three a row deleted and put back.
/// Writers keep to rows of their own, so that none waits for another.
fn script(writer: u64) -> (String, u64) {
    let mut numbers = Numbers::new(1000 + writer);
    let (mut text, mut changes) = ("USE sbtest;\n".to_owned(), 0);
    for number in 0..TRANSACTIONS / WRITERS {
        let mut row = || numbers.below(ROWS / WRITERS) * WRITERS + writer + 1;
        let (first, second, third) = (row(), row(), row());
        let table = numbers.below(TABLES as u64) + 1;
        let (c, k) = (numbers.groups(10), numbers.below(ROWS));
        text.push_str("BEGIN;\n");
        let _ = writeln!(text, "UPDATE sbtest{table} SET k = k + 1 WHERE id = {first};");
        let _ = writeln!(text, "UPDATE sbtest{table} SET c = '{c}' WHERE id = {second};");
        changes += 2;
        if number % 3 > 0 {
            let pad = numbers.groups(5);
            let _ = writeln!(text, "DELETE FROM sbtest{table} WHERE id = {third};");
            let _ = writeln!(
                text,
                "INSERT INTO sbtest{table} (id, k, c, pad) VALUES ({third}, {k}, '{c}', '{pad}');"
            );
            changes += 2;
        }
        text.push_str("COMMIT;\n");
    }
    (text, changes)
}

fn write(source: &DbServer, scripts: &[(String, u64)]) -> anyhow::Result<()> {
    // How fast the source writes is not what is measured.
    source.run_script("SET GLOBAL sync_binlog = 0, GLOBAL innodb_flush_log_at_trx_commit = 2;")?;
    std::thread::scope(|scope| {
        let writers: Vec<_> = scripts
            .iter()
            .map(|(script, _)| scope.spawn(|| source.run_script(script)))
            .collect();
        let ended: anyhow::Result<Vec<()>> = writers
            .into_iter()
            .map(|writer| writer.join().map_err(|_| anyhow::anyhow!("a writer broke off"))?)
            .collect();
        ended
    })?;
    source.run_script("INSERT INTO sbtest.mark VALUES (1);")
}

fn replicate(source: &DbServer, replica: &DbServer) -> anyhow::Result<()> {
    replica.run_script(&format!(
        "SET GLOBAL replica_parallel_workers = 4;
         CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{}', SOURCE_PORT = {}, SOURCE_USER = '{}', \
         SOURCE_PASSWORD = '{}', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1;
         START REPLICA;",
        source.host(),
        source.port(),
        source.user(),
        source.password()
    ))?;
    let executed = source.sql("SELECT @@GLOBAL.gtid_executed")?;
    let executed = executed.into_iter().flatten().flatten().next();
    let executed = executed.context("the source has no GTIDs")?.replace('\n', "");
    let waited = replica.sql(&format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{executed}', 300)"))?;
    let waited = waited.into_iter().flatten().flatten().next();
    anyhow::ensure!(waited.as_deref() == Some("0"), "the replica does not follow");
    replica.run_script("STOP REPLICA;")
}

fn our_turn(runtime: &Runtime, job: &str, source: &DbServer, target: &DbServer) -> anyhow::Result<Duration> {
    let _inside = runtime.enter();
    let running = Running::start(ours::job(job, source, target));
    target.run_script("CALL bench.wait_for_mark();")?;
    let time = running.begun.elapsed();
    runtime.block_on(running.stopped())?;
    Ok(time)
}

fn replicas_turn(replica: &DbServer) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    replica.run_script("START REPLICA; CALL bench.wait_for_mark();")?;
    let time = begun.elapsed();
    replica.run_script("STOP REPLICA;")?;
    Ok(time)
}

/// The server's own checksums of all three.
fn equal(source: &DbServer, target: &DbServer, replica: &DbServer) -> anyhow::Result<&'static str> {
    for number in 1..=TABLES {
        let sum = |server: &DbServer| server.checksum("sbtest", &format!("sbtest{number}"));
        let expected = sum(source)?;
        if sum(target)? != expected || sum(replica)? != expected {
            return Ok("NOT EQUAL");
        }
    }
    Ok("all equal")
}
