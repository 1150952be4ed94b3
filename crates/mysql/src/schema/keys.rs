//! Which key tells a table's rows apart.
//!
//! A key counts when it is unique, over whole stored columns, none of them nullable.
//! The primary key goes first; of the others the smallest. A key over FLOAT is taken
//! last: a FLOAT is not equal to its own decimal text.

use tidegate_model::schema::{Column, ColumnType, Key};

/// One part of a unique index, in the index's order.
#[derive(Clone, Debug)]
pub(super) struct IndexPart {
    pub(super) index: String,
    /// None for an expression.
    pub(super) column: Option<String>,
    pub(super) is_prefix: bool,
    pub(super) is_hash: bool,
}

/// `hash_is_hidden`: a HASH index is MariaDB's way to keep long values unique, over
/// a hidden column, and of no use to find rows.
pub(super) fn row_key(columns: &[Column], parts: &[IndexPart], hash_is_hidden: bool) -> Option<Key> {
    let mut best: Option<((bool, bool, u64), Key)> = None;
    for parts in parts.chunk_by(|a, b| a.index == b.index) {
        if hash_is_hidden && parts.iter().any(|part| part.is_hash) {
            continue;
        }
        let Some(key) = whole_key(columns, parts) else {
            continue;
        };
        let kinds = || key.columns.iter().filter_map(|at| columns.get(*at));
        let float = kinds().any(|column| column.kind == ColumnType::Float);
        let width = kinds().map(|column| width(&column.kind)).sum();
        let cost = (float, !key.primary, width);
        if best.as_ref().is_none_or(|(lowest, _)| cost < *lowest) {
            best = Some((cost, key));
        }
    }
    best.map(|(_, key)| key)
}

fn whole_key(columns: &[Column], parts: &[IndexPart]) -> Option<Key> {
    let mut at = Vec::with_capacity(parts.len());
    for part in parts {
        let name = part.column.as_deref()?;
        let position = columns.iter().position(|column| column.name == name)?;
        let column = columns.get(position)?;
        if part.is_prefix || column.nullable || column.generated {
            return None;
        }
        at.push(position);
    }
    let name = parts.first()?.index.clone();
    Some(Key {
        primary: name == "PRIMARY",
        unique: true,
        columns: at,
        name,
    })
}

/// About the bytes that a value takes, to compare keys by.
fn width(kind: &ColumnType) -> u64 {
    match kind {
        ColumnType::Int { bits, .. } => u64::from(*bits) / 8,
        ColumnType::Decimal { precision, .. } => u64::from(*precision) / 2 + 1,
        ColumnType::Float | ColumnType::Timestamp { .. } => 4,
        ColumnType::Double | ColumnType::DateTime { .. } | ColumnType::Bit { .. } => 8,
        ColumnType::Date | ColumnType::Time { .. } => 3,
        ColumnType::Year | ColumnType::Enum { .. } => 2,
        ColumnType::Set { .. } => 8,
        ColumnType::Text { length, .. } => length.unwrap_or(1 << 24).saturating_mul(4),
        ColumnType::Bytes { length, .. } => length.unwrap_or(1 << 24),
        ColumnType::Native => 16,
        ColumnType::Json | ColumnType::Geometry => 1 << 24,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: ColumnType) -> Column {
        Column {
            name: name.to_owned(),
            kind,
            native: String::new(),
            nullable: name == "nullable",
            generated: name == "generated",
            auto_increment: false,
        }
    }

    /// `index:column`, `index:column*` for a prefix, `index:` for an expression.
    fn parts(spec: &str) -> Vec<IndexPart> {
        let part = |spec: &str| {
            let (index, column) = spec.split_once(':').unwrap();
            let name = column.trim_end_matches('*');
            IndexPart {
                index: index.to_owned(),
                column: (!name.is_empty()).then(|| name.to_owned()),
                is_prefix: column.ends_with('*'),
                is_hash: index == "hash",
            }
        };
        spec.split_whitespace().map(part).collect()
    }

    #[test]
    fn the_best_whole_key_is_taken() {
        let int = |bits| ColumnType::Int {
            bits,
            unsigned: false,
        };
        let text = ColumnType::Text {
            charset: "utf8mb4".into(),
            fixed: false,
            length: Some(20),
        };
        let columns = [
            column("big", int(64)),
            column("small", int(16)),
            column("name", text),
            column("nullable", int(32)),
            column("generated", int(32)),
            column("float", ColumnType::Float),
        ];
        let check = |spec: &str, expected: Option<&str>| {
            let key = row_key(&columns, &parts(spec), true);
            assert_eq!(key.as_ref().map(|key| key.name.as_str()), expected, "{spec}");
        };
        check("", None);
        check("PRIMARY:big u:small", Some("PRIMARY"));
        check("PRIMARY:name* u:small", Some("u"));
        check("PRIMARY:name*", None);
        check("a:name b:big c:small", Some("c"));
        check("a:nullable b:generated", None);
        check("a:small a:nullable b:big", Some("b"));
        check("a: b:name", Some("b"));
        check("a:small a:", None);
        check("PRIMARY:float u:name", Some("u"));
        check("PRIMARY:float", Some("PRIMARY"));
        check("hash:small", None);
    }
}
