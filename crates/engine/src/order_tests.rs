//! `order` against a naive model: each change written one by one.
//!
//! Runs over many seeded random histories with changing keys, cut into bundles
//! at random places, in both modes.

use std::collections::BTreeMap;

use tidegate_model::schema::{Column, ColumnType};

use super::*;

fn schema(keyed: bool) -> Arc<TableSchema> {
    let column = |name: &str| Column {
        name: name.to_owned(),
        kind: ColumnType::Int {
            bits: 64,
            unsigned: false,
        },
        native: "bigint".to_owned(),
        nullable: false,
        generated: false,
        auto_increment: false,
    };
    let key = Key {
        name: "PRIMARY".to_owned(),
        primary: true,
        unique: true,
        columns: vec![0],
    };
    Arc::new(TableSchema {
        name: TableName::new("shop", "orders"),
        columns: vec![column("id"), column("total")],
        row_key: keyed.then_some(key),
        rows_estimate: 0,
        bytes_estimate: 0,
    })
}

fn row(id: i64, total: i64) -> Row {
    Row {
        values: vec![Value::Int(id), Value::Int(total)],
    }
}

fn change(schema: &Arc<TableSchema>, old: Option<(i64, i64)>, new: Option<(i64, i64)>) -> RowChanges {
    let op = match (old, new) {
        (None, _) => RowOp::Insert,
        (_, None) => RowOp::Delete,
        _ => RowOp::Update,
    };
    let old = old.map_or(OldRow::None, |(id, total)| OldRow::Full(row(id, total)));
    let new = new.map(|(id, total)| row(id, total));
    RowChanges {
        schema: Arc::clone(schema),
        op,
        rows: vec![RowChange { old, new }],
        bytes: 32,
    }
}

fn pair(row: &Row) -> (i64, i64) {
    match row.values.as_slice() {
        [Value::Int(id), Value::Int(total)] => (*id, *total),
        other => panic!("not a test row: {other:?}"),
    }
}

/// Writes as a target does. Strict: each delete and insert must meet its row.
fn write(target: &mut BTreeMap<i64, i64>, bundle: Bundle, mode: ApplyMode) {
    for work in bundle.into_works(&TableName::clone) {
        let TableWork::Merged { deletes, inserts, .. } = work else {
            panic!("keyed work is merged")
        };
        for (id, _) in deletes.iter().map(pair) {
            let met = target.remove(&id).is_some();
            assert!(met || mode == ApplyMode::Idempotent, "strict delete met no row");
        }
        for (id, total) in inserts.iter().map(pair) {
            let met = target.insert(id, total).is_some();
            assert!(!met || mode == ApplyMode::Idempotent, "strict insert met a row");
        }
    }
}

/// xorshift64*: the same histories on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    fn key(&mut self) -> i64 {
        i64::try_from(self.below(6)).expect("small")
    }
}

type Step = (Option<(i64, i64)>, Option<(i64, i64)>);

fn next_step(dice: &mut Dice, rows: &mut BTreeMap<i64, i64>, total: i64) -> Option<Step> {
    let id = dice.key();
    let Some(&had) = rows.get(&id) else {
        rows.insert(id, total);
        return Some((None, Some((id, total))));
    };
    if dice.below(3) == 0 {
        rows.remove(&id);
        return Some((Some((id, had)), None));
    }
    let to = if dice.below(2) == 0 { id } else { dice.key() };
    if to != id && rows.contains_key(&to) {
        return None;
    }
    rows.remove(&id);
    rows.insert(to, total);
    Some((Some((id, had)), Some((to, total))))
}

fn history(seed: u64) -> (Vec<Step>, BTreeMap<i64, i64>) {
    let (mut dice, mut rows, mut steps) = (Dice(seed), BTreeMap::new(), Vec::new());
    for total in 0..60 {
        steps.extend(next_step(&mut dice, &mut rows, total));
    }
    (steps, rows)
}

