//! Views on the target: the source's text with the definer replaced, and schema names
//! mapped where that is safe.
//!
//! A view runs with its user's rights (SQL SECURITY INVOKER) unless its definer is the
//! account that we write as: another definer may not exist on the target. A view may
//! need another that the order did not foresee; so creation goes round until nothing
//! more can be made.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{Structure, ViewDef};
use tidegate_model::schema::TableName;
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Kind as ErrorKind, Result};

use super::table_text::{is_symbol, is_word};
use crate::connect::{Server, close};
use crate::ddl::{Kind, Mode, Token, quoted, tokens};
use crate::failure::failed;
use crate::schema::collation_of;

/// Makes the views. Answers those that were not made or made differently.
pub(crate) async fn create_views(
    server: &Server,
    structure: &Structure,
    names: &Selection,
) -> Result<Vec<String>> {
    let mut conn = super::session(server).await?;
    let account: Option<String> = conn
        .query_first("SELECT CURRENT_USER()")
        .await
        .map_err(failed("asking for our account"))?;
    let account = account.unwrap_or_default();
    let known: BTreeSet<TableName> = structure
        .tables
        .iter()
        .map(|table| table.schema.name.clone())
        .chain(structure.views.iter().map(|view| view.name.clone()))
        .collect();
    let (mut sentences, mut waiting) = (Vec::new(), Vec::new());
    for view in &structure.views {
        match on_target(view, &account, names, &known) {
            Ok((create, changed)) => {
                sentences.extend(changed);
                waiting.push(Waiting {
                    view,
                    schema: names.target_schema(&view.name.schema).unwrap_or_default(),
                    create,
                    refused: None,
                });
            }
            Err(error) => sentences.push(not_made(&view.name, &error)),
        }
    }
    make(&mut conn, waiting, &mut sentences).await?;
    close(conn).await;
    Ok(sentences)
}

/// Views that another account than `account` defines, and whose rights they run with.
pub(crate) fn views_of_others(structure: &Structure, account: &str) -> Vec<String> {
    let is_other = |view: &ViewDef| {
        let tokens = tokens(&view.native_ddl, Mode::default()).ok()?;
        let head = Head::read(&view.native_ddl, &tokens)?;
        Some(!head.invoker && head.definer != account)
    };
    let others = structure
        .views
        .iter()
        .filter(|view| is_other(view).unwrap_or(true));
    others.map(|view| view.name.to_string()).collect()
}

fn not_made(view: &TableName, error: &Error) -> String {
    format!("the view {view} is not made: {error}")
}

/// A view that is not made yet, and why the server refused it last.
struct Waiting<'a> {
    view: &'a ViewDef,
    /// Functions of a view's own database stand in its text without the database's name.
    schema: String,
    create: String,
    refused: Option<Error>,
}

async fn make(conn: &mut Conn, mut waiting: Vec<Waiting<'_>>, sentences: &mut Vec<String>) -> Result<()> {
    loop {
        let (before, mut refused) = (waiting.len(), Vec::new());
        for mut one in waiting {
            let name = &one.view.name;
            let collates = set_collation(conn, one.view).await?;
            match conn.query_drop(format!("USE {}", quoted(&one.schema))).await {
                // What is wrong with it is said by the view's own statement.
                Ok(()) | Err(mysql_async::Error::Server(_)) => {}
                Err(error) => return Err(failed("setting up a session")(error)),
            }
            match conn.query_drop(&one.create).await {
                Ok(()) if collates => {}
                Ok(()) => sentences.push(format!(
                    "the view {name} has texts of a collation that the target lacks; they have the target's own"
                )),
                Err(error) => {
                    let error = failed("creating it")(error);
                    if error.kind() == ErrorKind::Retry {
                        return Err(error.context(format!("the view {name}")));
                    }
                    one.refused = Some(error);
                    refused.push(one);
                }
            }
        }
        if refused.is_empty() || refused.len() == before {
            let said = refused
                .iter()
                .filter_map(|one| Some(not_made(&one.view.name, one.refused.as_ref()?)));
            sentences.extend(said);
            return Ok(());
        }
        waiting = refused;
    }
}

/// Literals of a view have the collation of the session that makes it. False when the
/// target does not know that of the source.
async fn set_collation(conn: &mut Conn, view: &ViewDef) -> Result<bool> {
    let Some(collation) = collation_of(&view.native_ddl) else {
        return Ok(true);
    };
    match conn
        .query_drop(format!("SET NAMES utf8mb4, collation_connection = {collation}"))
        .await
    {
        Ok(()) => Ok(true),
        Err(mysql_async::Error::Server(_)) => {
            let plain = conn.query_drop("SET NAMES utf8mb4").await;
            plain.map(|()| false).map_err(failed("setting up a session"))
        }
        Err(error) => Err(failed("setting up a session")(error)),
    }
}

