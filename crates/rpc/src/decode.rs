//! Request parameters as the contract wants them: unknown names refused, text
//! turned into numbers and truth values, "" and null taken as absent.
//!
//! Public clients and published examples are loose with types, so whatever has
//! one meaning is accepted. Relies on `contract`; knows no action's semantics.

use serde_json::{Map, Value};

use crate::codes::ApiError;
use crate::contract::{Field, contract};

/// Named by many field notes as an option of any request, declared by none.
const ANYWHERE: &str = "DateTimeISOFormat";

/// Declared as required, yet empty in published requests: what is absent is not missed.
const MAY_BE_EMPTY: &str = "NodeType";

/// No published type nests deeper than 6; a form could nest without end.
const DEPTH_MAX: usize = 12;

/// The parameters of `action` with the contract's own types.
pub fn normalise(action: &str, params: Value) -> Result<Value, ApiError> {
    let shape = contract()
        .actions
        .get(action)
        .ok_or_else(|| ApiError::unknown_action(action))?;
    let mut fields = match params {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        _ => return Err(ApiError::malformed("the request's body is not a JSON object")),
    };
    let iso = fields.shift_remove(ANYWHERE);
    let mut seen = members(&shape.input, fields, "", DEPTH_MAX)?;
    if let Some(value) = iso.filter(|value| !is_absent(value)) {
        seen.insert(ANYWHERE.to_owned(), truth(value, ANYWHERE)?);
    }
    Ok(Value::Object(seen))
}

fn members(
    shape: &[Field],
    mut given: Map<String, Value>,
    path: &str,
    depth: usize,
) -> Result<Map<String, Value>, ApiError> {
    let mut seen = Map::new();
    for field in shape {
        let name = join(path, &field.name);
        let value = given.shift_remove(&field.name).filter(|value| !is_absent(value));
        match value {
            Some(value) => {
                if let Some(value) = one(field, value, &name, depth)? {
                    seen.insert(field.name.clone(), value);
                }
            }
            None if field.required && field.name != MAY_BE_EMPTY => return Err(ApiError::missing(&name)),
            None => {}
        }
    }
    match given.keys().next() {
        Some(extra) => Err(ApiError::unknown_parameter(&join(path, extra))),
        None => Ok(seen),
    }
}

/// `None` where the value means "unset": 0 in an optional field that begins at 1
/// is what published examples send for "unchanged".
fn one(field: &Field, value: Value, name: &str, depth: usize) -> Result<Option<Value>, ApiError> {
    let value = typed(&field.kind, value, name, depth)?;
    let unset = !field.required && value == 0 && field.min.is_some_and(|min| min > 0);
    if unset {
        return Ok(None);
    }
    match &value {
        Value::Array(items) => items.iter().try_for_each(|item| limits(field, item, name))?,
        other => limits(field, other, name)?,
    }
    Ok(Some(value))
}

fn typed(kind: &str, value: Value, name: &str, depth: usize) -> Result<Value, ApiError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(ApiError::bad_value(format!("`{name}` is nested too deeply")));
    };
    if let Some(inner) = kind.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
        let Value::Array(items) = value else {
            return Err(wrong(name, "a list"));
        };
        let each = items.into_iter().enumerate();
        let items: Result<Vec<Value>, ApiError> = each
            .map(|(at, item)| typed(inner, item, &format!("{name}.{at}"), depth))
            .collect();
        return items.map(Value::Array);
    }
    match kind {
        "string" => text(value, name),
        "int64" => whole(value, name),
        "uint64" => match whole(value, name)? {
            number if number.as_u64().is_some() => Ok(number),
            _ => Err(wrong(name, "a number of 0 or more")),
        },
        "bool" => truth(value, name),
        "float" => float(value, name),
        _ => match (contract().types.get(kind), value) {
            (Some(shape), Value::Object(given)) => members(shape, given, name, depth).map(Value::Object),
            _ => Err(wrong(name, "an object")),
        },
    }
}

