//! One attempt: opens both sides and takes the job from its checkpoint to its end,
//! stage by stage.
//!
//! Structure and indexes are here, being short; `copy`, `follow` and `cutover` have
//! files of their own. The checkpoint's stage is the one that is still to be done, and
//! every call of these two stages may be made again, so a crash between is of no matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_link::{Checkpoint, Moment, Source, Structure, TableDef, Target};
use tidegate_model::job::{ForeignKeys, MigrateType};
use tidegate_model::report::{CutoverRecord, Stage};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Kind, Result};
use tokio::task::JoinSet;

use crate::run::Context;
use crate::{checkpoint, copy, follow, plan};

/// Tables whose indexes are built at one time: more would make the target sort more
/// than its memory and disks take well, and its other users feel it.
const INDEX_BUILDS: usize = 2;

/// Both sides, opened for one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub context: Arc<Context>,
    pub source: Arc<dyn Source>,
    pub target: Arc<dyn Target>,
}

impl Attempt {
    async fn open(context: &Arc<Context>) -> Result<Attempt> {
        let spec = &context.spec;
        let source = context
            .registry
            .get(spec.source.engine)?
            .open_source(&spec.source);
        let source = source
            .await
            .map_err(|error| error.context("opening the source"))?;
        let target = context
            .registry
            .get(spec.target.engine)?
            .open_target(&spec.target);
        let target = target
            .await
            .map_err(|error| error.context("opening the target"))?;
        Ok(Attempt {
            context: Arc::clone(context),
            source,
            target,
        })
    }

    pub(crate) async fn save(&self, checkpoint: &Checkpoint) -> Result<()> {
        self.target
            .save_checkpoint(self.context.job_id(), checkpoint)
            .await?;
        self.context.board.show(checkpoint);
        self.context.board.advance();
        Ok(())
    }
}

/// Ends with Ok only when the job is done.
pub(crate) async fn attempt(context: &Arc<Context>, first: bool) -> Result<()> {
    let attempt = context.unless_stopped(Attempt::open(context)).await?;
    let loaded = context
        .unless_stopped(attempt.target.load_checkpoint(context.job_id()))
        .await?;
    context.board.update(|report| {
        report.retrying = None;
        report.reconnects += u64::from(!first);
    });
    let mut checkpoint = loaded.unwrap_or_default();
    context.board.show(&checkpoint);
    let copied = checkpoint.stage > Stage::Snapshot && context.spec.migrate_type.copies_rows();
    if copied && context.memory().reused.is_none() {
        context.unless_stopped(copy::recall(&attempt)).await?;
    }
    if checkpoint.stage == Stage::Done {
        finish(context, checkpoint);
        return Ok(());
    }
    if checkpoint.stage < Stage::Snapshot {
        context
            .unless_stopped(create_structure(&attempt, &mut checkpoint))
            .await?;
    }
    if context.spec.migrate_type.copies_rows() && checkpoint.stage == Stage::Snapshot {
        copy::copy(&attempt, &mut checkpoint).await?;
    }
    if checkpoint.stage < Stage::Changes {
        context
            .unless_stopped(build_indexes(&attempt, &mut checkpoint))
            .await?;
    }
    if context.spec.migrate_type.follows_changes() && checkpoint.cutover.is_none() {
        let record = Box::pin(follow::follow(&attempt, &mut checkpoint)).await?;
        checkpoint.cutover = Some(record);
    }
    context
        .unless_stopped(complete_objects(&attempt, &mut checkpoint))
        .await?;
    checkpoint.stage = Stage::Done;
    attempt.save(&checkpoint).await?;
    finish(context, checkpoint);
    Ok(())
}

/// The durable checkpoint says `Done` with its record, and stays until the control side
/// has kept the end: a process that dies in between finds it and ends the same way.
fn finish(context: &Context, checkpoint: Checkpoint) {
    context
        .board
        .update(|report| report.cutover = checkpoint.cutover.or(report.cutover.take()));
    context.board.enter(Stage::Done);
}

/// A record that found a difference is shown as well; the job then stays where it is.
pub(crate) fn show_record(context: &Context, record: &CutoverRecord) {
    context
        .board
        .update(|report| report.cutover = Some(record.clone()));
    context.board.publish();
}

