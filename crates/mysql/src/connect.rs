//! Settings to an opened connection: TLS, login, version, flavour, facts.
//!
//! Two kinds of session: one that reads catalogs (texts in utf8mb4), and one that
//! moves rows (bytes as they are stored, no conversion on the way, times in UTC).
//! A `Conn` belongs to one task; after a cancelled call it must be dropped.

use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, SslOpts};
use tidegate_link::Facts;
use tidegate_model::endpoint::{Endpoint, Tls};
use tidegate_model::{Error, Kind, Result};

use crate::failure::failed;
use crate::tls;

/// A server that does not answer a login by then is taken as not reachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Probes of a silent peer, so that a vanished host is noticed by the system.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Settings of the server that prechecks, plans and the other side ask for.
const FACTS: [&str; 38] = [
    "basedir",
    "binlog_expire_logs_seconds",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_metadata",
    "binlog_transaction_compression",
    "character_set_server",
    "collation_server",
    "connect_timeout",
    "datadir",
    "enforce_gtid_consistency",
    "event_scheduler",
    "expire_logs_days",
    "explicit_defaults_for_timestamp",
    "gtid_domain_id",
    "gtid_mode",
    "gtid_strict_mode",
    "innodb_default_row_format",
    "innodb_native_foreign_keys",
    "innodb_page_size",
    "innodb_stats_on_metadata",
    "innodb_strict_mode",
    "local_infile",
    "log_bin",
    "log_bin_trust_function_creators",
    "log_replica_updates",
    "log_slave_updates",
    "lower_case_table_names",
    "max_allowed_packet",
    "read_only",
    "server_id",
    "server_uuid",
    "sql_require_primary_key",
    "super_read_only",
    "system_time_zone",
    "version",
    "version_comment",
    "wsrep_on",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Mysql,
    Mariadb,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) flavour: Flavour,
    pub(crate) number: (u16, u16, u16),
}

impl Version {
    /// Reads `9.7.4-2`, `11.8.9-MariaDB-log`, `5.5.5-10.5.23-MariaDB-1:10…`.
    pub(crate) fn parse(text: &str) -> Option<Version> {
        let mariadb = text.to_ascii_lowercase().contains("mariadb");
        let text = match text.strip_prefix("5.5.5-") {
            Some(rest) if mariadb => rest,
            _ => text,
        };
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u16>);
        let mut next = || numbers.next()?.ok();
        let number = (next()?, next()?, next().unwrap_or(0));
        let flavour = if mariadb { Flavour::Mariadb } else { Flavour::Mysql };
        Some(Version { flavour, number })
    }

    pub(crate) fn is_mariadb(self) -> bool {
        self.flavour == Flavour::Mariadb
    }

    pub(crate) fn at_least(self, major: u16, minor: u16) -> bool {
        (self.number.0, self.number.1) >= (major, minor)
    }
}

/// A server that has been reached once: how to open more sessions, and what it is.
#[derive(Clone)]
pub(crate) struct Server {
    endpoint: Endpoint,
    opts: Opts,
    version: Version,
    facts: Facts,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({:?}, {:?})", self.endpoint, self.version)
    }
}

impl Server {
    /// Logs in once and reads version and settings.
    pub(crate) async fn open(endpoint: &Endpoint) -> Result<Server> {
        let (opts, mut conn) = log_in_as_allowed(endpoint).await?;
        let facts = read_facts(&mut conn).await?;
        let text = facts.get("version").map_or("", String::as_str);
        let version = Version::parse(text)
            .ok_or_else(|| Error::unknown(format!("the server's version `{text}` is not understood")))?;
        close(conn).await;
        Ok(Server {
            endpoint: endpoint.clone(),
            opts,
            version,
            facts,
        })
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// A setting by its name; "" when the server has none of that name.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", String::as_str)
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        matches!(self.fact(name).to_ascii_uppercase().as_str(), "ON" | "1" | "YES")
    }

