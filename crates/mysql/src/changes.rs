//! Transactions in commit order from a position: the socket, heartbeats, checksums.
//!
//! The driver frames events and logs in; `binlog::reader` gives them meaning. Here is
//! what the driver leaves open: checksums are compared, a compressed transaction must
//! unpack to its announced size, and a silent source is noticed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use mysql_async::prelude::Queryable as _;
use mysql_async::{BinlogStream, BinlogStreamRequest, Conn, Sid};
use mysql_common::binlog::consts::BinlogChecksumAlg;
use mysql_common::binlog::events::{Event, GtidEvent, TransactionPayloadEvent};
use mysql_common::proto::MySerialize as _;
use tidegate_link::ChangeStream;
use tidegate_model::change::ChangeEvent;
use tidegate_model::position::Position;
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Kind, Result};

use crate::binlog::event::{Gtid, LogEvent, kind};
use crate::binlog::native::uuid;
use crate::binlog::place::{Executed, Place};
use crate::binlog::reader::LogReader;
use crate::connect::Server;
use crate::failure::failed;
use crate::gtid::GtidSet;

/// The source speaks at least this often, also when it has nothing to say.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// Two heartbeats and room for a busy machine: then the connection is taken as dead.
const SILENCE_MAX: Duration = Duration::from_secs(8);
/// A compressed transaction is unpacked whole by the driver; beyond this it is refused.
const UNPACKED_BYTES_MAX: u64 = 1 << 30;

pub(crate) struct MysqlChanges {
    stream: BinlogStream,
    reader: LogReader,
    /// Bytes of a compressed transaction that are still to come.
    packed_left: u64,
    source_time_ms: u64,
    /// The event that says what others look like has come.
    described: bool,
}

/// Opens the log after `from`. Errors: the log no longer holds it (`PositionLost`),
/// it is another server's log, rights are missing.
pub(crate) async fn open(
    server: &Server,
    server_id: u32,
    from: &Position,
    selection: &Selection,
    known: &[Arc<TableSchema>],
) -> Result<Box<dyn ChangeStream>> {
    let place = Place::parse(from)?;
    let mut conn = server.log_session().await?;
    prepare(&mut conn, &place).await?;
    let file = place.file.clone();
    let mut request = BinlogStreamRequest::new(server_id);
    request = match &place.executed {
        Executed::Sets(set) => {
            check_sets(&mut conn, set).await?;
            let sids: Result<Vec<Sid<'_>>> = set.members().iter().map(|member| sid(member)).collect();
            request.with_gtid().with_gtid_set(sids?)
        }
        Executed::None => request.with_filename(file.as_bytes()).with_pos(place.offset),
        // The position went ahead as a user variable of the session.
        Executed::Domains(_) => request,
    };
    let stream = conn
        .get_binlog_stream(request)
        .await
        .map_err(failed(format!("opening the log of {}", server.place())))?;
    Ok(Box::new(MysqlChanges {
        stream,
        reader: LogReader::new(place, selection.clone(), known),
        packed_left: 0,
        source_time_ms: 0,
        described: false,
    }))
}

/// Session settings that the dump reads. Both spellings of the heartbeat: MySQL renamed it.
async fn prepare(conn: &mut Conn, place: &Place) -> Result<()> {
    let period = HEARTBEAT.as_nanos();
    let mut set = format!(
        "SET @master_heartbeat_period = {period}, @source_heartbeat_period = {period}, \
         net_write_timeout = 3600, wait_timeout = 86400"
    );
    if let Executed::Domains(domains) = &place.executed {
        // 4: the reader knows GTID events; without it the server sends dummies in their place.
        set.push_str(&format!(
            ", @mariadb_slave_capability = 4, @slave_connect_state = '{domains}', @slave_gtid_strict_mode = 1"
        ));
    }
    conn.query_drop(set)
        .await
        .map_err(failed("preparing to read the log"))
}

/// The server must hold all that we have, and must not have dropped what we lack.
async fn check_sets(conn: &mut Conn, ours: &GtidSet) -> Result<()> {
    let row: Option<(String, String)> = conn
        .query_first("SELECT @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged")
        .await
        .map_err(failed("reading the source's executed transactions"))?;
    let (executed, purged) = row.unwrap_or_default();
    let (executed, purged) = (GtidSet::parse(&executed)?, GtidSet::parse(&purged)?);
    if !ours.is_within(&executed) {
        return Err(Error::new(
            Kind::PositionLost,
            "the source does not hold transactions that this job has copied: it was restored or is another server",
        )
        .remedy("Point the job at the server it was copied from, or start a new job"));
    }
    if !purged.is_within(ours) {
        return Err(Error::new(
            Kind::PositionLost,
            "the source has purged log files that this job still needs",
        )
        .remedy(
            "Stop this job, empty the target and start a new one; keep the log longer on the source \
             (binlog_expire_logs_seconds)",
        ));
    }
    Ok(())
}

fn sid(member: &str) -> Result<Sid<'static>> {
    member
        .parse()
        .map_err(|error: std::io::Error| Error::bug("a GTID set that the driver refuses").caused_by(error))
}

