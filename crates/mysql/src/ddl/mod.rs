//! Schema changes as the log holds them: what kind, which objects, and the same
//! statement under the target's names.
//!
//! We read statements only as far as needed to find the names; the text between
//! them stays as it is, byte for byte. A statement that we don't know in full
//! measure is an error of `Kind::Unknown`, never a guess.

mod lexer;
mod reader;

use std::ops::Range;

use tidegate_model::change::DdlKind;
use tidegate_model::schema::TableName;
use tidegate_model::{Error, Result};

pub use lexer::Mode;
pub(crate) use lexer::{Kind, Token, tokens};

/// A name and where it stands in the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAt {
    /// `table` is empty for a database.
    pub name: TableName,
    /// Bytes of the statement that the name takes, qualifier and quotes included.
    /// Empty: the name is implied, and would stand here.
    pub at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub kind: DdlKind,
    /// In order of appearance.
    pub names: Vec<NameAt>,
}

/// `default_schema` is the session's when it was logged; empty when it had none.
pub fn read(text: &str, default_schema: &str, mode: Mode) -> Result<Statement> {
    reader::read(text, default_schema, mode)
}

/// The statement with every name that was found replaced, schema-qualified.
/// The names inside a view's query are not found: such a statement is refused
/// when `target_of` changes any name.
pub fn rewrite(text: &str, read: &Statement, target_of: &dyn Fn(&TableName) -> TableName) -> Result<String> {
    let mut written = String::with_capacity(text.len() + 32);
    let mut from = 0;
    for found in &read.names {
        let target = target_of(&found.name);
        if read.kind == DdlKind::CreateView && target != found.name {
            return Err(
                Error::unknown(format!("the view {} would have to be renamed", found.name))
                    .remedy("Create it on the target by hand, and leave it out of this job"),
            );
        }
        let between = text
            .get(from..found.at.start)
            .ok_or_else(|| Error::bug("names out of order"))?;
        written.push_str(between);
        if found.at.is_empty() {
            written.push(' ');
        }
        written.push_str(&quoted(&target.schema));
        if !target.table.is_empty() {
            written.push('.');
            written.push_str(&quoted(&target.table));
        }
        from = found.at.end;
    }
    written.push_str(text.get(from..).unwrap_or_default());
    Ok(written)
}

/// Is this a CREATE TABLE whose rows follow in the same group of the log? MySQL marks it
/// with `START TRANSACTION` at its end (manual, "CREATE TABLE ... SELECT"), MariaDB logs it
/// inside the group. Such a statement is made repeatable, without the mark.
pub fn created_with_rows(statement: &str, inside: bool) -> (String, bool) {
    const MARK: &str = "START TRANSACTION";
    let text = statement.trim_end().trim_end_matches(';').trim_end();
    let is_create = text
        .get(..12)
        .is_some_and(|start| start.eq_ignore_ascii_case("CREATE TABLE"));
    let split = text
        .len()
        .checked_sub(MARK.len())
        .filter(|at| text.is_char_boundary(*at));
    let (rest, end) = split.map_or((text, ""), |at| text.split_at(at));
    let marked = end.eq_ignore_ascii_case(MARK);
    if !is_create || !(marked || inside) {
        return (statement.to_owned(), false);
    }
    let rest = if marked { rest } else { text };
    let after = rest.get(12..).unwrap_or_default();
    let exists = after
        .trim_start()
        .get(..13)
        .is_some_and(|start| start.eq_ignore_ascii_case("IF NOT EXISTS"));
    let guard = if exists { "" } else { " IF NOT EXISTS" };
    (format!("CREATE TABLE{guard}{}", after.trim_end()), true)
}

/// An identifier between backticks (MySQL manual, "Schema Object Names").
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
#[path = "ddl_tests.rs"]
mod tests;
