//! One event of the log as it came: kind, times, place, body. And the bodies of the
//! events that frame transactions.
//!
//! Source: MySQL internals "Binary Log Event Types", MariaDB "Replication Protocol".

use bytes::Bytes;
use tidegate_model::{Error, Result};

use super::cursor::Cursor;
use super::packed;

pub mod kind {
    //! Event type codes.
    pub const QUERY: u8 = 2;
    pub const STOP: u8 = 3;
    pub const ROTATE: u8 = 4;
    pub const INTVAR: u8 = 5;
    pub const RAND: u8 = 13;
    pub const USER_VAR: u8 = 14;
    pub const FORMAT_DESCRIPTION: u8 = 15;
    pub const XID: u8 = 16;
    pub const TABLE_MAP: u8 = 19;
    pub const WRITE_ROWS_V1: u8 = 23;
    pub const UPDATE_ROWS_V1: u8 = 24;
    pub const DELETE_ROWS_V1: u8 = 25;
    pub const INCIDENT: u8 = 26;
    pub const HEARTBEAT: u8 = 27;
    pub const IGNORABLE: u8 = 28;
    pub const ROWS_QUERY: u8 = 29;
    pub const WRITE_ROWS: u8 = 30;
    pub const UPDATE_ROWS: u8 = 31;
    pub const DELETE_ROWS: u8 = 32;
    pub const GTID: u8 = 33;
    pub const ANONYMOUS_GTID: u8 = 34;
    pub const PREVIOUS_GTIDS: u8 = 35;
    pub const XA_PREPARE: u8 = 38;
    pub const PARTIAL_UPDATE_ROWS: u8 = 39;
    pub const TRANSACTION_PAYLOAD: u8 = 40;
    pub const HEARTBEAT_V2: u8 = 41;
    pub const GTID_TAGGED: u8 = 42;
    pub const MARIADB_ANNOTATE_ROWS: u8 = 160;
    pub const MARIADB_CHECKPOINT: u8 = 161;
    pub const MARIADB_GTID: u8 = 162;
    pub const MARIADB_GTID_LIST: u8 = 163;
    pub const MARIADB_START_ENCRYPTION: u8 = 164;
    // What log_bin_compress makes of statements and rows.
    pub const MARIADB_QUERY_COMPRESSED: u8 = 165;
    pub const MARIADB_WRITE_ROWS_COMPRESSED_V1: u8 = 166;
    pub const MARIADB_UPDATE_ROWS_COMPRESSED_V1: u8 = 167;
    pub const MARIADB_DELETE_ROWS_COMPRESSED_V1: u8 = 168;
    pub const MARIADB_WRITE_ROWS_COMPRESSED: u8 = 169;
    pub const MARIADB_UPDATE_ROWS_COMPRESSED: u8 = 170;
    pub const MARIADB_DELETE_ROWS_COMPRESSED: u8 = 171;
}

/// The event was made by the server for this stream, and lies nowhere in the log.
pub const FLAG_ARTIFICIAL: u16 = 0x20;
/// A reader that does not know the event may pass over it.
pub const FLAG_IGNORABLE: u16 = 0x80;

/// MySQL's identifier of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gtid {
    pub uuid: String,
    /// Empty for none.
    pub tag: String,
    pub number: u64,
}

#[derive(Clone, Debug)]
pub struct LogEvent {
    pub kind: u8,
    pub flags: u16,
    /// Unix seconds.
    pub seconds: u32,
    pub server_id: u32,
    /// The offset after this event; wraps at 4 GiB. 0 inside a compressed transaction.
    pub end: u32,
    pub size: u32,
    /// Without header and checksum.
    pub body: Bytes,
    /// GTID events: read by the driver, since the tagged form is a format of its own.
    pub gtid: Option<Gtid>,
    /// GTID events: Unix milliseconds of the commit; 0 when not logged.
    pub committed_at_ms: u64,
}

/// A statement as logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub statement: String,
    pub default_schema: String,
    pub sql_mode: u64,
    /// Collation ids: of the client's text, of the connection, of the server.
    pub charsets: Option<[u16; 3]>,
    pub time_zone: Option<String>,
}

/// sql_mode bits that change the reading of a statement (`sql/system_variables.h`).
pub const MODE_ANSI_QUOTES: u64 = 4;
pub const MODE_NO_BACKSLASH_ESCAPES: u64 = 1 << 20;

impl Query {
    /// `packed`: the statement's text is compressed, what stands before it is not.
    pub fn parse(body: Bytes, packed: bool) -> Result<Query> {
        const FORM: &str = "a logged statement";
        let mut cursor = Cursor::new(body);
        cursor.skip(8, FORM)?;
        let schema_length = cursor.little(1, FORM)?;
        cursor.skip(2, FORM)?;
        let vars_length = cursor.little(2, FORM)?;
        let vars = cursor.take(usize::try_from(vars_length).unwrap_or(usize::MAX), FORM)?;
        let schema = cursor.take(usize::try_from(schema_length).unwrap_or(usize::MAX), FORM)?;
        cursor.skip(1, FORM)?;
        let mut statement = cursor.into_rest();
        if packed {
            statement = packed::event(statement)?;
        }
        let mut query = Query {
            statement: text(&statement)?,
            default_schema: text(&schema)?,
            sql_mode: 0,
            charsets: None,
            time_zone: None,
        };
        query.read_variables(Cursor::new(vars))?;
        Ok(query)
    }

