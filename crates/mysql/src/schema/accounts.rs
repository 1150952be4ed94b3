//! Accounts and roles: what makes them, and what gives them their rights, in the server's
//! own statements.
//!
//! The texts hold what passwords are checked with: they go into an `AccountDef`, which
//! prints its name alone, and nowhere else. Left out, and said: the administrator unless
//! asked for, accounts that may act on system accounts, proxies, and this job's own.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{AccountDef, Structure};
use tidegate_model::selection::AccountSelection;
use tidegate_model::{Error, Result};

use super::tables::literal;
use crate::connect::Server;
use crate::ddl::{Kind, Mode, quoted, tokens};
use crate::failure::{code_of, failed};
use crate::structure::{account, is_word};

/// Fact beside the server's own: this job's account on the source.
pub(crate) const OWN_ACCOUNT: &str = "own_account";
const ADMINISTRATOR: &str = "root";
/// Made by the servers for themselves.
const SYSTEM: [&str; 6] = [
    "mysql.sys",
    "mysql.session",
    "mysql.infoschema",
    "mariadb.sys",
    "mysql",
    "PUBLIC",
];
/// ER_NONEXISTING_GRANT, ER_CANNOT_USER: dropped since they were listed.
const GONE: [u16; 2] = [1141, 1396];

struct Listed {
    user: String,
    host: String,
    is_role: bool,
}

impl Listed {
    fn name(&self) -> String {
        if self.is_role {
            quoted(&self.user)
        } else {
            account(&self.user, &self.host)
        }
    }
}

pub(super) async fn read_accounts(
    conn: &mut Conn,
    server: &Server,
    chosen: AccountSelection,
    structure: &mut Structure,
) -> Result<()> {
    let mariadb = server.version().is_mariadb();
    if !mariadb {
        let set = "SET SESSION print_identified_with_as_hex = ON";
        match conn.query_drop(set).await {
            // Servers without it print what can be printed.
            Ok(()) | Err(mysql_async::Error::Server(_)) => {}
            Err(error) => return Err(failed("setting up a session")(error)),
        }
    }
    let own = own_account(conn).await?;
    let protected = protected(conn).await?;
    structure.facts.insert(OWN_ACCOUNT.to_owned(), own.clone());
    for listed in list(conn, mariadb).await? {
        let name = listed.name();
        let is_administrator = listed.user == ADMINISTRATOR && !listed.is_role;
        let left_out = if name == own {
            Some("it is this job's own on the source")
        } else if is_administrator && !chosen.administrator {
            Some("the administrator's account is moved only where that was asked for")
        } else if protected.contains(&name) && !is_administrator {
            Some("it has SYSTEM_USER")
        } else {
            None
        };
        if let Some(why) = left_out {
            structure
                .not_covered
                .push(format!("the account {name} is not moved: {why}"));
            continue;
        }
        let Some(native_ddl) = read_text(conn, &listed).await? else {
            continue;
        };
        let Some(mut rights) = read_rights(conn, &name).await? else {
            continue;
        };
        if rights.iter().any(|right| right.starts_with("GRANT PROXY")) && !is_administrator {
            structure.not_covered.push(format!(
                "the account {name} is not moved: it stands in for others (PROXY)"
            ));
            continue;
        }
        rights.retain(|right| !right.starts_with("GRANT PROXY"));
        if !mariadb {
            rights.extend(default_roles(conn, &listed).await?);
        }
        structure.accounts.push(AccountDef {
            name,
            native_ddl,
            rights,
        });
    }
    Ok(())
}

pub(crate) async fn own_account(conn: &mut Conn) -> Result<String> {
    let own: Option<String> = conn
        .query_first("SELECT CURRENT_USER()")
        .await
        .map_err(failed("asking for our account"))?;
    let own = own.unwrap_or_default();
    let (user, host) = own.rsplit_once('@').unwrap_or((&own, "%"));
    Ok(account(user, host))
}

