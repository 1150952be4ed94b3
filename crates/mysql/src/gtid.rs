//! Sets of executed transactions, as MySQL and MariaDB name them.
//!
//! Source: MySQL manual "GTID Sets" (tags since 8.3), MariaDB "Global
//! Transaction ID". Pure text and numbers; what a set means for a position is
//! the concern of the changes side.

use std::collections::BTreeMap;
use std::fmt;

use tidegate_model::{Error, Result};

/// Server uuid in lower case, then tag, empty for none.
type Origin = (String, String);

/// MySQL: for each origin, ranges without gaps between them, in order, ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GtidSet {
    ranges: BTreeMap<Origin, Vec<(u64, u64)>>,
}

impl GtidSet {
    /// Reads `uuid:1-5:7,uuid:tag:1-3`; blanks and line ends may stand between.
    pub fn parse(text: &str) -> Result<GtidSet> {
        let mut set = GtidSet::default();
        for member in text.split(',').map(str::trim).filter(|member| !member.is_empty()) {
            set.parse_member(member)
                .ok_or_else(|| Error::unknown(format!("`{member}` is not a member of a GTID set")))?;
        }
        Ok(set)
    }

    fn parse_member(&mut self, member: &str) -> Option<()> {
        let mut parts = member.split(':').map(str::trim);
        let uuid = parts.next()?.to_ascii_lowercase();
        if uuid.len() != 36 || !uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
            return None;
        }
        let (mut tag, mut ranges) = (String::new(), 0);
        for part in parts {
            if part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
                tag = part.to_ascii_lowercase();
                continue;
            }
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            let (low, high) = (low.parse().ok()?, high.parse().ok()?);
            if low == 0 || high < low {
                return None;
            }
            self.add_range((uuid.clone(), tag.clone()), low, high);
            ranges += 1;
        }
        (ranges > 0).then_some(())
    }

    /// Adds one transaction. `tag` is empty for none.
    pub fn add(&mut self, uuid: &str, tag: &str, number: u64) {
        self.add_range(
            (uuid.to_ascii_lowercase(), tag.to_ascii_lowercase()),
            number,
            number,
        );
    }

    fn add_range(&mut self, origin: Origin, low: u64, high: u64) {
        let ranges = self.ranges.entry(origin).or_default();
        // Nearly always the next transaction of the last range.
        if let Some(last) = ranges.last_mut()
            && low == last.1.saturating_add(1)
        {
            last.1 = high;
            return;
        }
        ranges.push((low, high));
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for &(low, high) in ranges.iter() {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        *ranges = merged;
    }

    pub fn contains(&self, uuid: &str, tag: &str, number: u64) -> bool {
        let origin = (uuid.to_ascii_lowercase(), tag.to_ascii_lowercase());
        self.has_range(&origin, number, number)
    }

    fn has_range(&self, origin: &Origin, low: u64, high: u64) -> bool {
        let ranges = self.ranges.get(origin);
        ranges.is_some_and(|ranges| ranges.iter().any(|range| range.0 <= low && high <= range.1))
    }

    /// One text for each origin, `uuid:1-5:7` or `uuid:tag:1-3`.
    pub fn members(&self) -> Vec<String> {
        let member = |((uuid, tag), ranges): (&Origin, &Vec<(u64, u64)>)| {
            let tag = if tag.is_empty() {
                String::new()
            } else {
                format!(":{tag}")
            };
            let ranges = ranges.iter().map(|(low, high)| format!(":{low}-{high}"));
            format!("{uuid}{tag}{}", ranges.collect::<String>())
        };
        self.ranges.iter().map(member).collect()
    }

    /// The transactions that the other has not.
    pub fn without(&self, other: &GtidSet) -> GtidSet {
        let mut left = GtidSet::default();
        for (origin, ranges) in &self.ranges {
            let others = other.ranges.get(origin).map(Vec::as_slice).unwrap_or_default();
            for &(mut low, high) in ranges {
                for &(other_low, other_high) in others {
                    if other_high < low || other_low > high {
                        continue;
                    }
                    if other_low > low {
                        left.add_range(origin.clone(), low, other_low - 1);
                    }
                    low = other_high.saturating_add(1);
                }
                if low <= high {
                    left.add_range(origin.clone(), low, high);
                }
            }
        }
        left
    }

    /// Is each transaction of this set also in the other?
    pub fn is_within(&self, other: &GtidSet) -> bool {
        let within = |(origin, ranges): (&Origin, &Vec<(u64, u64)>)| {
            ranges
                .iter()
                .all(|&(low, high)| other.has_range(origin, low, high))
        };
        self.ranges.iter().all(within)
    }
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last_uuid = None;
        for ((uuid, tag), ranges) in &self.ranges {
            if last_uuid != Some(uuid) {
                let comma = if last_uuid.is_some() { "," } else { "" };
                write!(f, "{comma}{uuid}")?;
                last_uuid = Some(uuid);
            }
            if !tag.is_empty() {
                write!(f, ":{tag}")?;
            }
            for (low, high) in ranges {
                if low == high {
                    write!(f, ":{low}")?;
                } else {
                    write!(f, ":{low}-{high}")?;
                }
            }
        }
        Ok(())
    }
}

