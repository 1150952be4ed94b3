//! TABLE_MAP_EVENT: the shape in which the rows that follow are logged.
//!
//! Source: MySQL internals, `Table_map_event`; type codes of `field_types.h`. The
//! map tells how many bytes a value takes; what it means is the schema's.

use bytes::Bytes;
use tidegate_model::schema::TableName;
use tidegate_model::{Error, Result};

use super::cursor::Cursor;

/// Columns of one table at most (MySQL manual, "Limits on Table Column Count").
const COLUMNS_MAX: u64 = 4096;
const COLUMN_NAMES: u64 = 4;

pub mod code {
    //! Column types as logged.
    pub const DECIMAL: u8 = 0;
    pub const TINY: u8 = 1;
    pub const SHORT: u8 = 2;
    pub const LONG: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const NULL: u8 = 6;
    pub const TIMESTAMP: u8 = 7;
    pub const LONGLONG: u8 = 8;
    pub const INT24: u8 = 9;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const YEAR: u8 = 13;
    pub const NEWDATE: u8 = 14;
    pub const VARCHAR: u8 = 15;
    pub const BIT: u8 = 16;
    pub const TIMESTAMP2: u8 = 17;
    pub const DATETIME2: u8 = 18;
    pub const TIME2: u8 = 19;
    pub const MARIADB_BLOB_COMPRESSED: u8 = 140;
    pub const MARIADB_VARCHAR_COMPRESSED: u8 = 141;
    pub const VECTOR: u8 = 242;
    pub const JSON: u8 = 245;
    pub const NEWDECIMAL: u8 = 246;
    pub const ENUM: u8 = 247;
    pub const SET: u8 = 248;
    pub const TINY_BLOB: u8 = 249;
    pub const MEDIUM_BLOB: u8 = 250;
    pub const LONG_BLOB: u8 = 251;
    pub const BLOB: u8 = 252;
    pub const VAR_STRING: u8 = 253;
    pub const STRING: u8 = 254;
    pub const GEOMETRY: u8 = 255;
}

/// One column as logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedColumn {
    /// One of `code`; ENUM and SET are told from STRING already.
    pub code: u8,
    /// Length, bytes of a length, precision and scale or fraction digits, by type.
    pub meta: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableMap {
    pub id: u64,
    pub name: TableName,
    pub columns: Vec<LoggedColumn>,
    /// Only where the server logs full metadata; else empty.
    pub names: Vec<String>,
}

impl TableMap {
    /// `body` is the event without header and checksum.
    pub fn parse(body: Bytes) -> Result<TableMap> {
        const FORM: &str = "a table map";
        let mut cursor = Cursor::new(body);
        let id = cursor.little(6, FORM)?;
        cursor.skip(2, FORM)?;
        let schema = name(&mut cursor)?;
        let table = name(&mut cursor)?;
        let count = cursor.length_encoded(FORM)?;
        if count > COLUMNS_MAX {
            return Err(Error::unknown(format!(
                "a table map of {schema}.{table} with {count} columns"
            )));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let codes = cursor.take(count, FORM)?;
        let meta_length = usize::try_from(cursor.length_encoded(FORM)?).unwrap_or(usize::MAX);
        let mut meta = Cursor::new(cursor.take(meta_length, FORM)?);
        let columns: Result<Vec<LoggedColumn>> = codes.iter().map(|code| column(*code, &mut meta)).collect();
        cursor.skip(count.div_ceil(8), FORM)?;
        let names = optional_names(cursor)?;
        if !names.is_empty() && names.len() != count {
            return Err(Error::unknown(format!(
                "a table map of {schema}.{table} names {} of {count} columns",
                names.len()
            )));
        }
        Ok(TableMap {
            id,
            name: TableName::new(schema, table),
            columns: columns?,
            names,
        })
    }
}

fn name(cursor: &mut Cursor) -> Result<String> {
    let length = cursor.little(1, "a table's name")?;
    let bytes = cursor.take(usize::try_from(length).unwrap_or(0), "a table's name")?;
    cursor.skip(1, "a table's name")?;
    text(&bytes)
}

fn text(bytes: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::unknown("a logged name is not UTF-8"))?;
    Ok(text.to_owned())
}

