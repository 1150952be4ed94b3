//! What a checkpoint says about a change: which side of the snapshot it lies on.
//!
//! Pure. A transaction lies after a position exactly when it starts at or after
//! it, so the questions here are asked with a transaction's start, before its
//! rows come. When the checkpoint is written is up to `copy`, `follow` and `cutover`.

use tidegate_link::{ApplyMode, Checkpoint};
use tidegate_model::position::Position;
use tidegate_model::schema::{TableName, TableSchema};

/// How changes of a transaction that starts at `at` must be applied.
pub(crate) fn mode_at(checkpoint: &Checkpoint, at: &Position) -> ApplyMode {
    match &checkpoint.high {
        Some(high) if !high.is_at_or_before(at) => ApplyMode::Idempotent,
        _ => ApplyMode::Strict,
    }
}

/// Are changes at `at` to this table in the copied rows already? Only tables without a
/// row key are left out: theirs can't be applied twice. One without an exact position
/// was made, or lost its key, after its rows were read: all its changes are new.
pub(crate) fn is_in_copy(checkpoint: &Checkpoint, table: &TableSchema, at: &Position) -> bool {
    table.row_key.is_none()
        && exact_of(checkpoint, &table.name).is_some_and(|exact| !exact.is_at_or_before(at))
}

pub(crate) fn exact_of<'a>(checkpoint: &'a Checkpoint, table: &TableName) -> Option<&'a Position> {
    let entry = checkpoint.exact.iter().find(|(name, _)| name == table);
    entry.map(|(_, exact)| exact)
}

pub(crate) fn set_exact(checkpoint: &mut Checkpoint, table: &TableName, exact: &Position) {
    checkpoint.exact.retain(|(name, _)| name != table);
    checkpoint.exact.push((table.clone(), exact.clone()));
}

/// `high` never goes back: the rows of every earlier snapshot are there too.
pub(crate) fn widen_window(checkpoint: &mut Checkpoint, high: &Position) {
    let further = checkpoint
        .high
        .as_ref()
        .is_none_or(|old| old.is_at_or_before(high));
    if further {
        checkpoint.high = Some(high.clone());
    }
}

/// Where the log is to be read from.
pub(crate) fn resume_from(checkpoint: &Checkpoint) -> Option<&Position> {
    checkpoint.applied.as_ref().or(checkpoint.low.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_model::schema::Key;

    fn at(offset: u64) -> Position {
        Position {
            token: String::new(),
            order: (1, offset),
        }
    }

    fn table(keyed: bool) -> TableSchema {
        let key = Key {
            name: "k".into(),
            primary: true,
            unique: true,
            columns: vec![0],
        };
        TableSchema {
            name: TableName::new("a", "t"),
            columns: Vec::new(),
            row_key: keyed.then_some(key),
            rows_estimate: 0,
            bytes_estimate: 0,
        }
    }

    #[test]
    fn the_window_ends_where_the_snapshot_does() {
        let mut checkpoint = Checkpoint::default();
        assert_eq!(
            mode_at(&checkpoint, &at(1)),
            ApplyMode::Strict,
            "no snapshot, no window"
        );
        widen_window(&mut checkpoint, &at(100));
        let check = |start, expected| assert_eq!(mode_at(&checkpoint, &at(start)), expected, "{start}");
        check(0, ApplyMode::Idempotent);
        check(99, ApplyMode::Idempotent);
        check(100, ApplyMode::Strict);
        check(101, ApplyMode::Strict);
        widen_window(&mut checkpoint, &at(50));
        assert_eq!(checkpoint.high, Some(at(100)), "the window never shrinks");
    }

    #[test]
    fn keyless_tables_leave_out_what_was_copied() {
        let mut checkpoint = Checkpoint::default();
        let check = |checkpoint: &Checkpoint, keyed, start, expected| {
            assert_eq!(
                is_in_copy(checkpoint, &table(keyed), &at(start)),
                expected,
                "{keyed} {start}"
            );
        };
        check(&checkpoint, false, 1, false);
        set_exact(&mut checkpoint, &table(false).name, &at(40));
        set_exact(&mut checkpoint, &table(false).name, &at(50));
        assert_eq!(checkpoint.exact.len(), 1);
        check(&checkpoint, false, 49, true);
        check(&checkpoint, false, 50, false);
        check(&checkpoint, true, 49, false);
    }

    #[test]
    fn reading_goes_on_from_what_is_applied() {
        let mut checkpoint = Checkpoint {
            low: Some(at(5)),
            ..Checkpoint::default()
        };
        assert_eq!(resume_from(&checkpoint), Some(&at(5)));
        checkpoint.applied = Some(at(9));
        assert_eq!(resume_from(&checkpoint), Some(&at(9)));
    }
}
