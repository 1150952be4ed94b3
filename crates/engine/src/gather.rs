//! Source transactions gathered for one target commit.
//!
//! Complete transactions are merged in a bundle; the one whose end has not come is held
//! apart, so that a bundle can be written at any time. A bundle holds one mode. A
//! transaction that is too large to hold is handed out in pieces. Pure.

use std::time::Duration;

use tidegate_link::ApplyMode;
use tidegate_model::change::RowChanges;
use tidegate_model::position::Position;
use tidegate_model::{Error, Result};

use crate::order::Bundle;

/// Rows in a bundle: statements of a few thousand rows are as fast as larger ones, and
/// the target's locks stay short.
const BUNDLE_ROWS: u64 = 10_000;
/// The longest that a transaction waits for others while more keep coming.
const BUNDLE_AGE: Duration = Duration::from_millis(200);
/// Bytes of a bundle at most, however large the budget: a few packets of a server.
const BUNDLE_BYTES: u64 = 16 << 20;
/// A bundle is this part of the run's budget: it is held as gathered, as merged, and as
/// text on its way, beside the open transaction and what the log reader has read ahead.
pub(crate) const BUDGET_PARTS: u64 = 8;
/// Below this a bundle would be a few rows, whatever budget was set.
const LEAST_BYTES: u64 = 64 << 10;

/// The end of the last gathered transaction.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub position: Position,
    /// As the stream numbers transactions.
    pub number: u64,
    pub source_ms: u64,
}

#[derive(Debug)]
struct Open {
    mode: ApplyMode,
    at: Position,
    changes: Vec<RowChanges>,
    bytes: u64,
    /// Pieces of it are in the open target transaction.
    in_pieces: bool,
}

#[derive(Debug)]
pub(crate) struct Gather {
    limit_bytes: u64,
    bundle: Bundle,
    mark: Option<Mark>,
    since: Duration,
    open: Option<Open>,
}

/// What a commit leads to.
#[derive(Debug)]
pub(crate) enum Committed {
    /// It is in the bundle.
    Gathered,
    /// Its pieces were written already: this is the last, to be committed with the mark.
    LastPiece(Bundle, Mark),
}

impl Gather {
    pub(crate) fn new(memory_bytes: u64) -> Gather {
        Gather {
            limit_bytes: (memory_bytes / BUDGET_PARTS).clamp(LEAST_BYTES, BUNDLE_BYTES),
            bundle: Bundle::new(ApplyMode::Strict),
            mark: None,
            since: Duration::ZERO,
            open: None,
        }
    }

    /// Are complete transactions waiting to be written?
    pub(crate) fn is_pending(&self) -> bool {
        self.mark.is_some()
    }

    /// Does what waits reach as far as `position`?
    pub(crate) fn reaches(&self, position: &Position) -> bool {
        self.mark
            .as_ref()
            .is_some_and(|mark| position.is_at_or_before(&mark.position))
    }

    /// The start of the transaction whose end has not come.
    pub(crate) fn open_at(&self) -> Option<&Position> {
        self.open.as_ref().map(|open| &open.at)
    }

    /// Must what waits be written before a transaction of this mode is gathered?
    pub(crate) fn must_write_before(&self, mode: ApplyMode) -> bool {
        self.mark.is_some() && self.bundle.mode() != mode
    }

    pub(crate) fn begin(&mut self, mode: ApplyMode, at: Position) -> Result<()> {
        if self.open.is_some() || self.must_write_before(mode) {
            return Err(Error::bug(
                "a source transaction began before the one before it had ended",
            ));
        }
        if self.mark.is_none() {
            self.bundle = Bundle::new(mode);
        }
        self.open = Some(Open {
            mode,
            at,
            changes: Vec::new(),
            bytes: 0,
            in_pieces: false,
        });
        Ok(())
    }

    pub(crate) fn rows(&mut self, changes: RowChanges) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(outside)?;
        open.bytes += changes.bytes;
        open.changes.push(changes);
        Ok(())
    }

    /// Is the open transaction too large to be held?
    pub(crate) fn overflows(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| open.bytes >= self.limit_bytes)
    }

    /// Takes what is there of the open transaction. What was complete must be written before.
    pub(crate) fn take_piece(&mut self) -> Result<Bundle> {
        if self.mark.is_some() {
            return Err(Error::bug(
                "a piece of a transaction would overtake those before it",
            ));
        }
        let open = self.open.as_mut().ok_or_else(outside)?;
        open.in_pieces = true;
        open.bytes = 0;
        let mut piece = Bundle::new(open.mode);
        for changes in std::mem::take(&mut open.changes) {
            piece.add(changes)?;
        }
        Ok(piece)
    }

    pub(crate) fn commit(&mut self, mark: Mark, now: Duration) -> Result<Committed> {
        if self.open.as_ref().ok_or_else(outside)?.in_pieces {
            let last = self.take_piece()?;
            self.open = None;
            return Ok(Committed::LastPiece(last, mark));
        }
        let open = self.open.take().ok_or_else(outside)?;
        for changes in open.changes {
            self.bundle.add(changes)?;
        }
        if self.mark.is_none() {
            self.since = now;
        }
        self.mark = Some(mark);
        Ok(Committed::Gathered)
    }

    /// Nothing more of interest came up to `position`: what waits reaches as far.
    pub(crate) fn move_mark(&mut self, position: &Position) {
        if let Some(mark) = &mut self.mark
            && mark.position.is_at_or_before(position)
        {
            mark.position = position.clone();
        }
    }

    pub(crate) fn is_full(&self, now: Duration) -> bool {
        let full = self.bundle.rows() >= BUNDLE_ROWS || self.bundle.bytes() >= self.limit_bytes;
        self.mark.is_some() && (full || now.saturating_sub(self.since) >= BUNDLE_AGE)
    }

    /// Takes all complete transactions.
    pub(crate) fn take(&mut self) -> Option<(Bundle, Mark)> {
        let mark = self.mark.take()?;
        let next = self.open.as_ref().map_or(ApplyMode::Strict, |open| open.mode);
        Some((std::mem::replace(&mut self.bundle, Bundle::new(next)), mark))
    }
}

