//! One clause of one server's CREATE text, as another server takes it.
//!
//! Between servers of one flavour only the default collation of utf8mb4 must be said,
//! since it differs by version. What MySQL and MariaDB spell differently is in the
//! tables below. What can't be carried is a sentence or an error, never silence.
//!
//! MariaDB passes over `/*!80000 … */`, so what stands there must be spelled for it.

use std::ops::Range;

use tidegate_model::{Error, Result};

use super::table_text::{is_symbol, is_word};
use crate::connect::{Flavour, Version};
use crate::ddl::{Kind, Mode, Token, tokens};

/// The default collation of utf8mb4 on every server that leaves it out of its texts;
/// those with another default write it.
const UTF8MB4_UNSAID: &str = "utf8mb4_general_ci";

/// MariaDB's collations that MySQL lacks, by their endings.
const TO_MYSQL: [(&str, &str); 8] = [
    ("uca1400_ai_ci", "utf8mb4_0900_ai_ci"),
    ("uca1400_as_ci", "utf8mb4_0900_as_ci"),
    ("uca1400_ai_cs", "utf8mb4_0900_as_cs"),
    ("uca1400_as_cs", "utf8mb4_0900_as_cs"),
    ("utf8mb4_general_nopad_ci", "utf8mb4_0900_ai_ci"),
    ("utf8mb4_unicode_nopad_ci", "utf8mb4_0900_ai_ci"),
    ("utf8mb4_unicode_520_nopad_ci", "utf8mb4_0900_ai_ci"),
    ("utf8mb4_nopad_bin", "utf8mb4_0900_bin"),
];
/// MySQL's collations that MariaDB lacks, by their endings: MariaDB from 10.10 on.
/// They do not pad, as MySQL's do not: padding could make unique values equal.
const TO_MARIADB: [(&str, &str); 4] = [
    ("0900_ai_ci", "utf8mb4_uca1400_nopad_ai_ci"),
    ("0900_as_ci", "utf8mb4_uca1400_nopad_as_ci"),
    ("0900_as_cs", "utf8mb4_uca1400_nopad_as_cs"),
    ("0900_bin", "utf8mb4_nopad_bin"),
];
/// The same for MariaDB before 10.10.
const TO_OLD_MARIADB: [(&str, &str); 4] = [
    ("0900_ai_ci", "utf8mb4_unicode_520_nopad_ci"),
    ("0900_as_ci", "utf8mb4_unicode_520_nopad_ci"),
    ("0900_as_cs", "utf8mb4_nopad_bin"),
    ("0900_bin", "utf8mb4_nopad_bin"),
];
/// Table options of MariaDB's that say how rows are stored, which MySQL does not know.
/// Options in backticks are of this sort too.
const MARIADB_OPTIONS: [&str; 4] = ["PAGE_CHECKSUM", "TRANSACTIONAL", "TABLE_CHECKSUM", "SEQUENCE"];
/// Table options of MySQL's, outside comments, that MariaDB does not know.
const MYSQL_OPTIONS: [&str; 3] = ["COMPRESSION", "ENCRYPTION", "SECONDARY_ENGINE"];
/// Engines of MariaDB's alone whose tables become InnoDB's.
const MARIADB_ENGINES: [&str; 3] = ["ARIA", "ROCKSDB", "MYROCKS"];
/// Types of MariaDB's alone.
const MARIADB_TYPES: [&str; 4] = ["uuid", "inet4", "inet6", "xmltype"];

/// From which server to which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) from: Flavour,
    pub(crate) to: Version,
}

/// A clause that was adapted, and what was changed in meaning.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Adapted {
    pub(super) text: String,
    pub(super) changes: Vec<String>,
}

struct Edits<'a> {
    text: &'a str,
    tokens: &'a [Token],
    made: Vec<(Range<usize>, String)>,
    changes: Vec<String>,
}

impl Pair {
    /// Are they of two flavours?
    pub(crate) fn differ(self) -> bool {
        self.from != self.to.flavour
    }

    fn to_mysql(self) -> bool {
        self.from == Flavour::Mariadb && !self.to.is_mariadb()
    }

    fn to_mariadb(self) -> bool {
        self.from == Flavour::Mysql && self.to.is_mariadb()
    }

    /// For databases, keys, checks, partitions: collations only, and words in comments.
    pub(super) fn clause(self, text: &str) -> Result<Adapted> {
        self.edit(text, |_| Ok(()))
    }

