//! A little database with a log, as source and as target, in memory, for tests of whole runs.
//!
//! A seed decides what the writer writes and when, which calls fail before or after their
//! effect, and at which call the process dies. It holds us to the contract of `link`: a
//! session that failed or whose call was dropped must not be used again, a finished chunk
//! must not be loaded again, rows must be decoded by the schema they were logged under.

mod ends;
mod runs;
mod source;
mod target;
mod writer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tidegate_link::{Checkpoint, ChunkMark, Clock};
use tidegate_model::position::Position;
use tidegate_model::row::Row;
use tidegate_model::schema::{Column, ColumnType, Key, TableName, TableSchema};
use tidegate_model::selection::{DatabaseSelection, Selection};
use tidegate_model::value::Value;
use tidegate_model::{Error, Result};
use tokio::sync::Notify;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub schema: Arc<TableSchema>,
    pub rows: Vec<Vec<i64>>,
    /// The unique index on `code` is there.
    pub indexed: bool,
}

pub(crate) type State = BTreeMap<TableName, Table>;

/// What the log holds. `at` is where it starts, `end` the position after it.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub at: u64,
    pub end: u64,
    pub ms: u64,
    pub what: What,
}

#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub schema: Arc<TableSchema>,
    pub old: Option<Vec<i64>>,
    pub new: Option<Vec<i64>>,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Transaction(Vec<Changed>),
    /// A transaction on what is not chosen.
    Elsewhere,
    Ddl(Statement, TableName),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Statement {
    Create {
        keyed: bool,
    },
    Drop,
    Truncate,
    AddFirst(u64),
    AddLast(u64),
    /// The target can't do it.
    Impossible,
}

/// A rule that the source breaks, to show that a run's proof would find it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lie {
    None,
    /// `high` is said to be `low`.
    NarrowWindow,
    /// Tables without a key are seen later than at `low`.
    KeylessLate,
    /// One transaction in the log is passed over.
    LostTransaction,
    /// Transactions are said to start one transaction earlier.
    EarlyStart,
    /// Someone else changes a row of the target.
    PlantedRow,
}

#[derive(Debug)]
pub(crate) struct World {
    inner: Mutex<Inner>,
    pub crashed: Notify,
    pub clock: SimClock,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub random: Random,
    pub lie: Lie,
    /// State of the source at each position of its log; the last is now.
    pub states: Vec<(u64, State)>,
    pub log: Vec<Logged>,
    pub writes_left: u64,
    pub faults_left: u64,
    /// Calls until the process dies.
    pub crash_in: Option<u64>,
    /// Sessions of an earlier process are gone.
    pub generation: u64,
    /// Triggers stand on the target: no row of the source may be written any more.
    pub fires_triggers: bool,
    /// Rows are being copied: no schema changes of tables that are there.
    pub copying: bool,
    pub names: u64,
    /// The writer also logs schema changes that the target can't do.
    pub impossible: bool,
    pub target: State,
    pub checkpoint: Option<Checkpoint>,
    pub schemas: BTreeMap<TableName, Arc<TableSchema>>,
    pub marks: Vec<ChunkMark>,
    pub lied: bool,
    pub loads: u64,
    pub redone: u64,
}

