//! When a run counts as caught up, and no longer.
//!
//! A run at the end of the log is behind for a moment with every transaction.
//! The state follows only what lasts. Pure: the time is passed in.

use crate::lifecycle::{Happening, Status};

/// `running` is seen for so long even where the work takes a moment: public
/// clients poll for that very state, some every few seconds.
pub const RUNNING_SEEN_MS: u64 = 5_000;
/// Caught up for so long before the job says so.
const CAUGHT_UP_MS: u64 = 1_000;
/// Behind for so long before the job says so.
const BEHIND_MS: u64 = 5_000;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calm {
    /// What the run last said, and since when it has said so.
    said: Option<(bool, u64)>,
}

impl Calm {
    pub(crate) fn hear(&mut self, caught_up: bool, now_ms: u64) {
        if self.said.is_none_or(|(before, _)| before != caught_up) {
            self.said = Some((caught_up, now_ms));
        }
    }

    /// What the job must do now.
    pub(crate) fn happening(&self, status: Status, running_since_ms: u64, now_ms: u64) -> Option<Happening> {
        let (_, happening) = self
            .coming(status, running_since_ms)
            .filter(|(at, _)| *at <= now_ms)?;
        Some(happening)
    }

    /// When to look again, if the run says nothing new until then.
    pub(crate) fn next_look(&self, status: Status, running_since_ms: u64) -> Option<u64> {
        self.coming(status, running_since_ms).map(|(at, _)| at)
    }

    fn coming(&self, status: Status, running_since_ms: u64) -> Option<(u64, Happening)> {
        match (self.said?, status) {
            ((true, since), Status::Running) => {
                let at = (since + CAUGHT_UP_MS).max(running_since_ms + RUNNING_SEEN_MS);
                Some((at, Happening::CaughtUp))
            }
            ((false, since), Status::ReadyComplete) => Some((since + BEHIND_MS, Happening::FellBehind)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_is_seen_five_seconds_and_a_moment_behind_is_no_fall() {
        let mut calm = Calm::default();
        assert_eq!(calm.next_look(Status::Running, 0), None);
        calm.hear(true, 100);
        assert_eq!(calm.happening(Status::Running, 0, 4_999), None);
        assert_eq!(
            calm.happening(Status::Running, 0, 5_000),
            Some(Happening::CaughtUp)
        );
        calm.hear(false, 6_000);
        calm.hear(true, 7_000);
        assert_eq!(calm.happening(Status::ReadyComplete, 0, 90_000), None);
        calm.hear(false, 10_000);
        calm.hear(false, 12_000);
        assert_eq!(calm.happening(Status::ReadyComplete, 0, 14_999), None);
        assert_eq!(
            calm.happening(Status::ReadyComplete, 0, 15_000),
            Some(Happening::FellBehind)
        );
    }

    #[test]
    fn other_states_are_left_alone() {
        let mut calm = Calm::default();
        calm.hear(true, 0);
        for status in [
            Status::Completing,
            Status::Stopping,
            Status::Pausing,
            Status::Error,
        ] {
            assert_eq!(calm.happening(status, 0, u64::MAX), None);
        }
    }
}
