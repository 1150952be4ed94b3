//! The end of a server's log, as text queries tell it.
//!
//! Source: MySQL manual "SHOW BINARY LOG STATUS" (8.2 and later; before it SHOW MASTER
//! STATUS); MariaDB "SHOW MASTER STATUS" and BINLOG_GTID_POS().

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Row};
use tidegate_model::compare::TransactionSets;
use tidegate_model::position::Position;
use tidegate_model::{Error, Kind, Result};

use crate::binlog::place::{Executed, Place};
use crate::connect::Server;
use crate::failure::failed;
use crate::gtid::{DomainPositions, GtidSet};

/// A log that is switched off has one place only: enough for jobs that follow no changes.
const NO_LOG: &str = "none.0";

/// The end of the log now. In MySQL the set of transactions is read before file and
/// offset, so it may lag behind them, never lead.
pub(crate) async fn end_of_log(server: &Server, conn: &mut Conn) -> Result<Place> {
    let version = server.version();
    let sql = if !version.is_mariadb() && version.at_least(8, 2) {
        "SHOW BINARY LOG STATUS"
    } else {
        "SHOW MASTER STATUS"
    };
    let row: Option<Row> = conn
        .query_first(sql)
        .await
        .map_err(failed("reading the end of the source's log"))?;
    let Some(row) = row else {
        return Ok(Place {
            file: NO_LOG.to_owned(),
            offset: 0,
            executed: Executed::None,
        });
    };
    let unreadable = || Error::unknown(format!("{sql} gave an answer that is not understood"));
    let file: String = row.get(0).ok_or_else(unreadable)?;
    let offset: u64 = row.get(1).ok_or_else(unreadable)?;
    let executed = if version.is_mariadb() {
        Executed::Domains(domains_at(conn, &file, offset).await?)
    } else if server.fact("gtid_mode").eq_ignore_ascii_case("ON") {
        let set: String = row.get(4).ok_or_else(unreadable)?;
        Executed::Sets(GtidSet::parse(&set)?)
    } else {
        Executed::None
    };
    Ok(Place {
        file,
        offset,
        executed,
    })
}

/// By the identifiers that the server has given its transactions.
pub(crate) fn compare(source: &Position, target: &Position) -> Result<TransactionSets> {
    let (here, there) = (Place::parse(source)?, Place::parse(target)?);
    match (here.executed, there.executed) {
        (Executed::Sets(here), Executed::Sets(there)) => Ok(TransactionSets {
            only_source: here.without(&there).to_string(),
            only_target: there.without(&here).to_string(),
            source: here.to_string(),
            target: there.to_string(),
        }),
        (Executed::Domains(here), Executed::Domains(there)) => Ok(TransactionSets {
            only_source: here.without(&there).to_string(),
            only_target: there.without(&here).to_string(),
            source: here.to_string(),
            target: there.to_string(),
        }),
        _ => Err(
            Error::new(Kind::WrongState, "the source gives its transactions no GTIDs")
                .remedy("Compare the rows: CreateCompareTask"),
        ),
    }
}

/// MariaDB: the exact place that a session's consistent snapshot sees.
pub(crate) async fn snapshot_place(conn: &mut Conn) -> Result<Place> {
    let rows: Vec<(String, String)> = conn
        .query("SHOW STATUS LIKE 'binlog_snapshot_%'")
        .await
        .map_err(failed("reading the snapshot's position"))?;
    let value = |wanted: &str| {
        let found = rows.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (file, offset) = (value("binlog_snapshot_file"), value("binlog_snapshot_position"));
    if file.is_empty() {
        return Ok(Place {
            file: NO_LOG.to_owned(),
            offset: 0,
            executed: Executed::None,
        });
    }
    let offset: u64 = offset
        .parse()
        .map_err(|_| Error::unknown("the snapshot's position is not a number"))?;
    Ok(Place {
        executed: Executed::Domains(domains_at(conn, &file, offset).await?),
        file,
        offset,
    })
}

async fn domains_at(conn: &mut Conn, file: &str, offset: u64) -> Result<DomainPositions> {
    let found: Option<Option<String>> = conn
        .query_first(format!("SELECT BINLOG_GTID_POS('{file}', {offset})"))
        .await
        .map_err(failed("reading the GTID position"))?;
    let text = found
        .flatten()
        .ok_or_else(|| Error::retry(format!("the source knows no GTID position at {file}:{offset}")))?;
    DomainPositions::parse(&text)
}
