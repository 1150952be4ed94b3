//! Stored objects as each server's own SHOW CREATE gives them: the text with its definer,
//! sql_mode, charsets and time zone; of triggers also the order in which they fire.

use anyhow::Context;

use super::{lines, literal, quote};
use crate::servers::DbServer;

/// Kind, name and place in the order of all of a database.
pub(super) fn list(server: &DbServer, database: &str) -> anyhow::Result<Vec<(String, String, String)>> {
    let of = literal(database);
    let rows = server.sql(&format!(
        "select lower(routine_type), routine_name, '' from information_schema.routines where routine_schema = {of} \
         union all select 'event', event_name, '' from information_schema.events where event_schema = {of} \
         union all select 'trigger', trigger_name, concat_ws(' ', event_object_table, action_timing, \
         event_manipulation, action_order) from information_schema.triggers where trigger_schema = {of}"
    ))?;
    rows.into_iter()
        .map(|row| match row.as_slice() {
            [Some(kind), Some(name), Some(order)] => Ok((kind.clone(), name.clone(), order.clone())),
            _ => anyhow::bail!("an object of {database} without a name"),
        })
        .collect()
}

pub(super) fn draw(server: &DbServer, database: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut drawn = Vec::new();
    for (kind, name, order) in list(server, database)? {
        let sql = format!("show create {kind} {}.{}", quote(database), quote(&name));
        let mut rows = server
            .sql(&sql)
            .with_context(|| format!("cannot look at {name}"))?;
        if kind == "trigger" {
            // The last column says when it was made.
            for row in &mut rows {
                row.truncate(6);
            }
        }
        drawn.push((format!("{kind} {name}"), format!("{}\n{order}\n", lines(rows))));
    }
    Ok(drawn)
}