async fn create_structure(attempt: &Attempt, checkpoint: &mut Checkpoint) -> Result<()> {
    let context = &attempt.context;
    context.board.enter(Stage::Structure);
    let structure = attempt.source.read_structure(&context.spec.selection).await?;
    let saved = attempt.target.load_schemas(context.job_id()).await?;
    refuse_altered(attempt, &plan::reshaped_since(&saved, &structure)).await?;
    let schemas: Vec<Arc<TableSchema>> = structure
        .tables
        .iter()
        .map(|def| Arc::clone(&def.schema))
        .collect();
    // Before the tables are made: what may stand on the target is known in any case.
    keep_schemas(attempt, checkpoint, &schemas).await?;
    create_tables(attempt, checkpoint, &structure).await?;
    context
        .board
        .update(|report| report.tables_total = schemas.len() as u64);
    context.memory().created = Some(structure);
    checkpoint.stage = Stage::Snapshot;
    attempt.save(checkpoint).await
}

/// A table that we made and that was altered on the source since stands on the target in its
/// old form, unless it was removed: creating it again leaves it as it is.
pub(crate) async fn refuse_altered(attempt: &Attempt, altered: &[TableName]) -> Result<()> {
    if altered.is_empty() {
        return Ok(());
    }
    let context = &attempt.context;
    let mut applier = attempt.target.open_applier(context.job_id()).await?;
    let mut there = Vec::new();
    for name in altered {
        let Some(target) = context.spec.selection.target_of(name) else {
            continue;
        };
        if applier.read_schema(name, &target).await?.is_some() {
            there.push(target.to_string());
        }
    }
    if there.is_empty() {
        return Ok(());
    }
    let tables = there.join(", ");
    Err(Error::needs_user(format!(
        "altered on the source after they were made on the target and before their rows were read: {tables}"
    ))
    .remedy(format!(
        "Drop these tables on the target, then start the job again: {tables}"
    )))
}

/// Creates what is not there yet; what could not be made is noted.
pub(crate) async fn create_tables(
    attempt: &Attempt,
    checkpoint: &mut Checkpoint,
    structure: &Structure,
) -> Result<()> {
    let selection = &attempt.context.spec.selection;
    let not_made = attempt.target.create_structure(structure, selection).await?;
    for sentence in structure.not_covered.iter().chain(&not_made) {
        note_not_covered(checkpoint, sentence.clone());
    }
    attempt.context.board.show(checkpoint);
    Ok(())
}

pub(crate) fn note_not_covered(checkpoint: &mut Checkpoint, sentence: String) {
    if !checkpoint.not_covered.contains(&sentence) {
        checkpoint.not_covered.push(sentence);
    }
}

/// Makes `schemas` all that is saved. Tables that were saved and are none of them are noted.
pub(crate) async fn keep_schemas(
    attempt: &Attempt,
    checkpoint: &mut Checkpoint,
    schemas: &[Arc<TableSchema>],
) -> Result<()> {
    let job = attempt.context.job_id();
    let saved = attempt.target.load_schemas(job).await?;
    let gone = |name: &TableName| !schemas.iter().any(|schema| schema.name == *name);
    let gone: Vec<TableName> = saved
        .iter()
        .map(|schema| schema.name.clone())
        .filter(gone)
        .collect();
    for table in &gone {
        note_not_covered(
            checkpoint,
            format!(
                "{table} was dropped on the source as the job began; its empty copy may stay on the target"
            ),
        );
    }
    if !gone.is_empty() {
        // The note first: after a crash nobody would know of these tables.
        attempt.save(checkpoint).await?;
        attempt.target.remove_schemas(job, &gone).await?;
    }
    attempt.target.save_schemas(job, schemas).await
}

async fn build_indexes(attempt: &Attempt, checkpoint: &mut Checkpoint) -> Result<()> {
    let context = &attempt.context;
    context.board.enter(Stage::Indexes);
    let (structure, defs) = settled_structure(attempt, checkpoint).await?;
    let defs: Vec<Arc<TableDef>> = defs.into_iter().map(Arc::new).collect();
    let mut builds = JoinSet::new();
    let result = build_each(attempt, &mut builds, &defs).await;
    builds.shutdown().await;
    result?;
    let selection = &context.spec.selection;
    if context.spec.foreign_keys == ForeignKeys::Migrate {
        for def in &defs {
            let added = attempt.target.add_foreign_keys(def, selection).await;
            added
                .map_err(|error| error.context(format!("adding the foreign keys of {}", def.schema.name)))?;
        }
    }
    // Accounts before what they own; routines before the views that call them.
    let target = &attempt.target;
    let mut said = target
        .create_accounts(&structure, selection, Moment::AfterTables)
        .await?;
    said.extend(
        target
            .create_stored(&structure, selection, Moment::AfterTables)
            .await?,
    );
    said.extend(target.create_views(&structure, selection).await?);
    for sentence in said {
        note_not_covered(checkpoint, sentence);
    }
    checkpoint.stage = Stage::Changes;
    attempt.save(checkpoint).await
}

