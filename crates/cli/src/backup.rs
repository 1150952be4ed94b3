//! `tidegate backup`: a copy of the server's store into a file, while it runs.
//!
//! The key that passwords are sealed with is not in it and is never sent: on the
//! server's own machine `--key-file` copies it beside the backup, if asked. The file
//! is whole or not there: it gets its name when its sum is right.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::Value;
use tidegate_model::{Error, Result};
use tidegate_rpc::operator::{BACKUP, BackupMade, BackupPiece};

use crate::client::Client;
use crate::connection::ServerArgs;
use crate::ending::Ending;
use crate::print::{OutputArgs, grouped};

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tidegate backup store.backup
  tidegate backup store.backup --key-file /var/lib/tidegate/key

Without the key the backup holds no readable password. Keep the key apart from it;
`tidegate restore` needs both.")]
pub struct Args {
    /// The file to write; it must not be there
    file: PathBuf,
    /// The server's key file, on this machine: copied to FILE.key
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(args: Args) -> Result<Ending> {
    let key = args.key_file.as_deref();
    let key_copy = named(&args.file, ".key");
    for path in [Some(&args.file), key.map(|_| &key_copy)].into_iter().flatten() {
        if path.exists() {
            return Err(Error::bad_input(format!("{} is there already", path.display()))
                .remedy("give another name: a backup is never overwritten"));
        }
    }
    let client = args.server.named()?;
    let place = (Method::POST, BACKUP);
    let made: BackupMade = client
        .operate("backing up the store", place, None::<&Value>)
        .await?;
    let half = named(&args.file, ".part");
    let fetched = fetch(&client, &made, &half).await;
    // The next backup replaces a copy that stayed.
    let _: Result<Value> = client
        .operate("removing the copy", (Method::DELETE, BACKUP), None::<&Value>)
        .await;
    if let Err(error) = fetched {
        let _ = std::fs::remove_file(&half);
        return Err(error);
    }
    std::fs::rename(&half, &args.file).map_err(unwritable(&args.file))?;
    if let Some(key) = key {
        let bytes = std::fs::read(key).map_err(|error| {
            Error::needs_user(format!("cannot read the key file {}", key.display())).caused_by(error)
        })?;
        let mut copy = private(&key_copy).map_err(unwritable(&key_copy))?;
        copy.write_all(&bytes)
            .and_then(|()| copy.sync_all())
            .map_err(unwritable(&key_copy))?;
    }
    let done = serde_json::json!({
        "file": args.file, "bytes": made.bytes, "sha256": made.sha256,
        "key": key.map(|_| &key_copy),
    });
    args.output.output.print(&done, || {
        let key = match key {
            Some(_) => format!(
                "The key is in {}: keep it apart from the backup.",
                key_copy.display()
            ),
            None => "The key file is not in it: keep a copy of DIR/key as well, or its passwords are lost."
                .to_owned(),
        };
        format!("{}: {} bytes. {key}", args.file.display(), grouped(made.bytes))
    })?;
    Ok(Ending::Done)
}

async fn fetch(client: &Client, made: &BackupMade, path: &Path) -> Result<()> {
    let broken = || {
        Error::retry("the backup did not arrive whole").remedy("try again; nobody else may back up meanwhile")
    };
    // Left over from one that was broken off.
    let _ = std::fs::remove_file(path);
    let mut file = private(path).map_err(unwritable(path))?;
    let mut sum = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut have = 0;
    while have < made.bytes {
        let place = format!("{BACKUP}/{have}");
        let piece: BackupPiece = client
            .operate(
                "fetching the backup",
                (Method::GET, place.as_str()),
                None::<&Value>,
            )
            .await?;
        let bytes = STANDARD.decode(piece.data).map_err(|_| broken())?;
        if bytes.is_empty() {
            return Err(broken());
        }
        file.write_all(&bytes).map_err(unwritable(path))?;
        sum.update(&bytes);
        have += bytes.len() as u64;
    }
    file.sync_all().map_err(unwritable(path))?;
    let sum = sum.finish();
    let digits: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if digits != made.sha256 {
        return Err(broken());
    }
    Ok(())
}

fn private(path: &Path) -> std::io::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |error| {
        Error::needs_user(format!("cannot write {path}"))
            .caused_by(error)
            .remedy("check the folder, its permissions, and the room on its disk")
    }
}

fn named(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
