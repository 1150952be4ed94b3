//! Partial updates of JSON (binlog_row_value_options = PARTIAL_JSON): the text before and
//! the logged differences give the text after.
//!
//! Source: MySQL, `sql/json_diff.h`: each difference is an operation, a path, a value. The
//! text is cut and joined in place: only what lies on the path is looked at.

use bytes::Bytes;
use tidegate_model::{Error, Result};

use super::cursor::Cursor;
use super::json;
use crate::json_text::Scanner;

const FORM: &str = "a partial update of JSON";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Replace,
    Insert,
    Remove,
}

#[derive(Debug, PartialEq, Eq)]
enum Leg {
    Member(String),
    Cell(usize),
    /// Counted from the end: `last` is 0.
    FromEnd(usize),
}

/// `before` is as `json::read` prints it; `logged` one column's differences.
pub fn apply(before: &Bytes, logged: Bytes) -> Result<Bytes> {
    let mut text = before.to_vec();
    let mut cursor = Cursor::new(logged);
    while cursor.remaining() > 0 {
        let change = match cursor.little(1, FORM)? {
            0 => Change::Replace,
            1 => Change::Insert,
            2 => Change::Remove,
            _ => return Err(broken("an operation that is not known")),
        };
        let path = part(&mut cursor)?;
        let path = std::str::from_utf8(&path).map_err(|_| broken("a path that is not UTF-8"))?;
        let legs = legs(path).ok_or_else(|| broken("a path that is not understood"))?;
        let value = match change {
            Change::Remove => Bytes::new(),
            Change::Replace | Change::Insert => json::read(&part(&mut cursor)?)?,
        };
        text = changed(&text, change, &legs, &value)
            .ok_or_else(|| broken("a path that does not lead anywhere in the value before"))?;
    }
    Ok(Bytes::from(text))
}

fn broken(what: &str) -> Error {
    Error::unknown(format!("{FORM} holds {what}"))
}

fn part(cursor: &mut Cursor) -> Result<Bytes> {
    let length = cursor.length_encoded(FORM)?;
    cursor.take(usize::try_from(length).unwrap_or(usize::MAX), FORM)
}

/// `$.name."a name"[3][last-1]`
fn legs(path: &str) -> Option<Vec<Leg>> {
    let mut legs = Vec::new();
    let mut rest = path.strip_prefix('$')?;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let length = if after.starts_with('"') {
                Scanner::new(after.as_bytes()).string()?.len()
            } else {
                after.find(['.', '[']).unwrap_or(after.len())
            };
            let (name, after) = after.split_at_checked(length)?;
            let name = if name.starts_with('"') {
                unquoted(name.as_bytes())?
            } else {
                name.to_owned()
            };
            legs.push(Leg::Member(name));
            rest = after;
        } else {
            let (cell, after) = rest.strip_prefix('[')?.split_once(']')?;
            legs.push(match cell.trim().strip_prefix("last") {
                None => Leg::Cell(cell.trim().parse().ok()?),
                Some("") => Leg::FromEnd(0),
                Some(back) => Leg::FromEnd(back.trim().strip_prefix('-')?.trim().parse().ok()?),
            });
            rest = after;
        }
    }
    Some(legs)
}

fn unquoted(string: &[u8]) -> Option<String> {
    serde_json::from_slice(string).ok()
}

/// Where an element lies in its container's text: with key and marks, without the comma.
struct Element {
    from: usize,
    /// Where its value begins: after the key.
    value: usize,
    to: usize,
    key: Option<String>,
}

/// The elements of the container at `from`, and the place of its closing bracket.
fn elements(text: &[u8], from: usize) -> Option<(Vec<Element>, usize)> {
    let mut scanner = Scanner::new(text);
    scanner.at = from;
    let (object, end) = match scanner.peek()? {
        b'{' => (true, b'}'),
        b'[' => (false, b']'),
        _ => return None,
    };
    scanner.at += 1;
    let mut found = Vec::new();
    loop {
        while scanner.peek() == Some(b' ') {
            scanner.at += 1;
        }
        if found.is_empty() && scanner.peek() == Some(end) {
            return Some((found, scanner.at));
        }
        let from = scanner.at;
        let mut key = None;
        if object {
            key = Some(unquoted(scanner.string()?)?);
            scanner.take(b':').then_some(())?;
            while scanner.peek() == Some(b' ') {
                scanner.at += 1;
            }
        }
        let value = scanner.at;
        scanner.skip_value()?;
        let to = scanner.at;
        found.push(Element { from, value, to, key });
        if scanner.take(end) {
            return Some((found, scanner.at - 1));
        }
        scanner.take(b',').then_some(())?;
    }
}

