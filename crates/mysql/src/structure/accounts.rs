//! Accounts and roles on the target: made without rights first, given them at the end.
//!
//! An account of the same name is overwritten, but for this job's own. What the server
//! refuses is said with its words, which never repeat what a password is checked with; and
//! an account never ends with more rights than it has on the source.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{AccountDef, Moment, Structure};
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Kind as ErrorKind, Result};

use super::table_text::{is_symbol, is_word};
use crate::connect::{Server, close};
use crate::ddl::{Kind, Mode, Token, tokens};
use crate::failure::{failed, words};
use crate::schema::{own_account, secrets_of};

/// So many of the rights that were refused are said of an account; of the rest the number.
const SAID_MAX: usize = 5;

pub(crate) async fn create_accounts(
    server: &Server,
    structure: &Structure,
    names: &Selection,
    moment: Moment,
) -> Result<Vec<String>> {
    if structure.accounts.is_empty() {
        return Ok(Vec::new());
    }
    let mut conn = super::session(server).await?;
    let own = own_account(&mut conn).await?;
    let differ = super::pair_of(server, structure).differ();
    let (mut whole, mut sentences) = (Vec::new(), Vec::new());
    for def in &structure.accounts {
        let name = &def.name;
        if differ || *name == own {
            let why = if differ {
                "accounts are moved between servers of one kind only"
            } else {
                "it is this job's own on the target"
            };
            sentences.push(format!("the account {name} is not moved: {why}"));
            continue;
        }
        match (create(&mut conn, def).await?, moment) {
            (Err(why), _) => sentences.push(format!("the account {name} is not moved: {why}")),
            (Ok(()), Moment::AfterTables) => {}
            (Ok(()), Moment::AtEnd) => match give_rights(&mut conn, def, names).await? {
                refused if refused.is_empty() => whole.push(name.as_str()),
                refused => sentences.push(reduced(name, &refused)),
            },
        }
    }
    close(conn).await;
    if moment == Moment::AfterTables {
        // All of it is said at the end, when it is certain.
        return Ok(Vec::new());
    }
    if !whole.is_empty() {
        let list = whole.join(", ");
        sentences.insert(
            0,
            format!("accounts moved whole, with password and all rights: {list}"),
        );
    }
    Ok(sentences)
}

fn reduced(name: &str, refused: &[String]) -> String {
    let said: Vec<&str> = refused.iter().take(SAID_MAX).map(String::as_str).collect();
    let more = match refused.len().saturating_sub(SAID_MAX) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!(
        "the account {name} is moved with reduced rights: {}{more}",
        said.join("; ")
    )
}

/// The statement's outcome: the server's words when it refuses.
async fn execute(conn: &mut Conn, sql: &str, def: &AccountDef) -> Result<Result<(), String>> {
    let Err(error) = conn.query_drop(sql).await else {
        return Ok(Ok(()));
    };
    let mut said = words(&error);
    let secrets = secrets_of(&def.native_ddl);
    if secrets.iter().any(|secret| said.contains(secret)) {
        said = "the server refuses it".to_owned();
    }
    if failed("")(error).kind() == ErrorKind::Retry {
        return Err(Error::retry(format!("making the account {}: {said}", def.name)));
    }
    Ok(Err(said))
}

async fn create(conn: &mut Conn, def: &AccountDef) -> Result<Result<(), String>> {
    let text = &def.native_ddl;
    let forms = if let Some(role) = text.strip_prefix("CREATE ROLE ") {
        vec![format!("CREATE ROLE IF NOT EXISTS {role}")]
    } else if let Some(user) = text.strip_prefix("CREATE USER ") {
        vec![
            format!("CREATE USER IF NOT EXISTS {user}"),
            // A server does not take its own text of an anonymous user here.
            match user.starts_with("``@") {
                true => format!("ALTER USER {}", user.replace(" PASSWORD EXPIRE DEFAULT", "")),
                false => format!("ALTER USER {user}"),
            },
        ]
    } else {
        return Ok(Err("the source's text of it is not understood".to_owned()));
    };
    for sql in &forms {
        if let Err(why) = execute(conn, sql, def).await? {
            return Ok(Err(why));
        }
    }
    Ok(Ok(()))
}

