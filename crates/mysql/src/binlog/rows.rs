//! Row events to rows: what was logged, by the shape of the table map, into
//! values by the schema in force at that position.
//!
//! Source: MySQL internals, `Rows_log_event`. A plan is made once a table map and
//! reads each row without a name in sight. Never panics on any bytes; a map that
//! does not fit the schema is an error that names the column.

use std::sync::Arc;

use bytes::Bytes;
use tidegate_model::change::{OldRow, RowChange, RowChanges, RowOp};
use tidegate_model::row::Row;
use tidegate_model::schema::{Column, ColumnType, TableSchema};
use tidegate_model::value::Value;
use tidegate_model::{Error, Result};

use super::cursor::Cursor;
use super::event::kind;
use super::native::NativeType;
use super::table_map::{LoggedColumn, TableMap, code};
use super::{decimal, json, json_diff, packed, temporal};

/// How one table's rows are read.
#[derive(Clone, Debug)]
pub struct RowPlan {
    schema: Arc<TableSchema>,
    columns: Vec<ColumnPlan>,
}

#[derive(Clone, Copy, Debug)]
struct ColumnPlan {
    logged: LoggedColumn,
    unsigned: bool,
    /// BINARY(n): the log drops zero bytes at the end.
    pad_to: usize,
    native: Option<NativeType>,
}

impl RowPlan {
    /// Refuses a map that the schema does not fit: then the schema is not the one
    /// in force where these rows were logged.
    pub fn new(map: &TableMap, schema: &Arc<TableSchema>) -> Result<RowPlan> {
        if map.columns.len() != schema.columns.len() {
            return Err(misfit(
                map,
                &format!(
                    "{} columns are logged, {} are known",
                    map.columns.len(),
                    schema.columns.len()
                ),
            ));
        }
        for (logged, column) in map.names.iter().zip(&schema.columns) {
            if !logged.eq_ignore_ascii_case(&column.name) {
                return Err(misfit(
                    map,
                    &format!("column `{logged}` is logged where `{}` is known", column.name),
                ));
            }
        }
        let each = map.columns.iter().zip(&schema.columns);
        let columns: Result<Vec<ColumnPlan>> = each
            .map(|(logged, column)| {
                if fits(*logged, column) {
                    Ok(column_plan(*logged, column))
                } else {
                    let what = format!(
                        "column `{}` is logged with type {} and known as {}",
                        column.name, logged.code, column.native
                    );
                    Err(misfit(map, &what))
                }
            })
            .collect();
        Ok(RowPlan {
            schema: Arc::clone(schema),
            columns: columns?,
        })
    }

    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// Reads one event's rows. `body` begins after the table's id and flags.
    pub fn read(&self, op: RowOp, form: RowsForm, body: Bytes) -> Result<RowChanges> {
        const FORM: &str = "a row event";
        let mut bytes = body.len() as u64;
        let mut cursor = Cursor::new(body);
        if matches!(form, RowsForm::Two | RowsForm::PackedTwo | RowsForm::Partial) {
            let extra = cursor.little(2, FORM)?.saturating_sub(2);
            cursor.skip(usize::try_from(extra).unwrap_or(usize::MAX), FORM)?;
        }
        let width = usize::try_from(cursor.length_encoded(FORM)?).unwrap_or(usize::MAX);
        if width != self.columns.len() {
            return Err(Error::unknown(format!(
                "rows of {} are logged with {width} columns, their map has {}",
                self.schema.name,
                self.columns.len()
            )));
        }
        let before = cursor.take(width.div_ceil(8), FORM)?;
        let after = match op {
            RowOp::Update => cursor.take(width.div_ceil(8), FORM)?,
            RowOp::Insert | RowOp::Delete => before.clone(),
        };
        let whole = |present: &Bytes| self.schema.written_columns().all(|(at, _)| is_set(present, at));
        if !whole(&before) || !whole(&after) {
            return Err(Error::unknown(format!(
                "rows of {} are logged without columns that did not change (binlog_row_image)",
                self.schema.name
            ))
            .remedy(
                "SET GLOBAL binlog_row_image = 'FULL' on the source, reconnect its clients, and start the job anew",
            ));
        }
        if matches!(form, RowsForm::PackedOne | RowsForm::PackedTwo) {
            let unpacked = packed::event(cursor.into_rest())?;
            bytes = unpacked.len() as u64;
            cursor = Cursor::new(unpacked);
        }
        let mut rows = Vec::new();
        while cursor.remaining() > 0 {
            rows.push(if form == RowsForm::Partial {
                self.partial_change(&mut cursor, &before, &after)?
            } else {
                self.change(op, &mut cursor, &before, &after)?
            });
        }
        Ok(RowChanges {
            schema: Arc::clone(&self.schema),
            op,
            rows,
            bytes,
        })
    }

