//! The change stream of real servers: what a restart must not lose, and what is refused by
//! its name.

use std::sync::Arc;
use std::time::Duration;

use tidegate_link::ChangeStream;
use tidegate_model::Result;
use tidegate_model::change::ChangeEvent;
use tidegate_model::position::Position;
use tidegate_testkit::{DbServer, Flavor};

use super::ends::{chosen, source, start};

const TABLE: &str = "CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, v varchar(50), b blob)";
const DEADLINE: Duration = Duration::from_secs(30);

async fn position(server: &DbServer) -> Position {
    source(server).await.position().await.expect("the log has an end")
}

async fn open(server: &DbServer, from: &Position) -> Box<dyn ChangeStream> {
    let source = source(server).await;
    let structure = source.read_structure(&chosen("shop")).await.expect("reads");
    let known: Vec<_> = structure
        .tables
        .iter()
        .map(|table| Arc::clone(&table.schema))
        .collect();
    source
        .open_changes(from, &chosen("shop"), &known)
        .await
        .expect("the stream opens")
}

/// Up to the first event for which it holds; rows as they are counted.
async fn read_until(
    stream: &mut dyn ChangeStream,
    last: impl Fn(&ChangeEvent) -> bool,
) -> (Vec<usize>, ChangeEvent) {
    let mut rows = Vec::new();
    loop {
        let event = tokio::time::timeout(DEADLINE, stream.next())
            .await
            .expect("something comes")
            .expect("no error");
        if let ChangeEvent::Rows(changes) = &event {
            rows.push(changes.rows.len());
        }
        if last(&event) {
            return (rows, event);
        }
    }
}

async fn first_error(stream: &mut dyn ChangeStream) -> String {
    let reading = async {
        loop {
            let next: Result<ChangeEvent> = stream.next().await;
            if let Err(error) = next {
                return error.to_string();
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading)
        .await
        .expect("an error comes")
}

fn is_commit(event: &ChangeEvent) -> bool {
    matches!(event, ChangeEvent::Commit { .. })
}

#[tokio::test]
async fn a_prepared_transaction_survives_a_restart_and_a_new_file() {
    let server = start(Flavor::Mysql97).await;
    server.run_script(TABLE).unwrap();
    let begin = position(&server).await;
    server
        .run_script(
            "XA START 'x'; INSERT INTO shop.t (id) VALUES (1), (2), (3); XA END 'x'; XA PREPARE 'x'; \
             FLUSH BINARY LOGS; INSERT INTO shop.t (id) VALUES (10)",
        )
        .unwrap();
    let (rows, event) = read_until(&mut *open(&server, &begin).await, is_commit).await;
    assert_eq!(rows, [1], "the prepared rows are held");
    let ChangeEvent::Commit { position: at, .. } = event else {
        unreachable!("a commit was waited for");
    };
    let mut again = open(&server, &at).await;
    server
        .run_script("INSERT INTO shop.t (id) VALUES (11); XA COMMIT 'x'")
        .unwrap();
    let (rows, event) = read_until(&mut *again, is_commit).await;
    assert_eq!(rows, [1], "what was applied does not come again");
    let ChangeEvent::Commit { position: first, .. } = event else {
        unreachable!("a commit was waited for");
    };
    assert!(first.order > at.order);
    let (rows, event) = read_until(&mut *again, is_commit).await;
    assert_eq!(rows, [3]);
    let ChangeEvent::Commit { position: last, .. } = event else {
        unreachable!("a commit was waited for");
    };
    assert_eq!(last.order, position(&server).await.order);
    assert_eq!(last.token, position(&server).await.token);
}

#[tokio::test]
async fn what_was_prepared_before_is_refused_by_its_name() {
    let server = start(Flavor::Mysql97).await;
    server.run_script(TABLE).unwrap();
    server
        .run_script("XA START 'x'; INSERT INTO shop.t (id) VALUES (1); XA END 'x'; XA PREPARE 'x'")
        .unwrap();
    let mut stream = open(&server, &position(&server).await).await;
    server.run_script("XA COMMIT 'x'").unwrap();
    let error = first_error(&mut *stream).await;
    assert!(error.contains("prepared before this job began"), "{error}");
}

#[tokio::test]
async fn settings_of_a_session_are_refused_by_their_names() {
    for (flavor, statements, expected) in [
        (
            Flavor::Mysql97,
            "SET SESSION binlog_row_image = MINIMAL; UPDATE shop.t SET v = 'x' WHERE id = 1",
            "binlog_row_image",
        ),
        (
            Flavor::Mysql97,
            "SET SESSION binlog_row_image = NOBLOB; UPDATE shop.t SET v = 'x' WHERE id = 1",
            "binlog_row_image",
        ),
        (
            Flavor::Mysql97,
            "SET SESSION binlog_format = STATEMENT; UPDATE shop.t SET v = 'x' WHERE id = 1",
            "UPDATE",
        ),
        (
            Flavor::Mariadb118,
            "SET SESSION binlog_row_image = MINIMAL; UPDATE shop.t SET v = 'x' WHERE id = 1",
            "binlog_row_image",
        ),
        (
            Flavor::Mariadb118,
            "SET SESSION binlog_format = STATEMENT; INSERT INTO shop.t (id, v) VALUES (2, RAND())",
            "a statement in place of its rows",
        ),
        (
            Flavor::Mariadb118,
            "XA START 'x'; INSERT INTO shop.t (id) VALUES (2); XA END 'x'; XA PREPARE 'x'",
            "a distributed transaction",
        ),
    ] {
        let server = start(flavor).await;
        server.run_script(TABLE).unwrap();
        server
            .run_script("INSERT INTO shop.t VALUES (1, 'a', 'b')")
            .unwrap();
        let mut stream = open(&server, &position(&server).await).await;
        server.run_script(statements).unwrap();
        let error = first_error(&mut *stream).await;
        assert!(error.contains(expected), "{statements}: {error}");
    }
}
