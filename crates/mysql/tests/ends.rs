//! Servers as endpoints, selections, and jobs, for all tests of the engine.

use std::sync::Arc;

use tidegate_link::{Source, Target};
use tidegate_model::Result;
use tidegate_model::endpoint::{Certificates, Endpoint, EngineKind, Tls};
use tidegate_model::job::{ForeignKeys, JobSpec, Limits, MigrateType};
use tidegate_model::selection::{Chosen, DatabaseSelection, Selection, TableSelection, TablesSelection};
use tidegate_testkit::{DbServer, Flavor};

pub(crate) async fn start(flavor: Flavor) -> DbServer {
    DbServer::start(flavor).await.expect("the server starts")
}

pub(crate) fn endpoint(server: &DbServer) -> Endpoint {
    Endpoint {
        engine: EngineKind::Mysql,
        host: server.host().to_owned(),
        port: server.port(),
        user: server.user().to_owned(),
        password: server.password().to_owned(),
        tls: Tls::Off,
        certificates: Certificates::default(),
    }
}

pub(crate) async fn source(server: &DbServer) -> Arc<dyn Source> {
    source_as(&endpoint(server)).await.expect("the source opens")
}

pub(crate) async fn source_as(endpoint: &Endpoint) -> Result<Arc<dyn Source>> {
    tidegate_mysql::engine().open_source(endpoint).await
}

pub(crate) async fn target(server: &DbServer) -> Arc<dyn Target> {
    tidegate_mysql::engine()
        .open_target(&endpoint(server))
        .await
        .expect("the target opens")
}

/// `shop`, `shop=store` for a rename, `shop:orders` for one table of it.
pub(crate) fn chosen(spec: &str) -> Selection {
    let one = |spec: &str| {
        let (names, table) = match spec.split_once(':') {
            Some((names, table)) => (names, Some(table)),
            None => (spec, None),
        };
        let (name, new_name) = match names.split_once('=') {
            Some((name, new)) => (name, Some(new.to_owned())),
            None => (names, None),
        };
        let tables = match table {
            None => TablesSelection::All,
            Some(table) => TablesSelection::Some(vec![TableSelection {
                name: table.to_owned(),
                new_name: None,
                temporary: Vec::new(),
            }]),
        };
        DatabaseSelection {
            name: name.to_owned(),
            new_name,
            tables,
            views: if table.is_some() {
                Chosen::None
            } else {
                Chosen::All
            },
            ..DatabaseSelection::default()
        }
    };
    Selection {
        whole_instance: false,
        databases: spec.split_whitespace().map(one).collect(),
        ..Selection::default()
    }
}

pub(crate) fn job(source: Endpoint, target: Endpoint, selection: Selection) -> JobSpec {
    JobSpec {
        job_id: "dts-a1b2c3d4".to_owned(),
        source,
        target,
        selection,
        migrate_type: MigrateType::FullAndIncrement,
        limits: Limits::default(),
        foreign_keys: ForeignKeys::Migrate,
        skipped_checks: Vec::new(),
        retry_window_seconds: 0,
        skip_ddl_errors: false,
    }
}
