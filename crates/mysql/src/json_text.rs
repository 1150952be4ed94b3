//! JSON text as MySQL prints it, walked without being taken apart.
//!
//! Marks: JSON of MySQL also holds dates, times and bytes, which print as strings. Where
//! the log shows such a type, tabs stand before the value, one count a type: blanks to
//! any other reader of JSON, and never printed by the server.

/// What a string or number of the text is in SQL, told by tabs before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Date,
    Time,
    DateTime,
    Timestamp,
    /// `base64:type15:…`: bytes, and the type's number.
    Bytes,
    /// A number that is unsigned, though it need not be.
    Unsigned,
}

impl Mark {
    const ALL: [Mark; 6] = [
        Mark::Date,
        Mark::Time,
        Mark::DateTime,
        Mark::Timestamp,
        Mark::Bytes,
        Mark::Unsigned,
    ];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Mark::Date => "\t",
            Mark::Time => "\t\t",
            Mark::DateTime => "\t\t\t",
            Mark::Timestamp => "\t\t\t\t",
            Mark::Bytes => "\t\t\t\t\t",
            Mark::Unsigned => "\t\t\t\t\t\t",
        }
    }

    fn of(tabs: usize) -> Option<Mark> {
        Mark::ALL.into_iter().find(|mark| mark.text().len() == tabs)
    }
}

/// A place in a text. Methods that answer None have met what no server prints.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn blank(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// The mark right before this place.
    pub(crate) fn mark(&self) -> Option<Mark> {
        let before = self.text.get(..self.at).unwrap_or_default();
        Mark::of(before.iter().rev().take_while(|byte| **byte == b'\t').count())
    }

    pub(crate) fn take(&mut self, wanted: u8) -> bool {
        self.blank();
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// A string with its quotes; it begins here.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return self.text.get(start..self.at);
                }
                _ => self.at += 1,
            }
        }
    }

    pub(crate) fn number(&mut self) -> &'a [u8] {
        let start = self.at;
        let is_part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        while self.peek().is_some_and(is_part) {
            self.at += 1;
        }
        self.since(start)
    }

    /// `null`, `true`, `false`.
    pub(crate) fn word(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_lowercase()) {
            self.at += 1;
        }
        Some(self.since(start)).filter(|word| !word.is_empty())
    }

    /// Passes over one value of any depth, without going deeper itself.
    pub(crate) fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.blank();
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                b'-' | b'0'..=b'9' => {
                    self.number();
                }
                _ => {
                    self.word()?;
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_told_by_their_tabs() {
        for mark in Mark::ALL {
            let text = format!(" {}\"x\"", mark.text());
            let mut scanner = Scanner::new(text.as_bytes());
            scanner.blank();
            assert_eq!(scanner.mark(), Some(mark));
        }
        assert_eq!(Scanner::new(b"1").mark(), None);
    }

    #[test]
    fn values_are_passed_over_whole() {
        let check = |text: &str, rest: &str| {
            let mut scanner = Scanner::new(text.as_bytes());
            scanner.skip_value().expect("a value");
            assert_eq!(&text[scanner.at..], rest);
        };
        check(r#"{"a}": [1, {"b\"": null}]}, 2"#, ", 2");
        check("-1.5e3]", "]");
        check(r#" "x" : 1"#, " : 1");
        for text in ["", "[", "]", "[1, {", r#""x"#, "?"] {
            assert!(Scanner::new(text.as_bytes()).skip_value().is_none(), "{text}");
        }
    }
}