    /// `host:port`, for messages.
    pub(crate) fn place(&self) -> String {
        place(&self.endpoint)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A session that reads catalogs and changes structure: texts in utf8mb4, names in
    /// backticks, statistics fresh, no foreign key checks.
    pub(crate) async fn catalog_session(&self) -> Result<Conn> {
        let mut conn = log_in(&self.endpoint, &self.opts).await?;
        let mut set = "SET NAMES utf8mb4, time_zone = '+00:00', foreign_key_checks = 0, \
                       sql_mode = 'NO_AUTO_VALUE_ON_ZERO', sql_quote_show_create = 1, \
                       group_concat_max_len = 16777216, wait_timeout = 86400"
            .to_owned();
        if !self.version.is_mariadb() && self.version.at_least(8, 0) {
            set.push_str(", information_schema_stats_expiry = 0, show_create_table_verbosity = 0");
        }
        conn.query_drop(set)
            .await
            .map_err(failed("setting up a session"))?;
        Ok(conn)
    }

    /// A session that reads or writes rows: bytes pass as they are stored.
    /// Values that do not fit are errors; zero and partial dates are taken as they come.
    pub(crate) async fn row_session(&self) -> Result<Conn> {
        let mut conn = log_in(&self.endpoint, &self.opts).await?;
        let set = "SET NAMES binary, time_zone = '+00:00', foreign_key_checks = 0, \
                   sql_mode = 'NO_AUTO_VALUE_ON_ZERO,STRICT_TRANS_TABLES,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION', \
                   max_error_count = 65535, wait_timeout = 86400, net_read_timeout = 600, net_write_timeout = 600";
        conn.query_drop(set)
            .await
            .map_err(failed("setting up a session"))?;
        Ok(conn)
    }

    /// A plain session, for reading the log.
    pub(crate) async fn log_session(&self) -> Result<Conn> {
        log_in(&self.endpoint, &self.opts).await
    }
}

/// Ends a session politely; its failure changes nothing.
pub(crate) async fn close(conn: Conn) {
    let _ = tokio::time::timeout(Duration::from_secs(2), conn.disconnect()).await;
}

fn opts(endpoint: &Endpoint, tls: Option<SslOpts>) -> Opts {
    OptsBuilder::default()
        .ip_or_hostname(endpoint.host.clone())
        .tcp_port(endpoint.port)
        .user(Some(endpoint.user.clone()))
        .pass(Some(endpoint.password.clone()))
        .prefer_socket(false)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(KEEPALIVE))
        // A multi-row statement reports the rows it changed, not those it found.
        .client_found_rows(false)
        .stmt_cache_size(0)
        .ssl_opts(tls)
        .into()
}

/// Tells the settings that the server let us in with: with `Tls::Preferred` a server
/// without TLS is spoken to in the clear.
async fn log_in_as_allowed(endpoint: &Endpoint) -> Result<(Opts, Conn)> {
    let first = opts(endpoint, tls::options(endpoint)?);
    match try_log_in(endpoint, &first).await? {
        Ok(conn) => Ok((first, conn)),
        Err(error) if endpoint.tls == Tls::Preferred && tls::is_lacking(&error) => {
            let plain = opts(endpoint, None);
            let conn = log_in(endpoint, &plain).await?;
            Ok((plain, conn))
        }
        Err(error) => Err(refused(endpoint, error)),
    }
}

async fn log_in(endpoint: &Endpoint, opts: &Opts) -> Result<Conn> {
    let opened = try_log_in(endpoint, opts).await?;
    opened.map_err(|error| refused(endpoint, error))
}

async fn try_log_in(
    endpoint: &Endpoint,
    opts: &Opts,
) -> Result<std::result::Result<Conn, mysql_async::Error>> {
    let opened = tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(opts.clone())).await;
    opened.map_err(|_| {
        Error::retry(format!(
            "{} did not answer a login within {} s",
            place(endpoint),
            CONNECT_TIMEOUT.as_secs()
        ))
        .remedy("Check the address, the firewall, and that the server is up")
    })
}

fn place(endpoint: &Endpoint) -> String {
    format!("{}:{}", endpoint.host, endpoint.port)
}

fn refused(endpoint: &Endpoint, error: mysql_async::Error) -> Error {
    let place = place(endpoint);
    if let Some(error) = tls::refused(&place, &error) {
        return error;
    }
    let error = failed(format!("logging in to {place}"))(error);
    let remedy = match error.kind() {
        Kind::Retry => "Check the address, the firewall, bind_address, and that the server is up",
        _ => "Check user, password, and that the account may log in from this host",
    };
    error.remedy(remedy)
}

async fn read_facts(conn: &mut Conn) -> Result<Facts> {
    let names: Vec<String> = FACTS.iter().map(|name| format!("'{name}'")).collect();
    let sql = format!(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})",
        names.join(",")
    );
    let rows: Vec<(String, Option<String>)> = conn
        .query(sql)
        .await
        .map_err(failed("reading the server's settings"))?;
    let facts = rows
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.unwrap_or_default()));
    let mut facts: Facts = facts.collect();
    let mariadb = facts
        .get("version")
        .is_some_and(|version| version.to_ascii_lowercase().contains("mariadb"));
    let flavour = if mariadb { "mariadb" } else { "mysql" };
    facts.insert("flavour".to_owned(), flavour.to_owned());
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let check = |text: &str, flavour, number| {
            assert_eq!(Version::parse(text), Some(Version { flavour, number }), "{text}");
        };
        check("9.7.4-2", Flavour::Mysql, (9, 7, 4));
        check("8.0.36-28", Flavour::Mysql, (8, 0, 36));
        check("11.8.9-MariaDB-deb13u1-log", Flavour::Mariadb, (11, 8, 9));
        check("5.5.5-10.5.23-MariaDB-0+deb11u1", Flavour::Mariadb, (10, 5, 23));
        check("5.5.62-log", Flavour::Mysql, (5, 5, 62));
        assert_eq!(Version::parse("unknown"), None);
    }
}
