//! What an instance class means here: threads and memory of a run.
//!
//! A cloud sells classes; here the operator decides what they stand for. The
//! table below is the default; the configuration file can change each line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_model::job::Limits;
use tidegate_model::{Error, Result};

/// The wire API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceClass {
    Micro,
    Small,
    Medium,
    Large,
    Xlarge,
    #[serde(rename = "2xlarge")]
    Xlarge2,
}

impl InstanceClass {
    pub const ALL: [InstanceClass; 6] = [
        InstanceClass::Micro,
        InstanceClass::Small,
        InstanceClass::Medium,
        InstanceClass::Large,
        InstanceClass::Xlarge,
        InstanceClass::Xlarge2,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            InstanceClass::Micro => "micro",
            InstanceClass::Small => "small",
            InstanceClass::Medium => "medium",
            InstanceClass::Large => "large",
            InstanceClass::Xlarge => "xlarge",
            InstanceClass::Xlarge2 => "2xlarge",
        }
    }

    pub fn parse(name: &str) -> Option<InstanceClass> {
        InstanceClass::ALL
            .into_iter()
            .find(|class| class.as_str() == name)
    }
}

/// One class's line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassPower {
    pub dump_threads: u16,
    pub load_threads: u16,
    pub sink_threads: u16,
    /// All buffers of one run together.
    pub memory_mib: u64,
}

/// The wire API's own ranges of threads and rates.
pub const DUMP_THREADS_MAX: u16 = 16;
pub const LOAD_THREADS_MAX: u16 = 16;
pub const SINK_THREADS_MAX: u16 = 128;
pub const ROWS_PER_SECOND_MAX: u64 = 50_000_000;
/// Below it two packets of 16 MiB, the servers' default maximum, do not fit.
const MEMORY_MIB_MIN: u64 = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassTable(BTreeMap<InstanceClass, ClassPower>);

impl Default for ClassTable {
    fn default() -> ClassTable {
        use InstanceClass::{Large, Medium, Micro, Small, Xlarge, Xlarge2};
        let lines = [
            (Micro, (1, 1, 1, 32)),
            (Small, (2, 2, 2, 48)),
            (Medium, (4, 4, 4, 64)),
            (Large, (8, 8, 8, 128)),
            (Xlarge, (12, 12, 16, 256)),
            (Xlarge2, (16, 16, 32, 512)),
        ];
        let line = |(dump_threads, load_threads, sink_threads, memory_mib)| ClassPower {
            dump_threads,
            load_threads,
            sink_threads,
            memory_mib,
        };
        ClassTable(lines.map(|(class, numbers)| (class, line(numbers))).into())
    }
}

impl ClassTable {
    /// Replaces one line. Refused where a number is outside the wire API's ranges.
    pub fn set(&mut self, class: InstanceClass, power: ClassPower) -> Result<()> {
        let within = (1..=DUMP_THREADS_MAX).contains(&power.dump_threads)
            && (1..=LOAD_THREADS_MAX).contains(&power.load_threads)
            && (1..=SINK_THREADS_MAX).contains(&power.sink_threads)
            && power.memory_mib >= MEMORY_MIB_MIN;
        if !within {
            return Err(
                Error::bad_input(format!("the class {} is out of range", class.as_str())).remedy(format!(
                    "Give 1 to {DUMP_THREADS_MAX} dump_threads, 1 to {LOAD_THREADS_MAX} load_threads, 1 to \
                     {SINK_THREADS_MAX} sink_threads and at least {MEMORY_MIB_MIN} memory_mib"
                )),
            );
        }
        self.0.insert(class, power);
        Ok(())
    }

    /// The limits of a run in this class, before a user's own rates.
    pub fn limits(&self, class: InstanceClass) -> Limits {
        let Some(power) = self.0.get(&class) else {
            return Limits::default();
        };
        Limits {
            dump_threads: power.dump_threads,
            dump_rows_per_second: 0,
            load_threads: power.load_threads,
            load_rows_per_second: 0,
            sink_threads: power.sink_threads,
            memory_bytes: power.memory_mib << 20,
        }
    }
}