fn at_leg(elements: &[Element], leg: &Leg) -> Option<usize> {
    match leg {
        Leg::Member(name) => elements
            .iter()
            .position(|element| element.key.as_ref() == Some(name)),
        Leg::Cell(at) => Some(*at),
        Leg::FromEnd(back) => elements.len().checked_sub(back + 1),
    }
}

fn changed(text: &[u8], change: Change, legs: &[Leg], value: &[u8]) -> Option<Vec<u8>> {
    let Some((last, way)) = legs.split_last() else {
        return (change == Change::Replace).then(|| value.to_vec());
    };
    // Marks of a value alone stand before it.
    let mut here = text.iter().position(|byte| *byte != b'\t')?;
    for leg in way {
        here = step(text, here, leg)?;
    }
    let is_object = text.get(here) == Some(&b'{');
    let is_array = text.get(here) == Some(&b'[');
    if matches!(last, Leg::Member(_)) != is_object || !is_object && !is_array {
        return replaced_alone(text, here, change, last, value);
    }
    let (elements, end) = elements(text, here)?;
    let place = at_leg(&elements, last);
    match change {
        Change::Replace => {
            let element = elements.get(place?)?;
            Some(joined(text, element.value, element.to, value))
        }
        Change::Remove => {
            let place = place?;
            let element = elements.get(place)?;
            let (from, to) = match (
                place.checked_sub(1).and_then(|at| elements.get(at)),
                elements.get(place + 1),
            ) {
                (Some(before), _) => (before.to, element.to),
                (None, Some(after)) => (element.from, after.from),
                (None, None) => (element.from, element.to),
            };
            Some(joined(text, from, to, &[]))
        }
        Change::Insert => {
            let (place, mut new) = match last {
                Leg::Member(name) => {
                    if place.is_some() {
                        return None;
                    }
                    let before =
                        |element: &Element| element.key.as_ref().is_some_and(|key| is_before(key, name));
                    let mut new = Vec::new();
                    json::push_string(&mut new, name);
                    new.extend_from_slice(b": ");
                    (elements.iter().take_while(|element| before(element)).count(), new)
                }
                _ => (place?.min(elements.len()), Vec::new()),
            };
            new.extend_from_slice(value);
            match elements.get(place) {
                Some(after) => {
                    new.extend_from_slice(b", ");
                    Some(joined(text, after.from, after.from, &new))
                }
                None if elements.is_empty() => Some(joined(text, end, end, &new)),
                None => Some(joined(text, end, end, &[b", ", &new[..]].concat())),
            }
        }
    }
}

/// The first cell of what is no array is the value itself.
fn replaced_alone(text: &[u8], here: usize, change: Change, leg: &Leg, value: &[u8]) -> Option<Vec<u8>> {
    if change != Change::Replace || !matches!(leg, Leg::Cell(0) | Leg::FromEnd(0)) {
        return None;
    }
    let mut scanner = Scanner::new(text);
    scanner.at = here;
    scanner.skip_value()?;
    Some(joined(text, here, scanner.at, value))
}

fn step(text: &[u8], here: usize, leg: &Leg) -> Option<usize> {
    let is_array = text.get(here) == Some(&b'[');
    if !is_array && matches!(leg, Leg::Cell(0) | Leg::FromEnd(0)) {
        return Some(here);
    }
    let (elements, _) = elements(text, here)?;
    elements.get(at_leg(&elements, leg)?).map(|element| element.value)
}

/// The server's order of keys: short ones first.
fn is_before(key: &str, new: &str) -> bool {
    (key.len(), key) < (new.len(), new)
}

