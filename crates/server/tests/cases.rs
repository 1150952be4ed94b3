//! Every case of `cases/` through a real run: snapshot, changes, cutover; then both
//! sides are compared by the testkit, which knows nothing of how rows were moved.

use std::sync::Arc;
use std::time::Duration;

use tidegate_engine::run::{RunControl, forget, precheck, run};
use tidegate_link::{Registry, SystemClock};
use tidegate_model::endpoint::{Certificates, Endpoint, EngineKind, Tls};
use tidegate_model::finding::Verdict;
use tidegate_model::job::{ForeignKeys, JobSpec, Limits, MigrateType};
use tidegate_model::report::{Outcome, RunReport};
use tidegate_model::selection::{
    AccountSelection, Chosen, DatabaseSelection, Selection, StoredSelection, TableSelection, TablesSelection,
};
use tidegate_testkit::{Case, Changes, DbServer, Flavor};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn endpoint(server: &DbServer) -> Endpoint {
    let engine = if server.flavor().is_mariadb() {
        EngineKind::Mariadb
    } else {
        EngineKind::Mysql
    };
    Endpoint {
        engine,
        host: server.host().to_owned(),
        port: server.port(),
        user: server.user().to_owned(),
        password: server.password().to_owned(),
        tls: Tls::Preferred,
        certificates: Certificates::default(),
    }
}

/// A database with a renamed table is chosen table by table, as the wire API asks for.
fn selection(case: &Case, source: &DbServer) -> anyhow::Result<Selection> {
    let spec = &case.spec;
    if spec.databases.is_empty() && spec.tables.is_empty() && spec.renames.is_empty() {
        return Ok(Selection {
            whole_instance: true,
            databases: Vec::new(),
            stored: StoredSelection::all(),
            accounts: accounts(case),
        });
    }
    let mut names = if spec.databases.is_empty() && spec.tables.is_empty() {
        tidegate_testkit::compare::user_databases(source)?
    } else {
        spec.databases.clone()
    };
    names.extend(spec.tables.iter().map(|(database, _)| database.clone()));
    names.sort_unstable();
    names.dedup();
    let databases: anyhow::Result<Vec<DatabaseSelection>> = names
        .into_iter()
        .map(|name| database(case, source, name))
        .collect();
    Ok(Selection {
        whole_instance: false,
        databases: databases?,
        accounts: accounts(case),
        ..Selection::default()
    })
}

fn database(case: &Case, source: &DbServer, name: String) -> anyhow::Result<DatabaseSelection> {
    let of_it: Vec<_> = case
        .spec
        .renames
        .iter()
        .filter(|rename| rename.database == name)
        .collect();
    let new_name = of_it.iter().find(|rename| rename.table.is_none());
    let mut tables: Vec<String> = case
        .spec
        .tables
        .iter()
        .filter(|(database, _)| *database == name)
        .map(|(_, table)| table.clone())
        .collect();
    let renames_tables = of_it.iter().any(|rename| rename.table.is_some());
    if tables.is_empty() && renames_tables {
        let sql = format!(
            "select table_name from information_schema.tables where table_schema = '{name}' and table_type = 'BASE TABLE'"
        );
        tables = source.sql(&sql)?.into_iter().flatten().flatten().collect();
    }
    let chosen = |table: String| TableSelection {
        new_name: of_it
            .iter()
            .find(|rename| rename.table.as_ref() == Some(&table))
            .map(|rename| rename.to.clone()),
        name: table,
        temporary: Vec::new(),
    };
    let tables = if tables.is_empty() {
        TablesSelection::All
    } else {
        TablesSelection::Some(tables.into_iter().map(chosen).collect())
    };
    Ok(DatabaseSelection {
        new_name: new_name.map(|rename| rename.to.clone()),
        name,
        views: if tables.is_whole() {
            Chosen::All
        } else {
            Chosen::None
        },
        stored: StoredSelection::all(),
        tables,
    })
}

fn accounts(case: &Case) -> Option<AccountSelection> {
    case.spec.accounts.then(AccountSelection::default)
}

