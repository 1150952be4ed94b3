//! How often one caller may make one call: a bucket each, filled evenly.
//!
//! Rates are the published ones (`rpc::roles`) unless the configuration says
//! otherwise. Only callers whose signature holds are counted, and only calls that
//! exist, so there are at most as many buckets as users times calls.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tidegate_rpc::ApiError;
use tidegate_rpc::roles::{CALLS, Call};

/// Calls a second by name; 0 is no limit. `default` is that of all the others.
pub(crate) type Settings = BTreeMap<String, u32>;

const DEFAULT: &str = "default";

/// A name that is no call would be believed to hold.
pub(crate) fn check(settings: &Settings) -> anyhow::Result<()> {
    for name in settings.keys() {
        anyhow::ensure!(
            name == DEFAULT || CALLS.iter().any(|call| call.name == name),
            "calls_per_second names `{name}`, which is no call: see docs/serving.md"
        );
    }
    Ok(())
}

#[derive(Debug)]
pub(crate) struct Rates {
    settings: Settings,
    buckets: Mutex<HashMap<(String, &'static str), Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    /// Calls that may be made at once: a second's at most.
    left: f64,
    at: Instant,
}

impl Rates {
    pub(crate) fn new(settings: Settings) -> Rates {
        Rates {
            settings,
            buckets: Mutex::default(),
        }
    }

    pub(crate) fn take(&self, secret_id: &str, call: &Call) -> Result<(), ApiError> {
        self.take_at(secret_id, call, Instant::now())
    }

    fn take_at(&self, secret_id: &str, call: &Call, now: Instant) -> Result<(), ApiError> {
        let own = self.settings.get(call.name);
        // The general setting stands for the general rate, not for a call's own.
        let general = || self.settings.get(DEFAULT).copied().unwrap_or(call.a_second);
        let a_second = match own {
            Some(own) => *own,
            None if call.a_second == tidegate_rpc::roles::CALLS_A_SECOND => general(),
            None => call.a_second,
        };
        if a_second == 0 {
            return Ok(());
        }
        let full = f64::from(a_second);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (secret_id.to_owned(), call.name);
        let bucket = buckets.entry(key).or_insert(Bucket { left: full, at: now });
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * full;
        bucket.left = (bucket.left + gained).min(full);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(ApiError::too_often(call.name, a_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn many(rates: &Rates, who: &str, name: &'static str, now: Instant) -> usize {
        let call = Call::named(name);
        let tries = 0..1_000;
        tries
            .take_while(|_| rates.take_at(who, &call, now).is_ok())
            .count()
    }

    #[test]
    fn a_callers_calls_are_counted_by_name_and_come_back_with_time() {
        let (rates, now) = (Rates::new(Settings::new()), Instant::now());
        assert_eq!(many(&rates, "a", "StartMigrateJob", now), 20);
        assert_eq!(many(&rates, "a", "StartMigrateJob", now), 0);
        assert_eq!(many(&rates, "a", "StopMigrateJob", now), 20, "another call");
        assert_eq!(many(&rates, "b", "StartMigrateJob", now), 20, "another caller");
        assert_eq!(many(&rates, "a", "DescribeSyncJobs", now), 100);
        let later = now + Duration::from_millis(500);
        assert_eq!(many(&rates, "a", "StartMigrateJob", later), 10);
        let much_later = now + Duration::from_secs(60);
        assert_eq!(
            many(&rates, "a", "StartMigrateJob", much_later),
            20,
            "no more than a second's"
        );
        let error = rates
            .take_at("a", &Call::named("StartMigrateJob"), much_later)
            .expect_err("refused");
        assert_eq!(error.code, "RequestLimitExceeded");
    }

    #[test]
    fn rates_can_be_set() {
        let set = |name: &str, rate| (name.to_owned(), rate);
        let settings = Settings::from([set("default", 2), set("StopMigrateJob", 0), set("PutEndpoint", 5)]);
        check(&settings).expect("are calls");
        let (rates, now) = (Rates::new(settings), Instant::now());
        assert_eq!(many(&rates, "a", "StartMigrateJob", now), 2);
        assert_eq!(many(&rates, "a", "PutEndpoint", now), 5);
        assert_eq!(many(&rates, "a", "StopMigrateJob", now), 1_000, "no limit");
        assert_eq!(many(&rates, "a", "DescribeSyncJobs", now), 100, "its own");
        assert!(check(&Settings::from([set("MakeTea", 1)])).is_err());
    }
}
