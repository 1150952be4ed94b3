//! Stored objects and accounts: what is checked before, with the remedy run and the check
//! passing after; and what comes out on servers that do not take all of it.

use tidegate_link::{Moment, Structure};
use tidegate_model::finding::Verdict;
use tidegate_model::job::JobSpec;
use tidegate_model::selection::{AccountSelection, Selection, StoredSelection};
use tidegate_testkit::{DbServer, Flavor};

use super::checks::{bad, findings};
use super::ends::{chosen, endpoint, job, source, start, target};

const SHOP: &str = "CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, v int);
    CREATE FUNCTION shop.f(n int) RETURNS int RETURN n;
    CREATE PROCEDURE shop.p() SELECT shop.f(1);
    CREATE TRIGGER shop.tr BEFORE INSERT ON shop.t FOR EACH ROW SET new.v = 1;
    CREATE EVENT shop.e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM shop.t";
const TRUSTED: &[&str] = &["--log-bin-trust-function-creators=1", "--event-scheduler=OFF"];

fn with_objects(spec: &str) -> Selection {
    let mut selection = chosen(spec);
    for database in &mut selection.databases {
        database.stored = StoredSelection::all();
    }
    selection
}

async fn trusted(flavor: Flavor) -> DbServer {
    DbServer::start_with(flavor, TRUSTED)
        .await
        .expect("the server starts")
}

/// The checks of objects and accounts, with `step item` of what has this verdict.
async fn own(spec: &JobSpec, to: &DbServer, verdict: Verdict) -> Vec<String> {
    let all = bad(&findings(spec, to).await, verdict);
    let wanted = [
        "stored_objects",
        "routine_texts",
        "hidden_objects",
        "accounts",
        "own_account",
    ];
    let is_own = |text: &String| {
        text.starts_with("AdvancedStoreObjectCheck") || wanted.iter().any(|item| text.ends_with(item))
    };
    all.into_iter().filter(is_own).collect()
}

/// Runs the remedy of one finding on a server.
async fn mend(spec: &JobSpec, to: &DbServer, on: &DbServer, item: &str) {
    let found = findings(spec, to).await;
    let finding = found
        .iter()
        .find(|finding| finding.item == item && finding.verdict != Verdict::Pass)
        .unwrap_or_else(|| panic!("{item} does not fail: {found:#?}"));
    let remedy = finding.remedy.split(" on the target").next().unwrap_or_default();
    on.run_script(remedy)
        .unwrap_or_else(|error| panic!("{remedy}: {error:#}"));
}

async fn every_check_of_objects(flavor: Flavor) {
    let from = trusted(flavor).await;
    let to = DbServer::start_with(flavor, &["--event-scheduler=OFF"])
        .await
        .unwrap();
    from.run_script(SHOP).unwrap();
    from.run_script(
        "SET GLOBAL event_scheduler = ON; CREATE USER gone@localhost; GRANT ALL ON shop.* TO gone@localhost;
         CREATE DEFINER = gone@localhost PROCEDURE shop.owned() SELECT 1",
    )
    .unwrap();
    let spec = job(endpoint(&from), endpoint(&to), with_objects("shop"));
    assert_eq!(
        own(&spec, &to, Verdict::Failure).await,
        ["AdvancedStoreObjectCheck log_bin_trust_function_creators"]
    );
    assert_eq!(
        own(&spec, &to, Verdict::Warning).await,
        [
            "AdvancedStoreObjectCheck definers",
            "AdvancedStoreObjectCheck event_scheduler"
        ]
    );
    mend(&spec, &to, &to, "log_bin_trust_function_creators").await;
    mend(&spec, &to, &to, "definers").await;
    mend(&spec, &to, &to, "event_scheduler").await;
    assert_eq!(own(&spec, &to, Verdict::Failure).await, [""; 0]);
    assert_eq!(own(&spec, &to, Verdict::Warning).await, [""; 0]);

    let renamed = job(endpoint(&from), endpoint(&to), with_objects("shop=store"));
    assert_eq!(
        own(&renamed, &to, Verdict::Warning).await,
        ["AdvancedStoreObjectCheck renamed"]
    );

    to.run_script("CREATE DATABASE shop; CREATE PROCEDURE shop.P() SELECT 2")
        .unwrap();
    assert_eq!(
        own(&spec, &to, Verdict::Failure).await,
        ["DstEmptyCheck stored_objects"]
    );
    to.run_script("DROP PROCEDURE shop.p").unwrap();
    assert_eq!(own(&spec, &to, Verdict::Failure).await, [""; 0]);
}

