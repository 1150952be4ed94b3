//! The writer on the source: random transactions and schema changes.
//!
//! Rows move their unique values among each other, change their keys, come back after
//! they went; tables without a key hold rows that are alike.

use std::sync::Arc;

use tidegate_model::schema::TableName;

use super::{Changed, Inner, Logged, State, Statement, What, index};

/// Transactions that are large enough to be written in pieces, one in so many.
const LARGE: u64 = 12;

impl Inner {
    /// A few entries more in the log, while the writer has some left.
    pub(crate) fn write(&mut self, ms: u64) {
        for _ in 0..self.random.below(3) {
            if self.writes_left == 0 {
                return;
            }
            self.writes_left -= 1;
            self.write_one(ms);
        }
    }

    pub(crate) fn write_one(&mut self, ms: u64) {
        let mut state = self.now().clone();
        let what = match self.random.below(30) {
            0..3 => What::Elsewhere,
            3..5 => match self.schema_change(&mut state) {
                Some(what) => what,
                None => return,
            },
            _ => {
                let large = self.random.below(LARGE) == 0;
                let count = if large { 20 } else { 1 + self.random.below(4) };
                let mut changes = Vec::new();
                for _ in 0..count {
                    changes.extend(self.row_change(&mut state));
                }
                What::Transaction(changes)
            }
        };
        let at = self.end();
        let end = at + 10 + self.random.below(90);
        self.log.push(Logged { at, end, ms, what });
        self.states.push((end, state));
    }

    fn schema_change(&mut self, state: &mut State) -> Option<What> {
        let existing = self.any_table(state);
        self.names += 1;
        let created = TableName::new("shop", format!("t{}", self.names));
        let kind = if self.copying { 0 } else { self.random.below(6) };
        let (statement, name) = match kind {
            0 => (
                Statement::Create {
                    keyed: self.random.below(3) > 0,
                },
                created,
            ),
            1 if state.len() > 2 => (Statement::Drop, existing?),
            2 => (Statement::AddFirst(self.names), existing?),
            3 if self.impossible => (Statement::Impossible, existing?),
            3 | 4 => (Statement::AddLast(self.names), existing?),
            _ => (Statement::Truncate, existing?),
        };
        super::execute(state, statement, &name, &name)?;
        Some(What::Ddl(statement, name))
    }

    fn any_table(&mut self, state: &State) -> Option<TableName> {
        let place = self.random.below(state.len().max(1) as u64);
        state.keys().nth(usize::try_from(place).ok()?).cloned()
    }

    /// Changes one row, or a few rows when a unique value passes between them.
    fn row_change(&mut self, state: &mut State) -> Vec<Changed> {
        let Some(name) = self.any_table(state) else {
            return Vec::new();
        };
        let table = state.get_mut(&name).expect("picked from it");
        let schema = Arc::clone(&table.schema);
        let (id, code, value) = (
            index(&schema, "id"),
            index(&schema, "code"),
            index(&schema, "value"),
        );
        let keyed = schema.row_key.is_some();
        let range: u64 = if keyed { 40 } else { 4 };
        let changed = |old, new| Changed {
            schema: Arc::clone(&schema),
            old,
            new,
        };
        let number = |random: &mut super::Random, limit| i64::try_from(random.below(limit)).expect("small");
        let free = |table: &super::Table, row: &[i64]| {
            !keyed
                || table
                    .rows
                    .iter()
                    .all(|have| have[id] != row[id] && have[code] != row[code])
        };
        if table.rows.is_empty() || self.random.below(3) == 0 {
            let mut row = vec![3; schema.columns.len()];
            row[id] = number(&mut self.random, range);
            row[code] = number(&mut self.random, range);
            row[value] = number(&mut self.random, 3);
            if !free(table, &row) {
                return Vec::new();
            }
            table.rows.push(row.clone());
            return vec![changed(None, Some(row))];
        }
        let place = usize::try_from(self.random.below(table.rows.len() as u64)).expect("small");
        let old = table.rows.remove(place);
        if self.random.below(3) == 0 {
            return vec![changed(Some(old), None)];
        }
        let mut new = old.clone();
        new[value] += 1;
        match self.random.below(3) {
            0 => new[id] = number(&mut self.random, range),
            1 => new[code] = number(&mut self.random, range),
            _ => {}
        }
        if !free(table, &new) {
            // The clash is resolved as an application does it: the other row goes.
            let clash = |have: &Vec<i64>| have[id] == new[id] || have[code] == new[code];
            let (gone, kept): (Vec<_>, Vec<_>) = table.rows.drain(..).partition(clash);
            table.rows = kept;
            let mut changes: Vec<Changed> = gone.into_iter().map(|row| changed(Some(row), None)).collect();
            table.rows.push(new.clone());
            changes.push(changed(Some(old), Some(new)));
            return changes;
        }
        table.rows.push(new.clone());
        vec![changed(Some(old), Some(new))]
    }
}