/// Takes what it has and gives what it shall have. Answers what was refused.
async fn give_rights(conn: &mut Conn, def: &AccountDef, names: &Selection) -> Result<Vec<String>> {
    let take = format!("REVOKE ALL PRIVILEGES, GRANT OPTION FROM {}", def.name);
    if let Err(why) = execute(conn, &take, def).await? {
        return Ok(vec![format!(
            "the rights that it has on the target already could not be taken: {why}"
        )]);
    }
    let renamed: BTreeSet<&str> = names.renamed().collect();
    let mut refused = Vec::new();
    for right in &def.rights {
        if let Some(name) = names_renamed(right, &renamed) {
            refused.push(format!("its rights on {name}, which is renamed"));
            continue;
        }
        let Err(why) = execute(conn, right, def).await? else {
            continue;
        };
        if right.starts_with("REVOKE") {
            // Without the exception it would have more than on the source.
            let taken = execute(conn, &take, def).await?;
            let all = match taken {
                Ok(()) => "it has no rights at all",
                Err(_) => "it has too many rights, drop it",
            };
            return Ok(vec![format!(
                "{all}: an exception from its rights (a partial revoke) was refused: {why}"
            )]);
        }
        refused.extend(give_each(conn, right, &why, def).await?);
    }
    Ok(refused)
}

/// A grant of many privileges, of which the target refuses some, one by one.
async fn give_each(conn: &mut Conn, right: &str, why: &str, def: &AccountDef) -> Result<Vec<String>> {
    let Some((privileges, rest)) = privileges_of(right).filter(|(privileges, _)| privileges.len() > 1) else {
        let short = right.split(" TO ").next().unwrap_or_default();
        return Ok(vec![format!("{short}: {why}")]);
    };
    let mut refused = Vec::new();
    for privilege in privileges {
        let sql = format!("GRANT {privilege} {rest}");
        if let Err(why) = execute(conn, &sql, def).await? {
            let on = rest.split(" TO ").next().unwrap_or_default();
            refused.push(format!("{privilege} {on}: {why}"));
        }
    }
    Ok(refused)
}

/// `GRANT a, b (x, y) ON …` as its privileges and what begins with ON.
fn privileges_of(right: &str) -> Option<(Vec<&str>, &str)> {
    let tokens = tokens(right, Mode::default()).ok()?;
    let on = tokens.iter().position(|token| is_word(token, "ON"))?;
    let (mut depth, mut from, mut privileges) = (0_i32, tokens.get(1)?.at.start, Vec::new());
    for token in tokens.get(1..on)? {
        depth += i32::from(is_symbol(token, b'(')) - i32::from(is_symbol(token, b')'));
        if depth == 0 && is_symbol(token, b',') {
            privileges.push(right.get(from..token.at.start)?.trim());
            from = token.at.end;
        }
    }
    let on = tokens.get(on)?.at.start;
    privileges.push(right.get(from..on)?.trim());
    Some((privileges, right.get(on..)?))
}

/// The renamed database or table that a right is about. Of a pattern that may match a
/// renamed database nothing is said: it goes on to match by the new name or not.
fn names_renamed(right: &str, renamed: &BTreeSet<&str>) -> Option<String> {
    if renamed.is_empty() {
        return None;
    }
    let tokens = tokens(right, Mode::default()).ok()?;
    let on = tokens.iter().position(|token| is_word(token, "ON"))?;
    let end = tokens
        .iter()
        .position(|token| is_word(token, "TO") || is_word(token, "FROM"))
        .unwrap_or(tokens.len());
    let name = |token: &Token| match &token.kind {
        Kind::Quoted(name) => Some(name.replace("\\_", "_").replace("\\%", "%")),
        _ => None,
    };
    let names = tokens.get(on..end)?.iter().filter_map(name);
    names.into_iter().find(|name| renamed.contains(name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_taken_apart() {
        let (privileges, rest) = privileges_of(
            "GRANT SELECT (`a`, `b`), INSERT, CREATE ROUTINE ON `d`.`t` TO `u`@`%` WITH GRANT OPTION",
        )
        .unwrap();
        assert_eq!(privileges, ["SELECT (`a`, `b`)", "INSERT", "CREATE ROUTINE"]);
        assert_eq!(rest, "ON `d`.`t` TO `u`@`%` WITH GRANT OPTION");
        assert_eq!(privileges_of("GRANT `r`@`%` TO `u`@`%`"), None);
    }

    #[test]
    fn rights_on_renamed_things_are_found() {
        let renamed = BTreeSet::from(["my_shop"]);
        let check = |right: &str, expected: Option<&str>| {
            assert_eq!(names_renamed(right, &renamed).as_deref(), expected, "{right}");
        };
        check("GRANT SELECT ON `my\\_shop`.* TO `my_shop`@`%`", Some("my_shop"));
        check("GRANT SELECT ON `other`.* TO `my_shop`@`%`", None);
        check("GRANT SELECT ON *.* TO `my_shop`@`%`", None);
    }
}
