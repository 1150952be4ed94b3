//! Changes onto a target: merged rows in few large statements, rows without a key one by
//! one, each commit with its checkpoint.
//!
//! Affected rows are an assertion (`ApplyMode::Strict`): the session counts rows that
//! were changed, so a delete that meets no row, or an insert that meets one, shows.
//! Schema changes are in `apply/schema_change.rs`.

mod schema_change;

use async_trait::async_trait;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{Applier, ApplyMode, Checkpoint, DdlOutcome, TableWork};
use tidegate_model::change::{Ddl, OldRow, RowChange, RowOp};
use tidegate_model::row::Row;
use tidegate_model::schema::{Column, Key, TableName, TableSchema};
use tidegate_model::selection::Selection;
use tidegate_model::value::Value;
use tidegate_model::{Error, Kind, Result};

use crate::connect::{Server, close};
use crate::ddl::quoted;
use crate::failure::failed;
use crate::ledger;
use crate::load::{ManyRows, execute, insert_into, push_tuple, store};
use crate::schema::read_tables;
use crate::snapshot::full_name;
use crate::types::{push_key_literal, push_literal, push_same};

pub(crate) struct MysqlApplier {
    server: Server,
    job_id: String,
    statement_bytes: usize,
    session: Session,
}

enum Session {
    None,
    Idle(Conn),
    /// A transaction is open on it.
    Open(Conn),
    /// A call failed or was dropped half way: what it wrote is gone.
    Lost,
}

impl MysqlApplier {
    pub(crate) fn new(server: Server, job_id: &str, statement_bytes: usize) -> MysqlApplier {
        MysqlApplier {
            server,
            job_id: job_id.to_owned(),
            statement_bytes,
            session: Session::None,
        }
    }

    /// The session with a transaction open. It is taken out: whoever does not put it
    /// back has lost it.
    async fn opened(&mut self) -> Result<Conn> {
        let mut conn = match std::mem::replace(&mut self.session, Session::Lost) {
            Session::Open(conn) => return Ok(conn),
            Session::Idle(conn) => conn,
            Session::None => self.server.row_session().await?,
            Session::Lost => {
                return Err(Error::retry(
                    "the target's session was lost in the middle of a transaction",
                ));
            }
        };
        conn.query_drop("BEGIN")
            .await
            .map_err(failed("beginning a transaction on the target"))?;
        Ok(conn)
    }
}

#[async_trait]
impl Applier for MysqlApplier {
    async fn write(&mut self, work: TableWork, mode: ApplyMode) -> Result<()> {
        let mut conn = self.opened().await?;
        match &work {
            TableWork::Merged {
                schema,
                target,
                deletes,
                inserts,
            } => {
                let table = Table::new(schema, target, self.statement_bytes);
                table.delete(&mut conn, deletes, mode).await?;
                table.insert(&mut conn, inserts, mode).await?;
            }
            TableWork::Ordered {
                schema,
                target,
                op,
                changes,
            } => {
                let table = Table::new(schema, target, self.statement_bytes);
                table.one_by_one(&mut conn, *op, changes).await?;
            }
        }
        self.session = Session::Open(conn);
        Ok(())
    }

    async fn commit(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let mut conn = self.opened().await?;
        let sql = ledger::checkpoint_sql(&self.job_id, checkpoint)?;
        execute(&mut conn, sql, "writing the checkpoint").await?;
        execute(&mut conn, b"COMMIT".to_vec(), "committing on the target").await?;
        self.session = Session::Idle(conn);
        Ok(())
    }

    async fn execute_ddl(&mut self, ddl: &Ddl, names: &Selection, replayed: bool) -> Result<DdlOutcome> {
        schema_change::execute(&self.server, ddl, names, replayed).await
    }

    async fn read_schema(&mut self, source: &TableName, target: &TableName) -> Result<Option<TableSchema>> {
        let mut conn = self.server.catalog_session().await?;
        let mut found = read_tables(&mut conn, self.server.version(), std::slice::from_ref(target)).await?;
        close(conn).await;
        Ok(found.pop().map(|schema| TableSchema {
            name: source.clone(),
            ..schema
        }))
    }
}

/// One table under its target's name, and how much one statement may hold.
struct Table<'a> {
    schema: &'a TableSchema,
    target: &'a TableName,
    statement_bytes: usize,
}

