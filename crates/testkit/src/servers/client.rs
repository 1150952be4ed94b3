//! SQL through the command-line client of a root: a way to a server that shares
//! no code with what is tested.
//!
//! The client answers in XML, the one of its batch forms that tells NULL from the
//! text 'NULL' and any text from its own separators. Values that are not UTF-8
//! are not given faithfully: ask for `HEX(…)` of them.

use std::io::Write;
use std::process::Command;

use anyhow::{Context, bail};

pub type Rows = Vec<Vec<Option<String>>>;

/// A binary mode, else the client would change line ends and stop at zero bytes;
/// comments are kept, for DDL that is compared later holds them.
const OPTIONS: [&str; 4] = [
    "--default-character-set=utf8mb4",
    "--binary-mode",
    "--comments",
    "--batch",
];

/// Runs statements and gives the rows of each one that has a result.
pub(crate) fn query(mut command: Command, text: &str) -> anyhow::Result<Vec<Rows>> {
    command.arg("--xml");
    let output = feed(command, text.as_bytes())?;
    results(&String::from_utf8_lossy(&output))
}

/// Runs statements whose results nobody wants.
pub(crate) fn script(command: Command, text: &[u8]) -> anyhow::Result<()> {
    feed(command, text).map(drop)
}

fn feed(mut command: Command, text: &[u8]) -> anyhow::Result<Vec<u8>> {
    command.args(OPTIONS);
    let mut child = command.spawn().context("cannot run the command-line client")?;
    let mut input = child.stdin.take().context("the client has no input")?;
    // The client answers while it reads: both ends at once, or both would wait.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A client that stops at an error closes its input; its message says why.
            let _ = input.write_all(text).and_then(|()| input.write_all(b"\n"));
        });
        child.wait_with_output()
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("the client says ({}): {}", output.status, said.trim());
    }
    Ok(output.stdout)
}

fn results(xml: &str) -> anyhow::Result<Vec<Rows>> {
    xml.split("<resultset ").skip(1).map(rows).collect()
}

fn rows(mut rest: &str) -> anyhow::Result<Rows> {
    let mut rows = Vec::new();
    while let Some((_, after)) = rest.split_once("<row>") {
        let (row, after) = after.split_once("</row>").context("the client's answer is cut")?;
        rows.push(fields(row)?);
        rest = after;
    }
    Ok(rows)
}

/// `<field name="a">text</field>` or `<field name="a" xsi:nil="true" />`.
fn fields(row: &str) -> anyhow::Result<Vec<Option<String>>> {
    let mut found = Vec::new();
    let mut rest = row;
    while let Some((_, after)) = rest.split_once("<field name=\"") {
        let (_, after) = after.split_once('"').context("the client's answer is cut")?;
        let (tag, after) = after.split_once('>').context("the client's answer is cut")?;
        if tag.contains("xsi:nil=\"true\"") {
            found.push(None);
            rest = after;
            continue;
        }
        let (text, after) = after
            .split_once("</field>")
            .context("the client's answer is cut")?;
        found.push(Some(unescape(text)));
        rest = after;
    }
    Ok(found)
}

/// `&amp;` last, for it may be followed by what looks like another.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_each_result() {
        let xml = "<?xml version=\"1.0\"?>\n\n<resultset statement=\"select 1\" xmlns:xsi=\"x\">\n  <row>\n\
                   \t<field name=\"1\">1</field>\n  </row>\n</resultset>\n<?xml version=\"1.0\"?>\n\n\
                   <resultset statement=\"select &lt;row&gt;\" xmlns:xsi=\"x\">\n  <row>\n\t<field name=\"a\">\
                   &amp;lt; &lt;b&gt;\n</field>\n\t<field name=\"b&quot;\" xsi:nil=\"true\" />\n\
                   \t<field name=\"c\"></field>\n  </row>\n</resultset>\n";
        let expected = vec![vec![Some("&lt; <b>\n".to_string()), None, Some(String::new())]];
        let one = vec![vec![Some("1".to_string())]];
        assert_eq!(results(xml).unwrap(), vec![one, expected]);
        assert!(results("").unwrap().is_empty());
    }
}
