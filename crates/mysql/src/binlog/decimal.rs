//! NEWDECIMAL: nine digits to four bytes, the sign in the first bit.
//!
//! Source: the MySQL server's `decimal2bin` comment. Whole groups stand next to
//! the point; the groups at both ends may be shorter and take fewer bytes. A
//! negative number has all bits turned.

use bytes::Bytes;
use tidegate_model::{Error, Result};

use super::cursor::Cursor;

const GROUP: usize = 9;
/// Bytes of a group of 0 to 9 digits.
const GROUP_BYTES: [usize; GROUP + 1] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
const FORM: &str = "a decimal";

/// Reads one value of DECIMAL(precision, scale) as canonical text: no leading
/// zeros but one before the point, all digits of the scale, `-` when below zero.
pub fn read(cursor: &mut Cursor, precision: u8, scale: u8) -> Result<Bytes> {
    let (precision, scale) = (usize::from(precision), usize::from(scale));
    let whole = precision
        .checked_sub(scale)
        .filter(|_| precision <= 65 && scale <= 30);
    let whole = whole.ok_or_else(|| Error::unknown(format!("a column DECIMAL({precision},{scale})")))?;
    let groups = groups(whole, scale);
    let length = groups.iter().filter_map(|digits| GROUP_BYTES.get(*digits)).sum();
    let mut bytes = cursor.take(length, FORM)?.to_vec();
    let first = bytes
        .first_mut()
        .ok_or_else(|| Error::unknown("a decimal without digits"))?;
    let negative = *first & 0x80 == 0;
    *first ^= 0x80;
    if negative {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let digits = digits(&groups, bytes)?;
    Ok(Bytes::from(text(&digits, whole, negative)))
}

fn groups(whole: usize, scale: usize) -> Vec<usize> {
    let mut groups = vec![whole % GROUP];
    groups.resize(1 + whole / GROUP + scale / GROUP, GROUP);
    groups.push(scale % GROUP);
    groups.retain(|digits| *digits > 0);
    groups
}

fn digits(groups: &[usize], bytes: Vec<u8>) -> Result<String> {
    let mut packed = Cursor::new(Bytes::from(bytes));
    let mut digits = String::with_capacity(65);
    for &wanted in groups {
        let number = packed.big(GROUP_BYTES.get(wanted).copied().unwrap_or(0), FORM)?;
        let group = format!("{number:0wanted$}");
        if group.len() > wanted {
            return Err(Error::unknown("a decimal's group holds more digits than it may"));
        }
        digits.push_str(&group);
    }
    Ok(digits)
}

fn text(digits: &str, whole: usize, negative: bool) -> String {
    let (before, after) = digits.split_at_checked(whole).unwrap_or((digits, ""));
    let before = before.trim_start_matches('0');
    let before = if before.is_empty() { "0" } else { before };
    let sign = if negative { "-" } else { "" };
    let point = if after.is_empty() { "" } else { "." };
    format!("{sign}{before}{point}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &'static [u8], precision: u8, scale: u8, expected: &str) {
        let mut cursor = Cursor::new(Bytes::from_static(bytes));
        assert_eq!(read(&mut cursor, precision, scale).expect("reads"), expected);
        assert_eq!(cursor.remaining(), 0, "{expected}");
    }

    #[test]
    fn the_servers_own_examples() {
        let bytes = &[0x81, 0x0D, 0xFB, 0x38, 0xD2, 0x04, 0xD2];
        check(bytes, 14, 4, "1234567890.1234");
        check(
            &[0x7E, 0xF2, 0x04, 0xC7, 0x2D, 0xFB, 0x2D],
            14,
            4,
            "-1234567890.1234",
        );
    }

    #[test]
    fn zeros_fractions_and_whole_groups() {
        check(&[0x80], 1, 0, "0");
        check(&[0x80, 0x00], 3, 2, "0.00");
        check(&[0x80, 0x05], 3, 2, "0.05");
        check(&[0x7F, 0xFA], 3, 2, "-0.05");
        check(&[0xBB, 0x9A, 0xC9, 0xFF], 9, 0, "999999999");
        check(&[0x80, 0x00, 0x00, 0x07], 9, 9, "0.000000007");
    }

    #[test]
    fn short_or_impossible_bytes_are_errors() {
        for (bytes, precision, scale) in [
            (&[0x80_u8][..], 3, 2),
            (&[], 1, 0),
            (&[0x80], 0, 0),
            (&[0x80], 2, 3),
            (&[0x80], 66, 0),
            (&[0xFF], 1, 0),
        ] {
            let mut cursor = Cursor::new(Bytes::copy_from_slice(bytes));
            assert!(
                read(&mut cursor, precision, scale).is_err(),
                "{precision},{scale}"
            );
        }
    }
}
