//! What is really different, and what only was on its way.
//!
//! A row counts as different when the target has passed a position that the source was
//! at before the row was read there, and holds neither what the source held before nor
//! after that; several times in a row, with nothing changing on either side. A row that
//! never holds still is unsettled, which is said, and is no difference.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_link::{Depth, Named, RowDigest, TableDigest, Target};
use tidegate_model::Result;
use tidegate_model::compare::RowDifference;
use tidegate_model::job::JobSpec;
use tidegate_model::position::Position;

use super::{Pair, Sides};

/// Equal evidence so often makes a difference. A row that goes to and fro between two
/// values would have to be met in the same phase at each of 12 readings.
const STEADY: u32 = 4;
/// Looks at a row that changes between them.
const TRIES_MAX: u32 = 24;
/// Between two looks, so that a row that goes to and fro is met in other phases.
const PAUSE: Duration = Duration::from_millis(150);
/// A job that does not come past a position in this time has stopped, or is far behind.
const REACH_LIMIT: Duration = Duration::from_secs(120);
/// A checkpoint is read so often while we wait for it.
const REACH_POLL: Duration = Duration::from_millis(100);
/// Whole tables are costly to read again.
const TABLE_TRIES_MAX: u32 = 5;
const TABLE_STEADY: u32 = 2;

/// Knows what of the source the target is sure to hold.
pub(crate) struct Follower {
    target: Arc<dyn Target>,
    job_id: String,
    follows: bool,
    applied: Mutex<Option<Position>>,
}

impl Follower {
    pub(crate) fn new(target: Arc<dyn Target>, job: &JobSpec) -> Follower {
        Follower {
            target,
            job_id: job.job_id.clone(),
            follows: job.migrate_type.follows_changes(),
            applied: Mutex::default(),
        }
    }

    /// Waits until all up to `position` is on the target. False when that takes too long.
    pub(crate) async fn passes(&self, position: &Position, sides: &Sides) -> Result<bool> {
        let begun = sides.clock.monotonic();
        while self.follows && !self.knows(position) {
            if let Some(checkpoint) = self.target.load_checkpoint(&self.job_id).await? {
                *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = checkpoint.applied;
                if self.knows(position) {
                    break;
                }
            }
            if sides.clock.monotonic().saturating_sub(begun) > REACH_LIMIT {
                return Ok(false);
            }
            tokio::time::sleep(REACH_POLL).await;
        }
        Ok(true)
    }

    fn knows(&self, position: &Position) -> bool {
        let applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        applied
            .as_ref()
            .is_some_and(|applied| position.is_at_or_before(applied))
    }
}

/// What is to be said of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same,
    Differs {
        /// As the source spells it, where it has the row.
        key: String,
        kind: RowDifference,
        /// Places of the columns that differ, among the written ones.
        columns: Vec<usize>,
    },
    Unsettled,
}

/// One key under suspicion.
#[derive(Debug)]
pub(crate) struct Suspect<T> {
    last: Option<(Option<T>, Option<T>)>,
    steady: u32,
}

impl<T> Default for Suspect<T> {
    fn default() -> Suspect<T> {
        Suspect {
            last: None,
            steady: 0,
        }
    }
}

/// What one look says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Same,
    Differs,
    Again,
}

impl<T: PartialEq> Suspect<T> {
    /// `before` and `after` were read on the source around the target's reading.
    pub(crate) fn look(
        &mut self,
        before: Option<T>,
        target: Option<T>,
        after: Option<T>,
        enough: u32,
    ) -> Look {
        if target == before || target == after {
            return Look::Same;
        }
        if before != after {
            *self = Suspect::default();
            return Look::Again;
        }
        let seen = (after, target);
        self.steady = if self.last.as_ref() == Some(&seen) {
            self.steady + 1
        } else {
            1
        };
        self.last = Some(seen);
        if self.steady >= enough {
            Look::Differs
        } else {
            Look::Again
        }
    }
}

