//! The selection against what is there: which schemas, what is missing, what of the
//! chosen this job does not move.
//!
//! Names must be written as the server keeps them: the log does, and a name in other
//! case would match nothing there.

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Result};

use super::tables::Listed;
use crate::connect::Server;
use crate::failure::failed;

/// The servers' own schemas, and the one that this product keeps its marks in.
const SYSTEM: [&str; 6] = [
    "information_schema",
    "mysql",
    "ndbinfo",
    "performance_schema",
    "sys",
    crate::CONTROL_SCHEMA,
];
/// So many names are said in a sentence; of the rest only the number.
const NAMES_IN_SENTENCE_MAX: usize = 5;

/// Never chosen, whatever the selection says.
pub(crate) fn is_system(schema: &str) -> bool {
    SYSTEM.iter().any(|system| system.eq_ignore_ascii_case(schema))
}

/// The chosen schemas that are there, in order. One that is named and is not there,
/// or is the system's, is an error.
pub(super) async fn schemas(conn: &mut Conn, server: &Server, selection: &Selection) -> Result<Vec<String>> {
    let sql = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME";
    let mut there: Vec<String> = conn.query(sql).await.map_err(failed("listing databases"))?;
    there.retain(|name| !is_system(name));
    if selection.whole_instance {
        return Ok(there);
    }
    let mut chosen = Vec::with_capacity(selection.databases.len());
    for database in &selection.databases {
        let name = &database.name;
        if is_system(name) {
            return Err(Error::needs_user(format!(
                "the database {name} is the server's own and cannot be moved"
            ))
            .remedy("Take it out of the objects of this job"));
        }
        if !there.contains(name) {
            return Err(missing(server, &format!("the database {name}"), name, &there));
        }
        chosen.push(name.clone());
    }
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

/// Every table or view that is named in this schema is there.
pub(super) fn all_there(server: &Server, selection: &Selection, schema: &str, all: &[Listed]) -> Result<()> {
    let databases = selection.databases.iter();
    let database = databases.filter(|database| database.name == schema);
    let there = || -> Vec<String> { all.iter().map(|object| object.name.table.clone()).collect() };
    for database in database {
        for table in database.tables.named() {
            let object = all.iter().find(|object| object.name.table == table.name);
            let Some(object) = object else {
                let what = format!("the table {schema}.{}", table.name);
                return Err(missing(server, &what, &table.name, &there()));
            };
            if object.kind == "VIEW" && table.new_name.is_some() {
                return Err(Error::needs_user(format!(
                    "{} is a view, and views are not renamed",
                    object.name
                ))
                .remedy("Take the view's new name out of the objects of this job"));
            }
        }
        for view in database.views.named() {
            let is_it = |object: &&Listed| object.name.table == *view && object.kind == "VIEW";
            if !all.iter().any(|object| is_it(&object)) {
                return Err(missing(
                    server,
                    &format!("the view {schema}.{view}"),
                    view,
                    &there(),
                ));
            }
        }
    }
    Ok(())
}

fn missing(server: &Server, what: &str, name: &str, there: &[String]) -> Error {
    let folded = name.to_lowercase();
    let folds = !matches!(server.fact("lower_case_table_names"), "" | "0");
    let other = there.iter().find(|other| other.to_lowercase() == folded);
    let error = Error::needs_user(format!("{what} was chosen and is not on {}", server.place()));
    match other {
        Some(other) if folds => error.remedy(format!(
            "The server keeps it as `{other}`: write it so in the objects of this job"
        )),
        Some(other) => error.remedy(format!(
            "There is one named `{other}`; this server tells capital letters from small ones"
        )),
        None => error.remedy("Correct the objects of this job, or create it, or grant SELECT on it"),
    }
}

/// A sentence for an object that is neither a table nor a view.
pub(super) fn not_moved(object: &Listed) -> Option<String> {
    let what = match object.kind.as_str() {
        "SEQUENCE" => "sequence",
        // Another session's, on versions that list them; gone with that session.
        "TEMPORARY" | "TEMPORARY SEQUENCE" => return None,
        other => return Some(format!("{} is a {other} and is not moved", object.name)),
    };
    Some(format!("the {what} {} is not moved", object.name))
}

/// A sentence for objects of one kind that are not moved; None where there are none.
pub(super) fn not_moved_named(schema: &str, what: &str, names: &[String]) -> Option<String> {
    let count = names.len();
    let said = names
        .iter()
        .take(NAMES_IN_SENTENCE_MAX)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match count {
        0 => None,
        1 => Some(format!("the {what} {said} of {schema} is not moved")),
        _ if count <= NAMES_IN_SENTENCE_MAX => {
            Some(format!("{count} {what}s of {schema} are not moved: {said}"))
        }
        _ => Some(format!("{count} {what}s of {schema} are not moved: {said} …")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_name_a_few() {
        let check = |count: usize, expected: Option<&str>| {
            let names: Vec<String> = (1..=count).map(|number| format!("n{number}")).collect();
            assert_eq!(not_moved_named("s", "event", &names).as_deref(), expected);
        };
        check(0, None);
        check(1, Some("the event n1 of s is not moved"));
        check(2, Some("2 events of s are not moved: n1, n2"));
        check(6, Some("6 events of s are not moved: n1, n2, n3, n4, n5 …"));
    }

    #[test]
    fn the_servers_own_schemas_are_never_chosen() {
        assert!(is_system("SYS") && is_system(crate::CONTROL_SCHEMA) && is_system("mysql"));
        assert!(!is_system("shop"));
    }
}
