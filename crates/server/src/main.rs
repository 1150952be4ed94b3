//! The tidegate binary: `tidegate serve`, and the subcommands of the command line.
//!
//! It wires what the other crates give: engines into control, control into the
//! wire API, the wire API into the front.

mod api;
mod backup;
mod config;
mod credentials;
mod embedded;
mod http;
mod logs;
mod memory;
mod metrics;
mod operator;
mod rates;
mod runs;
mod serve;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, ServeArgs};
use crate::embedded::Embedded;
use crate::serve::Server;

#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    version,
    about = "Moves live databases, and proves that they are equal"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "one value in the life of the process")]
enum Command {
    /// Run the server: the wire API, and the jobs
    Serve(ServeArgs),
    /// Put a backup of the store into a folder, for a server to start on
    Restore(backup::RestoreArgs),
    #[command(flatten)]
    Line(tidegate_cli::Command),
}

/// Could not run at all; 1 is for results that differ or failed.
const EXIT_COULD_NOT: u8 = 2;

fn main() -> ExitCode {
    memory::set_up();
    // Once, before any TLS: the provider must not be left to guessing.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        return refuse(&anyhow::anyhow!("a TLS provider is installed already"));
    }
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime.context("the runtime does not start") {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => match serve(args).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => refuse(&error),
            },
            Command::Restore(args) => match backup::restore(&args) {
                Ok(text) => {
                    // There is nowhere left to say that standard output is closed.
                    let _ = writeln!(std::io::stdout(), "{text}");
                    ExitCode::SUCCESS
                }
                Err(error) => refuse(&error),
            },
            Command::Line(command) => tidegate_cli::run(command, &Embedded).await,
        }
    })
}

fn refuse(error: &anyhow::Error) -> ExitCode {
    // There is nowhere left to say that standard error is closed.
    let _ = writeln!(std::io::stderr(), "tidegate: {error:#}");
    ExitCode::from(EXIT_COULD_NOT)
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let config = Config::read(args)?;
    logs::start(config.log);
    // Before the server says that it listens: whoever reads that may stop it at once.
    let stop = stop_on_signal()?;
    let server = Server::open(&config).await?;
    announce(&server);
    server.serve(stop).await
}

/// On standard output, for whoever started it. A server serves on when nobody reads that.
fn announce(server: &Server) {
    let from = match server.credentials_from() {
        credentials::From::Environment => "the environment".to_owned(),
        credentials::From::File(path) => path.display().to_string(),
    };
    let (url, id) = (server.url(), &server.credentials().secret_id);
    let mut out = std::io::stdout();
    let written = write!(
        out,
        "tidegate listens on {url}\nSecretId {id}; SecretKey in {from}\n"
    );
    if written.and_then(|()| out.flush()).is_err() {
        tracing::warn!(%url, "nobody reads the standard output");
    }
}

/// SIGTERM or SIGINT stops the server; a second one ends it where it stands, which
/// is safe: what a checkpoint does not hold is done again.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let told = stop.clone();
    TaskTracker::new().spawn(async move {
        for code in [None, Some(i32::from(EXIT_COULD_NOT))] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            match code {
                None => told.cancel(),
                Some(code) => std::process::exit(code),
            }
        }
    });
    Ok(stop)
}
