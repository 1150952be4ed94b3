//! Row events built by hand from the server's description of their form.

use tidegate_model::schema::{Key, TableName};

use super::*;

fn column(name: &str, kind: ColumnType, native: &str) -> Column {
    Column {
        name: name.to_owned(),
        kind,
        native: native.to_owned(),
        nullable: true,
        generated: false,
        auto_increment: false,
    }
}

fn table() -> (TableMap, Arc<TableSchema>) {
    let binary = ColumnType::Bytes {
        fixed: true,
        length: Some(4),
    };
    let text = ColumnType::Text {
        charset: "utf8mb4".to_owned(),
        fixed: false,
        length: Some(300),
    };
    let int = |bits, unsigned| ColumnType::Int { bits, unsigned };
    let columns = vec![
        column("id", int(64, true), "bigint unsigned"),
        column("small", int(24, false), "mediumint"),
        column("name", text, "varchar(300)"),
        column("fixed", binary, "binary(4)"),
        column("at", ColumnType::Timestamp { fsp: 3 }, "timestamp(3)"),
    ];
    let logged = [
        (code::LONGLONG, 0),
        (code::INT24, 0),
        (code::VARCHAR, 1200),
        (code::STRING, 4),
        (code::TIMESTAMP2, 3),
    ];
    let name = TableName::new("a", "t");
    let map = TableMap {
        id: 1,
        name: name.clone(),
        columns: logged.map(|(code, meta)| LoggedColumn { code, meta }).to_vec(),
        names: Vec::new(),
    };
    let row_key = Some(Key {
        name: "PRIMARY".to_owned(),
        primary: true,
        unique: true,
        columns: vec![0],
    });
    let schema = TableSchema {
        name,
        columns,
        row_key,
        rows_estimate: 0,
        bytes_estimate: 0,
    };
    (map, Arc::new(schema))
}

const ROW: [u8; 29] = [
    0, // no nulls
    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, // id
    0xFE, 0xFF, 0xFF, // small
    3, 0, b'a', b'b', b'c', // name, two bytes of length
    2, 7, 8, // fixed, zeros at the end dropped
    0, 0, 0, 1, 0x04, 0xD2, // at
    0, 0, 0, // for the next row in the tests
];

fn event(bitmaps: &[&[u8]], rows: &[&[u8]]) -> Bytes {
    let mut body = vec![2, 0, 5];
    bitmaps.iter().for_each(|bits| body.extend_from_slice(bits));
    rows.iter().for_each(|row| body.extend_from_slice(row));
    Bytes::from(body)
}

#[test]
fn values_are_read_by_the_schema() {
    let (map, schema) = table();
    let plan = RowPlan::new(&map, &schema).expect("fits");
    let changes = plan
        .read(RowOp::Insert, RowsForm::Two, event(&[&[0x1F]], &[&ROW[..26]]))
        .expect("reads");
    let row = changes.rows[0].new.as_ref().expect("a row");
    let expected = [
        Value::UInt(u64::MAX),
        Value::Int(-2),
        Value::Bytes(Bytes::from_static(b"abc")),
        Value::Bytes(Bytes::from_static(&[7, 8, 0, 0])),
        Value::Temporal(Bytes::from_static(b"1970-01-01 00:00:01.123")),
    ];
    assert_eq!(row.values, expected);
}

#[test]
fn rows_that_are_not_whole_are_refused_by_the_settings_name() {
    let (map, schema) = table();
    let plan = RowPlan::new(&map, &schema).expect("fits");
    let key = [&[0], &ROW[1..9]].concat();
    let refused = |op, bitmaps: &[&[u8]], rows: &[&[u8]]| {
        let read = plan.read(op, RowsForm::Two, event(bitmaps, rows));
        assert!(
            read.expect_err("refused")
                .to_string()
                .contains("binlog_row_image")
        );
    };
    refused(RowOp::Delete, &[&[0b1]], &[&key]);
    refused(RowOp::Insert, &[&[0b1]], &[&key]);
    refused(RowOp::Update, &[&[0x1F], &[0b10]], &[&ROW[..26], &[1]]);
    refused(RowOp::Update, &[&[0b1], &[0x1F]], &[&key, &ROW[..26]]);
}

#[test]
fn computed_columns_may_be_absent_and_nulls_are_null() {
    let (map, schema) = table();
    let mut schema = TableSchema::clone(&schema);
    schema.columns[3].generated = true;
    let plan = RowPlan::new(&map, &Arc::new(schema)).expect("fits");
    let row = [&[0b0111][..], &ROW[1..9], &ROW[20..26]].concat();
    let row = [&[0b0110], &row[1..]].concat();
    let changes = plan
        .read(RowOp::Delete, RowsForm::Two, event(&[&[0b10111]], &[&row]))
        .expect("reads");
    let OldRow::Full(old) = &changes.rows[0].old else {
        panic!("not whole");
    };
    assert_eq!(old.values[1..4], [Value::Null, Value::Null, Value::Unchanged]);
}