async fn list(conn: &mut Conn, mariadb: bool) -> Result<Vec<Listed>> {
    let role = if mariadb { "is_role = 'Y'" } else { "FALSE" };
    let sql = format!(
        "SELECT CONVERT(User USING utf8mb4), CONVERT(Host USING utf8mb4), {role} FROM mysql.user ORDER BY 1, 2"
    );
    let rows: Vec<(String, String, bool)> = conn.query(sql).await.map_err(|error| {
        failed("listing accounts")(error)
            .remedy("GRANT SELECT ON mysql.* to this job's account on the source")
    })?;
    let listed = rows
        .into_iter()
        .map(|(user, host, is_role)| Listed { user, host, is_role });
    Ok(listed
        .filter(|listed| !SYSTEM.contains(&listed.user.as_str()))
        .collect())
}

/// Those that have SYSTEM_USER, on servers that know it.
async fn protected(conn: &mut Conn) -> Result<BTreeSet<String>> {
    let sql = "SELECT CONVERT(USER USING utf8mb4), CONVERT(HOST USING utf8mb4) FROM mysql.global_grants \
               WHERE PRIV = 'SYSTEM_USER'";
    let rows: Vec<(String, String)> = match conn.query(sql).await {
        Ok(rows) => rows,
        Err(mysql_async::Error::Server(_)) => Vec::new(),
        Err(error) => return Err(failed("listing accounts")(error)),
    };
    Ok(rows.iter().map(|(user, host)| account(user, host)).collect())
}

/// None: it is gone. The errors of these questions name the account alone.
async fn ask(conn: &mut Conn, sql: String, name: &str) -> Result<Option<Vec<String>>> {
    match conn.query(sql).await {
        Ok(lines) => Ok(Some(lines)),
        Err(error) if code_of(&error).is_some_and(|code| GONE.contains(&code)) => Ok(None),
        Err(error) => Err(failed(format!("reading the account {name}"))(error)),
    }
}

async fn read_text(conn: &mut Conn, listed: &Listed) -> Result<Option<String>> {
    let name = listed.name();
    if listed.is_role {
        return Ok(Some(format!("CREATE ROLE {name}")));
    }
    let Some(lines) = ask(conn, format!("SHOW CREATE USER {name}"), &name).await? else {
        return Ok(None);
    };
    let text = lines.into_iter().next().as_deref().and_then(without_default_role);
    let not_understood = || {
        Error::unknown(format!(
            "the server's text of the account {name} is not understood"
        ))
    };
    text.map(Some).ok_or_else(not_understood)
}

/// A default role is set once the account has the role.
fn without_default_role(text: &str) -> Option<String> {
    let tokens = tokens(text, Mode::default()).ok()?;
    let at = tokens.windows(2).position(
        |pair| matches!(pair, [first, second] if is_word(first, "DEFAULT") && is_word(second, "ROLE")),
    );
    let Some(at) = at else {
        return Some(text.to_owned());
    };
    let from = tokens.get(at)?.at.start;
    let rest = tokens.get(at + 2..)?;
    let to = rest.iter().find(|token| is_word(token, "REQUIRE"))?.at.start;
    Some(format!("{}{}", text.get(..from)?, text.get(to..)?))
}

async fn read_rights(conn: &mut Conn, name: &str) -> Result<Option<Vec<String>>> {
    let lines = ask(conn, format!("SHOW GRANTS FOR {name}"), name).await?;
    let rights = lines.map(|lines| lines.iter().map(|line| without_identity(line)).collect());
    Ok(rights)
}

