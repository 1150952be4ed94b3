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