    fn partial_change(&self, cursor: &mut Cursor, before: &[u8], after: &[u8]) -> Result<RowChange> {
        const FORM: &str = "a partial update";
        const PARTIAL_JSON: u64 = 1;
        let old = self.row(cursor, before, None)?;
        let options = cursor.length_encoded(FORM)?;
        let json = |column: &&ColumnPlan| column.logged.code == code::JSON;
        let partial = match options {
            0 => Bytes::new(),
            PARTIAL_JSON => cursor.take(self.columns.iter().filter(json).count().div_ceil(8), FORM)?,
            _ => return Err(Error::unknown(format!("{FORM} with options that are not known"))),
        };
        let new = self.row(cursor, after, Some((&old, &partial)))?;
        Ok(RowChange {
            old: self.old_row(old),
            new: Some(new),
        })
    }

    fn change(&self, op: RowOp, cursor: &mut Cursor, before: &[u8], after: &[u8]) -> Result<RowChange> {
        let old = match op {
            RowOp::Insert => OldRow::None,
            RowOp::Update | RowOp::Delete => self.old_row(self.row(cursor, before, None)?),
        };
        let new = match op {
            RowOp::Delete => None,
            RowOp::Insert | RowOp::Update => Some(self.row(cursor, after, None)?),
        };
        Ok(RowChange { old, new })
    }

    fn old_row(&self, row: Row) -> OldRow {
        let absent = |(index, _)| matches!(row.values.get::<usize>(index), Some(Value::Unchanged) | None);
        if self.schema.written_columns().any(absent) {
            OldRow::Key(row)
        } else {
            OldRow::Full(row)
        }
    }

    /// `partial`: the row before, and for each column of JSON, present or not, a bit that
    /// says whether differences are logged.
    fn row(&self, cursor: &mut Cursor, present: &[u8], partial: Option<(&Row, &[u8])>) -> Result<Row> {
        let shown = (0..self.columns.len()).filter(|at| is_set(present, *at)).count();
        let nulls = cursor.take(shown.div_ceil(8), "a row's null bits")?;
        let mut values = Vec::with_capacity(self.columns.len());
        let (mut at_shown, mut at_json) = (0, 0);
        for (at, column) in self.columns.iter().enumerate() {
            let mut before = None;
            if let (Some((row, bits)), code::JSON) = (partial, column.logged.code) {
                before = row.values.get(at).filter(|_| is_set(bits, at_json));
                at_json += 1;
            }
            if !is_set(present, at) {
                values.push(Value::Unchanged);
                continue;
            }
            values.push(if is_set(&nulls, at_shown) {
                Value::Null
            } else {
                let value = match before {
                    Some(before) => difference(cursor, column, before),
                    None => value(cursor, column),
                };
                value.map_err(|error| self.in_column(at, error))?
            });
            at_shown += 1;
        }
        Ok(Row { values })
    }

    fn in_column(&self, at: usize, error: Error) -> Error {
        let column = self
            .schema
            .columns
            .get(at)
            .map_or("", |column| column.name.as_str());
        error.context(format!("reading {}.{column} from the log", self.schema.name))
    }
}

fn is_set(bits: &[u8], at: usize) -> bool {
    bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}

fn difference(cursor: &mut Cursor, column: &ColumnPlan, before: &Value) -> Result<Value> {
    let logged = long(cursor, column.logged.meta)?;
    let Value::Json(before) = before else {
        return Err(Error::unknown("a partial update without the value before it"));
    };
    Ok(Value::Json(json_diff::apply(before, logged)?))
}

/// How a row event is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsForm {
    /// MySQL 5.5 and MariaDB.
    One,
    /// With room for more data before the rows.
    Two,
    /// MariaDB's log_bin_compress: the rows are compressed, what stands before them is not.
    PackedOne,
    PackedTwo,
    /// As `Two`; of JSON, the row after may hold what changed alone.
    Partial,
}

