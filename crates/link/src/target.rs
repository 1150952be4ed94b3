//! The writing side: structure, bulk load, changes, checkpoints.

use std::sync::Arc;

use async_trait::async_trait;
use tidegate_model::Result;
use tidegate_model::change::{Ddl, RowChange, RowOp};
use tidegate_model::finding::Finding;
use tidegate_model::job::JobSpec;
use tidegate_model::row::{Encoding, Row};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::Selection;

use crate::batch::BatchReceiver;
use crate::checkpoint::{Checkpoint, ChunkMark};
use crate::digest::Digester;
use crate::source::Chunk;
use crate::structure::{Facts, Moment, Structure, TableDef};

#[async_trait]
pub trait Target: Send + Sync + std::fmt::Debug {
    fn facts(&self) -> &Facts;

    /// Checks of the target, and of the pair by the source's facts. Changes nothing.
    async fn precheck(&self, spec: &JobSpec, structure: &Structure) -> Result<Vec<Finding>>;

    /// Encodings it can load this table in, cheapest first. Always ends with `Neutral`.
    fn accepts(&self, table: &TableSchema) -> Vec<Encoding>;

    /// Creates databases and tables, without what is built after the data
    /// (secondary indexes, foreign keys). May be called again after a crash.
    /// Answers objects that were not made, each said in a sentence.
    async fn create_structure(&self, structure: &Structure, names: &Selection) -> Result<Vec<String>>;

    /// Builds what `create_structure` left out for one table. May be called again.
    async fn build_indexes(&self, table: &TableDef, names: &Selection) -> Result<()>;

    /// Adds a table's foreign keys. Called when all tables have their indexes. May be called again.
    async fn add_foreign_keys(&self, table: &TableDef, names: &Selection) -> Result<()>;

    /// Makes the views, after all tables are there. Answers those that were not made,
    /// each said in a sentence. May be called again.
    async fn create_views(&self, structure: &Structure, names: &Selection) -> Result<Vec<String>>;

    /// Makes the stored objects whose moment it is. One that can't be made is no error:
    /// answers those, and those made differently, each said in a sentence. May be called again.
    async fn create_stored(
        &self,
        structure: &Structure,
        names: &Selection,
        moment: Moment,
    ) -> Result<Vec<String>>;

    /// Makes the accounts: without rights `AfterTables`, so that they can own objects and
    /// not write; with them `AtEnd`. Answers then how each came out, in sentences. May be called again.
    async fn create_accounts(
        &self,
        structure: &Structure,
        names: &Selection,
        moment: Moment,
    ) -> Result<Vec<String>>;

    /// Sets auto-increment counters no lower than the source's. Answers how many were set.
    async fn set_auto_increments(&self, structure: &Structure, names: &Selection) -> Result<u64>;

    async fn open_loader(&self, job_id: &str) -> Result<Box<dyn Loader>>;

    async fn open_applier(&self, job_id: &str) -> Result<Box<dyn Applier>>;

    async fn open_digesters(&self, count: usize) -> Result<Vec<Box<dyn Digester>>>;

    /// None for a job that has never written here.
    async fn load_checkpoint(&self, job_id: &str) -> Result<Option<Checkpoint>>;

    /// Writes a checkpoint on its own: between stages, when no data goes with it.
    async fn save_checkpoint(&self, job_id: &str, checkpoint: &Checkpoint) -> Result<()>;

    /// Writes the schemas that the source's log is to be decoded with from the
    /// checkpoint on. Replaces those of the same tables, keeps the others.
    async fn save_schemas(&self, job_id: &str, schemas: &[Arc<TableSchema>]) -> Result<()>;

    /// Removes the schemas of tables that are gone, by the source's names.
    async fn remove_schemas(&self, job_id: &str, tables: &[TableName]) -> Result<()>;

    async fn load_schemas(&self, job_id: &str) -> Result<Vec<Arc<TableSchema>>>;

    async fn load_chunks(&self, job_id: &str) -> Result<Vec<ChunkMark>>;

    /// Writes a table's plan: all its chunks, none finished. Replaces an earlier plan of it.
    async fn save_chunks(&self, job_id: &str, table: &TableName, chunks: &[Chunk]) -> Result<()>;

    /// Removes a table's rows and its chunk marks, for a table that must be read again
    /// as a whole. Only ever called for tables that this job has created and is loading.
    async fn clear_table(&self, job_id: &str, source: &TableName, target: &TableName) -> Result<()>;

    /// Removes all traces of a job. Called when the job is over.
    async fn forget(&self, job_id: &str) -> Result<()>;
}

/// One chunk to be loaded.
#[derive(Clone, Debug)]
pub struct LoadTask {
    pub schema: Arc<TableSchema>,
    pub target: TableName,
    pub chunk: Chunk,
    pub encoding: Encoding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadOutcome {
    /// Committed, with the chunk's mark.
    Loaded { rows: u64 },
    /// Rolled back: this encoding does not give the same rows. Read it as `Neutral`.
    Redo { why: String },
}

#[async_trait]
pub trait Loader: Send {
    /// Loads a chunk and its finished mark in one target transaction. On an error
    /// nothing of the chunk is there. Not cancel-safe: a dropped call closes the connection.
    async fn load(&mut self, task: &LoadTask, batches: BatchReceiver) -> Result<LoadOutcome>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyMode {
    /// The rows may hold the change already: whatever is there, end with the row after.
    Idempotent,
    /// Affected rows are asserted; a mismatch is an error of `Kind::Conflict`.
    Strict,
}

/// Changes to one table, ready to be written in one go.
#[derive(Clone, Debug)]
pub enum TableWork {
    /// Merged by row key: first all deletes (rows before, only key columns are
    /// looked at), then all inserts (whole rows). An update is one of each.
    Merged {
        schema: Arc<TableSchema>,
        target: TableName,
        deletes: Vec<Row>,
        inserts: Vec<Row>,
    },
    /// For tables without a row key: one by one, in order.
    Ordered {
        schema: Arc<TableSchema>,
        target: TableName,
        op: RowOp,
        changes: Vec<RowChange>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DdlOutcome {
    Done,
    /// The target is already in the state after the statement.
    AlreadyDone,
    /// It names nothing that is chosen, or has no effect on what is moved.
    NotChosen,
}

#[async_trait]
pub trait Applier: Send {
    /// Writes in the open target transaction; opens one when there is none.
    async fn write(&mut self, work: TableWork, mode: ApplyMode) -> Result<()>;

    /// Commits the open transaction together with the checkpoint; opens one for the
    /// checkpoint alone when there is none. After an error the connection is closed
    /// and what was written since the last commit is gone or, when the error came in
    /// the commit itself, unknown: read the checkpoint back.
    async fn commit(&mut self, checkpoint: &Checkpoint) -> Result<()>;

    /// Executes a schema change under the target's names. Outside a transaction.
    /// `replayed`: it may have been executed before (crash, idempotent window).
    async fn execute_ddl(&mut self, ddl: &Ddl, names: &Selection, replayed: bool) -> Result<DdlOutcome>;

    /// A table as it is here now, under the source's name. After a schema change was
    /// executed this is the schema that the source's log goes on with, however far
    /// behind we are. None when there is no such table.
    async fn read_schema(&mut self, source: &TableName, target: &TableName) -> Result<Option<TableSchema>>;
}
