//! The channel between a snapshot reader and a loader: bounded in bytes, and with
//! an explicit end, so that a reader that dies is never taken for a finished one.

use std::sync::Arc;

use tidegate_model::row::Batch;
use tidegate_model::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Batches in flight at most, whatever their size; the byte limit rules normally.
const BATCHES_MAX: usize = 256;

#[derive(Debug)]
enum Item {
    Batch(Batch, OwnedSemaphorePermit),
    Finished { rows: u64 },
}

/// Returns both ends. `limit_bytes` bounds what waits between them; one batch
/// larger than the limit still passes, alone.
pub fn batch_channel(limit_bytes: usize) -> (BatchSender, BatchReceiver) {
    let (sender, receiver) = mpsc::channel(BATCHES_MAX);
    let limit = limit_bytes.clamp(1, Semaphore::MAX_PERMITS);
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let room = Arc::new(Semaphore::new(limit as usize));
    (
        BatchSender {
            sender,
            room,
            limit,
            rows: 0,
        },
        BatchReceiver {
            receiver,
            finished: None,
            rows: 0,
        },
    )
}

#[derive(Debug)]
pub struct BatchSender {
    sender: mpsc::Sender<Item>,
    room: Arc<Semaphore>,
    limit: u32,
    rows: u64,
}

impl BatchSender {
    /// Waits for room. `Kind::Stopped` when the other end is gone: the loader's
    /// own error then says why.
    pub async fn send(&mut self, batch: Batch) -> Result<()> {
        let bytes = u32::try_from(batch.bytes)
            .unwrap_or(u32::MAX)
            .clamp(1, self.limit);
        let room = Arc::clone(&self.room);
        let permit = room
            .acquire_many_owned(bytes)
            .await
            .map_err(|_| Error::stopped())?;
        self.rows += batch.rows;
        self.sender
            .send(Item::Batch(batch, permit))
            .await
            .map_err(|_| Error::stopped())
    }

    /// Says that all rows were sent. Without it the receiver reports a short read.
    pub async fn finish(self) -> Result<()> {
        let rows = self.rows;
        self.sender
            .send(Item::Finished { rows })
            .await
            .map_err(|_| Error::stopped())
    }
}

#[derive(Debug)]
pub struct BatchReceiver {
    receiver: mpsc::Receiver<Item>,
    finished: Option<u64>,
    rows: u64,
}

impl BatchReceiver {
    /// The next batch; None only after the sender finished and the counts agree.
    pub async fn next(&mut self) -> Result<Option<Batch>> {
        if self.finished.is_some() {
            return Ok(None);
        }
        match self.receiver.recv().await {
            Some(Item::Batch(batch, permit)) => {
                self.rows += batch.rows;
                drop(permit);
                Ok(Some(batch))
            }
            Some(Item::Finished { rows }) if rows == self.rows => {
                self.finished = Some(rows);
                Ok(None)
            }
            Some(Item::Finished { rows }) => Err(Error::bug(format!(
                "a chunk was sent with {rows} rows and came with {}",
                self.rows
            ))),
            None => Err(Error::retry("the reader ended before the end of its chunk")),
        }
    }

    /// Rows received so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_model::row::Payload;
    use tidegate_model::schema::{TableName, TableSchema};

    fn batch(rows: u64) -> Batch {
        let schema = Arc::new(TableSchema {
            name: TableName::new("a", "t"),
            columns: Vec::new(),
            row_key: None,
            rows_estimate: 0,
            bytes_estimate: 0,
        });
        Batch {
            schema,
            payload: Payload::Rows(Vec::new()),
            rows,
            bytes: 10,
        }
    }

    #[tokio::test]
    async fn a_dropped_sender_is_a_short_read() {
        let (mut sender, mut receiver) = batch_channel(100);
        sender.send(batch(3)).await.unwrap();
        drop(sender);
        assert!(receiver.next().await.unwrap().is_some());
        assert!(receiver.next().await.is_err());
    }

    #[tokio::test]
    async fn a_finished_sender_is_the_end() {
        let (mut sender, mut receiver) = batch_channel(100);
        sender.send(batch(3)).await.unwrap();
        sender.finish().await.unwrap();
        assert!(receiver.next().await.unwrap().is_some());
        assert!(receiver.next().await.unwrap().is_none());
        assert!(receiver.next().await.unwrap().is_none());
        assert_eq!(receiver.rows(), 3);
    }
}
