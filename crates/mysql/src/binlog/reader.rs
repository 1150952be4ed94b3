//! Log events to changes: whole transactions of chosen tables, in commit order,
//! each with the position after it.
//!
//! Source: MySQL internals on the order of events in a group; MariaDB's GTID events.
//! Pure: the socket is `changes`. What is not known here is an error, never a skip;
//! what is not chosen is passed over and counted.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use tidegate_model::change::{ChangeEvent, Ddl, DdlKind, RowOp};
use tidegate_model::position::Position;
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Result};

use super::cursor::Cursor;
use super::event::{self, FLAG_ARTIFICIAL, FLAG_IGNORABLE, LogEvent, Query, kind};
use super::held::{Held, Open};
use super::place::{Executed, Place, file_number};
use super::rows::{RowPlan, RowsForm};
use super::table_map::TableMap;
use crate::ddl;
use crate::schema::is_system;

/// Maps of one transaction: more tables than a server lets one statement touch, but a bound.
const MAPS_MAX: usize = 65_536;

#[derive(Debug)]
enum Mapped {
    Chosen(RowPlan),
    NotChosen,
}

#[derive(Debug)]
enum State {
    Between,
    /// `told`: its begin has gone out, since something in it is chosen.
    Inside {
        told: bool,
    },
}

#[derive(Debug)]
pub struct LogReader {
    selection: Selection,
    schemas: HashMap<TableName, Arc<TableSchema>>,
    maps: HashMap<u64, Mapped>,
    place: Place,
    /// Where the transaction or statement under way starts.
    started: u64,
    state: State,
    number: u64,
    committed_at_ms: u64,
    /// Identifiers become part of the position only when their group ends.
    gtid: Option<event::Gtid>,
    domain_gtid: Option<(event::DomainGtid, u32)>,
    held: Held,
    /// The group under way is a distributed transaction, that is to be prepared.
    xa: bool,
    open: Open,
    /// Where we began: a restart reads from further back what was prepared before.
    floor: (u64, u64),
    ready: VecDeque<ChangeEvent>,
    moved: bool,
    not_chosen: u64,
}

impl LogReader {
    pub fn new(from: Place, selection: Selection, known: &[Arc<TableSchema>]) -> LogReader {
        let schemas = known
            .iter()
            .map(|schema| (schema.name.clone(), Arc::clone(schema)));
        LogReader {
            selection,
            schemas: schemas.collect(),
            maps: HashMap::new(),
            started: from.offset,
            held: Held::default(),
            xa: false,
            open: Open::default(),
            floor: (file_number(&from.file).unwrap_or(0), from.offset),
            place: from,
            state: State::Between,
            number: 0,
            committed_at_ms: 0,
            gtid: None,
            domain_gtid: None,
            ready: VecDeque::new(),
            moved: false,
            not_chosen: 0,
        }
    }

    pub fn next_ready(&mut self) -> Option<ChangeEvent> {
        self.ready.pop_front()
    }

    /// The position, when it has moved on since it was last told and nothing is open.
    pub fn take_heartbeat(&mut self, source_time_ms: u64) -> Result<Option<ChangeEvent>> {
        if !self.moved || !matches!(self.state, State::Between) {
            return Ok(None);
        }
        let position = self.place.position()?;
        if position.order < self.floor {
            return Ok(None);
        }
        self.moved = false;
        Ok(Some(ChangeEvent::Heartbeat {
            position,
            source_time_ms,
        }))
    }

    /// Row events and statements that touched nothing chosen.
    pub fn not_chosen(&self) -> u64 {
        self.not_chosen
    }

    pub fn learn(&mut self, table: &TableName, schema: Option<Arc<TableSchema>>) {
        self.maps.clear();
        match schema {
            Some(schema) => self.schemas.insert(table.clone(), schema),
            None => self.schemas.remove(table),
        };
    }

