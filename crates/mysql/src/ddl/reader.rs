//! Tokens to kind and names.
//!
//! Source: MySQL manual "Data Definition Statements" and MariaDB's chapter of the
//! same name. Keywords are compared without case; a quoted word is never one.

use std::ops::Range;

use tidegate_model::change::DdlKind;
use tidegate_model::schema::TableName;
use tidegate_model::{Error, Result};

use super::lexer::{Kind, Mode, Token, tokens};
use super::{NameAt, Statement};

/// Statements that change neither tables nor rows, by their first words.
const NO_EFFECT: [&[&str]; 28] = [
    &["ANALYZE"],
    &["OPTIMIZE"],
    &["CHECK"],
    &["FLUSH"],
    &["GRANT"],
    &["REVOKE"],
    &["SET", "PASSWORD"],
    &["SET", "DEFAULT"],
    &["SET", "ROLE"],
    &["CREATE", "USER"],
    &["ALTER", "USER"],
    &["DROP", "USER"],
    &["RENAME", "USER"],
    &["CREATE", "ROLE"],
    &["DROP", "ROLE"],
    &["CREATE", "OR", "REPLACE", "USER"],
    &["CREATE", "OR", "REPLACE", "ROLE"],
    &["CREATE", "SERVER"],
    &["ALTER", "SERVER"],
    &["DROP", "SERVER"],
    &["CREATE", "RESOURCE"],
    &["ALTER", "RESOURCE"],
    &["DROP", "RESOURCE"],
    &["INSTALL"],
    &["UNINSTALL"],
    &["CREATE", "TEMPORARY"],
    &["CREATE", "OR", "REPLACE", "TEMPORARY"],
    &["DROP", "TEMPORARY"],
];

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    default_schema: &'a str,
    names: Vec<NameAt>,
}

pub(super) fn read(text: &str, default_schema: &str, mode: Mode) -> Result<Statement> {
    let tokens = tokens(text, mode)?;
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        default_schema,
        names: Vec::new(),
    };
    let kind = match reader.kind() {
        Some(kind) => kind,
        None => return Err(not_understood(text, &tokens)),
    };
    Ok(Statement {
        kind,
        names: reader.names,
    })
}

/// Names a schema change by its text, its literals masked; of other statements, which hold
/// rows, only the leading keywords are shown.
fn not_understood(text: &str, tokens: &[Token]) -> Error {
    const SHOWN_CHARACTERS: usize = 300;
    const SCHEMA_CHANGES: [&str; 5] = ["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"];
    let words = tokens.iter().map_while(|token| match &token.kind {
        Kind::Word(word) => Some(word.as_str()),
        _ => None,
    });
    let words: Vec<&str> = words.take(3).collect();
    let is_schema_change = words
        .first()
        .is_some_and(|first| SCHEMA_CHANGES.iter().any(|word| word.eq_ignore_ascii_case(first)));
    let shown = if is_schema_change {
        masked(text, tokens).chars().take(SHOWN_CHARACTERS).collect()
    } else {
        format!("{} …", words.join(" "))
    };
    Error::unknown(format!(
        "the source logged a statement that is not understood: {shown}"
    ))
    .remedy(
        "Nothing of it was written and the position is kept. If it does not concern what is moved, take it back \
         on the source or leave its database out of the job",
    )
}

