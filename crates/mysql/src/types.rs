//! Values to SQL and back: how a column is read, how a value is written, how two are
//! compared, one line a type.
//!
//! All texts here are for a row session (`connect`): no conversion of bytes, times in
//! UTC. A literal between quotes is then a binary string, which a column takes as it
//! is; where a value is compared with a key, the column's charset goes before it.

use bytes::Bytes;
use tidegate_model::schema::{Column, ColumnType};
use tidegate_model::value::Value;
use tidegate_model::{Error, Result};

use crate::ddl::quoted;
use crate::json_literal::push_json;

/// The lane between servers of the family: the fields of LOAD DATA, one line a row.
pub(crate) const TEXT_LANE: &str = "mysql-text";

/// How a column is read for the text lane. FLOAT as a double, since the server prints
/// floats with six digits and loses the rest.
pub(crate) fn text_expression(column: &Column) -> String {
    let name = quoted(&column.name);
    match column.kind {
        ColumnType::Float => format!("CAST({name} AS DOUBLE)"),
        _ => name,
    }
}

/// How a column is read for the neutral lane: by number where the number is the value.
pub(crate) fn neutral_expression(column: &Column) -> String {
    match column.kind {
        ColumnType::Bit { .. } | ColumnType::Enum { .. } | ColumnType::Set { .. } => {
            format!("{}+0", quoted(&column.name))
        }
        _ => text_expression(column),
    }
}

/// What the server printed, as a value. `None` is NULL.
pub(crate) fn value_of_text(column: &Column, text: Option<Vec<u8>>) -> Result<Value> {
    let Some(text) = text else {
        return Ok(Value::Null);
    };
    let unreadable = || Error::unknown(format!("a value of column `{}` is not readable", column.name));
    let words = || std::str::from_utf8(&text).map_err(|_| unreadable());
    Ok(match &column.kind {
        ColumnType::Int { unsigned: true, .. } => Value::UInt(words()?.parse().map_err(|_| unreadable())?),
        ColumnType::Int { .. } | ColumnType::Year => Value::Int(words()?.parse().map_err(|_| unreadable())?),
        ColumnType::Float => Value::Float(words()?.parse::<f64>().map_err(|_| unreadable())? as f32),
        ColumnType::Double => Value::Double(words()?.parse().map_err(|_| unreadable())?),
        ColumnType::Bit { .. } => Value::Bit(words()?.parse().map_err(|_| unreadable())?),
        ColumnType::Enum { .. } => Value::Enum(words()?.parse().map_err(|_| unreadable())?),
        ColumnType::Set { .. } => Value::Set(words()?.parse().map_err(|_| unreadable())?),
        ColumnType::Decimal { .. } => Value::Decimal(Bytes::from(text)),
        ColumnType::Date
        | ColumnType::Time { .. }
        | ColumnType::DateTime { .. }
        | ColumnType::Timestamp { .. } => Value::Temporal(Bytes::from(text)),
        ColumnType::Json => Value::Json(Bytes::from(text)),
        ColumnType::Geometry => Value::Geometry(Bytes::from(text)),
        ColumnType::Text { .. } | ColumnType::Native => Value::Text(Bytes::from(text)),
        ColumnType::Bytes { .. } => Value::Bytes(Bytes::from(text)),
    })
}

/// A value as a literal to be stored in `column`.
pub(crate) fn push_literal(sql: &mut Vec<u8>, column: &Column, value: &Value) -> Result<()> {
    match value {
        Value::Null => sql.extend_from_slice(b"NULL"),
        Value::Unchanged => {
            return Err(Error::bug(format!(
                "column `{}` has no value to write",
                column.name
            )));
        }
        Value::Int(number) => push_number(sql, *number),
        Value::UInt(number) | Value::Bit(number) | Value::Set(number) => push_number(sql, *number),
        Value::Enum(member) => push_number(sql, *member),
        // As a double: the server reads decimals into a double first and narrows that.
        Value::Float(number) => push_number(sql, format_args!("{:e}", f64::from(*number))),
        Value::Double(number) => push_number(sql, format_args!("{number:e}")),
        Value::Decimal(digits) => sql.extend_from_slice(digits),
        Value::Json(text) => push_json(sql, text)?,
        // A type of the server's own reads a binary string as its bytes, and text as text.
        Value::Text(text) if column.kind == ColumnType::Native => {
            sql.extend_from_slice(b"_utf8mb4");
            push_quoted(sql, text);
        }
        Value::Text(bytes) | Value::Bytes(bytes) | Value::Temporal(bytes) | Value::Geometry(bytes) => {
            push_quoted(sql, bytes);
        }
    }
    Ok(())
}

/// A value as a literal that compares with `column` by the column's own collation, so
/// that the column's index is used.
pub(crate) fn push_key_literal(sql: &mut Vec<u8>, column: &Column, value: &Value) -> Result<()> {
    if let (ColumnType::Text { charset, .. }, Value::Text(_) | Value::Bytes(_)) = (&column.kind, value) {
        sql.push(b'_');
        sql.extend_from_slice(charset.as_bytes());
    }
    push_literal(sql, column, value)
}

