//! What a job moves, out of the wire API's `DatabaseTableObject`.
//!
//! Tables by database and name; views go with a database that is chosen whole.
//! Anything else that a request can choose is refused, so that nothing is
//! believed to be moved that is not.

use std::collections::BTreeSet;

use tidegate_model::selection::{DatabaseSelection, Selection, TableSelection, TablesSelection};
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{DBItem, DatabaseTableObject, TableItem};

use super::needed;

const AT: &str = "MigrateOption.DatabaseTable";

pub(super) fn selection(given: &DatabaseTableObject) -> Result<Selection, ApiError> {
    if let Some(kind) = given.advanced_objects.as_deref().unwrap_or_default().first() {
        return Err(ApiError::unsupported(&format!("`{AT}.AdvancedObjects` {kind}")));
    }
    let databases = given.databases.as_deref().unwrap_or_default();
    if given.object_mode.as_deref() == Some("all") {
        if databases.is_empty() {
            return Ok(Selection {
                whole_instance: true,
                databases: Vec::new(),
            });
        }
        return Err(ApiError::bad_value(format!(
            "`{AT}.Databases` goes with the ObjectMode partial"
        )));
    }
    if databases.is_empty() {
        return Err(ApiError::missing(&format!("{AT}.Databases")));
    }
    let databases: Vec<DatabaseSelection> = databases.iter().map(database).collect::<Result<_, _>>()?;
    no_two(databases.iter().map(|one| one.name.as_str()), "database")?;
    let targets = databases.iter().filter(|one| one.tables == TablesSelection::All);
    no_two(
        targets.map(|one| one.new_name.as_deref().unwrap_or(&one.name)),
        "target database",
    )?;
    Ok(Selection {
        whole_instance: false,
        databases,
    })
}

fn database(given: &DBItem) -> Result<DatabaseSelection, ApiError> {
    let name = needed(given.db_name.clone(), &format!("{AT}.Databases.DbName"))?;
    refuse_foreign(given)?;
    let tables = given.tables.as_deref().unwrap_or_default();
    let whole = match (given.db_mode.as_deref(), given.table_mode.as_deref()) {
        (Some("all"), None | Some("all")) | (_, Some("all")) => true,
        (Some("all"), _) => {
            return Err(ApiError::bad_value(format!(
                "`{AT}.Databases.TableMode` partial goes with the DBMode partial"
            )));
        }
        // Nothing said: what is listed, or all.
        (None, None) => tables.is_empty(),
        _ => false,
    };
    if whole && !tables.is_empty() {
        return Err(ApiError::bad_value(format!(
            "`{AT}.Databases.Tables` goes with the TableMode partial"
        )));
    }
    views(given, whole)?;
    let tables = if whole {
        TablesSelection::All
    } else if tables.is_empty() {
        return Err(ApiError::missing(&format!("{AT}.Databases.Tables")));
    } else {
        let tables: Vec<TableSelection> = tables.iter().map(table).collect::<Result<_, _>>()?;
        no_two(tables.iter().map(|one| one.name.as_str()), "table")?;
        let targets = tables
            .iter()
            .map(|one| one.new_name.as_deref().unwrap_or(&one.name));
        no_two(targets, "target table")?;
        TablesSelection::Some(tables)
    };
    Ok(DatabaseSelection {
        new_name: given.new_db_name.clone().filter(|new| *new != name),
        name,
        tables,
    })
}

fn table(given: &TableItem) -> Result<TableSelection, ApiError> {
    let name = needed(
        given.table_name.clone(),
        &format!("{AT}.Databases.Tables.TableName"),
    )?;
    let temporary = given.tmp_tables.clone().unwrap_or_default();
    if given.new_table_name.is_some() && !temporary.is_empty() {
        return Err(ApiError::bad_value(format!(
            "`{AT}.Databases.Tables`: NewTableName and TmpTables exclude each other"
        )));
    }
    Ok(TableSelection {
        new_name: given.new_table_name.clone().filter(|new| *new != name),
        name,
        temporary,
    })
}

/// Views are moved with a whole database, and only then.
fn views(given: &DBItem, whole: bool) -> Result<(), ApiError> {
    let mode = given
        .view_mode
        .as_deref()
        .unwrap_or(if whole { "all" } else { "none" });
    let listed = given.views.as_deref().unwrap_or_default();
    if listed.is_empty() && mode == if whole { "all" } else { "none" } {
        return Ok(());
    }
    Err(ApiError::unsupported(
        "choosing views one by one, or a whole database without its views,",
    ))
}

