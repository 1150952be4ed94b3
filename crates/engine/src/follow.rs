//! The changes stage: whole source transactions from the log to the target, each
//! commit with the checkpoint that covers it.
//!
//! Relies on `gather` for what goes into one commit, on `feed` for the log, on `barrier`
//! for schema changes, on `cutover` for the end. Nothing here retries: an error ends the
//! attempt, and the next one reads back what is durable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_link::{Applier, ApplyMode, Checkpoint, Source, TableWork};
use tidegate_model::change::{ChangeEvent, RowChanges};
use tidegate_model::position::Position;
use tidegate_model::report::{CutoverRecord, Stage};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Kind, Result};
use tokio::task::JoinSet;

use crate::board::Board;
use crate::cutover::Proving;
use crate::feed::Feed;
use crate::gather::{BUDGET_PARTS, Committed, Gather, Mark};
use crate::order::Bundle;
use crate::stages::Attempt;
use crate::{checkpoint as rules, cutover};

/// When no event is ready for this long, what is gathered is written: latency before throughput.
const IDLE: Duration = Duration::from_millis(2);
/// Heartbeats alone are written no more often: each is a commit on the target.
const HEARTBEAT_SAVE: Duration = Duration::from_secs(5);
/// How long a stop may wait for what is gathered to be committed; the rest is read again.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// The source's end is read this often, for the lag shown.
const END_EVERY: Duration = Duration::from_secs(1);
/// A source that takes longer to answer is shown as one that can't be reached.
const END_LIMIT: Duration = Duration::from_secs(4);

pub(crate) struct Follower<'a> {
    pub attempt: &'a Attempt,
    /// As durable, but for counts of what is being written.
    pub checkpoint: &'a mut Checkpoint,
    pub applier: Box<dyn Applier>,
    pub feed: Feed,
    /// Schemas in force where the log is read, by the source's names.
    pub known: BTreeMap<TableName, Arc<TableSchema>>,
    /// Transactions before this stream's first.
    pub base: u64,
    /// All before is on the target or touches nothing that is moved.
    pub reached: Position,
    gather: Gather,
    /// All up to here is to be applied, and nothing after.
    until: Option<Position>,
    proving: Option<Proving>,
    saved_at: Duration,
}

/// Follows until the cutover is proven.
pub(crate) async fn follow(attempt: &Attempt, checkpoint: &mut Checkpoint) -> Result<CutoverRecord> {
    attempt.context.board.enter(Stage::Changes);
    let record = follow_in(attempt, checkpoint, None).await?;
    record.ok_or_else(|| Error::bug("the changes stage ended without a proof"))
}

/// Applies what lies in the window, so that the target holds what the source held at one
/// position. Until then a value that passed from row to row may be in both, read by
/// two sessions or by two runs: unique indexes can't be built.
pub(crate) async fn close_window(attempt: &Attempt, checkpoint: &mut Checkpoint) -> Result<()> {
    let from = rules::resume_from(checkpoint);
    let open = |high: &&Position| from.is_some_and(|from| !high.is_at_or_before(from));
    let Some(high) = checkpoint.high.as_ref().filter(open).cloned() else {
        return Ok(());
    };
    follow_in(attempt, checkpoint, Some(high)).await.map(|_| ())
}

/// Whatever the end, all tasks of it are over. `to_window_end`: None follows until the proof.
async fn follow_in(
    attempt: &Attempt,
    checkpoint: &mut Checkpoint,
    to_window_end: Option<Position>,
) -> Result<Option<CutoverRecord>> {
    let mut tasks = JoinSet::new();
    let result = follow_with(attempt, checkpoint, to_window_end, &mut tasks).await;
    tasks.shutdown().await;
    result
}

async fn follow_with(
    attempt: &Attempt,
    checkpoint: &mut Checkpoint,
    to_window_end: Option<Position>,
    tasks: &mut JoinSet<()>,
) -> Result<Option<CutoverRecord>> {
    let context = &attempt.context;
    let opening = Box::pin(Follower::open(attempt, checkpoint, tasks));
    let mut follower = context.unless_stopped(opening).await?;
    let ended = follower.until_drained(tasks, to_window_end).await;
    if ended.as_ref().is_err_and(|error| error.kind() == Kind::Stopped) {
        // What can't be committed in time is read again by the next run.
        let _ = tokio::time::timeout(STOP_LIMIT, follower.flush()).await;
    }
    ended?;
    let known = std::mem::take(&mut follower.known);
    match follower.proving.take() {
        None => Ok(None),
        Some(proving) => {
            let proved = context.unless_stopped(cutover::prove(attempt, proving, &known));
            proved.await.map(Some)
        }
    }
}