    /// Takes the next event. What it gives is in `next_ready`.
    pub fn take(&mut self, event: LogEvent) -> Result<()> {
        let start = self.advance(&event);
        if let Some((op, form)) = RowsForm::of(event.kind) {
            return self.rows(op, form, event.body);
        }
        match event.kind {
            kind::ROTATE => self.rotate(event),
            kind::FORMAT_DESCRIPTION | kind::HEARTBEAT_V2 => Ok(()),
            kind::IGNORABLE | kind::ROWS_QUERY | kind::MARIADB_ANNOTATE_ROWS => Ok(()),
            // They lie between transactions, and may be the last before the end of the log.
            kind::HEARTBEAT
            | kind::PREVIOUS_GTIDS
            | kind::STOP
            | kind::MARIADB_GTID_LIST
            | kind::MARIADB_CHECKPOINT => {
                self.moved |= matches!(self.state, State::Between);
                Ok(())
            }
            kind::GTID | kind::GTID_TAGGED | kind::ANONYMOUS_GTID => {
                self.group_begins(start, &event);
                self.gtid = event.gtid;
                Ok(())
            }
            kind::MARIADB_GTID => self.domain_group_begins(start, event),
            kind::QUERY | kind::MARIADB_QUERY_COMPRESSED => self.query(start, event),
            kind::TABLE_MAP => self.table_map(event.body),
            kind::XID => self.commit(),
            kind::XA_PREPARE => self.prepared(event.body),
            // The transaction's events come after it, one by one.
            kind::TRANSACTION_PAYLOAD => Ok(()),
            _ if event.flags & FLAG_IGNORABLE != 0 => Ok(()),
            other => Err(self.refused(other)),
        }
    }

    /// Moves the offset on; answers where the event starts.
    fn advance(&mut self, event: &LogEvent) -> u64 {
        let start = self.place.offset;
        if event.end == 0 || event.flags & FLAG_ARTIFICIAL != 0 || event.kind == kind::FORMAT_DESCRIPTION {
            return start;
        }
        // Offsets are logged in 32 bits; a file with a large transaction may be longer.
        let wraps = start >> 32;
        let end = wraps << 32 | u64::from(event.end);
        let end = if end + (1 << 31) < start {
            end + (1 << 32)
        } else {
            end
        };
        self.place.offset = end;
        if event.kind == kind::HEARTBEAT {
            end
        } else {
            end.saturating_sub(u64::from(event.size))
        }
    }

    fn rotate(&mut self, event: LogEvent) -> Result<()> {
        let (file, offset) = event::parse_rotate(event.body)?;
        if file != self.place.file {
            self.maps.clear();
            self.moved = true;
        }
        if file != self.place.file || event.flags & FLAG_ARTIFICIAL == 0 {
            self.place.offset = offset;
        }
        self.place.file = file;
        Ok(())
    }

    fn group_begins(&mut self, start: u64, event: &LogEvent) {
        self.started = start;
        self.committed_at_ms = match event.committed_at_ms {
            0 => u64::from(event.seconds) * 1000,
            at => at,
        };
    }

    fn domain_group_begins(&mut self, start: u64, event: LogEvent) -> Result<()> {
        self.group_begins(start, &event);
        let gtid = event::parse_domain_gtid(event.body)?;
        if gtid.xa {
            return Err(self.refused(kind::XA_PREPARE));
        }
        self.domain_gtid = Some((gtid, event.server_id));
        if !gtid.standalone {
            self.state = State::Inside { told: false };
        }
        Ok(())
    }

