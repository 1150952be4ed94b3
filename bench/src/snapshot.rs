//! The snapshot beside LOAD DATA LOCAL by two sessions of the server's own client,
//! from files that were written before, of the same rows into the same tables.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tidegate_model::report::Stage;
use tidegate_testkit::DbServer;

use crate::figures::{median, median_ratio, per_second};
use crate::ours::{self, Running};
use crate::rows::{Folder, create_table, load_data, write_files};

const SESSIONS: usize = 2;

/// Rows a second of each round.
#[derive(Debug, Default)]
struct Rates {
    ours_whole: Vec<f64>,
    ours_copy: Vec<f64>,
    index_after: Vec<f64>,
    load_only: Vec<f64>,
    index_first: Vec<f64>,
}

pub(crate) fn run(rounds: usize, large: bool) -> anyhow::Result<()> {
    let (tables, each) = if large { (4, 1_000_000) } else { (2, 300_000) };
    println!("snapshot: {tables} tables of {each} rows, {SESSIONS} sessions, MySQL 9.7 to MySQL 9.7");
    let folder = Folder::new()?;
    let files = write_files(&folder, tables, each)?;
    let (source, target) = (ours::server()?, ours::server()?);
    prepare(&source, tables, true)?;
    sessions(&source, &files, load_data)?;
    source.sql("ANALYZE TABLE sbtest.sbtest1, sbtest.sbtest2")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let total = each * tables as u64;
    let mut rates = Rates::default();
    for round in 1..=rounds {
        // Who comes first changes, so that what one leaves behind burdens both.
        if round % 2 == 1 {
            one_of_ours(&runtime, (&source, &target), round, total, &mut rates)?;
            ceiling(&target, &files, total, &mut rates)?;
        } else {
            ceiling(&target, &files, total, &mut rates)?;
            one_of_ours(&runtime, (&source, &target), round, total, &mut rates)?;
        }
        let last = |values: &[f64]| values.last().copied().unwrap_or_default();
        println!(
            "round {round}: ours {:.0} rows/s (copy alone {:.0}); LOAD DATA then index {:.0} (load alone {:.0}), into \
             the indexed table {:.0}; load {}",
            last(&rates.ours_whole),
            last(&rates.ours_copy),
            last(&rates.index_after),
            last(&rates.load_only),
            last(&rates.index_first),
            crate::figures::load_average()
        );
    }
    print(&rates);
    Ok(())
}

fn print(rates: &Rates) {
    println!("\nmedians, rows/s");
    for (name, values) in [
        ("ours, structure to changes", &rates.ours_whole),
        ("ours, copy alone", &rates.ours_copy),
        ("LOAD DATA, index built after", &rates.index_after),
        ("LOAD DATA, no index at all", &rates.load_only),
        ("LOAD DATA into the indexed table", &rates.index_first),
    ] {
        println!("  {name:34} {:>9.0}", median(values));
    }
    println!("ratios, median of the rounds'");
    for (name, ours, ceiling) in [
        ("whole / index built after", &rates.ours_whole, &rates.index_after),
        (
            "whole / into the indexed table",
            &rates.ours_whole,
            &rates.index_first,
        ),
        ("copy / load, no index", &rates.ours_copy, &rates.load_only),
    ] {
        println!("  {name:34} {:>9.2}", median_ratio(ours, ceiling));
    }
}

fn one_of_ours(
    runtime: &tokio::runtime::Runtime,
    (source, target): (&DbServer, &DbServer),
    round: usize,
    total: u64,
    rates: &mut Rates,
) -> anyhow::Result<()> {
    clear(target)?;
    let (copying, copied, whole) = runtime.block_on(async {
        let mut running = Running::start(ours::job(&format!("dts-bench-{round}"), source, target));
        let copying = running.reached(Stage::Snapshot).await?;
        let copied = running.reached(Stage::Indexes).await?;
        let whole = running.reached(Stage::Changes).await?;
        running.stopped().await?;
        Ok::<_, anyhow::Error>((copying, copied, whole))
    })?;
    check(target, total)?;
    rates.ours_whole.push(per_second(total, whole));
    rates
        .ours_copy
        .push(per_second(total, copied.saturating_sub(copying)));
    Ok(())
}

fn ceiling(target: &DbServer, files: &[PathBuf], total: u64, rates: &mut Rates) -> anyhow::Result<()> {
    clear(target)?;
    prepare(target, files.len(), true)?;
    let whole = sessions(target, files, load_data)?;
    rates.index_first.push(per_second(total, whole));
    clear(target)?;
    prepare(target, files.len(), false)?;
    let loading = sessions(target, files, load_data)?;
    let building = sessions(target, files, |number, _| {
        format!("ALTER TABLE sbtest.sbtest{number} ADD KEY k_{number} (k);\n")
    })?;
    check(target, total)?;
    rates.load_only.push(per_second(total, loading));
    rates.index_after.push(per_second(total, loading + building));
    Ok(())
}

fn prepare(server: &DbServer, tables: usize, indexed: bool) -> anyhow::Result<()> {
    let mut script = "CREATE DATABASE sbtest;\n".to_owned();
    script.extend((1..=tables).map(|number| create_table(number, indexed)));
    server.run_script(&script)
}

fn clear(server: &DbServer) -> anyhow::Result<()> {
    let control = tidegate_mysql::CONTROL_SCHEMA;
    // The log goes too: what one round wrote must not fill the disk of the next.
    server.run_script(&format!(
        "DROP DATABASE IF EXISTS sbtest; DROP DATABASE IF EXISTS {control}; RESET BINARY LOGS AND GTIDS;"
    ))
}

fn check(server: &DbServer, total: u64) -> anyhow::Result<()> {
    let names =
        server.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'sbtest'")?;
    let mut found = 0;
    for name in names.into_iter().flatten().flatten() {
        let rows = server.sql(&format!("SELECT COUNT(*) FROM sbtest.{name}"))?;
        let count = rows.into_iter().flatten().flatten().next();
        found += count.context("a count")?.parse::<u64>()?;
    }
    anyhow::ensure!(found == total, "{found} of {total} rows are there");
    Ok(())
}

/// Runs one statement a table; tables are dealt out to the sessions, which run at once.
fn sessions(
    server: &DbServer,
    files: &[PathBuf],
    statement: impl Fn(usize, &std::path::Path) -> String,
) -> anyhow::Result<Duration> {
    let mut scripts = vec![String::new(); SESSIONS];
    for (at, file) in files.iter().enumerate() {
        if let Some(script) = scripts.get_mut(at % SESSIONS) {
            script.push_str(&statement(at + 1, file));
        }
    }
    let begun = Instant::now();
    let children: anyhow::Result<Vec<_>> = scripts
        .iter()
        .map(|script| {
            let mut command = server.connected("mysql");
            command.args(["--local-infile=1", "-e", script]);
            Ok(command.spawn()?)
        })
        .collect();
    for mut child in children? {
        let status = child.wait()?;
        anyhow::ensure!(status.success(), "the server's client ended with {status}");
    }
    Ok(begun.elapsed())
}
