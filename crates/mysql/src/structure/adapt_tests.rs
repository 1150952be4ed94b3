//! Clauses of one flavour as the other takes them.

use super::*;

const MYSQL: Version = Version {
    flavour: Flavour::Mysql,
    number: (9, 7, 0),
};
const MARIADB: Version = Version {
    flavour: Flavour::Mariadb,
    number: (11, 8, 0),
};
const OLD_MARIADB: Version = Version {
    flavour: Flavour::Mariadb,
    number: (10, 5, 0),
};

fn pair(from: Flavour, to: Version) -> Pair {
    Pair { from, to }
}

#[test]
fn columns_from_mariadb_to_mysql() {
    let check = |text: &str, expected: &str| {
        let adapted = pair(Flavour::Mariadb, MYSQL).column(text).unwrap();
        assert_eq!(adapted.text, expected);
    };
    check("`a` int(11) DEFAULT NULL", "`a` int(11) DEFAULT NULL");
    check(
        "`a` int(11) DEFAULT -3 COMMENT 'x'",
        "`a` int(11) DEFAULT -3 COMMENT 'x'",
    );
    check("`a` decimal(5,2) DEFAULT 1.50", "`a` decimal(5,2) DEFAULT 1.50");
    check("`a` bit(1) DEFAULT b'0'", "`a` bit(1) DEFAULT b'0'");
    check(
        "`t` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()",
        "`t` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()",
    );
    check(
        "`e` varchar(10) DEFAULT concat('a','b') COMMENT 'c'",
        "`e` varchar(10) DEFAULT (concat('a','b')) COMMENT 'c'",
    );
    check("`e` int(11) DEFAULT `b` + 1", "`e` int(11) DEFAULT (`b` + 1)");
    check("`e` text NOT NULL DEFAULT 'x'", "`e` text NOT NULL DEFAULT ('x')");
    check("`e` text DEFAULT NULL", "`e` text DEFAULT NULL");
    check(
        "`c` varchar(9) COLLATE utf8mb4_uca1400_as_cs DEFAULT 'x'",
        "`c` varchar(9) COLLATE utf8mb4_0900_as_cs DEFAULT 'x'",
    );
    check(
        "`b` int(11) DEFAULT 3 INVISIBLE",
        "`b` int(11) DEFAULT 3 INVISIBLE",
    );
    check("`b` int(11) WITHOUT SYSTEM VERSIONING", "`b` int(11)");
}

#[test]
fn options_from_mariadb_to_mysql() {
    let check = |text: &str, expected: &str, changes: usize| {
        let adapted = pair(Flavour::Mariadb, MYSQL).options(text).unwrap();
        assert_eq!(adapted.text, expected);
        assert_eq!(adapted.changes.len(), changes, "{:?}", adapted.changes);
    };
    check(
        "ENGINE=Aria DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci PAGE_CHECKSUM=1 TRANSACTIONAL=1",
        "ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci",
        1,
    );
    check(
        "ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COMMENT='AUTO_INCREMENT=8' `page_compressed`='1'",
        "ENGINE=InnoDB  DEFAULT CHARSET=utf8mb4 COLLATE utf8mb4_general_ci COMMENT='AUTO_INCREMENT=8'",
        1,
    );
    check(
        "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_uca1400_ai_ci",
        "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci",
        1,
    );
}

#[test]
fn from_mysql_to_mariadb() {
    let check = |to: Version, text: &str, expected: &str| {
        let adapted = pair(Flavour::Mysql, to).column(text).unwrap();
        assert_eq!(adapted.text, expected);
    };
    check(
        MARIADB,
        "`id` int NOT NULL /*!80023 INVISIBLE */",
        "`id` int NOT NULL INVISIBLE",
    );
    check(
        MARIADB,
        "`g` int GENERATED ALWAYS AS (`a`) STORED NOT NULL COMMENT 'NOT NULL'",
        "`g` int GENERATED ALWAYS AS (`a`) STORED  COMMENT 'NOT NULL'",
    );
    check(
        MARIADB,
        "KEY `k` (`a`) /*!80000 INVISIBLE */",
        "KEY `k` (`a`) IGNORED",
    );
    check(
        OLD_MARIADB,
        "KEY `k` (`a`) /*!80000 INVISIBLE */",
        "KEY `k` (`a`)",
    );
    check(
        MARIADB,
        "`c` varchar(9) COLLATE utf8mb4_0900_ai_ci",
        "`c` varchar(9) COLLATE utf8mb4_uca1400_nopad_ai_ci",
    );
    check(
        OLD_MARIADB,
        "`c` varchar(9) COLLATE utf8mb4_0900_ai_ci",
        "`c` varchar(9) COLLATE utf8mb4_unicode_520_nopad_ci",
    );
}

#[test]
fn within_one_flavour_only_the_unsaid_collation_is_said() {
    let check = |text: &str, expected: &str| {
        let adapted = pair(Flavour::Mysql, MYSQL).clause(text).unwrap();
        assert_eq!(adapted.text, expected);
        assert_eq!(adapted.changes, [""; 0]);
    };
    check("`a` int /*!80023 INVISIBLE */", "`a` int /*!80023 INVISIBLE */");
    check(
        "CREATE DATABASE `d` /*!40100 DEFAULT CHARACTER SET utf8mb4 */",
        "CREATE DATABASE `d` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */",
    );
    check(
        "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci",
        "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci",
    );
}

#[test]
fn what_mysql_lacks_is_an_error() {
    let pair = pair(Flavour::Mariadb, MYSQL);
    assert!(pair.column("`u` uuid NOT NULL").is_err());
    assert!(pair.column("`u` int(11) DEFAULT nextval(`s`.`q`)").is_err());
    assert!(
        pair.options("ENGINE=InnoDB DEFAULT CHARSET=latin1 WITH SYSTEM VERSIONING")
            .is_err()
    );
}
