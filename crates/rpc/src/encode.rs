//! Answers as public clients need them: no null where the contract has a type.
//!
//! Some clients dereference what may not be null, some refuse a number of the
//! wrong kind. So what is unset is "", 0, false, an empty list or an object of
//! such, and never -1 in an unsigned field. Relies on `contract`.

use serde_json::{Map, Value};

use crate::contract::{Field, contract};

/// No published type nests deeper than 8 without a list between.
const DEPTH_MAX: usize = 12;

/// The answer of `action` with all that is unset filled in.
pub fn fill(action: &str, answer: Value) -> Value {
    match (contract().actions.get(action), answer) {
        (Some(shape), Value::Object(given)) if !shape.output.is_empty() => {
            members(&shape.output, given, DEPTH_MAX)
        }
        (_, answer) => answer,
    }
}

fn members(shape: &[Field], mut given: Map<String, Value>, depth: usize) -> Value {
    let each = shape.iter().map(|field| {
        let value = given.shift_remove(&field.name).unwrap_or(Value::Null);
        (field.name.clone(), one(&field.kind, value, depth))
    });
    Value::Object(each.collect())
}

fn one(kind: &str, value: Value, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else {
        return Value::Null;
    };
    let inner = kind.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>'));
    match (inner, value) {
        (Some(inner), Value::Array(items)) => {
            let filled = items.into_iter().map(|item| one(inner, item, depth));
            Value::Array(filled.collect())
        }
        (Some(_), _) => Value::Array(Vec::new()),
        (None, Value::Null) => unset(kind, depth),
        (None, Value::Object(given)) => match contract().types.get(kind) {
            Some(shape) => members(shape, given, depth),
            None => Value::Null,
        },
        (None, value) => value,
    }
}

fn unset(kind: &str, depth: usize) -> Value {
    match kind {
        "string" => Value::from(""),
        "int64" | "uint64" => Value::from(0),
        "float" => Value::from(0.0),
        "bool" => Value::from(false),
        _ => contract()
            .types
            .get(kind)
            .map_or(Value::Null, |shape| members(shape, Map::new(), depth)),
    }
}

/// Where an answer is not of the contract's types: for tests of whole answers.
pub fn misfits(action: &str, answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(shape) = contract().actions.get(action) {
        compare(&shape.output, answer, "", &mut found);
    }
    found
}

fn compare(shape: &[Field], value: &Value, path: &str, found: &mut Vec<String>) {
    for field in shape {
        let name = format!("{path}.{}", field.name);
        match value.get(&field.name) {
            Some(value) => compare_one(&field.kind, value, &name, found),
            None => found.push(format!("{name} is missing")),
        }
    }
}

fn compare_one(kind: &str, value: &Value, name: &str, found: &mut Vec<String>) {
    if let Some(inner) = kind.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
        match value.as_array() {
            Some(items) => items
                .iter()
                .for_each(|item| compare_one(inner, item, name, found)),
            None => found.push(format!("{name} is no list")),
        }
        return;
    }
    let good = match kind {
        "string" => value.is_string(),
        "int64" => value.is_i64(),
        "uint64" => value.is_u64(),
        "bool" => value.is_boolean(),
        "float" => value.is_number(),
        _ => value.is_object(),
    };
    if !good {
        found.push(format!("{name} is no {kind}"));
    } else if let Some(shape) = contract().types.get(kind) {
        compare(shape, value, name, found);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_is_unset_has_its_type() {
        for (name, shape) in &contract().actions {
            if shape.group == "migration" {
                let filled = fill(name, json!({"JobList": [{}], "StepInfo": null}));
                assert_eq!(misfits(name, &filled), Vec::<String>::new(), "{name}");
            }
        }
        let minus = json!({"TotalCount": -1, "JobList": []});
        assert_eq!(
            misfits("DescribeMigrationJobs", &minus),
            [".TotalCount is no uint64"]
        );
    }
}