#[tokio::test]
async fn every_check_of_objects_on_mysql() {
    every_check_of_objects(Flavor::Mysql97).await;
}

#[tokio::test]
async fn every_check_of_objects_on_mariadb() {
    every_check_of_objects(Flavor::Mariadb118).await;
}

async fn missing_rights(flavor: Flavor) {
    let (from, to) = (trusted(flavor).await, trusted(flavor).await);
    from.run_script(SHOP).unwrap();
    let mover =
        "CREATE USER mover@'127.0.0.1' IDENTIFIED BY 'pass'; CREATE DATABASE IF NOT EXISTS __tidegate__;
        GRANT SELECT, LOCK TABLES, CREATE VIEW, SHOW VIEW, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX
        ON shop.* TO mover@'127.0.0.1'; GRANT ALL ON __tidegate__.* TO mover@'127.0.0.1'";
    for server in [&from, &to] {
        server.run_script(mover).unwrap();
    }
    let mut spec = job(endpoint(&from), endpoint(&to), with_objects("shop"));
    for end in [&mut spec.source, &mut spec.target] {
        end.user = "mover".to_owned();
        end.password = "pass".to_owned();
    }
    mend(&spec, &to, &from, "routine_texts").await;
    mend(&spec, &to, &from, "hidden_objects").await;
    // What is chosen can be seen now, and so what the target lacks.
    let source = super::ends::source_as(&spec.source).await.unwrap();
    let structure = source.read_structure(&spec.selection).await.unwrap();
    assert_eq!(structure.stored.len(), 4, "{:?}", structure.not_covered);
    let lacks = async || {
        let target = tidegate_mysql::engine().open_target(&spec.target).await.unwrap();
        let found = target.precheck(&spec, &structure).await.unwrap();
        let failure = found
            .into_iter()
            .find(|finding| finding.item == "stored_objects" && finding.verdict == Verdict::Failure);
        failure.map(|finding| finding.remedy)
    };
    let remedy = lacks().await.expect("rights are missing");
    assert_eq!(
        remedy,
        "GRANT CREATE ROUTINE, EVENT, TRIGGER ON `shop`.* TO `mover`@`127.0.0.1`"
    );
    to.run_script(&remedy).unwrap();
    assert_eq!(lacks().await, None);
}

#[tokio::test]
async fn missing_rights_for_objects_on_mysql() {
    missing_rights(Flavor::Mysql97).await;
}

#[tokio::test]
async fn missing_rights_for_objects_on_mariadb() {
    missing_rights(Flavor::Mariadb118).await;
}

