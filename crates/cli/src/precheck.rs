//! `tidegate precheck`: what would stand in a migration's way.
//!
//! Makes a job, has it checked, prints every finding and removes the job again.

use std::path::PathBuf;

use tidegate_model::Result;

use crate::client::Client;
use crate::connection::{ServerArgs, default_data};
use crate::ending::Ending;
use crate::migrate::MovedArgs;
use crate::password::EndsArgs;
use crate::print::OutputArgs;
use crate::selection::SelectionArgs;
use crate::setup::{self, Order};
use crate::{EmbeddedServer, findings};

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tidegate precheck --from mysql://root@10.0.0.1 --to mysql://root@10.0.0.2
  tidegate precheck --from mysql://root@10.0.0.1 --to mysql://root@10.0.0.2 --databases shop --output json

Exit codes: 0 a migration may start, 1 it may not, 2 could not run.")]
pub struct Args {
    #[command(flatten)]
    ends: EndsArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    moved: MovedArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// Where the embedded server keeps its jobs [default: ~/.local/share/tidegate]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(args: Args, starter: &dyn EmbeddedServer) -> Result<Ending> {
    let objects = args.selection.build()?;
    let (from, to) = args.ends.complete()?;
    let data = args.data.clone().unwrap_or_else(default_data);
    let connection = args.server.named_or_embedded(&data, starter).await?;
    let client = &connection.client;
    let done = async {
        let (from, to) = (from.side(client).await?, to.side(client).await?);
        checked(&args, &args.moved.order(from, to, objects), client).await
    }
    .await;
    if let Some(embedded) = connection.embedded {
        embedded.stop().await;
    }
    done
}

async fn checked(args: &Args, order: &Order, client: &Client) -> Result<Ending> {
    let job = setup::create(client, order).await?;
    let answer = async {
        setup::configure(client, &job, order).await?;
        setup::check(client, &job, &args.moved.skip_checks).await
    }
    .await;
    // Removed whatever came of the check; the check's own error matters more.
    let removed = setup::remove(client, &job).await;
    let answer = answer?;
    args.output.output.print(&answer, || {
        format!("{}\n{}", findings::table(&answer), findings::summary(&answer))
    })?;
    removed?;
    Ok(if findings::passed(&answer) {
        Ending::Done
    } else {
        Ending::Failed
    })
}
