//! Accounts and roles of two servers: SHOW CREATE USER, SHOW GRANTS, default roles.
//!
//! Passwords' hashes are compared and never said: a difference names the account alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;

use super::literal;
use crate::servers::DbServer;

/// Every account of the source but the administrator's and the server's own must be on the
/// target with the same password and rights. Answers those that are not.
pub fn compare_accounts(source: &DbServer, target: &DbServer) -> anyhow::Result<Vec<String>> {
    let (source, target) = (draw(source)?, draw(target)?);
    let mut differences = Vec::new();
    for (account, rights) in &source {
        match target.get(account) {
            None => differences.push(format!("account {account}: missing on the target")),
            Some(there) if there == rights => {}
            Some(there) => {
                let apart = rights.symmetric_difference(there);
                let said: Vec<&str> = apart
                    .map(|line| {
                        if line.starts_with("GRANT") {
                            line
                        } else {
                            "(how it is made)"
                        }
                    })
                    .collect();
                differences.push(format!("account {account}: differs in {}", said.join(" / ")));
            }
        }
    }
    Ok(differences)
}

fn draw(server: &DbServer) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let mariadb = server.flavor().is_mariadb();
    let role = if mariadb { "is_role" } else { "'N'" };
    let accounts = server.sql(&format!(
        "select user, host, {role} from mysql.user where user not in ('root', 'mysql', 'mariadb.sys', 'PUBLIC') \
         and user not like 'mysql.%'"
    ))?;
    let mut drawn = BTreeMap::new();
    for row in accounts {
        let [Some(user), Some(host), Some(is_role)] = row.as_slice() else {
            anyhow::bail!("an account without a name");
        };
        let name = match is_role.as_str() {
            "Y" => literal(user),
            _ => format!("{}@{}", literal(user), literal(host)),
        };
        let mut questions = vec![format!("show grants for {name}")];
        if is_role != "Y" {
            questions.push(format!("show create user {name}"));
        }
        let mut lines = BTreeSet::new();
        for question in questions {
            let hex = if mariadb {
                ""
            } else {
                "set print_identified_with_as_hex = on; "
            };
            let answers = server
                .sql_all(&format!("{hex}{question}"))
                .with_context(|| format!("cannot look at {name}"))?;
            let rows = answers.into_iter().flatten().flatten().flatten();
            lines.extend(rows.map(|line| without_hash(&line)));
        }
        drawn.insert(name, lines);
    }
    Ok(drawn)
}

/// A grant's own copy of the hash is left out, so that grants can be named.
fn without_hash(line: &str) -> String {
    match line.split_once(" IDENTIFIED BY PASSWORD '") {
        Some((before, rest)) if line.starts_with("GRANT") => {
            let after = rest.split_once('\'').map_or("", |(_, after)| after);
            format!("{before}{after}")
        }
        _ => line.to_owned(),
    }
}
