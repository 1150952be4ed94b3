//! The cases and the comparer themselves: every case's SQL runs, the
//! server's own replica is found equal, and planted differences are found.

use std::time::Duration;

use tidegate_testkit::{Case, Changes, DbServer, Flavor, Rename, compare_servers, wait_until};

const DEADLINE: Duration = Duration::from_secs(30);

/// A migration without us: the target is the source's own replica, from the first
/// statement on. (A dump would not do: it rounds floats.)
async fn by_replica(
    _: &Case,
    source: &DbServer,
    target: &DbServer,
    changes: Changes<'_>,
) -> anyhow::Result<()> {
    let mariadb = source.flavor().is_mariadb();
    let (host, port, user, password) = (source.host(), source.port(), source.user(), source.password());
    target.sql(&if mariadb {
        format!(
            "change master to master_host = '{host}', master_port = {port}, master_user = '{user}', \
             master_password = '{password}', master_use_gtid = slave_pos, \
             master_ssl_verify_server_cert = 0; start slave"
        )
    } else {
        format!(
            "change replication source to source_host = '{host}', source_port = {port}, source_user = \
             '{user}', source_password = '{password}', source_auto_position = 1, \
             get_source_public_key = 1; start replica"
        )
    })?;
    changes.apply().await?;
    let position = if mariadb {
        "@@gtid_binlog_pos"
    } else {
        "@@global.gtid_executed"
    };
    let done = source
        .sql(&format!("select replace({position}, '\\n', '')"))?
        .concat();
    let done = done.into_iter().flatten().collect::<String>();
    let (seen, status) = if mariadb {
        (format!("select '{done}' = @@gtid_slave_pos"), "show slave status")
    } else {
        (
            format!("select gtid_subset('{done}', @@global.gtid_executed)"),
            "show replica status",
        )
    };
    wait_until("the replica", DEADLINE, async || {
        // Last_Error is the twentieth column of both.
        let error = target
            .sql(status)?
            .concat()
            .get(19)
            .cloned()
            .flatten()
            .unwrap_or_default();
        anyhow::ensure!(
            error.is_empty(),
            "the replica says {error}; its log ends {}",
            target.log_tail()
        );
        Ok(target.sql(&seen)?.concat() == [Some("1".to_string())])
    })
    .await?;
    target
        .sql(if mariadb { "stop slave" } else { "stop replica" })
        .map(drop)
}

/// What a replica does otherwise: it switches events off, and asks for GTIDs.
const NOT_FOR_REPLICAS: [&str; 2] = ["stored-objects", "gtid-off"];