impl RowsForm {
    /// What an event of this type does to rows; None for events without rows.
    pub fn of(code: u8) -> Option<(RowOp, RowsForm)> {
        Some(match code {
            kind::WRITE_ROWS => (RowOp::Insert, RowsForm::Two),
            kind::UPDATE_ROWS => (RowOp::Update, RowsForm::Two),
            kind::DELETE_ROWS => (RowOp::Delete, RowsForm::Two),
            kind::WRITE_ROWS_V1 => (RowOp::Insert, RowsForm::One),
            kind::UPDATE_ROWS_V1 => (RowOp::Update, RowsForm::One),
            kind::DELETE_ROWS_V1 => (RowOp::Delete, RowsForm::One),
            kind::PARTIAL_UPDATE_ROWS => (RowOp::Update, RowsForm::Partial),
            kind::MARIADB_WRITE_ROWS_COMPRESSED_V1 => (RowOp::Insert, RowsForm::PackedOne),
            kind::MARIADB_UPDATE_ROWS_COMPRESSED_V1 => (RowOp::Update, RowsForm::PackedOne),
            kind::MARIADB_DELETE_ROWS_COMPRESSED_V1 => (RowOp::Delete, RowsForm::PackedOne),
            kind::MARIADB_WRITE_ROWS_COMPRESSED => (RowOp::Insert, RowsForm::PackedTwo),
            kind::MARIADB_UPDATE_ROWS_COMPRESSED => (RowOp::Update, RowsForm::PackedTwo),
            kind::MARIADB_DELETE_ROWS_COMPRESSED => (RowOp::Delete, RowsForm::PackedTwo),
            _ => return None,
        })
    }
}

fn misfit(map: &TableMap, what: &str) -> Error {
    Error::unknown(format!(
        "the log's rows of {} do not fit the table as it was known at that position: {what}",
        map.name
    ))
    .remedy("Nothing of it was written. Start the job anew for this table, and report the change that came before")
}

fn column_plan(logged: LoggedColumn, column: &Column) -> ColumnPlan {
    let unsigned = matches!(column.kind, ColumnType::Int { unsigned: true, .. });
    let pad_to = match column.kind {
        ColumnType::Bytes {
            fixed: true,
            length: Some(length),
        } => usize::try_from(length).unwrap_or(0),
        _ => 0,
    };
    ColumnPlan {
        logged,
        unsigned,
        pad_to,
        native: native(column),
    }
}

fn native(column: &Column) -> Option<NativeType> {
    let is_native = column.kind == ColumnType::Native;
    NativeType::of(&column.native).filter(|_| is_native)
}

/// Does a logged type carry values of this column's type?
fn fits(logged: LoggedColumn, column: &Column) -> bool {
    let code = logged.code;
    match &column.kind {
        ColumnType::Int { bits, .. } => {
            let expected = match bits {
                8 => code::TINY,
                16 => code::SHORT,
                24 => code::INT24,
                32 => code::LONG,
                _ => code::LONGLONG,
            };
            code == expected
        }
        ColumnType::Decimal { precision, scale, .. } => {
            code == code::NEWDECIMAL && logged.meta == u16::from(*precision) << 8 | u16::from(*scale)
        }
        ColumnType::Float => code == code::FLOAT,
        ColumnType::Double => code == code::DOUBLE,
        ColumnType::Text { .. } | ColumnType::Bytes { .. } => matches!(
            code,
            code::STRING
                | code::VARCHAR
                | code::VAR_STRING
                | code::BLOB
                | code::VECTOR
                | code::MARIADB_BLOB_COMPRESSED
                | code::MARIADB_VARCHAR_COMPRESSED
        ),
        ColumnType::Date => matches!(code, code::DATE | code::NEWDATE),
        ColumnType::Time { fsp } => {
            code == code::TIME2 && logged.meta == u16::from(*fsp) || code == code::TIME
        }
        ColumnType::DateTime { fsp } => {
            code == code::DATETIME2 && logged.meta == u16::from(*fsp) || code == code::DATETIME
        }
        ColumnType::Timestamp { fsp } => {
            code == code::TIMESTAMP2 && logged.meta == u16::from(*fsp) || code == code::TIMESTAMP
        }
        ColumnType::Year => code == code::YEAR,
        ColumnType::Bit { .. } => code == code::BIT,
        ColumnType::Enum { .. } => code == code::ENUM,
        ColumnType::Set { .. } => code == code::SET,
        ColumnType::Json => code == code::JSON,
        ColumnType::Geometry => code == code::GEOMETRY,
        ColumnType::Native => {
            code == code::STRING && native(column).is_some_and(|native| native.length() == logged.meta)
        }
    }
}

