//! `tidegate audit`: who asked the server for which change, when, and what came of it.
//!
//! Newest first. The server keeps a bounded number of entries; whoever must keep
//! them longer reads them out in time.

use hyper::Method;
use serde_json::Value;
use tidegate_model::Result;
use tidegate_rpc::operator::{AUDIT, AuditItem, AuditList};

use crate::connection::ServerArgs;
use crate::ending::Ending;
use crate::print::{self, OutputArgs};
use crate::times;

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tidegate audit
  tidegate audit --limit 100000 --output json > audit.json")]
pub struct Args {
    /// So many of the newest entries
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    limit: usize,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(args: Args) -> Result<Ending> {
    let client = args.server.named()?;
    let mut list = AuditList::default();
    let mut path = AUDIT.to_owned();
    while list.entries.len() < args.limit {
        let place = (Method::GET, path.as_str());
        let page: AuditList = client
            .operate("reading the audit trail", place, None::<&Value>)
            .await?;
        let Some(last) = page.entries.last() else { break };
        path = format!("{AUDIT}/{}", last.number);
        list.entries.extend(page.entries);
    }
    list.entries.truncate(args.limit);
    let header = ["TIME", "CALLER", "ACTION", "ABOUT", "OUTCOME"];
    args.output
        .output
        .print(&list, || print::table(header, list.entries.iter().map(row)))?;
    Ok(Ending::Done)
}

fn row(item: &AuditItem) -> [String; 5] {
    [
        times::shown(item.at_ms),
        item.caller.clone(),
        item.action.clone(),
        item.subject.clone(),
        item.outcome.clone(),
    ]
}
