//! Times for people: UTC, to the second, in a form that sorts.
//!
//! The JSON output has the milliseconds instead.

pub(crate) fn shown(unix_ms: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_millisecond(unix_ms) else {
        return unix_ms.to_string();
    };
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn times() {
        assert_eq!(super::shown(1_700_000_000_999), "2023-11-14 22:13:20Z");
        assert_eq!(super::shown(i64::MAX), i64::MAX.to_string());
    }
}