#[async_trait]
impl ChangeStream for MysqlChanges {
    async fn next(&mut self) -> Result<ChangeEvent> {
        loop {
            if let Some(event) = self.reader.next_ready() {
                return Ok(event);
            }
            // What has come already goes first; only an idle source gives a heartbeat.
            let waiting = AssertUnwindSafe(self.stream.next()).catch_unwind().now_or_never();
            let event = match waiting {
                Some(event) => event,
                None => {
                    if let Some(heartbeat) = self.reader.take_heartbeat(self.source_time_ms)? {
                        return Ok(heartbeat);
                    }
                    let next = AssertUnwindSafe(self.stream.next()).catch_unwind();
                    tokio::time::timeout(SILENCE_MAX, next).await.map_err(|_| {
                        Error::retry(format!(
                            "the source was silent for {} s, two heartbeats and more",
                            SILENCE_MAX.as_secs()
                        ))
                    })?
                }
            };
            let event = event
                .map_err(|_| Error::unknown("the driver stumbled over an event of the log"))?
                .ok_or_else(|| Error::retry("the source ended the stream of its log"))?
                .map_err(failed("reading the source's log"))?;
            let event = self.checked(&event)?;
            self.source_time_ms = self.source_time_ms.max(u64::from(event.seconds) * 1000);
            self.reader.take(event)?;
        }
    }

    fn learn(&mut self, table: &TableName, schema: Option<Arc<TableSchema>>) {
        self.reader.learn(table, schema);
    }

    async fn acknowledge(&mut self, _durable: &Position) -> Result<()> {
        // The server keeps its log by time and size; it asks no reader.
        Ok(())
    }
}

impl MysqlChanges {
    fn checked(&mut self, event: &Event) -> Result<LogEvent> {
        let header = event.header();
        let code = header.event_type_raw();
        let inside = self.packed_left > 0;
        if inside {
            self.unpacked(code, u64::from(header.event_size()))?;
        } else {
            check_sum(event)?;
        }
        if code == kind::TRANSACTION_PAYLOAD {
            self.packed_left = announced(event)?;
        }
        let (gtid, committed_at_ms) = gtid(code, event)?;
        Ok(LogEvent {
            kind: code,
            flags: header.flags_raw(),
            seconds: header.timestamp(),
            server_id: header.server_id(),
            end: if inside { 0 } else { header.log_pos() },
            size: header.event_size(),
            body: Bytes::copy_from_slice(self.without_sum(event)),
            gtid,
            committed_at_ms,
        })
    }

    /// The rotate event that opens a stream comes before the one that says whether events
    /// have checksums, so the driver leaves its own on it (MariaDB sends one).
    fn without_sum<'e>(&mut self, event: &'e Event) -> &'e [u8] {
        const SUM: usize = 4;
        let code = event.header().event_type_raw();
        self.described |= code == kind::FORMAT_DESCRIPTION;
        let whole = event.data();
        let Some((body, sum)) = whole.split_last_chunk::<SUM>() else {
            return whole;
        };
        if self.described || code != kind::ROTATE {
            return whole;
        }
        let mut header = Vec::new();
        event.header().serialize(&mut header);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&header);
        hasher.update(body);
        if hasher.finalize() == u32::from_le_bytes(*sum) {
            body
        } else {
            whole
        }
    }

    /// The driver gives nothing, and no error, for a transaction that does not unpack:
    /// then the next group's first event comes where the transaction's should.
    fn unpacked(&mut self, code: u8, size: u64) -> Result<()> {
        let foreign = matches!(
            code,
            kind::GTID
                | kind::GTID_TAGGED
                | kind::ANONYMOUS_GTID
                | kind::ROTATE
                | kind::HEARTBEAT
                | kind::HEARTBEAT_V2
                | kind::FORMAT_DESCRIPTION
                | kind::TRANSACTION_PAYLOAD
        );
        match self.packed_left.checked_sub(size) {
            Some(left) if !foreign => {
                self.packed_left = left;
                Ok(())
            }
            _ => Err(broken(
                "a compressed transaction does not unpack to its announced size",
            )),
        }
    }
}

fn broken(what: &str) -> Error {
    Error::unknown(format!("the source's log is damaged: {what}"))
        .remedy("Check the source's disk and memory; nothing of it was written and the position is kept")
}

fn check_sum(event: &Event) -> Result<()> {
    let crc = event.footer().get_checksum_alg().ok().flatten()
        == Some(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32);
    // The first event of a file has a flag that changes while the file is open.
    if !crc || event.header().event_type_raw() == kind::FORMAT_DESCRIPTION {
        return Ok(());
    }
    let Some(logged) = event.checksum() else {
        return Ok(());
    };
    if u32::from_le_bytes(logged) != event.calc_checksum(BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32) {
        return Err(broken("an event's checksum does not fit its bytes"));
    }
    Ok(())
}

fn announced(event: &Event) -> Result<u64> {
    let payload = event
        .read_event::<TransactionPayloadEvent<'_>>()
        .map_err(|_| broken("a compressed transaction's header is not readable"))?;
    let size = payload.uncompressed_size();
    if size > UNPACKED_BYTES_MAX {
        return Err(Error::needs_user(format!(
            "a compressed transaction of {size} bytes is more than may be unpacked at once"
        ))
        .remedy("SET GLOBAL binlog_transaction_compression = OFF on the source, and start the job anew"));
    }
    // The algorithm NONE announces nothing.
    Ok(if size == 0 { payload.payload_size() } else { size })
}

fn gtid(code: u8, event: &Event) -> Result<(Option<Gtid>, u64)> {
    if !matches!(code, kind::GTID | kind::GTID_TAGGED | kind::ANONYMOUS_GTID) {
        return Ok((None, 0));
    }
    let read = event
        .read_event::<GtidEvent>()
        .map_err(|error| Error::unknown("a transaction's identifier is not readable").caused_by(error))?;
    let committed_at_ms = read.immediate_commit_timestamp() / 1000;
    if code == kind::ANONYMOUS_GTID {
        return Ok((None, committed_at_ms));
    }
    let gtid = Gtid {
        uuid: uuid(read.sid()),
        tag: read.tag().map(ToString::to_string).unwrap_or_default(),
        number: read.gno(),
    };
    Ok((Some(gtid), committed_at_ms))
}
