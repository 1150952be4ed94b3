//! The snapshot: pairs of a reader and a loader take chunks from one queue.
//!
//! The checkpoint with the snapshot's positions is durable before the first row is
//! loaded. A chunk is loaded with its mark in one target transaction, so after any
//! failure what is finished stays. A lost pair ends the attempt, for its session can't be
//! opened at the same point again; the other pairs finish the chunks they are at first.

use std::sync::Arc;
use std::time::Duration;

use tidegate_link::{Checkpoint, ChunkMark, Loader, Snapshot, SnapshotReader, Structure};
use tidegate_model::report::Stage;
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Result};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::plan::{self, Left};
use crate::queue::Queue;
use crate::stages::{self, Attempt};
use crate::transfer::{Pace, Transfer};

/// How long pairs may take to finish the chunks they are at, once the attempt is to end.
/// A chunk of `CHUNK_BYTES` takes a few seconds; a pair that hangs must not hold up the rest.
const FINISH_LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn copy(attempt: &Attempt, checkpoint: &mut Checkpoint) -> Result<()> {
    let context = &attempt.context;
    context.board.enter(Stage::Snapshot);
    let prepared = context.unless_stopped(prepare(attempt, checkpoint)).await?;
    if let Some((left, snapshot)) = prepared {
        let loaders = context.unless_stopped(open_loaders(attempt, snapshot.readers.len()));
        let loaders = loaders.await?;
        let queue = Arc::new(Queue::new(left.tasks));
        let pace = Pace::new(Arc::clone(&context.clock), context.control.limits.clone());
        let room = room_per_channel(context.limits().memory_bytes, loaders.len());
        let transfer = Arc::new(Transfer {
            attempt: attempt.clone(),
            queue,
            pace,
            room,
        });
        let mut pairs = JoinSet::new();
        for (reader, loader) in snapshot.readers.into_iter().zip(loaders) {
            pairs.spawn(work(Arc::clone(&transfer), reader, loader));
        }
        let result = until_done(&transfer, &mut pairs).await;
        pairs.shutdown().await;
        result?;
    }
    checkpoint.stage = Stage::Indexes;
    attempt.save(checkpoint).await
}

/// A pair has two channels; a quarter of the budget stays for what servers' libraries hold.
fn room_per_channel(memory_bytes: u64, pairs: usize) -> usize {
    const LEAST: u64 = 64 << 10;
    let share = memory_bytes / 4 * 3 / (2 * pairs.max(1) as u64);
    usize::try_from(share.max(LEAST)).unwrap_or(usize::MAX)
}

/// Opens the snapshot and makes it durable. None: all is copied already.
async fn prepare(attempt: &Attempt, checkpoint: &mut Checkpoint) -> Result<Option<(Left, Snapshot)>> {
    let context = &attempt.context;
    let saved = attempt.target.load_schemas(context.job_id()).await?;
    let marks = attempt.target.load_chunks(context.job_id()).await?;
    let started = checkpoint.low.is_some();
    if started && saved.iter().all(|schema| plan::is_finished(&marks, &schema.name)) {
        show_finished(attempt, &saved, &marks);
        return Ok(None);
    }
    let limits = context.limits();
    // Pairs: a reader without a loader, or the other way round, would idle.
    let pairs = usize::from(limits.dump_threads.min(limits.load_threads).max(1));
    let choose = |structure: &Structure| match started {
        true => Ok(schemas_of(&plan::unfinished(&saved, &marks, structure)?)),
        false => Ok(schemas_of(&structure.tables)),
    };
    let selection = &context.spec.selection;
    let (structure, snapshot) =
        plan::open_steady_snapshot(&*attempt.source, selection, pairs, &choose).await?;
    if snapshot.readers.is_empty() {
        return Err(Error::bug("a snapshot was opened without a reader"));
    }
    let defs = if started {
        plan::unfinished(&saved, &marks, &structure)?
    } else {
        settle_structure(attempt, checkpoint, &saved, &structure).await?;
        structure.tables.clone()
    };
    let of_keyless = defs.iter().filter(|def| def.schema.row_key.is_none());
    let keyless: Vec<TableName> = of_keyless.map(|def| def.schema.name.clone()).collect();
    plan::note_snapshot(checkpoint, &snapshot, &keyless);
    attempt.save(checkpoint).await?;
    let encoding = |table: &TableSchema| plan::encoding_for(&*attempt.source, &*attempt.target, table);
    {
        let mut memory = context.memory();
        memory
            .defs
            .extend(defs.iter().map(|def| (def.schema.name.clone(), def.clone())));
        memory.copied = Some(Arc::new(structure));
    }
    let left = plan::what_is_left(defs, &marks, selection, &encoding)?;
    let all = if started { saved } else { schemas_of_tasks(&left) };
    show_totals(attempt, &all, &marks, &left);
    Ok(Some((left, snapshot)))
}

fn schemas_of(defs: &[tidegate_link::TableDef]) -> Vec<Arc<TableSchema>> {
    defs.iter().map(|def| Arc::clone(&def.schema)).collect()
}

