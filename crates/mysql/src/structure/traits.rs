//! What a table's CREATE text tells that its schema does not: options, references.

use tidegate_link::TableDef;
use tidegate_model::Result;
use tidegate_model::schema::TableName;

use super::plan::referenced;
use super::table_text::{is_symbol, is_word, take_apart};
use crate::ddl::{Kind, Mode, tokens};

/// A foreign key: its name, the table it refers to, and the rules that change rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) to: TableName,
    /// `ON DELETE CASCADE` and the like; not RESTRICT and NO ACTION.
    pub(crate) rules: Vec<String>,
}

/// A table option that is a word: ENGINE, ROW_FORMAT.
pub(crate) fn option(table: &TableDef, name: &str) -> Option<String> {
    let options = take_apart(&table.native_ddl).ok()?.options;
    let tokens = tokens(&options, Mode::default()).ok()?;
    tokens.windows(3).find_map(|window| match window {
        [option, equals, value] if is_word(option, name) && is_symbol(equals, b'=') => match &value.kind {
            Kind::Word(value) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    })
}

/// MariaDB's tables that keep every row that ever was.
pub(crate) fn is_system_versioned(table: &TableDef) -> bool {
    let Ok(text) = take_apart(&table.native_ddl) else {
        return false;
    };
    let Ok(tokens) = tokens(&text.options, Mode::default()) else {
        return false;
    };
    tokens.windows(3).any(|window| {
        matches!(window, [with, system, versioning]
            if is_word(with, "WITH") && is_word(system, "SYSTEM") && is_word(versioning, "VERSIONING"))
    })
}

pub(crate) fn references(table: &TableDef) -> Result<Vec<Reference>> {
    let text = take_apart(&table.native_ddl)?;
    let mut references = Vec::with_capacity(text.foreign_keys.len());
    for key in &text.foreign_keys {
        let tokens = tokens(&key.text, Mode::default())?;
        let rules = tokens.windows(3).filter_map(|window| match window {
            [on, event, rule] if is_word(on, "ON") => match (&event.kind, &rule.kind) {
                (Kind::Word(event), Kind::Word(rule)) => Some((event, rule)),
                _ => None,
            },
            _ => None,
        });
        let rules = rules.filter_map(|(event, rule)| {
            let what = match rule.to_ascii_uppercase().as_str() {
                "CASCADE" => "CASCADE",
                "SET" if key.text.to_ascii_uppercase().contains("SET DEFAULT") => "SET DEFAULT",
                "SET" => "SET NULL",
                _ => return None,
            };
            Some(format!("ON {} {what}", event.to_ascii_uppercase()))
        });
        references.push(Reference {
            name: key.name.clone(),
            to: referenced(table, key),
            rules: rules.collect(),
        });
    }
    Ok(references)
}
