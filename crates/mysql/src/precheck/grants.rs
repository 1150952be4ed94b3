//! What our account may do, from SHOW GRANTS, and the GRANT that adds what is missing.
//!
//! SHOW GRANTS without FOR shows the roles that are active in this session too: just
//! what our sessions will have. Source: MySQL "SHOW GRANTS Statement", "Privileges
//! Provided by MySQL"; MariaDB "GRANT". Partial revokes are counted.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_model::Result;

use crate::ddl::{Kind, Mode, Token, quoted, tokens};
use crate::failure::failed;

/// Other names of privileges, on newer versions or the other flavour.
const SAME: [(&str, &str); 3] = [
    ("REPLICATION CLIENT", "BINLOG MONITOR"),
    ("REPLICATION SLAVE", "REPLICATION REPLICA"),
    ("SLAVE MONITOR", "REPLICA MONITOR"),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Global,
    /// A pattern: `%` and `_` stand for any characters unless escaped.
    Schema(String),
    Table(String, String),
}

#[derive(Debug, Default)]
pub(super) struct Grants {
    /// `user`@`host`, quoted.
    account: String,
    given: Vec<(Level, BTreeSet<String>)>,
    revoked: Vec<(String, BTreeSet<String>)>,
    /// Its rights everywhere may be given to others.
    may_grant: bool,
}

impl Grants {
    pub(super) async fn read(conn: &mut Conn) -> Result<Grants> {
        let lines: Vec<String> = conn
            .query("SHOW GRANTS")
            .await
            .map_err(failed("reading our account's grants"))?;
        let account: Option<String> = conn
            .query_first("SELECT CURRENT_USER()")
            .await
            .map_err(failed("asking for our account"))?;
        let account = account.unwrap_or_default();
        let (user, host) = account.rsplit_once('@').unwrap_or((&account, "%"));
        let mut grants = Grants {
            account: format!("{}@{}", quoted(user), quoted(host)),
            ..Grants::default()
        };
        for line in &lines {
            grants.add(line)?;
        }
        Ok(grants)
    }

    /// Lines of other forms (roles, PROXY) give nothing by themselves.
    fn add(&mut self, line: &str) -> Result<()> {
        let tokens = tokens(line, Mode::default())?;
        let is = |at: usize, word: &str| matches!(tokens.get(at).map(|token| &token.kind), Some(Kind::Word(have)) if have.eq_ignore_ascii_case(word));
        let Some(on) = (1..tokens.len()).find(|at| is(*at, "ON")) else {
            return Ok(());
        };
        let Some(level) = read_level(tokens.get(on + 1..).unwrap_or_default()) else {
            return Ok(());
        };
        let privileges = read_privileges(line, tokens.get(1..on).unwrap_or_default());
        let last = tokens.len().saturating_sub(2);
        self.may_grant |= level == Level::Global && is(last, "GRANT") && is(last + 1, "OPTION");
        match (is(0, "REVOKE"), level) {
            (false, level) => self.given.push((level, privileges)),
            (true, Level::Schema(schema)) => self.revoked.push((schema, privileges)),
            (true, _) => {}
        }
        Ok(())
    }

    pub(super) fn has_global(&self, privilege: &str) -> bool {
        self.given
            .iter()
            .any(|(level, privileges)| *level == Level::Global && covers(privileges, privilege))
    }

    pub(super) fn may_grant(&self) -> bool {
        self.may_grant
    }

    /// On a whole schema, or on every one of these tables of it.
    pub(super) fn has(&self, privilege: &str, schema: &str, tables: &[&str]) -> bool {
        let revoked = self
            .revoked
            .iter()
            .any(|(name, privileges)| name == schema && covers(privileges, privilege));
        let on_schema = self.given.iter().any(|(level, privileges)| {
            let reaches = match level {
                Level::Global => !revoked,
                Level::Schema(pattern) => matches(pattern, schema),
                Level::Table(..) => false,
            };
            reaches && covers(privileges, privilege)
        });
        let on_table = |table: &str| {
            self.given.iter().any(|(level, privileges)| {
                matches!(level, Level::Table(of, name) if of == schema && name == table)
                    && covers(privileges, privilege)
            })
        };
        on_schema || (!tables.is_empty() && tables.iter().all(|table| on_table(table)))
    }

    /// The statement that gives the privileges; `on` is `*.*` or a quoted schema's `.*`.
    pub(super) fn remedy(&self, privileges: &[&str], on: &str) -> String {
        format!("GRANT {} ON {on} TO {}", privileges.join(", "), self.account)
    }

    /// What a finding says that it looked at.
    pub(super) fn looked_at(&self, what: &str) -> String {
        format!("grants of {}: {what}", self.account)
    }
}