fn schemas_of_tasks(left: &Left) -> Vec<Arc<TableSchema>> {
    left.tasks
        .iter()
        .map(|task| Arc::clone(&task.def.schema))
        .collect()
}

/// Tables may have changed between their creation and the snapshot. New ones are made;
/// one that was altered stands on the target in its old form, which only the user may remove.
async fn settle_structure(
    attempt: &Attempt,
    checkpoint: &mut Checkpoint,
    created: &[Arc<TableSchema>],
    structure: &Structure,
) -> Result<()> {
    let mut altered = plan::reshaped_since(created, structure);
    if let Some(made) = &attempt.context.memory().created {
        altered.extend(plan::altered_since(made, structure));
    }
    altered.sort();
    altered.dedup();
    if let Err(error) = stages::refuse_altered(attempt, &altered).await {
        checkpoint.stage = Stage::Structure;
        attempt.save(checkpoint).await?;
        return Err(error);
    }
    stages::keep_schemas(attempt, checkpoint, &schemas_of(&structure.tables)).await?;
    stages::create_tables(attempt, checkpoint, structure).await
}

fn show_totals(attempt: &Attempt, all: &[Arc<TableSchema>], marks: &[ChunkMark], left: &Left) {
    let reused = *attempt.context.memory().reused.get_or_insert(left.chunks_done);
    let rows: u64 = all.iter().map(|schema| schema.rows_estimate).sum();
    let bytes: u64 = all.iter().map(|schema| schema.bytes_estimate).sum();
    let tables_done = all
        .iter()
        .filter(|schema| plan::is_finished(marks, &schema.name))
        .count();
    // Marks hold rows alone: the bytes of an earlier run are estimated from them.
    let share = left.rows_done as f64 / rows.max(1) as f64;
    let bytes_done = (bytes as f64 * share.min(1.0)) as u64;
    attempt.context.board.update(|report| {
        report.tables_total = all.len() as u64;
        report.tables_done = tables_done as u64;
        report.chunks_total = left.chunks_done + left.chunks_left;
        report.chunks_done = left.chunks_done;
        report.chunks_reused = reused;
        report.rows_total_estimate = rows;
        report.bytes_total_estimate = bytes;
        report.rows_copied = left.rows_done;
        report.bytes_copied = bytes_done;
    });
    attempt.context.board.publish();
}

/// Shows what an earlier run has copied, to a run that starts after the snapshot.
pub(crate) async fn recall(attempt: &Attempt) -> Result<()> {
    let job = attempt.context.job_id();
    let saved = attempt.target.load_schemas(job).await?;
    let marks = attempt.target.load_chunks(job).await?;
    show_finished(attempt, &saved, &marks);
    Ok(())
}

fn show_finished(attempt: &Attempt, saved: &[Arc<TableSchema>], marks: &[ChunkMark]) {
    let chunks = marks.len() as u64;
    let left = Left {
        chunks_done: chunks,
        rows_done: marks.iter().filter_map(|mark| mark.rows).sum(),
        ..Left::default()
    };
    show_totals(attempt, saved, marks, &left);
    // All is there: of estimates, what was copied is the better one.
    attempt.context.board.update(|report| {
        report.tables_done = report.tables_total;
        report.rows_total_estimate = report.rows_copied;
        report.bytes_copied = report.bytes_total_estimate;
    });
}

async fn open_loaders(attempt: &Attempt, count: usize) -> Result<Vec<Box<dyn Loader>>> {
    let mut loaders = Vec::with_capacity(count);
    for _ in 0..count {
        loaders.push(attempt.target.open_loader(attempt.context.job_id()).await?);
    }
    Ok(loaders)
}

async fn work(
    transfer: Arc<Transfer>,
    mut reader: Box<dyn SnapshotReader>,
    mut loader: Box<dyn Loader>,
) -> Result<()> {
    let result = transfer.work(&mut *reader, &mut *loader).await;
    if result.is_err() {
        transfer.queue.close();
    }
    result
}

/// Waits for all pairs. After a failure that may pass, or a stop, the others may finish
/// their chunks; any other failure ends them at once.
async fn until_done(transfer: &Transfer, pairs: &mut JoinSet<Result<()>>) -> Result<()> {
    let stop = &transfer.attempt.context.control.stop;
    let mut failure: Option<Error> = None;
    let mut deadline: Option<Instant> = None;
    loop {
        let limit = deadline.unwrap_or_else(Instant::now);
        tokio::select! {
            joined = pairs.join_next() => match joined {
                None => break,
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => {
                    let last = !error.kind().is_retryable();
                    if last || failure.is_none() {
                        failure = Some(error);
                    }
                    if last {
                        break;
                    }
                    deadline.get_or_insert(Instant::now() + FINISH_LIMIT);
                }
                Some(Err(_)) => return Err(Error::bug("a task that copies rows broke off")),
            },
            () = stop.cancelled(), if failure.is_none() => {
                transfer.queue.close();
                failure = Some(Error::stopped());
                deadline = Some(Instant::now() + FINISH_LIMIT);
            }
            () = tokio::time::sleep_until(limit), if deadline.is_some() => break,
        }
    }
    failure.map_or(Ok(()), Err)
}
