//! Groups of events as MySQL and MariaDB log them.

use tidegate_model::schema::{Column, ColumnType};
use tidegate_model::selection::DatabaseSelection;

use super::*;
use crate::gtid::{DomainPositions, GtidSet};

const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

struct Log {
    reader: LogReader,
    end: u32,
}

impl Log {
    fn new(executed: Executed) -> Log {
        let column = Column {
            name: "id".to_owned(),
            kind: ColumnType::Int {
                bits: 32,
                unsigned: false,
            },
            native: "int".to_owned(),
            nullable: false,
            generated: false,
            auto_increment: false,
        };
        let schema = TableSchema {
            name: TableName::new("shop", "t"),
            columns: vec![column],
            row_key: None,
            rows_estimate: 0,
            bytes_estimate: 0,
        };
        let selection = Selection {
            whole_instance: false,
            databases: vec![DatabaseSelection {
                name: "shop".to_owned(),
                ..DatabaseSelection::default()
            }],
            ..Selection::default()
        };
        let place = Place {
            file: "binlog.000001".to_owned(),
            offset: 100,
            executed,
        };
        Log {
            reader: LogReader::new(place, selection, &[Arc::new(schema)]),
            end: 100,
        }
    }

    fn event(&mut self, kind: u8, body: &[u8]) -> LogEvent {
        self.end += 50;
        LogEvent {
            kind,
            flags: 0,
            seconds: 1_700_000_000,
            server_id: 1,
            end: self.end,
            size: 50,
            body: Bytes::copy_from_slice(body),
            gtid: None,
            committed_at_ms: 0,
        }
    }

    fn take(&mut self, kind: u8, body: &[u8]) -> Result<()> {
        let event = self.event(kind, body);
        self.reader.take(event)
    }

    fn gtid(&mut self, number: u64) {
        let mut event = self.event(kind::GTID, &[]);
        event.gtid = Some(event::Gtid {
            uuid: UUID.to_owned(),
            tag: String::new(),
            number,
        });
        event.committed_at_ms = 1_700_000_000_123;
        self.reader.take(event).expect("takes");
    }

    fn query(&mut self, schema: &str, statement: &str) -> Result<()> {
        let mut body = vec![0; 8];
        body.extend([schema.len() as u8, 0, 0, 0, 0]);
        body.extend(schema.bytes().chain([0]).chain(statement.bytes()));
        self.take(kind::QUERY, &body)
    }

    fn map(&mut self, schema: &str) -> Result<()> {
        let mut body = vec![9, 0, 0, 0, 0, 0, 1, 0, schema.len() as u8];
        body.extend(schema.bytes());
        body.extend([0, 1, b't', 0, 1, 3, 0, 0]);
        self.take(kind::TABLE_MAP, &body)
    }

    fn insert(&mut self) -> Result<()> {
        self.take(
            kind::WRITE_ROWS,
            &[9, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 1, 0, 7, 0, 0, 0],
        )
    }

    fn ready(&mut self) -> Vec<String> {
        let show = |event: ChangeEvent| match event {
            ChangeEvent::Begin { number, at } => format!("begin {number} at {}", at.order.1),
            ChangeEvent::Rows(rows) => format!("{:?} {}", rows.op, rows.rows.len()),
            ChangeEvent::Commit { number, position, .. } => {
                format!(
                    "commit {number} {} {}",
                    position.order.1,
                    position.token.contains(":1-5:7")
                )
            }
            ChangeEvent::Ddl(ddl) => format!("{:?} {} {}", ddl.kind, ddl.position.order.1, ddl.statement),
            ChangeEvent::Heartbeat { position, .. } => format!("heartbeat {}", position.order.1),
        };
        std::iter::from_fn(|| self.reader.next_ready())
            .map(show)
            .collect()
    }
}

fn sets() -> Executed {
    Executed::Sets(GtidSet::parse(&format!("{UUID}:1-5")).expect("reads"))
}

#[test]
fn a_transaction_comes_whole_with_its_position() {
    let mut log = Log::new(sets());
    log.gtid(7);
    log.query("shop", "BEGIN").expect("takes");
    log.map("shop").expect("takes");
    log.insert().expect("takes");
    log.insert().expect("takes");
    assert!(
        log.reader.take_heartbeat(0).expect("no error").is_none(),
        "inside a transaction"
    );
    log.take(kind::XID, &[0; 8]).expect("takes");
    assert_eq!(
        log.ready(),
        ["begin 1 at 100", "Insert 1", "Insert 1", "commit 1 400 true"]
    );
}

