//! Whose rights an object runs with on the target.
//!
//! A definer is kept where the account is there. An account that can't be looked up is
//! taken as missing: an object whose definer does not exist fails when it is used.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_model::Result;

use crate::ddl::quoted;
use crate::failure::{code_of, failed};

/// ER_SPECIFIC_ACCESS_DENIED_ERROR, ER_NO_SUCH_USER.
const REFUSED: [u16; 2] = [1227, 1449];

#[derive(Debug, Default)]
pub(crate) struct Definers {
    /// Accounts in the servers' spelling, `user`@`host`.
    there: BTreeSet<String>,
    own: String,
}

impl Definers {
    pub(crate) async fn read(conn: &mut Conn) -> Result<Definers> {
        let own: Option<String> = conn
            .query_first("SELECT CURRENT_USER()")
            .await
            .map_err(failed("asking for our account"))?;
        let own = own.unwrap_or_default();
        let (user, host) = own.rsplit_once('@').unwrap_or((&own, "%"));
        let sql = "SELECT CONVERT(User USING utf8mb4), CONVERT(Host USING utf8mb4) FROM mysql.user";
        let there: Vec<(String, String)> = match conn.query(sql).await {
            Ok(there) => there,
            Err(mysql_async::Error::Server(_)) => Vec::new(),
            Err(error) => return Err(failed("looking for the definers of objects")(error)),
        };
        Ok(Definers {
            own: account(user, host),
            there: there.iter().map(|(user, host)| account(user, host)).collect(),
        })
    }

    pub(crate) fn has(&self, definer: &str) -> bool {
        definer == self.own || self.there.contains(definer)
    }

    /// The account to be written behind DEFINER=; None: it can't stay.
    pub(crate) fn clause(&self, definer: &str) -> Option<String> {
        self.has(definer).then(|| definer.to_owned())
    }

    /// Did the server refuse to give objects to that account?
    pub(crate) fn refuses(error: &mysql_async::Error) -> bool {
        code_of(error).is_some_and(|code| REFUSED.contains(&code))
    }
}

/// As SHOW CREATE spells it.
pub(crate) fn account(user: &str, host: &str) -> String {
    format!("{}@{}", quoted(user), quoted(host))
}
