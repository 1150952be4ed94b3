//! Time, chance and waiting, so that the whole control plane can be simulated.
//!
//! Everything here that needs to know the time or to wait asks this trait;
//! tests give their own and move the clock by hand.

use std::fmt::Debug;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

#[async_trait]
pub trait World: Send + Sync + Debug {
    /// Unix milliseconds.
    fn now_ms(&self) -> u64;

    /// Returns once `now_ms` is `at_ms` or later. May be dropped while it waits.
    async fn sleep_until(&self, at_ms: u64);

    /// For ids: not secret, but not to be guessed by counting.
    fn random(&self) -> u64;
}

#[derive(Clone, Copy, Debug, Default)]
pub struct RealWorld;

/// Waits are cut into pieces, so that a wall clock that was set forward is noticed.
const PIECE: Duration = Duration::from_secs(30);

#[async_trait]
impl World for RealWorld {
    #[allow(clippy::disallowed_methods, reason = "the one place where it enters")]
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    async fn sleep_until(&self, at_ms: u64) {
        loop {
            let left = at_ms.saturating_sub(self.now_ms());
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(left).min(PIECE)).await;
        }
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        // Without randomness an id is the clock's; a clash is noticed and drawn anew.
        if aws_lc_rs::rand::fill(&mut bytes).is_err() {
            return self.now_ms();
        }
        u64::from_ne_bytes(bytes)
    }
}
