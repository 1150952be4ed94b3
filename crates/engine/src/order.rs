//! Changes of whole transactions, merged by row key into what a target is to write.
//!
//! Inside a bundle only the row before the first and the row after the last
//! change of a key matter. All deletes go before all inserts, so that rows which
//! pass a unique value between them never collide on the way. Tables without a
//! row key are not merged: their changes stay one by one, in order.
//!
//! Pure. The caller bounds a bundle by `rows` and `bytes`, and ends one at each
//! schema change.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tidegate_link::target::{ApplyMode, TableWork};
use tidegate_model::change::{OldRow, RowChange, RowChanges, RowOp};
use tidegate_model::row::Row;
use tidegate_model::schema::{Key, TableName, TableSchema};
use tidegate_model::value::Value;
use tidegate_model::{Error, Result};

/// What a bundle does to one row: the row that it takes away, the row that it puts there.
#[derive(Debug, Default)]
struct Merged {
    delete: Option<Row>,
    insert: Option<Row>,
}

#[derive(Debug)]
enum Changes {
    /// In the order of first touch, so that a bundle writes in a stable order.
    Keyed {
        places: HashMap<Vec<u8>, usize>,
        rows: Vec<Merged>,
    },
    Ordered(Vec<(RowOp, Vec<RowChange>)>),
}

#[derive(Debug)]
struct Table {
    schema: Arc<TableSchema>,
    changes: Changes,
}

/// Changes gathered for one write to the target.
#[derive(Debug)]
pub struct Bundle {
    mode: ApplyMode,
    tables: BTreeMap<TableName, Table>,
    rows: u64,
    bytes: u64,
}

impl Bundle {
    /// In `Idempotent` mode a row may be on the target already, or gone already:
    /// a row that comes and goes inside the bundle is then still deleted.
    pub fn new(mode: ApplyMode) -> Bundle {
        Bundle {
            mode,
            tables: BTreeMap::new(),
            rows: 0,
            bytes: 0,
        }
    }

    pub fn mode(&self) -> ApplyMode {
        self.mode
    }

    /// Changes added, before merging.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes added, before merging: an upper bound of what the bundle holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds changes in the source's order. After an error the bundle must be dropped.
    pub fn add(&mut self, changes: RowChanges) -> Result<()> {
        let RowChanges {
            schema,
            op,
            rows,
            bytes,
        } = changes;
        self.rows += rows.len() as u64;
        self.bytes += bytes;
        let table = self
            .tables
            .entry(schema.name.clone())
            .or_insert_with(|| Table::new(&schema));
        table.same_shape(&schema)?;
        table.add(op, rows, self.mode)
    }

    /// The writes, under the target's names.
    pub fn into_works(self, target_of: &dyn Fn(&TableName) -> TableName) -> Vec<TableWork> {
        let of_table = |table: Table| table.into_works(target_of);
        self.tables.into_values().flat_map(of_table).collect()
    }
}

impl Table {
    fn new(schema: &Arc<TableSchema>) -> Table {
        let changes = match schema.row_key {
            Some(_) => Changes::Keyed {
                places: HashMap::new(),
                rows: Vec::new(),
            },
            None => Changes::Ordered(Vec::new()),
        };
        Table {
            schema: Arc::clone(schema),
            changes,
        }
    }

    fn same_shape(&self, schema: &Arc<TableSchema>) -> Result<()> {
        let same = Arc::ptr_eq(&self.schema, schema)
            || (self.schema.columns == schema.columns && self.schema.row_key == schema.row_key);
        if same {
            return Ok(());
        }
        Err(Error::bug(format!(
            "{} changed its columns inside a bundle",
            schema.name
        )))
    }

    fn add(&mut self, op: RowOp, changes: Vec<RowChange>, mode: ApplyMode) -> Result<()> {
        let schema = Arc::clone(&self.schema);
        match (&mut self.changes, &schema.row_key) {
            (Changes::Keyed { places, rows }, Some(key)) => {
                for change in changes {
                    let (old, new) = both_rows(&schema, op, change)?;
                    if let Some(old) = old {
                        merged_of(places, rows, key_of(&schema, key, &old)?).take_away(&schema, old, mode)?;
                    }
                    if let Some(new) = new {
                        merged_of(places, rows, key_of(&schema, key, &new)?).put(&schema, new)?;
                    }
                }
            }
            (Changes::Ordered(runs), _) => {
                for change in &changes {
                    check_ordered(&schema, op, change)?;
                }
                match runs.last_mut() {
                    Some((last, run)) if *last == op => run.extend(changes),
                    _ => runs.push((op, changes)),
                }
            }
            (Changes::Keyed { .. }, None) => return Err(Error::bug("a keyed table lost its key")),
        }
        Ok(())
    }

    fn into_works(self, target_of: &dyn Fn(&TableName) -> TableName) -> Vec<TableWork> {
        let (schema, target) = (self.schema, target_of);
        let target = target(&schema.name);
        match self.changes {
            Changes::Keyed { rows, .. } => {
                let (mut deletes, mut inserts) = (Vec::new(), Vec::new());
                for merged in rows {
                    deletes.extend(merged.delete);
                    inserts.extend(merged.insert);
                }
                if deletes.is_empty() && inserts.is_empty() {
                    return Vec::new();
                }
                vec![TableWork::Merged {
                    schema,
                    target,
                    deletes,
                    inserts,
                }]
            }
            Changes::Ordered(runs) => {
                let work = |(op, changes)| TableWork::Ordered {
                    schema: Arc::clone(&schema),
                    target: target.clone(),
                    op,
                    changes,
                };
                runs.into_iter().map(work).collect()
            }
        }
    }
}

