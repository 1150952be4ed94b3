//! Where in a source's log we are.
//!
//! The token is the engine's own text and opaque to all others. The order is
//! what the rest needs: two positions of one source compare by it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The engine's own form (GTID set with file and offset, LSN, resume token …).
    pub token: String,
    /// Grows along one source's log. For a binary log: file number and offset.
    pub order: (u64, u64),
}

impl Position {
    /// Is all that lies up to `self` also up to `other`?
    pub fn is_at_or_before(&self, other: &Position) -> bool {
        self.order <= other.order
    }
}
