//! `tidegate compare`: are both sides of a job equal, row by row, while it runs?
//!
//! What was not covered is printed first. Differing rows are shown by their keys.

use tidegate_model::{Error, Kind, Result};
use tidegate_rpc::actions::{
    CompareOptions, CompareTaskItem, CreateCompareTaskAnswer, CreateCompareTaskRequest,
    DescribeCompareDiffItemsAnswer, DescribeCompareDiffItemsRequest, DescribeCompareTasksAnswer,
    DescribeCompareTasksRequest, DiffChunkItem, StartCompareRequest, StopCompareRequest,
};

use crate::client::Client;
use crate::connection::ServerArgs;
use crate::ending::Ending;
use crate::print::{self, OutputArgs};

/// Differing rows shown at once; all of them are in the API's pages.
const ROWS_SHOWN: i64 = 100;
/// More than a job keeps.
const TASKS_MAX: u64 = 100;

#[derive(clap::Subcommand, Debug)]
pub enum Args {
    /// Begin a check of all that the job moves
    #[command(
        after_help = "Examples:\n  tidegate compare start dts-a1b2c3d4\n  tidegate compare start dts-a1b2c3d4 --method rowsCount --threads 4"
    )]
    Start(StartArgs),
    /// The checks of a job, newest first
    #[command(after_help = "Example:\n  tidegate compare list dts-a1b2c3d4")]
    List(JobArgs),
    /// What a check found: what was not covered, then the rows that differ
    #[command(
        after_help = "Example:\n  tidegate compare show dts-a1b2c3d4\n\nExit codes: 0 no difference so far, 1 different, 2 there is no check."
    )]
    Show(OneArgs),
    /// End a check that is under way
    #[command(after_help = "Example:\n  tidegate compare stop dts-a1b2c3d4")]
    Stop(OneArgs),
}

#[derive(clap::Args, Debug)]
pub struct JobArgs {
    /// The job's id, as `tidegate job list` shows it
    #[arg(value_name = "JOB")]
    job: String,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args, Debug)]
pub struct StartArgs {
    /// dataCheck, sampleDataCheck or rowsCount
    #[arg(long, default_value = "dataCheck")]
    method: String,
    /// Percent of the chunks, with sampleDataCheck: 10 to 90
    #[arg(long)]
    sample: Option<i64>,
    /// 1 to 8
    #[arg(long, default_value_t = 1)]
    threads: i64,
    #[command(flatten)]
    of: JobArgs,
}

#[derive(clap::Args, Debug)]
pub struct OneArgs {
    /// The check's id; without it the newest one
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    #[command(flatten)]
    of: JobArgs,
}

pub(crate) async fn run(command: Args) -> Result<Ending> {
    match command {
        Args::Start(args) => start(&args).await,
        Args::List(args) => list(&args).await,
        Args::Show(args) => show(&args).await,
        Args::Stop(args) => stop(&args).await,
    }
}

async fn start(args: &StartArgs) -> Result<Ending> {
    let client = args.of.server.named()?;
    let job_id = Some(args.of.job.clone());
    let request = CreateCompareTaskRequest {
        job_id: job_id.clone(),
        options: Some(CompareOptions {
            method: Some(args.method.clone()),
            sample_rate: args.sample,
            thread_count: Some(args.threads),
            ..CompareOptions::default()
        }),
        ..CreateCompareTaskRequest::default()
    };
    let made: CreateCompareTaskAnswer = client.call("CreateCompareTask", &request).await?;
    let request = StartCompareRequest {
        job_id,
        compare_task_id: made.compare_task_id.clone(),
    };
    client.tell("StartCompare", &request).await?;
    args.of.output.output.print(&made, || {
        format!("{}\n", made.compare_task_id.clone().unwrap_or_default())
    })?;
    Ok(Ending::Done)
}

async fn list(args: &JobArgs) -> Result<Ending> {
    let tasks = tasks(&args.server.named()?, &args.job, None).await?;
    args.output.output.print(&tasks, || {
        print::table(
            [
                "CHECK",
                "NAME",
                "STATE",
                "CONCLUSION",
                "METHOD",
                "CREATED (UTC+8)",
            ],
            tasks.iter().map(row),
        )
    })?;
    Ok(Ending::Done)
}

async fn show(args: &OneArgs) -> Result<Ending> {
    let client = args.of.server.named()?;
    let task = one(&client, args).await?;
    let request = DescribeCompareDiffItemsRequest {
        job_id: Some(args.of.job.clone()),
        compare_task_id: task.compare_task_id.clone(),
        limit: Some(ROWS_SHOWN),
        ..DescribeCompareDiffItemsRequest::default()
    };
    let rows: DescribeCompareDiffItemsAnswer = client.call("DescribeCompareDiffItems", &request).await?;
    let different = task.conclusion.as_deref() == Some("different");
    let items = rows.items.clone().unwrap_or_default();
    let both = serde_json::json!({ "task": &task, "rows": &items });
    args.of.output.output.print(&both, || {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let mut said = format!("{}\n", text(&task.message));
        said.push_str(&print::table(
            [
                "CHECK",
                "NAME",
                "STATE",
                "CONCLUSION",
                "METHOD",
                "CREATED (UTC+8)",
            ],
            [row(&task)],
        ));
        said.push('\n');
        if !items.is_empty() {
            said.push_str(&print::table(
                ["DATABASE", "TABLE", "KEY", "DIFFERENCE", "COLUMNS"],
                items.iter().map(differing),
            ));
        }
        said
    })?;
    Ok(if different { Ending::Failed } else { Ending::Done })
}

async fn stop(args: &OneArgs) -> Result<Ending> {
    let client = args.of.server.named()?;
    let task = one(&client, args).await?;
    let request = StopCompareRequest {
        job_id: Some(args.of.job.clone()),
        compare_task_id: task.compare_task_id,
        force_stop: None,
    };
    client.tell("StopCompare", &request).await?;
    Ok(Ending::Done)
}

async fn one(client: &Client, args: &OneArgs) -> Result<CompareTaskItem> {
    let found = tasks(client, &args.of.job, args.task.clone()).await?;
    let first = found.into_iter().next();
    first.ok_or_else(|| {
        Error::new(Kind::NotFound, "the job has no such consistency check")
            .remedy("See `tidegate compare list`, or begin one with `tidegate compare start`")
    })
}

async fn tasks(client: &Client, job: &str, id: Option<String>) -> Result<Vec<CompareTaskItem>> {
    let request = DescribeCompareTasksRequest {
        job_id: Some(job.to_owned()),
        compare_task_id: id,
        limit: Some(TASKS_MAX),
        ..DescribeCompareTasksRequest::default()
    };
    let answer: DescribeCompareTasksAnswer = client.call("DescribeCompareTasks", &request).await?;
    Ok(answer.items.unwrap_or_default())
}

fn row(task: &CompareTaskItem) -> [String; 6] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        text(&task.compare_task_id),
        text(&task.task_name),
        text(&task.status),
        text(&task.conclusion),
        text(&task.method),
        text(&task.created_at),
    ]
}

fn differing(item: &DiffChunkItem) -> [String; 5] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        text(&item.db_name),
        text(&item.table_name),
        text(&item.identifier),
        text(&item.diff_type),
        item.schema_info.clone().unwrap_or_default().join(","),
    ]
}
