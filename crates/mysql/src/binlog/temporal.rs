//! DATE, TIME2, DATETIME2 and TIMESTAMP2 to canonical text.
//!
//! Source: the MySQL server's `my_time.cc`, packed forms. Numbers stand highest
//! byte first, moved up by half their range. Zero and partial dates stay as they
//! are; timestamps are in UTC.

use bytes::Bytes;
use tidegate_model::{Error, Result};

use super::cursor::Cursor;

/// Fraction digits to bytes, in hundredths, ten thousandths, millionths.
fn fraction_bytes(fsp: u8) -> Result<usize> {
    if fsp > 6 {
        return Err(Error::unknown(format!("a time with {fsp} digits of fraction")));
    }
    Ok(usize::from(fsp.div_ceil(2)))
}

/// `micros` to `.` and the column's digits; nothing for none.
fn fraction_text(micros: u64, fsp: u8) -> String {
    let all = format!(".{micros:06}");
    let shown = if fsp == 0 { 0 } else { usize::from(fsp) + 1 };
    all.get(..shown).unwrap_or_default().to_owned()
}

fn read_micros(cursor: &mut Cursor, fsp: u8) -> Result<u64> {
    let length = fraction_bytes(fsp)?;
    let unit = [0, 10_000, 100, 1].get(length).copied().unwrap_or(1);
    let micros = cursor.big(length, "a time's fraction")?.saturating_mul(unit);
    if micros > 999_999 {
        return Err(Error::unknown("a time's fraction is a second or more"));
    }
    Ok(micros)
}

/// DATE: three bytes, lowest first: 5 bits day, 4 bits month, the rest year.
pub fn read_date(cursor: &mut Cursor) -> Result<Bytes> {
    let packed = cursor.little(3, "a date")?;
    let (day, month, year) = (packed & 31, packed >> 5 & 15, packed >> 9);
    Ok(Bytes::from(format!("{year:04}-{month:02}-{day:02}")))
}

/// DATETIME(fsp): 5 bytes and the fraction.
pub fn read_datetime(cursor: &mut Cursor, fsp: u8) -> Result<Bytes> {
    let packed = cursor.big(5, "a datetime")?;
    let micros = read_micros(cursor, fsp)?;
    let packed = packed
        .checked_sub(0x80_0000_0000)
        .ok_or_else(|| Error::unknown("a datetime below the year 0"))?;
    let (date, time) = (packed >> 17, packed & 0x1_FFFF);
    let (day, months) = (date & 31, date >> 5);
    let (year, month) = (months / 13, months % 13);
    let (hour, minute, second) = (time >> 12, time >> 6 & 63, time & 63);
    let fraction = fraction_text(micros, fsp);
    let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}");
    Ok(Bytes::from(text))
}

/// TIMESTAMP(fsp): Unix seconds in 4 bytes and the fraction. 0 is the zero date.
pub fn read_timestamp(cursor: &mut Cursor, fsp: u8) -> Result<Bytes> {
    let seconds = cursor.big(4, "a timestamp")?;
    let micros = read_micros(cursor, fsp)?;
    let fraction = fraction_text(micros, fsp);
    if seconds == 0 && micros == 0 {
        return Ok(Bytes::from(format!("0000-00-00 00:00:00{fraction}")));
    }
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}");
    Ok(Bytes::from(text))
}

/// Days since 1970 to a date of the Gregorian calendar, in eras of 400 years that
/// begin in March, so that the leap day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// TIME(fsp): 3 bytes and the fraction, as one number that is moved up by half its range.
pub fn read_time(cursor: &mut Cursor, fsp: u8) -> Result<Bytes> {
    let length = fraction_bytes(fsp)?;
    let packed = cursor.big(3 + length, "a time")?;
    let bits = 8 * length;
    let middle = 0x80_0000_u64 << bits;
    let (negative, size) = (packed < middle, packed.abs_diff(middle));
    let (whole, part) = (size >> bits, size & ((1 << bits) - 1));
    let unit = [0, 10_000, 100, 1].get(length).copied().unwrap_or(1);
    let micros = part * unit;
    if micros > 999_999 {
        return Err(Error::unknown("a time's fraction is a second or more"));
    }
    let (hour, minute, second) = (whole >> 12, whole >> 6 & 63, whole & 63);
    let sign = if negative { "-" } else { "" };
    let fraction = fraction_text(micros, fsp);
    Ok(Bytes::from(format!(
        "{sign}{hour:02}:{minute:02}:{second:02}{fraction}"
    )))
}

