//! A copy of the store for the operator, and putting one in its place.
//!
//! The copy is made in the data folder while the server runs, and is fetched in
//! pieces, so its size is bound by no request. One is held at a time: it goes when
//! it was fetched, with the next one, and at the next start. The key file is not in it.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use aws_lc_rs::digest::{Context, SHA256};
use tidegate_rpc::ApiError;
use tidegate_rpc::operator::BackupMade;
use tokio::sync::Mutex;

pub(crate) const STORE: &str = "tidegate.db";
const COPY: &str = "backup.new";
/// 4 MiB make 5.6 MiB of JSON: well below the 64 MiB that a caller reads at most.
const PIECE_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(crate) struct Backups {
    data: PathBuf,
    /// Held while a copy is made or removed.
    making: Mutex<()>,
}

impl Backups {
    pub(crate) fn new(data: &Path) -> Backups {
        let backups = Backups {
            data: data.to_owned(),
            making: Mutex::new(()),
        };
        backups.forget();
        backups
    }

    pub(crate) async fn make(&self) -> Result<BackupMade, ApiError> {
        let _making = self.making.lock().await;
        self.forget();
        let (store, copy) = (self.data.join(STORE), self.data.join(COPY));
        let made = tokio::task::spawn_blocking(move || {
            // Made before, so that nobody else can read it at any moment.
            private(&copy)?;
            tidegate_meta::back_up(&store, &copy)?;
            let (bytes, sha256) = sum(&copy)?;
            anyhow::Ok(BackupMade { bytes, sha256 })
        });
        let made = made
            .await
            .map_err(|_| ApiError::internal("the backup broke off"))?;
        made.map_err(|error| {
            self.forget();
            ApiError::internal(format!(
                "the backup failed: {error:#}. Check that the data folder has room for a second copy of the store"
            ))
        })
    }

    /// Base64's input; empty at the end.
    pub(crate) async fn piece(&self, offset: u64) -> Result<Vec<u8>, ApiError> {
        let copy = self.data.join(COPY);
        let read = tokio::task::spawn_blocking(move || {
            let file = File::open(copy)?;
            let mut bytes = vec![0; PIECE_BYTES];
            let mut have = 0;
            while let Some(room) = bytes.get_mut(have..).filter(|room| !room.is_empty()) {
                match file.read_at(room, offset + have as u64)? {
                    0 => break,
                    count => have += count,
                }
            }
            bytes.truncate(have);
            std::io::Result::Ok(bytes)
        });
        let read = read
            .await
            .map_err(|_| ApiError::internal("the backup broke off"))?;
        read.map_err(|_| ApiError::not_found("there is no backup to fetch: make one first"))
    }

    pub(crate) async fn remove(&self) {
        let _making = self.making.lock().await;
        self.forget();
    }

    /// What is not there is as good as removed.
    fn forget(&self) {
        for name in [COPY, "backup.new-journal"] {
            let _ = std::fs::remove_file(self.data.join(name));
        }
    }
}

fn private(path: &Path) -> std::io::Result<File> {
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

fn sum(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut sum, mut bytes) = (Context::new(&SHA256), 0);
    let mut piece = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        sum.update(piece.get(..count).unwrap_or_default());
        bytes += count as u64;
    }
    let digits = sum.finish();
    let digits: String = digits.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, digits))
}

/// Options of `tidegate restore`.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    tidegate restore store.backup --data /var/lib/tidegate --key-file store.backup.key\n  \
    tidegate restore store.backup --data data --force\n\n\
Stop the server that the backup is of, before one starts on this folder: jobs under way go on by themselves.")]
pub(crate) struct RestoreArgs {
    /// A file of `tidegate backup`
    file: PathBuf,
    /// Folder that a server will use; no server may use it now
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The key that the store's passwords are sealed with, to be put at DIR/key
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Replace the store that is there; it is kept as tidegate.db.replaced
    #[arg(long)]
    force: bool,
}

/// Gives what to say about it.
pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<String> {
    let said = |error: tidegate_model::Error| {
        anyhow::anyhow!("{error}. {}", error.remedy_text().unwrap_or_default())
    };
    let jobs = tidegate_meta::check_backup(&args.file).map_err(said)?;
    let _lock = crate::serve::take(&args.data)?;
    let (store, key) = (args.data.join(STORE), args.data.join("key"));
    if store.exists() && !args.force {
        bail!(
            "{} is there already: give another folder, or --force to replace it",
            store.display()
        );
    }
    if let Some(from) = &args.key_file {
        put_key(from, &key, args.force)?;
    }
    let half = args.data.join("restore.new");
    let write = || -> anyhow::Result<()> {
        std::io::copy(&mut File::open(&args.file)?, &mut private(&half)?)?;
        File::open(&half)?.sync_all()?;
        for end in ["", "-wal", "-shm"] {
            let old = args.data.join(format!("{STORE}{end}"));
            if old.exists() {
                std::fs::rename(&old, args.data.join(format!("{STORE}.replaced{end}")))?;
            }
        }
        std::fs::rename(&half, &store)?;
        File::open(&args.data)?.sync_all()?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", store.display()))?;
    let mut text = format!("{jobs} jobs are restored to {}", args.data.display());
    if !key.exists() {
        text.push_str(&format!(
            "\nThe key that their passwords are sealed with is not in a backup: put it at {} (mode 0600), \
             or name it with --key-file, before a server starts",
            key.display()
        ));
    }
    Ok(text)
}

/// A key is never overwritten by another one: the passwords of the old store would be lost.
fn put_key(from: &Path, to: &Path, force: bool) -> anyhow::Result<()> {
    let bytes = std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if let Ok(have) = std::fs::read(to) {
        if have == bytes {
            return Ok(());
        }
        if !force {
            bail!("{} is another key: move it away first", to.display());
        }
        std::fs::rename(to, to.with_extension("replaced"))?;
    }
    let mut file = private(to).with_context(|| format!("cannot write {}", to.display()))?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    std::io::Write::write_all(&mut file, &bytes)?;
    file.sync_all()?;
    Ok(())
}
