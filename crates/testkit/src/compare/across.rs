//! Pictures between servers of different flavors: what both catalogs can say of
//! columns, indexes and foreign keys, and a digest of the rows by functions that
//! both have.
//!
//! The digest sums two parts of a SHA-256 of each row's columns in hexadecimal
//! digits, so the order of rows does not matter, and duplicates count.

use anyhow::Context;

use super::{Kind, Picture, lines, literal, names, quote, stored};
use crate::servers::DbServer;

/// A value of more than this many types' text would make the row's text too long.
const LARGE: [&str; 8] = [
    "text",
    "mediumtext",
    "longtext",
    "tinytext",
    "blob",
    "mediumblob",
    "longblob",
    "tinyblob",
];
const BINARY: [&str; 2] = ["binary", "varbinary"];
const SPATIAL: [&str; 9] = [
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
];

pub(super) fn draw(server: &DbServer, database: &str) -> anyhow::Result<Picture> {
    let mut picture = Picture::new();
    for table in names(server, database, "BASE TABLE")? {
        let (catalog, digest) = draw_table(server, database, &table)
            .with_context(|| format!("cannot look at {database}.{table}"))?;
        picture.insert((Kind::Table, table.clone()), catalog);
        picture.insert((Kind::Rows, table), digest);
    }
    // The text of a view is each server's own; its columns are not.
    for view in names(server, database, "VIEW")? {
        let of = format!(
            "table_schema = {} and table_name = {}",
            literal(database),
            literal(&view)
        );
        let columns = server.sql(&format!(
            "select column_name from information_schema.columns where {of} order by ordinal_position"
        ))?;
        picture.insert((Kind::View, view), lines(columns));
    }
    for (kind, name, _) in stored::list(server, database)? {
        picture.insert((Kind::Stored, format!("{kind} {name}")), String::new());
    }
    Ok(picture)
}

fn draw_table(server: &DbServer, database: &str, table: &str) -> anyhow::Result<(String, String)> {
    let of = format!(
        "table_schema = {} and table_name = {}",
        literal(database),
        literal(table)
    );
    let columns = server.sql(&format!(
        "select column_name, data_type, is_nullable, numeric_precision, numeric_scale, datetime_precision, \
         character_maximum_length, character_set_name, column_type like '%unsigned%', extra like \
         '%auto_increment%' from information_schema.columns where {of} order by ordinal_position"
    ))?;
    let indexes = server.sql(&format!(
        "select 'index', index_name, non_unique, seq_in_index, column_name, sub_part from \
         information_schema.statistics where {of} order by index_name, seq_in_index"
    ))?;
    let keys = server.sql(&format!(
        "select 'foreign key', constraint_name, ordinal_position, column_name, if(table_schema = \
         referenced_table_schema, null, concat('`', referenced_table_schema, '`.')), concat('REFERENCES `', \
         referenced_table_name, '` (`', referenced_column_name, '`)') from \
         information_schema.key_column_usage where {of} and referenced_table_name is not null \
         order by constraint_name, ordinal_position"
    ))?;
    let rules = server.sql(&format!(
        "select 'rule', constraint_name, if(delete_rule = 'RESTRICT', 'NO ACTION', delete_rule), \
         if(update_rule = 'RESTRICT', 'NO ACTION', update_rule) from \
         information_schema.referential_constraints where constraint_schema = {} and table_name = {} \
         order by constraint_name",
        literal(database),
        literal(table)
    ))?;
    let expressions: Vec<String> = columns
        .iter()
        .map(|column| match (column.first(), column.get(1)) {
            (Some(Some(name)), Some(Some(kind))) => Ok(expression(name, kind)),
            _ => Err(anyhow::anyhow!("a column without a name")),
        })
        .collect::<anyhow::Result<_>>()?;
    // Unseen columns (a hidden key, say) are in neither catalog.
    let digest = server.sql(&format!(
        "set session time_zone = '+00:00', group_concat_max_len = 1048576; \
         select count(*), sum(cast(conv(substring(h, 1, 12), 16, 10) as unsigned)), \
         sum(cast(conv(substring(h, 13, 12), 16, 10) as unsigned)) from \
         (select sha2(concat_ws('|', {}), 256) as h from {}.{}) as hashed",
        expressions.join(", "),
        quote(database),
        quote(table)
    ))?;
    Ok((
        lines(columns) + &lines(indexes) + &lines(keys) + &lines(rules),
        lines(digest),
    ))
}

/// A column's value as hexadecimal digits, the same on both servers; NULL as a
/// sign that is no digit.
fn expression(name: &str, data_type: &str) -> String {
    let column = quote(name);
    let is = |list: &[&str]| list.contains(&data_type);
    let digits = if is(&SPATIAL) {
        format!("sha2(st_aswkb({column}), 256)")
    } else if is(&LARGE) && data_type.ends_with("blob") {
        format!("sha2({column}, 256)")
    } else if is(&LARGE) || data_type == "json" {
        format!("sha2(convert({column} using utf8mb4), 256)")
    } else if is(&BINARY) {
        format!("hex({column})")
    } else if data_type == "bit" {
        format!("hex({column} + 0)")
    } else {
        format!("hex(convert(cast({column} as char) using utf8mb4))")
    };
    format!("ifnull({digits}, '~')")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        assert_eq!(expression("a`b", "varbinary"), "ifnull(hex(`a``b`), '~')");
        assert_eq!(expression("c", "mediumblob"), "ifnull(sha2(`c`, 256), '~')");
        assert!(expression("d", "int").contains("cast(`d` as char)"));
    }
}