impl World {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic under the lock")
    }

    /// One call of a session that belongs to `generation`: others write meanwhile, it may fail, we may die in it.
    pub(crate) async fn call(&self, generation: u64, doing: &str) -> Result<()> {
        let naps = self.inner().random.below(8) == 0;
        if naps {
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        } else {
            tokio::task::yield_now().await;
        }
        let dies = {
            let mut inner = self.inner();
            if inner.generation != generation {
                return Err(Error::retry("a session of a process that died"));
            }
            let now = self.clock.now_ms();
            if inner.random.below(3) == 0 {
                inner.write(now);
            }
            let fails = inner.faults_left > 0 && inner.random.below(60) == 0;
            if fails {
                inner.faults_left -= 1;
                return Err(Error::retry(format!("cut while {doing}")));
            }
            match &mut inner.crash_in {
                Some(0) => {
                    inner.crash_in = None;
                    true
                }
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            }
        };
        if dies {
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl Inner {
    pub(crate) fn end(&self) -> u64 {
        self.states.last().expect("a first state").0
    }

    pub(crate) fn now(&self) -> &State {
        &self.states.last().expect("a first state").1
    }

    pub(crate) fn state_at(&self, offset: u64) -> &State {
        let at = self.states.iter().rev().find(|(at, _)| *at == offset);
        &at.expect("a position of the log").1
    }
}

/// A session: usable until a call of it fails or is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    world: Arc<World>,
    generation: u64,
    usable: bool,
}

impl Session {
    pub(crate) fn new(world: &Arc<World>) -> Session {
        Session {
            world: Arc::clone(world),
            generation: world.inner().generation,
            usable: true,
        }
    }

    /// Starts a call: until `end` the session counts as lost.
    pub(crate) fn start(&mut self) {
        assert!(self.usable, "a session was used after an error or a dropped call");
        self.usable = false;
    }

    pub(crate) async fn call(&self, doing: &str) -> Result<()> {
        self.world.call(self.generation, doing).await
    }

    pub(crate) fn end(&mut self) {
        self.usable = true;
    }
}

/// SplitMix64.
#[derive(Debug)]
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[derive(Debug)]
pub(crate) struct SimClock(tokio::time::Instant);

impl SimClock {
    pub(crate) fn new() -> SimClock {
        SimClock(tokio::time::Instant::now())
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000 + u64::try_from(self.monotonic().as_millis()).expect("short")
    }

    fn monotonic(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

pub(crate) fn position(offset: u64) -> Position {
    Position {
        token: offset.to_string(),
        order: (1, offset),
    }
}

pub(crate) fn selection() -> Selection {
    Selection {
        whole_instance: false,
        databases: vec![DatabaseSelection {
            name: "shop".to_owned(),
            new_name: Some("moved".to_owned()),
            ..DatabaseSelection::default()
        }],
        ..Selection::default()
    }
}

pub(crate) fn moved(name: &TableName) -> TableName {
    TableName::new("moved", name.table.clone())
}

fn column(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        kind: ColumnType::Int {
            bits: 64,
            unsigned: false,
        },
        native: "int".to_owned(),
        nullable: false,
        generated: false,
        auto_increment: false,
    }
}

/// Keyed tables have a second unique column, `code`.
pub(crate) fn schema(name: &TableName, keyed: bool) -> Arc<TableSchema> {
    let key = Key {
        name: "PRIMARY".to_owned(),
        primary: true,
        unique: true,
        columns: vec![0],
    };
    Arc::new(TableSchema {
        name: name.clone(),
        columns: ["id", "code", "value"].map(column).to_vec(),
        row_key: keyed.then_some(key),
        rows_estimate: 10,
        bytes_estimate: 1000,
    })
}

pub(crate) fn index(schema: &TableSchema, name: &str) -> usize {
    schema.column_index(name).expect("a column of all tables")
}

pub(crate) fn to_row(values: &[i64]) -> Row {
    Row {
        values: values.iter().copied().map(Value::Int).collect(),
    }
}

pub(crate) fn from_row(row: &Row) -> Vec<i64> {
    let number = |value: &Value| match value {
        Value::Int(number) => *number,
        other => panic!("not a value of ours: {other:?}"),
    };
    row.values.iter().map(number).collect()
}

/// Does the same to a table on either side. None: it fails, or has been done before.
pub(crate) fn execute(
    state: &mut State,
    statement: Statement,
    source: &TableName,
    place: &TableName,
) -> Option<()> {
    match statement {
        Statement::Create { keyed } => {
            if state.contains_key(place) {
                return None;
            }
            let table = Table {
                schema: schema(source, keyed),
                rows: Vec::new(),
                indexed: true,
            };
            state.insert(place.clone(), table);
        }
        Statement::Drop => {
            state.remove(place)?;
        }
        Statement::Impossible => {
            state.get(place)?;
        }
        Statement::Truncate => state.get_mut(place)?.rows.clear(),
        Statement::AddFirst(number) | Statement::AddLast(number) => {
            let table = state.get_mut(place)?;
            let name = format!("c{number}");
            if table.schema.column_index(&name).is_some() {
                return None;
            }
            let first = matches!(statement, Statement::AddFirst(_));
            let mut schema = (*table.schema).clone();
            let place = if first { 0 } else { schema.columns.len() };
            schema.columns.insert(place, column(&name));
            if let Some(key) = &mut schema.row_key {
                key.columns
                    .iter_mut()
                    .for_each(|index| *index += usize::from(first));
            }
            table.schema = Arc::new(schema);
            table.rows.iter_mut().for_each(|row| row.insert(place, 7));
        }
    }
    Some(())
}