async fn migrate(
    case: &Case,
    source: &DbServer,
    target: &DbServer,
    changes: Changes<'_>,
) -> anyhow::Result<()> {
    let spec = JobSpec {
        job_id: "dts-case".to_owned(),
        source: endpoint(source),
        target: endpoint(target),
        selection: selection(case, source)?,
        migrate_type: MigrateType::FullAndIncrement,
        limits: Limits::default(),
        foreign_keys: ForeignKeys::Migrate,
        skipped_checks: Vec::new(),
        retry_window_seconds: 30,
        skip_ddl_errors: false,
    };
    let registry = Registry::new(vec![tidegate_mysql::engine()]);
    let steps = precheck(&spec, &registry).await?;
    let failures: Vec<_> = steps
        .iter()
        .flat_map(|step| &step.findings)
        .filter(|finding| finding.verdict == Verdict::Failure)
        .collect();
    anyhow::ensure!(failures.is_empty(), "the precheck refuses: {failures:#?}");
    let (reports, mut seen) = watch::channel(RunReport::default());
    let (_limits, limits) = watch::channel(spec.limits);
    let complete = CancellationToken::new();
    let control = RunControl {
        stop: CancellationToken::new(),
        complete: complete.clone(),
        limits,
        reports,
    };
    let running = run(spec.clone(), &registry, Arc::new(SystemClock::new()), control);
    let steering = async {
        let caught_up = async {
            // What is answered keeps the run from reporting for as long as it is held.
            seen.wait_for(|report| report.caught_up).await.is_ok()
        };
        // A run that ends before it is caught up says why itself.
        if tokio::time::timeout(DEADLINE, caught_up).await == Ok(true) {
            changes.apply().await?;
            complete.cancel();
        }
        Ok::<_, anyhow::Error>(())
    };
    let (outcome, steered) = tokio::join!(tokio::time::timeout(DEADLINE, running), steering);
    steered?;
    let outcome =
        outcome.map_err(|_| anyhow::anyhow!("no end within {DEADLINE:?}: {:?}", seen.borrow().clone()))?;
    match outcome {
        Outcome::Finished => Ok(forget(&spec, &registry).await?),
        other => anyhow::bail!(
            "the run ended as {other:?}; last report {:?}",
            seen.borrow().clone()
        ),
    }
}

/// Runs those that the variable TIDEGATE_CASE is a part of the name of; without it all.
async fn all_end_equal(cases: Vec<Case>) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let wanted = std::env::var("TIDEGATE_CASE").unwrap_or_default();
    let mut failed = Vec::new();
    for case in cases.iter().filter(|case| case.name.contains(&wanted)) {
        match case.run(migrate).await {
            Ok(differences) if differences.is_empty() => {}
            Ok(differences) => failed.push(format!("{}: {differences:#?}", case.name)),
            Err(error) => failed.push(format!("{}: {error:#}", case.name)),
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {}:\n{}",
        failed.len(),
        cases.len(),
        failed.join("\n")
    );
}

#[tokio::test]
async fn every_case_ends_equal() {
    let cases = Case::all().expect("the cases read");
    assert!(cases.len() > 10);
    all_end_equal(cases).await;
}

/// The cases of one version between others, as far as those know what is in them.
#[tokio::test]
async fn every_pair_of_mariadb_versions_ends_equal() {
    use Flavor::{Mariadb105, Mariadb118, Mariadb1011};
    let pairs = [
        (Mariadb105, Mariadb105),
        (Mariadb105, Mariadb1011),
        (Mariadb105, Mariadb118),
        (Mariadb1011, Mariadb1011),
        (Mariadb1011, Mariadb118),
    ];
    let cases = Case::all().expect("the cases read");
    // What older versions know as well.
    const COMMON: [&str; 4] = ["ddl-among-changes", "odd-names", "renamed", "tables-without-keys"];
    let known = |case: &&Case| {
        let common = COMMON.iter().any(|name| case.name.ends_with(name));
        common && case.source == Mariadb118 && case.target == Mariadb118
    };
    let mut all = Vec::new();
    for (source, target) in pairs {
        for case in cases.iter().filter(known) {
            let (_, what) = case.name.split_once('/').expect("a case of a pair");
            all.push(Case {
                name: format!("{}-to-{}/{what}", source.name(), target.name()),
                source,
                target,
                ..case.clone()
            });
        }
    }
    assert!(all.len() >= pairs.len() * 4);
    all_end_equal(all).await;
}
