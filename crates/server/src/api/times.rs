//! Times as the wire API writes them: `yyyy-mm-dd hh:mm:ss` in UTC+8, or RFC
//! 3339 where the caller asked for it by `DateTimeISOFormat`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use tidegate_rpc::ApiError;

/// The published form of a time that is not.
const NEVER: &str = "0000-00-00 00:00:00";
const FORM: &str = "%Y-%m-%d %H:%M:%S";

fn zone() -> Offset {
    jiff::tz::offset(8)
}

pub(super) fn show(at_ms: Option<u64>, iso: bool) -> String {
    let time = at_ms
        .and_then(|ms| i64::try_from(ms).ok())
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    match time {
        None if iso => String::new(),
        None => NEVER.to_owned(),
        Some(time) if iso => zone()
            .to_datetime(time)
            .strftime("%Y-%m-%dT%H:%M:%S+08:00")
            .to_string(),
        Some(time) => zone().to_datetime(time).strftime(FORM).to_string(),
    }
}

/// Unix milliseconds of a time in either form.
pub(super) fn read(name: &str, text: &str) -> Result<u64, ApiError> {
    let local = DateTime::strptime(FORM, text)
        .ok()
        .and_then(|time| zone().to_timestamp(time).ok());
    let time = local.or_else(|| text.parse::<Timestamp>().ok());
    time.and_then(|time| u64::try_from(time.as_millisecond()).ok())
        .ok_or_else(|| {
            ApiError::bad_value(format!(
                "`{name}` must be a time, `yyyy-mm-dd hh:mm:ss` in UTC+8 or RFC 3339"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_written_and_read() {
        let at = 1_795_491_894_000;
        assert_eq!(show(Some(at), false), "2026-11-24 11:44:54");
        assert_eq!(show(Some(at), true), "2026-11-24T11:44:54+08:00");
        assert_eq!(show(None, false), NEVER);
        for text in [
            "2026-11-24 11:44:54",
            "2026-11-24T11:44:54+08:00",
            "2026-11-24T03:44:54Z",
        ] {
            assert_eq!(read("T", text).expect("reads"), at, "{text}");
        }
        for text in ["", "tomorrow", NEVER, "2026-13-01 00:00:00"] {
            assert!(read("T", text).is_err(), "{text}");
        }
    }
}
