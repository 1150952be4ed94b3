//! The reading side of the simulation.
//!
//! Each reader of a snapshot sees a state of its own between `low` and `high`, so that
//! rows which moved between chunks are seen twice or not at all, as on a real server.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tidegate_link::{
    BatchSender, ChangeStream, Chunk, Digester, Facts, Proof, Snapshot, SnapshotReader, Source, Structure,
    TableDef, TableDigest,
};
use tidegate_model::change::{ChangeEvent, Ddl, DdlKind, OldRow, RowChange, RowChanges, RowOp};
use tidegate_model::finding::Finding;
use tidegate_model::job::JobSpec;
use tidegate_model::position::Position;
use tidegate_model::row::{Batch, Encoding, Payload};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Result};

use super::{Changed, Lie, Session, State, Statement, What, World, index, position, to_row};

pub(crate) const NATIVE: Encoding = Encoding::Native("simulated");
/// So many that a transaction of some rows is larger than the smallest budget.
const BYTES_A_ROW: u64 = 10_000;

#[derive(Debug)]
pub(crate) struct SimSource {
    world: Arc<World>,
    generation: u64,
    facts: Facts,
}

impl SimSource {
    pub(crate) fn new(world: &Arc<World>) -> SimSource {
        SimSource {
            world: Arc::clone(world),
            generation: world.inner().generation,
            facts: Facts::new(),
        }
    }
}

#[async_trait]
impl Source for SimSource {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn precheck(&self, _: &JobSpec, _: &Structure) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    async fn read_structure(&self, _: &Selection) -> Result<Structure> {
        self.world.call(self.generation, "reading the structure").await?;
        let inner = self.world.inner();
        let def = |table: &super::Table| TableDef {
            schema: Arc::clone(&table.schema),
            native_ddl: format!("{:?} COUNTER={}", table.schema.columns, inner.end()),
            next_auto_increment: None,
        };
        Ok(Structure {
            tables: inner.now().values().map(def).collect(),
            ..Structure::default()
        })
    }

    fn offers(&self, _: &TableSchema) -> Vec<Encoding> {
        vec![
            Encoding::Native("unknown to the target"),
            NATIVE,
            Encoding::Neutral,
        ]
    }

    async fn open_snapshot(&self, _: &[Arc<TableSchema>], readers: usize) -> Result<Snapshot> {
        self.world.call(self.generation, "opening a snapshot").await?;
        let mut inner = self.world.inner();
        let low = inner.end();
        let now = 1_700_000_000_000;
        for _ in 0..6 {
            inner.write(now);
        }
        let high = inner.end();
        let between: Vec<State> = inner
            .states
            .iter()
            .filter(|(at, _)| *at >= low)
            .map(|(_, state)| state.clone())
            .collect();
        let exact = if inner.lie == Lie::KeylessLate { high } else { low };
        let exact = inner.state_at(exact).clone();
        let mut seen = Vec::new();
        for _ in 0..readers {
            let place = usize::try_from(inner.random.below(between.len() as u64)).expect("small");
            let mut state = between[place].clone();
            for (name, table) in &exact {
                if table.schema.row_key.is_none() {
                    state.insert(name.clone(), table.clone());
                }
            }
            seen.push(state);
        }
        let high = if inner.lie == Lie::NarrowWindow { low } else { high };
        inner.copying = true;
        drop(inner);
        let reader = |state| -> Box<dyn SnapshotReader> {
            let session = Session::new(&self.world);
            Box::new(SimReader { state, session })
        };
        Ok(Snapshot {
            low: position(low),
            high: position(high),
            readers: seen.into_iter().map(reader).collect(),
        })
    }

    async fn open_changes(
        &self,
        from: &Position,
        _: &Selection,
        known: &[Arc<TableSchema>],
    ) -> Result<Box<dyn ChangeStream>> {
        self.world.call(self.generation, "opening the log").await?;
        Ok(Box::new(SimStream {
            session: Session::new(&self.world),
            cursor: from.order.1,
            number: 0,
            known: known
                .iter()
                .map(|schema| (schema.name.clone(), Arc::clone(schema)))
                .collect(),
            ready: VecDeque::new(),
            acknowledged: from.order.1,
        }))
    }