fn column(code: u8, meta: &mut Cursor) -> Result<LoggedColumn> {
    const FORM: &str = "a table map's metadata";
    let length = match code {
        code::FLOAT | code::DOUBLE | code::TIMESTAMP2 | code::DATETIME2 | code::TIME2 => 1,
        code::JSON | code::BLOB | code::GEOMETRY | code::VECTOR => 1,
        code::TINY_BLOB | code::MEDIUM_BLOB | code::LONG_BLOB | code::MARIADB_BLOB_COMPRESSED => 1,
        code::VARCHAR | code::VAR_STRING | code::STRING | code::BIT | code::NEWDECIMAL => 2,
        code::ENUM | code::SET | code::MARIADB_VARCHAR_COMPRESSED => 2,
        code::DECIMAL
        | code::TINY
        | code::SHORT
        | code::LONG
        | code::NULL
        | code::TIMESTAMP
        | code::LONGLONG
        | code::INT24
        | code::DATE
        | code::TIME
        | code::DATETIME
        | code::YEAR
        | code::NEWDATE => 0,
        other => return Err(Error::unknown(format!("a logged column of type {other}"))),
    };
    match code {
        // Two bytes, the first is the real type: ENUM, SET, or STRING whose length's
        // upper two bits are turned and kept in the type's (Field_string::do_save_field_metadata).
        code::STRING => {
            let first = meta.little(1, FORM)?;
            let second = meta.little(1, FORM)?;
            Ok(string(first as u8, second as u8))
        }
        code::NEWDECIMAL => Ok(LoggedColumn {
            code,
            meta: meta.big(2, FORM)? as u16,
        }),
        _ => Ok(LoggedColumn {
            code,
            meta: meta.little(length, FORM)? as u16,
        }),
    }
}

fn string(first: u8, second: u8) -> LoggedColumn {
    match first {
        code::ENUM | code::SET => LoggedColumn {
            code: first,
            meta: u16::from(second),
        },
        _ if first & 0x30 == 0x30 => LoggedColumn {
            code: code::STRING,
            meta: u16::from(second),
        },
        _ => LoggedColumn {
            code: code::STRING,
            meta: u16::from(second) | u16::from(first & 0x30 ^ 0x30) << 4,
        },
    }
}

fn optional_names(mut cursor: Cursor) -> Result<Vec<String>> {
    const FORM: &str = "a table map's optional metadata";
    let mut names = Vec::new();
    while cursor.remaining() > 0 {
        let kind = cursor.little(1, FORM)?;
        let length = usize::try_from(cursor.length_encoded(FORM)?).unwrap_or(usize::MAX);
        let value = cursor.take(length, FORM)?;
        if kind != COLUMN_NAMES {
            continue;
        }
        let mut value = Cursor::new(value);
        while value.remaining() > 0 {
            let length = usize::try_from(value.length_encoded(FORM)?).unwrap_or(usize::MAX);
            names.push(text(&value.take(length, FORM)?)?);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_map_is_read() {
        // `a`.`t` (id int, v varchar(20), e enum, c char(255) utf8mb4), names in the optional part.
        let mut body = vec![7, 0, 0, 0, 0, 0, 1, 0];
        body.extend([1, b'a', 0, 1, b't', 0, 4, 3, 15, 254, 254]);
        body.extend([6, 80, 0, 0xF7, 1, 0xCE, 0xFC, 0b1110]);
        body.extend([4, 8, 1, b'i', 1, b'v', 1, b'e', 1, b'c']);
        let map = TableMap::parse(Bytes::from(body.clone())).expect("reads");
        assert_eq!(map.name, TableName::new("a", "t"));
        assert_eq!(map.names, ["i", "v", "e", "c"]);
        let metas: Vec<(u8, u16)> = map
            .columns
            .iter()
            .map(|column| (column.code, column.meta))
            .collect();
        assert_eq!(metas, [(3, 0), (15, 80), (247, 1), (254, 1020)]);
        for short in 0..20 {
            let cut = Bytes::copy_from_slice(&body[..short]);
            assert!(TableMap::parse(cut).is_err(), "{short} bytes");
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        for _ in 0..20_000 {
            let mut body = vec![0; 12 + (seed % 60) as usize];
            for byte in &mut body {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                *byte = seed as u8;
            }
            let _ = TableMap::parse(Bytes::from(body));
        }
    }
}
