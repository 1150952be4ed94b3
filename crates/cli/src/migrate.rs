//! `tidegate migrate`: a whole migration in one command, from the precheck to
//! the cutover record.
//!
//! Everything happens on the server, named or embedded; this only asks and
//! watches, so leaving it (Ctrl-C) harms nothing. How to go on is always said.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::ValueEnum;
use serde_json::json;
use tidegate_model::Result;
use tidegate_model::report::CutoverRecord;
use tidegate_rpc::actions::{
    CompleteMigrateJobRequest, DatabaseTableObject, DescribeMigrationCheckJobAnswer,
    DescribeMigrationDetailAnswer, StartMigrateJobRequest,
};

use crate::asking::{confirmed, prepared};
use crate::client::Client;
use crate::connection::{Connection, ServerArgs, default_data};
use crate::ending::Ending;
use crate::follow::{self, Came, Display, Goal};
use crate::going_on::{self, Home};
use crate::password::EndsArgs;
use crate::print::{Output, OutputArgs};
use crate::progress::Progress;
use crate::selection::SelectionArgs;
use crate::setup::{self, Order};
use crate::side::Side;
use crate::{EmbeddedServer, findings, record};

#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Args {
    #[command(flatten)]
    ends: EndsArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    moved: MovedArgs,
    /// How far to go; without it, a terminal is asked and a script stops at caught-up
    #[arg(long, value_enum, value_name = "POINT")]
    until: Option<Until>,
    /// A shell command to run once the target has caught up, such as one that stops the
    /// application; where it fails, nothing is cut over
    #[arg(long, value_name = "COMMAND")]
    before_cutover: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// Where the embedded server keeps its jobs [default: ~/.local/share/tidegate]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What the job is to be, beside its two ends and its objects.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct MovedArgs {
    /// Structure alone, with all rows, or with all rows and then every change
    #[arg(long = "type", value_enum, default_value_t = MigrateType::FullAndIncrement, value_name = "TYPE")]
    migrate_type: MigrateType,
    /// Move accounts too, with their password hashes, rights and roles: accounts of the same
    /// name on the target are overwritten
    #[arg(long)]
    accounts: bool,
    /// With --accounts: overwrite the target's root as well
    #[arg(long, requires = "accounts")]
    override_root: bool,
    /// Steps of the precheck that may fail, such as DstEmptyCheck
    #[arg(long, value_name = "STEP,…", value_delimiter = ',')]
    pub(crate) skip_checks: Vec<String>,
    /// A name for the job
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How much of the server the job may use: small, medium, large, xlarge, 2xlarge
    #[arg(long, default_value = "medium", value_name = "CLASS")]
    class: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MigrateType {
    Structure,
    Full,
    FullAndIncrement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Until {
    /// Leave the job when the target has caught up; cut over later
    CaughtUp,
    /// Cut over by itself when the target has caught up
    Complete,
}

const HELP: &str = "\
Examples:
  # Everything, asking before the cutover (passwords are asked for):
  tidegate migrate --from mysql://root@10.0.0.1 --to mysql://root@10.0.0.2

  # Two databases, one under a new name, without questions:
  tidegate migrate --from mysql://root@10.0.0.1 --to mysql://root@10.0.0.2 \\
      --databases shop,crm --rename crm=crm_new --until complete

  # With accounts and their rights, and without what runs by itself:
  tidegate migrate --from mysql://root@10.0.0.1 --to mysql://root@10.0.0.2 \\
      --databases shop --accounts --without triggers,events

  # The application is stopped by a command just before the cutover:
  tidegate migrate --from mysql://root@10.0.0.1 --to mysql://root@10.0.0.2 \\
      --until complete --before-cutover 'systemctl stop shop'

  # One table whose name has a dot, on a running server:
  tidegate migrate --server http://127.0.0.1:7437 --credentials /var/lib/tidegate/credentials \\
      --from mariadb://app@db1:3306 --to mysql://app@db2:3306 --tables 'shop.`order.items`'

Passwords: in the URL (reserved characters as %XX), in a file, in TIDEGATE_FROM_PASSWORD
and TIDEGATE_TO_PASSWORD, or typed. Ctrl-C leaves the job; it is said how to go on.
Exit codes: 0 done and equal (or caught up, where that was asked for), 1 different or failed, 2 could not run.";

/// What must be known when the watching is cut short.
#[derive(Default)]
struct Begun {
    job: OnceLock<String>,
    started: OnceLock<()>,
}

pub(crate) async fn run(args: Args, starter: &dyn EmbeddedServer) -> Result<Ending> {
    let objects = args.selection.build()?;
    let (from, to) = args.ends.complete()?;
    let data = args.data.clone().unwrap_or_else(default_data);
    let connection = args.server.named_or_embedded(&data, starter).await?;
    let client = &connection.client;
    let begun = Begun::default();
    let whole = async {
        let (from, to) = (from.side(client).await?, to.side(client).await?);
        moved(&args, &args.moved.order(from, to, objects), &connection, &begun).await
    };
    let done = tokio::select! {
        done = whole => done,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("\nleft: {}", how_to_go_on(&connection, &begun));
            Ok(Ending::CouldNotRun)
        }
    };
    if let Some(embedded) = connection.embedded {
        embedded.stop().await;
    }
    done
}