#[tokio::test]
async fn every_check_of_accounts() {
    let (from, to) = (trusted(Flavor::Mysql97).await, trusted(Flavor::Mysql97).await);
    let mover = "CREATE USER mover@'127.0.0.1' IDENTIFIED BY 'pass'; GRANT ALL ON *.* TO mover@'127.0.0.1' WITH GRANT OPTION;";
    from.run_script(&format!(
        "{mover} CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY); SET GLOBAL partial_revokes = ON;
         CREATE USER app@'%' IDENTIFIED BY 'a'; GRANT SELECT ON *.* TO app@'%'; REVOKE SELECT ON shop.* FROM app@'%'"
    ))
    .unwrap();
    to.run_script(&format!(
        "{mover} ALTER USER mover@'127.0.0.1' IDENTIFIED BY 'other'; CREATE USER app@'%' IDENTIFIED BY 'b';
         REVOKE CREATE USER ON *.* FROM mover@'127.0.0.1'"
    ))
    .unwrap();
    let mut spec = job(endpoint(&from), endpoint(&to), chosen("shop"));
    spec.selection.accounts = Some(AccountSelection::default());
    spec.source.user = "mover".to_owned();
    spec.source.password = "pass".to_owned();
    let check = async |spec: &JobSpec, failures: &[&str], warnings: &[&str]| {
        let source = super::ends::source_as(&spec.source).await.unwrap();
        let structure = source.read_structure(&spec.selection).await.unwrap();
        let target = tidegate_mysql::engine().open_target(&spec.target).await.unwrap();
        let found = target.precheck(spec, &structure).await.unwrap();
        assert!(
            !format!("{found:?} {structure:?}").contains("0x24412430"),
            "no hash"
        );
        let of = |verdict| {
            let all = bad(&found, verdict);
            let own = ["accounts", "own_account", "partial_revokes"];
            let items = all
                .into_iter()
                .filter(|text| own.iter().any(|item| text.ends_with(item)));
            items.collect::<Vec<String>>()
        };
        assert_eq!(of(Verdict::Failure), failures);
        assert_eq!(of(Verdict::Warning), warnings);
    };
    spec.target.user = "mover".to_owned();
    spec.target.password = "other".to_owned();
    check(
        &spec,
        &["DstPrivilegeCheck accounts", "DstEmptyCheck own_account"],
        &[
            "DstEmptyCheck accounts",
            "AdvancedStoreObjectCheck partial_revokes",
        ],
    )
    .await;
    to.run_script(
        "GRANT CREATE USER ON *.* TO `mover`@`127.0.0.1` WITH GRANT OPTION; ALTER USER mover@'127.0.0.1' IDENTIFIED BY 'pass';
         DROP USER app@'%'; SET GLOBAL partial_revokes = ON",
    )
    .unwrap();
    spec.target.password = "pass".to_owned();
    check(&spec, &[], &[]).await;

    let mariadb = start(Flavor::Mariadb118).await;
    let mut spec = job(endpoint(&from), endpoint(&mariadb), chosen("shop"));
    spec.selection.accounts = Some(AccountSelection::default());
    check(&spec, &["AdvancedStoreObjectCheck accounts"], &[]).await;
}

async fn make(structure: &Structure, names: &Selection, to: &DbServer) -> Vec<String> {
    let target = target(to).await;
    target.create_structure(structure, names).await.unwrap();
    let mut said = Vec::new();
    for moment in [Moment::AfterTables, Moment::AtEnd] {
        said.extend(target.create_accounts(structure, names, moment).await.unwrap());
        said.extend(target.create_stored(structure, names, moment).await.unwrap());
    }
    said
}

