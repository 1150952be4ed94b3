//! The testkit's servers: started side by side, killed, restarted, paused, asked.

use std::time::Duration;

use tidegate_testkit::{DbServer, Flavor, wait_until};

const DEADLINE: Duration = Duration::from_secs(20);

fn one(server: &DbServer, sql: &str) -> String {
    let rows = server.sql(sql).expect("the statement runs");
    rows[0][0].clone().expect("a value")
}

#[tokio::test]
async fn two_kinds_run_side_by_side() {
    let (mysql, mariadb) = tokio::join!(
        DbServer::start(Flavor::Mysql97),
        DbServer::start(Flavor::Mariadb118)
    );
    let (mysql, mariadb) = (mysql.expect("MySQL starts"), mariadb.expect("MariaDB starts"));
    assert!(one(&mysql, "select version()").starts_with("9.7."));
    assert!(one(&mariadb, "select version()").starts_with("11.8."));
    assert_ne!(mysql.port(), mariadb.port());
    for server in [&mysql, &mariadb] {
        assert_eq!(
            one(
                server,
                "select concat_ws(',', @@binlog_format, @@binlog_row_image)"
            ),
            "ROW,FULL"
        );
        let on = one(server, "select concat_ws(',', @@log_bin, @@local_infile)");
        assert!(["1,1", "ON,ON"].contains(&on.as_str()), "{on}");
        assert_eq!(one(server, "select current_user()"), "root@127.0.0.1");
    }
    assert_eq!(one(&mysql, "select @@gtid_mode"), "ON");
    assert_eq!(
        one(&mysql, "select @@global.gtid_executed"),
        "",
        "nothing is logged by the start"
    );
    assert_eq!(one(&mariadb, "select @@gtid_binlog_pos"), "");
}

#[tokio::test]
async fn every_other_version_starts() {
    for (flavor, version) in [(Flavor::Mariadb105, "10.5."), (Flavor::Mariadb1011, "10.11.")] {
        let server = DbServer::start(flavor).await.expect("it starts");
        assert!(one(&server, "select version()").starts_with(version));
        assert_eq!(one(&server, "select @@binlog_row_metadata"), "FULL");
    }
}

#[tokio::test]
async fn two_of_one_kind_are_strangers() {
    let (a, b) = tokio::join!(DbServer::start(Flavor::Mysql97), DbServer::start(Flavor::Mysql97));
    let (a, b) = (a.expect("starts"), b.expect("starts"));
    for identity in ["select @@server_uuid", "select @@server_id"] {
        assert_ne!(one(&a, identity), one(&b, identity));
    }
}

async fn survives(flavor: Flavor) {
    let mut server = DbServer::start_with(flavor, &["--max-connections=17"])
        .await
        .expect("starts");
    server
        .sql("create database d; create table d.t (a int primary key); insert into d.t values (1)")
        .expect("runs");
    let (port, pid) = (server.port(), server.pid());
    server.kill9().expect("is killed");
    assert!(server.sql("select 1").is_err(), "nobody answers");
    server.restart().await.expect("starts again");
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), pid);
    assert_eq!(one(&server, "select a from d.t"), "1");
    assert_eq!(one(&server, "select @@max_connections"), "17", "settings stay");

    server.restart().await.expect("shuts down and starts again");
    assert_eq!(one(&server, "select a from d.t"), "1");

    server.reset().await.expect("starts with new data");
    assert_eq!(server.port(), port);
    assert_eq!(
        one(
            &server,
            "select count(*) from information_schema.schemata where schema_name = 'd'"
        ),
        "0"
    );

    let (folder, pid) = (server.data_dir().to_path_buf(), server.pid());
    drop(server);
    assert!(!folder.exists(), "the data are gone");
    assert!(
        !std::path::Path::new(&format!("/proc/{pid}")).exists(),
        "the process is gone"
    );
}

#[tokio::test]
async fn mysql_survives_kill_and_restart() {
    survives(Flavor::Mysql97).await;
}

#[tokio::test]
async fn mariadb_survives_kill_and_restart() {
    survives(Flavor::Mariadb118).await;
}

#[tokio::test]
async fn a_paused_server_stays_silent_until_it_is_resumed() {
    let server = DbServer::start(Flavor::Mariadb118).await.expect("starts");
    server.pause().expect("pauses");
    let address = (server.host(), server.port());
    let stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("the kernel takes the connection");
    let mut greeting = [0; 5];
    let silent = tokio::time::timeout(Duration::from_millis(300), stream.readable()).await;
    assert!(silent.is_err(), "a paused server says nothing");
    server.resume().expect("goes on");
    wait_until("the greeting", DEADLINE, async || {
        stream.readable().await?;
        Ok(stream.peek(&mut greeting).await? == 5)
    })
    .await
    .expect("the server goes on");
    assert_eq!(greeting[4], 10, "the protocol's version");
}