/// MariaDB repeats in a grant what the account is identified by.
fn without_identity(line: &str) -> String {
    const AFTER: [&str; 2] = ["REQUIRE", "WITH"];
    let Ok(tokens) = tokens(line, Mode::default()) else {
        return line.to_owned();
    };
    let Some(at) = tokens.iter().position(|token| is_word(token, "IDENTIFIED")) else {
        return line.to_owned();
    };
    let rest = tokens.get(at..).unwrap_or_default();
    let end = rest
        .iter()
        .find(|token| AFTER.iter().any(|word| is_word(token, word)))
        .map_or(line.len(), |token| token.at.start);
    let from = rest.first().map_or(line.len(), |token| token.at.start);
    let (before, after) = (
        line.get(..from).unwrap_or_default(),
        line.get(end..).unwrap_or_default(),
    );
    format!("{before}{after}").trim_end().to_owned()
}

async fn default_roles(conn: &mut Conn, listed: &Listed) -> Result<Option<String>> {
    let sql = format!(
        "SELECT CONVERT(DEFAULT_ROLE_USER USING utf8mb4), CONVERT(DEFAULT_ROLE_HOST USING utf8mb4) \
         FROM mysql.default_roles WHERE USER = {} AND HOST = {} ORDER BY 1, 2",
        literal(&listed.user),
        literal(&listed.host)
    );
    let roles: Vec<(String, String)> = match conn.query(sql).await {
        Ok(roles) => roles,
        // Servers before roles.
        Err(mysql_async::Error::Server(_)) => Vec::new(),
        Err(error) => return Err(failed("reading default roles")(error)),
    };
    if roles.is_empty() {
        return Ok(None);
    }
    let roles: Vec<String> = roles.iter().map(|(user, host)| account(user, host)).collect();
    Ok(Some(format!(
        "SET DEFAULT ROLE {} TO {}",
        roles.join(", "),
        listed.name()
    )))
}

/// The literals of a text: what a message must never repeat.
pub(crate) fn secrets_of(text: &str) -> Vec<&str> {
    /// Shorter ones are plugin names' and options'.
    const SHORT: usize = 30;
    let tokens = tokens(text, Mode::default()).unwrap_or_default();
    let literals = tokens.iter().filter(|token| match &token.kind {
        Kind::Text => true,
        Kind::Word(word) => word.starts_with("0x"),
        Kind::Quoted(_) | Kind::Symbol(_) => false,
    });
    literals
        .filter_map(|token| text.get(token.at.clone()))
        .map(|text| text.trim_matches('\''))
        .filter(|text| text.len() >= SHORT)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_and_default_roles_are_taken_out() {
        let check = |got: String, expected: &str| assert_eq!(got, expected);
        check(
            without_identity(
                "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*0011' WITH GRANT OPTION",
            ),
            "GRANT USAGE ON *.* TO `a`@`%` WITH GRANT OPTION",
        );
        check(
            without_identity("GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED VIA ed25519 USING 'x' OR unix_socket"),
            "GRANT USAGE ON *.* TO `a`@`%`",
        );
        check(without_identity("GRANT `r` TO `a`@`%`"), "GRANT `r` TO `a`@`%`");
        let text = "CREATE USER `a`@`%` IDENTIFIED WITH 'p' AS 0x01 DEFAULT ROLE `r`@`%`,`s`@`%` REQUIRE NONE PASSWORD EXPIRE DEFAULT";
        check(
            without_default_role(text).unwrap(),
            "CREATE USER `a`@`%` IDENTIFIED WITH 'p' AS 0x01 REQUIRE NONE PASSWORD EXPIRE DEFAULT",
        );
    }

    #[test]
    fn an_account_prints_its_name_alone() {
        let hash = "0x24412430303524000102030405060708";
        let def = AccountDef {
            name: "`a`@`%`".to_owned(),
            native_ddl: format!("CREATE USER `a`@`%` IDENTIFIED WITH 'p' AS {hash}"),
            rights: Vec::new(),
        };
        assert_eq!(format!("{def:?}"), "AccountDef(`a`@`%`)");
        assert_eq!(secrets_of(&def.native_ddl), [hash]);
    }
}
