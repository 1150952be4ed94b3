//! JSON text as SQL that gives the same value back, numbers of type DECIMAL included.
//!
//! The server reads every number with a point as a double, while SQL can put exact
//! decimals into JSON, which print as `0.2500`. A text that a double would not print so
//! is built anew by JSON_OBJECT and JSON_ARRAY around a CAST (manual, "The JSON Data
//! Type"). What prints like a double is taken for one; dates inside JSON are strings.

use tidegate_model::{Error, Result};

/// Deeper values than the server's own limit never come from it.
const DEPTH_MAX: u32 = 101;

/// Appends a literal or expression of type JSON for `text`, which a server has printed.
pub(crate) fn push_json(sql: &mut Vec<u8>, text: &[u8]) -> Result<()> {
    if !holds_decimal(text) {
        push_text(sql, text);
        return Ok(());
    }
    let mut reader = Reader { text, at: 0 };
    let mut built = Vec::with_capacity(text.len() * 2);
    reader.value(&mut built, DEPTH_MAX).ok_or_else(unreadable)?;
    reader.blank();
    if reader.at != text.len() {
        return Err(unreadable());
    }
    sql.extend_from_slice(&built);
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
    let mut reader = Reader { text, at: 0 };
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

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: u8) -> bool {
        self.blank();
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return self.text.get(start..self.at);
                }
                _ => self.at += 1,
            }
        }
    }

    fn number(&mut self) -> &'a [u8] {
        let start = self.at;
        let is_part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        while self.peek().is_some_and(is_part) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn value(&mut self, sql: &mut Vec<u8>, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.blank();
        match self.peek()? {
            b'{' => self.members(sql, (b"JSON_OBJECT(", b'}'), depth),
            b'[' => self.members(sql, (b"JSON_ARRAY(", b']'), depth),
            b'-' | b'0'..=b'9' => {
                push_number(sql, self.number());
                Some(())
            }
            first => {
                let start = self.at;
                if first == b'"' {
                    self.string()?;
                } else {
                    while self.peek().is_some_and(|byte| byte.is_ascii_lowercase()) {
                        self.at += 1;
                    }
                }
                push_cast(
                    sql,
                    self.text.get(start..self.at).filter(|text| !text.is_empty())?,
                );
                Some(())
            }
        }
    }

    fn members(&mut self, sql: &mut Vec<u8>, (call, end): (&[u8], u8), depth: u32) -> Option<()> {
        self.at += 1;
        sql.extend_from_slice(call);
        let mut first = true;
        while !self.take(end) {
            if !first {
                self.take(b',').then_some(())?;
                sql.push(b',');
            }
            first = false;
            if end == b'}' {
                self.blank();
                (self.peek()? == b'"').then_some(())?;
                // A key's escapes are JSON's own: the server undoes them.
                sql.extend_from_slice(b"JSON_UNQUOTE(");
                push_cast(sql, self.string()?);
                sql.extend_from_slice(b"),");
                self.take(b':').then_some(())?;
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
        check("0.2500", "CAST(0.2500 AS DECIMAL(5,4))");
        check(
            "123456789012345678901",
            "CAST(123456789012345678901 AS DECIMAL(21,0))",
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
        for text in ["[0.10", "[0.10,", "{0.10: 1}", "[0.10] x", r#"["a, 0.10"#] {
            let mut sql = Vec::new();
            let _ = push_json(&mut sql, text.as_bytes());
        }
    }
}