fn value(cursor: &mut Cursor, column: &ColumnPlan) -> Result<Value> {
    const FORM: &str = "a number";
    let LoggedColumn { code, meta } = column.logged;
    let fsp = u8::try_from(meta).unwrap_or(u8::MAX);
    Ok(match code {
        code::TINY => integer(cursor.little(1, FORM)?, 8, column.unsigned),
        code::SHORT => integer(cursor.little(2, FORM)?, 16, column.unsigned),
        code::INT24 => integer(cursor.little(3, FORM)?, 24, column.unsigned),
        code::LONG => integer(cursor.little(4, FORM)?, 32, column.unsigned),
        code::LONGLONG => integer(cursor.little(8, FORM)?, 64, column.unsigned),
        code::FLOAT => Value::Float(f32::from_bits(cursor.little(4, FORM)? as u32)),
        code::DOUBLE => Value::Double(f64::from_bits(cursor.little(8, FORM)?)),
        code::NEWDECIMAL => Value::Decimal(decimal::read(cursor, (meta >> 8) as u8, meta as u8)?),
        code::YEAR => {
            let year = cursor.little(1, "a year")? as i64;
            Value::Int(if year == 0 { 0 } else { 1900 + year })
        }
        code::DATE | code::NEWDATE => Value::Temporal(temporal::read_date(cursor)?),
        code::TIME2 => Value::Temporal(temporal::read_time(cursor, fsp)?),
        code::DATETIME2 => Value::Temporal(temporal::read_datetime(cursor, fsp)?),
        code::TIMESTAMP2 => Value::Temporal(temporal::read_timestamp(cursor, fsp)?),
        code::TIME => Value::Temporal(temporal::read_old_time(cursor)?),
        code::DATETIME => Value::Temporal(temporal::read_old_datetime(cursor)?),
        code::TIMESTAMP => Value::Temporal(temporal::read_old_timestamp(cursor)?),
        code::ENUM => Value::Enum(cursor.little(usize::from(meta), "an enum")? as u16),
        code::SET => Value::Set(cursor.little(usize::from(meta), "a set")?),
        code::BIT => {
            let (bits, bytes) = (meta & 0xFF, meta >> 8);
            Value::Bit(cursor.big(usize::from(bytes) + usize::from(bits > 0), "a bit field")?)
        }
        code::JSON => Value::Json(json::read(&long(cursor, meta)?)?),
        code::GEOMETRY => Value::Geometry(long(cursor, meta)?),
        code::BLOB | code::VECTOR => bytes_or_text(column, long(cursor, meta)?),
        code::STRING | code::VARCHAR | code::VAR_STRING => {
            let bytes = short(cursor, meta)?;
            match column.native {
                Some(native) => Value::Text(native.text(&bytes)?),
                None => bytes_or_text(column, bytes),
            }
        }
        code::MARIADB_BLOB_COMPRESSED => Value::Bytes(packed::value(long(cursor, meta)?)?),
        code::MARIADB_VARCHAR_COMPRESSED => Value::Bytes(packed::value(short(cursor, meta)?)?),
        other => return Err(Error::unknown(format!("a value of logged type {other}"))),
    })
}

/// What is text and what is bytes is the schema's word; here both are bytes, and the
/// writer looks at the column. Padding is all that must be mended.
fn bytes_or_text(column: &ColumnPlan, bytes: Bytes) -> Value {
    if bytes.len() >= column.pad_to {
        return Value::Bytes(bytes);
    }
    let mut padded = bytes.to_vec();
    padded.resize(column.pad_to, 0);
    Value::Bytes(Bytes::from(padded))
}

fn integer(raw: u64, bits: u32, unsigned: bool) -> Value {
    if unsigned {
        return Value::UInt(raw);
    }
    let shift = 64 - bits;
    Value::Int((raw << shift) as i64 >> shift)
}

/// `longest` tells how many bytes the length takes.
fn short(cursor: &mut Cursor, longest: u16) -> Result<Bytes> {
    let length = cursor.little(if longest > 255 { 2 } else { 1 }, "a string's length")?;
    cursor.take(usize::try_from(length).unwrap_or(usize::MAX), "a string")
}

fn long(cursor: &mut Cursor, length_bytes: u16) -> Result<Bytes> {
    let length = cursor.little(usize::from(length_bytes), "a long value's length")?;
    cursor.take(usize::try_from(length).unwrap_or(usize::MAX), "a long value")
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