/// A verdict for each key, in the order of `keys`.
pub(crate) async fn settle(
    sides: &Sides,
    pair: &mut Pair,
    (here, there): (Named<'_>, Named<'_>),
    keys: &[String],
    depth: Depth,
) -> Result<Vec<Verdict>> {
    let mut verdicts: Vec<Verdict> = vec![Verdict::Unsettled; keys.len()];
    let mut open: Vec<(usize, Suspect<RowDigest>)> =
        (0..keys.len()).map(|at| (at, Suspect::default())).collect();
    for round in 0..TRIES_MAX {
        if open.is_empty() {
            break;
        }
        if round > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let asked: Vec<String> = open.iter().filter_map(|(at, _)| keys.get(*at).cloned()).collect();
        let position = sides.source.position().await?;
        let before = pair.source.rows_by_key(here, &asked, depth).await?;
        if !sides.follower.passes(&position, sides).await? {
            break;
        }
        let target = pair.target.rows_by_key(there, &asked, depth).await?;
        let after = pair.source.rows_by_key(here, &asked, depth).await?;
        let readings = before.into_iter().zip(target).zip(after);
        let mut left = Vec::new();
        for ((at, mut suspect), ((before, target), after)) in open.into_iter().zip(readings) {
            match suspect.look(before, target, after, STEADY) {
                Look::Again => left.push((at, suspect)),
                Look::Same => put(&mut verdicts, at, Verdict::Same),
                Look::Differs => {
                    let key = keys.get(at).cloned().unwrap_or_default();
                    put(&mut verdicts, at, differs(key, suspect.last));
                }
            }
        }
        open = left;
    }
    Ok(verdicts)
}

fn put(verdicts: &mut [Verdict], at: usize, verdict: Verdict) {
    if let Some(place) = verdicts.get_mut(at) {
        *place = verdict;
    }
}

fn differs(asked: String, seen: Option<(Option<RowDigest>, Option<RowDigest>)>) -> Verdict {
    let (source, target) = seen.unwrap_or_default();
    let (key, kind, columns) = match (source, target) {
        (Some(source), Some(target)) => {
            let each = source.columns.iter().zip(&target.columns).enumerate();
            let columns = each.filter(|(_, (one, other))| one != other).map(|(at, _)| at);
            (source.key, RowDifference::Data, columns.collect())
        }
        (Some(source), None) => (source.key, RowDifference::DstLack, Vec::new()),
        (None, Some(target)) => (target.key, RowDifference::SrcLack, Vec::new()),
        (None, None) => (asked, RowDifference::Data, Vec::new()),
    };
    Verdict::Differs { key, kind, columns }
}

/// A table without a key, as a whole.
#[derive(Debug)]
pub(crate) struct Whole {
    pub look: Look,
    pub source: TableDigest,
    pub target: TableDigest,
}

pub(crate) async fn settle_table(
    sides: &Sides,
    pair: &mut Pair,
    (here, there): (Named<'_>, Named<'_>),
    depth: Depth,
) -> Result<Option<Whole>> {
    let all = tidegate_link::Chunk {
        table: here.table.name.clone(),
        number: 0,
        lower: None,
        upper: None,
    };
    let mut suspect = Suspect::default();
    for _ in 0..TABLE_TRIES_MAX {
        let position = sides.source.position().await?;
        let before = pair.source.digest_chunk(here, &all, depth).await?;
        if !sides.follower.passes(&position, sides).await? {
            return Ok(None);
        }
        let target = pair.target.digest_chunk(there, &all, depth).await?;
        // Nearly always: one reading of each side is enough.
        let after = if before == target {
            before.clone()
        } else {
            pair.source.digest_chunk(here, &all, depth).await?
        };
        let look = suspect.look(
            Some(before),
            Some(target.clone()),
            Some(after.clone()),
            TABLE_STEADY,
        );
        if look != Look::Again {
            let source = after;
            return Ok(Some(Whole { look, source, target }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(readings: &[(u8, u8, u8)]) -> Vec<Look> {
        let mut suspect = Suspect::default();
        let some = |value: u8| (value > 0).then_some(value);
        let look = |&(before, target, after): &(u8, u8, u8)| {
            suspect.look(some(before), some(target), some(after), 2)
        };
        readings.iter().map(look).collect()
    }

    #[test]
    fn only_what_stays_different_is_different() {
        use Look::{Again, Differs, Same};
        assert_eq!(looks(&[(1, 1, 1)]), [Same]);
        assert_eq!(looks(&[(1, 2, 2)]), [Same], "applied meanwhile");
        assert_eq!(looks(&[(1, 1, 2)]), [Same], "changed meanwhile");
        assert_eq!(looks(&[(1, 2, 1), (1, 2, 1)]), [Again, Differs]);
        assert_eq!(
            looks(&[(1, 0, 1), (1, 0, 1)]),
            [Again, Differs],
            "the target lacks it"
        );
        assert_eq!(
            looks(&[(0, 1, 0), (0, 1, 0)]),
            [Again, Differs],
            "the source lacks it"
        );
        assert_eq!(looks(&[(0, 0, 0)]), [Same], "gone on both");
        assert_eq!(looks(&[(1, 2, 1), (3, 2, 3), (3, 2, 3)]), [Again, Again, Differs]);
        assert_eq!(
            looks(&[(1, 2, 1), (1, 4, 3), (1, 2, 1), (1, 5, 1)]),
            [Again, Again, Again, Again],
            "it never holds still"
        );
    }
}