/// A time as JSON values hold it: one signed number, the fraction in its lower 24 bits.
/// Printed with six digits of fraction, as the server does.
pub fn from_packed(packed: i64, code: u8) -> Result<String> {
    let (negative, size) = (packed < 0, packed.unsigned_abs());
    let (whole, micros) = (size >> 24, size & 0xFF_FFFF);
    if micros > 999_999 {
        return Err(Error::unknown("a time's fraction is a second or more"));
    }
    if code == super::table_map::code::TIME {
        let (hour, minute, second) = (whole >> 12 & 0x3FF, whole >> 6 & 63, whole & 63);
        let sign = if negative { "-" } else { "" };
        return Ok(format!("{sign}{hour:02}:{minute:02}:{second:02}.{micros:06}"));
    }
    let (date, time) = (whole >> 17, whole & 0x1_FFFF);
    let (day, months) = (date & 31, date >> 5);
    let date = format!("{:04}-{:02}-{day:02}", months / 13, months % 13);
    if code == super::table_map::code::DATE {
        return Ok(date);
    }
    let (hour, minute, second) = (time >> 12, time >> 6 & 63, time & 63);
    Ok(format!("{date} {hour:02}:{minute:02}:{second:02}.{micros:06}"))
}

/// TIME of servers before 5.6.4: three bytes that print as a number `hhmmss`.
pub fn read_old_time(cursor: &mut Cursor) -> Result<Bytes> {
    let packed = cursor.little(3, "a time")?;
    let packed = (packed as i32) << 8 >> 8;
    let (sign, size) = if packed < 0 {
        ("-", packed.unsigned_abs())
    } else {
        ("", packed.unsigned_abs())
    };
    let (hour, minute, second) = (size / 10_000, size / 100 % 100, size % 100);
    Ok(Bytes::from(format!("{sign}{hour:02}:{minute:02}:{second:02}")))
}

/// DATETIME of servers before 5.6.4: eight bytes that print as `YYYYMMDDhhmmss`.
pub fn read_old_datetime(cursor: &mut Cursor) -> Result<Bytes> {
    let packed = cursor.little(8, "a datetime")?;
    let (date, time) = (packed / 1_000_000, packed % 1_000_000);
    Ok(Bytes::from(format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        date / 10_000,
        date / 100 % 100,
        date % 100,
        time / 10_000,
        time / 100 % 100,
        time % 100
    )))
}

