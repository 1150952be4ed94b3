//! Are two servers equal? Asked of the servers themselves, through their own
//! command-line clients, so that no code is shared with what is tested.
//!
//! Each database is drawn as a `Picture`: a text for every database, table, set
//! of rows and view. Pictures are compared; the differences are sentences. Between
//! servers of one flavor the pictures are `SHOW CREATE TABLE` and `CHECKSUM TABLE …
//! EXTENDED`; else (see `across`) the catalog's columns, indexes and foreign keys, and
//! a digest that both can compute. Stored objects are drawn by `SHOW CREATE …` between servers
//! of one flavor, by name else; accounts are compared apart, where asked for.

mod accounts;
mod across;
mod exact;
mod stored;

use std::collections::BTreeMap;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::servers::DbServer;

/// A database, or one table of it, that has another name on the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rename {
    pub database: String,
    /// None: the database itself is renamed.
    #[serde(default)]
    pub table: Option<String>,
    pub to: String,
}

/// Kind and name of a thing, and the text that says what it is like.
type Picture = BTreeMap<(Kind, String), String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Database,
    Table,
    Rows,
    AutoIncrement,
    View,
    Stored,
}

pub use accounts::compare_accounts;

/// Begins every difference in the next number of a table. A case whose end is
/// not a cutover may leave these out.
pub const AUTO_INCREMENT: &str = "auto_increment of";

/// All differences between the databases of two servers, as sentences without row
/// values; empty if they are equal. Names are those of the source. Blocks.
pub fn compare_servers(
    source: &DbServer,
    target: &DbServer,
    databases: &[&str],
    renames: &[Rename],
) -> anyhow::Result<Vec<String>> {
    let same = source.flavor() == target.flavor();
    let draw = if same { exact::draw } else { across::draw };
    let mut differences = Vec::new();
    for database in databases {
        let mut to = *database;
        for rename in renames
            .iter()
            .filter(|r| r.database == *database && r.table.is_none())
        {
            to = &rename.to;
        }
        let (left, right) = std::thread::scope(|scope| {
            let left = scope.spawn(|| draw(source, database));
            let right = draw(target, to).with_context(|| format!("cannot look at {to} on the target"));
            (left.join(), right)
        });
        let left = left.map_err(|_| anyhow::anyhow!("the look at the source panicked"))?;
        let left = left.with_context(|| format!("cannot look at {database} on the source"))?;
        compare(
            database,
            &translated(left, database, to, renames),
            &right?,
            &mut differences,
        );
    }
    Ok(differences)
}

/// The databases of a server that are not its own.
pub fn user_databases(server: &DbServer) -> anyhow::Result<Vec<String>> {
    let rows = server.sql(
        "select schema_name from information_schema.schemata where schema_name not in \
         ('mysql', 'sys', 'performance_schema', 'information_schema') order by 1",
    )?;
    Ok(rows
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect())
}

fn compare(database: &str, source: &Picture, target: &Picture, differences: &mut Vec<String>) {
    let mut say = |kind: &Kind, name: &str, what: String| {
        let thing = match kind {
            Kind::Database => format!("database {database}"),
            Kind::Table => format!("table {database}.{name}"),
            Kind::Rows => format!("rows of {database}.{name}"),
            Kind::AutoIncrement => format!("{AUTO_INCREMENT} {database}.{name}"),
            Kind::View => format!("view {database}.{name}"),
            Kind::Stored => format!("{database}: {name}"),
        };
        differences.push(format!("{thing}: {what}"));
    };
    for ((kind, name), left) in source {
        match target.get(&(*kind, name.clone())) {
            None => say(kind, name, "missing on the target".into()),
            Some(right) if left == right => {}
            Some(right) => say(kind, name, lines_apart(left, right)),
        }
    }
    for (kind, name) in target.keys().filter(|key| !source.contains_key(*key)) {
        say(kind, name, "only on the target".into());
    }
}

