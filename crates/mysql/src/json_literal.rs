//! JSON text as SQL that gives the same value back, numbers of type DECIMAL included.
//!
//! The server reads every number with a point as a double, while SQL can put exact
//! decimals into JSON, which print as `0.2500`. A text that a double would not print so
//! is built anew by JSON_OBJECT and JSON_ARRAY around a CAST (manual, "The JSON Data
//! Type"). What prints like a double is taken for one. Dates, times and bytes are built so
//! too where a mark tells them (`json_text`); without one they are strings.

use base64::Engine as _;
use tidegate_model::{Error, Result};

use crate::json_text::{Mark, Scanner};

/// Deeper values than the server's own limit never come from it.
const DEPTH_MAX: u32 = 101;

/// Appends a literal or expression of type JSON for `text`, which a server has printed.
pub(crate) fn push_json(sql: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    let marked = text.contains(&b'\t');
    if !marked && !holds_decimal(text) {
        push_text(sql, text);
        return Ok(());
    }
    let scanner = Scanner::new(text);
    let mut builder = Builder { scanner };
    let mut built = Vec::with_capacity(text.len() * 2);
    builder.value(&mut built, DEPTH_MAX).ok_or_else(unreadable)?;
    builder.scanner.blank();
    if builder.scanner.at != text.len() {
        return Err(unreadable());
    }
    if !text.starts_with(b"[") && !text.starts_with(b"{") {
        // A column of JSON takes any other value for text to be read.
        sql.extend_from_slice(b"JSON_EXTRACT(JSON_ARRAY(");
        sql.extend_from_slice(&built);
        sql.extend_from_slice(b"),_utf8mb4'$[0]')");
    } else {
        sql.extend_from_slice(&built);
    }
    Ok(())
}

fn unreadable() -> Error {
    Error::unknown("a JSON value is not readable")
}

fn push_text(sql: &mut Vec<u8>, text: &[u8]) {
    sql.extend_from_slice(b"_utf8mb4");
    crate::types::push_quoted(sql, text);
}

/// Does any number outside of strings carry more than a double would print?
pub(crate) fn holds_decimal(text: &[u8]) -> bool {
    let mut reader = Scanner::new(text);
    while let Some(byte) = reader.peek() {
        match byte {
            b'"' => {
                if reader.string().is_none() {
                    return false;
                }
            }
            b'-' | b'0'..=b'9' => {
                if is_decimal(reader.number()) {
                    return true;
                }
            }
            _ => reader.at += 1,
        }
    }
    false
}

/// `0.2500`, `0.1000000000000000055`, `123456789012345678901`: never printed by a double.
fn is_decimal(number: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(number) else {
        return false;
    };
    if text.contains(['e', 'E']) {
        return false;
    }
    let Some((_, fraction)) = text.split_once('.') else {
        return text.parse::<i64>().is_err() && text.parse::<u64>().is_err();
    };
    if fraction != "0" && fraction.ends_with('0') {
        return true;
    }
    let shortest = text.parse::<f64>().map(|double| format!("{double:?}"));
    // Very large and small doubles print with an exponent: compare their digits then.
    let digits = |text: &str| {
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        digits.trim_matches('0').to_owned()
    };
    shortest.is_ok_and(|shortest| digits(&shortest) != digits(text))
}

struct Builder<'a> {
    scanner: Scanner<'a>,
}

impl Builder<'_> {
    fn value(&mut self, sql: &mut Vec<u8>, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.scanner.blank();
        let mark = self.scanner.mark();
        match self.scanner.peek()? {
            b'{' => self.members(sql, (b"JSON_OBJECT(", b'}'), depth)?,
            b'[' => self.members(sql, (b"JSON_ARRAY(", b']'), depth)?,
            b'-' | b'0'..=b'9' => match (mark, self.scanner.number()) {
                (Some(Mark::Unsigned), number) if number.iter().all(u8::is_ascii_digit) => {
                    sql.extend_from_slice(&[b"CAST(", number, b" AS UNSIGNED)"].concat());
                }
                (_, number) => push_number(sql, number),
            },
            b'"' => {
                let string = self.scanner.string()?;
                match mark {
                    Some(mark) => push_marked(sql, mark, string)?,
                    None => push_cast(sql, string),
                }
            }
            _ => push_cast(sql, self.scanner.word()?),
        }
        Some(())
    }

    fn members(&mut self, sql: &mut Vec<u8>, (call, end): (&[u8], u8), depth: u32) -> Option<()> {
        self.scanner.at += 1;
        sql.extend_from_slice(call);
        let mut first = true;
        while !self.scanner.take(end) {
            if !first {
                self.scanner.take(b',').then_some(())?;
                sql.push(b',');
            }
            first = false;
            if end == b'}' {
                self.scanner.blank();
                (self.scanner.peek()? == b'"').then_some(())?;
                // A key's escapes are JSON's own: the server undoes them.
                sql.extend_from_slice(b"JSON_UNQUOTE(");
                push_cast(sql, self.scanner.string()?);
                sql.extend_from_slice(b"),");
                self.scanner.take(b':').then_some(())?;
            }
            self.value(sql, depth)?;
        }
        sql.push(b')');
        Some(())
    }
}

