//! `tidegate job`: looks at jobs and steers them, one action of the wire API
//! each.
//!
//! What a state allows is the server's to say; its refusals are shown as they are.

use serde::Serialize;
use tidegate_model::{Error, Kind, Result};
use tidegate_rpc::actions::{
    ContinueMigrateJobRequest, DBEndpointInfo, DescribeMigrationDetailAnswer, DescribeMigrationJobsAnswer,
    DescribeMigrationJobsRequest, JobItem, PauseMigrateJobRequest, ResumeMigrateJobRequest,
    StartMigrateJobRequest, StopMigrateJobRequest,
};

use crate::client::Client;
use crate::connection::ServerArgs;
use crate::ending::Ending;
use crate::follow::{self, Came, Display, Goal};
use crate::print::{self, OutputArgs};
use crate::progress::Progress;
use crate::{migrate, record, setup};

/// The largest page that the wire API gives.
const PAGE: u64 = 100;

#[derive(clap::Subcommand, Debug)]
pub enum Args {
    /// All jobs, newest first
    #[command(
        after_help = "Examples:\n  tidegate job list\n  tidegate job list --status running --output json"
    )]
    List(ListArgs),
    /// One job: state, progress, what it allows
    #[command(after_help = "Example:\n  tidegate job show dts-a1b2c3d4")]
    Show(OneArgs),
    /// Show a job's progress until it is caught up or has ended
    #[command(
        after_help = "Example:\n  tidegate job watch dts-a1b2c3d4\n\nCtrl-C ends the watching, not the job."
    )]
    Watch(OneArgs),
    /// Start a job whose precheck has passed
    #[command(after_help = "Example:\n  tidegate job start dts-a1b2c3d4")]
    Start(OneArgs),
    /// Pause a job that runs; it keeps its checkpoint
    #[command(after_help = "Example:\n  tidegate job pause dts-a1b2c3d4")]
    Pause(OneArgs),
    /// Go on with a paused job
    #[command(
        name = "continue",
        after_help = "Example:\n  tidegate job continue dts-a1b2c3d4"
    )]
    Continue(OneArgs),
    /// Try again after an error, from the checkpoint
    #[command(after_help = "Example:\n  tidegate job resume dts-a1b2c3d4")]
    Resume(OneArgs),
    /// Cut over: drain the last changes, compare both sides, end the job
    #[command(
        after_help = "Example:\n  tidegate job complete dts-a1b2c3d4\n\nExit codes: 0 done and equal, 1 different or failed, 2 could not run."
    )]
    Complete(OneArgs),
    /// End a job for good; what is on the target stays
    #[command(after_help = "Example:\n  tidegate job stop dts-a1b2c3d4")]
    Stop(OneArgs),
    /// Remove a job that has ended or never began (isolate and destroy)
    #[command(after_help = "Example:\n  tidegate job remove dts-a1b2c3d4")]
    Remove(OneArgs),
    /// The cutover record: what was compared, and the verdict
    #[command(
        after_help = "Example:\n  tidegate job record dts-a1b2c3d4\n\nExit codes: 0 equal, 1 different, 2 there is no record."
    )]
    Record(OneArgs),
}

#[derive(clap::Args, Debug)]
pub struct ListArgs {
    /// Only jobs in these states, such as running,readyComplete
    #[arg(long, value_name = "STATE,…", value_delimiter = ',')]
    status: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args, Debug)]
