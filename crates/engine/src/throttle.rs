//! A rate limit in rows a second that can be changed while a run goes on.
//!
//! Pure: the time is passed in. A batch larger than a second's worth passes at
//! once and is paid for by the wait after it, so no batch is ever too large.

use std::time::Duration;

/// What may be saved up while idle, as a part of a second's worth: enough to
/// even out batches, too little for a burst that a limited server would feel.
const SAVED_PART: i128 = 4;
const NANOS: i128 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    /// Rows a second; 0 is no limit.
    rate: u64,
    /// Rows times 10^9 that may pass now; negative: to be waited for.
    balance: i128,
    last: Duration,
}

impl Throttle {
    /// `now` is the time since any fixed moment, the same for all calls.
    pub fn new(rate: u64, now: Duration) -> Throttle {
        Throttle {
            rate,
            balance: 0,
            last: now,
        }
    }

    /// Changes the limit. What was passed before is still to be waited for, at the new rate.
    pub fn set_rate(&mut self, rate: u64, now: Duration) {
        self.refill(now);
        self.rate = rate;
        if rate == 0 {
            self.balance = 0;
        }
    }

    /// Counts `rows` as passed and answers how long to wait before going on.
    pub fn pass(&mut self, rows: u64, now: Duration) -> Duration {
        self.refill(now);
        if self.rate == 0 {
            return Duration::ZERO;
        }
        self.balance -= i128::from(rows) * NANOS;
        let debt = (-self.balance).max(0);
        let nanos = debt / i128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.last).as_nanos();
        let passed = i128::try_from(passed).unwrap_or(0).min(i128::from(u64::MAX));
        self.last = self.last.max(now);
        let rate = i128::from(self.rate);
        self.balance = (self.balance + passed.saturating_mul(rate)).min(rate * NANOS / SAVED_PART);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn rows_pass_at_the_rate_whatever_the_batches() {
        for batch in [1, 7, 100, 5000] {
            let mut throttle = Throttle::new(1000, at(0));
            let (mut now, mut rows) = (at(0), 0);
            while rows < 10_000 {
                rows += batch;
                now += throttle.pass(batch, now);
            }
            let expected = u128::from(rows); // 1000 rows a second: a row each millisecond
            assert!(
                now.as_millis().abs_diff(expected) <= 1,
                "batches of {batch}: {now:?}"
            );
        }
    }

    #[test]
    fn no_limit_never_waits_and_a_new_limit_counts_at_once() {
        let mut throttle = Throttle::new(0, at(0));
        assert_eq!(throttle.pass(1_000_000, at(0)), Duration::ZERO);
        throttle.set_rate(100, at(0));
        assert_eq!(throttle.pass(100, at(0)), at(1000));
        throttle.set_rate(200, at(0));
        assert_eq!(throttle.pass(0, at(0)), at(500));
        throttle.set_rate(0, at(0));
        assert_eq!(throttle.pass(100, at(0)), Duration::ZERO);
    }

    #[test]
    fn idle_time_saves_up_a_quarter_of_a_second_at_most() {
        let mut throttle = Throttle::new(1000, at(0));
        assert_eq!(throttle.pass(250, at(60_000)), Duration::ZERO);
        assert_eq!(throttle.pass(10, at(60_000)), at(10));
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_and_does_not_panic() {
        let mut throttle = Throttle::new(1000, at(5000));
        assert_eq!(throttle.pass(1000, at(0)), at(1000));
        assert_eq!(throttle.pass(0, at(5000)), at(1000));
    }
}
