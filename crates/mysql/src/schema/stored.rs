//! Stored objects: functions, procedures, triggers, events, as the server writes them.
//!
//! Each text comes with the settings that it was made under, for they are part of what it
//! means: sql_mode, the collation of its literals, the database's collation at that time,
//! an event's time zone. A text that is hidden from our account is said, not passed over.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Row};
use tidegate_link::{StoredDef, Structure};
use tidegate_model::schema::TableName;
use tidegate_model::selection::{Selection, StoredKind};
use tidegate_model::{Error, Result};

use super::chosen::not_moved_named;
use super::tables::literal;
use crate::ddl::{Mode, quoted};
use crate::failure::{code_of, failed};

/// Names of the settings of a `StoredDef`.
pub(crate) const SQL_MODE: &str = "sql_mode";
pub(crate) const TIME_ZONE: &str = "time_zone";
pub(crate) const CLIENT_CHARSET: &str = "character_set_client";
pub(crate) const COLLATION: &str = "collation_connection";
pub(crate) const DATABASE_COLLATION: &str = "collation_database";

/// ER_TRG_DOES_NOT_EXIST, ER_EVENT_DOES_NOT_EXIST.
const GONE: [u16; 2] = [1360, 1539];
/// ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_SPECIFIC_ACCESS_DENIED_ERROR,
/// ER_PROCACCESS_DENIED_ERROR; and ER_SP_DOES_NOT_EXIST, which MariaDB says instead.
const DENIED: [u16; 5] = [1044, 1142, 1227, 1370, 1305];

/// One stored object of the catalog.
pub(crate) struct ListedObject {
    pub(crate) kind: StoredKind,
    pub(crate) name: TableName,
    pub(crate) table: Option<String>,
}

/// All of a schema, in an order in which they can be made: triggers of one moment in
/// the order in which they fire. Beside it sentences for what is none of the four kinds.
pub(crate) async fn list_stored(conn: &mut Conn, schema: &str) -> Result<(Vec<ListedObject>, Vec<String>)> {
    let of = |column: &str| format!("{column} = {}", literal(schema));
    let questions = [
        (
            "listing routines",
            format!(
                "SELECT ROUTINE_SCHEMA, ROUTINE_TYPE, ROUTINE_NAME, NULL FROM information_schema.ROUTINES \
                 WHERE {} ORDER BY ROUTINE_TYPE, ROUTINE_NAME",
                of("ROUTINE_SCHEMA")
            ),
        ),
        (
            "listing events",
            format!(
                "SELECT EVENT_SCHEMA, 'EVENT', EVENT_NAME, NULL FROM information_schema.EVENTS \
                 WHERE {} ORDER BY EVENT_NAME",
                of("EVENT_SCHEMA")
            ),
        ),
        (
            "listing triggers",
            format!(
                "SELECT TRIGGER_SCHEMA, 'TRIGGER', TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS \
                 WHERE {} ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
                of("TRIGGER_SCHEMA")
            ),
        ),
    ];
    let (mut objects, mut others) = (Vec::new(), Vec::new());
    for (doing, sql) in questions {
        let rows: Vec<(String, String, String, Option<String>)> =
            conn.query(sql).await.map_err(failed(doing))?;
        for (of_schema, kind, object, table) in rows {
            // The catalog may compare names without case.
            if of_schema != schema {
                continue;
            }
            let name = TableName::new(of_schema, object);
            match kind_of(&kind) {
                Some(kind) => objects.push(ListedObject { kind, name, table }),
                None => others.push(format!("the {} {name} is not moved", kind.to_lowercase())),
            }
        }
    }
    Ok((objects, others))
}

fn kind_of(text: &str) -> Option<StoredKind> {
    StoredKind::ALL
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
}

/// Reads the chosen ones of a schema, and says which are not.
pub(super) async fn read_stored(
    conn: &mut Conn,
    selection: &Selection,
    schema: &str,
    structure: &mut Structure,
) -> Result<()> {
    let (objects, others) = list_stored(conn, schema).await?;
    for kind in StoredKind::ALL {
        let there: Vec<&str> = objects
            .iter()
            .filter(|object| object.kind == kind)
            .map(|object| object.name.table.as_str())
            .collect();
        for name in selection.stored_of(schema, kind).named() {
            if !there.contains(&name.as_str()) {
                return Err(Error::needs_user(format!(
                    "the {} {schema}.{name} was chosen and is not there, or hidden from this account",
                    kind.as_str()
                ))
                .remedy("Correct the objects of this job: names are written as the server keeps them"));
            }
        }
    }
    let whole = selection.has_whole_schema(schema);
    let mut left_out: Vec<(StoredKind, String)> = Vec::new();
    for object in objects {
        let (kind, name) = (object.kind, &object.name);
        let chosen = selection.stored_of(schema, kind).has(&name.table);
        let table = object.table.as_ref().map(|table| TableName::new(schema, table));
        let with_table = table.is_none_or(|table| selection.target_of(&table).is_some());
        if chosen && with_table {
            match read_one(conn, &object).await? {
                Read::Def(def) => structure.stored.push(def),
                Read::Gone => {}
                Read::Hidden => structure.not_covered.push(format!(
                    "the {} {name} is not moved: its text is hidden from this job's account on the source",
                    kind.as_str()
                )),
            }
        } else if with_table && (whole || kind == StoredKind::Trigger) {
            left_out.push((kind, name.table.clone()));
        } else if !selection.stored_of(schema, kind).named().is_empty() && chosen {
            structure.not_covered.push(format!(
                "the trigger {name} is not moved: its table is not among the objects of this job"
            ));
        }
    }
    for kind in StoredKind::ALL {
        let names: Vec<String> = left_out
            .iter()
            .filter(|(of, _)| *of == kind)
            .map(|(_, name)| name.clone())
            .collect();
        structure
            .not_covered
            .extend(not_moved_named(schema, kind.as_str(), &names));
    }
    if whole {
        structure.not_covered.extend(others);
    }
    Ok(())
}