fn text(value: Value, name: &str) -> Result<Value, ApiError> {
    match value {
        Value::String(_) => Ok(value),
        Value::Number(number) => Ok(Value::from(number.to_string())),
        Value::Bool(truth) => Ok(Value::from(truth.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(wrong(name, "a text")),
    }
}

fn whole(value: Value, name: &str) -> Result<Value, ApiError> {
    let number = match &value {
        Value::Number(number) if number.is_i64() || number.is_u64() => return Ok(value),
        Value::String(text) => text.trim().parse::<i64>().ok(),
        _ => None,
    };
    number
        .map(Value::from)
        .ok_or_else(|| wrong(name, "a whole number"))
}

fn float(value: Value, name: &str) -> Result<Value, ApiError> {
    match &value {
        Value::Number(_) => Ok(value),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::from(number)),
            _ => Err(wrong(name, "a number")),
        },
        _ => Err(wrong(name, "a number")),
    }
}

fn truth(value: Value, name: &str) -> Result<Value, ApiError> {
    let truth = match &value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    truth.map(Value::from).ok_or_else(|| wrong(name, "true or false"))
}

/// The value itself is never repeated: it may be a secret in the wrong place.
fn limits(field: &Field, value: &Value, name: &str) -> Result<(), ApiError> {
    if !value.is_object() && !field.allowed.is_empty() && !field.allowed.contains(value) {
        let list: Vec<String> = field.allowed.iter().map(Value::to_string).collect();
        return Err(ApiError::bad_value(format!(
            "`{name}` must be one of {}",
            list.join(", ")
        )));
    }
    let low = field
        .min
        .filter(|min| value.as_i64().is_some_and(|have| have < *min));
    if let Some(min) = low {
        return Err(ApiError::bad_value(format!("`{name}` must be {min} or more")));
    }
    // A number beyond i64 is beyond every maximum as well.
    let high = field
        .max
        .filter(|max| value.is_number() && value.as_i64().is_none_or(|have| have > *max));
    if let Some(max) = high {
        return Err(ApiError::bad_value(format!("`{name}` must be {max} or less")));
    }
    let long = field
        .max_len
        .filter(|max| value.as_str().is_some_and(|text| text.chars().count() > *max));
    match long {
        Some(max) => Err(ApiError::bad_value(format!(
            "`{name}` may have at most {max} characters"
        ))),
        None => Ok(()),
    }
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn wrong(name: &str, wanted: &str) -> ApiError {
    ApiError::bad_value(format!("`{name}` must be {wanted}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(action: &str, params: Value) -> (&'static str, String) {
        let error = normalise(action, params).expect_err("refused");
        (error.code, error.message)
    }

    #[test]
    fn loose_types_are_taken_where_they_have_one_meaning() {
        let given = json!({"JobId": "dts-1", "DumpThread": "4", "LoadThread": 0, "LoadRps": "",
            "SinkerThread": null, "DateTimeISOFormat": "1"});
        let seen = normalise("ModifyMigrateRateLimit", given).expect("decodes");
        assert_eq!(
            seen,
            json!({"JobId": "dts-1", "DumpThread": 4, "DateTimeISOFormat": true})
        );
    }

    #[test]
    fn what_is_unknown_is_named_with_its_path() {
        let (code_top, _) = code(
            "ModifyMigrateName",
            json!({"JobId": "a", "JobName": "b", "Colour": 1}),
        );
        assert_eq!(code_top, "UnknownParameter");
        let nested = json!({"SrcDatabaseType": "mysql", "DstDatabaseType": "mysql", "SrcRegion": "r",
            "DstRegion": "r", "InstanceClass": "small", "Tags": [{"TagKey": "k", "Colour": 1}]});
        let (code_nested, message) = code("CreateMigrationService", nested);
        assert_eq!(code_nested, "UnknownParameter");
        assert!(message.contains("Tags.0.Colour"), "{message}");
        assert_eq!(code("MakeTea", json!({})).0, "InvalidAction");
    }

    #[test]
    fn missing_and_bad_values_are_refused() {
        assert_eq!(
            code("StartMigrateJob", json!({"JobId": ""})).0,
            "MissingParameter"
        );
        let bad = "InvalidParameterValue.InvalidParameterValueError";
        let limit = |value: Value| {
            code(
                "ModifyMigrateRateLimit",
                json!({"JobId": "a", "DumpThread": value}),
            )
            .0
        };
        assert_eq!(limit(json!(17)), bad);
        assert_eq!(limit(json!(-1)), bad);
        assert_eq!(limit(json!(u64::MAX)), bad);
        assert_eq!(limit(json!("many")), bad);
        assert_eq!(limit(json!([1])), bad);
        let mode = json!({"JobId": "a", "CompleteMode": "someday"});
        assert_eq!(code("CompleteMigrateJob", mode).0, bad);
    }
}