fn masked(text: &str, tokens: &[Token]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for token in tokens.iter().filter(|token| token.kind == Kind::Text) {
        shown.push_str(text.get(from..token.at.start).unwrap_or_default());
        shown.push_str("'…'");
        from = token.at.end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<&Kind> {
        self.tokens.get(self.at + ahead).map(|token| &token.kind)
    }

    fn is_word(&self, ahead: usize, wanted: &str) -> bool {
        matches!(self.peek(ahead), Some(Kind::Word(word)) if word.eq_ignore_ascii_case(wanted))
    }

    fn is_symbol(&self, ahead: usize, wanted: u8) -> bool {
        self.peek(ahead) == Some(&Kind::Symbol(wanted))
    }

    /// Takes the words when all of them come next.
    fn take(&mut self, words: &[&str]) -> bool {
        let all = words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.is_word(ahead, word));
        if all {
            self.at += words.len();
        }
        all
    }

    fn take_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.take(&[word]))
    }

    fn identifier(&mut self) -> Option<(String, Range<usize>)> {
        let token = self.tokens.get(self.at)?;
        let (Kind::Word(name) | Kind::Quoted(name)) = &token.kind else {
            return None;
        };
        self.at += 1;
        Some((name.clone(), token.at.clone()))
    }

    fn table(&mut self) -> Option<()> {
        let (first, mut at) = self.identifier()?;
        let name = if self.is_symbol(0, b'.') {
            self.at += 1;
            let (table, end) = self.identifier()?;
            at.end = end.end;
            TableName::new(first, table)
        } else if self.default_schema.is_empty() {
            return None;
        } else {
            TableName::new(self.default_schema, first)
        };
        self.names.push(NameAt { name, at });
        Some(())
    }

    fn database(&mut self) -> Option<()> {
        let (name, at) = self.identifier()?;
        self.names.push(NameAt {
            name: TableName::new(name, ""),
            at,
        });
        Some(())
    }

    fn kind(&mut self) -> Option<DdlKind> {
        if NO_EFFECT.iter().any(|words| self.take(words)) {
            return Some(DdlKind::NoEffect);
        }
        if self.take(&["CREATE"]) {
            return self.create();
        }
        if self.take(&["ALTER"]) {
            return self.alter();
        }
        if self.take(&["DROP"]) {
            return self.drop_objects();
        }
        if self.take(&["RENAME", "TABLE"]) || self.take(&["RENAME", "TABLES"]) {
            return self.rename();
        }
        if self.take(&["TRUNCATE"]) {
            self.take(&["TABLE"]);
            self.table()?;
            return self.ends().then_some(DdlKind::TruncateTable);
        }
        None
    }

    fn create(&mut self) -> Option<DdlKind> {
        self.take(&["OR", "REPLACE"]);
        if self.take_any(&["DATABASE", "SCHEMA"]) {
            self.take(&["IF", "NOT", "EXISTS"]);
            self.database()?;
            return Some(DdlKind::CreateDatabase);
        }
        if self.take(&["TABLE"]) {
            self.take(&["IF", "NOT", "EXISTS"]);
            self.table()?;
            return self.create_table();
        }
        let before = self.at;
        self.take_any(&["UNIQUE", "FULLTEXT", "SPATIAL"]);
        if self.take(&["INDEX"]) {
            self.take(&["IF", "NOT", "EXISTS"]);
            return self.index_on(DdlKind::CreateIndex);
        }
        self.at = before;
        self.create_view()
    }

    fn create_table(&mut self) -> Option<DdlKind> {
        let in_parentheses = self.is_symbol(0, b'(') && self.is_word(1, "LIKE");
        self.at += usize::from(in_parentheses);
        if self.take(&["LIKE"]) {
            self.table()?;
            if in_parentheses && !self.is_symbol(0, b')') {
                return None;
            }
            self.at += usize::from(in_parentheses);
            return self.ends().then_some(DdlKind::CreateTable);
        }
        self.rest(false)?;
        Some(DdlKind::CreateTable)
    }

    /// Options of a view are a few words and a DEFINER, then VIEW and its name.
    fn create_view(&mut self) -> Option<DdlKind> {
        const OTHERS: [&str; 6] = ["TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE", "SEQUENCE"];
        while !self.take(&["VIEW"]) {
            self.peek(0)?;
            if OTHERS.iter().any(|word| self.is_word(0, word)) {
                return None;
            }
            self.at += 1;
        }
        self.take(&["IF", "NOT", "EXISTS"]);
        self.table()?;
        Some(DdlKind::CreateView)
    }

    fn index_on(&mut self, kind: DdlKind) -> Option<DdlKind> {
        self.identifier()?;
        if self.take(&["USING"]) {
            self.identifier()?;
        }
        if !self.take(&["ON"]) {
            return None;
        }
        self.table()?;
        Some(kind)
    }

    fn alter(&mut self) -> Option<DdlKind> {
        if self.take_any(&["DATABASE", "SCHEMA"]) {
            return self.alter_database();
        }
        self.take(&["ONLINE"]);
        self.take(&["IGNORE"]);
        if !self.take(&["TABLE"]) {
            return None;
        }
        self.take(&["IF", "EXISTS"]);
        self.table()?;
        self.rest(true)?;
        Some(DdlKind::AlterTable)
    }

    fn alter_database(&mut self) -> Option<DdlKind> {
        const OPTIONS: [&str; 7] = [
            "DEFAULT",
            "CHARACTER",
            "CHARSET",
            "COLLATE",
            "ENCRYPTION",
            "READ",
            "COMMENT",
        ];
        if !OPTIONS.iter().any(|word| self.is_word(0, word)) {
            self.database()?;
        } else if self.default_schema.is_empty() {
            return None;
        } else {
            let end = self.tokens.get(self.at.checked_sub(1)?)?.at.end;
            let name = TableName::new(self.default_schema, "");
            self.names.push(NameAt { name, at: end..end });
        }
        Some(DdlKind::AlterDatabase)
    }

    fn drop_objects(&mut self) -> Option<DdlKind> {
        if self.take_any(&["DATABASE", "SCHEMA"]) {
            self.take(&["IF", "EXISTS"]);
            self.database()?;
            return Some(DdlKind::DropDatabase);
        }
        if self.take(&["INDEX"]) {
            self.take(&["IF", "EXISTS"]);
            return self.index_on(DdlKind::DropIndex);
        }
        let kind = if self.take_any(&["TABLE", "TABLES"]) {
            DdlKind::DropTable
        } else if self.take(&["VIEW"]) {
            DdlKind::DropView
        } else {
            return None;
        };
        self.take(&["IF", "EXISTS"]);
        self.table()?;
        while self.comma() {
            self.table()?;
        }
        self.take_any(&["RESTRICT", "CASCADE"]);
        self.ends().then_some(kind)
    }

    fn rename(&mut self) -> Option<DdlKind> {
        self.take(&["IF", "EXISTS"]);
        loop {
            self.table()?;
            self.wait_option()?;
            if !self.take(&["TO"]) {
                return None;
            }
            self.table()?;
            if !self.comma() {
                return self.ends().then_some(DdlKind::RenameTable);
            }
        }
    }

    fn wait_option(&mut self) -> Option<()> {
        if self.take(&["WAIT"]) {
            self.identifier()?;
        } else {
            self.take(&["NOWAIT"]);
        }
        Some(())
    }

    fn comma(&mut self) -> bool {
        let comma = self.is_symbol(0, b',');
        self.at += usize::from(comma);
        comma
    }

    /// True at the end; options that only say how to wait are passed over.
    fn ends(&mut self) -> bool {
        let waits = self.wait_option().is_some();
        self.at += usize::from(self.is_symbol(0, b';'));
        waits && self.peek(0).is_none()
    }

    /// The rest of a CREATE or ALTER TABLE: finds further tables that it names.
    /// None for forms whose tables we would miss.
    fn rest(&mut self, altering: bool) -> Option<()> {
        let (mut depth, mut clause_begins) = (0_u32, true);
        while let Some(token) = self.tokens.get(self.at) {
            let begins = std::mem::replace(&mut clause_begins, false);
            match &token.kind {
                Kind::Symbol(b'(') => depth += 1,
                Kind::Symbol(b')') => depth = depth.checked_sub(1)?,
                Kind::Symbol(b',') => clause_begins = depth == 0,
                Kind::Word(word) if !self.after_dot() => {
                    let word = word.to_ascii_uppercase();
                    self.at += 1;
                    self.word_of_rest(&word, depth, altering && begins)?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        (depth == 0).then_some(())
    }

    /// A word after a dot is a name whatever it says.
    fn after_dot(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|token| token.kind == Kind::Symbol(b'.'))
    }

    fn word_of_rest(&mut self, word: &str, depth: u32, clause_begins: bool) -> Option<()> {
        match word {
            "REFERENCES" => self.table(),
            "EXCHANGE" if clause_begins => {
                while !self.take(&["WITH", "TABLE"]) {
                    self.peek(0)?;
                    self.at += 1;
                }
                self.table()
            }
            "RENAME" if clause_begins => {
                let inner = ["COLUMN", "INDEX", "KEY"]
                    .iter()
                    .any(|word| self.is_word(0, word));
                if inner {
                    return Some(());
                }
                self.take_any(&["TO", "AS"]);
                self.table()
            }
            // CREATE … SELECT copies rows that the log may not hold. No other part of
            // these statements can hold a query, in parentheses or not.
            "SELECT" => None,
            "UNION" if depth == 0 && self.is_symbol(0, b'=') => None,
            _ => Some(()),
        }
    }
}