/// The statement that makes the view on the target, and a sentence when its definer
/// is another one there.
fn on_target(
    view: &ViewDef,
    account: &str,
    names: &Selection,
    known: &BTreeSet<TableName>,
) -> Result<(String, Option<String>)> {
    let text = &view.native_ddl;
    let target = names
        .target_of_view(&view.name)
        .ok_or_else(|| Error::bug(format!("the view {} is not chosen", view.name)))?;
    let tokens = tokens(text, Mode::default())?;
    let head = Head::read(text, &tokens)
        .ok_or_else(|| Error::unknown("the source's text of the view is not understood"))?;
    let body = body_on_target(text, &tokens, &head, names, known)?;
    let keeps = head.definer == account;
    let security = match (keeps, head.invoker) {
        (true, false) => "DEFINER",
        _ => "INVOKER",
    };
    let changed = (!keeps && !head.invoker).then(|| {
        format!(
            "the view {} belongs to the account of this job on the target, and runs with its user's rights",
            view.name
        )
    });
    let create = format!(
        "CREATE OR REPLACE ALGORITHM={} DEFINER=CURRENT_USER SQL SECURITY {security} VIEW {}.{} {body}",
        head.algorithm,
        quoted(&target.schema),
        quoted(&target.table)
    );
    Ok((create, changed))
}

/// `CREATE ALGORITHM=… DEFINER=… SQL SECURITY … VIEW name`.
struct Head {
    algorithm: String,
    /// As `CURRENT_USER()` writes it.
    definer: String,
    invoker: bool,
    /// The number of the first token behind the view's name.
    end: usize,
}

impl Head {
    fn read(text: &str, tokens: &[Token]) -> Option<Head> {
        let view = tokens.iter().position(|token| is_word(token, "VIEW"))?;
        let head = tokens.get(..view)?;
        let after = |word: &str| {
            let at = head.iter().position(|token| is_word(token, word))?;
            head.get(at + 1..)
        };
        let algorithm = match after("ALGORITHM") {
            Some([_, value, ..]) => text.get(value.at.clone())?.to_owned(),
            _ => "UNDEFINED".to_owned(),
        };
        let definer = match after("DEFINER")? {
            [_, user, at, host, ..] if is_symbol(at, b'@') => match (&user.kind, &host.kind) {
                (Kind::Quoted(user), Kind::Quoted(host)) => format!("{user}@{host}"),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let invoker = matches!(after("SECURITY")?, [value, ..] if is_word(value, "INVOKER"));
        let name = tokens.get(view + 1..)?;
        let qualified = name.get(1).is_some_and(|token| is_symbol(token, b'.'));
        Some(Head {
            algorithm,
            definer,
            invoker,
            end: view + 1 + if qualified { 3 } else { 1 },
        })
    }
}

/// The query, with schema names mapped. Table names can't be: they also stand before
/// columns, where they may be an alias.
fn body_on_target(
    text: &str,
    tokens: &[Token],
    head: &Head,
    names: &Selection,
    known: &BTreeSet<TableName>,
) -> Result<String> {
    let renamed = known
        .iter()
        .any(|name| target_of(names, name).is_some_and(|target| target != *name));
    let body = tokens.get(head.end..).unwrap_or_default();
    let start = body.first().map_or(text.len(), |token| token.at.start);
    let Some(rest) = text.get(start..).filter(|_| renamed) else {
        return Ok(text.get(start..).unwrap_or_default().to_owned());
    };
    let (mut written, mut from) = (String::with_capacity(rest.len()), start);
    for (at, token) in body.iter().enumerate() {
        let Kind::Quoted(schema) = &token.kind else {
            continue;
        };
        let Some(target) = names.target_schema(schema).filter(|target| target != schema) else {
            refuse_renamed_table(body, at, names, known)?;
            continue;
        };
        let table = qualified_table(body, at);
        let name = table.map(|table| TableName::new(schema, table));
        let mapped = name.as_ref().filter(|name| known.contains(name));
        let Some(mapped) = mapped.and_then(|name| target_of(names, name)) else {
            return Err(Error::unknown(format!(
                "`{schema}` stands in it, and is not surely the database of that name"
            )));
        };
        if Some(mapped.table.as_str()) != table {
            return Err(Error::unknown("it reads a table that is renamed"));
        }
        written.push_str(text.get(from..token.at.start).unwrap_or_default());
        written.push_str(&quoted(&target));
        from = token.at.end;
    }
    written.push_str(text.get(from..).unwrap_or_default());
    Ok(written)
}

/// Of a table or a view, whichever is chosen.
fn target_of(names: &Selection, name: &TableName) -> Option<TableName> {
    names.target_of(name).or_else(|| names.target_of_view(name))
}

/// The table's name when token `at` is a schema before it.
fn qualified_table(body: &[Token], at: usize) -> Option<&str> {
    let after_dot = at
        .checked_sub(1)
        .and_then(|before| body.get(before))
        .is_some_and(|token| is_symbol(token, b'.'));
    match body.get(at + 1..at + 3)? {
        [dot, table] if is_symbol(dot, b'.') && !after_dot => match &table.kind {
            Kind::Quoted(table) => Some(table),
            _ => None,
        },
        _ => None,
    }
}

fn refuse_renamed_table(
    body: &[Token],
    at: usize,
    names: &Selection,
    known: &BTreeSet<TableName>,
) -> Result<()> {
    let (Some(table), Some(Kind::Quoted(schema))) =
        (qualified_table(body, at), body.get(at).map(|token| &token.kind))
    else {
        return Ok(());
    };
    let name = TableName::new(schema, table);
    let renamed = known.contains(&name) && target_of(names, &name).is_some_and(|target| target != name);
    if renamed {
        return Err(Error::unknown(format!("it reads {name}, which is renamed")));
    }
    Ok(())
}

#[cfg(test)]
#[path = "views_tests.rs"]
mod tests;
