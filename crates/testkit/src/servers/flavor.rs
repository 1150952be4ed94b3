//! The table of servers: which version comes from which suite and packages.
//!
//! A further version is one more variant and entry; a further kind of server
//! (PostgreSQL, Redis, Valkey) also gets a `Family`.

use super::family::Family;

/// One version of one database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flavor {
    Mysql97,
    Mariadb105,
    Mariadb1011,
    Mariadb118,
}

/// Where a flavor comes from and how it is run.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    /// Names servers that somebody runs already: URLs, separated by blanks.
    pub(crate) url_variable: &'static str,
    pub(crate) family: Family,
    /// What the version of the first package must start with.
    pub(crate) version: &'static str,
    /// Suite that has it.
    pub(crate) suite: &'static str,
    /// A second suite, and the packages to take from there instead.
    pub(crate) beside: Option<(&'static str, &'static [&'static str])>,
    pub(crate) packages: &'static [&'static str],
}

const MYSQL_97: Recipe = Recipe {
    name: "mysql-9.7",
    url_variable: "TIDEGATE_TEST_MYSQL_97",
    family: Family::Mysql,
    version: "9.7",
    suite: "sid",
    beside: None,
    packages: &["mysql-server-core", "mysql-client-core"],
};
// bullseye's loader lacks --argv0 (glibc 2.33), so the C library is bookworm's.
const MARIADB_105: Recipe = Recipe {
    name: "mariadb-10.5",
    url_variable: "TIDEGATE_TEST_MARIADB_105",
    family: Family::Mariadb,
    version: "10.5",
    suite: "bullseye",
    beside: Some(("bookworm", &["libc6"])),
    packages: &["mariadb-server-core-10.5", "mariadb-client-10.5"],
};
const MARIADB_1011: Recipe = Recipe {
    name: "mariadb-10.11",
    url_variable: "TIDEGATE_TEST_MARIADB_1011",
    family: Family::Mariadb,
    version: "10.11",
    suite: "bookworm",
    beside: None,
    packages: &["mariadb-server-core", "mariadb-client"],
};
const MARIADB_118: Recipe = Recipe {
    name: "mariadb-11.8",
    url_variable: "TIDEGATE_TEST_MARIADB_118",
    family: Family::Mariadb,
    version: "11.8",
    suite: "trixie",
    beside: None,
    packages: &["mariadb-server-core", "mariadb-client"],
};

impl Flavor {
    pub const ALL: &[Flavor] = &[
        Flavor::Mysql97,
        Flavor::Mariadb105,
        Flavor::Mariadb1011,
        Flavor::Mariadb118,
    ];

    /// As it is written in `cases/` and on the command line: `mysql-9.7`.
    pub fn name(self) -> &'static str {
        self.recipe().name
    }

    pub fn parse(name: &str) -> Option<Flavor> {
        Flavor::ALL.iter().copied().find(|flavor| flavor.name() == name)
    }

    pub fn is_mariadb(self) -> bool {
        self.recipe().family == Family::Mariadb
    }

    pub(crate) fn recipe(self) -> &'static Recipe {
        match self {
            Flavor::Mysql97 => &MYSQL_97,
            Flavor::Mariadb105 => &MARIADB_105,
            Flavor::Mariadb1011 => &MARIADB_1011,
            Flavor::Mariadb118 => &MARIADB_118,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for flavor in Flavor::ALL {
            assert_eq!(Flavor::parse(flavor.name()), Some(*flavor));
        }
        assert_eq!(Flavor::parse("mysql-5.7"), None);
    }
}
