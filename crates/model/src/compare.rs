//! A consistency check of a job's two sides: what is asked, and what was found so far.
//!
//! `Comparison` is both report and bookmark: it always speaks of whole chunks in
//! order, so a check that broke off goes on from the last one that was kept. Keys of
//! differing rows are in it, for their own answer; `{:?}` shows none.

use serde::{Deserialize, Serialize};

use crate::schema::TableName;
use crate::selection::Selection;

/// Differing rows kept one by one; more are only counted. Some 200 bytes each.
pub const DIFFERING_ROWS_KEPT: usize = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum CompareMethod {
    /// Every column of every row.
    #[default]
    Data,
    /// Every column of the rows of some chunks.
    Sample,
    /// How many rows there are; which ones, where the numbers differ.
    Rows,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareSpec {
    pub method: CompareMethod,
    /// Of the chunks, with `Sample`.
    pub sample_percent: u8,
    pub threads: u8,
    /// None: all that the job moves. Names are the source's.
    pub only: Option<Selection>,
    /// Rounds in which what differs is looked at again at the end, and the minutes before each.
    pub recheck_rounds: u8,
    pub recheck_minutes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum TableState {
    #[default]
    Waiting,
    Running,
    Compared,
    /// Not compared, for the reason that is beside it.
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableComparison {
    pub source: TableName,
    pub target: TableName,
    #[serde(default)]
    pub state: TableState,
    #[serde(default)]
    pub reason: String,
    /// The key's name; "" for a table without one.
    #[serde(default)]
    pub key: String,
    /// The server's estimate, for progress.
    #[serde(default)]
    pub rows_estimate: u64,
    /// All chunks before this number are done, and it begins above this bound.
    #[serde(default)]
    pub next_chunk: u32,
    #[serde(default)]
    pub next_bound: Option<String>,
    /// Chunks that the sample left out.
    #[serde(default)]
    pub chunks_left_out: u64,
    #[serde(default)]
    pub source_rows: u64,
    #[serde(default)]
    pub target_rows: u64,
    #[serde(default)]
    pub differing_rows: u64,
    /// Rows that changed so fast that no two readings could be set side by side.
    #[serde(default)]
    pub unsettled_rows: u64,
    #[serde(default)]
    pub ended_ms: u64,
}

impl TableComparison {
    pub fn new(source: TableName, target: TableName) -> TableComparison {
        TableComparison {
            source,
            target,
            state: TableState::Waiting,
            reason: String::new(),
            key: String::new(),
            rows_estimate: 0,
            next_chunk: 0,
            next_bound: None,
            chunks_left_out: 0,
            source_rows: 0,
            target_rows: 0,
            differing_rows: 0,
            unsettled_rows: 0,
            ended_ms: 0,
        }
    }
}

/// A chunk with differences. Bounds are keys as a person reads them.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ChunkDifference {
    pub table: TableName,
    pub chunk: u32,
    pub lower: String,
    pub upper: String,
    pub source_rows: u64,
    pub target_rows: u64,
    pub source_digest: String,
    pub target_digest: String,
    pub rows: u64,
    pub cost_ms: u64,
    pub ended_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RowDifference {
    Data,
    SrcLack,
    DstLack,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferingRow {
    pub table: TableName,
    pub chunk: u32,
    /// The engine's own text, to look the row up by.
    pub key: String,
    /// The key's values as a person reads them.
    pub shown: String,
    pub kind: RowDifference,
    /// The columns that differ; the key's where one side lacks the row.
    pub columns: Vec<String>,
    pub seen_ms: u64,
}

impl std::fmt::Debug for ChunkDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChunkDifference({}, {})", self.table, self.chunk)
    }
}

impl std::fmt::Debug for DifferingRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DifferingRow({}, {:?})", self.table, self.kind)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Comparison {
    /// Known once the structure was read.
    pub planned: bool,
    pub tables: Vec<TableComparison>,
    pub chunks: Vec<ChunkDifference>,
    pub rows: Vec<DifferingRow>,
    /// What holds for all tables and was not looked at.
    pub never_covered: Vec<String>,
    pub rechecks_done: u8,
    /// Since when the wait before the next recheck goes on.
    pub recheck_since_ms: u64,
    /// Set while the check waits to try again.
    pub retrying: Option<String>,
}

impl Comparison {
    pub fn differing_rows(&self) -> u64 {
        self.tables.iter().map(|table| table.differing_rows).sum()
    }

    pub fn differing_tables(&self) -> u64 {
        self.count(|table| table.differing_rows > 0)
    }

    pub fn skipped_tables(&self) -> u64 {
        self.count(|table| table.state == TableState::Skipped)
    }

    pub fn compared_tables(&self) -> u64 {
        self.count(|table| table.state == TableState::Compared)
    }

    fn count(&self, of: impl Fn(&TableComparison) -> bool) -> u64 {
        let count = self.tables.iter().filter(|table| of(table)).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// What the report does not speak of, each in a sentence.
    pub fn not_covered(&self) -> Vec<String> {
        let mut said = Vec::new();
        for table in &self.tables {
            let name = &table.source;
            if table.state == TableState::Skipped {
                said.push(format!("{name}: {}", table.reason));
            }
            if table.unsettled_rows > 0 {
                let rows = table.unsettled_rows;
                said.push(format!(
                    "{name}: {rows} rows changed too fast to be compared, or the job did not reach them"
                ));
            }
            if table.chunks_left_out > 0 {
                let (left, all) = (table.chunks_left_out, table.next_chunk);
                said.push(format!(
                    "{name}: {left} of {all} chunks were left out of the sample"
                ));
            }
        }
        if self.differing_rows() > self.rows.len() as u64 {
            said.push(format!(
                "{} of {} differing rows are listed one by one",
                self.rows.len(),
                self.differing_rows()
            ));
        }
        said.extend(self.never_covered.iter().cloned());
        said
    }
}

/// The transactions of a source, and those of them that its target holds, as the engine
/// writes sets of them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TransactionSets {
    pub source: String,
    pub target: String,
    pub only_source: String,
    pub only_target: String,
}
