//! Names of databases and tables as a user writes them: lists, dotted names,
//! rename rules.
//!
//! A name with a dot, comma, equals sign or backtick is put in backticks, and a
//! backtick inside is doubled, as MySQL does. Knows nothing of the wire API.

use tidegate_model::{Error, Result};

/// One or two parts: `db`, or `db.table`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) first: String,
    pub(crate) second: Option<String>,
}

/// `from=to`; both sides with the same number of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rename {
    pub(crate) from: Name,
    pub(crate) to: Name,
}

const HOW: &str = "write db, db.table or `na.me`.`ta,ble`, separated by commas";

/// All names of a comma-separated list.
pub(crate) fn list(text: &str) -> Result<Vec<Name>> {
    split(text, ',')?.into_iter().map(name).collect()
}

/// All rules of a comma-separated list such as `db=db2,db.t=db2.t2`.
pub(crate) fn renames(text: &str) -> Result<Vec<Rename>> {
    split(text, ',')?.into_iter().map(rename).collect()
}

fn rename(text: &str) -> Result<Rename> {
    let sides = split(text, '=')?;
    let [from, to] = sides.as_slice() else {
        return Err(Error::bad_input(format!("`{text}` is no rename rule"))
            .remedy("write db=new or db.table=newdb.newtable"));
    };
    let (from, to) = (name(from)?, name(to)?);
    if from.second.is_some() != to.second.is_some() {
        return Err(Error::bad_input(format!(
            "`{text}` renames a table to a database, or a database to a table"
        ))
        .remedy("write db=new or db.table=newdb.newtable"));
    }
    Ok(Rename { from, to })
}

fn name(text: &str) -> Result<Name> {
    let parts = split(text.trim(), '.')?;
    let mut parts = parts.into_iter().map(unquote);
    let first = parts.next().transpose()?.unwrap_or_default();
    let second = parts.next().transpose()?;
    if parts.next().is_some() {
        return Err(Error::bad_input(format!("`{text}` has more than two parts")).remedy(HOW));
    }
    Ok(Name { first, second })
}

/// Splits outside backticks.
fn split(text: &str, at: char) -> Result<Vec<&str>> {
    let (mut parts, mut begin, mut quoted) = (Vec::new(), 0, false);
    for (offset, letter) in text.char_indices() {
        if letter == '`' {
            quoted = !quoted;
        } else if letter == at && !quoted {
            parts.push(text.get(begin..offset).unwrap_or_default());
            begin = offset + letter.len_utf8();
        }
    }
    if quoted {
        return Err(Error::bad_input(format!("a backtick is not closed in {text}")).remedy(HOW));
    }
    parts.push(text.get(begin..).unwrap_or_default());
    Ok(parts)
}

fn unquote(part: &str) -> Result<String> {
    let part = part.trim();
    let plain = match part.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        Some(inner) if inner.replace("``", "").contains('`') => None,
        Some(inner) => Some(inner.replace("``", "`")),
        None if part.contains('`') => None,
        None => Some(part.to_owned()),
    };
    match plain {
        Some(name) if !name.is_empty() => Ok(name),
        _ => Err(Error::bad_input(format!("`{part}` is no name")).remedy(HOW)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(first: &str, second: Option<&str>) -> Name {
        Name {
            first: first.to_owned(),
            second: second.map(str::to_owned),
        }
    }

    #[test]
    fn lists_are_split_outside_backticks() {
        let check = |text: &str, expected: &[(&str, Option<&str>)]| {
            let expected: Vec<Name> = expected
                .iter()
                .map(|(first, second)| named(first, *second))
                .collect();
            assert_eq!(list(text).expect(text), expected, "{text}");
        };
        check("shop", &[("shop", None)]);
        check("shop, crm", &[("shop", None), ("crm", None)]);
        check(
            "shop.orders,shop.items",
            &[("shop", Some("orders")), ("shop", Some("items"))],
        );
        check("`a.b,c`.`d=e`,x", &[("a.b,c", Some("d=e")), ("x", None)]);
        check("`tick``ed`", &[("tick`ed", None)]);
        check("größe.`名前`", &[("größe", Some("名前"))]);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "a,", "a..b", "a.b.c", "`a", "`a`b", "``", "a`b`"] {
            assert!(list(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rename_rules() {
        let check = |text: &str, from: Name, to: Name| {
            assert_eq!(renames(text).expect(text), [Rename { from, to }], "{text}");
        };
        check("a=b", named("a", None), named("b", None));
        check("a.t=b.u", named("a", Some("t")), named("b", Some("u")));
        check(
            "`a=b`.t=`c,d`.`t.2`",
            named("a=b", Some("t")),
            named("c,d", Some("t.2")),
        );
        assert_eq!(renames("a=b,c=d").expect("two").len(), 2);
        for text in ["a", "a=b=c", "a.t=b", "a=b.t", "=b", "a="] {
            assert!(renames(text).is_err(), "{text}");
        }
    }
}
