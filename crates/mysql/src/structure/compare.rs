//! Is a table on the target what the source's would be there?
//!
//! Columns only: names, order, types, nullability, generated or not. What the two
//! flavours call differently is the same here.

use tidegate_model::schema::{Column, ColumnType, TableSchema};
use tidegate_model::{Error, Result};

use super::adapt::Pair;

pub(super) fn same_columns(source: &TableSchema, target: &TableSchema, pair: Pair) -> Result<()> {
    let Some(difference) = difference(source, target, pair) else {
        return Ok(());
    };
    Err(Error::needs_user(format!(
        "the table {} on the target is not like the source's {}: {difference}",
        target.name, source.name
    ))
    .remedy("Rename or drop the table on the target, or leave it out of this job"))
}

fn difference(source: &TableSchema, target: &TableSchema, pair: Pair) -> Option<String> {
    for (at, wanted) in source.columns.iter().enumerate() {
        let name = &wanted.name;
        let Some(column) = target.columns.get(at) else {
            return Some(format!("it has no column {name}"));
        };
        if column.name != *name {
            return Some(format!(
                "its column number {} is {}, not {name}",
                at + 1,
                column.name
            ));
        }
        if column.generated != wanted.generated {
            return Some(format!("one computes the column {name}, the other does not"));
        }
        // MariaDB's generated columns are never NOT NULL.
        let unsaid = pair.differ() && wanted.generated;
        if column.nullable != wanted.nullable && !unsaid {
            return Some(format!("one takes NULL in the column {name}, the other does not"));
        }
        if !same_kind(wanted, column, pair) {
            return Some(format!(
                "its column {name} is {}, not {}",
                column.native, wanted.native
            ));
        }
    }
    let more = target.columns.get(source.columns.len())?;
    Some(format!("it has a column {} more", more.name))
}

fn same_kind(source: &Column, target: &Column, pair: Pair) -> bool {
    match (&source.kind, &target.kind) {
        (ColumnType::Json, ColumnType::Text { length: None, .. }) => pair.differ(),
        (ColumnType::Native, ColumnType::Native) => source.native.eq_ignore_ascii_case(&target.native),
        (source, target) => with_plain_charset(source) == with_plain_charset(target),
    }
}

/// `utf8` and `utf8mb3` are two names of one charset.
fn with_plain_charset(kind: &ColumnType) -> ColumnType {
    let mut kind = kind.clone();
    if let ColumnType::Text { charset, .. }
    | ColumnType::Enum { charset, .. }
    | ColumnType::Set { charset, .. } = &mut kind
        && charset == "utf8"
    {
        charset.push_str("mb3");
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::{Flavour, Version};
    use tidegate_model::schema::TableName;

    fn table(columns: &str) -> TableSchema {
        let column = |spec: &str| {
            let (name, kind) = spec.split_once(':').unwrap();
            let text = |charset: &str| ColumnType::Text {
                charset: charset.to_owned(),
                fixed: false,
                length: None,
            };
            let bare = kind.trim_end_matches(['?', '=']);
            Column {
                name: name.to_owned(),
                kind: match bare {
                    "json" => ColumnType::Json,
                    "uuid" | "inet4" => ColumnType::Native,
                    "date" => ColumnType::Date,
                    charset => text(charset),
                },
                native: bare.to_owned(),
                nullable: kind.contains('?'),
                generated: kind.contains('='),
                auto_increment: false,
            }
        };
        TableSchema {
            name: TableName::new("s", "t"),
            columns: columns.split_whitespace().map(column).collect(),
            row_key: None,
            rows_estimate: 0,
            bytes_estimate: 0,
        }
    }

    #[test]
    fn differences_are_found() {
        let check = |source: &str, target: &str, flavour, same: bool| {
            let pair = Pair {
                from: Flavour::Mysql,
                to: Version {
                    flavour,
                    number: (11, 8, 0),
                },
            };
            let result = same_columns(&table(source), &table(target), pair);
            assert_eq!(result.is_ok(), same, "{source} / {target}");
        };
        check("a:date b:utf8", "a:date b:utf8mb3", Flavour::Mysql, true);
        check("a:date", "b:date", Flavour::Mysql, false);
        check("a:date", "a:date b:date", Flavour::Mysql, false);
        check("a:date b:date", "a:date", Flavour::Mysql, false);
        check("a:date", "a:date?", Flavour::Mysql, false);
        check("a:date", "a:date=", Flavour::Mysql, false);
        check("a:latin1", "a:utf8mb4", Flavour::Mysql, false);
        check("a:json", "a:utf8mb4", Flavour::Mariadb, true);
        check("a:json", "a:utf8mb4", Flavour::Mysql, false);
        check("a:uuid", "a:inet4", Flavour::Mysql, false);
    }
}