/// A condition that holds for exactly this value, byte for byte, whatever the collation:
/// for tables whose rows nothing but all their columns tells apart.
pub(crate) fn push_same(sql: &mut Vec<u8>, column: &Column, value: &Value) -> Result<()> {
    let name = quoted(&column.name);
    if value.is_null() {
        sql.extend_from_slice(format!("{name} IS NULL").as_bytes());
        return Ok(());
    }
    let (before, after) = match &column.kind {
        ColumnType::Text { .. } => (format!("CAST({name} AS BINARY) = "), ""),
        // By their text: as values 1 and 1.0 would be the same.
        ColumnType::Json => (
            format!("CAST({name} AS BINARY) = CAST(CAST("),
            " AS JSON) AS BINARY)",
        ),
        ColumnType::Geometry => (format!("HEX({name}) = HEX("), ")"),
        ColumnType::Enum { .. } | ColumnType::Set { .. } | ColumnType::Bit { .. } => {
            (format!("{name}+0 = "), "")
        }
        _ => (format!("{name} = "), ""),
    };
    sql.extend_from_slice(before.as_bytes());
    push_literal(sql, column, value)?;
    sql.extend_from_slice(after.as_bytes());
    Ok(())
}

fn push_number(sql: &mut Vec<u8>, number: impl std::fmt::Display) {
    use std::io::Write as _;
    // Writing to memory does not fail.
    let _ = write!(sql, "{number}");
}

/// Between quotes, for a session whose client charset is binary (manual, "String Literals").
pub(crate) fn push_quoted(sql: &mut Vec<u8>, bytes: &[u8]) {
    sql.reserve(bytes.len() + 2);
    sql.push(b'\'');
    push_escaped(sql, bytes, |byte| match byte {
        b'\'' => Some(b'\''),
        b'\\' => Some(b'\\'),
        0 => Some(b'0'),
        _ => None,
    });
    sql.push(b'\'');
}

/// One field of the text lane (manual, "LOAD DATA": FIELDS ESCAPED BY '\\').
pub(crate) fn push_field(line: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => line.extend_from_slice(b"\\N"),
        Some(bytes) => push_escaped(line, bytes, |byte| match byte {
            b'\t' => Some(b't'),
            b'\n' => Some(b'n'),
            b'\\' => Some(b'\\'),
            0 => Some(b'0'),
            _ => None,
        }),
    }
}

fn push_escaped(out: &mut Vec<u8>, bytes: &[u8], escape: impl Fn(u8) -> Option<u8>) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| escape(*byte).is_some()) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.push(b'\\');
        out.extend(special.first().and_then(|byte| escape(*byte)));
        rest = special.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// A value as text of a chunk's bound: a literal in plain ASCII, whatever its bytes.
pub(crate) fn bound_literal(column: &Column, value: &Value) -> Result<String> {
    let hex = |bytes: &Bytes| {
        use std::fmt::Write as _;
        bytes.iter().fold(String::from("x'"), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }) + "'"
    };
    match (value, &column.kind) {
        (Value::Text(bytes) | Value::Bytes(bytes), ColumnType::Text { charset, .. }) => {
            Ok(format!("_{charset} {}", hex(bytes)))
        }
        (Value::Text(bytes) | Value::Bytes(bytes) | Value::Geometry(bytes), _) => Ok(hex(bytes)),
        _ => {
            let mut sql = Vec::new();
            push_literal(&mut sql, column, value)?;
            String::from_utf8(sql)
                .map_err(|_| Error::bug(format!("a bound of column `{}` is not text", column.name)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: ColumnType) -> Column {
        Column {
            name: "c".to_owned(),
            kind,
            native: String::new(),
            nullable: true,
            generated: false,
            auto_increment: false,
        }
    }

    fn latin1() -> Column {
        column(ColumnType::Text {
            charset: "latin1".to_owned(),
            fixed: false,
            length: None,
        })
    }

    #[test]
    fn literals_keep_every_byte() {
        let check = |value: Value, expected: &[u8]| {
            let mut sql = Vec::new();
            push_literal(&mut sql, &latin1(), &value).expect("writes");
            assert_eq!(sql, expected, "{}", String::from_utf8_lossy(&sql));
        };
        check(
            Value::Bytes(Bytes::from_static(b"a'\\\0\n\xff")),
            b"'a\\'\\\\\\0\n\xff'",
        );
        check(Value::Float(0.1), b"1.0000000149011612e-1");
        check(Value::Double(-0.0), b"-0e0");
        check(Value::Double(1e300), b"1e300");
        check(Value::UInt(u64::MAX), b"18446744073709551615");
        check(Value::Json(Bytes::from_static(b"{}")), b"_utf8mb4'{}'");
        check(Value::Null, b"NULL");
        assert!(push_literal(&mut Vec::new(), &latin1(), &Value::Unchanged).is_err());
    }

    #[test]
    fn keys_compare_in_the_columns_charset() {
        let mut sql = Vec::new();
        push_key_literal(&mut sql, &latin1(), &Value::Bytes(Bytes::from_static(b"\xe4"))).expect("writes");
        assert_eq!(sql, b"_latin1'\xe4'");
        let bound = bound_literal(&latin1(), &Value::Text(Bytes::from_static(b"\xe4'"))).expect("writes");
        assert_eq!(bound, "_latin1 x'e427'");
    }

    #[test]
    fn fields_of_the_text_lane_are_escaped() {
        let check = |field: Option<&[u8]>, expected: &[u8]| {
            let mut line = Vec::new();
            push_field(&mut line, field);
            assert_eq!(line, expected);
        };
        check(None, b"\\N");
        check(Some(b""), b"");
        check(Some(b"\\N"), b"\\\\N");
        check(Some(b"a\tb\nc\0d\re"), b"a\\tb\\nc\\0d\re");
    }
}