#[tokio::test]
async fn every_case_holds_for_a_replica() {
    let cases = Case::all().expect("the cases read");
    assert!(cases.len() >= 4);
    let fit = |case: &&Case| {
        case.source == case.target && !NOT_FOR_REPLICAS.iter().any(|name| case.name.ends_with(name))
    };
    let mut failed = Vec::new();
    for case in cases.iter().filter(fit) {
        // A replica renames nothing.
        let mut case = case.clone();
        case.spec.renames.clear();
        match case.run(by_replica).await {
            Ok(differences) if differences.is_empty() => {}
            Ok(differences) => failed.push(format!("{}: {differences:#?}", case.name)),
            Err(error) => failed.push(format!("{}: {error:#}", case.name)),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Between different servers a dump will do where it holds no floats.
async fn by_dump(_: &Case, source: &DbServer, target: &DbServer, changes: Changes<'_>) -> anyhow::Result<()> {
    changes.apply().await?;
    let mut dump = source.connected("mariadb-dump");
    dump.args(["--hex-blob", "--default-character-set=utf8mb4", "--databases"]);
    let dump = dump
        .args(tidegate_testkit::compare::user_databases(source)?)
        .output()?;
    anyhow::ensure!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    target
        .run_script_beside(&String::from_utf8_lossy(&dump.stdout))
        .await
}

#[tokio::test]
async fn every_case_between_different_servers_holds_for_a_dump() {
    let cases = Case::all().expect("the cases read");
    for case in cases.iter().filter(|case| case.source != case.target) {
        let differences = case
            .run(by_dump)
            .await
            .unwrap_or_else(|e| panic!("{}: {e:#}", case.name));
        assert_eq!(differences, Vec::<String>::new(), "{}", case.name);
    }
}

const PLAIN: &str = "create database d; use d;
    create table same (id int primary key, v varchar(10));
    insert into same values (1, 'a'), (2, null);
    create table rows_differ (id int primary key auto_increment, v varchar(10));
    insert into rows_differ (v) values ('a'), ('b');
    create table counts_differ (a int); insert into counts_differ values (1), (1);
    create table columns_differ (id int primary key, v int);
    create table index_differs (id int primary key, v int, key by_v (v));
    create table parent (id int primary key);
    create table key_differs (id int primary key, p int, constraint k foreign key (p) references parent (id));
    create table only_source (id int primary key);
    create view v as select id from same;
    create view only_source_view as select id from same;";

const PLANTED: &str = "use d;
    update rows_differ set v = 'B' where id = 2;
    insert into counts_differ values (1);
    alter table columns_differ modify v bigint;
    alter table index_differs drop index by_v;
    alter table key_differs drop foreign key k;
    drop table only_source;
    drop view only_source_view;
    create table only_target (id int primary key);";

async fn finds_what_was_planted(a: Flavor, b: Flavor) {
    let (source, target) = tokio::join!(DbServer::start(a), DbServer::start(b));
    let (source, target) = (source.expect("starts"), target.expect("starts"));
    for server in [&source, &target] {
        server.run_script(PLAIN).expect("runs");
    }
    let compare = || compare_servers(&source, &target, &["d"], &[]).expect("compares");
    assert_eq!(compare(), Vec::<String>::new(), "{} and {}", a.name(), b.name());
    target.run_script(PLANTED).expect("runs");
    let found = compare();
    let expected = [
        "table d.columns_differ:",
        "table d.index_differs:",
        "table d.key_differs:",
        "table d.only_source: missing",
        "rows of d.counts_differ:",
        "rows of d.only_source: missing",
        "rows of d.rows_differ:",
        "view d.only_source_view: missing",
        "table d.only_target: only",
        "rows of d.only_target: only",
    ];
    for (begin, difference) in expected.iter().zip(&found) {
        assert!(difference.starts_with(begin), "{begin} in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[tokio::test]
async fn planted_differences_are_found() {
    finds_what_was_planted(Flavor::Mysql97, Flavor::Mysql97).await;
}

#[tokio::test]
async fn planted_differences_are_found_across_flavors() {
    finds_what_was_planted(Flavor::Mariadb118, Flavor::Mysql97).await;
}

#[tokio::test]
async fn renamed_databases_and_tables_are_found_equal() {
    let (source, target) = tokio::join!(
        DbServer::start(Flavor::Mariadb118),
        DbServer::start(Flavor::Mariadb118)
    );
    let (source, target) = (source.expect("starts"), target.expect("starts"));
    source
        .run_script(
            "create database a; use a; create table p (id int primary key);
             create table c (id int primary key, p int, constraint k foreign key (p) references p (id));
             create sql security invoker view v as select id from p",
        )
        .expect("runs");
    target
        .run_script(
            "create database b; use b; create table q (id int primary key);
             create table c (id int primary key, p int, constraint k foreign key (p) references q (id));
             create sql security invoker view v as select id from q",
        )
        .expect("runs");
    let renames = [
        Rename {
            database: "a".into(),
            table: None,
            to: "b".into(),
        },
        Rename {
            database: "a".into(),
            table: Some("p".into()),
            to: "q".into(),
        },
    ];
    let found = compare_servers(&source, &target, &["a"], &renames).expect("compares");
    assert_eq!(found, Vec::<String>::new());
    let without = compare_servers(&source, &target, &["a"], &renames[..1]).expect("compares");
    assert!(
        without
            .iter()
            .any(|difference| difference == "table a.q: only on the target"),
        "{without:#?}"
    );
}
