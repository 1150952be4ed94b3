//! Pictures between servers of one flavor: what `SHOW CREATE TABLE` prints and
//! `CHECKSUM TABLE … EXTENDED` computes (a sum over the rows, so their order does
//! not matter, and duplicates count).

use anyhow::Context;

use super::{Kind, Picture, lines, literal, names, quote, stored};
use crate::servers::{DbServer, Rows};

pub(super) fn draw(server: &DbServer, database: &str) -> anyhow::Result<Picture> {
    let mut picture = Picture::new();
    let name = literal(database);
    let set = server.sql(&format!(
        "select default_character_set_name, default_collation_name from information_schema.schemata \
         where schema_name = {name}"
    ))?;
    if set.is_empty() {
        return Ok(picture);
    }
    picture.insert((Kind::Database, String::new()), lines(set));
    draw_tables(server, database, &mut picture)?;
    let views = server.sql(&format!(
        "select table_name, view_definition, security_type, check_option, character_set_client, \
         collation_connection from information_schema.views where table_schema = {name}"
    ))?;
    for view in views {
        let name = text(&view, 0)?.to_string();
        picture.insert((Kind::View, name), lines(vec![view]));
    }
    for (name, text) in stored::draw(server, database)? {
        picture.insert((Kind::Stored, name), text);
    }
    Ok(picture)
}

fn draw_tables(server: &DbServer, database: &str, picture: &mut Picture) -> anyhow::Result<()> {
    let tables = names(server, database, "BASE TABLE")?;
    if tables.is_empty() {
        return Ok(());
    }
    let full = |table: &String| format!("{}.{}", quote(database), quote(table));
    let create: String = tables
        .iter()
        .map(|table| format!("show create table {};\n", full(table)))
        .collect();
    let counts: String = tables
        .iter()
        .map(|table| format!("select count(*) from {};\n", full(table)))
        .collect();
    let all = tables.iter().map(full).collect::<Vec<_>>().join(", ");
    let (creates, counts) = (server.sql_all(&create)?, server.sql_all(&counts)?);
    let sums = server.sql(&format!("checksum table {all} extended"))?;
    anyhow::ensure!(
        creates.len() == tables.len() && counts.len() == tables.len() && sums.len() == tables.len(),
        "a table of {database} went away while it was looked at"
    );
    for (((table, create), count), sum) in tables.into_iter().zip(creates).zip(counts).zip(sums) {
        let (definition, next) = normalised(first(&create, 1)?);
        let rows = format!("count {}\nchecksum {}\n", first(&count, 0)?, text(&sum, 1)?);
        picture.insert((Kind::Table, table.clone()), definition);
        picture.insert((Kind::Rows, table.clone()), rows);
        if let Some(next) = next {
            picture.insert((Kind::AutoIncrement, table), next);
        }
    }
    Ok(())
}

fn first(rows: &Rows, column: usize) -> anyhow::Result<&str> {
    text(rows.first().context("an answer without rows")?, column)
}

fn text(row: &[Option<String>], column: usize) -> anyhow::Result<&str> {
    row.get(column)
        .and_then(Option::as_deref)
        .context("an answer without a value")
}

/// A definition without the table's name and its next number, which is given
/// apart. Columns keep their order; keys and constraints are sorted, for they
/// may have been added in another order.
fn normalised(create: &str) -> (String, Option<String>) {
    let mut columns = vec!["columns".to_string()];
    let (mut others, mut next) = (Vec::new(), None);
    for line in create.lines().skip(1) {
        let mut line = line.trim_end_matches(',').to_string();
        if line.starts_with("  `") {
            columns.push(line);
            continue;
        }
        if let Some((before, number, after)) = next_number(&line) {
            next = Some(number);
            line = format!("{before}{after}");
        }
        others.push(line);
    }
    others.sort();
    columns.extend(others);
    (columns.join("\n"), next)
}

/// `) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT …`
fn next_number(line: &str) -> Option<(String, String, String)> {
    let (before, rest) = line.strip_prefix(')')?.split_once(" AUTO_INCREMENT=")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, after) = rest.split_at(digits);
    Some((format!("){before}"), number.to_string(), after.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_normalised() {
        let create = "CREATE TABLE `t` (\n  `b` int,\n  `a` int,\n  KEY `y` (`a`),\n  KEY `x` (`b`)\n) \
                      ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4";
        let (text, next) = normalised(create);
        assert_eq!(next.as_deref(), Some("5"));
        let expected = "columns\n  `b` int\n  `a` int\n  KEY `x` (`b`)\n  KEY `y` (`a`)\n\
                        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
        assert_eq!(text, expected);
    }
}
