//! The writing side of the simulation.
//!
//! A durable step can fail before its effect or after it, when the caller does not learn
//! that it was done. Strict writes assert what they meet, idempotent ones make room.

use std::sync::Arc;

use async_trait::async_trait;
use tidegate_link::{
    Applier, ApplyMode, BatchReceiver, Checkpoint, Chunk, ChunkMark, DdlOutcome, Digester, Facts,
    LoadOutcome, LoadTask, Loader, Moment, Structure, TableDef, TableWork, Target,
};
use tidegate_model::change::{Ddl, OldRow, RowChange};
use tidegate_model::finding::Finding;
use tidegate_model::job::JobSpec;
use tidegate_model::report::Stage;
use tidegate_model::row::{Encoding, Payload, Row};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Kind, Result};

use super::source::{NATIVE, SimDigester};
use super::{Inner, Lie, Session, State, Statement, Table, What, World, from_row, index, moved};

#[derive(Debug)]
pub(crate) struct SimTarget {
    world: Arc<World>,
    generation: u64,
    facts: Facts,
}

impl SimTarget {
    pub(crate) fn new(world: &Arc<World>) -> SimTarget {
        SimTarget {
            world: Arc::clone(world),
            generation: world.inner().generation,
            facts: Facts::new(),
        }
    }

    /// A step that is durable by itself.
    async fn durable<T>(&self, doing: &str, effect: impl FnOnce(&mut Inner) -> T + Send) -> Result<T> {
        self.world.call(self.generation, doing).await?;
        let done = effect(&mut self.world.inner());
        self.world.call(self.generation, doing).await?;
        Ok(done)
    }
}

#[async_trait]
impl Target for SimTarget {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn precheck(&self, _: &JobSpec, _: &Structure) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    fn accepts(&self, _: &TableSchema) -> Vec<Encoding> {
        vec![NATIVE, Encoding::Neutral]
    }

    async fn create_structure(&self, structure: &Structure, _: &Selection) -> Result<Vec<String>> {
        for def in &structure.tables {
            let create = |inner: &mut Inner| {
                let table = Table {
                    schema: Arc::clone(&def.schema),
                    rows: Vec::new(),
                    indexed: false,
                };
                inner.target.entry(moved(&def.schema.name)).or_insert(table);
            };
            self.durable("creating a table", create).await?;
        }
        Ok(Vec::new())
    }

    async fn build_indexes(&self, table: &TableDef, _: &Selection) -> Result<()> {
        let build = |inner: &mut Inner| {
            let there = inner
                .target
                .get_mut(&moved(&table.schema.name))
                .expect("a table of the job");
            assert_eq!(
                there.schema.columns, table.schema.columns,
                "indexes of another form"
            );
            let code = index(&there.schema, "code");
            let mut codes: Vec<i64> = there.rows.iter().map(|row| row[code]).collect();
            codes.sort_unstable();
            let twice = codes.windows(2).any(|pair| pair[0] == pair[1]);
            if twice && there.schema.row_key.is_some() {
                return Err(Error::new(
                    Kind::Conflict,
                    format!("a code is twice in {}", table.schema.name),
                ));
            }
            there.indexed = true;
            Ok(())
        };
        self.durable("building indexes", build).await?
    }

    async fn add_foreign_keys(&self, _: &TableDef, _: &Selection) -> Result<()> {
        self.durable("adding foreign keys", |_| ()).await
    }

    async fn create_views(&self, _: &Structure, _: &Selection) -> Result<Vec<String>> {
        self.durable("making views", |_| vec!["a view that can't be made".to_owned()])
            .await
    }

    async fn create_stored(&self, _: &Structure, _: &Selection, moment: Moment) -> Result<Vec<String>> {
        let make = |inner: &mut Inner| {
            if moment == Moment::AtEnd {
                inner.fires_triggers = true;
            }
            vec![format!("a stored object of {moment:?}")]
        };
        self.durable("making stored objects", make).await
    }

