//! What differs between kinds of servers: how a data folder is made, with which
//! settings a server starts, when it is ready, what its clients are called.

use std::path::Path;

use super::root::Root;

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Mysql,
    Mariadb,
}

/// The account and password of every server that the testkit starts.
pub(crate) const USER: &str = "root";
pub(crate) const PASSWORD: &str = "tidegate-test";

/// Small buffers, so that many servers fit a small machine; the performance
/// schema alone would cost 140 MiB. The log settings are what a migration needs.
const MYSQL: &[&str] = &[
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=32M",
    "--innodb-redo-log-capacity=32M",
    "--innodb-log-buffer-size=1M",
    "--key-buffer-size=1M",
    "--temptable-max-ram=16M",
    "--table-open-cache=256",
    "--table-definition-cache=400",
    "--max-connections=100",
    "--mysqlx=OFF",
    "--skip-name-resolve",
    "--local-infile=ON",
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--log-bin=binlog",
    "--binlog-format=ROW",
    "--binlog-row-image=FULL",
    "--binlog-row-metadata=FULL",
];
const MARIADB: &[&str] = &[
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=32M",
    "--innodb-log-buffer-size=2M",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=4M",
    "--table-open-cache=256",
    "--max-connections=100",
    "--skip-name-resolve",
    "--local-infile=ON",
    "--gtid-strict-mode=ON",
    "--log-bin=binlog",
    "--binlog-format=ROW",
    "--binlog-row-image=FULL",
    "--binlog-row-metadata=FULL",
];

impl Family {
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Family::Mysql => "mysql",
            Family::Mariadb => "mariadb",
        }
    }

    pub(crate) fn server(self) -> &'static [&'static str] {
        match self {
            Family::Mysql => &["mysqld"],
            Family::Mariadb => &["mariadbd", "mysqld"],
        }
    }

    pub(crate) fn client(self) -> &'static [&'static str] {
        match self {
            Family::Mysql => &["mysql"],
            Family::Mariadb => &["mariadb", "mysql"],
        }
    }

    /// The program, and its arguments, that fill an empty data folder.
    pub(crate) fn initialise(self, root: &Root, data: &Path) -> (&'static [&'static str], Vec<String>) {
        let data = format!("--datadir={}", data.display());
        let mut arguments = vec!["--no-defaults".to_string(), data];
        arguments.extend(self.places(root));
        match self {
            Family::Mysql => {
                let more = [
                    "--initialize-insecure",
                    "--innodb-redo-log-capacity=32M",
                    "--performance-schema=OFF",
                ];
                arguments.extend(more.map(str::to_string));
                (self.server(), arguments)
            }
            Family::Mariadb => {
                // Without --force the machine's own name would have to resolve.
                let more = [
                    "--force",
                    "--skip-test-db",
                    "--skip-name-resolve",
                    "--auth-root-authentication-method=normal",
                    "--innodb-log-file-size=32M",
                ];
                arguments.extend(more.map(str::to_string));
                (&["mariadb-install-db", "mysql_install_db"], arguments)
            }
        }
    }

    /// Settings that a user's settings may override.
    pub(crate) fn settings(self, root: &Root) -> Vec<String> {
        let own = match self {
            Family::Mysql => MYSQL,
            Family::Mariadb => MARIADB,
        };
        let mut all = self.places(root);
        all.extend(own.iter().map(|setting| (*setting).to_string()));
        all
    }

    /// SQL for the first start. It is not logged, so the log begins empty.
    pub(crate) fn accounts(self) -> String {
        let mut sql = "SET SESSION sql_log_bin=0;\n".to_string();
        for host in ["127.0.0.1", "localhost"] {
            sql += &format!(
                "CREATE USER IF NOT EXISTS '{USER}'@'{host}';\n\
                 ALTER USER '{USER}'@'{host}' IDENTIFIED BY '{PASSWORD}';\n\
                 GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'{host}' WITH GRANT OPTION;\n"
            );
        }
        sql
    }

    /// What a server writes to its log when it takes connections.
    pub(crate) fn ready(self) -> &'static str {
        match self {
            Family::Mysql | Family::Mariadb => "ready for connections",
        }
    }

    fn places(self, root: &Root) -> Vec<String> {
        let messages = match self {
            Family::Mysql => Some(format!("--lc-messages-dir={}", root.usr("share/mysql").display())),
            Family::Mariadb => None,
        };
        let mut all = vec![
            format!("--basedir={}", root.usr("").display()),
            format!(
                "--character-sets-dir={}",
                root.usr("share/mysql/charsets").display()
            ),
            format!("--plugin-dir={}", root.usr("lib/mysql/plugin").display()),
        ];
        all.extend(messages);
        all
    }
}