fn refuse_foreign(given: &DBItem) -> Result<(), ApiError> {
    let modes = [
        ("SchemaName", &given.schema_name),
        ("NewSchemaName", &given.new_schema_name),
        ("SchemaMode", &given.schema_mode),
        ("RoleMode", &given.role_mode),
        ("FunctionMode", &given.function_mode),
        ("ProcedureMode", &given.procedure_mode),
        ("TriggerMode", &given.trigger_mode),
        ("EventMode", &given.event_mode),
    ];
    let lists = [
        ("Functions", &given.functions),
        ("Procedures", &given.procedures),
        ("Triggers", &given.triggers),
        ("Events", &given.events),
    ];
    let mode = modes.iter().find(|(_, value)| value.is_some());
    let list = lists
        .iter()
        .find(|(_, list)| list.as_ref().is_some_and(|list| !list.is_empty()));
    let roles = given.roles.as_ref().is_some_and(|list| !list.is_empty());
    let found = mode
        .map(|(name, _)| *name)
        .or(list.map(|(name, _)| *name))
        .or(roles.then_some("Roles"));
    match found {
        Some(name) => Err(ApiError::unsupported(&format!("`{AT}.Databases.{name}`"))),
        None => Ok(()),
    }
}

fn no_two<'a>(names: impl Iterator<Item = &'a str>, what: &str) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(ApiError::bad_value(format!("the {what} `{name}` is named twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(given: Value) -> Result<Selection, String> {
        let given: DatabaseTableObject = serde_json::from_value(given).expect("a shape");
        selection(&given).map_err(|error| error.code.to_owned())
    }

    #[test]
    fn instance_databases_and_tables_are_chosen_and_renamed() {
        let whole = read(json!({"ObjectMode": "all"})).expect("reads");
        assert!(whole.whole_instance);
        let part = read(json!({"ObjectMode": "partial", "Databases": [
            {"DbName": "a", "NewDbName": "z", "DBMode": "all"},
            {"DbName": "b", "DBMode": "partial", "TableMode": "partial",
             "Tables": [{"TableName": "t", "NewTableName": "u"}]},
            {"DbName": "c", "DBMode": "partial", "TableMode": "all", "ViewMode": "all"}]}))
        .expect("reads");
        let [a, b, c] = part.databases.as_slice() else {
            panic!("three databases");
        };
        assert_eq!(
            (a.new_name.as_deref(), &a.tables),
            (Some("z"), &TablesSelection::All)
        );
        let TablesSelection::Some(tables) = &b.tables else {
            panic!("chosen tables");
        };
        assert_eq!(tables[0].new_name.as_deref(), Some("u"));
        assert_eq!(c.tables, TablesSelection::All);
    }

    #[test]
    fn what_would_not_be_moved_as_asked_is_refused() {
        let bad = "InvalidParameterValue.InvalidParameterValueError";
        let unsupported = "UnsupportedOperation.UnsupportedOperationError";
        let one = |database: Value| json!({"ObjectMode": "partial", "Databases": [database]});
        let table = json!([{"TableName": "t"}]);
        for (given, code) in [
            (json!({"ObjectMode": "partial"}), "MissingParameter"),
            (json!({"ObjectMode": "all", "Databases": [{"DbName": "a"}]}), bad),
            (
                json!({"ObjectMode": "all", "AdvancedObjects": ["trigger"]}),
                unsupported,
            ),
            (one(json!({"DBMode": "all"})), "MissingParameter"),
            (
                one(json!({"DbName": "a", "DBMode": "partial"})),
                "MissingParameter",
            ),
            (one(json!({"DbName": "a", "DBMode": "all", "Tables": table})), bad),
            (
                one(json!({"DbName": "a", "DBMode": "all", "ViewMode": "none"})),
                unsupported,
            ),
            (
                one(json!({"DbName": "a", "Tables": table, "ViewMode": "all"})),
                unsupported,
            ),
            (
                one(json!({"DbName": "a", "DBMode": "all", "TriggerMode": "all"})),
                unsupported,
            ),
            (
                one(json!({"DbName": "a", "Tables": [{"TableName": "t"}, {"TableName": "t"}]})),
                bad,
            ),
            (
                one(
                    json!({"DbName": "a", "Tables": [{"TableName": "t", "NewTableName": "x"},
                    {"TableName": "x"}]}),
                ),
                bad,
            ),
            (
                json!({"ObjectMode": "partial", "Databases": [{"DbName": "a"}, {"DbName": "b", "NewDbName": "a"}]}),
                bad,
            ),
        ] {
            assert_eq!(read(given.clone()), Err(code.to_owned()), "{given}");
        }
    }
}
