//! Statement text to tokens with their places.
//!
//! Source: MySQL manual, chapter "Language Structure". Comments are passed over;
//! the contents of executable comments (`/*!50100 … */`, `/*M! … */`) are tokens,
//! for the servers that we write to execute them. Never panics on any text.

use std::ops::Range;

use tidegate_model::{Error, Result};

/// What a session's sql_mode changes in the reading of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// `"x"` is an identifier.
    pub ansi_quotes: bool,
    pub no_backslash_escapes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Unquoted: a keyword, an identifier or a number.
    Word(String),
    /// A quoted identifier, its quotes taken off.
    Quoted(String),
    /// A string literal; its contents are of no interest.
    Text,
    Symbol(u8),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) at: Range<usize>,
}

struct Lexer<'a> {
    text: &'a str,
    mode: Mode,
    at: usize,
    in_executable: bool,
}

pub(crate) fn tokens(text: &str, mode: Mode) -> Result<Vec<Token>> {
    let mut lexer = Lexer {
        text,
        mode,
        at: 0,
        in_executable: false,
    };
    let mut found = Vec::new();
    while let Some(token) = lexer.next()? {
        found.push(token);
    }
    Ok(found)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn open_ended(what: &str) -> Error {
    Error::unknown(format!("a logged statement ends inside {what}"))
}

impl Lexer<'_> {
    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Result<Option<Token>> {
        self.skip_blank()?;
        let start = self.at;
        let Some(&first) = self.rest().first() else {
            return Ok(None);
        };
        let kind = match first {
            b'`' => Kind::Quoted(self.quoted(b'`', false)?),
            b'"' if self.mode.ansi_quotes => Kind::Quoted(self.quoted(b'"', false)?),
            b'\'' | b'"' => {
                self.quoted(first, !self.mode.no_backslash_escapes)?;
                Kind::Text
            }
            byte if is_word(byte) => {
                let length = self.rest().iter().take_while(|byte| is_word(**byte)).count();
                self.at += length;
                Kind::Word(self.text.get(start..self.at).unwrap_or_default().to_owned())
            }
            symbol => {
                self.at += 1;
                Kind::Symbol(symbol)
            }
        };
        Ok(Some(Token {
            kind,
            at: start..self.at,
        }))
    }

    fn skip_blank(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let length = if rest.first().is_some_and(u8::is_ascii_whitespace) {
                1
            } else if self.in_executable && rest.starts_with(b"*/") {
                self.in_executable = false;
                2
            } else if let Some(length) = executable_start(rest) {
                self.in_executable = true;
                length
            } else if rest.starts_with(b"/*") {
                let end = rest.windows(2).skip(2).position(|pair| pair == b"*/");
                end.ok_or_else(|| open_ended("a comment"))? + 4
            } else if rest.starts_with(b"#") || is_dash_comment(rest) {
                rest.iter().take_while(|byte| **byte != b'\n').count()
            } else {
                return Ok(());
            };
            self.at += length;
        }
    }

    /// Passes over a quoted piece; a doubled quote stands for itself.
    fn quoted(&mut self, quote: u8, escapes: bool) -> Result<String> {
        let mut contents = Vec::new();
        let mut at = 1;
        loop {
            let byte = *self.rest().get(at).ok_or_else(|| open_ended("quotes"))?;
            if escapes && byte == b'\\' {
                at += 2;
                continue;
            }
            if byte == quote {
                if self.rest().get(at + 1) != Some(&quote) {
                    break;
                }
                at += 1;
            }
            contents.push(byte);
            at += 1;
        }
        self.at += at + 1;
        // Cut at ASCII bytes only, so this is UTF-8 as the text was.
        String::from_utf8(contents).map_err(|_| Error::bug("a quoted name is cut inside a character"))
    }
}

/// `/*!`, `/*!50100`, `/*M!`, `/*M!100300`: how long is it?
fn executable_start(rest: &[u8]) -> Option<usize> {
    let after = rest.strip_prefix(b"/*!").or_else(|| rest.strip_prefix(b"/*M!"))?;
    let digits = after
        .iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    // Fewer than five digits are not a version but the statement's own text.
    let version = if digits >= 5 { digits } else { 0 };
    Some(rest.len() - after.len() + version)
}

/// `--` begins a comment only before a blank or the end.
fn is_dash_comment(rest: &[u8]) -> bool {
    rest.starts_with(b"--")
        && rest
            .get(2)
            .is_none_or(|byte| byte.is_ascii_whitespace() || *byte < 0x20)
}
