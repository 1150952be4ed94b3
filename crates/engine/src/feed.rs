//! The task that owns the change stream, and the bounded channel behind it.
//!
//! A change stream must not be dropped in the middle of `next`, and the follower must
//! be able to stop waiting for it: so a task reads ahead, within a byte budget. After
//! a schema change it waits to be told the tables' new schemas.

use std::sync::Arc;

use tidegate_link::ChangeStream;
use tidegate_model::change::ChangeEvent;
use tidegate_model::position::Position;
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// Events read ahead at most, whatever their size: small transactions are three each.
const EVENTS_MAX: usize = 4096;

/// New schemas after a schema change, by the source's names; None: the table is gone.
pub(crate) type Learned = Vec<(TableName, Option<Arc<TableSchema>>)>;

type Fed = (Result<ChangeEvent>, Option<OwnedSemaphorePermit>);

#[derive(Debug)]
pub(crate) struct Feed {
    events: mpsc::Receiver<Fed>,
    learned: mpsc::Sender<Learned>,
    durable: watch::Sender<Option<Position>>,
}

impl Feed {
    /// Reads `stream` in a task of `tasks`, at most `room` bytes ahead.
    pub(crate) fn start(tasks: &mut JoinSet<()>, stream: Box<dyn ChangeStream>, room: u64) -> Feed {
        let (to_follower, events) = mpsc::channel(EVENTS_MAX);
        // One schema change at a time: the stream waits for the answer.
        let (learned, from_follower) = mpsc::channel(1);
        let (durable, acknowledged) = watch::channel(None);
        let room = u32::try_from(room).unwrap_or(u32::MAX).max(1);
        let reader = Reader {
            stream,
            to_follower,
            from_follower,
            acknowledged,
            room,
        };
        tasks.spawn(reader.read());
        Feed {
            events,
            learned,
            durable,
        }
    }

    /// The next event. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<ChangeEvent> {
        match self.events.recv().await {
            Some((event, _room)) => event,
            None => Err(Error::retry("the reader of the source's log ended")),
        }
    }

    /// Answers a schema change.
    pub(crate) async fn learn(&self, learned: Learned) -> Result<()> {
        let told = self.learned.send(learned).await;
        told.map_err(|_| Error::retry("the reader of the source's log ended"))
    }

    /// All up to `position` is durable. Told to the source before the next event is read.
    pub(crate) fn acknowledge(&self, position: &Position) {
        self.durable.send_replace(Some(position.clone()));
    }
}

struct Reader {
    stream: Box<dyn ChangeStream>,
    to_follower: mpsc::Sender<Fed>,
    from_follower: mpsc::Receiver<Learned>,
    acknowledged: watch::Receiver<Option<Position>>,
    room: u32,
}

impl Reader {
    async fn read(mut self) {
        let budget = Arc::new(Semaphore::new(self.room as usize));
        loop {
            let event = self.next().await;
            let bytes = match &event {
                Ok(ChangeEvent::Rows(changes)) => u32::try_from(changes.bytes).unwrap_or(u32::MAX),
                _ => 1,
            };
            let last = event.is_err();
            let barrier = matches!(event, Ok(ChangeEvent::Ddl(_)));
            let permit = Arc::clone(&budget)
                .acquire_many_owned(bytes.clamp(1, self.room))
                .await;
            let sent = self.to_follower.send((event, permit.ok())).await;
            if last || sent.is_err() {
                return;
            }
            if barrier {
                let Some(learned) = self.from_follower.recv().await else {
                    return;
                };
                for (table, schema) in learned {
                    self.stream.learn(&table, schema);
                }
            }
        }
    }

    async fn next(&mut self) -> Result<ChangeEvent> {
        let durable = match self.acknowledged.has_changed() {
            Ok(true) => self.acknowledged.borrow_and_update().clone(),
            _ => None,
        };
        if let Some(durable) = durable {
            self.stream.acknowledge(&durable).await?;
        }
        self.stream.next().await
    }
}
