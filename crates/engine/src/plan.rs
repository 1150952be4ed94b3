//! What is to be copied: the structure in force, the encoding of each table, and what
//! an earlier run has left to do.
//!
//! The decisions are pure; `open_steady_snapshot` alone speaks to the source. Never
//! guesses: a table that changed under a half-made copy is an error with a way out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tidegate_link::{Checkpoint, Chunk, ChunkMark, Snapshot, Source, Structure, TableDef, Target};
use tidegate_model::position::Position;
use tidegate_model::row::Encoding;
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Result};

/// Tries at opening sessions between two equal readings of the structure. Each takes
/// seconds at most; a source whose tables change in all of them is not to be copied now.
pub(crate) const STEADY_TRIES: u32 = 10;
/// Between two tries: a migration of an application is a few statements in a row.
pub(crate) const STEADY_PAUSE: Duration = Duration::from_millis(300);

/// The first encoding offered that is accepted.
pub(crate) fn encoding_for(source: &dyn Source, target: &dyn Target, table: &TableSchema) -> Encoding {
    let accepted = target.accepts(table);
    let offers = source.offers(table).into_iter();
    // Both lists end with Neutral, by contract.
    offers
        .into_iter()
        .find(|offer| accepted.contains(offer))
        .unwrap_or(Encoding::Neutral)
}

/// Would rows of one be read as rows of the other? Estimates don't count.
pub(crate) fn same_shape(one: &TableSchema, other: &TableSchema) -> bool {
    one.columns == other.columns && one.row_key == other.row_key
}

/// The table in which two readings of the structure differ, if any.
pub(crate) fn first_difference(one: &Structure, other: &Structure) -> Option<TableName> {
    let by_name = |structure: &Structure| -> BTreeMap<TableName, (Arc<TableSchema>, String)> {
        let entry = |def: &TableDef| {
            let text = without_counters(&def.native_ddl);
            (def.schema.name.clone(), (Arc::clone(&def.schema), text))
        };
        structure.tables.iter().map(entry).collect()
    };
    let (one, other) = (by_name(one), by_name(other));
    let names: BTreeSet<&TableName> = one.keys().chain(other.keys()).collect();
    let differs = |name: &&&TableName| match (one.get(**name), other.get(**name)) {
        (Some((a, a_text)), Some((b, b_text))) => a_text != b_text || !same_shape(a, b),
        _ => true,
    };
    names.iter().find(differs).map(|name| (*name).clone())
}

/// The text without numbers that follow a `=`: table options such as the next counter
/// value, which grows with every insert and is no change of structure.
pub(crate) fn without_counters(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut after_equals = false;
    for letter in text.chars() {
        if after_equals && letter.is_ascii_digit() {
            continue;
        }
        after_equals = letter == '=';
        kept.push(letter);
    }
    kept
}

/// Opens a snapshot of the tables that `choose` picks, under the structure answered
/// with it: it was the same before and after.
pub(crate) async fn open_steady_snapshot(
    source: &dyn Source,
    selection: &Selection,
    readers: usize,
    choose: &(dyn Fn(&Structure) -> Result<Vec<Arc<TableSchema>>> + Send + Sync),
) -> Result<(Structure, Snapshot)> {
    let mut before = source.read_structure(selection).await?;
    let mut changed = None;
    for _ in 0..STEADY_TRIES {
        let snapshot = source.open_snapshot(&choose(&before)?, readers).await?;
        let after = source.read_structure(selection).await?;
        changed = first_difference(&before, &after);
        if changed.is_none() {
            return Ok((after, snapshot));
        }
        drop(snapshot);
        before = after;
        tokio::time::sleep(STEADY_PAUSE).await;
    }
    Err(unsteady(changed))
}

/// The structure, and an end of the log at which it was in force.
pub(crate) async fn steady_structure(
    source: &dyn Source,
    selection: &Selection,
) -> Result<(Structure, Position)> {
    let mut before = source.read_structure(selection).await?;
    let mut changed = None;
    for _ in 0..STEADY_TRIES {
        let end = source.position().await?;
        let after = source.read_structure(selection).await?;
        changed = first_difference(&before, &after);
        if changed.is_none() {
            return Ok((after, end));
        }
        before = after;
        tokio::time::sleep(STEADY_PAUSE).await;
    }
    Err(unsteady(changed))
}

pub(crate) fn unsteady(table: Option<TableName>) -> Error {
    let name = table.map_or_else(|| "a table".to_owned(), |table| table.to_string());
    Error::needs_user(format!(
        "{name} changed its structure each time the source's sessions were opened ({STEADY_TRIES} times)"
    ))
    .remedy("Let no schema changes run on the source for some seconds, then start the job again")
}

/// Tables of both readings that are not as they were in the first.
pub(crate) fn altered_since(created: &Structure, now: &Structure) -> Vec<TableName> {
    let altered = |def: &&TableDef| {
        let made = created
            .tables
            .iter()
            .find(|made| made.schema.name == def.schema.name);
        made.is_some_and(|made| {
            let same_text = without_counters(&made.native_ddl) == without_counters(&def.native_ddl);
            !same_text || !same_shape(&made.schema, &def.schema)
        })
    };
    names_of(now.tables.iter().filter(altered))
}

