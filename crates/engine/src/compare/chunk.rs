//! One chunk of a table with a key: digests of both sides, then its rows where they differ.
//!
//! Rows are looked at in parts of a bounded number, so a chunk that has grown, or that the
//! target has a hundred times the rows of, costs time and no memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tidegate_link::{Chunk, Depth, Named, RowDigest, TableDigest};
use tidegate_model::compare::{DIFFERING_ROWS_KEPT, DifferingRow, RowDifference};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Result};

use super::settle::{Verdict, settle};
use super::{Pair, Sides};

/// Rows of a chunk: some tens of milliseconds of a server's time, and few chunks to keep.
pub(crate) const CHUNK_ROWS: u64 = 10_000;
/// Rows of a side held at once: 20,000 of some 250 bytes are 5 MB; with both sides and
/// eight workers 80 MB at most, and only where chunks differ.
const PART_ROWS: u64 = 20_000;

/// A chunk to be looked at.
pub(crate) struct Piece {
    pub table: Arc<TableSchema>,
    pub target: TableName,
    pub chunk: Chunk,
    pub depth: Depth,
}

/// What was found in it.
#[derive(Debug)]
pub(crate) struct ChunkFound {
    pub source: TableDigest,
    pub target: TableDigest,
    pub differing: u64,
    pub unsettled: u64,
    /// Not more than are kept of a whole check.
    pub rows: Vec<DifferingRow>,
    pub lower: String,
    pub upper: String,
    pub cost_ms: u64,
}

/// Gives the pair back, for the next chunk.
pub(crate) async fn look(sides: Arc<Sides>, mut pair: Pair, piece: Piece) -> Result<(Pair, ChunkFound)> {
    let begun = sides.clock.monotonic();
    let here = Named {
        table: &piece.table,
        name: &piece.table.name,
    };
    let there = Named {
        table: &piece.table,
        name: &piece.target,
    };
    let (source, target) = tokio::join!(
        pair.source.digest_chunk(here, &piece.chunk, piece.depth),
        pair.target.digest_chunk(there, &piece.chunk, piece.depth)
    );
    let (source, target) = (source?, target?);
    if source.form != target.form {
        return Err(Error::needs_user(
            "the two sides give digests of two forms, which say nothing of each other",
        ));
    }
    let mut found = ChunkFound {
        differing: 0,
        unsettled: 0,
        rows: Vec::new(),
        lower: shown(&pair, &piece, piece.chunk.lower.as_deref())?,
        upper: shown(&pair, &piece, piece.chunk.upper.as_deref())?,
        cost_ms: 0,
        source,
        target,
    };
    if found.source != found.target {
        look_at_rows(&sides, &mut pair, &piece, &mut found).await?;
    }
    let cost = sides.clock.monotonic().saturating_sub(begun);
    found.cost_ms = u64::try_from(cost.as_millis()).unwrap_or(u64::MAX);
    Ok((pair, found))
}

fn shown(pair: &Pair, piece: &Piece, bound: Option<&str>) -> Result<String> {
    bound.map_or(Ok(String::new()), |bound| {
        pair.source.show_key(&piece.table, bound)
    })
}

async fn look_at_rows(sides: &Sides, pair: &mut Pair, piece: &Piece, found: &mut ChunkFound) -> Result<()> {
    let (here, there) = (
        Named {
            table: &piece.table,
            name: &piece.table.name,
        },
        Named {
            table: &piece.table,
            name: &piece.target,
        },
    );
    let mut parts = vec![piece.chunk.clone()];
    while let Some(part) = parts.pop() {
        let more = PART_ROWS + 1;
        let source = pair.source.row_digests(here, &part, piece.depth, more).await?;
        let target = pair.target.row_digests(there, &part, piece.depth, more).await?;
        let too_many = |rows: &[RowDigest]| rows.len() as u64 > PART_ROWS;
        if too_many(&source) || too_many(&target) {
            let bound = if too_many(&source) {
                pair.source.bound_after(here, &part, PART_ROWS / 2).await?
            } else {
                pair.target.bound_after(there, &part, PART_ROWS / 2).await?
            };
            // None: the rows have gone meanwhile.
            parts.extend(halves(part, bound));
            continue;
        }
        let suspects = suspects(source, &target);
        let verdicts = settle(sides, pair, (here, there), &suspects, piece.depth).await?;
        note(pair, piece, verdicts, sides.clock.now_ms(), found)?;
    }
    Ok(())
}