    pub(super) fn column(self, text: &str) -> Result<Adapted> {
        self.edit(text, |edits| {
            if self.to_mysql() {
                edits.mariadb_type()?;
                edits.mariadb_default()?;
                edits.drop_words(&["WITHOUT", "SYSTEM", "VERSIONING"]);
            }
            if self.to_mariadb() {
                // A generated column of MariaDB's takes no NOT NULL.
                edits.drop_words_after(&["STORED", "VIRTUAL"], &["NOT", "NULL"]);
            }
            Ok(())
        })
    }

    pub(super) fn options(self, text: &str) -> Result<Adapted> {
        self.edit(text, |edits| {
            edits.drop_option("AUTO_INCREMENT", false);
            for name in ["TABLESPACE", "DIRECTORY"] {
                edits.drop_option(name, true);
            }
            if self.to_mysql() {
                edits.mariadb_options()?;
            }
            if self.to_mariadb() {
                for name in MYSQL_OPTIONS {
                    edits.drop_option(name, true);
                }
            }
            Ok(())
        })
    }

    fn edit(self, text: &str, more: impl FnOnce(&mut Edits<'_>) -> Result<()>) -> Result<Adapted> {
        let tokens = tokens(text, Mode::default())?;
        let mut edits = Edits {
            text,
            tokens: &tokens,
            made: Vec::new(),
            changes: Vec::new(),
        };
        edits.say_utf8mb4();
        edits.collations(self);
        if self.to_mariadb() {
            edits.out_of_comments(self.to);
        }
        if self.to_mysql() {
            edits.replace_word("IGNORED", "INVISIBLE");
        }
        more(&mut edits)?;
        Ok(edits.finish())
    }
}

impl Edits<'_> {
    fn finish(mut self) -> Adapted {
        self.made.sort_by_key(|(at, _)| (at.start, at.end));
        let (mut text, mut from) = (String::with_capacity(self.text.len() + 16), 0);
        for (at, new) in &self.made {
            if at.start < from {
                continue;
            }
            text.push_str(self.text.get(from..at.start).unwrap_or_default());
            text.push_str(new);
            from = at.end;
        }
        text.push_str(self.text.get(from..).unwrap_or_default());
        Adapted {
            text: text.trim().to_owned(),
            changes: self.changes,
        }
    }

    fn replace(&mut self, at: Range<usize>, new: impl Into<String>) {
        self.made.push((at, new.into()));
    }

    /// Token number `at`, `=` passed over, as a word.
    fn value_after(&self, at: usize) -> Option<(usize, String)> {
        let next = self.tokens.get(at + 1)?;
        let at = at + 1 + usize::from(is_symbol(next, b'='));
        match &self.tokens.get(at)?.kind {
            Kind::Word(word) => Some((at, word.clone())),
            _ => None,
        }
    }

    /// Outside parentheses only: within them it is an expression's, which says it.
    fn say_utf8mb4(&mut self) {
        let mut depth = 0_i32;
        for (at, token) in self.tokens.iter().enumerate() {
            depth += i32::from(is_symbol(token, b'(')) - i32::from(is_symbol(token, b')'));
            if depth != 0 {
                continue;
            }
            let names_charset = is_word(token, "CHARSET")
                || (is_word(token, "SET")
                    && at
                        .checked_sub(1)
                        .and_then(|before| self.tokens.get(before))
                        .is_some_and(|before| is_word(before, "CHARACTER")));
            let Some((value, charset)) = self.value_after(at).filter(|_| names_charset) else {
                continue;
            };
            let said = self
                .tokens
                .get(value + 1)
                .is_some_and(|next| is_word(next, "COLLATE"));
            if !charset.eq_ignore_ascii_case("utf8mb4") || said {
                continue;
            }
            if let Some(end) = self.tokens.get(value).map(|token| token.at.end) {
                self.replace(end..end, format!(" COLLATE {UTF8MB4_UNSAID}"));
            }
        }
    }