#[tokio::test]
async fn values_come_back_as_they_are() {
    let server = DbServer::start(Flavor::Mariadb118).await.expect("starts");
    let rows = server
        .sql("select null, 'NULL', '', '<a b=\"c\">&amp;', 'tab\\t nl\\n', 'caf\u{e9} \u{1f600}' union all select 1,2,3,4,5,6")
        .expect("runs");
    let text = |text: &str| Some(text.to_string());
    let first = vec![
        None,
        text("NULL"),
        text(""),
        text("<a b=\"c\">&amp;"),
        text("tab\t nl\n"),
        text("caf\u{e9} \u{1f600}"),
    ];
    assert_eq!(rows[0], first);
    assert_eq!(rows.len(), 2);
    let error = server
        .sql("select 1; select * from nowhere.t")
        .expect_err("no such table");
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(
        server
            .sql("select 1 from dual where false")
            .expect("runs")
            .is_empty()
    );
}

#[tokio::test]
async fn a_script_may_be_text_or_a_file() {
    let server = DbServer::start(Flavor::Mysql97).await.expect("starts");
    let rows: String = (0..20_000)
        .map(|n| format!("insert into d.t values ({n});\n"))
        .collect();
    let text = format!("create database d; create table d.t (a int primary key);\nbegin;\n{rows}commit;\n");
    server.run_script(&text).expect("a megabyte of text runs");
    let path = server.data_dir().parent().expect("a folder").join("more.sql");
    std::fs::write(&path, "insert into d.t values (-1);").expect("writes");
    server
        .run_script(path.to_str().expect("UTF-8"))
        .expect("the file runs");
    assert_eq!(one(&server, "select count(*) from d.t"), "20001");
    let sum = server.checksum("d", "t").expect("a checksum");
    server.sql("update d.t set a = -2 where a = -1").expect("runs");
    assert_ne!(server.checksum("d", "t").expect("a checksum"), sum);
    assert!(server.checksum("d", "nothing").is_err());
}

#[tokio::test]
async fn settings_that_decide_where_it_listens_are_refused() {
    let error = DbServer::start_with(Flavor::Mysql97, &["--bind_address=0.0.0.0"])
        .await
        .expect_err("refused");
    assert!(error.to_string().contains("bind_address"), "{error}");
    let error = DbServer::start_with(Flavor::Mysql97, &["--no-such-setting=1"])
        .await
        .expect_err("does not start");
    assert!(
        format!("{error:#}").contains("no-such-setting"),
        "the log is in the error: {error:#}"
    );
}

#[tokio::test]
async fn a_server_that_someone_runs_is_used_and_left_alone() {
    let theirs = DbServer::start(Flavor::Mariadb118).await.expect("starts");
    let mut named = DbServer::named(Flavor::Mariadb118, &theirs.url()).expect("is used");
    assert_eq!(named.port(), theirs.port());
    assert_eq!(
        one(&named, "select @@server_id"),
        one(&theirs, "select @@server_id")
    );
    let errors = [
        named.kill9().expect_err("refused"),
        named.pause().expect_err("refused"),
        named.restart().await.expect_err("refused"),
        named.reset().await.expect_err("refused"),
    ];
    for error in errors {
        assert!(error.to_string().contains("TIDEGATE_TEST_MARIADB_118"), "{error}");
    }
    drop(named);
    assert_eq!(one(&theirs, "select 1"), "1", "it still runs");

    let urls = format!("{} mysql://x@127.0.0.1:1", theirs.url());
    let started = std::process::Command::new(env!("CARGO_BIN_EXE_testkit"))
        .args(["start", "mariadb-11.8", "--keep"])
        .env("TIDEGATE_TEST_MARIADB_118", urls)
        .output()
        .expect("the command runs");
    let answer: serde_json::Value = serde_json::from_slice(&started.stdout).expect("JSON");
    assert_eq!(answer["url"], theirs.url());
}

/// The guard: a server must not outlive the process that started it, however that ends.
#[tokio::test]
async fn a_server_ends_with_the_process_that_started_it() {
    use std::io::{BufRead, BufReader};
    let mut starter = std::process::Command::new(env!("CARGO_BIN_EXE_testkit"))
        .args(["start", "mariadb-11.8"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the command starts");
    let output = BufReader::new(starter.stdout.take().expect("its output"));
    let pid = output.lines().map_while(Result::ok).find_map(|line| {
        line.trim()
            .strip_prefix("\"pid\": ")
            .map(|pid| pid.trim_end_matches(',').to_string())
    });
    let pid = pid.expect("it prints the server's pid");
    let line = format!("/proc/{pid}/cmdline");
    assert!(!std::fs::read(&line).expect("it runs").is_empty());
    starter.kill().expect("is killed");
    starter.wait().expect("has ended");
    // A process that nobody collected yet has an empty command line.
    wait_until("the server's end", DEADLINE, async || {
        Ok(std::fs::read(&line).unwrap_or_default().is_empty())
    })
    .await
    .expect("the guard ended it");
}
