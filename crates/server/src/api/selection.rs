//! What a job moves, out of the wire API's `DatabaseTableObject`.
//!
//! Tables by database and name, views and stored objects each by a mode and a list.
//! `AdvancedObjects` names the kinds of stored objects; a database's own modes choose
//! among them. Anything else that a request can choose is refused, so that nothing is
//! believed to be moved that is not.

use std::collections::BTreeSet;

use tidegate_model::selection::{
    AccountSelection, Chosen, DatabaseSelection, Selection, StoredKind, StoredSelection, TableSelection,
    TablesSelection,
};
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{DBItem, DatabaseTableObject, MigrateOption, TableItem};

use super::needed;

const AT: &str = "MigrateOption.DatabaseTable";

pub(super) fn selection(given: &DatabaseTableObject) -> Result<Selection, ApiError> {
    let kinds = kinds(given.advanced_objects.as_deref())?;
    let databases = given.databases.as_deref().unwrap_or_default();
    if given.object_mode.as_deref() == Some("all") {
        if databases.is_empty() {
            let mut stored = StoredSelection::default();
            for kind in kinds.into_iter().flatten() {
                *stored.of_mut(kind) = Chosen::All;
            }
            return Ok(Selection {
                whole_instance: true,
                stored,
                ..Selection::default()
            });
        }
        return Err(ApiError::bad_value(format!(
            "`{AT}.Databases` goes with the ObjectMode partial"
        )));
    }
    if databases.is_empty() {
        return Err(ApiError::missing(&format!("{AT}.Databases")));
    }
    let databases: Vec<DatabaseSelection> = databases
        .iter()
        .map(|one| database(one, kinds.as_ref()))
        .collect::<Result<_, _>>()?;
    no_two(databases.iter().map(|one| one.name.as_str()), "database")?;
    let targets = databases.iter().filter(|one| one.tables.is_whole());
    no_two(targets.map(DatabaseSelection::target_name), "target database")?;
    Ok(Selection {
        databases,
        ..Selection::default()
    })
}

/// Accounts, out of `IsMigrateAccount` and `IsOverrideRoot`.
pub(super) fn accounts(option: &MigrateOption) -> Result<Option<AccountSelection>, ApiError> {
    let administrator = option.is_override_root == Some(true);
    match option.is_migrate_account {
        Some(true) => Ok(Some(AccountSelection { administrator })),
        _ if administrator => Err(ApiError::bad_value(
            "`MigrateOption.IsOverrideRoot` goes with IsMigrateAccount",
        )),
        _ => Ok(None),
    }
}

/// None: the request says nothing of kinds, so that each database's modes speak alone.
fn kinds(given: Option<&[String]>) -> Result<Option<BTreeSet<StoredKind>>, ApiError> {
    let given = given.unwrap_or_default();
    let kinds: Result<BTreeSet<StoredKind>, ApiError> = given
        .iter()
        .map(|name| {
            let kind = StoredKind::ALL.into_iter().find(|kind| kind.as_str() == name);
            kind.ok_or_else(|| ApiError::bad_value(format!("`{AT}.AdvancedObjects` has no `{name}`")))
        })
        .collect();
    Ok(Some(kinds?).filter(|kinds| !kinds.is_empty()))
}

fn database(given: &DBItem, kinds: Option<&BTreeSet<StoredKind>>) -> Result<DatabaseSelection, ApiError> {
    let name = needed(given.db_name.clone(), &format!("{AT}.Databases.DbName"))?;
    refuse_foreign(given)?;
    let tables = tables(given)?;
    Ok(DatabaseSelection {
        new_name: given.new_db_name.clone().filter(|new| *new != name),
        views: views(given, tables.is_whole())?,
        stored: stored(given, kinds)?,
        name,
        tables,
    })
}

fn tables(given: &DBItem) -> Result<TablesSelection, ApiError> {
    let listed = given.tables.as_deref().unwrap_or_default();
    let whole = match (given.db_mode.as_deref(), given.table_mode.as_deref()) {
        (Some("all"), None | Some("all")) | (_, Some("all")) => true,
        (Some("all"), _) => {
            return Err(ApiError::bad_value(format!(
                "`{AT}.Databases.TableMode` partial goes with the DBMode partial"
            )));
        }
        // Nothing said: what is listed, or all.
        (None, None) => listed.is_empty(),
        _ => false,
    };
    let tables: Vec<TableSelection> = listed.iter().map(table).collect::<Result<_, _>>()?;
    no_two(tables.iter().map(|one| one.name.as_str()), "table")?;
    let targets = tables
        .iter()
        .map(|one| one.new_name.as_deref().unwrap_or(&one.name));
    no_two(targets, "target table")?;
    if whole {
        let plain = |one: &TableSelection| one.new_name.is_none() && one.temporary.is_empty();
        if tables.iter().any(plain) {
            return Err(ApiError::bad_value(format!(
                "`{AT}.Databases.Tables` goes with the TableMode partial; beside the TableMode all it \
                 lists tables with a NewTableName or TmpTables"
            )));
        }
        return Ok(match tables.is_empty() {
            true => TablesSelection::All,
            false => TablesSelection::AllWith(tables),
        });
    }
    let views_alone = given.view_mode.as_deref().is_some_and(|mode| mode != "none");
    let stored_alone = StoredKind::ALL
        .into_iter()
        .any(|kind| mode_and_list(given, kind).0.is_some());
    if tables.is_empty() && !views_alone && !stored_alone {
        return Err(ApiError::missing(&format!("{AT}.Databases.Tables")));
    }
    Ok(TablesSelection::Some(tables))
}