    fn collations(&mut self, pair: Pair) {
        let table: &[(&str, &str)] = if pair.to_mysql() {
            &TO_MYSQL
        } else if pair.to_mariadb() && pair.to.at_least(10, 10) {
            &TO_MARIADB
        } else if pair.to_mariadb() {
            &TO_OLD_MARIADB
        } else {
            &[]
        };
        for (at, token) in self.tokens.iter().enumerate() {
            let Some((value, name)) = self.value_after(at).filter(|_| is_word(token, "COLLATE")) else {
                continue;
            };
            let lower = name.to_ascii_lowercase();
            let plain = lower.replace("_nopad", "").replace("uca1400_nopad", "uca1400");
            let found = table
                .iter()
                .find(|(ending, _)| lower.ends_with(ending) || plain.ends_with(ending));
            let new = match found {
                // A collation of utf8mb3 stays one.
                Some(_) if lower.starts_with("utf8mb3_") => "utf8mb3_unicode_ci".to_owned(),
                Some((_, new)) => (*new).to_owned(),
                None if pair.to_mysql() && plain != lower => plain,
                None => continue,
            };
            if let Some(range) = self.tokens.get(value).map(|token| token.at.clone()) {
                self.changes.push(format!(
                    "collation {name} became {new}: texts may sort differently"
                ));
                self.replace(range, new);
            }
        }
    }

    /// Takes words out of comments that MariaDB would pass over.
    fn out_of_comments(&mut self, to: Version) {
        for token in self.tokens {
            if !is_word(token, "INVISIBLE") {
                continue;
            }
            // A key's is MariaDB's IGNORED; there is none before 10.6.
            let is_key = !matches!(
                self.tokens.first().map(|token| &token.kind),
                Some(Kind::Quoted(_))
            );
            let new = match (is_key, to.at_least(10, 6)) {
                (false, _) => "INVISIBLE",
                (true, true) => "IGNORED",
                (true, false) => "",
            };
            if new.is_empty() {
                let change = "an invisible index became a visible one";
                self.changes.push(change.to_owned());
            }
            let range = self.around_comment(&token.at);
            self.replace(range, new);
        }
        for token in self.tokens {
            if is_word(token, "SRID") {
                let change = "the column's SRID is no longer enforced";
                self.changes.push(change.to_owned());
            }
        }
    }

    /// The whole `/*!80023 X */` when the range is all that it holds.
    fn around_comment(&self, at: &Range<usize>) -> Range<usize> {
        let before = self.text.get(..at.start).unwrap_or_default();
        let after = self.text.get(at.end..).unwrap_or_default();
        let opened = before
            .trim_end()
            .trim_end_matches(|char: char| char.is_ascii_digit())
            .strip_suffix("/*!");
        let trimmed = after.trim_start();
        match (opened, trimmed.strip_prefix("*/")) {
            (Some(opened), Some(rest)) => opened.len()..self.text.len() - rest.len(),
            _ => at.clone(),
        }
    }

    fn replace_word(&mut self, word: &str, new: &str) {
        let places: Vec<Range<usize>> = self
            .tokens
            .iter()
            .filter(|token| is_word(token, word))
            .map(|token| token.at.clone())
            .collect();
        for at in places {
            self.replace(at, new);
        }
    }

    fn drop_words(&mut self, words: &[&str]) {
        let found = self
            .tokens
            .windows(words.len())
            .find(|window| window.iter().zip(words).all(|(token, word)| is_word(token, word)));
        if let Some([first, .., last]) = found {
            self.replace(first.at.start..last.at.end, "");
        }
    }

    /// The same where they stand right behind one of the words `after`.
    fn drop_words_after(&mut self, after: &[&str], words: &[&str]) {
        let found = self.tokens.windows(words.len() + 1).find_map(|window| {
            let (first, rest) = window.split_first()?;
            let begins = after.iter().any(|word| is_word(first, word));
            let goes_on = rest.iter().zip(words).all(|(token, word)| is_word(token, word));
            match rest {
                [from, .., to] if begins && goes_on => Some(from.at.start..to.at.end),
                _ => None,
            }
        });
        if let Some(range) = found {
            self.replace(range, "");
        }
    }

    /// Removes `NAME = value`; with `said`, tells so.
    fn drop_option(&mut self, name: &str, said: bool) {
        for (at, token) in self.tokens.iter().enumerate() {
            if !is_word(token, name) {
                continue;
            }
            let equals = usize::from(self.tokens.get(at + 1).is_some_and(|next| is_symbol(next, b'=')));
            let Some(value) = self.tokens.get(at + 1 + equals) else {
                continue;
            };
            let first = at
                .checked_sub(1)
                .and_then(|before| self.tokens.get(before))
                .filter(|before| is_word(before, "DATA") || is_word(before, "INDEX"))
                .unwrap_or(token);
            if said {
                self.changes.push(format!("the table option {name} was left out"));
            }
            let range = first.at.start..value.at.end;
            self.replace(range, "");
        }
    }

