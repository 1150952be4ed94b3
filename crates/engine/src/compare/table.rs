//! One table after the other: its chunks spread over the workers, put together in order.
//!
//! Bounds are looked for while chunks are compared, each one from the last, so nothing
//! is planned ahead that a restart would have to keep.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_link::{Chunk, Depth, Named, TableDef, TableDigest};
use tidegate_model::compare::{DifferingRow, TableState};
use tidegate_model::schema::TableName;
use tidegate_model::{Error, Result};
use tokio::task::JoinSet;

use super::chunk::{CHUNK_ROWS, ChunkFound, Piece, look, names};
use super::settle::{Look, Verdict, settle, settle_table};
use super::{Check, Pair, Sides, find, fold};

/// Chunks that wait for an earlier one, beside those under way: a slow one holds back no more.
const AHEAD: usize = 16;

/// A chunk that is done or left out, until all before it are.
type Ended = (Option<String>, Option<ChunkFound>);

impl Check {
    pub(super) async fn table(
        &mut self,
        at: usize,
        def: &TableDef,
        sides: &Arc<Sides>,
        pairs: &mut Vec<Pair>,
    ) -> Result<()> {
        let Some(table) = self.found.tables.get_mut(at) else {
            return Ok(());
        };
        table.state = TableState::Running;
        let target = table.target.clone();
        let mut planner = taken(pairs)?;
        if !is_there(sides, &mut planner, &target).await? {
            self.absent(at, def, &mut planner).await?;
        } else if def.schema.row_key.is_none() {
            self.whole(at, def, &target, sides, &mut planner).await?;
        } else {
            self.chunks(at, def, &target, sides, (&mut planner, pairs))
                .await?;
        }
        pairs.push(planner);
        Ok(())
    }

    /// All its rows are missing on the target.
    async fn absent(&mut self, at: usize, def: &TableDef, pair: &mut Pair) -> Result<()> {
        let (here, _) = named(def, &def.schema.name);
        let all = Chunk {
            table: def.schema.name.clone(),
            number: 0,
            lower: None,
            upper: None,
        };
        let source = pair.source.digest_chunk(here, &all, Depth::Presence).await?;
        let found = ChunkFound {
            differing: source.rows.max(1),
            unsettled: 0,
            rows: Vec::new(),
            lower: String::new(),
            upper: String::new(),
            cost_ms: 0,
            target: TableDigest {
                rows: 0,
                digest: "absent".to_owned(),
                form: source.form,
            },
            source,
        };
        fold::put(&mut self.found, at, None, Some(found), &*self.clock);
        Ok(())
    }

    async fn whole(
        &mut self,
        at: usize,
        def: &TableDef,
        target: &TableName,
        sides: &Sides,
        pair: &mut Pair,
    ) -> Result<()> {
        let (here, there) = named(def, target);
        let begun = self.clock.monotonic();
        let settled = settle_table(sides, pair, (here, there), self.depth()).await?;
        let cost = self.clock.monotonic().saturating_sub(begun);
        let Some(whole) = settled else {
            let now_ms = self.clock.now_ms();
            if let Some(table) = self.found.tables.get_mut(at) {
                let reason = "it has no key, and changed while it was compared as a whole";
                fold::skip(table, reason, now_ms);
            }
            return Ok(());
        };
        // Which of its rows differ cannot be told: at least as many as one side has more.
        let more = whole.source.rows.abs_diff(whole.target.rows).max(1);
        let found = ChunkFound {
            differing: if whole.look == Look::Differs { more } else { 0 },
            unsettled: 0,
            rows: Vec::new(),
            lower: String::new(),
            upper: String::new(),
            cost_ms: u64::try_from(cost.as_millis()).unwrap_or(u64::MAX),
            source: whole.source,
            target: whole.target,
        };
        fold::put(&mut self.found, at, None, Some(found), &*self.clock);
        Ok(())
    }

