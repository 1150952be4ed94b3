//! The chunks that are left, shared by all pairs of a snapshot.
//!
//! A table that is not split yet is one item, which turns into its chunks when a
//! pair has split it; the others wait for that when nothing else is left. Bounded
//! by the plan: every chunk of it is there once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_link::Chunk;
use tidegate_model::schema::TableName;
use tokio::sync::Notify;

use crate::plan::TableTask;

#[derive(Debug)]
pub(crate) enum Item {
    Split(Arc<TableTask>),
    Copy(Arc<TableTask>, Chunk),
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Item>,
    splitting: usize,
    closed: bool,
    /// Chunks not finished, of each table that is split.
    left: HashMap<TableName, usize>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Queue {
    pub(crate) fn new(tasks: Vec<TableTask>) -> Queue {
        let mut inner = Inner::default();
        for task in tasks {
            let task = Arc::new(task);
            match task.chunks.clone() {
                None => inner.items.push_back(Item::Split(task)),
                Some(chunks) => {
                    inner.left.insert(task.def.schema.name.clone(), chunks.len());
                    let copy = |chunk| Item::Copy(Arc::clone(&task), chunk);
                    inner.items.extend(chunks.into_iter().map(copy));
                }
            }
        }
        Queue {
            inner: Mutex::new(inner),
            changed: Notify::new(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item; None when nothing is left and nothing can come, or after `close`.
    pub(crate) async fn next(&self) -> Option<Item> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut inner = self.inner();
                if inner.closed {
                    return None;
                }
                if let Some(item) = inner.items.pop_front() {
                    inner.splitting += usize::from(matches!(item, Item::Split(_)));
                    return Some(item);
                }
                if inner.splitting == 0 {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Puts in the chunks of a table that was split, before those of smaller tables.
    pub(crate) fn split(&self, task: &Arc<TableTask>, chunks: Vec<Chunk>) {
        let mut inner = self.inner();
        inner.splitting = inner.splitting.saturating_sub(1);
        inner.left.insert(task.def.schema.name.clone(), chunks.len());
        for chunk in chunks.into_iter().rev() {
            inner.items.push_front(Item::Copy(Arc::clone(task), chunk));
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// A chunk is loaded. True when it was its table's last.
    pub(crate) fn finished(&self, table: &TableName) -> bool {
        let mut inner = self.inner();
        let Some(left) = inner.left.get_mut(table) else {
            return false;
        };
        *left = left.saturating_sub(1);
        *left == 0
    }

    /// Hands out nothing more: the attempt is to end.
    pub(crate) fn close(&self) {
        self.inner().closed = true;
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_link::TableDef;
    use tidegate_model::row::Encoding;
    use tidegate_model::schema::TableSchema;

    fn task() -> TableTask {
        let name = TableName::new("a", "t");
        let schema = TableSchema {
            name: name.clone(),
            columns: Vec::new(),
            row_key: None,
            rows_estimate: 0,
            bytes_estimate: 0,
        };
        TableTask {
            def: TableDef {
                schema: Arc::new(schema),
                native_ddl: String::new(),
                next_auto_increment: None,
            },
            target: name,
            encoding: Encoding::Neutral,
            chunks: None,
            clear: false,
        }
    }

    fn chunk(number: u32) -> Chunk {
        Chunk {
            table: TableName::new("a", "t"),
            number,
            lower: None,
            upper: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pairs_wait_for_a_table_that_is_being_split() {
        let queue = Queue::new(vec![task()]);
        let Some(Item::Split(task)) = queue.next().await else {
            panic!("it is not split yet")
        };
        let other = async { matches!(queue.next().await, Some(Item::Copy(_, chunk)) if chunk.number == 0) };
        let split = async {
            tokio::task::yield_now().await;
            queue.split(&task, vec![chunk(0), chunk(1)]);
        };
        let (got, ()) = tokio::join!(other, split);
        assert!(got, "the first chunk, and not the end");
        assert!(queue.next().await.is_some() && queue.next().await.is_none());
        assert!(!queue.finished(&chunk(0).table) && queue.finished(&chunk(1).table));
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_queue_hands_out_nothing_and_wakes_who_waits() {
        let queue = Queue::new(vec![task()]);
        let _split = queue.next().await;
        let close = async {
            tokio::task::yield_now().await;
            queue.close();
        };
        let (waiting, ()) = tokio::join!(queue.next(), close);
        assert!(waiting.is_none());
    }
}
