//! What a run shows of itself: rates over the last few seconds, time left, lag.
//!
//! Pure: times and positions are passed in. It rather says "not known" than shows
//! a number that is no longer true: a source that can't be reached is not caught up.

use std::collections::VecDeque;
use std::time::Duration;

use tidegate_model::position::Position;

/// Rates are averages over this long: short enough to follow a changed limit, long
/// enough to even out batches.
const RATE_WINDOW: Duration = Duration::from_secs(5);
/// An end of the source's log older than this says nothing about now.
const END_KEPT: Duration = Duration::from_secs(5);
/// Samples kept at most, whatever the caller's pace (two reports a second fill ten).
const SAMPLES_MAX: usize = 64;

/// Rows and bytes a second, from running totals.
#[derive(Debug, Default)]
pub struct Rates {
    samples: VecDeque<(Duration, u64, u64)>,
}

impl Rates {
    /// Adds totals as they are now. A total that went back (work undone) starts anew.
    pub fn add(&mut self, now: Duration, rows: u64, bytes: u64) {
        if self
            .samples
            .back()
            .is_some_and(|last| rows < last.1 || bytes < last.2)
        {
            self.samples.clear();
        }
        self.samples.push_back((now, rows, bytes));
        let old = |sample: &(Duration, u64, u64)| now.saturating_sub(sample.0) > RATE_WINDOW;
        while self.samples.len() > SAMPLES_MAX
            || (self.samples.len() > 2 && self.samples.front().is_some_and(old))
        {
            self.samples.pop_front();
        }
    }

    pub fn per_second(&self) -> (f64, f64) {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return (0.0, 0.0);
        };
        let seconds = last.0.saturating_sub(first.0).as_secs_f64();
        if seconds <= 0.0 {
            return (0.0, 0.0);
        }
        let rate = |from: u64, to: u64| to.saturating_sub(from) as f64 / seconds;
        (rate(first.1, last.1), rate(first.2, last.2))
    }
}

/// Seconds until `total` at the present rate; None when that can't be said.
pub fn eta_seconds(done: u64, total: u64, per_second: f64) -> Option<u64> {
    if per_second < 1.0 {
        return None;
    }
    Some((total.saturating_sub(done) as f64 / per_second).ceil() as u64)
}

/// How far the target is behind the source.
#[derive(Debug, Default)]
pub struct Lag {
    /// Ends of the source's log as read, with the moment of reading; newest last.
    ends: VecDeque<(Duration, Position)>,
    reached: Option<Position>,
    /// Source time of what is reached, Unix milliseconds; 0: not known.
    reached_ms: u64,
    bytes: Option<u64>,
}

impl Lag {
    /// All up to `position` is on the target.
    pub fn reach(&mut self, position: &Position, source_ms: u64) {
        self.reached = Some(position.clone());
        self.reached_ms = self.reached_ms.max(source_ms);
    }

    pub fn reached(&self) -> Option<&Position> {
        self.reached.as_ref()
    }

    /// The source's end was read, at the wall time `now_ms`, `bytes` after what is reached.
    pub fn end_read(&mut self, now: Duration, now_ms: u64, end: Position, bytes: Option<u64>) {
        if self
            .reached
            .as_ref()
            .is_some_and(|reached| end.is_at_or_before(reached))
        {
            self.reached_ms = self.reached_ms.max(now_ms);
        }
        self.bytes = bytes;
        self.ends.push_back((now, end));
        while self.ends.len() > SAMPLES_MAX {
            self.ends.pop_front();
        }
    }

    fn forget_old(&mut self, now: Duration) {
        let old = |end: &(Duration, Position)| now.saturating_sub(end.0) > END_KEPT;
        while self.ends.front().is_some_and(old) {
            self.ends.pop_front();
        }
    }

    /// Seconds and bytes behind; None while the source's end is not known.
    pub fn behind(&mut self, now: Duration, now_ms: u64) -> (Option<u64>, Option<u64>) {
        self.forget_old(now);
        let (Some((_, end)), Some(reached)) = (self.ends.back(), &self.reached) else {
            return (None, None);
        };
        if end.is_at_or_before(reached) {
            return (Some(0), Some(0));
        }
        let seconds = (self.reached_ms > 0).then(|| now_ms.saturating_sub(self.reached_ms) / 1000);
        (seconds, self.bytes)
    }

    /// Has the target passed an end of the source that was read in the last seconds, and
    /// with it the window in which rows may hold their changes already?
    pub fn caught_up(&mut self, now: Duration, window_end: Option<&Position>) -> bool {
        self.forget_old(now);
        let Some(reached) = &self.reached else {
            return false;
        };
        let closed = window_end.is_none_or(|end| end.is_at_or_before(reached));
        closed && self.ends.iter().any(|(_, end)| end.is_at_or_before(reached))
    }

    pub fn source_end(&self) -> Option<&Position> {
        self.ends.back().map(|(_, end)| end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Position {
        Position {
            token: format!("{offset}"),
            order: (1, offset),
        }
    }

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn rates_are_of_the_last_seconds_and_start_anew_when_work_is_undone() {
        let mut rates = Rates::default();
        assert_eq!(rates.per_second(), (0.0, 0.0));
        for second in 0..20 {
            rates.add(secs(second), second * 100, second * 1000);
        }
        assert_eq!(rates.per_second(), (100.0, 1000.0));
        for second in 20..30 {
            rates.add(secs(second), 1900, 19_000);
        }
        assert_eq!(rates.per_second(), (0.0, 0.0), "stalled");
        rates.add(secs(30), 5, 5);
        assert_eq!(rates.per_second(), (0.0, 0.0), "undone");
    }

    #[test]
    fn time_left() {
        let check = |done, total, rate, expected| assert_eq!(eta_seconds(done, total, rate), expected);
        check(0, 1000, 0.0, None);
        check(0, 1000, 100.0, Some(10));
        check(999, 1000, 100.0, Some(1));
        check(2000, 1000, 100.0, Some(0));
    }

    #[test]
    fn a_source_not_heard_of_is_neither_caught_up_nor_measured() {
        let mut lag = Lag::default();
        lag.reach(&at(100), 1_000_000);
        assert!(!lag.caught_up(secs(0), None), "no end was read");
        assert_eq!(lag.behind(secs(0), 1_000_000), (None, None));
        lag.end_read(secs(1), 1_001_000, at(100), Some(0));
        assert!(lag.caught_up(secs(2), None));
        assert_eq!(lag.behind(secs(2), 1_002_000), (Some(0), Some(0)));
        assert!(!lag.caught_up(secs(7), None), "the end is too old");
        assert_eq!(lag.behind(secs(7), 1_007_000), (None, None));
    }

    #[test]
    fn lag_counts_from_what_is_reached() {
        let mut lag = Lag::default();
        lag.reach(&at(100), 1_000_000);
        lag.end_read(secs(1), 1_009_000, at(300), Some(200));
        assert_eq!(lag.behind(secs(1), 1_009_000), (Some(9), Some(200)));
        assert!(!lag.caught_up(secs(1), None));
        lag.reach(&at(300), 1_008_500);
        assert!(lag.caught_up(secs(2), Some(&at(300))));
        assert!(!lag.caught_up(secs(2), Some(&at(301))), "the window is open");
        // A newer end is not reached yet, one of the last seconds is: still caught up.
        lag.end_read(secs(2), 1_010_000, at(310), Some(10));
        assert!(lag.caught_up(secs(2), None));
        assert_eq!(lag.behind(secs(2), 1_010_000), (Some(1), Some(10)));
    }
}