    async fn chunks(
        &mut self,
        at: usize,
        def: &TableDef,
        target: &TableName,
        sides: &Arc<Sides>,
        (planner, pairs): (&mut Pair, &mut Vec<Pair>),
    ) -> Result<()> {
        let (here, _) = named(def, target);
        let (mut number, mut lower) = self
            .found
            .tables
            .get(at)
            .map(|table| (table.next_chunk, table.next_bound.clone()))
            .unwrap_or_default();
        let mut running: JoinSet<Result<(u32, Pair, Ended)>> = JoinSet::new();
        let mut ended: BTreeMap<u32, Ended> = BTreeMap::new();
        let mut planned = false;
        loop {
            while !planned && !pairs.is_empty() && ended.len() < AHEAD {
                let mut chunk = Chunk {
                    table: def.schema.name.clone(),
                    number,
                    lower: lower.clone(),
                    upper: None,
                };
                chunk.upper = planner.source.bound_after(here, &chunk, CHUNK_ROWS).await?;
                lower.clone_from(&chunk.upper);
                planned = lower.is_none();
                if self.is_chosen(number) {
                    let piece = self.piece(def, target, chunk);
                    let (sides, pair) = (Arc::clone(sides), taken(pairs)?);
                    running.spawn(async move {
                        let (number, upper) = (piece.chunk.number, piece.chunk.upper.clone());
                        let (pair, found) = look(sides, pair, piece).await?;
                        Ok((number, pair, (upper, Some(found))))
                    });
                } else {
                    ended.insert(number, (chunk.upper, None));
                }
                number += 1;
                self.put_in_order(at, &mut ended);
            }
            let Some(joined) = running.join_next().await else {
                if planned {
                    return Ok(());
                }
                continue;
            };
            let joined = joined.map_err(|_| Error::bug("a task that compares chunks broke off"))?;
            let (done, pair, found) = joined?;
            pairs.push(pair);
            ended.insert(done, found);
            self.put_in_order(at, &mut ended);
            self.report(false);
        }
    }

    fn is_chosen(&self, number: u32) -> bool {
        use tidegate_model::compare::CompareMethod;
        self.spec.method != CompareMethod::Sample || fold::is_sampled(number, self.spec.sample_percent)
    }

    fn piece(&self, def: &TableDef, target: &TableName, chunk: Chunk) -> Piece {
        Piece {
            table: Arc::clone(&def.schema),
            target: target.clone(),
            chunk,
            depth: self.depth(),
        }
    }

    fn put_in_order(&mut self, at: usize, ended: &mut BTreeMap<u32, Ended>) {
        while let Some(table) = self.found.tables.get(at) {
            let Some((upper, found)) = ended.remove(&table.next_chunk) else {
                return;
            };
            fold::put(&mut self.found, at, upper, found, &*self.clock);
        }
    }

    /// Looks again at all rows that differ, as often and as late as was asked for.
    pub(super) async fn rechecks(
        &mut self,
        tables: &[TableDef],
        sides: &Arc<Sides>,
        pairs: &mut Vec<Pair>,
    ) -> Result<()> {
        let wait = u64::from(self.spec.recheck_minutes) * 60_000;
        while self.found.rechecks_done < self.spec.recheck_rounds && !self.found.rows.is_empty() {
            if self.found.recheck_since_ms == 0 {
                self.found.recheck_since_ms = self.clock.now_ms();
                self.report(true);
            }
            let due = self.found.recheck_since_ms + wait;
            tokio::time::sleep(Duration::from_millis(due.saturating_sub(self.clock.now_ms()))).await;
            let mut pair = taken(pairs)?;
            self.recheck(tables, sides, &mut pair).await?;
            pairs.push(pair);
            self.found.rechecks_done += 1;
            self.found.recheck_since_ms = 0;
            self.report(true);
        }
        Ok(())
    }

    async fn recheck(&mut self, tables: &[TableDef], sides: &Sides, pair: &mut Pair) -> Result<()> {
        let compared = self.found.tables.clone();
        for table in compared.iter().filter(|table| table.differing_rows > 0) {
            let Some(def) = find(tables, &table.source) else {
                continue;
            };
            let rows = self.found.rows.iter().filter(|row| row.table == table.source);
            let keys: Vec<String> = rows.map(|row| row.key.clone()).collect();
            let sides_named = named(def, &table.target);
            let verdicts = settle(sides, pair, sides_named, &keys, self.depth()).await?;
            let verdicts: BTreeMap<String, Verdict> = keys.into_iter().zip(verdicts).collect();
            for row in self.found.rows.iter_mut().filter(|row| row.table == table.source) {
                if let Some(Verdict::Differs { kind, columns, .. }) = verdicts.get(&row.key) {
                    row.kind = *kind;
                    row.columns = names(&def.schema, *kind, columns);
                }
            }
            let stays = |row: &DifferingRow| {
                row.table != table.source || verdicts.get(&row.key) != Some(&Verdict::Same)
            };
            fold::clear(&mut self.found, stays);
        }
        Ok(())
    }
}

/// A table that is missing may be one that the job has yet to make.
async fn is_there(sides: &Sides, pair: &mut Pair, target: &TableName) -> Result<bool> {
    if pair.target.exists(target).await? {
        return Ok(true);
    }
    let position = sides.source.position().await?;
    sides.follower.passes(&position, sides).await?;
    pair.target.exists(target).await
}

fn taken(pairs: &mut Vec<Pair>) -> Result<Pair> {
    pairs
        .pop()
        .ok_or_else(|| Error::bug("a check has no sessions left"))
}

fn named<'a>(def: &'a TableDef, target: &'a TableName) -> (Named<'a>, Named<'a>) {
    let table = &*def.schema;
    let here = Named {
        table,
        name: &table.name,
    };
    (here, Named { table, name: target })
}
