//! What was found, put together in order: report and bookmark in one. Pure.
//!
//! Chunks end in any order and are put in by number, so what is kept always speaks of
//! all rows up to one bound, and of none after it.

use tidegate_link::Clock;
use tidegate_model::compare::{
    ChunkDifference, Comparison, DIFFERING_ROWS_KEPT, TableComparison, TableState,
};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Result};

use super::chunk::ChunkFound;

/// Chunks with differences kept one by one. A table that differs everywhere is known by then.
const CHUNKS_KEPT: usize = 1_000;

/// A check that was broken off: what was under way begins anew.
pub(crate) fn bookmark(mut found: Comparison) -> Comparison {
    for table in &mut found.tables {
        if table.state == TableState::Running {
            table.state = TableState::Waiting;
        }
    }
    found.retrying = None;
    found
}

/// Grows with each durable step.
pub(crate) fn steps(found: &Comparison) -> u64 {
    let chunks = found.tables.iter().map(|table| u64::from(table.next_chunk));
    chunks.sum::<u64>() + found.compared_tables() + found.skipped_tables() + u64::from(found.rechecks_done)
}

pub(crate) fn plan<'a>(
    found: &mut Comparison,
    tables: impl Iterator<Item = &'a TableSchema>,
    target_of: &dyn Fn(&TableName) -> Option<TableName>,
) -> Result<()> {
    for table in tables {
        let target = target_of(&table.name).ok_or_else(|| {
            Error::bad_input(format!(
                "{} is to be compared and the job does not move it",
                table.name
            ))
        })?;
        found.tables.push(TableComparison {
            key: table
                .row_key
                .as_ref()
                .map(|key| key.name.clone())
                .unwrap_or_default(),
            rows_estimate: table.rows_estimate,
            ..TableComparison::new(table.name.clone(), target)
        });
    }
    found.planned = true;
    Ok(())
}

pub(crate) fn skip(table: &mut TableComparison, reason: &str, now_ms: u64) {
    table.state = TableState::Skipped;
    reason.clone_into(&mut table.reason);
    table.ended_ms = now_ms;
}

/// Every so many chunks as the sample is to have, spread evenly; the first is always in it.
pub(crate) fn is_sampled(number: u32, percent: u8) -> bool {
    let percent = u64::from(percent.clamp(1, 100));
    u64::from(number) * percent % 100 < percent
}

/// The next chunk in order: `done` is None for one that the sample leaves out.
pub(crate) fn put(
    found: &mut Comparison,
    at: usize,
    upper: Option<String>,
    done: Option<ChunkFound>,
    clock: &dyn Clock,
) {
    let Some(table) = found.tables.get_mut(at) else {
        return;
    };
    let number = table.next_chunk;
    table.next_chunk += 1;
    if upper.is_none() {
        table.state = TableState::Compared;
        table.ended_ms = clock.now_ms();
    }
    table.next_bound = upper;
    let Some(done) = done else {
        table.chunks_left_out += 1;
        return;
    };
    table.source_rows += done.source.rows;
    table.target_rows += done.target.rows;
    table.differing_rows += done.differing;
    table.unsettled_rows += done.unsettled;
    if done.differing == 0 {
        return;
    }
    if found.chunks.len() < CHUNKS_KEPT {
        found.chunks.push(ChunkDifference {
            table: table.source.clone(),
            chunk: number,
            lower: done.lower,
            upper: done.upper,
            source_rows: done.source.rows,
            target_rows: done.target.rows,
            source_digest: done.source.digest,
            target_digest: done.target.digest,
            rows: done.differing,
            cost_ms: done.cost_ms,
            ended_ms: clock.now_ms(),
        });
    }
    let room = DIFFERING_ROWS_KEPT.saturating_sub(found.rows.len());
    found.rows.extend(done.rows.into_iter().take(room));
}

/// Takes out rows that a later look found equal. `keep` is asked for each row.
pub(crate) fn clear(found: &mut Comparison, keep: impl Fn(&tidegate_model::compare::DifferingRow) -> bool) {
    let rows = std::mem::take(&mut found.rows);
    for row in rows {
        if keep(&row) {
            found.rows.push(row);
            continue;
        }
        let table = found.tables.iter_mut().find(|table| table.source == row.table);
        if let Some(table) = table {
            table.differing_rows = table.differing_rows.saturating_sub(1);
        }
        let mut chunks = found.chunks.iter_mut();
        let chunk = chunks.find(|chunk| chunk.table == row.table && chunk.chunk == row.chunk);
        if let Some(chunk) = chunk {
            chunk.rows = chunk.rows.saturating_sub(1);
        }
    }
    found.chunks.retain(|chunk| chunk.rows > 0);
}

#[cfg(test)]
mod tests {
    use tidegate_link::{SystemClock, TableDigest};
    use tidegate_model::compare::{DifferingRow, RowDifference};

    use super::*;

    fn chunk(rows: u64, differing: u64) -> ChunkFound {
        let digest = |text: &str| TableDigest {
            rows,
            digest: text.to_owned(),
            form: "x",
        };
        let row = |at: u64| DifferingRow {
            table: TableName::new("a", "t"),
            chunk: 0,
            key: at.to_string(),
            shown: at.to_string(),
            kind: RowDifference::Data,
            columns: Vec::new(),
            seen_ms: 0,
        };
        ChunkFound {
            source: digest("s"),
            target: digest("t"),
            differing,
            unsettled: 0,
            rows: (0..differing).map(row).collect(),
            lower: String::new(),
            upper: String::new(),
            cost_ms: 1,
        }
    }

    fn begun() -> Comparison {
        let mut found = Comparison::default();
        let name = TableName::new("a", "t");
        found.tables.push(TableComparison {
            state: TableState::Running,
            ..TableComparison::new(name.clone(), name)
        });
        found
    }

    #[test]
    fn chunks_add_up_and_the_last_one_ends_the_table() {
        let (mut found, clock) = (begun(), SystemClock::new());
        put(&mut found, 0, Some("5".to_owned()), Some(chunk(10, 2)), &clock);
        assert_eq!(
            (found.tables[0].next_chunk, found.tables[0].state),
            (1, TableState::Running)
        );
        let kept = bookmark(found.clone());
        assert_eq!(kept.tables[0].next_bound.as_deref(), Some("5"));
        assert_eq!(kept.tables[0].state, TableState::Waiting);
        put(&mut found, 0, None, None, &clock);
        let table = &found.tables[0];
        assert_eq!((table.state, table.chunks_left_out), (TableState::Compared, 1));
        assert_eq!(
            (table.source_rows, table.differing_rows, found.rows.len()),
            (10, 2, 2)
        );
        assert_eq!(steps(&found), 3);
        clear(&mut found, |row| row.key == "1");
        assert_eq!((found.differing_rows(), found.chunks[0].rows), (1, 1));
        clear(&mut found, |_| false);
        assert_eq!((found.differing_tables(), found.chunks.len()), (0, 0));
    }

    #[test]
    fn a_sample_is_spread_evenly_and_of_the_size_that_was_asked() {
        for percent in [10, 25, 50, 90] {
            let chosen: Vec<u32> = (0..100).filter(|number| is_sampled(*number, percent)).collect();
            assert_eq!(chosen.len(), usize::from(percent));
            assert_eq!(chosen[0], 0);
        }
    }
}