    async fn position(&self) -> Result<Position> {
        self.world.call(self.generation, "reading the end").await?;
        Ok(position(self.world.inner().end()))
    }

    async fn bytes_between(&self, from: &Position, to: &Position) -> Result<u64> {
        Ok(to.order.1 - from.order.1)
    }

    async fn open_proof(&self, _: &[Arc<TableSchema>], digesters: usize) -> Result<Proof> {
        self.world.call(self.generation, "opening a proof").await?;
        let inner = self.world.inner();
        let at = position(inner.end());
        let state = inner.now().clone();
        drop(inner);
        let one = |_| -> Box<dyn Digester> {
            Box::new(SimDigester {
                state: Some(state.clone()),
                session: Session::new(&self.world),
            })
        };
        Ok(Proof {
            low: at.clone(),
            high: at,
            digesters: (0..digesters).map(one).collect(),
        })
    }
}

struct SimReader {
    state: State,
    session: Session,
}

impl SimReader {
    fn rows(&self, table: &TableSchema, chunk: &Chunk) -> Vec<Vec<i64>> {
        let here = self.state.get(&table.name).expect("a table of the snapshot");
        let id = index(&here.schema, "id");
        let bound = |text: &Option<String>| text.as_ref().map(|text| text.parse::<i64>().expect("ours"));
        let (lower, upper) = (bound(&chunk.lower), bound(&chunk.upper));
        let inside =
            |row: &&Vec<i64>| lower.is_none_or(|low| row[id] > low) && upper.is_none_or(|up| row[id] <= up);
        here.rows.iter().filter(inside).cloned().collect()
    }
}

#[async_trait]
impl SnapshotReader for SimReader {
    async fn split(&mut self, table: &TableSchema, _: u64) -> Result<Vec<Chunk>> {
        self.session.start();
        self.session.call("splitting").await?;
        self.session.end();
        let chunk = |number: u32, lower: Option<i64>, upper: Option<i64>| Chunk {
            table: table.name.clone(),
            number,
            lower: lower.map(|id| id.to_string()),
            upper: upper.map(|id| id.to_string()),
        };
        if table.row_key.is_none() {
            return Ok(vec![chunk(0, None, None)]);
        }
        Ok((0..5)
            .map(|number| {
                let lower = i64::from(number) * 8;
                chunk(
                    number,
                    (number > 0).then_some(lower),
                    (number < 4).then_some(lower + 8),
                )
            })
            .collect())
    }

    async fn read(
        &mut self,
        table: &Arc<TableSchema>,
        chunk: &Chunk,
        _: Encoding,
        mut out: BatchSender,
    ) -> Result<u64> {
        self.session.start();
        let mut sent = 0;
        for rows in self.rows(table, chunk).chunks(2) {
            self.session.call("reading a chunk").await?;
            let batch = Batch {
                schema: Arc::clone(table),
                payload: Payload::Rows(rows.iter().map(|row| to_row(row)).collect()),
                rows: rows.len() as u64,
                bytes: 100,
            };
            sent += batch.rows;
            out.send(batch).await?;
        }
        out.finish().await?;
        self.session.end();
        Ok(sent)
    }
}

struct SimStream {
    session: Session,
    cursor: u64,
    number: u64,
    known: BTreeMap<TableName, Arc<TableSchema>>,
    ready: VecDeque<ChangeEvent>,
    acknowledged: u64,
}