/// The lines that only one side has.
fn lines_apart(source: &str, target: &str) -> String {
    let only = |text: &str, other: &str| {
        let lines = text
            .lines()
            .filter(|line| !other.lines().any(|o| o == *line))
            .map(str::trim);
        lines.collect::<Vec<_>>().join(" / ")
    };
    let (left, right) = (only(source, target), only(target, source));
    if left.is_empty() && right.is_empty() {
        return "the same lines in another order".into();
    }
    format!("source has [{left}], target has [{right}]")
}

/// The source's picture with the names that the target should have.
fn translated(picture: Picture, database: &str, to: &str, renames: &[Rename]) -> Picture {
    let tables: Vec<(&str, &Rename)> = renames
        .iter()
        .filter(|rename| rename.database == database)
        .filter_map(|rename| rename.table.as_deref().map(|table| (table, rename)))
        .collect();
    let in_text = |mut text: String| {
        for (table, rename) in &tables {
            let (from, into) = (quote(table), quote(&rename.to));
            text = text.replace(&format!("REFERENCES {from} ("), &format!("REFERENCES {into} ("));
            text = text.replace(
                &format!("{}.{from}", quote(database)),
                &format!("{}.{into}", quote(database)),
            );
        }
        for rename in renames.iter().filter(|rename| rename.table.is_none()) {
            text = text.replace(
                &format!("{}.", quote(&rename.database)),
                &format!("{}.", quote(&rename.to)),
            );
        }
        text
    };
    let in_name = |name: String| match tables.iter().find(|(table, _)| *table == name) {
        Some((_, rename)) => rename.to.clone(),
        None => name,
    };
    debug_assert!(database == to || renames.iter().any(|rename| rename.to == to));
    picture
        .into_iter()
        .map(|((kind, name), text)| ((kind, in_name(name)), in_text(text)))
        .collect()
}

/// A name as an identifier.
fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as a literal; backslashes are doubled, which the default SQL mode wants.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The names of a database's tables, or of its views.
fn names(server: &DbServer, database: &str, kind: &str) -> anyhow::Result<Vec<String>> {
    let rows = server.sql(&format!(
        "select table_name from information_schema.tables where table_schema = {} and table_type = '{kind}' \
         order by 1",
        literal(database)
    ))?;
    Ok(rows
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect())
}

/// All rows of a query on the catalog, each as one line, NULL told apart from text.
fn lines(rows: Vec<Vec<Option<String>>>) -> String {
    let line = |row: Vec<Option<String>>| {
        let fields = row
            .into_iter()
            .map(|field| field.map_or("NULL".into(), |text| literal(&text)));
        fields.collect::<Vec<_>>().join(", ") + "\n"
    };
    rows.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(things: &[(Kind, &str, &str)]) -> Picture {
        let entry = |(kind, name, text): &(Kind, &str, &str)| ((*kind, (*name).into()), (*text).into());
        things.iter().map(entry).collect()
    }

    #[test]
    fn differences_are_named() {
        let source = picture(&[
            (Kind::Table, "a", "x\ny"),
            (Kind::Table, "b", ""),
            (Kind::Rows, "a", "1"),
        ]);
        let target = picture(&[
            (Kind::Table, "a", "x\nz"),
            (Kind::View, "v", ""),
            (Kind::Rows, "a", "1"),
        ]);
        let mut found = Vec::new();
        compare("d", &source, &target, &mut found);
        let expected = [
            "table d.a: source has [y], target has [z]",
            "table d.b: missing on the target",
            "view d.v: only on the target",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn renames_reach_names_and_references() {
        let renames = [
            Rename {
                database: "d".into(),
                table: None,
                to: "e".into(),
            },
            Rename {
                database: "d".into(),
                table: Some("a".into()),
                to: "b".into(),
            },
        ];
        let source = picture(&[
            (Kind::Table, "a", "REFERENCES `a` (`id`)"),
            (Kind::View, "v", "from `d`.`a`"),
        ]);
        let expected = picture(&[
            (Kind::Table, "b", "REFERENCES `b` (`id`)"),
            (Kind::View, "v", "from `e`.`b`"),
        ]);
        assert_eq!(translated(source, "d", "e", &renames), expected);
    }
}