    fn query(&mut self, start: u64, event: LogEvent) -> Result<()> {
        if self.gtid.is_none() && self.domain_gtid.is_none() && matches!(self.state, State::Between) {
            self.group_begins(start, &event);
        }
        let query = Query::parse(event.body, event.kind == kind::MARIADB_QUERY_COMPRESSED)?;
        let word = |wanted: &str| query.statement.trim_end_matches(';').eq_ignore_ascii_case(wanted);
        let after = |wanted: &str| {
            let (start, rest) = query.statement.split_at_checked(wanted.len())?;
            start.eq_ignore_ascii_case(wanted).then(|| rest.trim())
        };
        if word("BEGIN") {
            self.state = State::Inside { told: false };
            return Ok(());
        }
        if word("COMMIT") {
            return self.commit();
        }
        if let Some(name) = after("SAVEPOINT ") {
            let all_held = matches!(self.state, State::Inside { told: false });
            self.held.savepoint(name, all_held);
            return Ok(());
        }
        if after("RELEASE SAVEPOINT ").is_some() {
            return Ok(());
        }
        if word("ROLLBACK") {
            return self.rolled_back();
        }
        if let Some(name) = after("ROLLBACK TO ") {
            if self.held.roll_back_to(name) {
                return Ok(());
            }
            return Err(self.undone());
        }
        if let Some(rest) = after("XA ") {
            return self.distributed(rest);
        }
        self.schema_change(query)
    }

    /// What the group did is undone. Only rows that are still held can be.
    fn rolled_back(&mut self) -> Result<()> {
        if !matches!(self.state, State::Inside { told: false }) {
            return Err(self.undone());
        }
        self.held = Held::default();
        self.commit()
    }

    /// XA statements. A transaction is its rows' alone once it is committed; till then its
    /// identifier is no part of the position. Positions without sets cannot leave one out.
    fn distributed(&mut self, statement: &str) -> Result<()> {
        let (verb, xid) = statement.split_once(' ').unwrap_or((statement, ""));
        let xid = xid.trim().to_ascii_lowercase();
        let sets = matches!(self.place.executed, Executed::Sets(_));
        match verb.to_ascii_uppercase().as_str() {
            "START" | "BEGIN" if matches!(self.state, State::Between) => {
                self.xa = true;
                self.state = State::Inside { told: false };
                Ok(())
            }
            "END" => Ok(()),
            "COMMIT" if sets => {
                let prepared = self.open.end(&xid).ok_or_else(|| {
                    Error::unknown(format!(
                        "the log at {}:{} commits a distributed transaction that was prepared before this job began",
                        self.place.file, self.place.offset
                    ))
                    .remedy("Its rows may be missing on the target. Start the job anew while XA RECOVER shows nothing")
                })?;
                self.end_of_prepared(&prepared.gtid);
                self.state = State::Inside { told: false };
                for changes in prepared.rows {
                    self.held.push(changes);
                }
                self.commit()
            }
            "ROLLBACK" if sets => {
                if let Some(prepared) = self.open.end(&xid) {
                    self.end_of_prepared(&prepared.gtid);
                }
                self.state = State::Inside { told: false };
                self.commit()
            }
            _ => Err(self.refused(kind::XA_PREPARE)),
        }
    }

    fn end_of_prepared(&mut self, gtid: &event::Gtid) {
        if let Executed::Sets(set) = &mut self.place.executed {
            set.add(&gtid.uuid, &gtid.tag, gtid.number);
        }
    }

    fn prepared(&mut self, body: Bytes) -> Result<()> {
        let (one_phase, xid) = event::parse_xa_prepare(body)?;
        let sets = matches!(self.place.executed, Executed::Sets(_));
        if !matches!(self.state, State::Inside { .. }) || !self.xa {
            return Err(self.refused(kind::XA_PREPARE));
        }
        if one_phase {
            return self.commit();
        }
        let gtid = self.gtid.take().filter(|_| sets);
        let gtid = gtid.ok_or_else(|| self.refused(kind::XA_PREPARE))?;
        self.open.prepare(&xid, std::mem::take(&mut self.held), gtid)?;
        self.state = State::Between;
        self.xa = false;
        self.maps.clear();
        self.number += 1;
        self.moved = true;
        Ok(())
    }