pub struct OneArgs {
    /// The job's id, as `tidegate job list` shows it
    #[arg(value_name = "JOB")]
    job: String,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(command: Args) -> Result<Ending> {
    match command {
        Args::List(args) => list(&args).await,
        Args::Show(args) => show(&args).await,
        Args::Watch(args) => watch(&args, Goal::CaughtUp).await,
        Args::Start(args) => {
            told(&args, "StartMigrateJob", |job_id| StartMigrateJobRequest {
                job_id,
            })
            .await
        }
        Args::Pause(args) => {
            told(&args, "PauseMigrateJob", |job_id| PauseMigrateJobRequest {
                job_id,
            })
            .await
        }
        Args::Continue(args) => {
            told(&args, "ContinueMigrateJob", |job_id| ContinueMigrateJobRequest {
                job_id,
            })
            .await
        }
        Args::Resume(args) => told(&args, "ResumeMigrateJob", resumed).await,
        Args::Complete(args) => {
            migrate::complete(&args.server.named()?, &args.job).await?;
            watch(&args, Goal::End).await
        }
        Args::Stop(args) => told(&args, "StopMigrateJob", |job_id| StopMigrateJobRequest { job_id }).await,
        Args::Remove(args) => remove(&args).await,
        Args::Record(args) => shown_record(&args).await,
    }
}

fn resumed(job_id: Option<String>) -> ResumeMigrateJobRequest {
    ResumeMigrateJobRequest {
        job_id,
        resume_option: Some("normal".to_owned()),
    }
}

async fn list(args: &ListArgs) -> Result<Ending> {
    let client = args.server.named()?;
    let mut jobs: Vec<JobItem> = Vec::new();
    loop {
        let request = DescribeMigrationJobsRequest {
            status: (!args.status.is_empty()).then(|| args.status.clone()),
            limit: Some(PAGE),
            offset: u64::try_from(jobs.len()).ok(),
            ..DescribeMigrationJobsRequest::default()
        };
        let answer: DescribeMigrationJobsAnswer = client.call("DescribeMigrationJobs", &request).await?;
        let page = answer.job_list.unwrap_or_default();
        let last = u64::try_from(page.len()).is_ok_and(|length| length < PAGE);
        jobs.extend(page);
        if last {
            break;
        }
    }
    args.output.output.print(&jobs, || {
        print::table(
            ["JOB", "NAME", "STATE", "FROM", "TO", "CREATED (UTC+8)"],
            jobs.iter().map(row),
        )
    })?;
    Ok(Ending::Done)
}

fn row(job: &JobItem) -> [String; 6] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        text(&job.job_id),
        text(&job.job_name),
        text(&job.status),
        place(job.src_info.as_ref()),
        place(job.dst_info.as_ref()),
        text(&job.create_time),
    ]
}

/// `mysql 10.0.0.1:3306`, or an endpoint's name; empty while nothing is configured.
fn place(endpoint: Option<&DBEndpointInfo>) -> String {
    let Some(endpoint) = endpoint else {
        return String::new();
    };
    let info = endpoint.info.iter().flatten().next();
    let host = info
        .and_then(|info| info.host.as_deref())
        .filter(|host| !host.is_empty());
    let named = info
        .and_then(|info| info.instance_id.as_deref())
        .filter(|id| !id.is_empty());
    let place = match (host, named) {
        (Some(host), _) => format!("{host}:{}", info.and_then(|info| info.port).unwrap_or_default()),
        (None, Some(id)) => id.to_owned(),
        (None, None) => String::new(),
    };
    format!(
        "{} {place}",
        endpoint.database_type.as_deref().unwrap_or_default()
    )
    .trim()
    .to_owned()
}

async fn show(args: &OneArgs) -> Result<Ending> {
    let detail = setup::detail(&args.server.named()?, &args.job).await?;
    args.output.output.print(&detail, || shown(&detail))?;
    Ok(Ending::Done)
}

fn shown(detail: &DescribeMigrationDetailAnswer) -> String {
    let progress = Progress::read(detail);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    // The wire API's own zone.
    let time = |value: &Option<String>| match text(value) {
        known if known.is_empty() || known.starts_with("0000") => String::new(),
        known => format!("{known} (UTC+8)"),
    };
    let allowed = detail
        .action
        .as_ref()
        .and_then(|action| action.allowed_action.clone())
        .unwrap_or_default();
    let class = detail
        .trade_info
        .as_ref()
        .map(|trade| (text(&trade.instance_class), text(&trade.trade_status)));
    let (class, trade) = class.unwrap_or_default();
    let option = detail.migrate_option.clone().unwrap_or_default();
    let mut facts = vec![
        ("job", text(&detail.job_id)),
        ("name", text(&detail.job_name)),
        ("state", progress.status.clone()),
        ("from", place(detail.src_info.as_ref())),
        ("to", place(detail.dst_info.as_ref())),
        ("type", text(&option.migrate_type)),
        ("class", class),
        ("contract", trade),
        ("created", time(&detail.create_time)),
        ("started", time(&detail.start_time)),
        ("ended", time(&detail.end_time)),
        ("allows", allowed.join(" ")),
    ];
    if !progress.step.is_empty() {
        facts.push(("progress", format!("{}%  {}", progress.percent, progress.line())));
    }
    if let Some(cutover) = &progress.cutover {
        facts.push(("cutover", record::verdict(cutover)));
    }
    for warning in &progress.warnings {
        facts.push(("warning", warning.clone()));
    }
    let mut lines: Vec<String> = facts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name:<10} {value}"))
        .collect();
    if detail
        .error_info
        .as_ref()
        .is_some_and(|errors| !errors.is_empty())
    {
        lines.push(follow::trouble(detail));
    }
    lines.join("\n")
}

