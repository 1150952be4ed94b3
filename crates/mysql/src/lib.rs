//! MySQL and its relatives: MariaDB, Percona Server, TDSQL-C.
//!
//! Seven files that every engine has: `connect precheck schema snapshot changes
//! apply types`; below them protocol code (`binlog`, `ddl`, `gtid`) that takes bytes
//! and gives events. `source` and `target` put the files behind the traits of `link`.
//! Relies on `model` and `link` only.

mod apply;
pub mod binlog;
mod changes;
mod connect;
pub mod ddl;
mod digest;
mod failure;
pub mod gtid;
mod json_literal;
mod json_text;
mod ledger;
mod load;
mod position;
mod precheck;
mod schema;
mod snapshot;
mod source;
mod structure;
mod target;
mod tls;
mod types;

use std::sync::Arc;

use async_trait::async_trait;
use tidegate_link::{CheckStepRule, EngineLink, Source, Target};
use tidegate_model::Result;
use tidegate_model::compare::TransactionSets;
use tidegate_model::endpoint::{Endpoint, EngineKind};
use tidegate_model::position::Position;

use crate::connect::Server;

/// The database on a target that holds our checkpoints. Never moved itself.
pub const CONTROL_SCHEMA: &str = "__tidegate__";

/// The engine for `tidegate_link::Registry`.
pub fn engine() -> Arc<dyn EngineLink> {
    Arc::new(MysqlEngine)
}

#[derive(Debug)]
struct MysqlEngine;

#[async_trait]
impl EngineLink for MysqlEngine {
    fn kinds(&self) -> &'static [EngineKind] {
        &[
            EngineKind::Mysql,
            EngineKind::Mariadb,
            EngineKind::Percona,
            EngineKind::Cynosdbmysql,
        ]
    }

    fn check_steps(&self) -> &'static [CheckStepRule] {
        precheck::STEPS
    }

    async fn open_source(&self, endpoint: &Endpoint) -> Result<Arc<dyn Source>> {
        let server = Server::open(endpoint).await?;
        Ok(Arc::new(source::MysqlSource::new(server)))
    }

    fn compare_positions(&self, source: &Position, target: &Position) -> Result<TransactionSets> {
        position::compare(source, target)
    }

    async fn open_target(&self, endpoint: &Endpoint) -> Result<Arc<dyn Target>> {
        let server = Server::open(endpoint).await?;
        Ok(Arc::new(target::MysqlTarget::new(server)))
    }
}
