//! A driver's error to ours: whose turn it is, and what may be said of it.
//!
//! The server's messages can repeat row values (a duplicate key's, a value that
//! does not fit). Of those only the code and the names of key and column pass.
//! Source: MySQL "Server Error Message Reference", MariaDB "Error Codes".

use tidegate_model::{Error, Kind};

/// Messages of these codes hold values of rows or pieces of statements with them.
const WITH_VALUES: [u16; 14] = [
    1062, 1064, 1105, 1210, 1292, 1366, 1367, 1411, 1416, 1525, 1582, 1583, 3140, 3141,
];

/// Turns a driver's error into ours with what was being done.
pub(crate) fn failed(doing: impl Into<String>) -> impl FnOnce(mysql_async::Error) -> Error {
    move |error| {
        let kind = kind_of(&error);
        let error = Error::new(kind, doing).caused_by(said(&error));
        match kind {
            Kind::PositionLost => error.remedy(
                "The source no longer holds the log from this job's position on. Copy anew: stop this job, \
                 empty the target, start a new one; and keep the log longer (binlog_expire_logs_seconds)",
            ),
            _ => error,
        }
    }
}

/// The server's code of an error; None when it is not the server's.
pub(crate) fn code_of(error: &mysql_async::Error) -> Option<u16> {
    match error {
        mysql_async::Error::Server(error) => Some(error.code),
        _ => None,
    }
}

/// The server's words on the text of an object, without the piece of it that they repeat.
pub(crate) fn words(error: &mysql_async::Error) -> String {
    const PARSE_ERROR: u16 = 1064;
    match error {
        mysql_async::Error::Server(error) if error.code == PARSE_ERROR => {
            let message = &error.message;
            let words = message.split_once(" near '").map_or("", |(words, _)| words);
            let line = message.rsplit_once(" at line ").map_or("", |(_, line)| line);
            format!("server error {}: {words}, at line {line}", error.code)
        }
        error => said(error),
    }
}

fn kind_of(error: &mysql_async::Error) -> Kind {
    match error {
        mysql_async::Error::Io(_) => Kind::Retry,
        mysql_async::Error::Driver(mysql_async::DriverError::ConnectionClosed) => Kind::Retry,
        mysql_async::Error::Driver(_) => Kind::Retry,
        mysql_async::Error::Other(_) => Kind::Retry,
        mysql_async::Error::Url(_) => Kind::BadInput,
        mysql_async::Error::Server(error) => kind_of_code(error.code, &error.message),
    }
}

fn kind_of_code(code: u16, message: &str) -> Kind {
    match code {
        // Busy or going away: too many connections, shutdown, lock wait, deadlock, killed,
        // network errors, a session that was timed out, a query that was interrupted.
        1040
        | 1053
        | 1077
        | 1079
        | 1080
        | 1158..=1161
        | 1203
        | 1205
        | 1213
        | 1226
        | 1317
        | 1927
        | 3169
        | 3572
        | 4031 => Kind::Retry,
        // The log is not there: purged, or never was.
        1236 if is_lost(message) => Kind::PositionLost,
        1236 => Kind::NeedsUser,
        // A key or a check that the target's rows do not keep.
        1022 | 1062 | 1169 | 1451 | 1452 | 1557 | 1586 | 3819 | 4025 => Kind::Conflict,
        _ => Kind::NeedsUser,
    }
}

/// ER_MASTER_FATAL_ERROR_READING_BINLOG has many causes; these mean that events are gone.
fn is_lost(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "purged",
        "could not find first log file name",
        "not in the master",
        "not found in binary log index",
        "could not find gtid state",
        "replicate the missing transactions",
        "client requested source to start replication from impossible position",
        "client requested master to start replication from impossible position",
    ]
    .iter()
    .any(|words| message.contains(words))
}

fn said(error: &mysql_async::Error) -> String {
    let mysql_async::Error::Server(error) = error else {
        return match error {
            // These driver errors print the rows or packets they stumbled over.
            mysql_async::Error::Driver(
                mysql_async::DriverError::FromRow { .. }
                | mysql_async::DriverError::FromValue { .. }
                | mysql_async::DriverError::UnexpectedPacket { .. },
            ) => "the server's answer is not understood".to_owned(),
            error => error.to_string(),
        };
    };
    if !WITH_VALUES.contains(&error.code) {
        return format!("server error {}: {}", error.code, error.message);
    }
    let name_after = |words: &str| {
        let (_, after) = error.message.rsplit_once(words)?;
        let name = after.trim_start().strip_prefix('\'')?.split('\'').next()?;
        Some(format!("{words} {name}"))
    };
    let place = name_after("for key").or_else(|| name_after("for column"));
    format!("server error {} {}", error.code, place.unwrap_or_default())
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16, message: &str) -> mysql_async::Error {
        mysql_async::Error::Server(mysql_async::ServerError {
            code,
            message: message.to_owned(),
            state: "HY000".to_owned(),
        })
    }

    #[test]
    fn row_values_do_not_pass_and_names_do() {
        let check = |code, message: &str, kind, expected: &str| {
            let error = failed("writing")(server(code, message));
            assert_eq!(error.kind(), kind, "{message}");
            assert_eq!(error.to_string(), expected);
        };
        check(
            1062,
            "Duplicate entry 'secret' for key 'shop.t.PRIMARY'",
            Kind::Conflict,
            "writing: server error 1062 for key shop.t.PRIMARY",
        );
        check(
            1366,
            "Incorrect string value: '\\xF0' for column 'name' at row 1",
            Kind::NeedsUser,
            "writing: server error 1366 for column name",
        );
        check(
            1064,
            "You have an error near 'secret'",
            Kind::NeedsUser,
            "writing: server error 1064",
        );
        check(
            1213,
            "Deadlock found",
            Kind::Retry,
            "writing: server error 1213: Deadlock found",
        );
        check(
            1236,
            "Could not find first log file name in binary log index file",
            Kind::PositionLost,
            "writing: server error 1236: Could not find first log file name in binary log index file",
        );
    }
}
