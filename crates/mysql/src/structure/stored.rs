//! Stored objects on the target: the source's text under the settings it was made under.
//!
//! Functions, procedures and events come with the tables, events switched off; triggers
//! and the running of events wait for the last row. What can't be made is said with the
//! server's words and harms nothing else. Names inside a text can't be mapped: an object
//! that speaks of what is renamed is not made.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{Moment, StoredDef, Structure};
use tidegate_model::selection::{Selection, StoredKind};
use tidegate_model::{Kind as ErrorKind, Result};

use super::definers::Definers;
use super::table_text::{is_symbol, is_word};
use crate::connect::{Server, close};
use crate::ddl::{Kind, quoted, tokens};
use crate::failure::{code_of, failed, words};
use crate::schema::{
    CLIENT_CHARSET, COLLATION, DATABASE_COLLATION, ListedObject, Read, SQL_MODE, TIME_ZONE, literal, mode_of,
    read_one, setting, take_definer,
};

/// ER_SP_ALREADY_EXISTS, ER_TRG_ALREADY_EXISTS, ER_EVENT_ALREADY_EXISTS.
const EXISTS: [u16; 3] = [1304, 1359, 1537];
/// ER_WRONG_VALUE_FOR_VAR.
const WRONG_VALUE: u16 = 1231;

/// Makes those whose moment it is. At the end also what came to the source since, for
/// what is there already is left as it is.
pub(crate) async fn create_stored(
    server: &Server,
    structure: &Structure,
    names: &Selection,
    moment: Moment,
) -> Result<Vec<String>> {
    let now = |def: &&StoredDef| moment == Moment::AtEnd || def.kind != StoredKind::Trigger;
    let chosen: Vec<&StoredDef> = structure.stored.iter().filter(now).collect();
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let mut conn = super::session(server).await?;
    let mut maker = Maker {
        definers: Definers::read(&mut conn).await?,
        conn,
        pair_differs: super::pair_of(server, structure).differ(),
        same_version: structure.facts.get("version").map(String::as_str) == Some(server.fact("version")),
        source_zone: structure.facts.get("system_time_zone").cloned(),
        target_zone: server.fact("system_time_zone").to_owned(),
        moment,
        sentences: Vec::new(),
    };
    for def in chosen {
        if let Some(why) = speaks_of_renamed(def, names) {
            maker.say(def, &format!("is not made: {why}"));
            continue;
        }
        maker.make(def).await?;
    }
    close(maker.conn).await;
    Ok(maker.sentences)
}

/// Why names in its text would mean something else on the target; None: they don't.
pub(crate) fn speaks_of_renamed(def: &StoredDef, names: &Selection) -> Option<String> {
    let schema = &def.name.schema;
    if names
        .target_schema(schema)
        .is_some_and(|target| target != *schema)
    {
        return Some("its database is renamed, and names inside its text cannot be rewritten safely".into());
    }
    let renamed: BTreeSet<String> = names.renamed().map(str::to_lowercase).collect();
    if renamed.is_empty() {
        return None;
    }
    let Ok(tokens) = tokens(&def.native_ddl, mode_of(def)) else {
        return Some("its text is not understood, and other objects are renamed".into());
    };
    let found = tokens.iter().find_map(|token| match &token.kind {
        Kind::Word(name) | Kind::Quoted(name) => renamed.contains(&name.to_lowercase()).then_some(name),
        Kind::Text | Kind::Symbol(_) => None,
    })?;
    Some(format!(
        "`{found}`, which is renamed, stands in its text, and names there cannot be rewritten safely"
    ))
}

struct Maker {
    conn: Conn,
    definers: Definers,
    pair_differs: bool,
    same_version: bool,
    source_zone: Option<String>,
    target_zone: String,
    moment: Moment,
    sentences: Vec<String>,
}

impl Maker {
    fn say(&mut self, def: &StoredDef, what: &str) {
        let sentence = format!("the {} {} {what}", def.kind.as_str(), def.name);
        self.sentences.push(sentence);
    }