fn covers(privileges: &BTreeSet<String>, wanted: &str) -> bool {
    let has = |name: &str| privileges.contains(name);
    has(wanted)
        || has("ALL")
        || has("ALL PRIVILEGES")
        || SAME.iter().any(|(name, other)| *name == wanted && has(other))
}

/// `*.*`, `db`.*, `db`.`table`. None for what is not about tables.
fn read_level(tokens: &[Token]) -> Option<Level> {
    let [first, dot, second, ..] = tokens else {
        return None;
    };
    if dot.kind != Kind::Symbol(b'.') {
        return None;
    }
    let name = |token: &Token| match &token.kind {
        Kind::Quoted(name) | Kind::Word(name) => Some(name.clone()),
        _ => None,
    };
    match (&first.kind, &second.kind) {
        (Kind::Symbol(b'*'), Kind::Symbol(b'*')) => Some(Level::Global),
        (_, Kind::Symbol(b'*')) => Some(Level::Schema(name(first)?)),
        _ => Some(Level::Table(name(first)?, name(second)?)),
    }
}

/// Names between commas. A privilege on some columns only is left out.
fn read_privileges(line: &str, tokens: &[Token]) -> BTreeSet<String> {
    let mut privileges = BTreeSet::new();
    for part in tokens.split(|token| token.kind == Kind::Symbol(b',')) {
        let (Some(first), Some(last)) = (part.first(), part.last()) else {
            continue;
        };
        if part.iter().any(|token| matches!(token.kind, Kind::Symbol(_))) {
            continue;
        }
        let name = line.get(first.at.start..last.at.end).unwrap_or_default();
        privileges.insert(name.to_ascii_uppercase());
    }
    privileges
}

/// A schema's name against a grant's pattern.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    let Some(first) = pattern_chars.next() else {
        return name.is_empty();
    };
    let rest = pattern_chars.as_str();
    match first {
        '%' => name
            .char_indices()
            .map(|(at, _)| at)
            .chain([name.len()])
            .any(|at| matches(rest, name.get(at..).unwrap_or_default())),
        '\\' => {
            let literal = rest.chars().next().unwrap_or('\\');
            let rest = rest.strip_prefix(literal).unwrap_or_default();
            name.strip_prefix(literal).is_some_and(|name| matches(rest, name))
        }
        '_' => {
            let mut name = name.chars();
            name.next().is_some() && matches(rest, name.as_str())
        }
        char => name.strip_prefix(char).is_some_and(|name| matches(rest, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(lines: &[&str]) -> Grants {
        let mut grants = Grants {
            account: "`u`@`%`".to_owned(),
            ..Grants::default()
        };
        for line in lines {
            grants.add(line).unwrap();
        }
        grants
    }

    #[test]
    fn grants_are_read_on_every_level() {
        let grants = grants(&[
            "GRANT USAGE ON *.* TO `u`@`%`",
            "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*00'",
            "GRANT SELECT, LOCK TABLES ON `shop\\_a`.* TO `u`@`%`",
            "GRANT SELECT ON `log%`.* TO `u`@`%`",
            "GRANT SELECT (`a`, `b`), INSERT ON `x`.`t` TO `u`@`%`",
            "GRANT SELECT ON `x`.`t2` TO `u`@`%`",
            "GRANT `role`@`%` TO `u`@`%`",
            "GRANT PROXY ON ``@`` TO `u`@`%`",
        ]);
        assert!(grants.has_global("REPLICATION SLAVE") && grants.has_global("REPLICATION CLIENT"));
        assert!(!grants.has_global("SELECT"));
        let check = |privilege: &str, schema: &str, tables: &[&str], expected: bool| {
            assert_eq!(
                grants.has(privilege, schema, tables),
                expected,
                "{privilege} {schema} {tables:?}"
            );
        };
        check("SELECT", "shop_a", &[], true);
        check("SELECT", "shopxa", &[], false);
        check("LOCK TABLES", "shop_a", &[], true);
        check("SELECT", "logs", &[], true);
        check("SELECT", "log", &[], true);
        check("SELECT", "x", &["t2"], true);
        check("SELECT", "x", &["t", "t2"], false);
        check("INSERT", "x", &["t"], true);
    }

    #[test]
    fn all_privileges_cover_and_partial_revokes_do_not() {
        let grants = grants(&[
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",
            "REVOKE SELECT ON `hr`.* FROM `root`@`localhost`",
        ]);
        assert!(grants.has_global("RELOAD") && grants.may_grant());
        assert!(grants.has("SELECT", "shop", &[]));
        assert!(!grants.has("SELECT", "hr", &[]));
        assert_eq!(
            grants.remedy(&["SELECT"], "`hr`.*"),
            "GRANT SELECT ON `hr`.* TO `u`@`%`"
        );
    }
}
