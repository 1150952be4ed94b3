//! `tidegate endpoint`: databases that the operator registers by name, so that
//! jobs can use them without knowing their passwords.
//!
//! Speaks the operator's API. A registered name stands for address and account
//! alike in `--from endpoint:NAME` and in the wire API's `InstanceId` (`cdb`).

use hyper::Method;
use secrecy::ExposeSecret;
use serde_json::Value;
use tidegate_model::{Error, Result};
use tidegate_rpc::operator::{ENDPOINTS, EndpointItem, EndpointList, PutEndpoint};

use crate::connection::ServerArgs;
use crate::database_url::DatabaseUrl;
use crate::ending::Ending;
use crate::password;
use crate::print::{self, OutputArgs};
use crate::tls::TlsArgs;

#[derive(clap::Subcommand, Debug)]
pub enum Args {
    /// Register a database under a name, or change what a name stands for
    #[command(after_help = "\
Examples:
  tidegate endpoint add shop --url mysql://app@10.0.0.1:3306 --password-file shop.pw
  tidegate endpoint add shop --url mysql://app@db.example.org --tls verified
  tidegate endpoint add shop --url mysql://app@10.0.0.1 --tls-ca ca.pem --tls-cert app.pem --tls-key app.key")]
    Add(AddArgs),
    /// Registered databases, without their passwords
    #[command(after_help = "Example:\n  tidegate endpoint list --output json")]
    List(ListArgs),
    /// Forget a name that no job uses
    #[command(after_help = "Example:\n  tidegate endpoint remove shop")]
    Remove(RemoveArgs),
}

#[derive(clap::Args)]
pub struct AddArgs {
    /// The name: letters, digits, `_`, `.`, `-`
    name: String,
    /// mysql://user[:password]@host:port (or mariadb, percona, cynosdbmysql)
    #[arg(long, value_name = "URL")]
    url: String,
    /// File with the password (or TIDEGATE_ENDPOINT_PASSWORD; asked for otherwise)
    #[arg(long, value_name = "FILE")]
    password_file: Option<std::path::PathBuf>,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// The URL may hold a password.
impl std::fmt::Debug for AddArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AddArgs({})", self.name)
    }
}

#[derive(clap::Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args, Debug)]
pub struct RemoveArgs {
    /// The name
    name: String,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(command: Args) -> Result<Ending> {
    match command {
        Args::Add(args) => add(&args).await,
        Args::List(args) => list(&args).await,
        Args::Remove(args) => remove(&args).await,
    }
}

async fn add(args: &AddArgs) -> Result<Ending> {
    checked_name(&args.name)?;
    let url = DatabaseUrl::parse("--url", &args.url)?;
    let asked = "TIDEGATE_ENDPOINT_PASSWORD, or give --password-file FILE";
    let url = password::completed(
        url,
        "TIDEGATE_ENDPOINT_PASSWORD",
        asked,
        args.password_file.as_deref(),
    )?;
    let tls = args.tls.over(&url.tls).read()?;
    let request = PutEndpoint {
        name: args.name.clone(),
        database_type: url.engine.clone(),
        host: url.host.clone(),
        port: url.port,
        user: url.user.clone(),
        password: url
            .password
            .as_ref()
            .map_or("", |password| password.expose_secret())
            .to_owned(),
        tls: tls.mode.map(str::to_owned),
        ca: tls.ca,
        client_cert: tls.cert,
        client_key: tls.key,
    };
    let client = args.server.named()?;
    let place = (Method::POST, ENDPOINTS);
    client
        .operate::<Value>("adding an endpoint", place, Some(&request))
        .await?;
    let done = serde_json::json!({ "name": args.name, "added": true });
    args.output.output.print(&done, || {
        format!("{} is {url}; use it as endpoint:{}", args.name, args.name)
    })?;
    Ok(Ending::Done)
}

async fn list(args: &ListArgs) -> Result<Ending> {
    let place = (Method::GET, ENDPOINTS);
    let list: EndpointList = args
        .server
        .named()?
        .operate("listing endpoints", place, None::<&Value>)
        .await?;
    let header = ["NAME", "TYPE", "ADDRESS", "USER", "TLS", "USED BY"];
    args.output
        .output
        .print(&list, || print::table(header, list.endpoints.iter().map(row)))?;
    Ok(Ending::Done)
}

fn row(item: &EndpointItem) -> [String; 6] {
    [
        item.name.clone(),
        item.database_type.clone(),
        format!("{}:{}", item.host, item.port),
        item.user.clone(),
        match item.has_client_cert {
            true => format!("{}, client certificate", item.tls),
            false => item.tls.clone(),
        },
        item.used_by.join(" "),
    ]
}

async fn remove(args: &RemoveArgs) -> Result<Ending> {
    checked_name(&args.name)?;
    let path = format!("{ENDPOINTS}/{}", args.name);
    let place = (Method::DELETE, path.as_str());
    args.server
        .named()?
        .operate::<Value>("removing an endpoint", place, None::<&Value>)
        .await?;
    let done = serde_json::json!({ "name": args.name, "removed": true });
    args.output
        .output
        .print(&done, || format!("{} is removed", args.name))?;
    Ok(Ending::Done)
}

/// A name goes into a path: only what needs no quoting there.
pub(crate) fn checked_name(name: &str) -> Result<()> {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || b"_.-".contains(&letter);
    if (1..=60).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    Err(Error::bad_input(format!("`{name}` is no endpoint's name"))
        .remedy("use 1 to 60 letters, digits and any of `_.-`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["shop", "a.b-c_9", "x"] {
            assert!(checked_name(name).is_ok(), "{name}");
        }
        for name in ["", "a/b", "a b", "ä", &"x".repeat(61)] {
            assert!(checked_name(name).is_err(), "{name}");
        }
    }
}