    async fn create_accounts(&self, _: &Structure, _: &Selection, _: Moment) -> Result<Vec<String>> {
        self.durable("making accounts", |_| Vec::new()).await
    }

    async fn set_auto_increments(&self, structure: &Structure, _: &Selection) -> Result<u64> {
        self.durable("setting counters", |_| structure.tables.len() as u64)
            .await
    }

    async fn open_loader(&self, _: &str) -> Result<Box<dyn Loader>> {
        self.world.call(self.generation, "opening a loader").await?;
        Ok(Box::new(SimLoader(Session::new(&self.world))))
    }

    async fn open_applier(&self, _: &str) -> Result<Box<dyn Applier>> {
        self.world.call(self.generation, "opening an applier").await?;
        Ok(Box::new(SimApplier {
            session: Session::new(&self.world),
            open: None,
        }))
    }

    async fn open_digesters(&self, count: usize) -> Result<Vec<Box<dyn Digester>>> {
        self.world.call(self.generation, "opening digesters").await?;
        let one = |_| -> Box<dyn Digester> {
            Box::new(SimDigester {
                state: None,
                session: Session::new(&self.world),
            })
        };
        Ok((0..count).map(one).collect())
    }

    async fn load_checkpoint(&self, _: &str) -> Result<Option<Checkpoint>> {
        self.world.call(self.generation, "loading the checkpoint").await?;
        Ok(self.world.inner().checkpoint.clone())
    }

    async fn save_checkpoint(&self, _: &str, checkpoint: &Checkpoint) -> Result<()> {
        self.durable("saving the checkpoint", |inner| {
            inner.copying &= checkpoint.stage <= Stage::Snapshot;
            inner.checkpoint = Some(checkpoint.clone());
        })
        .await
    }

    async fn save_schemas(&self, _: &str, schemas: &[Arc<TableSchema>]) -> Result<()> {
        let named = schemas
            .iter()
            .map(|schema| (schema.name.clone(), Arc::clone(schema)));
        self.durable("saving schemas", |inner| inner.schemas.extend(named))
            .await
    }

    async fn remove_schemas(&self, _: &str, tables: &[TableName]) -> Result<()> {
        self.durable("removing schemas", |inner| {
            inner.schemas.retain(|name, _| !tables.contains(name))
        })
        .await
    }

    async fn load_schemas(&self, _: &str) -> Result<Vec<Arc<TableSchema>>> {
        self.world.call(self.generation, "loading schemas").await?;
        Ok(self.world.inner().schemas.values().cloned().collect())
    }

    async fn load_chunks(&self, _: &str) -> Result<Vec<ChunkMark>> {
        self.world.call(self.generation, "loading chunks").await?;
        Ok(self.world.inner().marks.clone())
    }

    async fn save_chunks(&self, _: &str, table: &TableName, chunks: &[Chunk]) -> Result<()> {
        let marks = chunks.iter().map(|chunk| ChunkMark {
            chunk: chunk.clone(),
            rows: None,
        });
        let save = |inner: &mut Inner| {
            let finished = |mark: &ChunkMark| mark.chunk.table == *table && mark.rows.is_some();
            assert!(
                !inner.marks.iter().any(finished),
                "a plan with finished chunks was replaced"
            );
            inner.marks.retain(|mark| mark.chunk.table != *table);
            inner.marks.extend(marks);
        };
        self.durable("saving chunks", save).await
    }

    async fn clear_table(&self, _: &str, source: &TableName, target: &TableName) -> Result<()> {
        let clear = |inner: &mut Inner| {
            inner
                .target
                .get_mut(target)
                .expect("a table of the job")
                .rows
                .clear();
            inner.marks.retain(|mark| mark.chunk.table != *source);
        };
        self.durable("clearing a table", clear).await
    }

    async fn forget(&self, _: &str) -> Result<()> {
        // A process that dies after the traces are gone is the control side's matter.
        self.inner_forget().await
    }
}