/// MariaDB: the last transaction of each domain, `domain-server-sequence`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainPositions {
    last: BTreeMap<u32, (u32, u64)>,
}

impl DomainPositions {
    pub fn parse(text: &str) -> Result<DomainPositions> {
        let mut positions = DomainPositions::default();
        for member in text.split(',').map(str::trim).filter(|member| !member.is_empty()) {
            let parsed = || {
                let mut parts = member.split('-');
                let numbers = (
                    parts.next()?.parse().ok()?,
                    parts.next()?.parse().ok()?,
                    parts.next()?.parse().ok()?,
                );
                parts.next().is_none().then_some(numbers)
            };
            let (domain, server, sequence) =
                parsed().ok_or_else(|| Error::unknown(format!("`{member}` is not a GTID of MariaDB")))?;
            if positions.last.insert(domain, (server, sequence)).is_some() {
                return Err(Error::unknown(format!(
                    "domain {domain} stands twice in a GTID position"
                )));
            }
        }
        Ok(positions)
    }

    /// The domains in which this is ahead of the other.
    pub fn without(&self, other: &DomainPositions) -> DomainPositions {
        let ahead = |(domain, (_, sequence)): &(&u32, &(u32, u64))| {
            other.last.get(*domain).is_none_or(|(_, there)| sequence > there)
        };
        let last = self.last.iter().filter(ahead);
        DomainPositions {
            last: last.map(|(domain, last)| (*domain, *last)).collect(),
        }
    }

    /// Moves a domain on. Its sequence must grow: a log that goes back is an error.
    pub fn advance(&mut self, domain: u32, server: u32, sequence: u64) -> Result<()> {
        match self.last.insert(domain, (server, sequence)) {
            Some((_, before)) if before >= sequence => Err(Error::unknown(format!(
                "the log of domain {domain} goes from sequence {before} to {sequence}"
            ))
            .remedy("Set gtid_strict_mode=ON on the source, and start the job anew")),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for DomainPositions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self
            .last
            .iter()
            .map(|(domain, (server, sequence))| format!("{domain}-{server}-{sequence}"));
        f.write_str(&members.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    #[test]
    fn sets_print_in_the_servers_normal_form() {
        for (text, expected) in [
            (String::new(), String::new()),
            (format!("{A}:7:1-3:4-5"), format!("{A}:1-5:7")),
            (format!("{B}:1,\n{A}:1-2"), format!("{A}:1-2,{B}:1")),
            (
                format!("{A}:1-3:audit:5-6:9,{A}:AUDIT:7"),
                format!("{A}:1-3:audit:5-7:9"),
            ),
            (A.to_uppercase() + ":1", format!("{A}:1")),
        ] {
            let set = GtidSet::parse(&text).expect("reads");
            assert_eq!(set.to_string(), expected);
            assert_eq!(GtidSet::parse(&expected).expect("reads"), set);
        }
        for text in [
            "x:1",
            A,
            &format!("{A}:"),
            &format!("{A}:0"),
            &format!("{A}:5-2"),
            &format!("{A}:1-2-3"),
        ] {
            assert!(GtidSet::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_added_in_any_order_merge() {
        let mut set = GtidSet::default();
        for number in [5, 1, 2, 9, 3, 4, 3] {
            set.add(A, "", number);
        }
        assert_eq!(set.to_string(), format!("{A}:1-5:9"));
        assert!(set.contains(A, "", 4) && !set.contains(A, "", 6) && !set.contains(A, "t", 4));
        let larger = GtidSet::parse(&format!("{A}:1-9,{B}:1")).expect("reads");
        assert!(set.is_within(&larger) && !larger.is_within(&set));
        assert!(GtidSet::default().is_within(&set));
    }

    #[test]
    fn what_one_set_has_and_the_other_has_not() {
        let set = |text: &str| GtidSet::parse(&text.replace('A', A).replace('B', B)).expect("reads");
        for (one, other, expected) in [
            ("A:1-9", "A:1-9", ""),
            ("A:1-9", "", "A:1-9"),
            ("A:1-9", "A:3-4:8", "A:1-2:5-7:9"),
            ("A:5-9", "A:1-6:9-12", "A:7-8"),
            ("A:1,B:1-2", "B:2-5", "A:1,B:1"),
            ("A:t:1-3", "A:1-3", "A:t:1-3"),
        ] {
            assert_eq!(
                set(one).without(&set(other)),
                set(expected),
                "{one} without {other}"
            );
        }
        let domains = |text: &str| DomainPositions::parse(text).expect("reads");
        let left = domains("0-1-10,2-3-4,5-1-1").without(&domains("0-1-9,2-3-7"));
        assert_eq!(left.to_string(), "0-1-10,5-1-1");
    }

    #[test]
    fn domains_move_on_and_never_back() {
        let mut positions = DomainPositions::parse("0-1-10, 2-3-4").expect("reads");
        positions.advance(0, 5, 11).expect("moves on");
        positions.advance(7, 1, 1).expect("a new domain");
        assert_eq!(positions.to_string(), "0-5-11,2-3-4,7-1-1");
        assert!(positions.advance(2, 3, 4).is_err());
        for text in ["1", "1-2", "1-2-3-4", "0-1-1,0-1-2", "-1-2-3"] {
            assert!(DomainPositions::parse(text).is_err(), "{text}");
        }
    }
}
