//! One attempt: opens both sides and takes the job from its checkpoint to its end,
//! stage by stage.
//!
//! Structure and indexes are here, being short; `copy`, `follow` and `cutover` have
//! files of their own. The checkpoint's stage is the one that is still to be done, and
//! every call of these two stages may be made again, so a crash between is of no matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_link::{Checkpoint, Source, Structure, TableDef, Target};
use tidegate_model::job::{ForeignKeys, MigrateType};
use tidegate_model::report::{CutoverRecord, Stage};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Result};
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
    if loaded.is_none() && context.memory().done {
        return Ok(());
    }
    let mut checkpoint = loaded.unwrap_or_default();
    context.board.show(&checkpoint);
    if checkpoint.stage == Stage::Done {
        return finish(&attempt, checkpoint).await;
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
    if context.spec.migrate_type.follows_changes() {
        let record = Box::pin(follow::follow(&attempt, &mut checkpoint)).await?;
        checkpoint.cutover = Some(record);
    } else {
        let counters = context.unless_stopped(set_auto_increments(&attempt));
        counters.await?;
    }
    checkpoint.stage = Stage::Done;
    attempt.save(&checkpoint).await?;
    finish(&attempt, checkpoint).await
}

/// The report goes up before the traces are removed, so that whoever keeps it has it first.
async fn finish(attempt: &Attempt, checkpoint: Checkpoint) -> Result<()> {
    let context = &attempt.context;
    context.memory().done = true;
    context
        .board
        .update(|report| report.cutover = checkpoint.cutover.or(report.cutover.take()));
    context.board.enter(Stage::Done);
    attempt.target.forget(context.job_id()).await
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
    create_tables(attempt, checkpoint, &structure).await?;
    let schemas: Vec<Arc<TableSchema>> = structure
        .tables
        .iter()
        .map(|def| Arc::clone(&def.schema))
        .collect();
    keep_schemas(attempt, &schemas).await?;
    context
        .board
        .update(|report| report.tables_total = schemas.len() as u64);
    context.memory().created = Some(structure);
    checkpoint.stage = Stage::Snapshot;
    attempt.save(checkpoint).await
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

/// Makes `schemas` all that is saved. Answers the tables that were saved and are none of them.
pub(crate) async fn keep_schemas(attempt: &Attempt, schemas: &[Arc<TableSchema>]) -> Result<Vec<TableName>> {
    let job = attempt.context.job_id();
    let saved = attempt.target.load_schemas(job).await?;
    let gone = |name: &TableName| !schemas.iter().any(|schema| schema.name == *name);
    let gone: Vec<TableName> = saved
        .iter()
        .map(|schema| schema.name.clone())
        .filter(gone)
        .collect();
    if !gone.is_empty() {
        attempt.target.remove_schemas(job, &gone).await?;
    }
    attempt.target.save_schemas(job, schemas).await?;
    Ok(gone)
}

async fn build_indexes(attempt: &Attempt, checkpoint: &mut Checkpoint) -> Result<()> {
    let context = &attempt.context;
    context.board.enter(Stage::Indexes);
    let (structure, defs) = structure_as_copied(attempt, checkpoint).await?;
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
    for sentence in attempt.target.create_views(&structure, selection).await? {
        note_not_covered(checkpoint, sentence);
    }
    checkpoint.stage = Stage::Changes;
    attempt.save(checkpoint).await
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

/// The structure that rows were copied under. A run that starts here reads it from the
/// source, where it may have moved on: then the window is widened to that moment, so
/// that schema changes whose effect is in it already are taken as replayed.
async fn structure_as_copied(
    attempt: &Attempt,
    checkpoint: &mut Checkpoint,
) -> Result<(Arc<Structure>, Vec<TableDef>)> {
    let context = &attempt.context;
    let remembered = {
        let memory = context.memory();
        memory
            .copied
            .clone()
            .map(|structure| (structure, memory.defs.clone()))
    };
    let selection = &context.spec.selection;
    if context.spec.migrate_type == MigrateType::Structure {
        let structure = Arc::new(attempt.source.read_structure(selection).await?);
        let defs = structure.tables.clone();
        return Ok((structure, defs));
    }
    let saved = attempt.target.load_schemas(context.job_id()).await?;
    if let Some((structure, defs)) = remembered {
        let defs = plan::in_force(&saved, &defs, &structure)?;
        return Ok((structure, defs));
    }
    let structure = Arc::new(attempt.source.read_structure(selection).await?);
    let defs = plan::in_force(&saved, &BTreeMap::new(), &structure)?;
    checkpoint::widen_window(checkpoint, &attempt.source.position().await?);
    attempt.save(checkpoint).await?;
    Ok((structure, defs))
}

pub(crate) async fn set_auto_increments(attempt: &Attempt) -> Result<u64> {
    let selection = &attempt.context.spec.selection;
    let structure = attempt.source.read_structure(selection).await?;
    attempt.target.set_auto_increments(&structure, selection).await
}
