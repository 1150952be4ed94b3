//! Binary JSON to text, as the server itself would print it.
//!
//! Source: MySQL server, `json_binary.h`. Offsets are checked against the value
//! that holds them, and nesting is bounded, so that no bytes can make it run away.

use std::fmt::Write as _;

use base64::Engine as _;
use bytes::Bytes;
use tidegate_model::{Error, Result};

use super::cursor::Cursor;
use super::{decimal, temporal};
use crate::json_text::Mark;

/// The server's own limit (JSON_DOCUMENT_MAX_DEPTH).
const DEPTH_MAX: u32 = 100;

/// The server breaks lines of base64 after so many bytes, also within a string.
const BASE64_LINE_BYTES: usize = 57;

/// One value as text. Empty bytes stand for JSON null, as the server logs them.
pub fn read(bytes: &Bytes) -> Result<Bytes> {
    if bytes.is_empty() {
        return Ok(Bytes::from_static(b"null"));
    }
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
    let mut cursor = Cursor::new(bytes.clone());
    let kind = cursor.little(1, FORM)?;
    value(&mut text, kind, &cursor.into_rest(), DEPTH_MAX)?;
    Ok(Bytes::from(text))
}

const FORM: &str = "a JSON value";

fn broken(what: &str) -> Error {
    Error::unknown(format!("a logged JSON value holds {what}"))
}

fn value(text: &mut String, kind: u64, bytes: &Bytes, depth: u32) -> Result<()> {
    let mut cursor = Cursor::new(bytes.clone());
    match kind {
        0x00..=0x03 => container(text, kind, bytes, depth),
        0x04 => literal(text, cursor.little(1, FORM)?),
        0x05 => number(text, i64::from(cursor.little(2, FORM)? as u16 as i16)),
        0x06 => unsigned(text, cursor.little(2, FORM)?),
        0x07 => number(text, i64::from(cursor.little(4, FORM)? as u32 as i32)),
        0x08 => unsigned(text, cursor.little(4, FORM)?),
        0x09 => number(text, cursor.little(8, FORM)? as i64),
        0x0A => unsigned(text, cursor.little(8, FORM)?),
        0x0B => double(text, f64::from_bits(cursor.little(8, FORM)?)),
        0x0C => {
            let length = variable_length(&mut cursor)?;
            string(text, &cursor.take(length, FORM)?)
        }
        0x0F => {
            let code = cursor.little(1, FORM)?;
            let length = variable_length(&mut cursor)?;
            opaque(text, code, &cursor.take(length, FORM)?)
        }
        _ => Err(broken("a value of a kind that is not known")),
    }
}

fn number(text: &mut String, number: impl std::fmt::Display) -> Result<()> {
    write!(text, "{number}").map_err(|_| Error::bug("text does not grow"))
}

/// Read from text, a number is unsigned only when it must be.
fn unsigned(text: &mut String, value: u64) -> Result<()> {
    if i64::try_from(value).is_ok() {
        text.push_str(Mark::Unsigned.text());
    }
    number(text, value)
}

fn literal(text: &mut String, code: u64) -> Result<()> {
    text.push_str(match code {
        0 => "null",
        1 => "true",
        2 => "false",
        _ => return Err(broken("a literal that is not known")),
    });
    Ok(())
}

/// The shortest digits that give the same double, always with a point or an exponent:
/// without one the target would take it for an integer.
fn double(text: &mut String, double: f64) -> Result<()> {
    if !double.is_finite() {
        return Err(broken("a number that is not finite"));
    }
    write!(text, "{double:?}").map_err(|_| Error::bug("text does not grow"))
}

/// Seven bits a byte, lowest first; the highest bit says that more follow.
fn variable_length(cursor: &mut Cursor) -> Result<usize> {
    let mut length = 0_u64;
    for shift in [0, 7, 14, 21, 28] {
        let byte = cursor.little(1, FORM)?;
        length |= (byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(length).map_err(|_| broken("a length that is too large"));
        }
    }
    Err(broken("a length without an end"))
}

/// A key or string as it stands in JSON text.
pub(super) fn push_string(sink: &mut Vec<u8>, plain: &str) {
    let mut text = String::new();
    // It is UTF-8, the one thing that could be refused.
    if string(&mut text, plain.as_bytes()).is_ok() {
        sink.extend_from_slice(text.as_bytes());
    }
}

fn string(text: &mut String, bytes: &[u8]) -> Result<()> {
    let plain = std::str::from_utf8(bytes).map_err(|_| broken("a string that is not UTF-8"))?;
    text.push('"');
    for character in plain.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if control < ' ' => {
                write!(text, "\\u{:04x}", u32::from(control))
                    .map_err(|_| Error::bug("text does not grow"))?;
            }
            other => text.push(other),
        }
    }
    text.push('"');
    Ok(())
}