impl Args {
    /// What happens when the target has caught up.
    fn at_caught_up(&self) -> AtCaughtUp {
        match self.until {
            Some(Until::Complete) => AtCaughtUp::Complete,
            Some(Until::CaughtUp) => AtCaughtUp::Leave,
            None if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => AtCaughtUp::Ask,
            None => AtCaughtUp::Leave,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtCaughtUp {
    Complete,
    Leave,
    Ask,
}

impl MovedArgs {
    pub(crate) fn order(&self, from: Side, to: Side, objects: DatabaseTableObject) -> Order {
        Order {
            from,
            to,
            objects,
            migrate_type: match self.migrate_type {
                MigrateType::Structure => "structure",
                MigrateType::Full => "full",
                MigrateType::FullAndIncrement => "fullAndIncrement",
            },
            accounts: self.accounts,
            override_root: self.override_root,
            name: self.name.clone(),
            class: self.class.clone(),
        }
    }
}

async fn moved(args: &Args, order: &Order, connection: &Connection, begun: &Begun) -> Result<Ending> {
    let client = &connection.client;
    let job = setup::create(client, order).await?;
    let _ = begun.job.set(job.clone());
    eprintln!(
        "job {job}: {} -> {} on {}",
        order.from.shown,
        order.to.shown,
        client.url()
    );
    let checked = match configured(args, order, client, &job).await {
        Ok(checked) => checked,
        Err(error) => {
            // What went wrong first matters more than a job that is left.
            let _ = setup::remove(client, &job).await;
            return Err(error);
        }
    };
    eprintln!("{}", findings::summary(&checked));
    let troubles = findings::troubles(&checked);
    if !troubles.is_empty() {
        eprintln!("{troubles}");
    }
    if !findings::passed(&checked) {
        args.output.output.print(
            &json!({ "job": job, "verdict": "checkNotPass", "check": checked }),
            String::new,
        )?;
        setup::remove(client, &job).await?;
        eprintln!(
            "error: the precheck failed; nothing was moved, and the job is removed\n  do:  mend what is listed above, or pass over a step with --skip-checks STEP"
        );
        return Ok(Ending::CouldNotRun);
    }
    let job_id = Some(job.clone());
    client
        .tell("StartMigrateJob", &StartMigrateJobRequest { job_id })
        .await?;
    let _ = begun.started.set(());
    watched(args, connection, &job, begun).await
}

async fn configured(
    args: &Args,
    order: &Order,
    client: &Client,
    job: &str,
) -> Result<DescribeMigrationCheckJobAnswer> {
    setup::configure(client, job, order).await?;
    setup::check(client, job, &args.moved.skip_checks).await
}

async fn watched(args: &Args, connection: &Connection, job: &str, begun: &Begun) -> Result<Ending> {
    let client = &connection.client;
    let mut display = Display::new();
    let (mut came, mut detail) = follow::follow(client, job, Goal::CaughtUp, &mut display).await?;
    if came == Came::CaughtUp {
        let progress = Progress::read(&detail);
        let wanted = match args.at_caught_up() {
            AtCaughtUp::Complete => true,
            AtCaughtUp::Leave => false,
            AtCaughtUp::Ask => {
                confirmed(&format!("Caught up ({}). Cut over now? [y/N] ", progress.lag())).await?
            }
        };
        if !wanted {
            eprintln!("caught up: {}", how_to_go_on(connection, begun));
            args.output
                .output
                .print(&json!({ "job": job, "verdict": "caughtUp" }), String::new)?;
            return Ok(Ending::Done);
        }
        (came, detail) = cut_over(args, connection, job, begun).await?;
    }
    if came == Came::InTrouble {
        let state = detail.status.as_deref().unwrap_or_default();
        let next = going_on::after_trouble(job, home(connection), state);
        eprintln!("error: {}\n  then: {next}", follow::trouble(&detail));
        args.output.output.print(
            &json!({ "job": job, "verdict": "failed", "detail": detail }),
            String::new,
        )?;
        return Ok(Ending::Failed);
    }
    ended(
        args.output.output,
        job,
        Progress::read(&detail).cutover,
        args.moved.migrate_type,
    )
}

/// From caught up to the end.
async fn cut_over(
    args: &Args,
    connection: &Connection,
    job: &str,
    begun: &Begun,
) -> Result<(Came, DescribeMigrationDetailAnswer)> {
    let client = &connection.client;
    if let Some(command) = &args.before_cutover {
        prepared(command)
            .await
            .map_err(|error| error.remedy(how_to_go_on(connection, begun)))?;
        // The command may have taken long, and the job another way meanwhile.
        let (came, detail) = follow::follow(client, job, Goal::CaughtUp, &mut Display::new()).await?;
        if came != Came::CaughtUp {
            return Ok((came, detail));
        }
    }
    eprintln!("cutting over: draining the last changes, then comparing both sides");
    complete(client, job).await?;
    follow::follow(client, job, Goal::End, &mut Display::new()).await
}

pub(crate) async fn complete(client: &Client, job: &str) -> Result<()> {
    let request = CompleteMigrateJobRequest {
        job_id: Some(job.to_owned()),
        complete_mode: None,
    };
    client.tell("CompleteMigrateJob", &request).await
}

/// The verdict on a job that the server calls a success.
fn ended(output: Output, job: &str, cutover: Option<CutoverRecord>, kind: MigrateType) -> Result<Ending> {
    let Some(cutover) = cutover else {
        let proof_is_due = kind == MigrateType::FullAndIncrement;
        let verdict = if proof_is_due {
            "Verdict: NOT PROVEN. The job ended and the server gave no record of a comparison."
        } else {
            "Done. Rows were not compared."
        };
        output.print(&json!({ "job": job, "verdict": "notCompared" }), || {
            verdict.to_owned()
        })?;
        return Ok(if proof_is_due {
            Ending::Failed
        } else {
            Ending::Done
        });
    };
    let verdict = if record::is_equal(&cutover) {
        "equal"
    } else {
        "different"
    };
    output.print(
        &json!({ "job": job, "verdict": verdict, "record": cutover }),
        || record::text(&cutover),
    )?;
    Ok(record::ending(&cutover))
}

fn home(connection: &Connection) -> Home<'_> {
    match &connection.embedded {
        None => Home::Server(&connection.url),
        Some(embedded) => Home::Folder(&embedded.data),
    }
}

fn how_to_go_on(connection: &Connection, begun: &Begun) -> String {
    match begun.job.get() {
        Some(job) => going_on::left(job, home(connection), begun.started.get().is_some()),
        None => "no job was made".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_is_done_only_with_a_proof_or_where_none_is_due() {
        let check = |cutover: Option<CutoverRecord>, kind, expected| {
            assert_eq!(
                ended(Output::Json, "dts-1", cutover, kind).expect("prints"),
                expected
            );
        };
        let equal = CutoverRecord {
            equal: true,
            ..CutoverRecord::default()
        };
        check(Some(equal), MigrateType::FullAndIncrement, Ending::Done);
        check(
            Some(CutoverRecord::default()),
            MigrateType::FullAndIncrement,
            Ending::Failed,
        );
        check(None, MigrateType::FullAndIncrement, Ending::Failed);
        check(None, MigrateType::Full, Ending::Done);
        check(None, MigrateType::Structure, Ending::Done);
    }
}
