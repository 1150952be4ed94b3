//! Where in a server's log we are, and how that is written down.
//!
//! The token is JSON: file, offset, and the set of transactions up to there. On
//! resume the set decides where the server has one; file and offset give the order.

use serde::{Deserialize, Serialize};
use tidegate_model::position::Position;
use tidegate_model::{Error, Result};

use crate::gtid::{DomainPositions, GtidSet};

/// The transactions up to a place, as the server's family counts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Executed {
    /// The server assigns no identifiers: file and offset must do.
    None,
    Sets(GtidSet),
    Domains(DomainPositions),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub offset: u64,
    pub executed: Executed,
}

#[derive(Serialize, Deserialize)]
struct Token {
    file: String,
    offset: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gtids: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domains: Option<String>,
}

impl Place {
    pub fn position(&self) -> Result<Position> {
        let (gtids, domains) = match &self.executed {
            Executed::None => (None, None),
            Executed::Sets(set) => (Some(set.to_string()), None),
            Executed::Domains(domains) => (None, Some(domains.to_string())),
        };
        let token = Token {
            file: self.file.clone(),
            offset: self.offset,
            gtids,
            domains,
        };
        let token = serde_json::to_string(&token)
            .map_err(|error| Error::bug("a position does not serialise").caused_by(error))?;
        Ok(Position {
            token,
            order: (file_number(&self.file)?, self.offset),
        })
    }

    pub fn parse(position: &Position) -> Result<Place> {
        let unreadable = || Error::unknown("a stored position of the source's log is not readable");
        let token: Token = serde_json::from_str(&position.token).map_err(|_| unreadable())?;
        let executed = match (&token.gtids, &token.domains) {
            (Some(set), _) => Executed::Sets(GtidSet::parse(set)?),
            (None, Some(domains)) => Executed::Domains(DomainPositions::parse(domains)?),
            (None, None) => Executed::None,
        };
        Ok(Place {
            file: token.file,
            offset: token.offset,
            executed,
        })
    }
}

/// `binlog.000042` to 42. Files of one server are in this order.
pub fn file_number(file: &str) -> Result<u64> {
    let number = file.rsplit_once('.').and_then(|(_, number)| number.parse().ok());
    number.ok_or_else(|| Error::unknown(format!("a log file named `{file}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_being_written_down() {
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        for executed in [
            Executed::None,
            Executed::Sets(GtidSet::parse(&format!("{uuid}:1-5:audit:7")).expect("reads")),
            Executed::Sets(GtidSet::default()),
            Executed::Domains(DomainPositions::parse("0-1-5,3-2-7").expect("reads")),
        ] {
            let place = Place {
                file: "binlog.000012".to_owned(),
                offset: 5_000_000_000,
                executed,
            };
            let position = place.position().expect("writes");
            assert_eq!(position.order, (12, 5_000_000_000));
            assert_eq!(Place::parse(&position).expect("reads"), place);
        }
        assert!(file_number("binlog").is_err());
    }
}