fn table(given: &TableItem) -> Result<TableSelection, ApiError> {
    let at = format!("{AT}.Databases.Tables");
    let name = needed(given.table_name.clone(), &format!("{at}.TableName"))?;
    let temporary = given.tmp_tables.clone().unwrap_or_default();
    let new_name = given.new_table_name.clone().filter(|new| !new.is_empty());
    let edit = given.table_edit_mode.as_deref();
    if new_name.is_some() && (!temporary.is_empty() || edit == Some("pt")) {
        return Err(ApiError::bad_value(format!(
            "`{at}`: NewTableName and TmpTables exclude each other (TableEditMode rename or pt)"
        )));
    }
    if edit == Some("rename") && !temporary.is_empty() {
        return Err(ApiError::bad_value(format!(
            "`{at}`: TmpTables goes with the TableEditMode pt"
        )));
    }
    if edit == Some("pt") && temporary.is_empty() {
        return Err(ApiError::missing(&format!("{at}.TmpTables")));
    }
    Ok(TableSelection {
        new_name: new_name.filter(|new| *new != name),
        name,
        temporary,
    })
}

/// Without a mode: those of a database whose tables are all chosen, or what is listed.
fn views(given: &DBItem, whole: bool) -> Result<Chosen, ApiError> {
    let at = format!("{AT}.Databases.Views");
    let mut names = Vec::new();
    for view in given.views.as_deref().unwrap_or_default() {
        let name = needed(view.view_name.clone(), &format!("{at}.ViewName"))?;
        let renamed = view
            .new_view_name
            .as_ref()
            .is_some_and(|new| !new.is_empty() && *new != name);
        if renamed {
            return Err(ApiError::unsupported(&format!(
                "`{at}.NewViewName` (views are not renamed)"
            )));
        }
        names.push(name);
    }
    no_two(names.iter().map(String::as_str), "view")?;
    match given.view_mode.as_deref() {
        None if names.is_empty() && whole => Ok(Chosen::All),
        Some("all") if names.is_empty() => Ok(Chosen::All),
        None | Some("none") if names.is_empty() => Ok(Chosen::None),
        Some("all" | "none") => Err(ApiError::bad_value(format!(
            "`{at}` goes with the ViewMode partial"
        ))),
        None | Some("partial") if !names.is_empty() => Ok(Chosen::Some(names)),
        Some("partial") => Err(ApiError::missing(&at)),
        Some(other) => Err(ApiError::bad_value(format!(
            "`{AT}.Databases.ViewMode` {other} is none of all, partial and none"
        ))),
        None => Ok(Chosen::None),
    }
}

fn mode_and_list(given: &DBItem, kind: StoredKind) -> (Option<&str>, &[String]) {
    let (mode, list) = match kind {
        StoredKind::Function => (&given.function_mode, &given.functions),
        StoredKind::Procedure => (&given.procedure_mode, &given.procedures),
        StoredKind::Trigger => (&given.trigger_mode, &given.triggers),
        StoredKind::Event => (&given.event_mode, &given.events),
    };
    (mode.as_deref(), list.as_deref().unwrap_or_default())
}

fn stored(given: &DBItem, kinds: Option<&BTreeSet<StoredKind>>) -> Result<StoredSelection, ApiError> {
    let mut stored = StoredSelection::default();
    for kind in StoredKind::ALL {
        let what = kind.as_str();
        let (mode, list) = mode_and_list(given, kind);
        no_two(list.iter().map(String::as_str), what)?;
        let chosen = match mode {
            Some("all") if list.is_empty() => Chosen::All,
            Some("partial") | None if !list.is_empty() => Chosen::Some(list.to_vec()),
            Some("partial") => return Err(ApiError::missing(&format!("{AT}.Databases ({what} list)"))),
            Some("all") => {
                return Err(ApiError::bad_value(format!(
                    "`{AT}.Databases`: a list of {what}s goes with the mode partial"
                )));
            }
            Some(other) => {
                return Err(ApiError::bad_value(format!(
                    "`{AT}.Databases`: the {what} mode {other} is neither all nor partial"
                )));
            }
            None if kinds.is_some_and(|kinds| kinds.contains(&kind)) => Chosen::All,
            None => Chosen::None,
        };
        if chosen != Chosen::None && kinds.is_some_and(|kinds| !kinds.contains(&kind)) {
            return Err(ApiError::bad_value(format!(
                "`{AT}.AdvancedObjects` does not name {what}, of which a database chooses some"
            )));
        }
        *stored.of_mut(kind) = chosen;
    }
    Ok(stored)
}

