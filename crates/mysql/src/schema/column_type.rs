//! A column's type as the catalog spells it, to the neutral type.
//!
//! Source: MySQL manual "The INFORMATION_SCHEMA COLUMNS Table" and "Data Types",
//! MariaDB "Data Types". Types that no other engine knows are `Native`.

use tidegate_model::schema::ColumnType;

/// `data_type` is the bare name (`varchar`), `column_type` the whole spelling
/// (`varchar(20)`), `charset` that of texts. Neither is trusted to be well-formed:
/// what is not understood is `Native`, which moves between servers of one kind only.
pub(crate) fn column_type(data_type: &str, column_type: &str, charset: Option<&str>) -> ColumnType {
    let name = data_type.to_ascii_lowercase();
    let numbers = numbers(column_type);
    let first = numbers.first().copied();
    let fsp = small(first, 0);
    let charset = || charset.unwrap_or("binary").to_owned();
    let text = |fixed, length| ColumnType::Text {
        charset: charset(),
        fixed,
        length,
    };
    match name.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" => ColumnType::Int {
            bits: int_bits(&name),
            unsigned: is_unsigned(column_type),
        },
        "decimal" | "numeric" => ColumnType::Decimal {
            precision: small(first, 10),
            scale: small(numbers.get(1).copied(), 0),
            unsigned: is_unsigned(column_type),
        },
        "float" => ColumnType::Float,
        "double" | "real" => ColumnType::Double,
        "char" => text(true, Some(first.unwrap_or(1))),
        "varchar" => text(false, first),
        "tinytext" | "text" | "mediumtext" | "longtext" => text(false, None),
        "binary" => ColumnType::Bytes {
            fixed: true,
            length: Some(first.unwrap_or(1)),
        },
        "varbinary" => ColumnType::Bytes {
            fixed: false,
            length: first,
        },
        "tinyblob" | "blob" | "mediumblob" | "longblob" => ColumnType::Bytes {
            fixed: false,
            length: None,
        },
        // Four bytes a dimension, as the servers hand it out.
        "vector" => ColumnType::Bytes {
            fixed: false,
            length: Some(first.unwrap_or(2048).saturating_mul(4)),
        },
        "date" => ColumnType::Date,
        "time" => ColumnType::Time { fsp },
        "datetime" => ColumnType::DateTime { fsp },
        "timestamp" => ColumnType::Timestamp { fsp },
        "year" => ColumnType::Year,
        "bit" => ColumnType::Bit {
            width: small(first, 1),
        },
        "enum" => ColumnType::Enum {
            charset: charset(),
            members: members(column_type),
        },
        "set" => ColumnType::Set {
            charset: charset(),
            members: members(column_type),
        },
        "json" => ColumnType::Json,
        name if is_geometry(name) => ColumnType::Geometry,
        _ => ColumnType::Native,
    }
}

fn is_geometry(name: &str) -> bool {
    const NAMES: [&str; 9] = [
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
    NAMES.contains(&name)
}

fn int_bits(name: &str) -> u8 {
    match name {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "bigint" => 64,
        _ => 32,
    }
}

/// ZEROFILL makes a column unsigned even where it is not said.
fn is_unsigned(column_type: &str) -> bool {
    let words = column_type.to_ascii_lowercase();
    words
        .split_ascii_whitespace()
        .any(|word| word == "unsigned" || word == "zerofill")
}

fn small(number: Option<u64>, default: u8) -> u8 {
    number
        .and_then(|number| u8::try_from(number).ok())
        .unwrap_or(default)
}

/// The numbers between the first parentheses: `decimal(10,2)` gives 10 and 2.
fn numbers(column_type: &str) -> Vec<u64> {
    let inside = column_type
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let Some((inside, _)) = inside else {
        return Vec::new();
    };
    inside
        .split(',')
        .map_while(|part| part.trim().parse().ok())
        .collect()
}

/// Members of `enum('a','it''s')`. The servers double quotes, and write backslash,
/// NUL and line ends as escapes.
fn members(column_type: &str) -> Vec<String> {
    let mut members = Vec::new();
    let mut chars = column_type.chars().peekable();
    while chars.by_ref().any(|char| char == '\'') {
        let mut member = String::new();
        while let Some(char) = chars.next() {
            match char {
                '\'' if chars.peek() == Some(&'\'') => {
                    chars.next();
                    member.push('\'');
                }
                '\'' => break,
                '\\' => member.extend(chars.next().map(unescaped)),
                char => member.push(char),
            }
        }
        members.push(member);
    }
    members
}

fn unescaped(char: char) -> char {
    match char {
        '0' => '\0',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'Z' => '\u{1a}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_their_spelling() {
        let check = |data_type: &str, spelling: &str, expected: ColumnType| {
            assert_eq!(
                column_type(data_type, spelling, Some("utf8mb4")),
                expected,
                "{spelling}"
            );
        };
        let int = |bits, unsigned| ColumnType::Int { bits, unsigned };
        check("int", "int", int(32, false));
        check("int", "int(10) unsigned", int(32, true));
        check("bigint", "bigint(20) zerofill", int(64, true));
        check("tinyint", "tinyint(1)", int(8, false));
        check("mediumint", "mediumint", int(24, false));
        let decimal = |precision, scale, unsigned| ColumnType::Decimal {
            precision,
            scale,
            unsigned,
        };
        check("decimal", "decimal(65,30)", decimal(65, 30, false));
        check("decimal", "decimal(9,0) unsigned", decimal(9, 0, true));
        check("float", "float(7,2)", ColumnType::Float);
        check("time", "time", ColumnType::Time { fsp: 0 });
        check("datetime", "datetime(6)", ColumnType::DateTime { fsp: 6 });
        check("bit", "bit(64)", ColumnType::Bit { width: 64 });
        check("year", "year(4)", ColumnType::Year);
        check("geomcollection", "geomcollection", ColumnType::Geometry);
        check("uuid", "uuid", ColumnType::Native);
        check(
            "vector",
            "vector(3)",
            ColumnType::Bytes {
                fixed: false,
                length: Some(12),
            },
        );
        check(
            "char",
            "char(0)",
            ColumnType::Text {
                charset: "utf8mb4".into(),
                fixed: true,
                length: Some(0),
            },
        );
    }

    #[test]
    fn members_keep_quotes_commas_and_escapes() {
        let check = |spelling: &str, expected: &[&str]| {
            assert_eq!(members(spelling), expected, "{spelling}");
        };
        check("enum('a','b')", &["a", "b"]);
        check("set('')", &[""]);
        check("enum('it''s','a,b',')')", &["it's", "a,b", ")"]);
        check(r"enum('back\\slash','line\nend')", &["back\\slash", "line\nend"]);
        check("enum('ünï','''')", &["ünï", "'"]);
    }
}
