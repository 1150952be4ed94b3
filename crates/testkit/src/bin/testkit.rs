//! The testkit by hand, for `./test`, `quickstart`, benchmarks and people:
//! fetches, starts, lists and stops servers. Answers are JSON on standard output.

#![allow(clippy::print_stdout, reason = "a command line answers on standard output")]

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use tidegate_testkit::servers::{self, DbServer, Flavor};

const HELP: &str = "testkit: real database servers on 127.0.0.1, for tests

  testkit fetch [FLAVOR…]                    fetches these, or all; no network if they are there
  testkit fetch-sdks                         installs the SDKs that tests use, and prints where
  testkit start FLAVOR [--set --x=y…] [--keep]
                                             starts a server and prints where it is; with --keep it
                                             stays, else it ends with this command (Ctrl-C)
  testkit list                               servers that run
  testkit stop --all | PID                   ends one, or all that were kept or left behind
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "testkit: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let (verb, rest) = arguments.split_first().context(HELP)?;
    match verb.as_str() {
        "fetch" => fetch(rest),
        "fetch-sdks" => print(&tidegate_testkit::sdks()?),
        "start" => start(rest),
        "list" => print(&servers::list()?),
        "stop" => stop(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("no such command: {other}\n{HELP}"),
    }
}

fn fetch(names: &[String]) -> anyhow::Result<()> {
    let mut flavors = names
        .iter()
        .map(|name| flavor(name))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if flavors.is_empty() {
        flavors = Flavor::ALL.to_vec();
    }
    let begun = std::time::Instant::now();
    servers::fetch(&flavors)?;
    let names: Vec<_> = flavors.iter().map(|flavor| flavor.name()).collect();
    print(&serde_json::json!({
        "home": servers::home()?, "flavors": names, "seconds": begun.elapsed().as_secs_f32(),
    }))
}

fn start(arguments: &[String]) -> anyhow::Result<()> {
    let (name, mut rest) = arguments.split_first().context("start what?")?;
    let (mut settings, mut keep) = (Vec::new(), false);
    while let Some((option, after)) = rest.split_first() {
        rest = after;
        match option.as_str() {
            "--keep" => keep = true,
            "--set" => {
                let (setting, after) = rest.split_first().context("--set wants --name=value")?;
                settings.push(setting.clone());
                rest = after;
            }
            other => bail!("no such option: {other}"),
        }
    }
    let mut server = DbServer::start_blocking(flavor(name)?, &settings)?;
    if keep {
        server.keep();
        return print(&server.listed());
    }
    print(&server.listed())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    })?;
    Ok(())
}

fn stop(arguments: &[String]) -> anyhow::Result<()> {
    let which = match arguments {
        [all] if all == "--all" => None,
        [pid] => Some(pid.parse().context("stop --all, or stop PID")?),
        _ => bail!("stop --all, or stop PID"),
    };
    let stopped = servers::stop(which)?;
    if stopped == 0 && which.is_some() {
        bail!("no server of the testkit has this pid");
    }
    print(&serde_json::json!({ "stopped": stopped }))
}

fn flavor(name: &str) -> anyhow::Result<Flavor> {
    let known: Vec<_> = Flavor::ALL.iter().map(|flavor| flavor.name()).collect();
    Flavor::parse(name).with_context(|| format!("no such flavor: {name}; there are {}", known.join(", ")))
}

fn print(answer: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(answer)?);
    Ok(())
}
