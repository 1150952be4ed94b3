//! One connection on one thread of its own; work is sent to it.
//!
//! SQLite calls block, so they never run on a task's thread. Every write is
//! durable when its call returns (WAL, synchronous FULL).

use std::path::Path;

use rusqlite::Connection;
use tidegate_model::{Error, Result};
use tokio::sync::{mpsc, oneshot};

/// Calls that may wait for the thread: callers beyond it wait their turn.
const WAITING_CALLS: usize = 256;

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Clone, Debug)]
pub(crate) struct Database {
    work: mpsc::Sender<Work>,
}

impl Database {
    /// The thread ends when the last clone is gone.
    pub(crate) fn open(path: &Path) -> Result<Database> {
        let opened = Connection::open(path).and_then(|connection| {
            configure(&connection)?;
            Ok(connection)
        });
        let mut connection = opened.map_err(failed("opening the store"))?;
        crate::migrate::migrate(&mut connection)?;
        let (work, mut waiting) = mpsc::channel::<Work>(WAITING_CALLS);
        let run = move || {
            while let Some(work) = waiting.blocking_recv() {
                work(&mut connection);
            }
        };
        let started = std::thread::Builder::new().name("store".to_owned()).spawn(run);
        started.map_err(|error| Error::bug("the store's thread does not start").caused_by(error))?;
        Ok(Database { work })
    }

    /// Runs `call` in one transaction: all of it, or after an error nothing.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        doing: &'static str,
        call: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let gone = || Error::bug(format!("{doing}: the store's thread is gone"));
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            // Nobody listens when the caller was cancelled; the write stands.
            let _ = answer.send(in_transaction(connection, doing, call));
        });
        self.work.send(work).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    doing: &'static str,
    call: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let transaction = connection.transaction().map_err(failed(doing))?;
    let answer = call(&transaction)?;
    transaction.commit().map_err(failed(doing))?;
    Ok(answer)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))
}

pub(crate) fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |error| {
        Error::needs_user(doing)
            .remedy("Check that the data folder is writable and its disk not full")
            .caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_has_the_fix_for_lost_wal_resets() {
        assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    }

    #[test]
    fn writes_are_durable_by_setting() {
        let folder = crate::store::tests::folder("pragma");
        let connection = Connection::open(folder.join("db")).expect("opens");
        configure(&connection).expect("configures");
        let mode: String = connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .expect("reads");
        let full: i64 = connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .expect("reads");
        assert_eq!((mode.as_str(), full), ("wal", 2));
        std::fs::remove_dir_all(folder).expect("removes");
    }
}