    /// The variables that we need come first, in the server's fixed order; at the first
    /// that we do not know the rest cannot be told apart, and is not needed.
    fn read_variables(&mut self, mut vars: Cursor) -> Result<()> {
        const FORM: &str = "a logged statement's variables";
        while vars.remaining() > 0 {
            match vars.little(1, FORM)? {
                0 => vars.skip(4, FORM)?,
                1 => self.sql_mode = vars.little(8, FORM)?,
                3 => vars.skip(4, FORM)?,
                4 => {
                    let mut next = || Ok::<u16, Error>(vars.little(2, FORM)? as u16);
                    self.charsets = Some([next()?, next()?, next()?]);
                }
                5 => {
                    let length = vars.little(1, FORM)?;
                    self.time_zone = Some(text(&vars.take(length as usize, FORM)?)?);
                }
                6 => {
                    let length = vars.little(1, FORM)?;
                    vars.skip(length as usize, FORM)?;
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        Error::unknown("a logged statement is not in UTF-8")
            .remedy("Run schema changes from clients that speak utf8mb4 while the job runs")
    })?;
    Ok(text.to_owned())
}

/// ROTATE: the next file and the offset in it.
pub fn parse_rotate(body: Bytes) -> Result<(String, u64)> {
    let mut cursor = Cursor::new(body);
    let offset = cursor.little(8, "a rotate event")?;
    let name = cursor.into_rest();
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).map_err(|_| Error::unknown("a log file's name is not UTF-8"))?;
    Ok((name.to_owned(), offset))
}

/// XA PREPARE: whether it is the whole commit (ONE PHASE), and the XID as statements spell it.
pub fn parse_xa_prepare(body: Bytes) -> Result<(bool, String)> {
    const FORM: &str = "a prepared transaction";
    let mut cursor = Cursor::new(body);
    let one_phase = cursor.little(1, FORM)? != 0;
    let format = cursor.little(4, FORM)?;
    let (first, second) = (cursor.little(4, FORM)?, cursor.little(4, FORM)?);
    let mut hex = |length: u64| -> Result<String> {
        let bytes = cursor.take(usize::try_from(length).unwrap_or(usize::MAX), FORM)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let (global, branch) = (hex(first)?, hex(second)?);
    Ok((one_phase, format!("x'{global}',x'{branch}',{format}")))
}

/// MariaDB's GTID event, which also begins a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainGtid {
    pub sequence: u64,
    pub domain: u32,
    /// A statement of its own: no transaction follows.
    pub standalone: bool,
    /// Part of a distributed transaction (XA).
    pub xa: bool,
}

pub fn parse_domain_gtid(body: Bytes) -> Result<DomainGtid> {
    const FORM: &str = "a GTID event";
    let mut cursor = Cursor::new(body);
    let sequence = cursor.little(8, FORM)?;
    let domain = cursor.little(4, FORM)? as u32;
    let flags = cursor.little(1, FORM)?;
    Ok(DomainGtid {
        sequence,
        domain,
        standalone: flags & 1 != 0,
        xa: flags & 0xC0 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prepared_transaction_is_named_as_statements_name_it() {
        let body = [0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, b'a', b'b', 0xFF];
        let read = |body: &[u8]| parse_xa_prepare(Bytes::copy_from_slice(body));
        assert_eq!(read(&body).expect("reads"), (false, "x'6162',x'ff',1".to_owned()));
        for length in 0..body.len() {
            assert!(read(&body[..length]).is_err());
        }
    }

    #[test]
    fn a_statement_comes_with_its_session() {
        let mut body = vec![0; 8];
        let vars = [
            0, 1, 2, 3, 4, 1, 4, 0, 0, 0, 0, 0, 0, 0, 4, 45, 0, 45, 0, 8, 0, 5, 3, b'U', b'T', b'C', 12, 1,
        ];
        body.extend([4, 0, 0, vars.len() as u8, 0]);
        body.extend(vars);
        body.extend(b"shop\0DROP TABLE t");
        let query = Query::parse(Bytes::from(body.clone()), false).expect("reads");
        assert_eq!(
            (query.statement.as_str(), query.default_schema.as_str()),
            ("DROP TABLE t", "shop")
        );
        assert_eq!(
            (query.sql_mode, query.charsets),
            (MODE_ANSI_QUOTES, Some([45, 45, 8]))
        );
        assert_eq!(query.time_zone.as_deref(), Some("UTC"));
        for length in 0..45 {
            let _ = Query::parse(Bytes::copy_from_slice(&body[..length]), length % 2 == 0);
        }
    }
}
