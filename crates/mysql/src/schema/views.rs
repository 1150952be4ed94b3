//! Views: their text, and an order in which each comes after those it reads.
//!
//! The servers write every table of a view's query with its schema, in backticks.
//! Looking for the names of other chosen views in that text finds all that it needs,
//! on every version; a name too many only costs a better order. What no order can be
//! found for keeps the order by name, and creation tries again.

use std::collections::{BTreeMap, BTreeSet};

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Row};
use tidegate_link::ViewDef;
use tidegate_model::schema::TableName;
use tidegate_model::{Error, Result};

use crate::ddl::{self, Kind, Mode};
use crate::failure::{code_of, failed};

/// ER_NO_SUCH_TABLE, ER_WRONG_OBJECT: it was dropped or replaced since it was listed.
const GONE: [u16; 2] = [1146, 1347];

/// Stands before a view's text, with its collation_connection.
const COLLATION_MARK: &str = "/* collation_connection ";

/// The views with their text, in order. Those that are gone are left out.
pub(super) async fn read_views(conn: &mut Conn, mut names: Vec<TableName>) -> Result<Vec<ViewDef>> {
    names.sort();
    let mut views = Vec::with_capacity(names.len());
    for name in names {
        let sql = format!(
            "SHOW CREATE VIEW {}.{}",
            ddl::quoted(&name.schema),
            ddl::quoted(&name.table)
        );
        let row: Option<Row> = match conn.query_first(sql).await {
            Ok(row) => row,
            Err(error) if code_of(&error).is_some_and(|code| GONE.contains(&code)) => continue,
            Err(error) => return Err(failed(format!("reading the view {name}"))(error)),
        };
        let native_ddl = row.and_then(text_with_collation).ok_or_else(|| {
            Error::unknown(format!("the server's text of the view {name} is not understood"))
        })?;
        views.push(ViewDef { name, native_ddl });
    }
    in_order(views)
}

/// The text, and before it in a comment the collation that its literals were read with.
fn text_with_collation(mut row: Row) -> Option<String> {
    let text = row.take_opt::<String, _>(1)?.ok()?;
    let collation = row.take_opt::<String, _>(3)?.ok()?;
    Some(format!("{COLLATION_MARK}{collation} */ {text}"))
}

/// The collation that a view's literals were read with; None when it is not said.
pub(crate) fn collation_of(native_ddl: &str) -> Option<&str> {
    let (collation, _) = native_ddl.strip_prefix(COLLATION_MARK)?.split_once(" */ ")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    collation.bytes().all(plain).then_some(collation)
}

/// Names of the form `schema`.`table` that stand in a view's text.
fn names_in(text: &str) -> Result<BTreeSet<TableName>> {
    let tokens = ddl::tokens(text, Mode::default())?;
    let names = tokens.windows(3).filter_map(|window| match window {
        [first, dot, second] => match (&first.kind, &dot.kind, &second.kind) {
            (Kind::Quoted(schema), Kind::Symbol(b'.'), Kind::Quoted(table)) => {
                Some(TableName::new(schema, table))
            }
            _ => None,
        },
        _ => None,
    });
    Ok(names.collect())
}

fn in_order(views: Vec<ViewDef>) -> Result<Vec<ViewDef>> {
    let all: BTreeSet<TableName> = views.iter().map(|view| view.name.clone()).collect();
    let mut needs: BTreeMap<TableName, BTreeSet<TableName>> = BTreeMap::new();
    for view in &views {
        let mut names = names_in(&view.native_ddl)?;
        names.retain(|name| *name != view.name && all.contains(name));
        needs.insert(view.name.clone(), names);
    }
    let mut ordered = Vec::with_capacity(views.len());
    let mut waiting = views;
    while !waiting.is_empty() {
        let (ready, rest): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|view| needs.get(&view.name).is_none_or(BTreeSet::is_empty));
        if ready.is_empty() {
            ordered.extend(rest);
            break;
        }
        for view in &ready {
            for names in needs.values_mut() {
                names.remove(&view.name);
            }
        }
        ordered.extend(ready);
        waiting = rest;
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_view_comes_after_those_it_reads() {
        let view = |name: &str, from: &str| ViewDef {
            name: TableName::new("s", name),
            native_ddl: format!("CREATE VIEW `s`.`{name}` AS select 1 AS `x` from {from}"),
        };
        let views = vec![
            view("a", "`s`.`c` join `s`.`t`"),
            view("b", "`s`.`t`"),
            view("c", "(`s`.`b` join `s`.`d`)"),
            view("d", "`s`.`b`"),
            view("loop1", "`s`.`loop2`"),
            view("loop2", "`s`.`loop1`"),
        ];
        let ordered = in_order(views).unwrap();
        let names: Vec<&str> = ordered.iter().map(|view| view.name.table.as_str()).collect();
        assert_eq!(names, ["b", "d", "c", "a", "loop1", "loop2"]);
    }
}