#[tokio::test]
async fn objects_are_made_once_and_nothing_runs_before_the_end() {
    let (from, to) = (trusted(Flavor::Mysql97).await, trusted(Flavor::Mysql97).await);
    from.run_script(SHOP).unwrap();
    let names = with_objects("shop");
    let structure = source(&from).await.read_structure(&names).await.unwrap();
    let target = target(&to).await;
    target.create_structure(&structure, &names).await.unwrap();
    for round in ["first", "again"] {
        let said = target
            .create_stored(&structure, &names, Moment::AfterTables)
            .await
            .unwrap();
        assert_eq!(said, [""; 0], "{round}");
    }
    let state = "SELECT (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop'), STATUS \
                 FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'shop'";
    let state_is = |expected: [&str; 2]| {
        let rows = to.sql(state).unwrap();
        assert_eq!(rows, [expected.map(|text| Some(text.to_owned()))]);
    };
    state_is(["0", "DISABLED"]);
    for round in ["first", "again"] {
        let said = target
            .create_stored(&structure, &names, Moment::AtEnd)
            .await
            .unwrap();
        assert_eq!(said, [""; 0], "{round}");
        state_is(["1", "ENABLED"]);
    }
    from.run_script("DROP PROCEDURE shop.p; CREATE PROCEDURE shop.p() SELECT 'changed'")
        .unwrap();
    let structure = source(&from).await.read_structure(&names).await.unwrap();
    let said = target
        .create_stored(&structure, &names, Moment::AtEnd)
        .await
        .unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("the procedure shop.p was changed on the source"),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_another_server_does_not_take_is_said_with_its_words() {
    let (from, to) = (trusted(Flavor::Mariadb118).await, trusted(Flavor::Mysql97).await);
    from.run_script(SHOP).unwrap();
    from.run_script(
        "DELIMITER //\nCREATE PROCEDURE shop.own() BEGIN FOR i IN 1..3 DO SELECT i; END FOR; END//\nDELIMITER ;
         SET sql_mode = 'SIMULTANEOUS_ASSIGNMENT,PIPES_AS_CONCAT'; CREATE PROCEDURE shop.modes() SELECT 'a' || 'b'",
    )
    .unwrap();
    let names = with_objects("shop");
    let structure = source(&from).await.read_structure(&names).await.unwrap();
    let said = make(&structure, &names, &to).await;
    let has = |words: &str| assert!(said.iter().any(|text| text.contains(words)), "{words}: {said:#?}");
    has("the procedure shop.own is not made: server error 1064: You have an error in your SQL syntax");
    has("the procedure shop.modes runs without the sql_mode SIMULTANEOUS_ASSIGNMENT");
    let answer = to.sql("CALL shop.modes()").unwrap();
    assert_eq!(
        answer,
        [[Some("ab".to_owned())]],
        "the modes that it knows are kept"
    );
}

#[tokio::test]
async fn views_and_objects_are_chosen_one_by_one() {
    let from = trusted(Flavor::Mysql97).await;
    from.run_script(SHOP).unwrap();
    from.run_script("CREATE VIEW shop.v AS SELECT 1 AS x; CREATE VIEW shop.w AS SELECT 2 AS x; CREATE PROCEDURE shop.q() SELECT 1")
        .unwrap();
    let source = source(&from).await;
    let mut names = chosen("shop");
    names.databases[0].views = tidegate_model::selection::Chosen::Some(vec!["w".to_owned()]);
    names.databases[0].stored.procedures = tidegate_model::selection::Chosen::Some(vec!["q".to_owned()]);
    let structure = source.read_structure(&names).await.unwrap();
    let views: Vec<String> = structure.views.iter().map(|view| view.name.to_string()).collect();
    let stored: Vec<String> = structure.stored.iter().map(|def| def.name.to_string()).collect();
    assert_eq!(
        (views, stored),
        (vec!["shop.w".to_owned()], vec!["shop.q".to_owned()])
    );
    assert_eq!(
        structure.not_covered,
        [
            "the view shop.v is not moved",
            "the function f of shop is not moved",
            "the procedure p of shop is not moved",
            "the trigger tr of shop is not moved",
            "the event e of shop is not moved",
        ]
    );
    names.databases[0].stored.procedures = tidegate_model::selection::Chosen::Some(vec!["no".to_owned()]);
    let error = source.read_structure(&names).await.unwrap_err();
    assert!(
        error.to_string().contains("procedure shop.no was chosen"),
        "{error}"
    );
}

#[tokio::test]
async fn an_account_never_comes_with_more_rights_than_it_has() {
    let (from, to) = (trusted(Flavor::Mysql97).await, trusted(Flavor::Mysql97).await);
    from.run_script(
        "CREATE DATABASE shop; SET GLOBAL partial_revokes = ON; CREATE USER app@'%' IDENTIFIED BY 'a'; CREATE USER other@'%';
         GRANT SELECT ON *.* TO app@'%'; REVOKE SELECT ON shop.* FROM app@'%'; GRANT SELECT ON shop.* TO other@'%';
         CREATE TABLE shop.gone (id int PRIMARY KEY); GRANT INSERT ON shop.gone TO other@'%'",
    )
    .unwrap();
    to.run_script("CREATE USER other@'%'; GRANT ALL ON *.* TO other@'%'")
        .unwrap();
    let mut names = chosen("shop");
    names.accounts = Some(AccountSelection::default());
    let mut structure = source(&from).await.read_structure(&names).await.unwrap();
    structure.tables.clear();
    let said = make(&structure, &names, &to).await;
    let has = |words: &str| assert!(said.iter().any(|text| text.contains(words)), "{words}: {said:#?}");
    has("the account `app`@`%` is moved with reduced rights: it has no rights at all: an exception");
    has(
        "the account `other`@`%` is moved with reduced rights: GRANT INSERT ON `shop`.`gone`: server error 1146",
    );
    let grants = |account: &str| to.sql(&format!("SHOW GRANTS FOR {account}")).unwrap().concat();
    assert_eq!(grants("app@'%'").len(), 1, "USAGE alone");
    let other: Vec<String> = grants("other@'%'").into_iter().flatten().collect();
    assert_eq!(
        other,
        [
            "GRANT USAGE ON *.* TO `other`@`%`",
            "GRANT SELECT ON `shop`.* TO `other`@`%`"
        ]
    );
}
