//! Views' texts under the target's names.

use super::*;
use tidegate_model::selection::{Chosen, DatabaseSelection, TableSelection, TablesSelection};

const TEXT: &str = "CREATE ALGORITHM=MERGE DEFINER=`app`@`%` SQL SECURITY DEFINER VIEW `shop`.`v` AS \
                    select `shop`.`t`.`id` AS `id`,'`shop`.' AS `x` from `shop`.`t`";

fn check(text: &str, account: &str, names: &Selection, expected: Option<&str>) {
    let view = ViewDef {
        name: TableName::new("shop", "v"),
        native_ddl: text.to_owned(),
    };
    let known = [
        TableName::new("shop", "t"),
        TableName::new("shop", "shop"),
        TableName::new("shop", "v"),
    ];
    let made = on_target(&view, account, names, &known.into_iter().collect());
    assert_eq!(made.ok().map(|(create, _)| create).as_deref(), expected, "{text}");
}

fn renamed(new: Option<&str>, tables: TablesSelection) -> Selection {
    Selection {
        whole_instance: false,
        databases: vec![DatabaseSelection {
            name: "shop".into(),
            new_name: new.map(str::to_owned),
            tables,
            views: Chosen::All,
            ..DatabaseSelection::default()
        }],
        ..Selection::default()
    }
}

#[test]
fn the_definer_is_kept_only_when_it_is_us() {
    let all = renamed(None, TablesSelection::All);
    let body = "AS select `shop`.`t`.`id` AS `id`,'`shop`.' AS `x` from `shop`.`t`";
    let create = |security: &str| {
        format!(
            "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=CURRENT_USER SQL SECURITY {security} VIEW `shop`.`v` {body}"
        )
    };
    check(TEXT, "app@%", &all, Some(&create("DEFINER")));
    check(TEXT, "other@%", &all, Some(&create("INVOKER")));
}

#[test]
fn a_database_is_renamed_where_it_surely_is_one() {
    let names = renamed(Some("store"), TablesSelection::All);
    check(
        TEXT,
        "x@%",
        &names,
        Some(
            "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=CURRENT_USER SQL SECURITY INVOKER VIEW `store`.`v` AS \
             select `store`.`t`.`id` AS `id`,'`shop`.' AS `x` from `store`.`t`",
        ),
    );
    let head = "CREATE ALGORITHM=MERGE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW `shop`.`v` AS ";
    // An alias, a column and a function of the database's name.
    check(
        &format!("{head}select `shop`.`id` AS `id` from `shop`.`t` `shop`"),
        "",
        &names,
        None,
    );
    check(
        &format!("{head}select 1 AS `shop` from `shop`.`t`"),
        "",
        &names,
        None,
    );
    check(&format!("{head}select `shop`.`f`(1) AS `a`"), "", &names, None);
}

#[test]
fn a_renamed_table_makes_no_view() {
    let table = |name: &str, new: Option<&str>| TableSelection {
        name: name.to_owned(),
        new_name: new.map(str::to_owned),
        temporary: Vec::new(),
    };
    let tables = TablesSelection::Some(vec![table("t", Some("u")), table("v", None)]);
    check(TEXT, "", &renamed(None, tables.clone()), None);
    check(TEXT, "", &renamed(Some("store"), tables), None);
}
