//! A schema change: all before it is durable, a pending mark is written, the statement
//! runs, the schemas after it are learned and saved, the mark is taken away.
//!
//! The mark outlives a crash in between: the first schema change of the next attempt is
//! then the marked one, for each of them moves the durable position on. Decides nothing
//! about a statement's text: the applier understands it.

use std::sync::Arc;

use tidegate_link::DdlOutcome;
use tidegate_model::change::{Ddl, DdlKind};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Result};

use crate::checkpoint as rules;
use crate::feed::Learned;
use crate::follow::Follower;

/// Failed statements that are kept with the checkpoint. A job in which more fail is not
/// moving what the user thinks it is.
const SKIPPED_MAX: usize = 200;
/// Characters of a failed statement that are kept.
const SKIPPED_TEXT: usize = 500;

impl Follower<'_> {
    /// Called when everything before it is committed.
    pub(crate) async fn schema_change(&mut self, ddl: Ddl) -> Result<()> {
        let number = self.base + ddl.number;
        let at_high = self.checkpoint.high.as_ref();
        let in_window = at_high.is_some_and(|high| ddl.position.is_at_or_before(high));
        let replayed = self.checkpoint.ddl_pending.is_some() || in_window;
        let learned = if self.is_in_copy(&ddl)? {
            self.checkpoint.ddl_applied += 1;
            Learned::new()
        } else {
            self.checkpoint.ddl_pending = Some(number);
            self.commit_checkpoint(0).await?;
            self.execute(&ddl, replayed).await?
        };
        self.keep(&learned).await?;
        self.checkpoint.ddl_pending = None;
        self.checkpoint.applied = Some(ddl.position);
        self.checkpoint.number = number;
        self.commit_checkpoint(ddl.committed_at_ms).await?;
        self.feed.learn(learned).await
    }

    /// A table without a row key was read at an exact position. A truncation before that is in
    /// its rows already, and doing it again would take them away.
    fn is_in_copy(&self, ddl: &Ddl) -> Result<bool> {
        let copied_after = |table: &&TableName| {
            let keyless = self
                .known
                .get(table)
                .is_some_and(|schema| schema.row_key.is_none());
            let exact = rules::exact_of(self.checkpoint, table);
            keyless && exact.is_some_and(|exact| ddl.position.is_at_or_before(exact))
        };
        let Some(table) = ddl.objects.iter().find(copied_after) else {
            return Ok(false);
        };
        match ddl.kind {
            DdlKind::TruncateTable => Ok(true),
            DdlKind::CreateTable | DdlKind::DropTable | DdlKind::RenameTable => Err(Error::needs_user(format!(
                "{table}, which has no key, was made anew or renamed on the source while it was being copied"
            ))
            .remedy("Stop this job, remove what it made on the target, and start it anew")),
            _ => Ok(false),
        }
    }

    async fn execute(&mut self, ddl: &Ddl, replayed: bool) -> Result<Learned> {
        let context = &self.attempt.context;
        let selection = &context.spec.selection;
        match self.applier.execute_ddl(ddl, selection, replayed).await {
            Ok(DdlOutcome::NotChosen) => {
                self.checkpoint.events_not_chosen += 1;
                return Ok(Learned::new());
            }
            Ok(DdlOutcome::Done | DdlOutcome::AlreadyDone) => self.checkpoint.ddl_applied += 1,
            Err(error) if context.spec.skip_ddl_errors && !error.kind().is_retryable() => {
                tracing::warn!(job = context.job_id(), %error, "a schema change failed and was passed over");
                if self.checkpoint.ddl_skipped.len() >= SKIPPED_MAX {
                    return Err(named(
                        ddl,
                        error.context(format!("{SKIPPED_MAX} schema changes failed before")),
                    ));
                }
                let text: String = ddl.statement.chars().take(SKIPPED_TEXT).collect();
                self.checkpoint.ddl_skipped.push(text);
                // After a failed statement the session may be anything.
                self.applier = self.attempt.target.open_applier(context.job_id()).await?;
            }
            Err(error) => return Err(named(ddl, error)),
        }
        self.read_back(ddl).await
    }

    /// The schemas of all tables that the statement may have changed, as the target has them now.
    async fn read_back(&mut self, ddl: &Ddl) -> Result<Learned> {
        let mut learned = Learned::new();
        match ddl.kind {
            DdlKind::CreateView | DdlKind::DropView | DdlKind::NoEffect => return Ok(learned),
            _ => {}
        }
        let selection = &self.attempt.context.spec.selection;
        for object in self.tables_of(ddl) {
            let Some(target) = selection.target_of(&object) else {
                continue;
            };
            let schema = self.applier.read_schema(&object, &target).await?;
            learned.push((object, schema.map(Arc::new)));
        }
        Ok(learned)
    }

    /// An object without a table's name is a whole schema: all its tables that we know.
    fn tables_of(&self, ddl: &Ddl) -> Vec<TableName> {
        let mut tables: Vec<TableName> = Vec::new();
        for object in &ddl.objects {
            let known = self.known.keys().filter(|name| name.schema == object.schema);
            let named: Vec<TableName> = match object.table.is_empty() {
                true => known.cloned().collect(),
                false => vec![object.clone()],
            };
            for name in named {
                if !tables.contains(&name) {
                    tables.push(name);
                }
            }
        }
        tables
    }

    /// Before the position moves on: who starts at it must find these.
    async fn keep(&mut self, learned: &Learned) -> Result<()> {
        let (target, job) = (&self.attempt.target, self.attempt.context.job_id());
        let there: Vec<Arc<TableSchema>> = learned.iter().filter_map(|(_, schema)| schema.clone()).collect();
        let gone = learned.iter().filter(|(_, schema)| schema.is_none());
        let gone: Vec<TableName> = gone.map(|(name, _)| name.clone()).collect();
        if !gone.is_empty() {
            target.remove_schemas(job, &gone).await?;
        }
        if !there.is_empty() {
            target.save_schemas(job, &there).await?;
        }
        for name in &gone {
            self.known.remove(name);
            // Should it come again, its rows all come by the log.
            self.checkpoint.exact.retain(|(table, _)| table != name);
        }
        self.known
            .extend(there.into_iter().map(|schema| (schema.name.clone(), schema)));
        Ok(())
    }
}

fn named(ddl: &Ddl, error: Error) -> Error {
    let objects: Vec<String> = ddl.objects.iter().map(TableName::to_string).collect();
    error.context(format!("schema change {:?} of {}", ddl.kind, objects.join(", ")))
}
