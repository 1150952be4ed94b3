//! What a job moves, from `--databases`, `--tables`, `--rename` and `--without`, in the
//! wire API's shape.
//!
//! All kinds of objects of a chosen database go with it unless left out; of chosen tables
//! their triggers. What the wire API cannot say is refused here, with how to say it instead.

use clap::{Args, ValueEnum};
use tidegate_model::{Error, Result};
use tidegate_rpc::actions::{DBItem, DatabaseTableObject, TableItem};

use crate::names::{self, Name, Rename};

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What is moved")]
pub(crate) struct SelectionArgs {
    /// Only these databases: a,b (all but the system's if not given)
    #[arg(long, value_name = "DB,…", conflicts_with = "tables")]
    pub(crate) databases: Vec<String>,
    /// Only these tables: db.table,… (backticks around names with dots or commas)
    #[arg(long, value_name = "DB.TABLE,…")]
    pub(crate) tables: Vec<String>,
    /// New names on the target: db=db2, or db.table=db2.table2
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) rename: Vec<String>,
    /// Kinds of objects that are not moved
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,…")]
    pub(crate) without: Vec<ObjectKind>,
}

/// What a database holds beside its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectKind {
    Views,
    Functions,
    Procedures,
    Triggers,
    Events,
}

impl ObjectKind {
    const STORED: [(ObjectKind, &str); 4] = [
        (ObjectKind::Functions, "function"),
        (ObjectKind::Procedures, "procedure"),
        (ObjectKind::Triggers, "trigger"),
        (ObjectKind::Events, "event"),
    ];
}

impl SelectionArgs {
    pub(crate) fn build(&self) -> Result<DatabaseTableObject> {
        let mut databases = Vec::new();
        for text in &self.databases {
            for name in names::list(text)? {
                add_database(&mut databases, name)?;
            }
        }
        for text in &self.tables {
            for name in names::list(text)? {
                add_table(&mut databases, name)?;
            }
        }
        for text in &self.rename {
            for rule in names::renames(text)? {
                apply(&mut databases, rule)?;
            }
        }
        let without_views = self.without.contains(&ObjectKind::Views);
        if databases.is_empty() {
            if without_views {
                return Err(
                    Error::bad_input("all databases are moved, and views cannot be left out of all")
                        .remedy("list the databases with --databases"),
                );
            }
            return Ok(DatabaseTableObject {
                object_mode: Some("all".to_owned()),
                databases: None,
                advanced_objects: self.stored(false),
            });
        }
        if without_views {
            let whole = databases
                .iter_mut()
                .filter(|database| database.view_mode.is_some());
            whole.for_each(|database| database.view_mode = Some("none".to_owned()));
        }
        Ok(DatabaseTableObject {
            object_mode: Some("partial".to_owned()),
            databases: Some(databases),
            advanced_objects: self.stored(!self.tables.is_empty()),
        })
    }

    /// Of single tables only what belongs to a table.
    fn stored(&self, of_tables: bool) -> Option<Vec<String>> {
        let kinds = ObjectKind::STORED.into_iter().filter(|(kind, _)| {
            !self.without.contains(kind) && (!of_tables || *kind == ObjectKind::Triggers)
        });
        let names: Vec<String> = kinds.map(|(_, name)| name.to_owned()).collect();
        Some(names).filter(|names| !names.is_empty())
    }
}

fn add_database(databases: &mut Vec<DBItem>, name: Name) -> Result<()> {
    if name.second.is_some() {
        return Err(
            Error::bad_input(format!("`{}` in --databases names a table", name.first))
                .remedy("list tables with --tables, or put a name with a dot in backticks"),
        );
    }
    if databases
        .iter()
        .all(|database| database.db_name.as_ref() != Some(&name.first))
    {
        databases.push(DBItem {
            db_name: Some(name.first),
            db_mode: Some("all".to_owned()),
            table_mode: Some("all".to_owned()),
            view_mode: Some("all".to_owned()),
            ..DBItem::default()
        });
    }
    Ok(())
}

fn add_table(databases: &mut Vec<DBItem>, name: Name) -> Result<()> {
    let Some(table) = name.second else {
        return Err(
            Error::bad_input(format!("`{}` in --tables has no database", name.first))
                .remedy("write db.table, or use --databases"),
        );
    };
    let item = TableItem {
        table_name: Some(table),
        ..TableItem::default()
    };
    let there = databases
        .iter_mut()
        .find(|database| database.db_name.as_ref() == Some(&name.first));
    if let Some(database) = there {
        let tables = database.tables.get_or_insert_default();
        if tables.iter().all(|table| table.table_name != item.table_name) {
            tables.push(item);
        }
        return Ok(());
    }
    databases.push(DBItem {
        db_name: Some(name.first),
        db_mode: Some("partial".to_owned()),
        table_mode: Some("partial".to_owned()),
        tables: Some(vec![item]),
        ..DBItem::default()
    });
    Ok(())
}