    fn undone(&self) -> Error {
        Error::unknown(format!(
            "the source's log undoes rows at {}:{} that have gone on already",
            self.place.file, self.place.offset
        ))
        .remedy(
            "Nothing of it is committed. Keep temporary tables out of large transactions that are rolled back, and \
             start the job anew",
        )
    }

    fn schema_change(&mut self, query: Query) -> Result<()> {
        let inside = matches!(self.state, State::Inside { .. });
        let mode = ddl::Mode {
            ansi_quotes: query.sql_mode & event::MODE_ANSI_QUOTES != 0,
            no_backslash_escapes: query.sql_mode & event::MODE_NO_BACKSLASH_ESCAPES != 0,
        };
        let (statement, with_rows) = ddl::created_with_rows(&query.statement, inside);
        let read = ddl::read(&statement, &query.default_schema, mode).map_err(|error| {
            error.context(format!(
                "reading the log at {}:{}",
                self.place.file, self.place.offset
            ))
        })?;
        let chosen = read.names.iter().any(|found| self.is_chosen(&found.name));
        let wanted = chosen && read.kind != DdlKind::NoEffect;
        if with_rows {
            // CREATE TABLE … SELECT: rows of the same group follow. The table is made before
            // them at the group's start, where a restart meets the statement once more.
            self.maps.clear();
            if wanted {
                self.number += 1;
                let at = self.at_start()?;
                self.push_ddl(query, statement, read, at);
            }
            self.state = State::Inside { told: false };
            return Ok(());
        }
        self.group_ends()?;
        self.number += 1;
        self.moved = true;
        if wanted {
            let at = self.place.position()?;
            self.moved = false;
            self.push_ddl(query, statement, read, at);
        } else {
            self.not_chosen += 1;
        }
        Ok(())
    }

    fn push_ddl(&mut self, query: Query, statement: String, read: ddl::Statement, position: Position) {
        let mut session = vec![("sql_mode".to_owned(), query.sql_mode.to_string())];
        if let Some([client, connection, server]) = query.charsets {
            session.push(("character_set_client".to_owned(), client.to_string()));
            session.push(("collation_connection".to_owned(), connection.to_string()));
            session.push(("collation_server".to_owned(), server.to_string()));
        }
        session.extend(query.time_zone.map(|zone| ("time_zone".to_owned(), zone)));
        self.ready.push_back(ChangeEvent::Ddl(Ddl {
            number: self.number,
            position,
            committed_at_ms: self.committed_at_ms,
            statement,
            default_schema: query.default_schema,
            kind: read.kind,
            objects: read.names.into_iter().map(|found| found.name).collect(),
            session,
        }));
    }

    fn is_chosen(&self, name: &TableName) -> bool {
        if is_system(&name.schema) {
            return false;
        }
        if name.table.is_empty() {
            return self.selection.target_schema(&name.schema).is_some();
        }
        self.selection.target_of(name).is_some()
    }

    fn table_map(&mut self, body: Bytes) -> Result<()> {
        let map = TableMap::parse(body)?;
        if self.maps.len() >= MAPS_MAX {
            self.maps.clear();
        }
        let mapped = if self.is_chosen(&map.name) {
            let schema = self.schemas.get(&map.name).ok_or_else(|| {
                Error::unknown(format!(
                    "the log holds rows of {}, which this job does not know",
                    map.name
                ))
                .remedy("It was made while the job did not follow schema changes. Start the job anew")
            })?;
            Mapped::Chosen(RowPlan::new(&map, schema)?)
        } else {
            Mapped::NotChosen
        };
        self.maps.insert(map.id, mapped);
        Ok(())
    }

