//! Texts of stored objects: what is switched off, and what may not be made.

use tidegate_model::schema::TableName;
use tidegate_model::selection::{DatabaseSelection, TableSelection, TablesSelection};

use super::*;

fn def(kind: StoredKind, text: &str) -> StoredDef {
    StoredDef {
        kind,
        name: TableName::new("shop", "x"),
        table: None,
        native_ddl: text.to_owned(),
        definer: String::new(),
        session: Vec::new(),
    }
}

#[test]
fn events_are_switched_off_in_their_head_alone() {
    let check = |rest: &str, expected: Option<(&str, bool)>| {
        let got = switched_off(&def(StoredKind::Event, ""), rest);
        assert_eq!(
            got.as_ref().map(|(text, on)| (text.as_str(), *on)),
            expected,
            "{rest}"
        );
    };
    check(
        "EVENT `ENABLE` ON SCHEDULE EVERY 1 DAY STARTS '2024-01-01 00:00:00' ON COMPLETION NOT PRESERVE ENABLE COMMENT 'x' DO ALTER EVENT e ENABLE",
        Some((
            "EVENT `ENABLE` ON SCHEDULE EVERY 1 DAY STARTS '2024-01-01 00:00:00' ON COMPLETION NOT PRESERVE DISABLE COMMENT 'x' DO ALTER EVENT e ENABLE",
            true,
        )),
    );
    let off = "EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE ON SLAVE DO BEGIN END";
    check(off, Some((off, false)));
    check("EVENT `e` DO SELECT 1", None);
}

#[test]
fn what_speaks_of_renamed_things_is_found() {
    let names = Selection {
        databases: vec![
            DatabaseSelection {
                name: "shop".into(),
                tables: TablesSelection::AllWith(vec![TableSelection {
                    name: "orders".into(),
                    new_name: Some("sales".into()),
                    temporary: Vec::new(),
                }]),
                ..DatabaseSelection::default()
            },
            DatabaseSelection {
                name: "crm".into(),
                new_name: Some("crm2".into()),
                ..DatabaseSelection::default()
            },
        ],
        ..Selection::default()
    };
    let check = |text: &str, schema: &str, expected: bool| {
        let mut def = def(StoredKind::Procedure, text);
        def.name.schema = schema.to_owned();
        assert_eq!(speaks_of_renamed(&def, &names).is_some(), expected, "{text}");
    };
    check("CREATE PROCEDURE p() SELECT 1 FROM items", "shop", false);
    check("CREATE PROCEDURE p() SELECT 'orders' -- crm", "shop", false);
    check("CREATE PROCEDURE p() SELECT 1 FROM `Orders`", "shop", true);
    check("CREATE PROCEDURE p() SELECT 1 FROM crm.people", "shop", true);
    check("CREATE PROCEDURE p() SELECT 1", "crm", true);
}
