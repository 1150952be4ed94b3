//! One table's CREATE text of the source, as the statements that make it on the target:
//! first what rows need, then the other keys, last the foreign keys.
//!
//! What must be there from the start: the primary key, the key that tells rows apart,
//! and a key that begins with the AUTO_INCREMENT column, which the servers demand.

use tidegate_link::TableDef;
use tidegate_model::Result;
use tidegate_model::schema::TableName;
use tidegate_model::selection::Selection;

use super::adapt::{Adapted, Pair};
use super::table_text::{ForeignKeyText, KeyKind, KeyText, take_apart};
use crate::ddl::quoted;

/// The statements for one table, and what they leave out or change.
#[derive(Debug, Default)]
pub(super) struct TablePlan {
    pub(super) create: String,
    /// Keys that are added after the rows.
    pub(super) keys: Vec<KeyText>,
    pub(super) foreign_keys: Vec<ForeignKeyText>,
    pub(super) sentences: Vec<String>,
}

pub(super) fn plan(def: &TableDef, target: &TableName, pair: Pair) -> Result<TablePlan> {
    let name = &def.schema.name;
    read(def, target, pair).map_err(|error| error.context(format!("the table {name}")))
}

fn read(def: &TableDef, target: &TableName, pair: Pair) -> Result<TablePlan> {
    let text = take_apart(&def.native_ddl)?;
    let mut plan = TablePlan::default();
    let mut clauses = Vec::new();
    for (_, column) in &text.columns {
        clauses.push(plan.take(def, pair.column(column)?));
    }
    clauses.extend(text.periods.iter().cloned());
    let first = first_keys(def, &text.keys);
    for key in &text.keys {
        let Some(text) = plan.key(def, key, pair)? else {
            continue;
        };
        if first.contains(&key.name) {
            clauses.push(text);
        } else {
            plan.keys.push(KeyText { text, ..key.clone() });
        }
    }
    for check in &text.checks {
        clauses.extend(plan.check(def, check, pair)?);
    }
    let options = plan.take(def, pair.options(&text.options)?);
    let partitions = plan.take(def, pair.clause(&text.partitions)?);
    plan.create = format!(
        "CREATE TABLE {}.{} (\n{}\n) {options}\n{partitions}",
        quoted(&target.schema),
        quoted(&target.table),
        clauses.join(",\n")
    );
    plan.foreign_keys = text.foreign_keys;
    Ok(plan)
}

impl TablePlan {
    fn take(&mut self, def: &TableDef, adapted: Adapted) -> String {
        for change in adapted.changes {
            self.say(def, &change);
        }
        adapted.text
    }

    fn say(&mut self, def: &TableDef, what: &str) {
        let sentence = format!("{}: {what}", def.schema.name);
        if !self.sentences.contains(&sentence) {
            self.sentences.push(sentence);
        }
    }

    /// None when the target has no such key.
    fn key(&mut self, def: &TableDef, key: &KeyText, pair: Pair) -> Result<Option<String>> {
        let name = &key.name;
        let hashed = key.kind == KeyKind::Unique && key.text.trim_end().ends_with("USING HASH");
        let lacking = if key.has_expression && pair.to.is_mariadb() {
            "MariaDB has no keys over expressions"
        } else if key.has_parser && pair.to.is_mariadb() && pair.differ() {
            "MariaDB lacks its full-text parser"
        } else if key.kind == KeyKind::Vector && !pair.to.is_mariadb() {
            "MySQL has no vector keys"
        } else if hashed && !pair.to.is_mariadb() && pair.differ() {
            "MySQL has no unique keys over values of any length"
        } else {
            return Ok(Some(self.take(def, pair.clause(&key.text)?)));
        };
        self.say(def, &format!("the key {name} is not made: {lacking}"));
        Ok(None)
    }

    fn check(&mut self, def: &TableDef, check: &str, pair: Pair) -> Result<Option<String>> {
        if pair.differ() && pair.to.is_mariadb() && check.contains("/*!80016 NOT ENFORCED */") {
            self.say(
                def,
                "a check that is not enforced is not made: MariaDB enforces every one",
            );
            return Ok(None);
        }
        let text = self.take(def, pair.clause(check)?);
        if pair.differ() && !pair.to.is_mariadb() {
            return Ok(Some(without_made_up_name(&text).to_owned()));
        }
        Ok(Some(text))
    }
}

/// MariaDB names checks CONSTRAINT_1 and so on in each table; MySQL wants every name
/// once in a schema, and gives better ones itself.
fn without_made_up_name(check: &str) -> &str {
    let made_up = check
        .strip_prefix("CONSTRAINT `CONSTRAINT_")
        .and_then(|rest| rest.split_once("` "))
        .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    made_up.map_or(check, |(_, rest)| rest)
}

/// Names of the keys that the table is created with.
fn first_keys(def: &TableDef, keys: &[KeyText]) -> Vec<String> {
    let mut first: Vec<String> = keys
        .iter()
        .filter(|key| key.kind == KeyKind::Primary)
        .map(|key| key.name.clone())
        .collect();
    if let Some(key) = &def.schema.row_key
        && !key.primary
    {
        first.push(key.name.clone());
    }
    let Some(counter) = def.schema.columns.iter().find(|column| column.auto_increment) else {
        return first;
    };
    let plain = |key: &&KeyText| matches!(key.kind, KeyKind::Primary | KeyKind::Unique | KeyKind::Plain);
    let leads = |key: &&KeyText| key.columns.first() == Some(&counter.name) && !key.has_expression;
    let served = keys
        .iter()
        .filter(|key| first.contains(&key.name))
        .any(|key| leads(&key));
    if !served {
        let candidates = || keys.iter().filter(plain);
        // MyISAM takes a key that holds it further back.
        let key = candidates()
            .find(leads)
            .or_else(|| candidates().find(|key| key.columns.contains(&counter.name)));
        first.extend(key.map(|key| key.name.clone()));
    }
    first
}

/// The foreign key's clause under the target's names; None when the table that it
/// refers to is not moved.
pub(super) fn foreign_key_on_target(
    def: &TableDef,
    key: &ForeignKeyText,
    names: &Selection,
) -> Option<String> {
    let target = names.target_of(&referenced(def, key))?;
    let (before, after) = (key.text.get(..key.at.start)?, key.text.get(key.at.end..)?);
    Some(format!(
        "{before}{}.{}{after}",
        quoted(&target.schema),
        quoted(&target.table)
    ))
}

pub(super) fn referenced(def: &TableDef, key: &ForeignKeyText) -> TableName {
    let (schema, table) = &key.references;
    let schema = schema.as_ref().unwrap_or(&def.schema.name.schema);
    TableName::new(schema, table)
}