    fn rows(&mut self, op: RowOp, form: RowsForm, body: Bytes) -> Result<()> {
        let mut cursor = Cursor::new(body);
        let id = cursor.little(6, "a row event")?;
        cursor.skip(2, "a row event")?;
        let State::Inside { told } = self.state else {
            return Err(Error::unknown(format!(
                "rows outside of a transaction at {}:{}",
                self.place.file, self.place.offset
            )));
        };
        let plan = match self.maps.get(&id) {
            Some(Mapped::Chosen(plan)) => plan,
            Some(Mapped::NotChosen) => {
                self.not_chosen += 1;
                return Ok(());
            }
            None => {
                return Err(Error::unknown(format!(
                    "rows of a table that was not announced, at {}:{}",
                    self.place.file, self.place.offset
                )));
            }
        };
        let changes = plan.read(op, form, cursor.into_rest())?;
        if told {
            self.ready.push_back(ChangeEvent::Rows(changes));
            return Ok(());
        }
        self.held.push(changes);
        if self.xa {
            return self.open.has_room_for(&self.held);
        }
        if self.held.is_full() {
            self.tell()?;
        }
        Ok(())
    }

    /// Sends on what is held of the group under way, its begin first.
    fn tell(&mut self) -> Result<()> {
        let begin = ChangeEvent::Begin {
            number: self.number + 1,
            at: self.at_start()?,
        };
        self.ready.push_back(begin);
        let rows = self.held.let_go();
        self.ready.extend(rows.into_iter().map(ChangeEvent::Rows));
        self.state = State::Inside { told: true };
        Ok(())
    }

    /// The position before the group under way.
    fn at_start(&self) -> Result<Position> {
        let mut position = self.place.position()?;
        position.order.1 = self.started;
        Ok(position)
    }

    fn commit(&mut self) -> Result<()> {
        let State::Inside { mut told } = self.state else {
            return Err(Error::unknown(format!(
                "a commit without a transaction at {}:{}",
                self.place.file, self.place.offset
            )));
        };
        if !told && !self.held.is_empty() {
            self.tell()?;
            told = true;
        }
        self.held = Held::default();
        self.xa = false;
        self.state = State::Between;
        self.maps.clear();
        self.group_ends()?;
        self.number += 1;
        if told {
            self.moved = false;
            self.ready.push_back(ChangeEvent::Commit {
                number: self.number,
                position: self.place.position()?,
                committed_at_ms: self.committed_at_ms,
            });
        } else {
            self.moved = true;
        }
        Ok(())
    }

    fn group_ends(&mut self) -> Result<()> {
        match &mut self.place.executed {
            Executed::None => {}
            Executed::Sets(set) => {
                if let Some(gtid) = self.gtid.take() {
                    set.add(&gtid.uuid, &gtid.tag, gtid.number);
                }
            }
            Executed::Domains(domains) => {
                if let Some((gtid, server_id)) = self.domain_gtid.take() {
                    domains.advance(gtid.domain, server_id, gtid.sequence)?;
                }
            }
        }
        self.gtid = None;
        self.domain_gtid = None;
        Ok(())
    }

    fn refused(&self, code: u8) -> Error {
        let (what, remedy) = match code {
            kind::INCIDENT => (
                "an incident: the source lost changes before they reached its log",
                "Copy anew: stop this job, empty the target, start a new one",
            ),
            kind::XA_PREPARE => (
                "a distributed transaction, which is followed in MySQL with GTIDs alone",
                "Keep XA transactions off the source while the job runs",
            ),
            kind::INTVAR | kind::RAND | kind::USER_VAR => (
                "a statement in place of its rows",
                "SET GLOBAL binlog_format = ROW on the source, reconnect its clients, and start the job anew",
            ),
            kind::MARIADB_START_ENCRYPTION => (
                "encrypted events",
                "Switch encrypt_binlog off on the source for the time of the job",
            ),
            _ => (
                "an event of a kind that is not known",
                "Report it with the source's version",
            ),
        };
        Error::unknown(format!(
            "the source's log holds {what} (type {code}) at {}:{}",
            self.place.file, self.place.offset
        ))
        .remedy(format!(
            "{remedy}. The position is kept, nothing of it was written"
        ))
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