impl<'a> Follower<'a> {
    async fn open(
        attempt: &'a Attempt,
        checkpoint: &'a mut Checkpoint,
        tasks: &mut JoinSet<()>,
    ) -> Result<Follower<'a>> {
        let context = &attempt.context;
        let from = rules::resume_from(checkpoint).cloned();
        let from = from.ok_or_else(|| Error::bug("changes are to follow a snapshot without a position"))?;
        let schemas = attempt.target.load_schemas(context.job_id()).await?;
        let stream = attempt
            .source
            .open_changes(&from, &context.spec.selection, &schemas)
            .await?;
        let applier = attempt.target.open_applier(context.job_id()).await?;
        let memory = context.limits().memory_bytes;
        context.board.show(checkpoint);
        context.board.reach(&from, 0);
        tasks.spawn(watch_end(attempt.clone()));
        Ok(Follower {
            attempt,
            applier,
            feed: Feed::start(tasks, stream, memory / BUDGET_PARTS),
            known: schemas
                .into_iter()
                .map(|schema| (schema.name.clone(), schema))
                .collect(),
            base: checkpoint.number,
            reached: from,
            gather: Gather::new(memory),
            until: None,
            proving: None,
            saved_at: context.clock.monotonic(),
            checkpoint,
        })
    }

    /// Applies changes until all up to the end is durable, and nothing after it. The end is
    /// the window's, or the proof's, which is taken when the user asks to complete.
    async fn until_drained(
        &mut self,
        tasks: &mut JoinSet<()>,
        to_window_end: Option<Position>,
    ) -> Result<()> {
        let control = &self.attempt.context.control;
        self.until = to_window_end;
        loop {
            if self.until.is_none() && control.complete.is_cancelled() {
                self.begin_cutover(tasks).await?;
            }
            if self.is_drained() {
                return self.settle().await;
            }
            let event = tokio::select! {
                biased;
                () = control.stop.cancelled() => return Err(Error::stopped()),
                () = control.complete.cancelled(), if self.until.is_none() => continue,
                event = self.feed.next() => event?,
                () = tokio::time::sleep(IDLE), if self.gather.is_pending() => {
                    self.flush().await?;
                    continue;
                }
            };
            if self.lies_after_the_end(&event) {
                return self.settle().await;
            }
            self.take(event).await?;
        }
    }

    async fn begin_cutover(&mut self, tasks: &mut JoinSet<()>) -> Result<()> {
        let context = &self.attempt.context;
        self.flush().await?;
        context.board.enter(Stage::Cutover);
        let proving = context.unless_stopped(cutover::open(self.attempt, tasks)).await?;
        if !self.reached.is_at_or_before(&proving.until) {
            return Err(Error::bug("the proof's position lies before what is applied"));
        }
        self.until = Some(proving.until.clone());
        self.proving = Some(proving);
        Ok(())
    }

    fn is_drained(&self) -> bool {
        let there = |until: &Position| until.is_at_or_before(&self.reached);
        self.gather.open_at().is_none() && !self.gather.is_pending() && self.until.as_ref().is_some_and(there)
    }

    /// Does it belong to what comes after the end? Then all before it has come.
    fn lies_after_the_end(&self, event: &ChangeEvent) -> bool {
        let Some(until) = &self.until else { return false };
        match event {
            ChangeEvent::Begin { at, .. } => until.is_at_or_before(at),
            ChangeEvent::Ddl(ddl) => !ddl.position.is_at_or_before(until),
            _ => false,
        }
    }

    /// Makes the checkpoint say that all up to the end is applied.
    async fn settle(&mut self) -> Result<()> {
        self.flush().await?;
        match self.until.clone() {
            Some(until) if self.reached.is_at_or_before(&until) => self.save_position(&until, 0).await,
            _ => Ok(()),
        }
    }

    async fn take(&mut self, event: ChangeEvent) -> Result<()> {
        match event {
            ChangeEvent::Begin { at, .. } => {
                let mode = rules::mode_at(self.checkpoint, &at);
                if self.gather.must_write_before(mode) {
                    self.flush().await?;
                }
                self.gather.begin(mode, at)
            }
            ChangeEvent::Rows(changes) => self.take_rows(changes).await,
            ChangeEvent::Commit {
                number,
                position,
                committed_at_ms,
            } => {
                let mark = Mark {
                    position,
                    number,
                    source_ms: committed_at_ms,
                };
                self.take_commit(mark).await
            }
            ChangeEvent::Ddl(ddl) => {
                if self.gather.open_at().is_some() {
                    return Err(Error::bug(
                        "the source's log gave a schema change inside a transaction",
                    ));
                }
                self.flush().await?;
                self.schema_change(ddl).await
            }
            ChangeEvent::Heartbeat {
                position,
                source_time_ms,
            } => self.take_heartbeat(position, source_time_ms).await,
        }
    }

    async fn take_rows(&mut self, changes: RowChanges) -> Result<()> {
        if self
            .attempt
            .context
            .spec
            .selection
            .target_of(&changes.schema.name)
            .is_none()
        {
            self.checkpoint.events_not_chosen += 1;
            return Ok(());
        }
        let at = self.gather.open_at();
        if at.is_some_and(|at| rules::is_in_copy(self.checkpoint, &changes.schema, at)) {
            return Ok(());
        }
        self.gather.rows(changes)?;
        if self.gather.overflows() {
            self.flush().await?;
            let piece = self.gather.take_piece()?;
            self.write(piece).await?;
        }
        Ok(())
    }

    async fn take_commit(&mut self, mark: Mark) -> Result<()> {
        let now = self.attempt.context.clock.monotonic();
        let beyond = |proving: &Proving| !mark.position.is_at_or_before(&proving.until);
        if self.proving.as_ref().is_some_and(beyond) {
            return Err(Error::unknown(
                "a source transaction lies on both sides of the proof's position",
            ));
        }
        match self.gather.commit(mark, now)? {
            Committed::LastPiece(bundle, mark) => {
                self.write(bundle).await?;
                self.commit(mark).await
            }
            Committed::Gathered if self.gather.is_full(now) || self.ends_here() => self.flush().await,
            Committed::Gathered => Ok(()),
        }
    }

    /// Nothing more is to come: there is nothing to wait for.
    fn ends_here(&self) -> bool {
        self.until
            .as_ref()
            .is_some_and(|until| self.gather.reaches(until))
    }

    async fn take_heartbeat(&mut self, position: Position, source_ms: u64) -> Result<()> {
        if self.gather.open_at().is_some() {
            return Ok(());
        }
        // The log has moved past the end without a change to us: stop at it.
        let position = match &self.until {
            Some(until) if until.is_at_or_before(&position) => until.clone(),
            _ => position,
        };
        if self.gather.is_pending() {
            self.gather.move_mark(&position);
            return Ok(());
        }
        if self.reached.is_at_or_before(&position) {
            self.attempt.context.board.reach(&position, source_ms);
            self.reached = position;
        }
        let now = self.attempt.context.clock.monotonic();
        if now.saturating_sub(self.saved_at) >= HEARTBEAT_SAVE {
            let reached = self.reached.clone();
            self.save_position(&reached, source_ms).await?;
        } else {
            // Both sides were heard of and nothing waits: an earlier row of failures is over.
            self.attempt.context.board.advance();
        }
        Ok(())
    }

    /// Writes a checkpoint that differs in its position alone.
    async fn save_position(&mut self, position: &Position, source_ms: u64) -> Result<()> {
        if self.checkpoint.applied.as_ref() == Some(position) {
            self.saved_at = self.attempt.context.clock.monotonic();
            return Ok(());
        }
        self.checkpoint.applied = Some(position.clone());
        self.commit_checkpoint(source_ms).await
    }

    /// Writes and commits all complete transactions.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        let Some((bundle, mark)) = self.gather.take() else {
            return Ok(());
        };
        self.write(bundle).await?;
        self.commit(mark).await
    }

    async fn write(&mut self, bundle: Bundle) -> Result<()> {
        let (mode, rows) = (bundle.mode(), bundle.rows());
        let selection = &self.attempt.context.spec.selection;
        // Rows of tables that are not chosen were left out as they came.
        let target_of = |name: &TableName| selection.target_of(name).unwrap_or_else(|| name.clone());
        for work in bundle.into_works(&target_of) {
            let mode = match work {
                TableWork::Merged { .. } => mode,
                // Without a key nothing can be applied twice: its changes are all after its copy.
                TableWork::Ordered { .. } => ApplyMode::Strict,
            };
            self.applier.write(work, mode).await?;
        }
        self.checkpoint.changes_applied += rows;
        Ok(())
    }

    async fn commit(&mut self, mark: Mark) -> Result<()> {
        self.checkpoint.applied = Some(mark.position);
        self.checkpoint.number = self.base + mark.number;
        self.commit_checkpoint(mark.source_ms).await
    }

    /// Commits what is written, with the checkpoint, and tells the source and the report.
    pub(crate) async fn commit_checkpoint(&mut self, source_ms: u64) -> Result<()> {
        self.applier.commit(self.checkpoint).await?;
        let board = &self.attempt.context.board;
        board.show(self.checkpoint);
        board.advance();
        if let Some(applied) = &self.checkpoint.applied {
            self.feed.acknowledge(applied);
            board.reach(applied, source_ms);
            self.reached = applied.clone();
        }
        self.saved_at = self.attempt.context.clock.monotonic();
        Ok(())
    }
}

/// Reads the source's end now and then. Its failure only means that the lag is not known.
async fn watch_end(attempt: Attempt) {
    let board = &attempt.context.board;
    loop {
        if let Ok(Ok((end, bytes))) = tokio::time::timeout(END_LIMIT, read_end(&*attempt.source, board)).await
        {
            board.end_read(end, bytes);
        }
        tokio::time::sleep(END_EVERY).await;
    }
}

async fn read_end(source: &dyn Source, board: &Board) -> Result<(Position, Option<u64>)> {
    let end = source.position().await?;
    let bytes = match board.reached() {
        Some(reached) if !end.is_at_or_before(&reached) => source.bytes_between(&reached, &end).await.ok(),
        _ => Some(0),
    };
    Ok((end, bytes))
}