impl<'a> Table<'a> {
    fn new(schema: &'a TableSchema, target: &'a TableName, statement_bytes: usize) -> Table<'a> {
        Table {
            schema,
            target,
            statement_bytes,
        }
    }

    fn key(&self) -> Result<(&Key, Vec<&Column>)> {
        let key = self
            .schema
            .row_key
            .as_ref()
            .ok_or_else(|| Error::bug(format!("{} has no row key to merge by", self.schema.name)))?;
        let columns: Option<Vec<&Column>> = key
            .columns
            .iter()
            .map(|at| self.schema.columns.get(*at))
            .collect();
        let columns = columns
            .ok_or_else(|| Error::bug(format!("{} has a key beyond its columns", self.schema.name)))?;
        Ok((key, columns))
    }

    async fn delete(&self, conn: &mut Conn, rows: &[Row], mode: ApplyMode) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let (key, columns) = self.key()?;
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        let head = match names.as_slice() {
            [one] => format!("DELETE FROM {} WHERE {one} IN (", full_name(self.target)),
            all => format!(
                "DELETE FROM {} WHERE ({}) IN (",
                full_name(self.target),
                all.join(",")
            ),
        };
        let single = columns.len() == 1;
        let mut many = ManyRows::new(head.into_bytes(), self.statement_bytes);
        for row in rows {
            let full = many.add_tuple(|sql| {
                let values = key
                    .columns
                    .iter()
                    .map(|at| row.values.get(*at).unwrap_or(&Value::Unchanged));
                let mut pairs = columns.iter().copied().zip(values);
                match pairs.next() {
                    Some((column, value)) if single => push_key_literal(sql, column, value),
                    Some(first) => push_tuple(sql, std::iter::once(first).chain(pairs), push_key_literal),
                    None => Err(Error::bug("a key without columns")),
                }
            })?;
            if let Some((sql, count)) = full {
                self.delete_exactly(conn, sql, count, mode).await?;
            }
        }
        match many.rest() {
            Some((sql, count)) => self.delete_exactly(conn, sql, count, mode).await,
            None => Ok(()),
        }
    }

    async fn delete_exactly(
        &self,
        conn: &mut Conn,
        mut sql: Vec<u8>,
        count: u64,
        mode: ApplyMode,
    ) -> Result<()> {
        sql.push(b')');
        let affected = execute(conn, sql, &format!("deleting from {}", self.target)).await?;
        if mode == ApplyMode::Strict && affected != count {
            return Err(self.conflict(&format!(
                "{count} rows were to be taken away or changed by their key, {affected} are there"
            )));
        }
        Ok(())
    }

    async fn insert(&self, conn: &mut Conn, rows: &[Row], mode: ApplyMode) -> Result<()> {
        let verb = match mode {
            ApplyMode::Strict => "INSERT",
            // Rows that clash on any unique key give way.
            ApplyMode::Idempotent => "REPLACE",
        };
        let head = insert_into(self.schema, &full_name(self.target), verb);
        let mut many = ManyRows::new(head, self.statement_bytes);
        for row in rows {
            if let Some((sql, count)) = many.add(self.schema, row)? {
                self.insert_exactly(conn, sql, count, mode).await?;
            }
        }
        match many.rest() {
            Some((sql, count)) => self.insert_exactly(conn, sql, count, mode).await,
            None => Ok(()),
        }
    }

    async fn insert_exactly(&self, conn: &mut Conn, sql: Vec<u8>, count: u64, mode: ApplyMode) -> Result<()> {
        let inserted = store(conn, sql, self.schema, &format!("inserting into {}", self.target)).await;
        let affected = inserted.map_err(|error| {
            if error.kind() == Kind::Conflict {
                error.remedy(CONFLICT_REMEDY)
            } else {
                error
            }
        })?;
        // REPLACE counts each row that gave way as well.
        let exact = match mode {
            ApplyMode::Strict => affected == count,
            ApplyMode::Idempotent => affected >= count,
        };
        if exact {
            return Ok(());
        }
        Err(self.conflict(&format!("{affected} of {count} rows were taken")))
    }

    async fn one_by_one(&self, conn: &mut Conn, op: RowOp, changes: &[RowChange]) -> Result<()> {
        if op == RowOp::Insert {
            let rows: Option<Vec<Row>> = changes.iter().map(|change| change.new.clone()).collect();
            let rows = rows.ok_or_else(|| Error::bug("an insert without a row"))?;
            return self.insert(conn, &rows, ApplyMode::Strict).await;
        }
        for change in changes {
            let OldRow::Full(old) = &change.old else {
                return Err(Error::bug("a change of a table without a key lacks its old row"));
            };
            let sql = match (&change.new, op) {
                (Some(new), RowOp::Update) => self.update_sql(old, new)?,
                _ => self.delete_sql(old)?,
            };
            let affected = store(conn, sql, self.schema, &format!("changing {}", self.target)).await?;
            if affected != 1 {
                return Err(
                    self.conflict("a row that was to be changed, in a table without a key, is not there")
                );
            }
        }
        Ok(())
    }

    fn update_sql(&self, old: &Row, new: &Row) -> Result<Vec<u8>> {
        let mut sql = format!("UPDATE {} SET ", full_name(self.target)).into_bytes();
        for (at, (column, value)) in self.written(new).enumerate() {
            if at > 0 {
                sql.push(b',');
            }
            sql.extend_from_slice(format!("{}=", quoted(&column.name)).as_bytes());
            push_literal(&mut sql, column, value)?;
        }
        self.push_where(&mut sql, old)?;
        Ok(sql)
    }

    fn delete_sql(&self, old: &Row) -> Result<Vec<u8>> {
        let mut sql = format!("DELETE FROM {}", full_name(self.target)).into_bytes();
        self.push_where(&mut sql, old)?;
        Ok(sql)
    }

    /// Of rows that are equal in all columns any one will do.
    fn push_where(&self, sql: &mut Vec<u8>, old: &Row) -> Result<()> {
        sql.extend_from_slice(b" WHERE ");
        for (at, (column, value)) in self.written(old).enumerate() {
            if at > 0 {
                sql.extend_from_slice(b" AND ");
            }
            push_same(sql, column, value)?;
        }
        sql.extend_from_slice(b" LIMIT 1");
        Ok(())
    }

    fn written<'r>(&self, row: &'r Row) -> impl Iterator<Item = (&'r Column, &'r Value)> + use<'r, 'a>
    where
        'a: 'r,
    {
        let schema: &'a TableSchema = self.schema;
        let each = schema.columns.iter().zip(&row.values);
        each.filter(|(column, _)| !column.generated)
    }

    fn conflict(&self, what: &str) -> Error {
        Error::new(
            Kind::Conflict,
            format!(
                "the target's {} is not what the source's log expects: {what}",
                self.target
            ),
        )
        .remedy(CONFLICT_REMEDY)
    }
}

const CONFLICT_REMEDY: &str = "Something else writes to the target. Stop it; then start this job anew, since rows may \
                               differ that it does not know of";