/// What a user has set in place of the class's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rates {
    pub dump_threads: Option<u16>,
    pub dump_rows_per_second: Option<u64>,
    pub load_threads: Option<u16>,
    pub load_rows_per_second: Option<u64>,
    pub sink_threads: Option<u16>,
}

impl Rates {
    pub fn is_empty(&self) -> bool {
        *self == Rates::default()
    }

    /// These, and what they leave open from `before`.
    #[must_use]
    pub fn over(self, before: Rates) -> Rates {
        Rates {
            dump_threads: self.dump_threads.or(before.dump_threads),
            dump_rows_per_second: self.dump_rows_per_second.or(before.dump_rows_per_second),
            load_threads: self.load_threads.or(before.load_threads),
            load_rows_per_second: self.load_rows_per_second.or(before.load_rows_per_second),
            sink_threads: self.sink_threads.or(before.sink_threads),
        }
    }

    pub fn apply(&self, limits: Limits) -> Limits {
        Limits {
            dump_threads: self.dump_threads.unwrap_or(limits.dump_threads),
            dump_rows_per_second: self.dump_rows_per_second.unwrap_or(limits.dump_rows_per_second),
            load_threads: self.load_threads.unwrap_or(limits.load_threads),
            load_rows_per_second: self.load_rows_per_second.unwrap_or(limits.load_rows_per_second),
            sink_threads: self.sink_threads.unwrap_or(limits.sink_threads),
            memory_bytes: limits.memory_bytes,
        }
    }

    /// Refused where a number is outside the wire API's ranges.
    pub fn check(&self) -> Result<()> {
        let rows = |rate: Option<u64>| rate.is_none_or(|rate| (1..=ROWS_PER_SECOND_MAX).contains(&rate));
        let threads = |count: Option<u16>, max| count.is_none_or(|count| (1..=max).contains(&count));
        let wrong = |name: &str, max: u64| {
            Err(Error::bad_input(format!("`{name}` is out of range"))
                .remedy(format!("Give a number from 1 to {max}")))
        };
        if !threads(self.dump_threads, DUMP_THREADS_MAX) {
            return wrong("DumpThread", DUMP_THREADS_MAX.into());
        }
        if !threads(self.load_threads, LOAD_THREADS_MAX) {
            return wrong("LoadThread", LOAD_THREADS_MAX.into());
        }
        if !threads(self.sink_threads, SINK_THREADS_MAX) {
            return wrong("SinkerThread", SINK_THREADS_MAX.into());
        }
        if !rows(self.dump_rows_per_second) {
            return wrong("DumpRps", ROWS_PER_SECOND_MAX);
        }
        if !rows(self.load_rows_per_second) {
            return wrong("LoadRps", ROWS_PER_SECOND_MAX);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bigger_class_is_never_weaker() {
        let table = ClassTable::default();
        let limits: Vec<Limits> = InstanceClass::ALL.map(|class| table.limits(class)).into();
        for pair in limits.windows(2) {
            assert!(pair[0].dump_threads < pair[1].dump_threads);
            assert!(pair[0].memory_bytes < pair[1].memory_bytes);
            assert!(pair[0].sink_threads < pair[1].sink_threads);
        }
    }

    #[test]
    fn rates_keep_what_they_leave_open_and_the_ranges_hold() {
        let first = Rates {
            dump_threads: Some(3),
            ..Rates::default()
        };
        let second = Rates {
            load_rows_per_second: Some(100),
            ..Rates::default()
        };
        let limits = second
            .over(first)
            .apply(ClassTable::default().limits(InstanceClass::Small));
        assert_eq!((limits.dump_threads, limits.load_rows_per_second), (3, 100));
        assert_eq!(limits.load_threads, 2);
        for (threads, good) in [(0, false), (1, true), (16, true), (17, false)] {
            let rates = Rates {
                dump_threads: Some(threads),
                ..Rates::default()
            };
            assert_eq!(rates.check().is_ok(), good, "{threads}");
        }
        let fast = Rates {
            dump_rows_per_second: Some(ROWS_PER_SECOND_MAX + 1),
            ..Rates::default()
        };
        assert!(fast.check().is_err());
    }
}
