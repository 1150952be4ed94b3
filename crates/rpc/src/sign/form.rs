//! Parameters written as a query or a form: decoding, and nesting of `A.0.B`.
//!
//! All bounds are here because the text comes from outside, before any
//! signature was checked. Values stay text: the contract decides their types.

use serde_json::{Map, Value};

use crate::codes::ApiError;

/// More than any published action can use; a bound for hostile input.
const MAX_PAIRS: usize = 20_000;
/// The published types nest at most 6 deep, each level a name and an index.
const MAX_DEPTH: usize = 16;

pub(super) fn decode(text: &str) -> Result<Vec<(String, String)>, ApiError> {
    let parts: Vec<&str> = text
        .split('&')
        .filter(|part| !part.is_empty())
        .take(MAX_PAIRS + 1)
        .collect();
    if parts.len() > MAX_PAIRS {
        return Err(ApiError::malformed("too many parameters"));
    }
    let split = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Ok((percent_decoded(name)?, percent_decoded(value)?))
    };
    parts.into_iter().map(split).collect()
}

fn percent_decoded(text: &str) -> Result<String, ApiError> {
    let bad = || ApiError::malformed("a parameter is not percent-encoded UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (
                    digit(rest.next()).ok_or_else(bad)?,
                    digit(rest.next()).ok_or_else(bad)?,
                );
                u8::try_from(high * 16 + low).map_err(|_| bad())?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

/// `A.0.B=v` becomes `{"A": [{"B": "v"}]}`.
pub(super) fn nest(pairs: Vec<(String, String)>) -> Result<Value, ApiError> {
    let mut root = Map::new();
    for (name, value) in pairs {
        let path: Vec<&str> = name.split('.').collect();
        if path.len() > MAX_DEPTH || path.iter().any(|part| part.is_empty()) {
            return Err(ApiError::malformed(
                "a parameter's name is empty or nests too deep",
            ));
        }
        insert(&mut root, &path, value)?;
    }
    let mut root = Value::Object(root);
    if let Value::Object(fields) = &mut root {
        for field in fields.values_mut() {
            make_lists(field)?;
        }
    }
    Ok(root)
}

fn insert(level: &mut Map<String, Value>, path: &[&str], value: String) -> Result<(), ApiError> {
    let twice = || ApiError::malformed("a parameter is given twice, or both as a value and as a list");
    match path {
        [] => Err(twice()),
        [last] => match level.insert((*last).to_owned(), Value::String(value)) {
            None => Ok(()),
            Some(_) => Err(twice()),
        },
        [first, rest @ ..] => {
            let next = level.entry(*first).or_insert_with(|| Value::Object(Map::new()));
            insert(next.as_object_mut().ok_or_else(twice)?, rest, value)
        }
    }
}

/// Objects whose names are all numbers are lists, in the order of the numbers.
fn make_lists(value: &mut Value) -> Result<(), ApiError> {
    let Value::Object(fields) = value else {
        return Ok(());
    };
    for field in fields.values_mut() {
        make_lists(field)?;
    }
    let indices: Option<Vec<u32>> = fields.keys().map(|name| name.parse().ok()).collect();
    let Some(indices) = indices else { return Ok(()) };
    let items = std::mem::take(fields).into_iter().map(|(_, item)| item);
    let mut numbered: Vec<(u32, Value)> = indices.into_iter().zip(items).collect();
    numbered.sort_by_key(|(index, _)| *index);
    let dense = (0..)
        .zip(&numbered)
        .all(|(expected, (index, _))| expected == *index);
    if !dense {
        return Err(ApiError::malformed(
            "a list's indices must run from 0 without gaps",
        ));
    }
    *value = Value::Array(numbered.into_iter().map(|(_, item)| item).collect());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<Value, ApiError> {
        nest(decode(text)?)
    }

    #[test]
    fn names_with_dots_nest_and_lists_keep_their_order() {
        let text = "JobIds.1=b&JobIds.0=a&SrcInfo.Info.0.Host=h%3A1&Note=a+b%20%E6%9C%AA";
        let expected = json!({
            "JobIds": ["a", "b"], "SrcInfo": {"Info": [{"Host": "h:1"}]}, "Note": "a b 未"
        });
        assert_eq!(read(text).expect("reads"), expected);
        let long: Vec<String> = (0..12).map(|n| format!("L.{n}=v{n}")).collect();
        assert_eq!(read(&long.join("&")).expect("reads")["L"][11], "v11");
    }

    #[test]
    fn odd_text_is_refused_and_never_panics() {
        for text in [
            "a=%",
            "a=%zz",
            "a=%ff",
            "a=1&a=2",
            "a=1&a.0=2",
            "a.0=2&a=1",
            "a.1=x",
            "a..b=1",
            "=1",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = vec!["a"; 17].join(".");
        assert!(read(&format!("{deep}=1")).is_err());
    }
}