impl Merged {
    fn take_away(&mut self, schema: &TableSchema, old: Row, mode: ApplyMode) -> Result<()> {
        match (self.delete.is_some(), self.insert.take()) {
            // It was there before the bundle and is what we put there since.
            (true, Some(_)) => Ok(()),
            (false, Some(_)) => {
                if mode == ApplyMode::Idempotent {
                    self.delete = Some(old);
                }
                Ok(())
            }
            (false, None) => {
                self.delete = Some(old);
                Ok(())
            }
            // A row that came and went leaves nothing behind in Strict mode, and
            // that is the state (false, None): so this row was deleted twice.
            (true, None) => Err(out_of_order(schema, "deletes a row that it has deleted")),
        }
    }

    fn put(&mut self, schema: &TableSchema, new: Row) -> Result<()> {
        match self.insert.replace(new) {
            None => Ok(()),
            Some(_) => Err(out_of_order(schema, "inserts a row that is there")),
        }
    }
}

fn merged_of<'a>(
    places: &mut HashMap<Vec<u8>, usize>,
    rows: &'a mut Vec<Merged>,
    key: Vec<u8>,
) -> &'a mut Merged {
    let place = *places.entry(key).or_insert(rows.len());
    if place == rows.len() {
        rows.push(Merged::default());
    }
    &mut rows[place]
}

fn both_rows(schema: &TableSchema, op: RowOp, change: RowChange) -> Result<(Option<Row>, Option<Row>)> {
    let old = match change.old {
        OldRow::None => None,
        OldRow::Key(row) | OldRow::Full(row) => Some(row),
    };
    let fits = match op {
        RowOp::Insert => old.is_none() && change.new.is_some(),
        RowOp::Update => old.is_some() && change.new.is_some(),
        RowOp::Delete => old.is_some() && change.new.is_none(),
    };
    if !fits {
        return Err(Error::bug(format!(
            "a change of {} lacks a row that its kind has",
            schema.name
        )));
    }
    if let Some(new) = &change.new {
        whole(schema, new)?;
    }
    Ok((old, change.new))
}

fn check_ordered(schema: &TableSchema, op: RowOp, change: &RowChange) -> Result<()> {
    if let Some(new) = &change.new {
        whole(schema, new)?;
    }
    match (&change.old, op) {
        (OldRow::None, RowOp::Insert) => Ok(()),
        (OldRow::Full(old), RowOp::Update | RowOp::Delete) => whole(schema, old),
        _ => Err(partial_image(schema)),
    }
}

/// Every column must be in the image: what is absent cannot be written.
fn whole(schema: &TableSchema, row: &Row) -> Result<()> {
    if row.values.len() != schema.columns.len() {
        return Err(Error::bug(format!(
            "a row of {} has a wrong number of columns",
            schema.name
        )));
    }
    let absent = |(index, _)| matches!(row.values.get::<usize>(index), Some(Value::Unchanged));
    if schema.written_columns().any(absent) {
        return Err(partial_image(schema));
    }
    Ok(())
}

fn partial_image(schema: &TableSchema) -> Error {
    Error::needs_user(format!(
        "the source's log holds only parts of the rows of {}",
        schema.name
    ))
    .remedy("Let the source log whole rows, then start the job again")
}

fn out_of_order(schema: &TableSchema, what: &str) -> Error {
    Error::unknown(format!("the source's log {what}, in {}", schema.name))
        .remedy("Nothing of this was written. Keep the source's log and report this")
}

/// The key's values as bytes that are equal only for equal keys of equal bytes.
/// Keys that a collation calls equal but which differ in bytes stay apart here:
/// safe, because all deletes of a bundle are written before all inserts.
fn key_of(schema: &TableSchema, key: &Key, row: &Row) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(16);
    for &index in &key.columns {
        let value = row.values.get(index).unwrap_or(&Value::Unchanged);
        push_value(&mut bytes, value).ok_or_else(|| {
            Error::unknown(format!(
                "a logged row of {} lacks a value of its key {}",
                schema.name, key.name
            ))
        })?;
    }
    Ok(bytes)
}

/// A kind byte, then a fixed number of bytes, or a length and the bytes. None: not a key's value.
fn push_value(bytes: &mut Vec<u8>, value: &Value) -> Option<()> {
    let (kind, fixed) = match value {
        Value::Null | Value::Unchanged => return None,
        Value::Int(number) => (1, number.to_be_bytes()),
        Value::UInt(number) => (2, number.to_be_bytes()),
        Value::Float(number) => (3, u64::from(number.to_bits()).to_be_bytes()),
        Value::Double(number) => (4, number.to_bits().to_be_bytes()),
        Value::Bit(bits) => (5, bits.to_be_bytes()),
        Value::Enum(member) => (6, u64::from(*member).to_be_bytes()),
        Value::Set(members) => (7, members.to_be_bytes()),
        Value::Decimal(text) => return push_text(bytes, 8, text),
        Value::Text(text) => return push_text(bytes, 9, text),
        Value::Bytes(text) => return push_text(bytes, 10, text),
        Value::Temporal(text) => return push_text(bytes, 11, text),
        Value::Json(text) => return push_text(bytes, 12, text),
        Value::Geometry(text) => return push_text(bytes, 13, text),
    };
    bytes.push(kind);
    bytes.extend_from_slice(&fixed);
    Some(())
}

fn push_text(bytes: &mut Vec<u8>, kind: u8, text: &[u8]) -> Option<()> {
    bytes.push(kind);
    bytes.extend_from_slice(&u64::try_from(text.len()).ok()?.to_be_bytes());
    bytes.extend_from_slice(text);
    Some(())
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
