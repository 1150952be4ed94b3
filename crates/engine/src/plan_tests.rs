//! What is left to copy, and which changes of structure stop it.

use super::*;
use tidegate_model::schema::{Column, ColumnType, Key};
use tidegate_model::selection::Selection;

fn def(table: &str, columns: &[&str], keyed: bool, bytes: u64) -> TableDef {
    let column = |name: &&str| Column {
        name: (*name).to_owned(),
        kind: ColumnType::Json,
        native: "json".to_owned(),
        nullable: true,
        generated: false,
        auto_increment: false,
    };
    let key = Key {
        name: "k".to_owned(),
        primary: true,
        unique: true,
        columns: vec![0],
    };
    let schema = TableSchema {
        name: TableName::new("a", table),
        columns: columns.iter().map(column).collect(),
        row_key: keyed.then_some(key),
        rows_estimate: 1,
        bytes_estimate: bytes,
    };
    TableDef {
        schema: Arc::new(schema),
        native_ddl: format!("{table} {columns:?} COUNTER=5"),
        next_auto_increment: None,
    }
}

fn structure(tables: Vec<TableDef>) -> Structure {
    Structure {
        tables,
        ..Structure::default()
    }
}

fn mark(table: &str, number: u32, rows: Option<u64>) -> ChunkMark {
    let chunk = Chunk {
        table: TableName::new("a", table),
        number,
        lower: None,
        upper: None,
    };
    ChunkMark { chunk, rows }
}

#[test]
fn counters_are_no_change_of_structure() {
    let check = |text, expected: &str| assert_eq!(without_counters(text), expected);
    check("id int(10)) COUNTER=1001 X=7", "id int(10)) COUNTER= X=");
    check("(`a` = 5)", "(`a` = 5)");
    check("DEFAULT '=5'", "DEFAULT '='");
    check("", "");
}

#[test]
fn differences_of_two_readings() {
    let t = |columns: &[&str], keyed| def("t", columns, keyed, 1);
    let check = |one: Vec<TableDef>, other: Vec<TableDef>, expected: Option<&str>| {
        let found = first_difference(&structure(one), &structure(other));
        assert_eq!(found.map(|name| name.table).as_deref(), expected);
    };
    let mut counted = t(&["a"], true);
    counted.native_ddl = counted.native_ddl.replace("=5", "=77");
    let mut commented = t(&["a"], true);
    commented.native_ddl.push_str(" COMMENT");
    check(vec![t(&["a"], true)], vec![counted], None);
    check(vec![t(&["a"], true)], vec![commented], Some("t"));
    check(vec![t(&["a"], true)], vec![t(&["a", "b"], true)], Some("t"));
    check(vec![t(&["a"], true)], vec![t(&["a"], false)], Some("t"));
    check(vec![], vec![t(&["a"], true)], Some("t"));
    check(vec![t(&["a"], true)], vec![], Some("t"));
}

#[test]
fn what_is_left_is_what_is_not_finished_largest_first() {
    let whole = Selection {
        whole_instance: true,
        ..Selection::default()
    };
    let marks = [
        mark("half", 0, Some(5)),
        mark("half", 1, None),
        mark("done", 0, Some(7)),
        mark("keyless", 0, None),
    ];
    let defs = vec![
        def("half", &["a"], true, 10),
        def("done", &["a"], true, 99),
        def("keyless", &["a"], false, 30),
        def("new", &["a"], true, 20),
    ];
    let saved: Vec<_> = defs.iter().map(|def| Arc::clone(&def.schema)).collect();
    let todo = unfinished(&saved, &marks, &structure(defs)).unwrap();
    let left = what_is_left(todo, &marks, &whole, &|_| Encoding::Neutral).unwrap();
    let seen: Vec<_> = left
        .tasks
        .iter()
        .map(|task| {
            let chunks = task
                .chunks
                .as_ref()
                .map(|chunks| chunks.iter().map(|c| c.number).collect());
            (task.def.schema.name.table.as_str(), chunks, task.clear)
        })
        .collect();
    let expected: [(&str, Option<Vec<u32>>, bool); 3] = [
        ("keyless", None, true),
        ("new", None, false),
        ("half", Some(vec![1]), false),
    ];
    assert_eq!(seen, expected);
    assert_eq!((left.chunks_done, left.chunks_left, left.rows_done), (2, 1, 12));
}

#[test]
fn a_table_altered_under_its_copy_stops_it_and_a_finished_one_does_not() {
    let saved: Vec<_> = [def("t", &["a"], true, 1)]
        .iter()
        .map(|def| Arc::clone(&def.schema))
        .collect();
    let check = |marks: &[ChunkMark], now: Vec<TableDef>, fits: bool| {
        assert_eq!(unfinished(&saved, marks, &structure(now)).is_ok(), fits);
    };
    let finished = [mark("t", 0, Some(1))];
    check(&[], vec![def("t", &["a"], true, 9)], true);
    check(&[], vec![def("t", &["a", "b"], true, 1)], false);
    check(&[], vec![], false);
    check(&finished, vec![def("t", &["a", "b"], true, 1)], true);
    check(&finished, vec![], true);
}

#[test]
fn indexes_are_built_by_the_definition_that_fits() {
    let saved: Vec<_> = [def("t", &["a"], true, 1)]
        .iter()
        .map(|def| Arc::clone(&def.schema))
        .collect();
    let remembered =
        |columns: &[&str]| BTreeMap::from([(TableName::new("a", "t"), def("t", columns, true, 1))]);
    let check = |remembered: &BTreeMap<TableName, TableDef>, now: Vec<TableDef>, fits: bool| {
        assert_eq!(in_force(&saved, remembered, &structure(now)).is_ok(), fits);
    };
    check(&remembered(&["a"]), vec![def("t", &["b"], true, 1)], true);
    check(&remembered(&["b"]), vec![def("t", &["a"], true, 1)], true);
    check(&BTreeMap::new(), vec![def("t", &["a"], true, 1)], true);
    check(&BTreeMap::new(), vec![def("t", &["b"], true, 1)], false);
    check(&BTreeMap::new(), vec![], false);
}