impl SimTarget {
    async fn inner_forget(&self) -> Result<()> {
        self.world.call(self.generation, "forgetting").await?;
        let mut inner = self.world.inner();
        inner.checkpoint = None;
        inner.schemas.clear();
        inner.marks.clear();
        let fails = inner.faults_left > 0 && inner.random.below(3) == 0;
        if fails {
            inner.faults_left -= 1;
            return Err(Error::retry("cut after forgetting"));
        }
        Ok(())
    }
}

struct SimLoader(Session);

#[async_trait]
impl Loader for SimLoader {
    async fn load(&mut self, task: &LoadTask, mut batches: BatchReceiver) -> Result<LoadOutcome> {
        self.0.start();
        let mut rows = Vec::new();
        while let Some(batch) = batches.next().await? {
            self.0.call("loading").await?;
            match batch.payload {
                Payload::Rows(more) => rows.extend(more.iter().map(from_row)),
                Payload::Native(_) => panic!("not sent"),
            }
        }
        self.0.call("committing a chunk").await?;
        {
            let mut inner = self.0.world.inner();
            if task.encoding == NATIVE && inner.random.below(6) == 0 {
                inner.redone += 1;
                self.0.usable = true;
                return Ok(LoadOutcome::Redo {
                    why: "a value that it can't hold".to_owned(),
                });
            }
            inner.loads += 1;
            let mark = inner.marks.iter_mut().find(|mark| mark.chunk == task.chunk);
            let mark = mark.expect("a chunk of the plan");
            assert!(mark.rows.is_none(), "a finished chunk was loaded again");
            mark.rows = Some(rows.len() as u64);
            let table = inner.target.get_mut(&task.target).expect("a table of the job");
            assert_eq!(
                table.schema.columns, task.schema.columns,
                "loaded under another form"
            );
            for row in &rows {
                put(table, row, ApplyMode::Strict)?;
            }
        }
        self.0.call("committing a chunk").await?;
        self.0.end();
        Ok(LoadOutcome::Loaded {
            rows: rows.len() as u64,
        })
    }
}

/// Inserts a row of a table with a key, and any row of one without.
fn put(table: &mut Table, row: &[i64], mode: ApplyMode) -> Result<()> {
    let (id, code) = (index(&table.schema, "id"), index(&table.schema, "code"));
    if table.schema.row_key.is_some() {
        let indexed = table.indexed;
        let clash = |have: &Vec<i64>| have[id] == row[id] || (indexed && have[code] == row[code]);
        if mode == ApplyMode::Strict && table.rows.iter().any(clash) {
            return Err(Error::new(
                Kind::Conflict,
                format!("an insert into {} met a row", table.schema.name),
            ));
        }
        table.rows.retain(|have| !clash(have));
    }
    table.rows.push(row.to_vec());
    Ok(())
}

fn take(table: &mut Table, row: &[i64], mode: ApplyMode) -> Result<()> {
    let id = index(&table.schema, "id");
    let keyed = table.schema.row_key.is_some();
    let met = |have: &Vec<i64>| if keyed { have[id] == row[id] } else { have == row };
    match table.rows.iter().position(met) {
        Some(place) => {
            table.rows.remove(place);
            Ok(())
        }
        None if mode == ApplyMode::Idempotent => Ok(()),
        None => Err(Error::new(
            Kind::Conflict,
            format!("a delete in {} met no row", table.schema.name),
        )),
    }
}

struct SimApplier {
    session: Session,
    open: Option<State>,
}