#[derive(Clone, Debug)]
pub(crate) struct TableTask {
    pub def: TableDef,
    pub target: TableName,
    pub encoding: Encoding,
    /// Chunks to copy; None: to be split first.
    pub chunks: Option<Vec<Chunk>>,
    /// A table without a row key that an earlier run has left half-made, or may have.
    pub clear: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Left {
    pub tasks: Vec<TableTask>,
    pub chunks_done: u64,
    pub chunks_left: u64,
    pub rows_done: u64,
}

/// Is this table's plan there, with every chunk loaded?
pub(crate) fn is_finished(marks: &[ChunkMark], table: &TableName) -> bool {
    let mut own = marks.iter().filter(|mark| mark.chunk.table == *table).peekable();
    own.peek().is_some() && own.all(|mark| mark.rows.is_some())
}

/// The saved tables that are not finished, as the source has them now: all must have kept their shape.
pub(crate) fn unfinished(
    saved: &[Arc<TableSchema>],
    marks: &[ChunkMark],
    now: &Structure,
) -> Result<Vec<TableDef>> {
    let mut defs = Vec::new();
    for schema in saved.iter().filter(|schema| !is_finished(marks, &schema.name)) {
        let def = now.tables.iter().find(|def| def.schema.name == schema.name);
        match def {
            Some(def) if same_shape(&def.schema, schema) => defs.push(def.clone()),
            _ => return Err(changed_under_copy(&schema.name)),
        }
    }
    Ok(defs)
}

pub(crate) fn changed_under_copy(table: &TableName) -> Error {
    Error::needs_user(format!("{table} was altered or dropped on the source before its copy was finished"))
        .remedy("Undo the schema change on the source, or stop this job, remove what it made on the target, and start it anew")
}

/// What is left of the tables of `defs`, the largest first, so that the last chunks
/// of a large table don't run alone at the end.
pub(crate) fn what_is_left(
    defs: Vec<TableDef>,
    marks: &[ChunkMark],
    selection: &Selection,
    encoding: &dyn Fn(&TableSchema) -> Encoding,
) -> Result<Left> {
    let mut left = Left::default();
    for mark in marks {
        if let Some(rows) = mark.rows {
            left.chunks_done += 1;
            left.rows_done += rows;
        }
    }
    for def in defs {
        let name = &def.schema.name;
        let own = || marks.iter().filter(|mark| mark.chunk.table == *name);
        let target = selection
            .target_of(name)
            .ok_or_else(|| Error::bug(format!("{name} is to be copied and was not chosen")))?;
        let keyed = def.schema.row_key.is_some();
        let todo = own()
            .filter(|mark| mark.rows.is_none())
            .map(|mark| mark.chunk.clone());
        let chunks = (keyed && own().next().is_some()).then(|| todo.collect::<Vec<_>>());
        left.chunks_left += chunks.as_ref().map_or(0, |chunks| chunks.len() as u64);
        left.tasks.push(TableTask {
            target,
            encoding: encoding(&def.schema),
            chunks,
            clear: !keyed,
            def,
        });
    }
    left.tasks
        .sort_by_key(|task| std::cmp::Reverse(task.def.schema.bytes_estimate));
    Ok(left)
}

/// The definition under which each saved table was copied. `remembered` are those of
/// snapshots of this run; `now` is the source's structure, whose tables may have changed since.
pub(crate) fn in_force(
    saved: &[Arc<TableSchema>],
    remembered: &BTreeMap<TableName, TableDef>,
    now: &Structure,
) -> Result<Vec<TableDef>> {
    let mut defs = Vec::new();
    for schema in saved {
        let fits = |def: &&TableDef| same_shape(&def.schema, schema);
        let read = now.tables.iter().find(|def| def.schema.name == schema.name);
        match (remembered.get(&schema.name).filter(fits), read.filter(fits)) {
            (Some(def), _) | (None, Some(def)) => defs.push(def.clone()),
            (None, None) => return Err(changed_under_copy(&schema.name)),
        }
    }
    Ok(defs)
}

/// Tables that have another shape now than they were last created in.
pub(crate) fn reshaped_since(created: &[Arc<TableSchema>], now: &Structure) -> Vec<TableName> {
    let reshaped = |def: &&TableDef| {
        let made = created.iter().find(|schema| schema.name == def.schema.name);
        made.is_some_and(|made| !same_shape(made, &def.schema))
    };
    names_of(now.tables.iter().filter(reshaped))
}

fn names_of<'a>(defs: impl Iterator<Item = &'a TableDef>) -> Vec<TableName> {
    defs.map(|def| def.schema.name.clone()).collect()
}

/// Snapshot positions of a run that starts or goes on: `low` stays where it was.
pub(crate) fn note_snapshot(checkpoint: &mut Checkpoint, snapshot: &Snapshot, keyless: &[TableName]) {
    if checkpoint.low.is_none() {
        checkpoint.low = Some(snapshot.low.clone());
    }
    crate::checkpoint::widen_window(checkpoint, &snapshot.high);
    for table in keyless {
        crate::checkpoint::set_exact(checkpoint, table, &snapshot.low);
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