fn apply(databases: &mut [DBItem], rule: Rename) -> Result<()> {
    let from = rule.from;
    let database = databases
        .iter_mut()
        .find(|database| database.db_name.as_ref() == Some(&from.first))
        .ok_or_else(|| {
            Error::bad_input(format!(
                "--rename names database `{}`, which is not listed",
                from.first
            ))
            .remedy("list the databases with --databases, or the tables with --tables, when some are renamed")
        })?;
    match &database.new_db_name {
        Some(before) if *before != rule.to.first => {
            return Err(
                Error::bad_input(format!("database `{}` gets two new names", from.first))
                    .remedy("a database is renamed as a whole: use one new name in all its rules"),
            );
        }
        Some(_) => {}
        None if rule.to.first == from.first => {}
        None => database.new_db_name = Some(rule.to.first),
    }
    let (Some(table), Some(new)) = (from.second, rule.to.second) else {
        return Ok(());
    };
    if database.table_mode.as_deref() == Some("all") {
        // All tables, and this one under a new name.
        database.db_mode = Some("partial".to_owned());
        let tables = database.tables.get_or_insert_default();
        if tables.iter().all(|item| item.table_name.as_ref() != Some(&table)) {
            tables.push(TableItem {
                table_name: Some(table.clone()),
                ..TableItem::default()
            });
        }
    }
    let listed = database
        .tables
        .iter_mut()
        .flatten()
        .find(|item| item.table_name.as_ref() == Some(&table));
    let item = listed.ok_or_else(|| {
        Error::bad_input(format!(
            "--rename names table `{}.{table}`, which is not listed",
            from.first
        ))
        .remedy("list every table of that database with --tables when some are renamed")
    })?;
    if new != table {
        item.new_table_name = Some(new);
        item.table_edit_mode = Some("rename".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn args(databases: &[&str], tables: &[&str], rename: &[&str]) -> SelectionArgs {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        SelectionArgs {
            databases: owned(databases),
            tables: owned(tables),
            rename: owned(rename),
            without: Vec::new(),
        }
    }

    /// Without the members that are null.
    fn bare(value: Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, bare(value)))
                .collect(),
            Value::Array(items) => items.into_iter().map(bare).collect(),
            other => other,
        }
    }

    #[test]
    fn selections_in_the_apis_shape() {
        let check = |args: SelectionArgs, expected: Value| {
            let built = serde_json::to_value(args.build().expect("builds")).expect("JSON");
            assert_eq!(bare(built), expected, "{args:?}");
        };
        let all = json!(["function", "procedure", "trigger", "event"]);
        check(
            args(&[], &[], &[]),
            json!({"ObjectMode": "all", "AdvancedObjects": all}),
        );
        check(
            SelectionArgs {
                without: vec![ObjectKind::Views, ObjectKind::Triggers, ObjectKind::Events],
                ..args(&["shop"], &[], &["shop.a=shop.b"])
            },
            json!({"ObjectMode": "partial", "AdvancedObjects": ["function", "procedure"], "Databases": [
                {"DbName": "shop", "DBMode": "partial", "TableMode": "all", "ViewMode": "none",
                    "Tables": [{"TableName": "a", "NewTableName": "b", "TableEditMode": "rename"}]},
            ]}),
        );
        check(
            args(&["shop,crm", "shop"], &[], &["crm=crm2"]),
            json!({"ObjectMode": "partial", "AdvancedObjects": all, "Databases": [
                {"DbName": "shop", "DBMode": "all", "TableMode": "all", "ViewMode": "all"},
                {"DbName": "crm", "NewDbName": "crm2", "DBMode": "all", "TableMode": "all", "ViewMode": "all"},
            ]}),
        );
        check(
            args(&[], &["shop.a,shop.`b.c`", "crm.x"], &["shop.a=s2.a2", "shop=s2"]),
            json!({"ObjectMode": "partial", "AdvancedObjects": ["trigger"], "Databases": [
                {"DbName": "shop", "NewDbName": "s2", "DBMode": "partial", "TableMode": "partial", "Tables": [
                    {"TableName": "a", "NewTableName": "a2", "TableEditMode": "rename"}, {"TableName": "b.c"}]},
                {"DbName": "crm", "DBMode": "partial", "TableMode": "partial", "Tables": [{"TableName": "x"}]},
            ]}),
        );
    }

    #[test]
    fn what_the_api_cannot_say_is_refused_with_a_remedy() {
        let check = |args: SelectionArgs, said: &str| {
            let error = args.build().expect_err(said);
            assert!(
                error.to_string().contains(said) && error.remedy_text().is_some(),
                "{error}"
            );
        };
        check(args(&["shop.a"], &[], &[]), "names a table");
        check(args(&[], &["shop"], &[]), "has no database");
        check(args(&[], &[], &["a=b"]), "not listed");
        check(
            args(&[], &["shop.c"], &["shop.a=shop.b"]),
            "`shop.a`, which is not listed",
        );
        check(
            SelectionArgs {
                without: vec![ObjectKind::Views],
                ..SelectionArgs::default()
            },
            "views cannot be left out",
        );
        check(args(&["shop"], &[], &["shop=a,shop=b"]), "two new names");
    }
}