fn outside() -> Error {
    Error::bug("the source's log gave rows or a commit outside a transaction")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tidegate_model::change::{OldRow, RowChange, RowOp};
    use tidegate_model::row::Row;
    use tidegate_model::schema::{TableName, TableSchema};

    fn at(offset: u64) -> Position {
        Position {
            token: String::new(),
            order: (1, offset),
        }
    }

    fn mark(number: u64) -> Mark {
        Mark {
            position: at(number * 10),
            number,
            source_ms: 0,
        }
    }

    fn changes(bytes: u64) -> RowChanges {
        let schema = Arc::new(TableSchema {
            name: TableName::new("a", "t"),
            columns: Vec::new(),
            row_key: None,
            rows_estimate: 0,
            bytes_estimate: 0,
        });
        let row = RowChange {
            old: OldRow::None,
            new: Some(Row { values: Vec::new() }),
        };
        RowChanges {
            schema,
            op: RowOp::Insert,
            rows: vec![row],
            bytes,
        }
    }

    const NOW: Duration = Duration::from_secs(1);

    #[test]
    fn a_bundle_holds_whole_transactions_only() {
        let mut gather = Gather::new(64 << 20);
        for number in 1..=3 {
            gather.begin(ApplyMode::Strict, at(number * 10 - 10)).unwrap();
            gather.rows(changes(10)).unwrap();
            if number < 3 {
                assert!(matches!(
                    gather.commit(mark(number), NOW),
                    Ok(Committed::Gathered)
                ));
            }
        }
        let (bundle, last) = gather.take().unwrap();
        assert_eq!((bundle.rows(), last.number), (2, 2));
        assert!(gather.take().is_none(), "the open one stays behind");
        gather.commit(mark(3), NOW).unwrap();
        assert_eq!(gather.take().unwrap().0.rows(), 1);
    }

    #[test]
    fn modes_never_mix() {
        let mut gather = Gather::new(64 << 20);
        gather.begin(ApplyMode::Idempotent, at(0)).unwrap();
        gather.commit(mark(1), NOW).unwrap();
        assert!(!gather.must_write_before(ApplyMode::Idempotent));
        assert!(gather.must_write_before(ApplyMode::Strict));
        assert!(gather.begin(ApplyMode::Strict, at(10)).is_err());
        assert_eq!(gather.take().unwrap().0.mode(), ApplyMode::Idempotent);
        gather.begin(ApplyMode::Strict, at(10)).unwrap();
        gather.commit(mark(2), NOW).unwrap();
        assert_eq!(gather.take().unwrap().0.mode(), ApplyMode::Strict);
    }

    #[test]
    fn a_large_transaction_comes_in_pieces_and_ends_with_its_mark() {
        let mut gather = Gather::new(0);
        gather.begin(ApplyMode::Strict, at(0)).unwrap();
        gather.rows(changes(LEAST_BYTES - 1)).unwrap();
        assert!(!gather.overflows());
        gather.rows(changes(1)).unwrap();
        assert!(gather.overflows());
        assert_eq!(gather.take_piece().unwrap().rows(), 2);
        assert!(!gather.overflows() && gather.take().is_none());
        gather.rows(changes(1)).unwrap();
        match gather.commit(mark(1), NOW).unwrap() {
            Committed::LastPiece(bundle, mark) => assert_eq!((bundle.rows(), mark.number), (1, 1)),
            Committed::Gathered => panic!("its pieces were written already"),
        }
        assert!(gather.commit(mark(2), NOW).is_err());
    }

    #[test]
    fn a_bundle_is_full_by_bytes_or_age() {
        let mut gather = Gather::new(0);
        gather.begin(ApplyMode::Strict, at(0)).unwrap();
        gather.commit(mark(1), NOW).unwrap();
        assert!(!gather.is_full(NOW));
        assert!(gather.is_full(NOW + BUNDLE_AGE));
        gather.begin(ApplyMode::Strict, at(10)).unwrap();
        gather.rows(changes(LEAST_BYTES)).unwrap();
        gather.commit(mark(2), NOW).unwrap();
        assert!(gather.is_full(NOW));
    }
}
