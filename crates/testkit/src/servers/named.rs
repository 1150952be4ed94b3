//! Servers that someone already runs, named by URL in an environment variable:
//! `TIDEGATE_TEST_MYSQL_97="mysql://root:pw@127.0.0.1:3306 mysql://…"`.
//!
//! Several may be named, separated by blanks, for a test has a source and a
//! target. Each stands in for one `DbServer` at a time; when all are taken, the
//! testkit starts servers of its own again. Only tests of one process are told
//! apart: run no two test binaries on the same URL.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};

static TAKEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What a URL says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) port: u16,
}

/// The first URL of the variable that is not taken; it is taken now.
pub(crate) fn take(variable: &str) -> anyhow::Result<Option<String>> {
    let urls = std::env::var(variable).unwrap_or_default();
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let free = urls
        .split_whitespace()
        .find(|url| !taken.contains(*url))
        .map(str::to_string);
    if let Some(url) = &free {
        parse(url).with_context(|| format!("{variable} holds a bad URL"))?;
        taken.insert(url.clone());
    }
    Ok(free)
}

pub(crate) fn give_back(url: &str) {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(url);
}

/// `scheme://user[:password]@host[:port][/]`. The error does not hold the URL,
/// for it may hold a password.
pub(crate) fn parse(url: &str) -> anyhow::Result<Parts> {
    let shape = "written as mysql://user:password@host:port";
    let rest = url
        .strip_prefix("mysql://")
        .or_else(|| url.strip_prefix("mariadb://"))
        .context(shape)?;
    let (login, address) = rest.rsplit_once('@').context(shape)?;
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let address = address.trim_end_matches('/');
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "3306"));
    if host != "127.0.0.1" {
        bail!("tests speak to servers on 127.0.0.1 alone");
    }
    Ok(Parts {
        user: user.to_string(),
        password: password.to_string(),
        port: port.parse().context("the port is not a number")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let parts = |user: &str, password: &str, port| Parts {
            user: user.into(),
            password: password.into(),
            port,
        };
        assert_eq!(
            parse("mysql://root:p@w:x@127.0.0.1:3307/").unwrap(),
            parts("root", "p@w:x", 3307)
        );
        assert_eq!(parse("mariadb://me@127.0.0.1").unwrap(), parts("me", "", 3306));
        assert!(parse("mysql://me@elsewhere").is_err());
        assert!(parse("postgres://me@db").is_err());
    }
}