    async fn make(&mut self, def: &StoredDef) -> Result<()> {
        let Some((_, rest)) = take_definer(&def.native_ddl) else {
            self.say(def, "is not made: the source's text of it is not understood");
            return Ok(());
        };
        let mut rest = rest.to_owned();
        let mut runs = false;
        if def.kind == StoredKind::Event {
            let Some((off, was_on)) = switched_off(def, &rest) else {
                self.say(def, "is not made: the source's text of it is not understood");
                return Ok(());
            };
            (rest, runs) = (off, was_on);
        }
        if !self.set_up(def).await? {
            return Ok(());
        }
        let definer = self.definers.clause(&def.definer);
        let mut made = self.create(definer.as_deref(), &rest).await;
        let mut kept = definer.is_some();
        if kept && made.as_ref().is_err_and(Definers::refuses) {
            kept = false;
            made = self.create(None, &rest).await;
        }
        match made {
            Ok(()) if kept => {}
            Ok(()) => self.say(
                def,
                &format!(
                    "belongs to the account of this job on the target, not to {}, which is not there or may not be given objects",
                    def.definer
                ),
            ),
            Err(error) if code_of(&error).is_some_and(|code| EXISTS.contains(&code)) => {
                if !self.is_the_same(def, &rest).await? {
                    self.say(
                        def,
                        "was changed on the source since it was copied, or is another one on the target, and is left as it is there",
                    );
                    return Ok(());
                }
            }
            Err(error) => {
                let said = words(&error);
                if failed("creating it")(error).kind() == ErrorKind::Retry {
                    return Err(failed_with(def, &said));
                }
                self.say(def, &format!("is not made: {said}"));
                return Ok(());
            }
        }
        if runs && self.moment == Moment::AtEnd {
            self.switch_on(def, definer.filter(|_| kept)).await?;
        }
        Ok(())
    }

    async fn create(&mut self, definer: Option<&str>, rest: &str) -> mysql_async::Result<()> {
        let definer = definer.unwrap_or("CURRENT_USER");
        self.conn
            .query_drop(format!("CREATE DEFINER={definer} {rest}"))
            .await
    }

    async fn switch_on(&mut self, def: &StoredDef, definer: Option<String>) -> Result<()> {
        let sql = format!(
            "ALTER DEFINER={} EVENT {} ENABLE",
            definer.as_deref().unwrap_or("CURRENT_USER"),
            quoted(&def.name.table)
        );
        if let Err(error) = self.conn.query_drop(sql).await {
            let said = words(&error);
            if failed("switching it on")(error).kind() == ErrorKind::Retry {
                return Err(failed_with(def, &said));
            }
            self.say(def, &format!("is on the target and does not run: {said}"));
        }
        Ok(())
    }

    /// The session as it was when the object was made. False when it can't be had, and said.
    async fn set_up(&mut self, def: &StoredDef) -> Result<bool> {
        let schema = &def.name.schema;
        self.try_set("SET NAMES utf8mb4").await?;
        if !self.try_set(&format!("USE {}", quoted(schema))).await? {
            self.say(def, "is not made: its database is not on the target");
            return Ok(false);
        }
        self.set_collation(def).await?;
        let left_out = self.set_mode(setting(def, SQL_MODE)).await?;
        if !left_out.is_empty() {
            let modes = left_out.join(", ");
            self.say(
                def,
                &format!("runs without the sql_mode {modes}, which the target lacks"),
            );
        }
        if def.kind == StoredKind::Event {
            let zone = setting(def, TIME_ZONE);
            if !self
                .try_set(&format!("SET time_zone = {}", literal(zone)))
                .await?
            {
                self.say(
                    def,
                    &format!("is not made: the target does not know the time zone {zone}"),
                );
                return Ok(false);
            }
            if zone == "SYSTEM" && self.source_zone.as_ref() != Some(&self.target_zone) {
                let zone = self.target_zone.clone();
                self.say(
                    def,
                    &format!(
                        "runs by the target's own time zone, which is {zone} and another than the source's"
                    ),
                );
            }
        }
        Ok(true)
    }

    /// False when the server refuses it.
    async fn try_set(&mut self, sql: &str) -> Result<bool> {
        match self.conn.query_drop(sql).await {
            Ok(()) => Ok(true),
            Err(mysql_async::Error::Server(_)) => Ok(false),
            Err(error) => Err(failed("setting up a session")(error)),
        }
    }