/// What waits for the last row: triggers, which would change rows that come as they shall
/// be, events, and the rights of accounts, which could write. Counters too where there
/// is no cutover to set them.
async fn complete_objects(attempt: &Attempt, checkpoint: &mut Checkpoint) -> Result<()> {
    let selection = &attempt.context.spec.selection;
    let structure = attempt.source.read_structure(selection).await?;
    let target = &attempt.target;
    if attempt.context.spec.migrate_type.follows_changes() {
        // From here on triggers may fire on the target: with the proof kept, a run that
        // comes after does not follow changes again.
        attempt.context.board.enter(Stage::Cutover);
        attempt.save(checkpoint).await?;
    } else {
        target.set_auto_increments(&structure, selection).await?;
    }
    let mut said = target
        .create_accounts(&structure, selection, Moment::AfterTables)
        .await?;
    said.extend(target.create_stored(&structure, selection, Moment::AtEnd).await?);
    said.extend(
        target
            .create_accounts(&structure, selection, Moment::AtEnd)
            .await?,
    );
    for sentence in said {
        if let Some(record) = &mut checkpoint.cutover
            && !record.not_covered.contains(&sentence)
        {
            record.not_covered.push(sentence.clone());
        }
        note_not_covered(checkpoint, sentence);
    }
    Ok(())
}

async fn build_each(
    attempt: &Attempt,
    builds: &mut JoinSet<Result<()>>,
    defs: &[Arc<TableDef>],
) -> Result<()> {
    for def in defs {
        if builds.len() >= INDEX_BUILDS {
            join_one(builds).await?;
        }
        let (attempt, def) = (attempt.clone(), Arc::clone(def));
        builds.spawn(async move {
            let built = attempt
                .target
                .build_indexes(&def, &attempt.context.spec.selection)
                .await;
            built.map_err(|error| error.context(format!("building the indexes of {}", def.schema.name)))
        });
    }
    while !builds.is_empty() {
        join_one(builds).await?;
    }
    Ok(())
}

async fn join_one(builds: &mut JoinSet<Result<()>>) -> Result<()> {
    match builds.join_next().await {
        None => Ok(()),
        Some(Ok(built)) => built,
        Some(Err(_)) => Err(Error::bug("a task that builds indexes broke off")),
    }
}

/// The structure to build from, with the target brought to where it fits. A run that starts
/// here reads it from the source, where it may have moved on: the window is widened to that
/// moment, so that all schema changes up to it are executed first, as replayed ones.
async fn settled_structure(
    attempt: &Attempt,
    checkpoint: &mut Checkpoint,
) -> Result<(Arc<Structure>, Vec<TableDef>)> {
    let context = &attempt.context;
    let selection = &context.spec.selection;
    if context.spec.migrate_type == MigrateType::Structure {
        let structure = Arc::new(attempt.source.read_structure(selection).await?);
        let defs = structure.tables.clone();
        return Ok((structure, defs));
    }
    let remembered = {
        let memory = context.memory();
        memory
            .copied
            .clone()
            .map(|structure| (structure, memory.defs.clone()))
    };
    let (structure, defs) = match remembered {
        Some(remembered) => remembered,
        None => {
            let (structure, end) = plan::steady_structure(&*attempt.source, selection).await?;
            checkpoint::widen_window(checkpoint, &end);
            attempt.save(checkpoint).await?;
            // Tables stand as in it from here on, whatever the next attempt reads.
            context.memory().copied = Some(Arc::new(structure.clone()));
            (Arc::new(structure), BTreeMap::new())
        }
    };
    let closed = Box::pin(follow::close_window(attempt, checkpoint)).await;
    match closed {
        // A copy without changes asks for no log. What that costs is said.
        Err(error)
            if !context.spec.migrate_type.follows_changes()
                && matches!(error.kind(), Kind::NeedsUser | Kind::PositionLost) =>
        {
            note_not_covered(
                checkpoint,
                format!(
                    "rows were read at several moments, and changes between them could not be applied: {error}"
                ),
            );
        }
        closed => closed?,
    }
    let saved = attempt.target.load_schemas(context.job_id()).await?;
    let defs = plan::in_force(&saved, &defs, &structure)?;
    Ok((structure, defs))
}

pub(crate) async fn set_auto_increments(attempt: &Attempt) -> Result<u64> {
    let selection = &attempt.context.spec.selection;
    let structure = attempt.source.read_structure(selection).await?;
    attempt.target.set_auto_increments(&structure, selection).await
}