/// TIMESTAMP of servers before 5.6.4: Unix seconds, lowest byte first.
pub fn read_old_timestamp(cursor: &mut Cursor) -> Result<Bytes> {
    let seconds = cursor.little(4, "a timestamp")? as u32;
    read_timestamp(
        &mut Cursor::new(Bytes::copy_from_slice(&seconds.to_be_bytes())),
        0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = fn(&mut Cursor, u8) -> Result<Bytes>;

    fn check(read: Read, bytes: &[u8], fsp: u8, expected: &str) {
        let mut cursor = Cursor::new(Bytes::copy_from_slice(bytes));
        assert_eq!(read(&mut cursor, fsp).expect("reads"), expected);
        assert_eq!(cursor.remaining(), 0, "{expected}");
        for short in 0..bytes.len() {
            let mut cursor = Cursor::new(Bytes::copy_from_slice(bytes.get(..short).unwrap_or_default()));
            assert!(read(&mut cursor, fsp).is_err(), "{short} bytes of {expected}");
        }
    }

    /// Packs as the server's source states, apart from the reading code.
    fn datetime(year: u64, month: u64, day: u64, time: (u64, u64, u64)) -> Vec<u8> {
        let date = (year * 13 + month) << 5 | day;
        let packed = date << 17 | time.0 << 12 | time.1 << 6 | time.2;
        (packed + 0x80_0000_0000)
            .to_be_bytes()
            .iter()
            .skip(3)
            .copied()
            .collect()
    }

    #[test]
    fn datetimes_zero_and_partial_ones_too() {
        check(
            read_datetime,
            &datetime(9999, 12, 31, (23, 59, 59)),
            0,
            "9999-12-31 23:59:59",
        );
        check(
            read_datetime,
            &datetime(0, 0, 0, (0, 0, 0)),
            0,
            "0000-00-00 00:00:00",
        );
        check(
            read_datetime,
            &datetime(2026, 0, 0, (1, 2, 3)),
            0,
            "2026-00-00 01:02:03",
        );
        let mut fine = datetime(2026, 11, 24, (16, 57, 0));
        fine.extend([0x0F, 0x42, 0x3F]);
        check(read_datetime, &fine, 6, "2026-11-24 16:57:00.999999");
        let mut odd = datetime(2026, 2, 28, (0, 0, 1));
        odd.extend([0x04, 0xCE]);
        check(read_datetime, &odd, 3, "2026-02-28 00:00:01.123");
    }

    #[test]
    fn timestamps_are_in_utc_over_their_whole_range() {
        check(read_timestamp, &0_u32.to_be_bytes(), 0, "0000-00-00 00:00:00");
        check(read_timestamp, &1_u32.to_be_bytes(), 0, "1970-01-01 00:00:01");
        check(
            read_timestamp,
            &951_782_399_u32.to_be_bytes(),
            0,
            "2000-02-28 23:59:59",
        );
        check(
            read_timestamp,
            &951_782_400_u32.to_be_bytes(),
            0,
            "2000-02-29 00:00:00",
        );
        check(
            read_timestamp,
            &2_147_483_647_u32.to_be_bytes(),
            0,
            "2038-01-19 03:14:07",
        );
        check(read_timestamp, &u32::MAX.to_be_bytes(), 0, "2106-02-07 06:28:15");
    }

    #[test]
    fn times_reach_838_hours_both_ways() {
        check(read_time, &[0x80, 0x00, 0x00], 0, "00:00:00");
        check(
            read_time,
            &(0x80_0000_u32 + (838 << 12 | 59 << 6 | 59)).to_be_bytes()[1..],
            0,
            "838:59:59",
        );
        check(
            read_time,
            &(0x80_0000_u32 - (838 << 12 | 59 << 6 | 59)).to_be_bytes()[1..],
            0,
            "-838:59:59",
        );
        // The server's own example: -00:00:00.01 is 7FFFFF FF.
        check(read_time, &[0x7F, 0xFF, 0xFF, 0xFF], 2, "-00:00:00.01");
        check(read_time, &[0x7F, 0xFF, 0xFF, 0x9D], 2, "-00:00:00.99");
        check(read_time, &[0x7F, 0xFF, 0xFE, 0xFF], 2, "-00:00:01.01");
    }

    #[test]
    fn dates() {
        let date = |cursor: &mut Cursor, _| read_date(cursor);
        check(
            date,
            &(2026_u32 << 9 | 11 << 5 | 24).to_le_bytes()[..3],
            0,
            "2026-11-24",
        );
        check(date, &[0, 0, 0], 0, "0000-00-00");
    }

    #[test]
    fn impossible_fractions_are_errors() {
        for (bytes, fsp) in [
            (&[0x80, 0, 0, 0, 0, 100][..], 2),
            (&[0x80, 0, 0, 0, 0], 7),
            (&[0, 0, 0, 0, 0], 0),
        ] {
            assert!(read_datetime(&mut Cursor::new(Bytes::copy_from_slice(bytes)), fsp).is_err());
        }
    }
}
