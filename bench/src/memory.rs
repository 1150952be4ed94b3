//! Peak of the resident memory of the real `tidegate migrate` (the server is inside it),
//! as the system counts it (`VmHWM`), in three jobs that would fill a careless one.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tidegate_testkit::DbServer;

use crate::ours;
use crate::rows::Folder;

/// How often the process is looked at; the system keeps the peak between looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

const WIDE_ROWS: usize = 150;
const WIDE_MIB: usize = 4;
pub(crate) const TABLES: usize = 2_000;

pub(crate) fn run(only: Option<&str>, tables: usize) -> anyhow::Result<()> {
    let program = std::env::current_exe()?.with_file_name("tidegate");
    if !program.is_file() {
        bail!(
            "{} is not there: cargo build --release -p tidegate-server",
            program.display()
        );
    }
    let many = format!("{tables} tables");
    let jobs = [
        ("rows", "snapshot of 150 rows of 4 MiB"),
        ("transaction", "one transaction of 1 GB"),
        ("tables", many.as_str()),
    ];
    for (name, what) in jobs {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let (source, target) = (ours::server()?, ours::server()?);
        match name {
            "rows" => wide_rows(&source)?,
            "tables" => many_tables(&source, tables)?,
            _ => little(&source)?,
        }
        let begun = Instant::now();
        let peak = peak_of(&program, &source, &target, name == "transaction")?;
        println!(
            "{what:30} peak {:>6.1} MB resident, {:.0} s",
            peak as f64 * 1024.0 / 1e6,
            begun.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn wide_rows(source: &DbServer) -> anyhow::Result<()> {
    let mut script =
        "CREATE DATABASE sbtest; CREATE TABLE sbtest.wide (id int PRIMARY KEY, v longblob NOT NULL);\n"
            .to_owned();
    for id in 1..=WIDE_ROWS {
        // Random bytes, each block with another id before it.
        script.push_str(&format!(
            "INSERT INTO sbtest.wide VALUES ({id}, REPEAT(CONCAT({id}, RANDOM_BYTES(1000)), {}));\n",
            WIDE_MIB * 1024
        ));
    }
    source.run_script(&script)
}

fn little(source: &DbServer) -> anyhow::Result<()> {
    source.run_script(
        "CREATE DATABASE sbtest; CREATE TABLE sbtest.t (id int PRIMARY KEY AUTO_INCREMENT, v varchar(1000) NOT NULL);
         INSERT INTO sbtest.t (v) VALUES ('a');",
    )
}

/// A million rows of 1,000 bytes.
const LARGE_TRANSACTION: &str = "SET SESSION cte_max_recursion_depth = 2000000;
INSERT INTO sbtest.t (v)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
SELECT CONCAT(i, '-', REPEAT('x', 990)) FROM n;
";

fn many_tables(source: &DbServer, tables: usize) -> anyhow::Result<()> {
    let mut script = "CREATE DATABASE sbtest;\nUSE sbtest;\n".to_owned();
    for number in 1..=tables {
        script.push_str(&format!(
            "CREATE TABLE t{number} (id int PRIMARY KEY AUTO_INCREMENT, k int, c varchar(120), KEY (k));\n\
             INSERT INTO t{number} (k, c) VALUES (1, 'a'), (2, 'b'), (3, 'c');\n"
        ));
    }
    source.run_script(&script)
}

/// Bytes in units of 1024, as `/proc` has them.
fn peak_of(program: &Path, source: &DbServer, target: &DbServer, large: bool) -> anyhow::Result<u64> {
    let folder = Folder::new()?;
    let (begun, written) = (folder.path().join("begun"), folder.path().join("written"));
    let mut command = Command::new(program);
    command
        .args(["migrate", "--from", &source.url(), "--to", &target.url()])
        .args(["--databases", "sbtest", "--until", "complete", "--data"])
        .arg(folder.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.path().join("said"))?);
    if large {
        // Caught up: it says so, and waits until the transaction is in the log.
        let wait = format!(
            "touch {}; until test -e {}; do sleep 0.1; done",
            begun.display(),
            written.display()
        );
        command.args(["--before-cutover", &wait]);
    }
    let mut watched = Watched {
        child: command.spawn()?,
        peak: 0,
        said: folder.path().join("said"),
    };
    if large {
        watched.until(|| Ok(begun.exists()))?;
        source.run_script(LARGE_TRANSACTION)?;
        std::fs::write(&written, "")?;
    }
    watched.ended()
}

struct Watched {
    child: Child,
    peak: u64,
    said: PathBuf,
}

impl Watched {
    fn look(&mut self) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        self.peak = self.peak.max(number.unwrap_or(0));
    }

    fn until(&mut self, there: impl Fn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
        while !there()? {
            if let Some(status) = self.child.try_wait()? {
                bail!("tidegate ended with {status}: {}", self.words());
            }
            self.look();
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn ended(mut self) -> anyhow::Result<u64> {
        loop {
            self.look();
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(status.success(), "tidegate ended with {status}: {}", self.words());
                return Ok(self.peak);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn words(&self) -> String {
        std::fs::read_to_string(&self.said)
            .context("it said nothing")
            .unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It has ended, or what watched it has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
