//! One error type for the whole data path: a kind that says who must act, what
//! we were doing, and the chain of causes.
//!
//! Messages never hold row values or secrets. `Kind` decides retry, and maps to
//! the wire API's error codes in `rpc`.

use std::error::Error as StdError;
use std::fmt;

/// Who must act on an error, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A connection was cut, refused or timed out: the same step may succeed later.
    Retry,
    /// Refused for a reason that the user must remove (rights, settings, objects).
    NeedsUser,
    /// The source no longer holds the log from our position on.
    PositionLost,
    /// Source and target disagree: an update or delete met an unexpected number of rows.
    Conflict,
    /// Something in the stream or the catalog that we do not understand.
    Unknown,
    /// Asked for a thing in a state that does not allow it.
    WrongState,
    /// The thing named does not exist.
    NotFound,
    /// The request is malformed or holds a bad value.
    BadInput,
    /// The run was asked to stop.
    Stopped,
    /// Our own fault.
    Bug,
}

impl Kind {
    /// True where trying the same step again, unchanged, can succeed.
    pub fn is_retryable(self) -> bool {
        matches!(self, Kind::Retry)
    }
}

/// An error with its kind, what was tried, the remedy and the cause.
pub struct Error {
    kind: Kind,
    what: String,
    remedy: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// `what` says what failed and where, without row values or secrets.
    pub fn new(kind: Kind, what: impl Into<String>) -> Error {
        Error {
            kind,
            what: what.into(),
            remedy: None,
            source: None,
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Error {
        self.remedy = Some(remedy.into());
        self
    }

    /// The error below this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.source = Some(source.into());
        self
    }

    /// The same error with what we were doing put before it; the kind stays.
    #[must_use]
    pub fn context(self, doing: impl Into<String>) -> Error {
        let kind = self.kind;
        let remedy = self.remedy.clone();
        Error {
            kind,
            what: doing.into(),
            remedy,
            source: Some(Box::new(self)),
        }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn what(&self) -> &str {
        &self.what
    }

    pub fn remedy_text(&self) -> Option<&str> {
        self.remedy.as_deref()
    }

    pub fn bug(what: impl Into<String>) -> Error {
        Error::new(Kind::Bug, what)
    }

    pub fn retry(what: impl Into<String>) -> Error {
        Error::new(Kind::Retry, what)
    }

    pub fn needs_user(what: impl Into<String>) -> Error {
        Error::new(Kind::NeedsUser, what)
    }

    pub fn unknown(what: impl Into<String>) -> Error {
        Error::new(Kind::Unknown, what)
    }

    pub fn bad_input(what: impl Into<String>) -> Error {
        Error::new(Kind::BadInput, what)
    }

    pub fn stopped() -> Error {
        Error::new(Kind::Stopped, "the run was asked to stop")
    }
}

impl fmt::Display for Error {
    /// The whole chain on one line, outermost first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

impl StdError for Error {
    // The chain is part of Display already; giving it again here would make
    // error printers repeat it.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_keeps_kind_and_remedy_and_prints_the_chain() {
        let error = Error::needs_user("no SELECT on shop")
            .remedy("GRANT SELECT")
            .context("reading tables");
        assert_eq!(error.kind(), Kind::NeedsUser);
        assert_eq!(error.remedy_text(), Some("GRANT SELECT"));
        assert_eq!(error.to_string(), "reading tables: no SELECT on shop");
    }
}
