//! `tidegate user`: who may call the server, and in which role.
//!
//! Speaks the operator's API, as an owner. A secret key is printed when it is made,
//! and never again.

use clap::ValueEnum;
use hyper::Method;
use serde_json::Value;
use tidegate_model::Result;
use tidegate_model::role::Role;
use tidegate_rpc::credentials::Credentials;
use tidegate_rpc::operator::{AddUser, NewKey, USERS, UserItem, UserList, UserState};

use crate::connection::ServerArgs;
use crate::ending::Ending;
use crate::endpoint::checked_name;
use crate::print::{self, OutputArgs};
use crate::times;

#[derive(clap::Subcommand, Debug)]
pub enum Args {
    /// Make a user with a SecretId and SecretKey of its own
    #[command(after_help = "\
Examples:
  tidegate user add anna --role operator > anna.credentials
  tidegate user add dashboard --role viewer --output json")]
    Add(AddArgs),
    /// Users with their roles, without their keys
    #[command(after_help = "Example:\n  tidegate user list")]
    List(ListArgs),
    /// Refuse a user's calls from now on
    #[command(after_help = "Example:\n  tidegate user disable anna")]
    Disable(NameArgs),
    /// Let a disabled user call again
    #[command(after_help = "Example:\n  tidegate user enable anna")]
    Enable(NameArgs),
    /// Make a new SecretKey for a user; the old one is refused from now on
    #[command(after_help = "Example:\n  tidegate user rotate anna > anna.credentials")]
    Rotate(NameArgs),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArg {
    /// Sees jobs
    Viewer,
    /// Does all that jobs need
    Operator,
    /// Keeps users, endpoints and backups too
    Owner,
}

#[derive(clap::Args, Debug)]
pub struct AddArgs {
    /// The name: letters, digits, `_`, `.`, `-`
    name: String,
    /// What the user may do
    #[arg(long, value_enum)]
    role: RoleArg,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(clap::Args, Debug)]
pub struct NameArgs {
    /// The user's name
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
        Args::Disable(args) => set(&args, false).await,
        Args::Enable(args) => set(&args, true).await,
        Args::Rotate(args) => rotate(&args).await,
    }
}

async fn add(args: &AddArgs) -> Result<Ending> {
    checked_name(&args.name)?;
    let request = AddUser {
        name: args.name.clone(),
        role: match args.role {
            RoleArg::Viewer => Role::Viewer,
            RoleArg::Operator => Role::Operator,
            RoleArg::Owner => Role::Owner,
        },
    };
    let place = (Method::POST, USERS);
    let client = args.server.named()?;
    let made: NewKey = client.operate("adding a user", place, Some(&request)).await?;
    show_key(args.output, &args.name, made)
}

async fn rotate(args: &NameArgs) -> Result<Ending> {
    checked_name(&args.name)?;
    let path = format!("{USERS}/{}/key", args.name);
    let place = (Method::POST, path.as_str());
    let client = args.server.named()?;
    let made: NewKey = client.operate("making a new key", place, None::<&Value>).await?;
    show_key(args.output, &args.name, made)
}

/// The text is a credentials file as it stands.
fn show_key(output: OutputArgs, name: &str, made: NewKey) -> Result<Ending> {
    output.output.print(&made, || {
        let both = Credentials {
            secret_id: made.secret_id.clone(),
            secret_key: made.secret_key.clone(),
        };
        format!(
            "# {name}: this key is shown this once; keep it in a file of mode 0600 (--credentials FILE)\n{}",
            both.to_text()
        )
    })?;
    Ok(Ending::Done)
}

async fn list(args: &ListArgs) -> Result<Ending> {
    let place = (Method::GET, USERS);
    let client = args.server.named()?;
    let list: UserList = client.operate("listing users", place, None::<&Value>).await?;
    let header = ["NAME", "ROLE", "STATE", "SECRET ID", "SINCE"];
    args.output
        .output
        .print(&list, || print::table(header, list.users.iter().map(row)))?;
    Ok(Ending::Done)
}

fn row(user: &UserItem) -> [String; 5] {
    let state = if user.enabled { "enabled" } else { "disabled" };
    [
        user.name.clone(),
        user.role.as_str().to_owned(),
        state.to_owned(),
        user.secret_id.clone(),
        if user.created_ms == 0 {
            String::new()
        } else {
            times::shown(user.created_ms)
        },
    ]
}

async fn set(args: &NameArgs, enabled: bool) -> Result<Ending> {
    checked_name(&args.name)?;
    let path = format!("{USERS}/{}", args.name);
    let place = (Method::POST, path.as_str());
    let client = args.server.named()?;
    client
        .operate::<Value>("changing a user", place, Some(&UserState { enabled }))
        .await?;
    let done = serde_json::json!({ "name": args.name, "enabled": enabled });
    let word = if enabled { "enabled" } else { "disabled" };
    args.output
        .output
        .print(&done, || format!("{} is {word}", args.name))?;
    Ok(Ending::Done)
}