/// Values that SQL put into JSON: decimals as numbers, others as the strings that the
/// server prints, with a mark that tells their type.
fn opaque(text: &mut String, code: u64, bytes: &Bytes) -> Result<()> {
    use super::table_map::code;
    let mut cursor = Cursor::new(bytes.clone());
    let code = u8::try_from(code).unwrap_or(0);
    let mark = match code {
        code::NEWDECIMAL => {
            let (precision, scale) = (cursor.little(1, FORM)?, cursor.little(1, FORM)?);
            let digits = decimal::read(&mut cursor, precision as u8, scale as u8)?;
            text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
            return Ok(());
        }
        code::DATE => Mark::Date,
        code::TIME => Mark::Time,
        code::DATETIME => Mark::DateTime,
        code::TIMESTAMP => Mark::Timestamp,
        code::VARCHAR | code::BIT | code::TINY_BLOB..=code::STRING => {
            text.push_str(Mark::Bytes.text());
            text.push_str(&format!("\"base64:type{code}:"));
            for (at, line) in bytes.chunks(BASE64_LINE_BYTES).enumerate() {
                text.push_str(if at > 0 { "\\n" } else { "" });
                base64::engine::general_purpose::STANDARD.encode_string(line, text);
            }
            text.push('"');
            return Ok(());
        }
        _ => return Err(broken("a value of an SQL type that is not known in JSON")),
    };
    text.push_str(mark.text());
    let packed = cursor.little(8, FORM)? as i64;
    string(text, temporal::from_packed(packed, code)?.as_bytes())
}

/// An object or array: counts and entries first, then keys and values by offset.
fn container(text: &mut String, kind: u64, bytes: &Bytes, depth: u32) -> Result<()> {
    let depth = depth.checked_sub(1).ok_or_else(|| broken("too many levels"))?;
    let large = kind & 1 == 1;
    let (object, width) = (kind < 2, if large { 4 } else { 2 });
    let mut header = Cursor::new(bytes.clone());
    let count = header.little(width, FORM)?;
    let size = usize::try_from(header.little(width, FORM)?).unwrap_or(usize::MAX);
    let bytes = bytes
        .get(..size)
        .map(|_| bytes.slice(..size))
        .ok_or_else(|| broken("less than its size"))?;
    let mut keys = Vec::new();
    if object {
        for _ in 0..count {
            let offset = header.little(width, FORM)?;
            keys.push((offset, header.little(2, FORM)?));
        }
    }
    text.push(if object { '{' } else { '[' });
    for at in 0..count {
        if at > 0 {
            text.push_str(", ");
        }
        if object {
            let index = usize::try_from(at).unwrap_or(usize::MAX);
            let (offset, length) = keys.get(index).copied().unwrap_or_default();
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let key = bytes.get(from..from.saturating_add(length as usize));
            string(text, key.ok_or_else(|| broken("a key outside of it"))?)?;
            text.push_str(": ");
        }
        entry(text, &mut header, &bytes, large, depth)?;
    }
    text.push(if object { '}' } else { ']' });
    Ok(())
}

fn entry(text: &mut String, header: &mut Cursor, bytes: &Bytes, large: bool, depth: u32) -> Result<()> {
    let width = if large { 4 } else { 2 };
    let kind = header.little(1, FORM)?;
    // Small values stand in the entry itself, in place of an offset.
    let inline = matches!(kind, 0x04..=0x06) || large && matches!(kind, 0x07 | 0x08);
    if inline {
        let here = header.take(width, FORM)?;
        return value(text, kind, &here, depth);
    }
    let offset = usize::try_from(header.little(width, FORM)?).unwrap_or(usize::MAX);
    // A value at offset 0 would hold itself.
    if offset == 0 || offset >= bytes.len() {
        return Err(broken("a value outside of it"));
    }
    value(text, kind, &bytes.slice(offset..), depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let text = read(&Bytes::copy_from_slice(bytes)).expect("reads");
        assert_eq!(std::str::from_utf8(&text).expect("UTF-8"), expected);
    }

    #[test]
    fn values_print_as_the_server_prints_them() {
        check(&[], "null");
        check(&[4, 1], "true");
        check(&[5, 0xFF, 0xFF], "-1");
        check(&[0x0B, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F], "1.0");
        check(&[0x0C, 3, b'a', b'"', b'\n'], r#""a\"\n""#);
        check(&[0, 1, 0, 12, 0, 11, 0, 1, 0, 5, 7, 0, b'a'], r#"{"a": 7}"#);
        check(&[2, 2, 0, 10, 0, 4, 0, 0, 5, 2, 0], "[null, 2]");
        check(&[0x0F, 246, 4, 3, 2, 0x80, 5], "0.05");
        check(&[0x0F, 15, 2, 0xCA, 0xFE], "\t\t\t\t\t\"base64:type15:yv4=\"");
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..50_000 {
            let mut bytes = vec![0; 1 + (seed % 40) as usize];
            for byte in &mut bytes {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                *byte = (seed % 17) as u8;
            }
            let _ = read(&Bytes::from(bytes));
        }
    }
}