/// What SHOW CREATE answers.
pub(crate) enum Read {
    Def(StoredDef),
    Gone,
    /// There, and its text is not for us.
    Hidden,
}

pub(crate) async fn read_one(conn: &mut Conn, object: &ListedObject) -> Result<Read> {
    let (kind, name) = (object.kind, &object.name);
    let what = kind.as_str();
    let sql = format!(
        "SHOW CREATE {} {}.{}",
        what.to_uppercase(),
        quoted(&name.schema),
        quoted(&name.table)
    );
    let row: Option<Row> = match conn.query_first(sql).await {
        Ok(row) => row,
        Err(error) if code_of(&error).is_some_and(|code| GONE.contains(&code)) => return Ok(Read::Gone),
        Err(error) if code_of(&error).is_some_and(|code| DENIED.contains(&code)) => return Ok(Read::Hidden),
        Err(error) => return Err(failed(format!("reading the {what} {name}"))(error)),
    };
    let not_understood = || {
        Error::unknown(format!(
            "the server's text of the {what} {name} is not understood"
        ))
    };
    let mut row = row.ok_or_else(not_understood)?;
    let mut column = |at: usize| row.take_opt::<Option<String>, _>(at)?.ok()?;
    let is_event = kind == StoredKind::Event;
    let shift = usize::from(is_event);
    let Some(native_ddl) = column(2 + shift) else {
        return Ok(Read::Hidden);
    };
    let mut session = Vec::new();
    for (setting, at) in [
        (SQL_MODE, 1),
        (CLIENT_CHARSET, 3 + shift),
        (COLLATION, 4 + shift),
        (DATABASE_COLLATION, 5 + shift),
    ] {
        session.push((setting.to_owned(), column(at).ok_or_else(not_understood)?));
    }
    if is_event {
        session.push((TIME_ZONE.to_owned(), column(2).ok_or_else(not_understood)?));
    }
    let (definer, _) = take_definer(&native_ddl).ok_or_else(not_understood)?;
    Ok(Read::Def(StoredDef {
        kind,
        name: name.clone(),
        table: object.table.clone(),
        definer,
        native_ddl,
        session,
    }))
}

/// `CREATE DEFINER=`u`@`h` PROCEDURE …` as its account, in backticks, and what comes behind
/// it. Quotes are those of the sql_mode that the object was made under.
pub(crate) fn take_definer(text: &str) -> Option<(String, &str)> {
    let rest = text.strip_prefix("CREATE ")?;
    let rest = rest.strip_prefix("OR REPLACE ").unwrap_or(rest);
    let Some(rest) = rest.strip_prefix("DEFINER=") else {
        return Some((String::new(), rest));
    };
    let (user, rest) = take_name(rest)?;
    let (definer, rest) = match rest.strip_prefix('@') {
        Some(host) => {
            let (host, rest) = take_name(host)?;
            (format!("{}@{}", quoted(&user), quoted(&host)), rest)
        }
        None => (quoted(&user), rest),
    };
    Some((definer, rest.strip_prefix(' ')?))
}

/// The quoted name that the text begins with, and what comes behind it.
fn take_name(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|first| matches!(first, '`' | '"'))?;
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        if char == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Some((name, text.get(at + 1..)?));
        }
        name.push(char);
    }
    None
}

/// A setting of a `StoredDef`; "" when it has none.
pub(crate) fn setting<'a>(def: &'a StoredDef, name: &str) -> &'a str {
    let found = def.session.iter().find(|(setting, _)| setting == name);
    found.map_or("", |(_, value)| value)
}

/// How its text is to be read.
pub(crate) fn mode_of(def: &StoredDef) -> Mode {
    let has = |wanted: &str| setting(def, SQL_MODE).split(',').any(|mode| mode == wanted);
    Mode {
        ansi_quotes: has("ANSI_QUOTES"),
        no_backslash_escapes: has("NO_BACKSLASH_ESCAPES"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definers_are_taken_off_whatever_their_names() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let got = take_definer(text);
            let got = got.as_ref().map(|(definer, rest)| (definer.as_str(), *rest));
            assert_eq!(got, expected, "{text}");
        };
        check(
            "CREATE DEFINER=`a`@`%` PROCEDURE `p`() BEGIN END",
            Some(("`a`@`%`", "PROCEDURE `p`() BEGIN END")),
        );
        check(
            "CREATE OR REPLACE DEFINER=`a``@` x`@`h TRIGGER t",
            Some(("`a``@`", "x`@`h TRIGGER t")),
        );
        check("CREATE DEFINER=`a TRIGGER t", None);
        check(
            "CREATE DEFINER=`o``d d@`@`h` EVENT `e` DO 1",
            Some(("`o``d d@`@`h`", "EVENT `e` DO 1")),
        );
        check("CREATE DEFINER=`role` FUNCTION f", Some(("`role`", "FUNCTION f")));
        check("CREATE FUNCTION f", Some(("", "FUNCTION f")));
        check(
            "CREATE DEFINER=\"a\"\"`b\"@\"%\" PROCEDURE \"p\"",
            Some(("`a\"``b`@`%`", "PROCEDURE \"p\"")),
        );
        check("DROP", None);
    }
}
