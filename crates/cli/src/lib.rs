//! The subcommands of `tidegate` that work on jobs, one file each.
//!
//! They speak the public wire API alone: what they can do, any SDK can do. A
//! server is named by `--server`, or an embedded one is started through
//! `EmbeddedServer`, which the binary implements. Human tables on stdout by
//! default, `--output json` for programs; progress and errors on stderr.

mod asking;
mod audit;
mod backup;
mod client;
mod compare;
mod connection;
mod database_url;
mod ending;
mod endpoint;
mod findings;
mod follow;
mod going_on;
mod job;
mod migrate;
mod names;
mod password;
mod precheck;
mod print;
mod progress;
mod record;
mod selection;
mod setup;
mod side;
mod times;
mod tls;
mod user;

use std::path::Path;
use std::process::ExitCode;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

/// Starts a whole server inside this process, on a free port of the loopback.
#[async_trait]
pub trait EmbeddedServer: Send + Sync {
    async fn start(&self, data: &Path) -> anyhow::Result<Running>;
}

/// An embedded server that answers. `stop` lets its runs write their checkpoints.
pub struct Running {
    pub url: String,
    pub secret_id: String,
    pub secret_key: SecretString,
    pub stop: Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({})", self.url)
    }
}

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Move databases to another server, from precheck to cutover
    Migrate(migrate::Args),
    /// Look at jobs and steer them
    #[command(subcommand)]
    Job(job::Args),
    /// Compare both sides of a job, row by row, while it runs
    #[command(subcommand)]
    Compare(compare::Args),
    /// Find out what would stand in a migration's way; changes nothing
    Precheck(precheck::Args),
    /// Register databases by name, for jobs to use
    #[command(subcommand)]
    Endpoint(endpoint::Args),
    /// Give others access to the server, and take it away
    #[command(subcommand)]
    User(user::Args),
    /// See who changed what on the server
    Audit(audit::Args),
    /// Copy the server's store into a file, while it runs
    Backup(backup::Args),
}

/// Runs one subcommand to its end. What went wrong is on stderr by then.
pub async fn run(command: Command, embedded: &dyn EmbeddedServer) -> ExitCode {
    let done = match command {
        Command::Migrate(args) => migrate::run(args, embedded).await,
        Command::Job(args) => job::run(args).await,
        Command::Compare(args) => compare::run(args).await,
        Command::Precheck(args) => precheck::run(args, embedded).await,
        Command::Endpoint(args) => endpoint::run(args).await,
        Command::User(args) => user::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Backup(args) => backup::run(args).await,
    };
    ending::report(done)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser, Debug)]
    struct Binary {
        #[command(subcommand)]
        command: Command,
    }

    /// Every command that does something has examples in its help.
    fn check_help(command: &clap::Command) {
        let mut below = command
            .get_subcommands()
            .filter(|below| below.get_name() != "help")
            .peekable();
        if below.peek().is_none() {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(help.contains("Example"), "{} has no examples", command.get_name());
        }
        below.for_each(check_help);
    }

    #[test]
    fn the_commands_are_sound_and_have_examples() {
        Binary::command().debug_assert();
        check_help(&Binary::command());
    }

    #[test]
    fn arguments() {
        let check = |line: &str, good: bool| {
            let parsed = Binary::try_parse_from(line.split(' '));
            assert_eq!(parsed.is_ok(), good, "{line}: {parsed:?}");
        };
        check("tidegate job list", true);
        check("tidegate job list --status running,success --output json", true);
        check("tidegate job continue dts-1 --server http://127.0.0.1:7437", true);
        check("tidegate job start", false);
        let ends = "--from mysql://u:p@h --to mysql://u:p@k";
        check(
            &format!("tidegate migrate {ends} --databases a,b --rename a=c --until caught-up"),
            true,
        );
        check(
            &format!("tidegate migrate {ends} --tables a.t --type full-and-increment --skip-checks A,B"),
            true,
        );
        check(
            &format!("tidegate migrate {ends} --databases a --tables a.t"),
            false,
        );
        check(&format!("tidegate migrate {ends} --until tomorrow"), false);
        check(&format!("tidegate precheck {ends}"), true);
        check("tidegate migrate --from mysql://u@h", false);
        check("tidegate user add anna --role operator", true);
        check("tidegate user add anna", false);
        check("tidegate user rotate anna --output json", true);
        check("tidegate audit --limit 3", true);
        check("tidegate backup file --key-file key", true);
        check(
            "tidegate endpoint add a --url mysql://u@h --tls verified --tls-ca c",
            true,
        );
        check("tidegate endpoint add a --url mysql://u@h --tls-cert c", false);
    }

    #[test]
    fn no_password_is_in_the_debug_text_of_arguments() {
        let line = "tidegate migrate --from mysql://u:hushhush@h --to mysql://u:hushhush@k";
        let parsed = Binary::try_parse_from(line.split(' ')).expect("parses");
        assert!(!format!("{parsed:?}").contains("hushhush"));
    }
}
