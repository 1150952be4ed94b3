//! The server's CREATE TABLE text, taken apart into its clauses.
//!
//! Cuts at commas outside quotes and parentheses, and keeps every clause's text byte
//! for byte: what is built from them is what the source has. A clause of a kind that
//! is not known here is an error, never left out.

use std::ops::Range;

use tidegate_model::{Error, Result};

use crate::ddl::{Kind, Mode, Token, tokens};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Primary,
    Unique,
    Plain,
    Fulltext,
    Spatial,
    /// MariaDB's index for nearest neighbours.
    Vector,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyText {
    pub(super) name: String,
    pub(super) kind: KeyKind,
    /// Columns of whole or prefix parts, in order.
    pub(super) columns: Vec<String>,
    /// Has a part that is an expression.
    pub(super) has_expression: bool,
    /// A full-text key with a parser of its own.
    pub(super) has_parser: bool,
    pub(super) text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForeignKeyText {
    pub(super) name: String,
    /// Schema, if it is written, and table.
    pub(super) references: (Option<String>, String),
    pub(super) text: String,
    /// Where the referenced name stands in `text`.
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TableText {
    /// Columns with their names.
    pub(super) columns: Vec<(String, String)>,
    pub(super) keys: Vec<KeyText>,
    pub(super) foreign_keys: Vec<ForeignKeyText>,
    pub(super) checks: Vec<String>,
    /// `PERIOD FOR …`.
    pub(super) periods: Vec<String>,
    pub(super) options: String,
    /// With the comment that it stands in, if any.
    pub(super) partitions: String,
}

/// Takes apart what `SHOW CREATE TABLE` answers in our catalog session.
pub(super) fn take_apart(text: &str) -> Result<TableText> {
    let tokens = tokens(text, Mode::default())?;
    let (clauses, end) = clauses(&tokens)
        .ok_or_else(|| Error::unknown("a CREATE TABLE text of the source is not understood"))?;
    let mut table = TableText::default();
    for clause in clauses {
        let clause = tokens.get(clause).unwrap_or_default();
        read_clause(text, clause, &mut table)?;
    }
    let tail = tokens.get(end + 1..).unwrap_or_default();
    let from = tokens.get(end).map_or(text.len(), |token| token.at.end);
    let partition = tail
        .windows(2)
        .position(|pair| matches!(pair, [a, b] if is_word(a, "PARTITION") && is_word(b, "BY")));
    let until = match partition {
        None => text.len(),
        Some(0) => from,
        Some(at) => tail
            .get(at.saturating_sub(1))
            .map_or(text.len(), |token| token.at.end),
    };
    table.options = slice(text, from..until).trim().to_owned();
    table.partitions = slice(text, until..text.len()).trim().to_owned();
    Ok(table)
}

pub(crate) fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(&token.kind, Kind::Word(word) if word.eq_ignore_ascii_case(wanted))
}

pub(super) fn is_symbol(token: &Token, wanted: u8) -> bool {
    token.kind == Kind::Symbol(wanted)
}

fn slice(text: &str, range: Range<usize>) -> &str {
    text.get(range).unwrap_or_default()
}

/// Ranges of tokens of the clauses between the outer parentheses, and where those end.
fn clauses(tokens: &[Token]) -> Option<(Vec<Range<usize>>, usize)> {
    let open = tokens.iter().position(|token| is_symbol(token, b'('))?;
    let (mut depth, mut from, mut found) = (0_u32, open + 1, Vec::new());
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Symbol(b'(') => depth += 1,
            Kind::Symbol(b')') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    found.push(from..at);
                    return Some((found, at));
                }
            }
            Kind::Symbol(b',') if depth == 1 => {
                found.push(from..at);
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn read_clause(text: &str, clause: &[Token], table: &mut TableText) -> Result<()> {
    let (Some(first), Some(last)) = (clause.first(), clause.last()) else {
        return Err(Error::unknown(
            "a CREATE TABLE text of the source has an empty clause",
        ));
    };
    // A comment that opens after the last token, or closes after it, belongs to the clause.
    let end = closing(text, last.at.end);
    let own = slice(text, first.at.start..end).trim();
    if let Kind::Quoted(name) = &first.kind {
        table.columns.push((name.clone(), own.to_owned()));
        return Ok(());
    }
    if is_word(first, "PERIOD") {
        table.periods.push(own.to_owned());
        return Ok(());
    }
    let (name, rest) = match clause {
        [constraint, name, rest @ ..] if is_word(constraint, "CONSTRAINT") => match &name.kind {
            Kind::Quoted(name) => (name.as_str(), rest),
            _ => ("", rest),
        },
        _ => ("", clause),
    };
    let known = match rest {
        [foreign, ..] if is_word(foreign, "FOREIGN") => {
            read_foreign_key(own, first.at.start, name, rest).map(|key| table.foreign_keys.push(key))
        }
        [check, ..] if is_word(check, "CHECK") => {
            table.checks.push(own.to_owned());
            Some(())
        }
        _ => read_key(own, clause).map(|key| table.keys.push(key)),
    };
    known.ok_or_else(|| {
        let word = match &first.kind {
            Kind::Word(word) => word.as_str(),
            _ => "…",
        };
        Error::unknown(format!(
            "a CREATE TABLE text of the source has a clause that is not understood: {word} …"
        ))
    })
}

/// Just behind the `*/` of a comment that closes right after `at`, or `at`.
fn closing(text: &str, at: usize) -> usize {
    let rest = slice(text, at..text.len());
    let blank = rest.len() - rest.trim_start().len();
    if rest.trim_start().starts_with("*/") {
        at + blank + 2
    } else {
        at
    }
}

fn read_foreign_key(own: &str, start: usize, name: &str, clause: &[Token]) -> Option<ForeignKeyText> {
    let at = clause.iter().position(|token| is_word(token, "REFERENCES"))?;
    let names = clause.get(at + 1..)?;
    let (references, range) = match names {
        [first, dot, second, ..] if is_symbol(dot, b'.') => match (&first.kind, &second.kind) {
            (Kind::Quoted(schema), Kind::Quoted(table)) => (
                (Some(schema.clone()), table.clone()),
                first.at.start..second.at.end,
            ),
            _ => return None,
        },
        [first, ..] => match &first.kind {
            Kind::Quoted(table) => ((None, table.clone()), first.at.clone()),
            _ => return None,
        },
        [] => return None,
    };
    Some(ForeignKeyText {
        name: name.to_owned(),
        references,
        text: own.to_owned(),
        at: range.start.checked_sub(start)?..range.end.checked_sub(start)?,
    })
}

fn read_key(own: &str, clause: &[Token]) -> Option<KeyText> {
    let (first, second) = (clause.first()?, clause.get(1)?);
    let kind = if is_word(first, "PRIMARY") && is_word(second, "KEY") {
        KeyKind::Primary
    } else if is_word(first, "UNIQUE") && is_word(second, "KEY") {
        KeyKind::Unique
    } else if is_word(first, "FULLTEXT") && is_word(second, "KEY") {
        KeyKind::Fulltext
    } else if is_word(first, "SPATIAL") && is_word(second, "KEY") {
        KeyKind::Spatial
    } else if is_word(first, "VECTOR") && is_word(second, "KEY") {
        KeyKind::Vector
    } else if is_word(first, "KEY") {
        KeyKind::Plain
    } else {
        return None;
    };
    let open = clause.iter().position(|token| is_symbol(token, b'('))?;
    let name = clause.iter().take(open).find_map(|token| match &token.kind {
        Kind::Quoted(name) => Some(name.clone()),
        _ => None,
    });
    let (mut depth, mut columns, mut has_expression, mut begins) = (0_u32, Vec::new(), false, false);
    for token in clause.iter().skip(open) {
        match &token.kind {
            Kind::Symbol(b'(') => {
                has_expression |= begins;
                depth += 1;
            }
            Kind::Symbol(b')') => depth = depth.checked_sub(1)?,
            Kind::Quoted(column) if begins => columns.push(column.clone()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        begins = depth == 1 && matches!(token.kind, Kind::Symbol(b'(' | b','));
    }
    Some(KeyText {
        name: name.unwrap_or_else(|| "PRIMARY".to_owned()),
        kind,
        columns,
        has_expression,
        has_parser: clause.iter().any(|token| is_word(token, "PARSER")),
        text: own.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "CREATE TABLE `t (x` (
  `id` int NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */,
  `e` enum('it''s','a,b)','back\\\\') DEFAULT 'a,b)' COMMENT 'x, `y` (',
  `g` int GENERATED ALWAYS AS ((`id` + 1)) VIRTUAL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `f` (((`id` + `g`))),
  KEY `p``q` (`e`(5),`id` DESC) /*!80000 INVISIBLE */,
  FULLTEXT KEY `ft` (`e`) /*!50100 WITH PARSER `ngram` */ ,
  SPATIAL KEY `sp` (`g`),
  CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `other`.`u v` (`id`) ON DELETE CASCADE,
  CONSTRAINT `c` CHECK ((`id` > -(5))) /*!80016 NOT ENFORCED */
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COMMENT='PARTITION BY (x'
/*!50100 PARTITION BY RANGE (`id`)
(PARTITION p0 VALUES LESS THAN (10) COMMENT = 'x,)' ENGINE = InnoDB) */";

    #[test]
    fn clauses_keep_their_text() {
        let table = take_apart(TEXT).unwrap();
        let columns: Vec<&str> = table.columns.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            columns,
            [
                "`id` int NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */",
                "`e` enum('it''s','a,b)','back\\\\') DEFAULT 'a,b)' COMMENT 'x, `y` ('",
                "`g` int GENERATED ALWAYS AS ((`id` + 1)) VIRTUAL",
            ]
        );
        assert_eq!(
            table.options,
            "ENGINE=InnoDB DEFAULT CHARSET=latin1 COMMENT='PARTITION BY (x'"
        );
        assert!(table.partitions.starts_with("/*!50100 PARTITION BY RANGE"));
        assert!(table.partitions.ends_with("InnoDB) */"));
        assert_eq!(
            table.checks,
            ["CONSTRAINT `c` CHECK ((`id` > -(5))) /*!80016 NOT ENFORCED */"]
        );
    }

    #[test]
    fn keys_and_foreign_keys_are_read() {
        let table = take_apart(TEXT).unwrap();
        let keys: Vec<_> = table
            .keys
            .iter()
            .map(|key| {
                (
                    key.name.as_str(),
                    key.kind,
                    key.columns.join(","),
                    key.has_expression,
                )
            })
            .collect();
        assert_eq!(
            keys,
            [
                ("PRIMARY", KeyKind::Primary, "id".to_owned(), false),
                ("f", KeyKind::Unique, String::new(), true),
                ("p`q", KeyKind::Plain, "e,id".to_owned(), false),
                ("ft", KeyKind::Fulltext, "e".to_owned(), false),
                ("sp", KeyKind::Spatial, "g".to_owned(), false),
            ]
        );
        assert_eq!(
            table.keys[2].text,
            "KEY `p``q` (`e`(5),`id` DESC) /*!80000 INVISIBLE */"
        );
        assert_eq!(
            table.keys[3].text,
            "FULLTEXT KEY `ft` (`e`) /*!50100 WITH PARSER `ngram` */"
        );
        let key = &table.foreign_keys[0];
        assert_eq!(key.references, (Some("other".to_owned()), "u v".to_owned()));
        assert_eq!(&key.text[key.at.clone()], "`other`.`u v`");
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        let check = |text: &str| assert!(take_apart(text).is_err(), "{text}");
        check("CREATE TABLE `t`");
        check("CREATE TABLE `t` (`a` int");
        check("CREATE TABLE `t` (`a` int, NOVEL KEY `x` (`a`))");
        check("CREATE TABLE `t` (`a` int, )");
    }
}