impl SimStream {
    /// Events of the next entry of the log. False: there is none.
    fn read_ahead(&mut self) -> Result<bool> {
        let world = Arc::clone(&self.session.world);
        let mut inner = world.inner();
        let Some(entry) = inner.log.iter().find(|entry| entry.at == self.cursor).cloned() else {
            assert_eq!(inner.end(), self.cursor, "read from between two positions");
            return Ok(false);
        };
        self.cursor = entry.end;
        self.number += 1;
        let loses = inner.lie == Lie::LostTransaction && !inner.lied && inner.random.below(10) == 0;
        match &entry.what {
            What::Elsewhere => {}
            What::Transaction(changes) if loses && !changes.is_empty() => inner.lied = true,
            What::Transaction(changes) => {
                let lie = inner.lie == Lie::EarlyStart;
                let before = inner
                    .log
                    .iter()
                    .find(|other| other.end == entry.at)
                    .map_or(0, |other| other.at);
                let at = position(if lie { before } else { entry.at });
                self.ready.push_back(ChangeEvent::Begin {
                    number: self.number,
                    at,
                });
                for change in changes {
                    let rows = self.decode(change)?;
                    self.ready.push_back(ChangeEvent::Rows(rows));
                }
                self.ready.push_back(ChangeEvent::Commit {
                    number: self.number,
                    position: position(entry.end),
                    committed_at_ms: entry.ms,
                });
            }
            What::Ddl(statement, name) => self.ready.push_back(ChangeEvent::Ddl(Ddl {
                number: self.number,
                position: position(entry.end),
                committed_at_ms: entry.ms,
                statement: entry.at.to_string(),
                default_schema: String::new(),
                kind: match statement {
                    Statement::Create { .. } => DdlKind::CreateTable,
                    Statement::Drop => DdlKind::DropTable,
                    Statement::Truncate => DdlKind::TruncateTable,
                    Statement::AddFirst(_) | Statement::AddLast(_) | Statement::Impossible => {
                        DdlKind::AlterTable
                    }
                },
                objects: vec![name.clone()],
                session: Vec::new(),
            })),
        }
        Ok(true)
    }

    /// As a log reader does: by the schema that it was told, not by what the log knows.
    fn decode(&self, change: &Changed) -> Result<RowChanges> {
        let known = self.known.get(&change.schema.name);
        let known = known
            .ok_or_else(|| Error::unknown(format!("rows of {} without its schema", change.schema.name)))?;
        if known.columns != change.schema.columns || known.row_key != change.schema.row_key {
            return Err(Error::unknown(format!(
                "rows of {} were logged under another schema",
                known.name
            )));
        }
        let op = match (&change.old, &change.new) {
            (None, _) => RowOp::Insert,
            (_, None) => RowOp::Delete,
            _ => RowOp::Update,
        };
        let row = RowChange {
            old: change
                .old
                .as_deref()
                .map_or(OldRow::None, |old| OldRow::Full(to_row(old))),
            new: change.new.as_deref().map(to_row),
        };
        Ok(RowChanges {
            schema: Arc::clone(known),
            op,
            rows: vec![row],
            bytes: BYTES_A_ROW,
        })
    }
}

#[async_trait]
impl ChangeStream for SimStream {
    async fn next(&mut self) -> Result<ChangeEvent> {
        self.session.start();
        self.session.call("reading the log").await?;
        for _ in 0..20 {
            if let Some(event) = self.ready.pop_front() {
                self.session.end();
                return Ok(event);
            }
            if !self.read_ahead()? {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        self.session.end();
        Ok(ChangeEvent::Heartbeat {
            position: position(self.cursor),
            source_time_ms: 0,
        })
    }

    fn learn(&mut self, table: &TableName, schema: Option<Arc<TableSchema>>) {
        match schema {
            Some(schema) => self.known.insert(table.clone(), schema),
            None => self.known.remove(table),
        };
    }

    async fn acknowledge(&mut self, durable: &Position) -> Result<()> {
        let applied = self
            .session
            .world
            .inner()
            .checkpoint
            .clone()
            .and_then(|checkpoint| checkpoint.applied);
        let applied = applied.expect("a checkpoint before the first acknowledgement");
        assert!(
            durable.is_at_or_before(&applied),
            "acknowledged what is not durable"
        );
        assert!(self.acknowledged <= durable.order.1, "acknowledged backwards");
        self.acknowledged = durable.order.1;
        Ok(())
    }
}

/// `state`: None reads the target as it is.
pub(crate) struct SimDigester {
    pub state: Option<State>,
    pub session: Session,
}

#[async_trait]
impl Digester for SimDigester {
    async fn digest(&mut self, table: &TableSchema, name: &TableName) -> Result<TableDigest> {
        self.session.start();
        self.session.call("digesting").await?;
        self.session.end();
        let held = self
            .state
            .clone()
            .unwrap_or_else(|| self.session.world.inner().target.clone());
        let held = held
            .get(name)
            .ok_or_else(|| Error::needs_user(format!("{name} is not there")))?;
        let mut rows = held.rows.clone();
        rows.sort();
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        Ok(TableDigest {
            rows: rows.len() as u64,
            digest: format!("{names:?} {rows:?}"),
            form: "simulated",
        })
    }
}
