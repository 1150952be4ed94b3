//! What goes to stdout: tables for people, JSON for programs.
//!
//! A reader that has gone away (`| head`) ends the output, not the command.

use std::io::Write as _;

use clap::ValueEnum;
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;
use tidegate_model::{Error, Result};

/// One line under the header: rows are easy to copy and to cut with tools.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Table,
    Json,
}

/// For every command's arguments.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct OutputArgs {
    /// How results are printed on stdout
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: Output,
}

impl Output {
    pub(crate) fn print(self, json: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        let whole = match self {
            Output::Table => text(),
            Output::Json => serde_json::to_string_pretty(json)
                .map_err(|error| Error::bug("a result does not serialise").caused_by(error))?,
        };
        line(&whole);
        Ok(())
    }
}

fn line(text: &str) {
    if text.is_empty() {
        return;
    }
    // A closed pipe: nobody reads on.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    for row in rows {
        table.add_row(row);
    }
    if table.is_empty() {
        return "(none)".to_owned();
    }
    table.to_string()
}

/// 1234567 as 1,234,567.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let check = |number, expected: &str| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(1000, "1,000");
        check(1_234_567, "1,234,567");
    }

    #[test]
    fn tables_have_header_and_rows() {
        let text = table(["A", "B"], [["1".to_owned(), "two".to_owned()]]);
        assert!(text.contains(" A ") && text.contains(" two "), "{text}");
        assert_eq!(table(["A"], []), "(none)");
    }
}