/// Watches to the goal. At the end of a job, prints its record.
async fn watch(args: &OneArgs, goal: Goal) -> Result<Ending> {
    let client = args.server.named()?;
    let mut display = Display::new();
    let (came, detail) = tokio::select! {
        followed = follow::follow(&client, &args.job, goal, &mut display) => followed?,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("\nleft: the job goes on at {}", client.url());
            return Ok(Ending::CouldNotRun);
        }
    };
    match came {
        Came::CaughtUp => {
            eprintln!("caught up: cut over with `tidegate job complete {}`", args.job);
            args.output.output.print(&detail, || shown(&detail))?;
            Ok(Ending::Done)
        }
        Came::Success => record_of(args, &detail),
        Came::InTrouble => {
            eprintln!("error: {}", follow::trouble(&detail));
            args.output.output.print(&detail, || shown(&detail))?;
            Ok(Ending::Failed)
        }
    }
}

async fn told<T: Serialize>(
    args: &OneArgs,
    action: &str,
    request: impl FnOnce(Option<String>) -> T,
) -> Result<Ending> {
    let client = args.server.named()?;
    client.tell(action, &request(Some(args.job.clone()))).await?;
    said(args, &client).await
}

/// The state right after an action; it may still be a passing one.
async fn said(args: &OneArgs, client: &Client) -> Result<Ending> {
    let detail = setup::detail(client, &args.job).await?;
    let state = detail.status.clone().unwrap_or_default();
    args.output
        .output
        .print(&detail, || format!("{} is {state}", args.job))?;
    Ok(Ending::Done)
}

async fn remove(args: &OneArgs) -> Result<Ending> {
    setup::remove(&args.server.named()?, &args.job).await?;
    let gone = serde_json::json!({ "job": args.job, "removed": true });
    args.output
        .output
        .print(&gone, || format!("{} is removed", args.job))?;
    Ok(Ending::Done)
}

async fn shown_record(args: &OneArgs) -> Result<Ending> {
    let detail = setup::detail(&args.server.named()?, &args.job).await?;
    record_of(args, &detail)
}

fn record_of(args: &OneArgs, detail: &DescribeMigrationDetailAnswer) -> Result<Ending> {
    let cutover = Progress::read(detail).cutover.ok_or_else(|| {
        let state = detail.status.as_deref().unwrap_or_default();
        Error::new(
            Kind::NotFound,
            format!("{} has no cutover record: it is {state}", args.job),
        )
        .remedy("a record is made when a job with changes is completed: `tidegate job complete JOB`")
    })?;
    args.output.output.print(&cutover, || record::text(&cutover))?;
    Ok(record::ending(&cutover))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places() {
        let check = |endpoint: serde_json::Value, expected: &str| {
            let endpoint: DBEndpointInfo = serde_json::from_value(endpoint).expect("an endpoint");
            assert_eq!(place(Some(&endpoint)), expected);
        };
        check(
            json!({"DatabaseType": "mysql", "Info": [{"Host": "h", "Port": 3307}]}),
            "mysql h:3307",
        );
        check(
            json!({"DatabaseType": "mysql", "Info": [{"InstanceId": "cdb-shop", "Host": ""}]}),
            "mysql cdb-shop",
        );
        check(json!({"DatabaseType": "mysql"}), "mysql");
        assert_eq!(place(None), "");
    }

    #[test]
    fn a_job_is_shown_with_what_is_known() {
        let detail = json!({"JobId": "dts-1", "Status": "error", "Action": {"AllowedAction": ["view", "resume"]},
            "ErrorInfo": [{"ErrorLog": "disk full", "Solution": "make room"}],
            "StepInfo": {"StepInfo": [{"StepId": "dumper", "StepName": "dumper", "Status": "running", "Percent": 40}]}});
        let text = shown(&serde_json::from_value(detail).expect("a detail"));
        assert_eq!(
            text,
            "job        dts-1\nstate      error\nallows     view resume\nprogress   40%  error\n\
             the job is error\n  why: disk full\n  do:  make room"
        );
    }
}