fn joined(text: &[u8], from: usize, to: usize, new: &[u8]) -> Vec<u8> {
    let before = text.get(..from).unwrap_or_default();
    let after = text.get(to..).unwrap_or_default();
    [before, new, after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A difference whose value is a small number.
    fn logged(change: u8, path: &str, number: Option<u8>) -> Vec<u8> {
        let mut bytes = vec![change, path.len() as u8];
        bytes.extend(path.bytes());
        bytes.extend(number.into_iter().flat_map(|number| [3, 5, number, 0]));
        bytes
    }

    fn check(before: &str, changes: &[Vec<u8>], expected: &str) {
        let after = apply(
            &Bytes::copy_from_slice(before.as_bytes()),
            Bytes::from(changes.concat()),
        );
        let after = after.unwrap_or_else(|error| panic!("{before}: {error}"));
        assert_eq!(String::from_utf8_lossy(&after), expected, "{before}");
    }

    #[test]
    fn values_are_replaced_inserted_and_removed() {
        check("[1]", &[], "[1]");
        check(
            r#"{"a": [1, {"b": 2}]}"#,
            &[logged(0, "$.a[1].b", Some(7))],
            r#"{"a": [1, {"b": 7}]}"#,
        );
        check(r#"{"a": "x"}"#, &[logged(0, "$", Some(7))], "7");
        check(
            "[1, 2, 3]",
            &[logged(0, "$[last]", Some(7)), logged(0, "$[last-1]", Some(8))],
            "[1, 8, 7]",
        );
        check("[]", &[logged(1, "$[0]", Some(7))], "[7]");
        check(
            "[1, 2]",
            &[logged(1, "$[1]", Some(7)), logged(1, "$[9]", Some(8))],
            "[1, 7, 2, 8]",
        );
        check("{}", &[logged(1, "$.k", Some(7))], r#"{"k": 7}"#);
        check(
            r#"{"a": 1, "c": 2, "aa": 3}"#,
            &[
                logged(1, "$.b", Some(7)),
                logged(1, "$.zz", Some(8)),
                logged(1, "$.Z", Some(9)),
            ],
            r#"{"Z": 9, "a": 1, "b": 7, "c": 2, "aa": 3, "zz": 8}"#,
        );
        check(
            "[1, 2, 3]",
            &[logged(2, "$[0]", None), logged(2, "$[1]", None)],
            "[2]",
        );
        check(r#"{"a": {"b": 1}}"#, &[logged(2, "$.a.b", None)], r#"{"a": {}}"#);
        check(r#"{"a": 5}"#, &[logged(0, "$.a[0]", Some(7))], r#"{"a": 7}"#);
    }

    #[test]
    fn names_are_quoted_and_marks_go_with_their_values() {
        let odd = r#"{"a.b": 1, "q\"]": [1]}"#;
        check(
            odd,
            &[logged(0, r#"$."a.b""#, Some(7))],
            r#"{"a.b": 7, "q\"]": [1]}"#,
        );
        check(
            odd,
            &[logged(0, r#"$."q\"]"[0]"#, Some(7))],
            r#"{"a.b": 1, "q\"]": [7]}"#,
        );
        check(
            odd,
            &[logged(1, r#"$."n\"""#, Some(7))],
            r#"{"n\"": 7, "a.b": 1, "q\"]": [1]}"#,
        );
        check("[\t\"2020-01-01\", 1]", &[logged(2, "$[0]", None)], "[1]");
        check("[1, \t\"2020-01-01\"]", &[logged(0, "$[1]", Some(7))], "[1, 7]");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |before: &str, logged: Vec<u8>| {
            let applied = apply(&Bytes::copy_from_slice(before.as_bytes()), Bytes::from(logged));
            assert!(applied.is_err(), "{before}");
        };
        refused("[1]", logged(0, "$[1]", Some(7)));
        refused("[1]", logged(2, "$.a", None));
        refused(r#"{"a": 1}"#, logged(1, "$.a", Some(7)));
        refused("1", logged(1, "$.a", Some(7)));
        refused("1", logged(2, "$", None));
        refused("[1]", logged(3, "$[0]", Some(7)));
        refused("[1]", logged(0, "[0]", Some(7)));
        refused("[1]", logged(0, "$[0", Some(7)));
        refused("[1]", logged(0, "$[0]", None));
        let whole = logged(0, "$[0]", Some(7));
        for length in 1..whole.len() {
            refused("[1]", whole[..length].to_vec());
        }
    }
}
