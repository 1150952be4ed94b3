//! Checks before a job: what is wrong is found, and the remedy mends it.

use tidegate_model::finding::{Finding, Verdict};
use tidegate_model::job::JobSpec;
use tidegate_testkit::{DbServer, Flavor};

use super::ends::{chosen, endpoint, job, source_as, start, target};

const SHOP: &str = "CREATE DATABASE shop; CREATE TABLE shop.parent (id int PRIMARY KEY);
    CREATE TABLE shop.child (id int PRIMARY KEY, pid int, FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE CASCADE)";

pub(crate) async fn findings(spec: &JobSpec, to: &DbServer) -> Vec<Finding> {
    let source = source_as(&spec.source).await.unwrap();
    let structure = source.read_structure(&spec.selection).await.unwrap();
    let mut findings = source.precheck(spec, &structure).await.unwrap();
    findings.extend(target(to).await.precheck(spec, &structure).await.unwrap());
    findings
}

/// `step item` of what does not pass.
pub(crate) fn bad(findings: &[Finding], verdict: Verdict) -> Vec<String> {
    let bad = findings.iter().filter(|finding| finding.verdict == verdict);
    bad.map(|finding| format!("{} {}", finding.step, finding.item))
        .collect()
}

#[tokio::test]
async fn a_fit_pair_passes() {
    let (from, to) = (start(Flavor::Mysql97).await, start(Flavor::Mysql97).await);
    from.run_script(SHOP).unwrap();
    let spec = job(endpoint(&from), endpoint(&to), chosen("shop"));
    let findings = findings(&spec, &to).await;
    assert_eq!(bad(&findings, Verdict::Failure), [""; 0]);
    assert_eq!(bad(&findings, Verdict::Warning), ["DstSpaceCheck free_space"]);
}

#[tokio::test]
async fn missing_grants_are_named_and_the_remedy_mends_them() {
    let (from, to) = (start(Flavor::Mysql97).await, start(Flavor::Mysql97).await);
    from.run_script(SHOP).unwrap();
    from.run_script(
        "CREATE USER mover@'127.0.0.1' IDENTIFIED BY 'pass'; CREATE ROLE reader; GRANT SELECT ON shop.* TO reader;
         GRANT reader TO mover@'127.0.0.1'; SET DEFAULT ROLE reader TO mover@'127.0.0.1'",
    )
    .unwrap();
    let mut spec = job(endpoint(&from), endpoint(&to), chosen("shop"));
    spec.source.user = "mover".to_owned();
    spec.source.password = "pass".to_owned();
    let before = findings(&spec, &to).await;
    let missing = before
        .iter()
        .filter(|finding| finding.step == "SrcPrivilegeCheck");
    let remedies: Vec<&str> = missing.map(|finding| finding.remedy.as_str()).collect();
    assert_eq!(
        remedies,
        [
            "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `mover`@`127.0.0.1`",
            "GRANT LOCK TABLES ON `shop`.* TO `mover`@`127.0.0.1`",
            "GRANT TRIGGER, EVENT ON `shop`.* TO `mover`@`127.0.0.1`",
        ]
    );
    from.run_script(&remedies.join(";")).unwrap();
    assert_eq!(bad(&findings(&spec, &to).await, Verdict::Failure), [""; 0]);
}

#[tokio::test]
async fn settings_of_the_log_are_checked() {
    let (from, to) = (start(Flavor::Mysql97).await, start(Flavor::Mysql97).await);
    from.run_script(SHOP).unwrap();
    from.sql(
        "SET GLOBAL binlog_format = 'MIXED'; SET GLOBAL binlog_row_image = 'MINIMAL'; SET GLOBAL gtid_mode = ON_PERMISSIVE; \
         SET GLOBAL binlog_expire_logs_seconds = 3600; SET GLOBAL innodb_stats_on_metadata = ON; SET GLOBAL connect_timeout = 5",
    )
    .unwrap();
    to.sql("SET GLOBAL local_infile = OFF; SET GLOBAL super_read_only = ON")
        .unwrap();
    let spec = job(endpoint(&from), endpoint(&to), chosen("shop"));
    let found = findings(&spec, &to).await;
    assert_eq!(
        bad(&found, Verdict::Failure),
        [
            "SimpleParamCheck connect_timeout",
            "BinlogParamCheck binlog_format",
            "BinlogParamCheck binlog_row_image",
            "BinlogParamCheck gtid_mode",
            "OptimizeCheck innodb_stats_on_metadata",
            "SimpleParamCheck read_only",
        ]
    );
    let warnings = bad(&found, Verdict::Warning);
    for wanted in ["BinlogParamCheck retention", "WarningParamCheck local_infile"] {
        assert!(warnings.contains(&wanted.to_owned()), "{warnings:?}");
    }
}

#[tokio::test]
async fn names_that_are_taken_and_open_ends_fail() {
    let (from, to) = (start(Flavor::Mysql97).await, start(Flavor::Mysql97).await);
    from.run_script(SHOP).unwrap();
    to.run_script("CREATE DATABASE shop; CREATE VIEW shop.child AS SELECT 1")
        .unwrap();
    let spec = job(endpoint(&from), endpoint(&to), chosen("shop:child"));
    let found = findings(&spec, &to).await;
    assert_eq!(
        bad(&found, Verdict::Failure),
        ["ConstraintRefCheck both_ends", "DstEmptyCheck same_names"]
    );
}

#[tokio::test]
async fn rules_that_the_log_does_not_hold_fail_on_mariadb() {
    let (from, to) = (start(Flavor::Mariadb118).await, start(Flavor::Mariadb118).await);
    from.run_script(SHOP).unwrap();
    from.run_script(
        "CREATE TABLE shop.a (id int PRIMARY KEY) ENGINE = Aria;
         CREATE TABLE shop.history (id int PRIMARY KEY) WITH SYSTEM VERSIONING",
    )
    .unwrap();
    let spec = job(endpoint(&from), endpoint(&to), chosen("shop"));
    let found = findings(&spec, &to).await;
    assert_eq!(
        bad(&found, Verdict::Failure),
        [
            "SimpleParamCheck system_versioning",
            "WarningParamCheck transactions",
            "ConstraintCheck rules",
        ]
    );
}

#[tokio::test]
async fn a_lower_version_fails() {
    let (from, to) = (start(Flavor::Mariadb118).await, start(Flavor::Mariadb105).await);
    from.run_script("CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY)")
        .unwrap();
    let spec = job(endpoint(&from), endpoint(&to), chosen("shop"));
    let found = findings(&spec, &to).await;
    assert_eq!(bad(&found, Verdict::Failure), ["VersionCheck pair"]);
}

#[tokio::test]
async fn a_prepared_transaction_fails_until_it_is_ended() {
    for flavor in [Flavor::Mysql97, Flavor::Mariadb118] {
        let (from, to) = (start(flavor).await, start(flavor).await);
        from.run_script("CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY)")
            .unwrap();
        from.run_script("XA START 'x'; INSERT INTO shop.t VALUES (1); XA END 'x'; XA PREPARE 'x'")
            .unwrap();
        let spec = job(endpoint(&from), endpoint(&to), chosen("shop"));
        let found = bad(&findings(&spec, &to).await, Verdict::Failure);
        assert_eq!(found, ["BinlogParamCheck xa"]);
        from.run_script("XA ROLLBACK 'x'").unwrap();
        assert_eq!(bad(&findings(&spec, &to).await, Verdict::Failure), [""; 0]);
    }
}
