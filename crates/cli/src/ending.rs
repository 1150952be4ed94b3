//! How a command ends: its exit code, and what stderr says of an error.
//!
//! The three codes are a promise to scripts. An error is told in three lines:
//! what failed, why, what to do about it.

use std::process::ExitCode;

use tidegate_model::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done as asked; where two sides were compared, they are equal.
    Done,
    /// The two sides differ, or the job failed.
    Failed,
    /// Nothing was moved, or the command was left before the end.
    CouldNotRun,
}

impl Ending {
    pub(crate) fn code(self) -> u8 {
        match self {
            Ending::Done => 0,
            Ending::Failed => 1,
            Ending::CouldNotRun => 2,
        }
    }
}

pub(crate) fn report(done: Result<Ending>) -> ExitCode {
    let ending = done.unwrap_or_else(|error| {
        eprintln!("{}", told(&error));
        Ending::CouldNotRun
    });
    ExitCode::from(ending.code())
}

/// What, why and what to do, each on its own line.
pub(crate) fn told(error: &Error) -> String {
    let whole = error.to_string();
    let mut text = format!("error: {}", error.what());
    let why = whole
        .strip_prefix(error.what())
        .and_then(|rest| rest.strip_prefix(": "));
    if let Some(why) = why {
        text.push_str(&format!("\n  why: {why}"));
    }
    if let Some(remedy) = error.remedy_text() {
        text.push_str(&format!("\n  do:  {remedy}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_promised_ones() {
        assert_eq!(
            [Ending::Done, Ending::Failed, Ending::CouldNotRun].map(Ending::code),
            [0, 1, 2]
        );
    }

    #[test]
    fn an_error_is_told_in_three_lines() {
        let error = Error::retry("cannot reach the server")
            .caused_by(Error::retry("connection refused"))
            .remedy("start it");
        assert_eq!(
            told(&error),
            "error: cannot reach the server\n  why: connection refused\n  do:  start it"
        );
        assert_eq!(told(&Error::bug("odd")), "error: odd");
    }
}
