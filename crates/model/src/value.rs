//! One neutral value, as every engine reads and writes it.
//!
//! Bytes are shared slices of the buffer they were read from, so that a row
//! costs no allocation a cell. Temporal and decimal values travel as canonical
//! ASCII text: no library holds zero dates, 838-hour times and 65 digits alike.

use bytes::Bytes;

#[derive(Clone, PartialEq)]
pub enum Value {
    Null,
    /// Not present in the image (unchanged TOAST, minimal row image). Never NULL.
    Unchanged,
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    /// Canonical ASCII digits, sign and point; the scale is the column's.
    Decimal(Bytes),
    /// Characters in the charset that the column declares (`ColumnType::Text`).
    Text(Bytes),
    /// Raw bytes. Fixed-length binary columns are padded to their length.
    Bytes(Bytes),
    /// `YYYY-MM-DD`, `YYYY-MM-DD hh:mm:ss[.f]` or `[-]hhh:mm:ss[.f]`, by column type;
    /// timestamps are in UTC. Zero and partial dates are kept as they are.
    Temporal(Bytes),
    /// JSON text in UTF-8. Tabs outside of strings are marks of the engine that read it,
    /// and blanks to all others.
    Json(Bytes),
    /// The bits of a BIT(n), right-aligned.
    Bit(u64),
    /// 1-based member number; 0 is the invalid value ''.
    Enum(u16),
    /// One bit a member.
    Set(u64),
    /// SRID (little-endian u32) and WKB, as MySQL stores it.
    Geometry(Bytes),
}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Size for budgets: bytes this value holds on to.
    pub fn weight(&self) -> usize {
        let held = match self {
            Value::Decimal(b)
            | Value::Text(b)
            | Value::Bytes(b)
            | Value::Temporal(b)
            | Value::Json(b)
            | Value::Geometry(b) => b.len(),
            _ => 0,
        };
        held + std::mem::size_of::<Value>()
    }
}

/// Shows the kind and size only: row values must not reach a log by `{:?}`.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self {
            Value::Null => return f.write_str("Null"),
            Value::Unchanged => return f.write_str("Unchanged"),
            Value::Int(_) => "Int",
            Value::UInt(_) => "UInt",
            Value::Float(_) => "Float",
            Value::Double(_) => "Double",
            Value::Decimal(_) => "Decimal",
            Value::Text(_) => "Text",
            Value::Bytes(_) => "Bytes",
            Value::Temporal(_) => "Temporal",
            Value::Json(_) => "Json",
            Value::Bit(_) => "Bit",
            Value::Enum(_) => "Enum",
            Value::Set(_) => "Set",
            Value::Geometry(_) => "Geometry",
        };
        write!(f, "{kind}(…)")
    }
}