/// The upper half first: parts are taken from the end.
fn halves(part: Chunk, bound: Option<String>) -> Vec<Chunk> {
    let Some(bound) = bound else { return vec![part] };
    let upper = Chunk {
        lower: Some(bound.clone()),
        ..part.clone()
    };
    let lower = Chunk {
        upper: Some(bound),
        ..part
    };
    vec![upper, lower]
}

/// Keys that only one side has, or whose rows differ.
fn suspects(source: Vec<RowDigest>, target: &[RowDigest]) -> Vec<String> {
    let mut source: HashMap<String, String> = source.into_iter().map(|row| (row.key, row.digest)).collect();
    let mut suspects = BTreeSet::new();
    for row in target {
        if source.remove(&row.key).as_ref() != Some(&row.digest) {
            suspects.insert(row.key.clone());
        }
    }
    suspects.extend(source.into_keys());
    suspects.into_iter().collect()
}

fn note(
    pair: &Pair,
    piece: &Piece,
    verdicts: Vec<Verdict>,
    now_ms: u64,
    found: &mut ChunkFound,
) -> Result<()> {
    let mut seen = BTreeSet::new();
    for verdict in verdicts {
        match verdict {
            Verdict::Same => {}
            Verdict::Unsettled => found.unsettled += 1,
            Verdict::Differs { key, kind, columns } => {
                // Two spellings of one key are one row.
                if !seen.insert(key.clone()) {
                    continue;
                }
                found.differing += 1;
                if found.rows.len() < DIFFERING_ROWS_KEPT {
                    found.rows.push(DifferingRow {
                        table: piece.table.name.clone(),
                        chunk: piece.chunk.number,
                        shown: pair.source.show_key(&piece.table, &key)?,
                        columns: names(&piece.table, kind, &columns),
                        key,
                        kind,
                        seen_ms: now_ms,
                    });
                }
            }
        }
    }
    Ok(())
}

/// The columns that differ; the key's where a whole row is missing.
pub(crate) fn names(table: &TableSchema, kind: RowDifference, columns: &[usize]) -> Vec<String> {
    if kind == RowDifference::Data {
        let written: Vec<_> = table.written_columns().collect();
        let name = |at: &usize| written.get(*at).map(|(_, column)| column.name.clone());
        return columns.iter().filter_map(name).collect();
    }
    let key = table.row_key.iter().flat_map(|key| &key.columns);
    key.filter_map(|at| table.columns.get(*at))
        .map(|column| column.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, digest: &str) -> RowDigest {
        RowDigest {
            key: key.to_owned(),
            digest: digest.to_owned(),
            columns: Vec::new(),
        }
    }

    #[test]
    fn suspects_are_those_of_either_side() {
        let source = vec![row("1", "a"), row("2", "b"), row("3", "c")];
        let target = [row("2", "b"), row("3", "x"), row("4", "d")];
        assert_eq!(suspects(source, &target), ["1", "3", "4"]);
    }

    #[test]
    fn a_part_that_is_too_large_is_halved_without_a_gap() {
        let part = Chunk {
            table: TableName::new("a", "t"),
            number: 3,
            lower: Some("5".to_owned()),
            upper: None,
        };
        let [upper, lower] = halves(part, Some("9".to_owned())).try_into().expect("two");
        assert_eq!(
            (lower.lower.as_deref(), lower.upper.as_deref()),
            (Some("5"), Some("9"))
        );
        assert_eq!(
            (upper.lower.as_deref(), upper.upper.as_deref()),
            (Some("9"), None)
        );
    }
}
