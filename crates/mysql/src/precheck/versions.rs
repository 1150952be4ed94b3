//! Which server may follow which.
//!
//! A target's major version is not below its source's. MariaDB to MySQL and back are
//! pairs of their own, for from MySQL 8.0 and MariaDB 10.2 on the two went apart.

use crate::connect::{Flavour, Version};

/// The oldest servers whose catalog and log we read.
const OLDEST_MYSQL: (u16, u16) = (5, 5);
const OLDEST_MARIADB: (u16, u16) = (10, 0);

pub(super) fn name(version: Version) -> String {
    let flavour = match version.flavour {
        Flavour::Mysql => "MySQL",
        Flavour::Mariadb => "MariaDB",
    };
    let (major, minor, patch) = version.number;
    format!("{flavour} {major}.{minor}.{patch}")
}

/// None when the source is new enough.
pub(super) fn source_too_old(version: Version) -> Option<String> {
    let (major, minor) = match version.flavour {
        Flavour::Mysql => OLDEST_MYSQL,
        Flavour::Mariadb => OLDEST_MARIADB,
    };
    (!version.at_least(major, minor)).then(|| format!("sources are read from {major}.{minor} on"))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Good,
    /// Works, and not all of it is the same there.
    Differs(&'static str),
    Bad(String),
}

pub(super) fn fit(source: Version, target: Version) -> Fit {
    let too_low = |wanted: &str| Fit::Bad(format!("the target must be {wanted} or later"));
    match (source.flavour, target.flavour) {
        (Flavour::Mysql, Flavour::Mysql) | (Flavour::Mariadb, Flavour::Mariadb) => {
            if major(target) >= major(source) {
                Fit::Good
            } else {
                Fit::Bad("the target's major version is below the source's".to_owned())
            }
        }
        (Flavour::Mariadb, Flavour::Mysql) if target.at_least(8, 0) => Fit::Differs(
            "collations, engines and options that MySQL lacks are replaced; structure tells of each",
        ),
        (Flavour::Mariadb, Flavour::Mysql) => too_low("MySQL 8.0"),
        (Flavour::Mysql, Flavour::Mariadb) if target.at_least(10, 5) => Fit::Differs(
            "JSON becomes text, and collations and keys over expressions that MariaDB lacks are replaced or left out; structure tells of each",
        ),
        (Flavour::Mysql, Flavour::Mariadb) => too_low("MariaDB 10.5"),
    }
}

/// What counts as a major version: 5.7 and 5.6 are two, 9.0 and 9.7 are one; each
/// MariaDB series is one.
fn major(version: Version) -> (u16, u16) {
    let (major, minor, _) = version.number;
    match version.flavour {
        Flavour::Mysql if major > 5 => (major, 0),
        _ => (major, minor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        let version = |text: &str| Version::parse(text).unwrap();
        let check = |source: &str, target: &str, expected: &str| {
            let got = match fit(version(source), version(target)) {
                Fit::Good => "good",
                Fit::Differs(_) => "differs",
                Fit::Bad(_) => "bad",
            };
            assert_eq!(got, expected, "{source} to {target}");
        };
        check("9.7.4", "9.0.1", "good");
        check("5.7.44", "8.0.36", "good");
        check("8.0.36", "5.7.44", "bad");
        check("5.7.44", "5.6.51", "bad");
        check("9.7.4", "8.4.3", "bad");
        check("10.5.23-MariaDB", "11.8.9-MariaDB", "good");
        check("11.8.9-MariaDB", "10.11.2-MariaDB", "bad");
        check("11.8.9-MariaDB", "9.7.4", "differs");
        check("10.5.2-MariaDB", "5.7.44", "bad");
        check("9.7.4", "11.8.9-MariaDB", "differs");
        check("8.0.36", "10.3.2-MariaDB", "bad");
    }
}