fn push_cast(sql: &mut Vec<u8>, text: &[u8]) {
    sql.extend_from_slice(b"CAST(");
    push_text(sql, text);
    sql.extend_from_slice(b" AS JSON)");
}

/// A value of an SQL type, from the string as which it prints; it begins and ends with a quote.
fn push_marked(sql: &mut Vec<u8>, mark: Mark, string: &[u8]) -> Option<()> {
    let shown = string.get(1..string.len().checked_sub(1)?)?;
    if mark == Mark::Bytes {
        return push_bytes(sql, shown);
    }
    let is_time = |byte: &u8| byte.is_ascii_digit() || b"-: .".contains(byte);
    let shown = std::str::from_utf8(shown)
        .ok()
        .filter(|shown| shown.bytes().all(|byte| is_time(&byte)))?;
    let expression = match mark {
        Mark::Date => format!("CAST('{shown}' AS DATE)"),
        Mark::Time => format!("CAST('{shown}' AS TIME(6))"),
        Mark::DateTime => format!("CAST('{shown}' AS DATETIME(6))"),
        Mark::Bytes | Mark::Unsigned => return None,
        Mark::Timestamp => {
            let from = format!("JSON_QUOTE(_utf8mb4'{shown}')");
            push_column(sql, from.as_bytes(), "TIMESTAMP(6)");
            return Some(());
        }
    };
    sql.extend_from_slice(expression.as_bytes());
    Some(())
}

/// `base64:type252:…` as bytes of that type. A plain binary string has the type 15.
fn push_bytes(sql: &mut Vec<u8>, shown: &[u8]) -> Option<()> {
    use crate::binlog::table_map::code;
    let shown = std::str::from_utf8(shown).ok()?.strip_prefix("base64:type")?;
    let (number, base64) = shown.split_once(':')?;
    // In lines, as the server prints it.
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(base64.replace("\\n", ""))
        .ok()?;
    let mut literal = b"_binary".to_vec();
    crate::types::push_quoted(&mut literal, &bytes);
    let type_name = match number.parse().ok()? {
        code::VARCHAR => {
            sql.extend_from_slice(&literal);
            return Some(());
        }
        code::BIT => {
            let bits = bytes
                .iter()
                .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            push_column(
                sql,
                format!("_utf8mb4'{bits}'").as_bytes(),
                &format!("BIT({})", bytes.len() * 8),
            );
            return Some(());
        }
        code::STRING => format!("BINARY({})", bytes.len()),
        code::VAR_STRING => format!("VARBINARY({})", bytes.len()),
        code::TINY_BLOB => "TINYBLOB".to_owned(),
        code::BLOB => "BLOB".to_owned(),
        code::MEDIUM_BLOB => "MEDIUMBLOB".to_owned(),
        code::LONG_BLOB => "LONGBLOB".to_owned(),
        _ => return None,
    };
    let from = [b"JSON_EXTRACT(JSON_ARRAY(", &literal[..], b"),_utf8mb4'$[0]')"].concat();
    push_column(sql, &from, &type_name);
    Some(())
}

