//! A copy of the store while it is written to, and the check of one before it is used.
//!
//! `VACUUM INTO` on a connection of its own: it reads one moment of the store, and
//! writers go on meanwhile (WAL). The key file is no part of it, so the copy alone
//! opens no secret. Restoring is putting the checked file in place.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use tidegate_model::{Error, Result};

use crate::database::failed;

/// Writes the store at `from`, as it is at this moment, to the new file `to`. Blocks.
pub fn back_up(from: &Path, to: &Path) -> Result<()> {
    const DOING: &str = "backing up the store";
    let connection =
        Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed(DOING))?;
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .map_err(failed(DOING))?;
    let name = to
        .to_str()
        .ok_or_else(|| Error::needs_user("the backup's path is not UTF-8"))?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map(drop)
        .map_err(failed(DOING))
}

/// How many jobs a backup holds. Errors: not a whole store, or not one of ours.
pub fn check_backup(file: &Path) -> Result<u64> {
    const DOING: &str = "reading the backup";
    let bad = |why: &str| {
        Error::needs_user(format!("{} is no good backup: {why}", file.display()))
            .remedy("Take another file of `tidegate backup`")
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(file, flags).map_err(failed(DOING))?;
    let whole: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|_| bad("it is not a store"))?;
    if whole != "ok" {
        return Err(bad("it is damaged"));
    }
    crate::migrate::check_ours(&connection).map_err(|error| match error.kind() {
        tidegate_model::Kind::NeedsUser => error.context(format!("reading {}", file.display())),
        _ => error,
    })?;
    connection
        .query_row("SELECT count(*) FROM jobs", [], |row| row.get::<_, i64>(0))
        .map(|count| u64::try_from(count).unwrap_or_default())
        .map_err(|_| bad("it has no jobs"))
}