fn refuse_foreign(given: &DBItem) -> Result<(), ApiError> {
    let modes = [
        ("SchemaName", &given.schema_name),
        ("NewSchemaName", &given.new_schema_name),
        ("SchemaMode", &given.schema_mode),
        ("RoleMode", &given.role_mode),
    ];
    let mode = modes.iter().find(|(_, value)| value.is_some());
    let roles = given.roles.as_ref().is_some_and(|list| !list.is_empty());
    match mode.map(|(name, _)| *name).or(roles.then_some("Roles")) {
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
    fn each_kind_of_object_is_chosen_by_its_mode_and_list() {
        let read = |database: Value, kinds: Value| {
            let given = json!({"ObjectMode": "partial", "AdvancedObjects": kinds, "Databases": [database]});
            let mut selection = read(given).expect("reads");
            selection.databases.remove(0)
        };
        let some = |names: &[&str]| Chosen::Some(names.iter().map(|name| (*name).to_owned()).collect());
        let one = read(
            json!({"DbName": "a", "DBMode": "partial", "TableMode": "all", "ViewMode": "partial",
                "Tables": [{"TableName": "t", "NewTableName": "u", "TableEditMode": "rename"},
                    {"TableName": "o", "TmpTables": ["_o_gho", "_o_del"], "TableEditMode": "pt"}],
                "Views": [{"ViewName": "v"}], "FunctionMode": "partial", "Functions": ["f"],
                "TriggerMode": "all"}),
            Value::Null,
        );
        let TablesSelection::AllWith(tables) = &one.tables else {
            panic!("all tables, some of them renamed");
        };
        assert_eq!(tables[0].new_name.as_deref(), Some("u"));
        assert_eq!(tables[1].temporary, ["_o_gho", "_o_del"]);
        assert_eq!(one.views, some(&["v"]));
        assert_eq!(one.stored.functions, some(&["f"]));
        assert_eq!(one.stored.triggers, Chosen::All);
        assert_eq!(
            (&one.stored.procedures, &one.stored.events),
            (&Chosen::None, &Chosen::None)
        );
        let one = read(
            json!({"DbName": "a", "DBMode": "all", "ViewMode": "none"}),
            json!(["event", "procedure"]),
        );
        assert_eq!(
            (&one.views, &one.stored.functions),
            (&Chosen::None, &Chosen::None)
        );
        assert_eq!(
            (&one.stored.procedures, &one.stored.events),
            (&Chosen::All, &Chosen::All)
        );
        let one = read(
            json!({"DbName": "a", "DBMode": "partial", "ProcedureMode": "all"}),
            Value::Null,
        );
        assert_eq!(one.tables, TablesSelection::Some(Vec::new()));
        let whole = super::selection(&DatabaseTableObject {
            object_mode: Some("all".to_owned()),
            advanced_objects: Some(vec!["trigger".to_owned()]),
            ..DatabaseTableObject::default()
        });
        assert_eq!(whole.expect("reads").stored.triggers, Chosen::All);
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
            (json!({"ObjectMode": "all", "AdvancedObjects": ["index"]}), bad),
            (one(json!({"DBMode": "all"})), "MissingParameter"),
            (
                one(json!({"DbName": "a", "DBMode": "partial"})),
                "MissingParameter",
            ),
            (one(json!({"DbName": "a", "DBMode": "all", "Tables": table})), bad),
            (
                one(json!({"DbName": "a", "DBMode": "all", "ViewMode": "partial"})),
                "MissingParameter",
            ),
            (
                one(json!({"DbName": "a", "Views": [{"ViewName": "v", "NewViewName": "w"}]})),
                unsupported,
            ),
            (one(json!({"DbName": "a", "RoleMode": "all"})), unsupported),
            (
                one(json!({"DbName": "a", "TriggerMode": "partial"})),
                "MissingParameter",
            ),
            (
                one(json!({"DbName": "a", "EventMode": "all", "Events": ["e"]})),
                bad,
            ),
            (
                json!({"ObjectMode": "partial", "AdvancedObjects": ["event"],
                    "Databases": [{"DbName": "a", "TriggerMode": "all"}]}),
                bad,
            ),
            (
                one(json!({"DbName": "a", "Tables": [{"TableName": "t", "TableEditMode": "pt"}]})),
                "MissingParameter",
            ),
            (
                one(
                    json!({"DbName": "a", "Tables": [{"TableName": "t", "TableEditMode": "rename",
                    "TmpTables": ["_t_gho"]}]}),
                ),
                bad,
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