#[test]
fn a_table_of_another_shape_is_refused_by_name() {
    let (map, schema) = table();
    let refused = |change: &dyn Fn(&mut TableMap)| {
        let mut map = map.clone();
        change(&mut map);
        RowPlan::new(&map, &schema).expect_err("refused").to_string()
    };
    assert!(refused(&|map| map.columns.truncate(4)).contains("4 columns are logged, 5 are known"));
    assert!(refused(&|map| map.columns[1].code = code::LONG).contains("`small`"));
    assert!(refused(&|map| map.columns[4].meta = 0).contains("`at`"));
    assert!(
        refused(&|map| map.names = ["id", "other", "name", "fixed", "at"].map(str::to_owned).to_vec())
            .contains("`other`")
    );
}

#[test]
fn every_cut_is_refused_or_ends_between_rows() {
    let (map, schema) = table();
    let plan = RowPlan::new(&map, &schema).expect("fits");
    let whole = event(&[&[0x1F]], &[&ROW[..26], &ROW[..26]]);
    for length in 0..whole.len() {
        let read = plan.read(RowOp::Insert, RowsForm::Two, whole.slice(..length));
        let between = length == 4 || length == 30;
        assert_eq!(read.is_ok(), between, "{length} bytes");
    }
}

#[test]
fn compressed_rows_are_the_rows() {
    use std::io::Write as _;
    let (map, schema) = table();
    let plan = RowPlan::new(&map, &schema).expect("fits");
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&ROW[..26].repeat(20)).expect("writes");
    let packed = [&[0x82, 2, 8], &zlib.finish().expect("ends")[..]].concat();
    // The first form has no length of more data before the width.
    let one = Bytes::from([&[5, 0x1F], &packed[..]].concat());
    let two = event(&[&[0x1F]], &[&packed]);
    for (form, body) in [(RowsForm::PackedOne, one), (RowsForm::PackedTwo, two)] {
        let read = plan.read(RowOp::Insert, form, body.clone()).expect("reads");
        assert_eq!((read.rows.len(), read.bytes), (20, 520));
        for length in 0..body.len() {
            assert!(
                plan.read(RowOp::Insert, form, body.slice(..length)).is_err(),
                "{length} bytes"
            );
        }
    }
}

#[test]
fn partial_updates_are_made_from_the_row_before() {
    let mut columns = vec![column(
        "id",
        ColumnType::Int {
            bits: 8,
            unsigned: false,
        },
        "tinyint",
    )];
    columns.extend(["a", "b"].map(|name| column(name, ColumnType::Json, "json")));
    let logged = [(code::TINY, 0), (code::JSON, 4), (code::JSON, 4)];
    let (map, schema) = table();
    let map = TableMap {
        columns: logged.map(|(code, meta)| LoggedColumn { code, meta }).to_vec(),
        ..map
    };
    let schema = Arc::new(TableSchema {
        columns,
        ..TableSchema::clone(&schema)
    });
    let plan = RowPlan::new(&map, &schema).expect("fits");
    // Before: 1, [null, 2], 7. After: b alone changes in part, by one difference.
    let array = [2, 2, 0, 10, 0, 4, 0, 0, 5, 2, 0];
    let before = [&[0, 1, 11, 0, 0, 0][..], &array, &[3, 0, 0, 0, 5, 7, 0]].concat();
    let difference = [0, 1, b'$', 3, 5, 8, 0];
    let after = [
        &[1, 0b10, 0, 1, 11, 0, 0, 0][..],
        &array,
        &[7, 0, 0, 0],
        &difference,
    ]
    .concat();
    let whole = Bytes::from([&[2, 0, 3, 7, 7], &before[..], &after].concat());
    let read = plan
        .read(RowOp::Update, RowsForm::Partial, whole.clone())
        .expect("reads");
    let new = read.rows[0].new.as_ref().expect("a row");
    assert_eq!(new.values[1], Value::Json(Bytes::from_static(b"[null, 2]")));
    assert_eq!(new.values[2], Value::Json(Bytes::from_static(b"8")));
    for length in 6..whole.len() {
        assert!(
            plan.read(RowOp::Update, RowsForm::Partial, whole.slice(..length))
                .is_err(),
            "{length} bytes"
        );
    }
    let mut unknown = whole.to_vec();
    unknown[5 + before.len()] = 2;
    assert!(
        plan.read(RowOp::Update, RowsForm::Partial, Bytes::from(unknown))
            .is_err()
    );
}
