//! One pair's work: splits a table, or brings one chunk from the reader to the loader.
//!
//! Between the two a relay counts rows and holds them back to the rates allowed. Reader,
//! relay and loader of a chunk are polled by one task: pairs are what runs in parallel.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_link::{
    BatchReceiver, BatchSender, Chunk, Clock, LoadOutcome, LoadTask, Loader, SnapshotReader, batch_channel,
};
use tidegate_model::job::Limits;
use tidegate_model::row::Encoding;
use tidegate_model::{Error, Kind, Result};
use tokio::sync::watch;

use crate::plan::TableTask;
use crate::queue::{Item, Queue};
use crate::stages::Attempt;
use crate::throttle::Throttle;

/// Estimated bytes of a chunk. A target transaction of this size is small beside a server's
/// logs and takes seconds, so a crash costs seconds of work; and the marks of a terabyte
/// are some 16,000 rows.
pub(crate) const CHUNK_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub(crate) struct Transfer {
    pub attempt: Attempt,
    pub queue: Arc<Queue>,
    pub pace: Pace,
    /// Bytes that may wait in one channel.
    pub room: usize,
}

/// What was relayed of a chunk, to be taken back from the report when it fails.
#[derive(Debug, Default)]
struct Relayed {
    rows: u64,
    bytes: u64,
}

impl Transfer {
    pub(crate) async fn work(&self, reader: &mut dyn SnapshotReader, loader: &mut dyn Loader) -> Result<()> {
        while let Some(item) = self.queue.next().await {
            match item {
                Item::Split(task) => self.split(reader, &task).await?,
                Item::Copy(task, chunk) => {
                    let copied = self.copy(reader, loader, &task, &chunk).await;
                    let doing = || format!("copying chunk {} of {}", chunk.number, chunk.table);
                    copied.map_err(|error| error.context(doing()))?;
                }
            }
        }
        Ok(())
    }

    async fn split(&self, reader: &mut dyn SnapshotReader, task: &Arc<TableTask>) -> Result<()> {
        let (target, job) = (&self.attempt.target, self.attempt.context.job_id());
        let name = &task.def.schema.name;
        if task.clear {
            target.clear_table(job, name, &task.target).await?;
        }
        let chunks = reader.split(&task.def.schema, CHUNK_BYTES).await;
        let chunks = chunks.map_err(|error| error.context(format!("splitting {name}")))?;
        target.save_chunks(job, name, &chunks).await?;
        self.attempt.context.board.update(|report| {
            report.chunks_total += chunks.len() as u64;
            report.tables_done += u64::from(chunks.is_empty());
        });
        self.queue.split(task, chunks);
        Ok(())
    }

    async fn copy(
        &self,
        reader: &mut dyn SnapshotReader,
        loader: &mut dyn Loader,
        task: &TableTask,
        chunk: &Chunk,
    ) -> Result<()> {
        let context = &self.attempt.context;
        let place = (chunk.table.clone(), chunk.number);
        let neutral = context.memory().neutral.contains(&place);
        let mut encoding = if neutral { Encoding::Neutral } else { task.encoding };
        loop {
            match self.copy_once(reader, loader, task, chunk, encoding).await? {
                LoadOutcome::Loaded { .. } => break,
                LoadOutcome::Redo { why } if encoding != Encoding::Neutral => {
                    tracing::warn!(job = context.job_id(), table = %chunk.table, chunk = chunk.number, why, "read again");
                    context.memory().neutral.insert(place.clone());
                    context.board.update(|report| report.chunks_redone += 1);
                    encoding = Encoding::Neutral;
                }
                LoadOutcome::Redo { why } => {
                    return Err(Error::unknown(format!("no encoding gives the same rows: {why}")));
                }
            }
        }
        let last = self.queue.finished(&chunk.table);
        context.board.update(|report| {
            report.chunks_done += 1;
            report.tables_done += u64::from(last);
        });
        context.board.advance();
        Ok(())
    }

    async fn copy_once(
        &self,
        reader: &mut dyn SnapshotReader,
        loader: &mut dyn Loader,
        task: &TableTask,
        chunk: &Chunk,
        encoding: Encoding,
    ) -> Result<LoadOutcome> {
        let (to_relay, from_reader) = batch_channel(self.room);
        let (to_loader, from_relay) = batch_channel(self.room);
        let load_task = LoadTask {
            schema: Arc::clone(&task.def.schema),
            target: task.target.clone(),
            chunk: chunk.clone(),
            encoding,
        };
        let mut relayed = Relayed::default();
        let (read, relay, load) = tokio::join!(
            reader.read(&task.def.schema, chunk, encoding, to_relay),
            self.relay(from_reader, to_loader, &mut relayed),
            loader.load(&load_task, from_relay),
        );
        let result = verdict(read, relay, load);
        if !matches!(result, Ok(LoadOutcome::Loaded { .. })) {
            self.attempt.context.board.update(|report| {
                report.rows_copied = report.rows_copied.saturating_sub(relayed.rows);
                report.bytes_copied = report.bytes_copied.saturating_sub(relayed.bytes);
            });
        }
        result
    }