#[test]
fn what_is_not_chosen_moves_the_position_and_is_counted() {
    let mut log = Log::new(sets());
    log.gtid(7);
    log.query("other", "BEGIN").expect("takes");
    log.map("other").expect("takes");
    log.insert().expect("takes");
    log.take(kind::XID, &[0; 8]).expect("takes");
    assert!(log.ready().is_empty());
    assert_eq!(log.reader.not_chosen(), 1);
    let heartbeat = log.reader.take_heartbeat(5).expect("no error").expect("moved");
    assert!(matches!(heartbeat, ChangeEvent::Heartbeat { position, .. } if position.order == (1, 350)));
    assert!(
        log.reader.take_heartbeat(5).expect("no error").is_none(),
        "told once"
    );
}

#[test]
fn domains_of_mariadb_begin_without_a_statement() {
    let mut log = Log::new(Executed::Domains(DomainPositions::parse("0-1-5").expect("reads")));
    let gtid = |sequence: u8, flags: u8| [sequence, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, flags];
    log.take(kind::MARIADB_GTID, &gtid(6, 0)).expect("takes");
    log.map("shop").expect("takes");
    log.insert().expect("takes");
    log.query("", "COMMIT").expect("takes");
    log.take(kind::MARIADB_GTID, &gtid(7, 1)).expect("takes");
    log.query("shop", "DROP TABLE `t`").expect("takes");
    assert_eq!(
        log.ready(),
        [
            "begin 1 at 100",
            "Insert 1",
            "commit 1 300 false",
            "DropTable 400 DROP TABLE `t`"
        ]
    );
    log.take(kind::MARIADB_GTID, &gtid(7, 0)).expect("takes");
    assert!(log.query("", "COMMIT").is_err(), "a sequence that does not grow");
}

#[test]
fn a_table_created_with_rows_is_made_before_them() {
    let mut log = Log::new(sets());
    log.gtid(7);
    log.query("shop", "CREATE TABLE `n` (`a` int) START TRANSACTION")
        .expect("takes");
    log.map("shop").expect("takes");
    log.insert().expect("takes");
    log.take(kind::XID, &[0; 8]).expect("takes");
    assert_eq!(
        log.ready(),
        [
            "CreateTable 100 CREATE TABLE IF NOT EXISTS `n` (`a` int)",
            "begin 2 at 100",
            "Insert 1",
            "commit 2 350 true"
        ]
    );
}

#[test]
fn what_is_not_known_stops_with_its_name_and_place() {
    let refused = |take: &dyn Fn(&mut Log) -> Result<()>| {
        let mut log = Log::new(Executed::None);
        take(&mut log).expect_err("refused").to_string()
    };
    assert!(refused(&|log| log.take(kind::INCIDENT, &[])).contains("an incident"));
    assert!(refused(&|log| log.take(kind::INCIDENT, &[])).contains("binlog.000001:150"));
    assert!(refused(&|log| log.take(199, &[])).contains("type 199"));
    assert!(refused(&|log| log.take(kind::MARIADB_QUERY_COMPRESSED, &[0; 14])).contains("compressed event"));
    assert!(refused(&|log| log.query("", "XA COMMIT X'78',X'',1")).contains("distributed"));
    assert!(refused(&|log| log.query("shop", "INSERT INTO t VALUES ('secret')")).contains("INSERT INTO t"));
    assert!(!refused(&|log| log.query("shop", "INSERT INTO t VALUES ('secret')")).contains("secret"));
    assert!(refused(&|log| log.insert()).contains("outside of a transaction"));
    assert!(refused(&|log| log.take(kind::XID, &[0; 8])).contains("without a transaction"));
    let unknown_table = |log: &mut Log| {
        log.reader.learn(&TableName::new("shop", "t"), None);
        log.query("shop", "BEGIN")?;
        log.map("shop")
    };
    assert!(refused(&unknown_table).contains("shop.t"));
}

#[test]
fn offsets_go_on_beyond_four_gigabytes() {
    let mut log = Log::new(Executed::None);
    log.reader.place.offset = 0xFFFF_FFF0;
    log.end = 0;
    log.query("shop", "BEGIN").expect("takes");
    assert_eq!(log.reader.place.offset, 0x1_0000_0032);
}

