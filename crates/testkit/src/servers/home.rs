//! The folder that everything fetched and every running server lives in, its
//! locks, and the account that servers run as.
//!
//! `TIDEGATE_TESTKIT_HOME` names it; else it is `tidegate-testkit-<uid>` in the
//! system's temporary folder. It may be shared by any number of processes.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// An account that servers run as when the caller is root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The folder, made if it is not there.
pub fn home() -> anyhow::Result<PathBuf> {
    let own = own_uid()?;
    let path = match std::env::var_os("TIDEGATE_TESTKIT_HOME") {
        Some(path) => std::path::absolute(path)?,
        None => std::env::temp_dir().join(format!("tidegate-testkit-{own}")),
    };
    let text = path
        .to_str()
        .context("the testkit's folder has a name that is not UTF-8")?;
    if text
        .chars()
        .any(|c| c.is_whitespace() || "'\"\\#:;$`".contains(c))
    {
        bail!("TIDEGATE_TESTKIT_HOME must not hold blanks, quotes or any of #:;$ ({text})");
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(&path)
        .with_context(|| format!("cannot make {text}"))?;
    let path = fs::canonicalize(&path)?;
    let have = fs::metadata(&path)?;
    // Programs are run from here: nobody else may be able to put one.
    if have.uid() != own || have.mode() & 0o022 != 0 {
        bail!("{text} must belong to this account and be writable by no other");
    }
    if account()?.is_some()
        && let Some(closed) = path
            .ancestors()
            .find(|p| fs::metadata(p).is_ok_and(|m| m.mode() & 0o001 == 0))
    {
        bail!(
            "{} is closed to the account that servers run as; name another folder in TIDEGATE_TESTKIT_HOME",
            closed.display()
        );
    }
    Ok(path)
}

/// The unprivileged account for servers, or nothing where we are one ourselves.
pub(crate) fn account() -> anyhow::Result<Option<Account>> {
    if own_uid()? != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let line = accounts
        .lines()
        .find(|line| line.starts_with("nobody:"))
        .context("no account 'nobody'")?;
    let mut fields = line.split(':').skip(2);
    let mut number = || {
        fields
            .next()
            .and_then(|f| f.parse().ok())
            .context("the account 'nobody' is odd")
    };
    Ok(Some(Account {
        uid: number()?,
        gid: number()?,
    }))
}

/// Hands a file or folder to the account that servers run as.
pub(crate) fn give(path: &Path, mode: u32) -> anyhow::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    if let Some(account) = account()? {
        std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}

/// Waits for, and holds, one of the home's locks until the file is dropped.
pub(crate) fn lock(name: &str) -> anyhow::Result<File> {
    let file = lock_file(name)?;
    file.lock().with_context(|| format!("cannot lock {name}"))?;
    Ok(file)
}

/// Holds a lock if nobody else does.
pub(crate) fn try_lock(name: &str) -> anyhow::Result<Option<File>> {
    let file = lock_file(name)?;
    Ok(file.try_lock().is_ok().then_some(file))
}

fn lock_file(name: &str) -> anyhow::Result<File> {
    let folder = home()?.join("locks");
    fs::create_dir_all(&folder)?;
    Ok(File::options()
        .create(true)
        .append(true)
        .open(folder.join(name))?)
}

fn own_uid() -> anyhow::Result<u32> {
    Ok(fs::metadata("/proc/self").context("/proc is not there")?.uid())
}
