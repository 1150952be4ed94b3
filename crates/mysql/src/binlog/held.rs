//! Rows that are kept back until it is known what becomes of them: of a group that may yet
//! end in ROLLBACK, and of distributed transactions between XA PREPARE and XA COMMIT.
//!
//! The servers log a rolled-back group where it also touched what cannot be undone (a
//! temporary table made in it). A group beyond its limit is sent on while it comes.

use std::collections::HashMap;

use tidegate_model::change::RowChanges;
use tidegate_model::value::Value;
use tidegate_model::{Error, Result};

use super::event::Gtid;

/// Groups of few rows are the rule; larger ones go on at once, and may not be rolled back.
const GROUP_BYTES_MAX: u64 = 4 << 20;
/// All prepared transactions together: they stay until their coordinator decides.
const PREPARED_BYTES_MAX: u64 = 32 << 20;
/// Open transactions of one source; each could be empty.
const PREPARED_MAX: usize = 10_000;

/// The rows of the group under way, as far as they are kept back.
#[derive(Debug, Default)]
pub struct Held {
    rows: Vec<RowChanges>,
    bytes: u64,
    /// Names in lower case, and how many of `rows` came before. None: some had gone on.
    savepoints: Vec<(String, Option<usize>)>,
}

impl Held {
    pub fn push(&mut self, changes: RowChanges) {
        self.bytes += weight(&changes);
        self.rows.push(changes);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.bytes > GROUP_BYTES_MAX
    }

    /// The rows are to go on.
    pub fn let_go(&mut self) -> Vec<RowChanges> {
        self.bytes = 0;
        for (_, before) in &mut self.savepoints {
            *before = None;
        }
        std::mem::take(&mut self.rows)
    }

    pub fn savepoint(&mut self, name: &str, all_held: bool) {
        let name = name.to_lowercase();
        self.savepoints.retain(|(known, _)| *known != name);
        self.savepoints.push((name, all_held.then_some(self.rows.len())));
    }

    /// False: rows that are to be undone have gone on, or the name is not known.
    #[must_use]
    pub fn roll_back_to(&mut self, name: &str) -> bool {
        let name = name.to_lowercase();
        let Some(at) = self.savepoints.iter().position(|(known, _)| *known == name) else {
            return false;
        };
        let before = self.savepoints.get(at).and_then(|(_, before)| *before);
        let Some(before) = before.filter(|before| *before <= self.rows.len()) else {
            return false;
        };
        self.savepoints.truncate(at + 1);
        self.rows.truncate(before);
        self.bytes = self.rows.iter().map(weight).sum();
        true
    }
}

/// A transaction between XA PREPARE and its end. Its identifier is no part of the position
/// before that: after a restart the source sends it once more.
#[derive(Debug)]
pub struct Prepared {
    pub rows: Vec<RowChanges>,
    pub gtid: Gtid,
    bytes: u64,
}

/// By XID, in the server's spelling.
#[derive(Debug, Default)]
pub struct Open {
    transactions: HashMap<String, Prepared>,
    bytes: u64,
}

impl Open {
    pub fn prepare(&mut self, xid: &str, mut held: Held, gtid: Gtid) -> Result<()> {
        let bytes = held.bytes;
        let rows = held.let_go();
        self.bytes += bytes;
        if self.transactions.len() >= PREPARED_MAX {
            return Err(too_many(&format!("more than {PREPARED_MAX} are open")));
        }
        self.check()?;
        if let Some(before) = self
            .transactions
            .insert(xid.to_owned(), Prepared { rows, gtid, bytes })
        {
            self.bytes -= before.bytes;
        }
        Ok(())
    }

    /// Also while a transaction's rows come: `held` is not among the open ones yet.
    pub fn has_room_for(&self, held: &Held) -> Result<()> {
        if self.bytes + held.bytes > PREPARED_BYTES_MAX {
            return Err(too_many(&format!(
                "their rows take more than {PREPARED_BYTES_MAX} bytes"
            )));
        }
        Ok(())
    }

    pub fn end(&mut self, xid: &str) -> Option<Prepared> {
        let prepared = self.transactions.remove(xid)?;
        self.bytes -= prepared.bytes;
        Some(prepared)
    }

    fn check(&self) -> Result<()> {
        self.has_room_for(&Held::default())
    }
}

fn too_many(what: &str) -> Error {
    Error::needs_user(format!(
        "distributed transactions of the source are prepared and not ended, and {what}"
    ))
    .remedy("End them (XA RECOVER names them), and resume the job; keep XA transactions of bulk loads off the source")
}

fn weight(changes: &RowChanges) -> u64 {
    let cells = changes.rows.len() * 2 * changes.schema.columns.len();
    changes.bytes + (cells * size_of::<Value>()) as u64
}
