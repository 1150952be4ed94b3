//! When to try again after a retryable error, and when to give up.
//!
//! Pure: time is passed in. The window counts from the first failure since
//! something last moved on, so a run may live through any number of short cuts.

use std::time::Duration;

/// The first wait; short, for a cut connection is mostly there again at once.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait: a server that is back is noticed within it.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Retry {
    window: Duration,
    seed: u64,
    /// Monotonic and wall time of the first failure in this row, and the attempts in it.
    row: Option<(Duration, u64, u64)>,
    advances: u64,
}

/// What a failure leads to.
#[derive(Debug, PartialEq)]
pub(crate) struct Verdict {
    /// None: the window is over.
    pub wait: Option<Duration>,
    pub since_ms: u64,
    pub attempts: u64,
}

impl Retry {
    /// `name` seeds the jitter, so that jobs cut at one moment don't come back at one.
    pub(crate) fn new(window_seconds: u64, name: &str) -> Retry {
        // FNV-1a: spreads, and is the same on every machine.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Retry {
            window: Duration::from_secs(window_seconds),
            seed: name.bytes().fold(0xcbf2_9ce4_8422_2325, mix),
            row: None,
            advances: 0,
        }
    }

    /// `advances` counts durable steps since the run began: a change of it ends the row of failures.
    pub(crate) fn failed(&mut self, now: Duration, now_ms: u64, advances: u64) -> Verdict {
        if advances != self.advances {
            self.advances = advances;
            self.row = None;
        }
        let (first, since_ms, attempts) = self.row.unwrap_or((now, now_ms, 0));
        let attempts = attempts + 1;
        self.row = Some((first, since_ms, attempts));
        let over = now.saturating_sub(first) >= self.window;
        let wait = (!over).then(|| self.wait(attempts));
        Verdict {
            wait,
            since_ms,
            attempts,
        }
    }

    /// Doubles, then three quarters to all of it.
    fn wait(&mut self, attempts: u64) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(16);
        let full = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let part = u32::try_from(self.seed >> 40).unwrap_or(0) % 256;
        full - full * part / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn waits_double_up_to_five_seconds_and_end_with_the_window() {
        let mut retry = Retry::new(60, "job");
        let (mut now, mut waits) = (ms(0), Vec::new());
        while let Some(wait) = retry.failed(now, 0, 0).wait {
            waits.push(wait);
            now += wait;
        }
        for (wait, full) in waits.iter().zip([200, 400, 800, 1600, 3200, 5000, 5000]) {
            assert!(
                *wait <= ms(full) && *wait >= ms(full * 3 / 4),
                "{wait:?} of {full}"
            );
        }
        assert!(now >= ms(60_000) && now < ms(65_000), "{now:?}");
    }

    #[test]
    fn moving_on_ends_a_row_of_failures() {
        let mut retry = Retry::new(10, "job");
        assert_eq!(retry.failed(ms(0), 500, 0).attempts, 1);
        let second = retry.failed(ms(9000), 9500, 0);
        assert_eq!((second.since_ms, second.attempts), (500, 2));
        let after = retry.failed(ms(30_000), 30_500, 1);
        assert_eq!((after.since_ms, after.attempts), (30_500, 1));
        assert!(after.wait.is_some());
        assert!(retry.failed(ms(40_000), 40_500, 1).wait.is_none());
    }
}