#[test]
fn rows_of_a_group_that_is_rolled_back_are_dropped() {
    let mut log = Log::new(sets());
    log.gtid(7);
    log.query("shop", "BEGIN").expect("takes");
    log.map("shop").expect("takes");
    log.insert().expect("takes");
    log.query("shop", "SAVEPOINT `a`").expect("takes");
    log.insert().expect("takes");
    log.query("shop", "SAVEPOINT `b`").expect("takes");
    log.insert().expect("takes");
    log.query("shop", "ROLLBACK TO `A`").expect("takes");
    log.insert().expect("takes");
    assert!(
        log.query("shop", "ROLLBACK TO `b`").is_err(),
        "b went with the rows after a"
    );
    log.take(kind::XID, &[0; 8]).expect("takes");
    assert_eq!(
        log.ready(),
        ["begin 1 at 100", "Insert 1", "Insert 1", "commit 1 700 true"]
    );
    log.gtid(8);
    log.query("shop", "BEGIN").expect("takes");
    log.map("shop").expect("takes");
    log.insert().expect("takes");
    log.query("shop", "ROLLBACK").expect("takes");
    assert!(log.ready().is_empty());
    assert!(log.reader.take_heartbeat(0).expect("no error").is_some());
}

#[test]
fn rows_that_have_gone_on_cannot_be_rolled_back() {
    let many = || {
        let mut log = Log::new(sets());
        log.gtid(7);
        log.query("shop", "BEGIN").expect("takes");
        log.map("shop").expect("takes");
        log.query("shop", "SAVEPOINT `a`").expect("takes");
        let mut body = vec![9, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 1];
        body.extend([0, 7, 0, 0, 0].repeat(100_000));
        log.take(kind::WRITE_ROWS, &body).expect("takes");
        assert_eq!(log.ready(), ["begin 1 at 100", "Insert 100000"]);
        log
    };
    let error = many().query("shop", "ROLLBACK").expect_err("refused");
    assert!(error.to_string().contains("undoes rows"));
    assert!(many().query("shop", "ROLLBACK TO `a`").is_err());
    many().take(kind::XID, &[0; 8]).expect("takes");
}

const PREPARE: [u8; 14] = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b'x'];

fn prepare(log: &mut Log, number: u64, one_phase: u8) -> Result<()> {
    log.gtid(number);
    log.query("shop", "XA START X'78',X'',1").expect("takes");
    log.map("shop").expect("takes");
    log.insert().expect("takes");
    log.query("shop", "XA END X'78',X'',1").expect("takes");
    let mut body = PREPARE;
    body[0] = one_phase;
    log.take(kind::XA_PREPARE, &body)
}

#[test]
fn prepared_rows_come_with_their_commit_and_no_position_passes_them() {
    let mut log = Log::new(sets());
    prepare(&mut log, 7, 0).expect("takes");
    assert!(log.ready().is_empty());
    let heartbeat = log.reader.take_heartbeat(0).expect("no error").expect("moved");
    let ChangeEvent::Heartbeat { position, .. } = heartbeat else {
        panic!("no heartbeat");
    };
    assert!(position.token.contains(":1-5\""), "{}", position.token);
    log.gtid(8);
    log.query("", "XA COMMIT X'78',X'',1").expect("takes");
    assert_eq!(log.ready(), ["begin 2 at 400", "Insert 1", "commit 2 500 true"]);

    prepare(&mut log, 9, 0).expect("takes");
    log.gtid(10);
    log.query("", "XA ROLLBACK X'78',X'',1").expect("takes");
    assert!(log.ready().is_empty());
    prepare(&mut log, 11, 1).expect("takes");
    assert_eq!(log.ready(), ["begin 5 at 900", "Insert 1", "commit 5 1200 true"]);
    assert!(
        log.reader
            .place
            .position()
            .expect("writes")
            .token
            .contains(":1-5:7-11\"")
    );
    log.gtid(12);
    let error = log.query("", "XA COMMIT X'79',X'',1").expect_err("not known");
    assert!(error.to_string().contains("before this job began"));
}

#[test]
fn prepared_transactions_need_sets() {
    for executed in [
        Executed::None,
        Executed::Domains(DomainPositions::parse("0-1-5").expect("reads")),
    ] {
        let mut log = Log::new(executed);
        let error = prepare(&mut log, 7, 0).expect_err("refused");
        assert!(error.to_string().contains("distributed"), "{error}");
    }
    let mut log = Log::new(Executed::None);
    prepare(&mut log, 7, 1).expect("one phase is a commit");
    assert_eq!(log.ready().len(), 3);
}