    fn mariadb_options(&mut self) -> Result<()> {
        for name in MARIADB_OPTIONS {
            self.drop_option(name, false);
        }
        for (at, token) in self.tokens.iter().enumerate() {
            let next = self.tokens.get(at + 1);
            if is_word(token, "VERSIONING") {
                return Err(Error::needs_user("MySQL has no system-versioned tables")
                    .remedy("Leave the table out of this job, or remove its versioning: ALTER TABLE … DROP SYSTEM VERSIONING"));
            }
            if let (Kind::Quoted(name), Some(value)) = (&token.kind, self.tokens.get(at + 2))
                && next.is_some_and(|next| is_symbol(next, b'='))
            {
                self.changes.push(format!("the table option {name} was left out"));
                self.replace(token.at.start..value.at.end, "");
            }
            let Some((value, word)) = self.value_after(at) else {
                continue;
            };
            let Some(range) = self.tokens.get(value).map(|token| token.at.clone()) else {
                continue;
            };
            let upper = word.to_ascii_uppercase();
            if is_word(token, "ENGINE") && MARIADB_ENGINES.contains(&upper.as_str()) {
                self.changes.push(format!("engine {word} became InnoDB"));
                self.replace(range, "InnoDB");
            } else if is_word(token, "ROW_FORMAT") && upper == "PAGE" {
                self.replace(token.at.start..range.end, "");
            }
        }
        Ok(())
    }

    fn mariadb_type(&self) -> Result<()> {
        match self.tokens.get(1).map(|token| &token.kind) {
            Some(Kind::Word(word)) if MARIADB_TYPES.contains(&word.to_ascii_lowercase().as_str()) => {
                Err(Error::needs_user(format!("MySQL has no type {word}"))
                    .remedy("Leave the table out of this job, or change the column's type on the source"))
            }
            _ => Ok(()),
        }
    }

    /// MySQL wants parentheses around a default that is an expression, and around any
    /// but NULL of a text or blob.
    fn mariadb_default(&mut self) -> Result<()> {
        const ENDS: [&str; 5] = ["COMMENT", "ON", "CHECK", "INVISIBLE", "WITHOUT"];
        let Some(at) = self.tokens.iter().position(|token| is_word(token, "DEFAULT")) else {
            return Ok(());
        };
        let rest = self.tokens.get(at + 1..).unwrap_or_default();
        let mut depth = 0_i32;
        let length = rest.iter().position(|token| {
            depth += i32::from(is_symbol(token, b'(')) - i32::from(is_symbol(token, b')'));
            depth == 0 && ENDS.iter().any(|word| is_word(token, word))
        });
        let value = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        let (Some(first), Some(last)) = (value.first(), value.last()) else {
            return Ok(());
        };
        if is_word(first, "NEXTVAL") {
            return Err(Error::needs_user("MySQL has no sequences for a column's default")
                .remedy("Leave the table out of this job, or drop the column's default on the source"));
        }
        let is_long =
            matches!(self.tokens.get(1).map(|token| &token.kind), Some(Kind::Word(word)) if is_long(word));
        let is_null = value.len() == 1 && is_word(first, "NULL");
        if is_null || is_word(first, "CURRENT_TIMESTAMP") || (is_literal(value) && !is_long) {
            return Ok(());
        }
        let (start, end) = (first.at.start, last.at.end);
        let inner = self.text.get(start..end).unwrap_or_default();
        self.made.push((start..end, format!("({inner})")));
        Ok(())
    }
}

fn is_long(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.ends_with("text") || word.ends_with("blob") || word == "json" || word == "geometry"
}

/// Texts, numbers with sign and point, and `b'1'` or `_latin1'x'`.
fn is_literal(value: &[Token]) -> bool {
    let calls = value.iter().any(|token| is_symbol(token, b'('));
    let texts = value.iter().any(|token| token.kind == Kind::Text);
    let numbers = value.iter().all(|token| match &token.kind {
        Kind::Word(word) => word.starts_with(|first: char| first.is_ascii_digit()),
        Kind::Symbol(symbol) => matches!(symbol, b'-' | b'+' | b'.'),
        Kind::Text | Kind::Quoted(_) => false,
    });
    !calls && (numbers || (texts && value.len() <= 2))
}

#[cfg(test)]
#[path = "adapt_tests.rs"]
mod tests;