#[test]
fn merged_bundles_end_where_single_changes_end() {
    let schema = schema(true);
    for seed in 1..2000 {
        let (steps, expected) = history(seed);
        let mut dice = Dice(seed ^ 0x5555_5555);
        let mut target = BTreeMap::new();
        let mut bundle = Bundle::new(ApplyMode::Strict);
        for (old, new) in &steps {
            bundle.add(change(&schema, *old, *new)).expect("adds");
            if dice.below(5) == 0 {
                let full = std::mem::replace(&mut bundle, Bundle::new(ApplyMode::Strict));
                write(&mut target, full, ApplyMode::Strict);
            }
        }
        write(&mut target, bundle, ApplyMode::Strict);
        assert_eq!(target, expected, "seed {seed}");
    }
}

#[test]
fn idempotent_bundles_mend_any_state_between_their_ends() {
    let schema = schema(true);
    for seed in 1..1000 {
        let (steps, expected) = history(seed);
        for seen in [0, steps.len() / 3, steps.len() / 2, steps.len()] {
            // A snapshot that saw the first `seen` changes, then all of them again.
            let mut target = BTreeMap::new();
            for (old, new) in steps.iter().take(seen) {
                if let Some((id, _)) = old {
                    target.remove(id);
                }
                if let Some((id, total)) = new {
                    target.insert(*id, *total);
                }
            }
            for piece in steps.chunks(7) {
                let mut bundle = Bundle::new(ApplyMode::Idempotent);
                for (old, new) in piece {
                    bundle.add(change(&schema, *old, *new)).expect("adds");
                }
                write(&mut target, bundle, ApplyMode::Idempotent);
            }
            assert_eq!(target, expected, "seed {seed}, {seen} seen");
        }
    }
}

#[test]
fn a_row_that_comes_and_goes_is_nothing_when_strict_and_a_delete_when_idempotent() {
    let schema = schema(true);
    for (mode, works) in [(ApplyMode::Strict, 0), (ApplyMode::Idempotent, 1)] {
        let mut bundle = Bundle::new(mode);
        bundle.add(change(&schema, None, Some((1, 1)))).expect("adds");
        bundle.add(change(&schema, Some((1, 1)), None)).expect("adds");
        assert_eq!((bundle.rows(), bundle.bytes()), (2, 64));
        assert_eq!(bundle.into_works(&TableName::clone).len(), works);
    }
}

#[test]
fn an_impossible_log_is_an_error() {
    let schema = schema(true);
    let mut twice = Bundle::new(ApplyMode::Strict);
    twice.add(change(&schema, None, Some((1, 1)))).expect("adds");
    assert!(twice.add(change(&schema, None, Some((1, 2)))).is_err());
    let mut gone = Bundle::new(ApplyMode::Strict);
    gone.add(change(&schema, Some((1, 1)), None)).expect("adds");
    assert!(gone.add(change(&schema, Some((1, 1)), None)).is_err());
}

#[test]
fn a_partial_row_image_stops_with_the_table_and_a_remedy() {
    let schema = schema(true);
    let mut partial = change(&schema, Some((1, 1)), Some((1, 2)));
    for change in &mut partial.rows {
        change.new = Some(Row {
            values: vec![Value::Int(1), Value::Unchanged],
        });
    }
    let error = Bundle::new(ApplyMode::Strict).add(partial).expect_err("refused");
    assert_eq!(error.kind(), tidegate_model::Kind::NeedsUser);
    assert!(error.to_string().contains("shop.orders") && error.remedy_text().is_some());
}

#[test]
fn keyless_tables_keep_each_change_in_order() {
    let schema = schema(false);
    let mut bundle = Bundle::new(ApplyMode::Strict);
    bundle.add(change(&schema, None, Some((1, 1)))).expect("adds");
    bundle.add(change(&schema, None, Some((1, 1)))).expect("adds");
    bundle.add(change(&schema, Some((1, 1)), None)).expect("adds");
    bundle.add(change(&schema, None, Some((2, 2)))).expect("adds");
    let renamed = |_: &TableName| TableName::new("store", "orders");
    let seen: Vec<_> = bundle
        .into_works(&renamed)
        .into_iter()
        .map(|work| match work {
            TableWork::Ordered {
                op, changes, target, ..
            } => (op, changes.len(), target.schema),
            TableWork::Merged { .. } => panic!("keyless work is never merged"),
        })
        .collect();
    let store = || "store".to_owned();
    let expected = [
        (RowOp::Insert, 2, store()),
        (RowOp::Delete, 1, store()),
        (RowOp::Insert, 1, store()),
    ];
    assert_eq!(seen, expected);
}
