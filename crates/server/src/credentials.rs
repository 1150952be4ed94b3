//! Who may call: from the environment, else from `DIR/credentials`, which the
//! first start makes, mode 0600.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tidegate_rpc::credentials::{Credentials, FILE_NAME, ID_NAME, KEY_NAME};

/// Where the credentials are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Environment,
    File(PathBuf),
}

pub(crate) fn open(data: &Path) -> anyhow::Result<(Credentials, From)> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (set(ID_NAME), set(KEY_NAME)) {
        (Some(secret_id), Some(secret_key)) => {
            let both = Credentials {
                secret_id,
                secret_key,
            };
            Ok((both, From::Environment))
        }
        (None, None) => open_file(data),
        _ => bail!("{ID_NAME} and {KEY_NAME} must both be set, or neither"),
    }
}

pub(crate) fn open_file(data: &Path) -> anyhow::Result<(Credentials, From)> {
    let path = data.join(FILE_NAME);
    if !path.exists() {
        create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mode = std::fs::metadata(&path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        bail!(
            "the credentials file {0} can be read by others: chmod 600 {0}",
            path.display()
        );
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let both = Credentials::from_text(&text).with_context(|| {
        format!(
            "{} holds no {ID_NAME} and {KEY_NAME}: remove it to have new ones made",
            path.display()
        )
    })?;
    Ok((both, From::File(path)))
}

/// Written under another name first, so that half a file is never read.
fn create(path: &Path) -> anyhow::Result<()> {
    let made = Credentials {
        secret_id: format!("AKID{}", letters(32)?),
        secret_key: letters(32)?,
    };
    let half = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&half)?;
    file.write_all(made.to_text().as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&half, path)?;
    Ok(())
}

/// 64 letters, so 6 bits each and no letter likelier than another.
pub(crate) fn letters(count: usize) -> anyhow::Result<String> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789xy";
    let mut bytes = vec![0; count];
    aws_lc_rs::rand::fill(&mut bytes)
        .ok()
        .context("the system gives no random bytes")?;
    let letter = |byte: &u8| {
        LETTERS
            .get(usize::from(byte & 63))
            .copied()
            .map_or('x', char::from)
    };
    Ok(bytes.iter().map(letter).collect())
}