/// The only columns that an expression can make (manual, "JSON_TABLE"): put into JSON, a
/// value keeps the type of its column.
fn push_column(sql: &mut Vec<u8>, from: &[u8], type_name: &str) {
    sql.extend_from_slice(b"(SELECT JSON_EXTRACT(JSON_ARRAY(c),_utf8mb4'$[0]') FROM JSON_TABLE(");
    sql.extend_from_slice(from);
    let columns = format!(",_utf8mb4'$' COLUMNS(c {type_name} PATH _utf8mb4'$' ERROR ON ERROR)) t)");
    sql.extend_from_slice(columns.as_bytes());
}

fn push_number(sql: &mut Vec<u8>, number: &[u8]) {
    if !is_decimal(number) {
        return push_cast(sql, number);
    }
    // An exact number in SQL is a decimal with just these digits.
    sql.extend_from_slice(b"CAST(");
    sql.extend_from_slice(number);
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    let scale = number.iter().rev().position(|byte| *byte == b'.').unwrap_or(0);
    sql.extend_from_slice(format!(" AS DECIMAL({},{scale}))", digits.max(scale)).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut sql = Vec::new();
        push_json(&mut sql, text.as_bytes()).expect("writes");
        assert_eq!(String::from_utf8_lossy(&sql), expected);
    }

    #[test]
    fn what_a_double_prints_stays_text() {
        for text in [
            "{}",
            r#"{"a": 1.5, "b": [1.0, -2e-7, 18446744073709551615, null]}"#,
            r#""0.2500""#,
            r#"{"0.50": "1.10"}"#,
            "0.1",
            "123456789.125",
            "1.7976931348623157e308",
        ] {
            check(text, &format!("_utf8mb4'{text}'"));
        }
    }

    #[test]
    fn decimals_are_built_anew() {
        check(
            "0.2500",
            "JSON_EXTRACT(JSON_ARRAY(CAST(0.2500 AS DECIMAL(5,4))),_utf8mb4'$[0]')",
        );
        check(
            "123456789012345678901",
            "JSON_EXTRACT(JSON_ARRAY(CAST(123456789012345678901 AS DECIMAL(21,0))),_utf8mb4'$[0]')",
        );
        check(
            r#"{"a\"": [1, 0.10], "b": "x"}"#,
            "JSON_OBJECT(JSON_UNQUOTE(CAST(_utf8mb4'\"a\\\\\"\"' AS JSON)),JSON_ARRAY(CAST(_utf8mb4'1' AS JSON),\
             CAST(0.10 AS DECIMAL(3,2))),JSON_UNQUOTE(CAST(_utf8mb4'\"b\"' AS JSON)),CAST(_utf8mb4'\"x\"' AS JSON))",
        );
        check(
            "[0.1000000000000000055]",
            "JSON_ARRAY(CAST(0.1000000000000000055 AS DECIMAL(20,19)))",
        );
        check(
            "\t\"2020-01-02\"",
            "JSON_EXTRACT(JSON_ARRAY(CAST('2020-01-02' AS DATE)),_utf8mb4'$[0]')",
        );
        check("[\t\t\t\t\t\t7]", "JSON_ARRAY(CAST(7 AS UNSIGNED))");
        check(
            "[\t\t\"-10:00:00.000000\", \t\t\t\t\t\"base64:type15:yv4n\"]",
            "JSON_ARRAY(CAST('-10:00:00.000000' AS TIME(6)),_binary'\u{fffd}\u{fffd}\\'')",
        );
        check(
            "[\t\t\t\t\t\"base64:type249:YQ==\"]",
            "JSON_ARRAY((SELECT JSON_EXTRACT(JSON_ARRAY(c),_utf8mb4'$[0]') FROM JSON_TABLE(JSON_EXTRACT(JSON_ARRAY(_binary'a'),\
             _utf8mb4'$[0]'),_utf8mb4'$' COLUMNS(c TINYBLOB PATH _utf8mb4'$' ERROR ON ERROR)) t))",
        );
        let hostile = [
            "[\t\"2020' OR 1\"]",
            "[\t\t\t\t\t\"base64:type15:?\"]",
            "[\t\t\t\t\t\"base64:type3:YQ==\"]",
        ];
        for text in hostile {
            assert!(push_json(&mut Vec::new(), text.as_bytes()).is_err(), "{text}");
        }
        for text in ["[0.10", "[0.10,", "{0.10: 1}", "[0.10] x", r#"["a, 0.10"#] {
            let mut sql = Vec::new();
            let _ = push_json(&mut sql, text.as_bytes());
        }
    }
}