impl SimApplier {
    fn table<'a>(&'a mut self, schema: &TableSchema, target: &TableName) -> Result<&'a mut Table> {
        let world = Arc::clone(&self.session.world);
        let state = self.open.get_or_insert_with(|| world.inner().target.clone());
        let table = state.get_mut(target).expect("a table of the job");
        if table.schema.columns != schema.columns {
            return Err(Error::new(
                Kind::Conflict,
                format!("{target} has another form here"),
            ));
        }
        Ok(table)
    }

    fn ordered(&mut self, schema: &TableSchema, target: &TableName, changes: Vec<RowChange>) -> Result<()> {
        let table = self.table(schema, target)?;
        for RowChange { old, new } in changes {
            match old {
                OldRow::None => {}
                OldRow::Key(_) => panic!("never sent"),
                OldRow::Full(old) => take(table, &from_row(&old), ApplyMode::Strict)?,
            }
            if let Some(new) = new {
                put(table, &from_row(&new), ApplyMode::Strict)?;
            }
        }
        Ok(())
    }

    fn merged(
        &mut self,
        schema: &TableSchema,
        target: &TableName,
        rows: (Vec<Row>, Vec<Row>),
        mode: ApplyMode,
    ) -> Result<()> {
        let table = self.table(schema, target)?;
        for old in &rows.0 {
            take(table, &from_row(old), mode)?;
        }
        for new in &rows.1 {
            put(table, &from_row(new), mode)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Applier for SimApplier {
    async fn write(&mut self, work: TableWork, mode: ApplyMode) -> Result<()> {
        self.session.start();
        self.session.call("writing").await?;
        let fires = self.session.world.inner().fires_triggers;
        assert!(!fires, "rows are written where triggers stand");
        match work {
            TableWork::Merged {
                schema,
                target,
                deletes,
                inserts,
            } => {
                self.merged(&schema, &target, (deletes, inserts), mode)?;
            }
            TableWork::Ordered {
                schema,
                target,
                changes,
                ..
            } => {
                assert_eq!(
                    mode,
                    ApplyMode::Strict,
                    "without a key nothing can be written twice"
                );
                self.ordered(&schema, &target, changes)?;
            }
        }
        self.session.end();
        Ok(())
    }

    async fn commit(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.session.start();
        self.session.call("committing").await?;
        {
            let mut inner = self.session.world.inner();
            if let Some(state) = self.open.take() {
                inner.target = state;
            }
            inner.checkpoint = Some(checkpoint.clone());
            inner.plant();
        }
        self.session.call("committing").await?;
        self.session.end();
        Ok(())
    }

    async fn execute_ddl(&mut self, ddl: &Ddl, _: &Selection, replayed: bool) -> Result<DdlOutcome> {
        self.session.start();
        assert!(self.open.is_none(), "a schema change inside a transaction");
        self.session.call("executing a schema change").await?;
        let outcome = {
            let mut inner = self.session.world.inner();
            let at: u64 = ddl.statement.parse().expect("ours");
            let entry = inner
                .log
                .iter()
                .find(|entry| entry.at == at)
                .expect("a logged statement");
            let What::Ddl(statement, name) = entry.what.clone() else {
                panic!("not a schema change")
            };
            let done = super::execute(&mut inner.target, statement, &name, &moved(&name));
            let impossible = statement == Statement::Impossible;
            if impossible || (done.is_none() && !replayed) {
                return Err(Error::needs_user(format!("{statement:?} of {name} fails")));
            }
            done.map_or(DdlOutcome::AlreadyDone, |()| DdlOutcome::Done)
        };
        self.session.call("executing a schema change").await?;
        self.session.end();
        Ok(outcome)
    }

    async fn read_schema(&mut self, _: &TableName, target: &TableName) -> Result<Option<TableSchema>> {
        self.session.start();
        self.session.call("reading a schema").await?;
        self.session.end();
        let inner = self.session.world.inner();
        Ok(inner.target.get(target).map(|table| (*table.schema).clone()))
    }
}

impl Inner {
    /// Someone else writes to the target, once, after the window.
    fn plant(&mut self) {
        if self.lie != Lie::PlantedRow || self.lied || self.random.below(4) > 0 {
            return;
        }
        if let Some(table) = self.target.values_mut().find(|table| !table.rows.is_empty()) {
            table.rows.remove(0);
            self.lied = true;
        }
    }
}
