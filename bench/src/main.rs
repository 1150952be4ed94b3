//! Benchmarks beside the raw ceiling of the same machine: what the two servers do
//! with no tool between them.
//!
//! Each one starts servers of its own, alternates its rounds between us and the
//! ceiling, and prints medians and ratios. Nothing is asserted: README.md here says
//! what each number means and what it was on which machine.

#![allow(clippy::print_stdout, reason = "figures are what this program is for")]

mod catch_up;
mod figures;
mod memory;
mod ours;
mod rows;
mod snapshot;

use std::process::ExitCode;

use anyhow::{Context, bail};

const USAGE: &str = "\
bench snapshot [--rounds N] [--large]    rows/s beside LOAD DATA LOCAL by two sessions
bench catch-up [--rounds N]              row changes/s beside the server's own replica
bench memory [--only rows|transaction|tables] [--tables N]   peak of resident memory of `tidegate migrate`";

/// What the command line says.
#[derive(Debug)]
struct Wanted {
    rounds: usize,
    large: bool,
    tables: usize,
    only: Option<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let Some((name, options)) = arguments.split_first() else {
        bail!("{USAGE}");
    };
    let wanted = read(options)?;
    // The binary does the same: TLS must not be left to guessing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    println!("load average at the start: {}", figures::load_average());
    match name.as_str() {
        "snapshot" => snapshot::run(wanted.rounds, wanted.large)?,
        "catch-up" => catch_up::run(wanted.rounds)?,
        "memory" => memory::run(wanted.only.as_deref(), wanted.tables)?,
        _ => bail!("{USAGE}"),
    }
    println!("load average at the end: {}", figures::load_average());
    Ok(())
}

fn read(options: &[String]) -> anyhow::Result<Wanted> {
    let mut wanted = Wanted {
        rounds: 5,
        large: false,
        tables: memory::TABLES,
        only: None,
    };
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match option.as_str() {
            "--large" => wanted.large = true,
            "--rounds" => {
                let number = options.next().context("--rounds N")?;
                wanted.rounds = number.parse().context("--rounds N")?;
            }
            "--tables" => {
                let number = options.next().context("--tables N")?;
                wanted.tables = number.parse().context("--tables N")?;
            }
            "--only" => wanted.only = Some(options.next().context("--only NAME")?.clone()),
            _ => bail!("{USAGE}"),
        }
    }
    Ok(wanted)
}