    async fn set_collation(&mut self, def: &StoredDef) -> Result<()> {
        let collation = setting(def, COLLATION);
        let known = self
            .try_set(&format!("SET collation_connection = {}", literal(collation)))
            .await?;
        if !known {
            self.say(
                def,
                &format!("has texts of the collation {collation}, which the target lacks; they have the target's own"),
            );
        }
        // Any client's charset reads ASCII alike; other texts come in utf8mb4.
        let client = setting(def, CLIENT_CHARSET);
        if client != "utf8mb4"
            && (!def.native_ddl.is_ascii()
                || !self
                    .try_set(&format!("SET character_set_client = {}", literal(client)))
                    .await?)
        {
            self.say(
                def,
                &format!("was made by a client of the charset {client} and is noted with utf8mb4; its text is the same"),
            );
        }
        let theirs = setting(def, DATABASE_COLLATION);
        let sql = "SELECT @@collation_database";
        let ours: Option<String> = self
            .conn
            .query_first(sql)
            .await
            .map_err(failed("asking for the database's collation"))?;
        let ours = ours.unwrap_or_default();
        if !self.pair_differs && ours != theirs {
            self.say(
                def,
                &format!(
                    "was made when its database had the collation {theirs}; its variables have {ours} now"
                ),
            );
        }
        Ok(())
    }

    /// Sets all modes that the target knows; answers the others.
    async fn set_mode(&mut self, modes: &str) -> Result<Vec<String>> {
        match self
            .conn
            .query_drop(format!("SET sql_mode = {}", literal(modes)))
            .await
        {
            Ok(()) => return Ok(Vec::new()),
            Err(error) if code_of(&error) == Some(WRONG_VALUE) => {}
            Err(error) => return Err(failed("setting up a session")(error)),
        }
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for mode in modes.split(',') {
            if self.try_set(&format!("SET sql_mode = {}", literal(mode))).await? {
                known.push(mode);
            } else {
                unknown.push(mode.to_owned());
            }
        }
        let sql = format!("SET sql_mode = {}", literal(&known.join(",")));
        self.conn
            .query_drop(sql)
            .await
            .map_err(failed("setting up a session"))?;
        Ok(unknown)
    }

    /// Is what is there by that name what we would make? Servers of two versions may write
    /// one text in two ways: between them what is there is taken as ours.
    async fn is_the_same(&mut self, def: &StoredDef, rest: &str) -> Result<bool> {
        if self.pair_differs || !self.same_version {
            return Ok(true);
        }
        let listed = ListedObject {
            kind: def.kind,
            name: def.name.clone(),
            table: def.table.clone(),
        };
        // The text comes back in the charset of the session.
        self.try_set("SET NAMES utf8mb4").await?;
        let Read::Def(there) = read_one(&mut self.conn, &listed).await? else {
            return Ok(false);
        };
        self.set_collation_back(def).await?;
        let Some((_, text)) = take_definer(&there.native_ddl) else {
            return Ok(false);
        };
        let text = match def.kind {
            StoredKind::Event => switched_off(&there, text)
                .map(|(text, _)| text)
                .unwrap_or_default(),
            _ => text.to_owned(),
        };
        Ok(text == rest && setting(&there, SQL_MODE) == setting(def, SQL_MODE))
    }

    async fn set_collation_back(&mut self, def: &StoredDef) -> Result<()> {
        let collation = literal(setting(def, COLLATION));
        self.try_set(&format!("SET collation_connection = {collation}"))
            .await
            .map(drop)
    }
}

fn failed_with(def: &StoredDef, said: &str) -> tidegate_model::Error {
    tidegate_model::Error::retry(format!("making the {} {}: {said}", def.kind.as_str(), def.name))
}

/// An event's text with DISABLE for ENABLE, and whether it was on. What was off stays as it is.
fn switched_off(def: &StoredDef, rest: &str) -> Option<(String, bool)> {
    let tokens = tokens(rest, mode_of(def)).ok()?;
    let at = tokens.windows(2).position(
        |pair| matches!(pair, [on, completion] if is_word(on, "ON") && is_word(completion, "COMPLETION")),
    )?;
    let after = tokens.get(at + 2..)?;
    let status = after.iter().find(|token| {
        is_word(token, "ENABLE")
            || is_word(token, "DISABLE")
            || is_word(token, "DO")
            || is_symbol(token, b';')
    })?;
    if is_word(status, "DISABLE") {
        return Some((rest.to_owned(), false));
    }
    if !is_word(status, "ENABLE") {
        return None;
    }
    let (before, after) = (rest.get(..status.at.start)?, rest.get(status.at.end..)?);
    Some((format!("{before}DISABLE{after}"), true))
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