    async fn relay(&self, mut from: BatchReceiver, mut to: BatchSender, relayed: &mut Relayed) -> Result<()> {
        while let Some(batch) = from.next().await? {
            let (rows, bytes) = (batch.rows, batch.bytes);
            to.send(batch).await?;
            relayed.rows += rows;
            relayed.bytes += bytes;
            self.attempt.context.board.update(|report| {
                report.rows_copied += rows;
                report.bytes_copied += bytes;
            });
            self.pace.pass(rows).await;
        }
        to.finish().await
    }
}

/// Which of three errors is the cause: the others only say that their neighbour was gone.
fn verdict(read: Result<u64>, relay: Result<()>, load: Result<LoadOutcome>) -> Result<LoadOutcome> {
    match (read, relay, load) {
        (Err(error), _, _) if error.kind() != Kind::Stopped => Err(error),
        (_, _, Err(error)) => Err(error),
        (_, _, Ok(LoadOutcome::Redo { why })) => Ok(LoadOutcome::Redo { why }),
        (Err(error), _, _) | (_, Err(error), _) => Err(error),
        (Ok(sent), Ok(()), Ok(LoadOutcome::Loaded { rows })) if sent == rows => {
            Ok(LoadOutcome::Loaded { rows })
        }
        (Ok(sent), Ok(()), Ok(LoadOutcome::Loaded { rows })) => Err(Error::bug(format!(
            "{sent} rows were read and {rows} were loaded"
        ))),
    }
}

/// The two rates, shared by all pairs, as the limits are at each moment.
#[derive(Debug)]
pub(crate) struct Pace {
    throttles: Mutex<(Throttle, Throttle)>,
    clock: Arc<dyn Clock>,
    limits: watch::Receiver<Limits>,
}

impl Pace {
    pub(crate) fn new(clock: Arc<dyn Clock>, limits: watch::Receiver<Limits>) -> Pace {
        let now = clock.monotonic();
        let of = |rate| Throttle::new(rate, now);
        let rates = *limits.borrow();
        Pace {
            throttles: Mutex::new((of(rates.dump_rows_per_second), of(rates.load_rows_per_second))),
            clock,
            limits,
        }
    }

    /// Counts rows and waits as long as the slower of both rates asks; a new rate counts at once.
    pub(crate) async fn pass(&self, rows: u64) {
        let mut limits = self.limits.clone();
        let rates = *limits.borrow_and_update();
        let mut wait = self.count(rows, rates);
        while !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => return,
                Ok(()) = limits.changed() => {
                    let rates = *limits.borrow_and_update();
                    wait = self.count(0, rates);
                }
            }
        }
    }

    fn count(&self, rows: u64, rates: Limits) -> Duration {
        let now = self.clock.monotonic();
        let mut throttles = self.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        let (dump, load) = &mut *throttles;
        dump.set_rate(rates.dump_rows_per_second, now);
        load.set_rate(rates.load_rows_per_second, now);
        dump.pass(rows, now).max(load.pass(rows, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_told_and_not_its_echo() {
        let loaded = |rows| Ok(LoadOutcome::Loaded { rows });
        let redo = || {
            Ok(LoadOutcome::Redo {
                why: "why".to_owned(),
            })
        };
        let cut = || Error::retry("cut");
        let wrong = || Error::needs_user("wrong");
        let check = |read, relay, load, expected: &str| {
            let seen = match verdict(read, relay, load) {
                Ok(outcome) => format!("{outcome:?}"),
                Err(error) => error.to_string(),
            };
            assert!(seen.contains(expected), "{seen} and not {expected}");
        };
        check(Ok(3), Ok(()), loaded(3), "Loaded");
        check(Ok(3), Ok(()), loaded(2), "3 rows were read and 2 were loaded");
        check(
            Err(Error::stopped()),
            Err(Error::stopped()),
            Err(wrong()),
            "wrong",
        );
        check(Err(wrong()), Err(cut()), Err(cut()), "wrong");
        check(Err(Error::stopped()), Err(Error::stopped()), redo(), "Redo");
        check(Err(wrong()), Err(cut()), redo(), "wrong");
        check(Ok(3), Ok(()), redo(), "Redo");
    }
}
