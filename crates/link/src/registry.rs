//! Which engine serves which kind of endpoint.

use std::sync::Arc;

use async_trait::async_trait;
use tidegate_model::compare::TransactionSets;
use tidegate_model::endpoint::{Endpoint, EngineKind};
use tidegate_model::position::Position;
use tidegate_model::{Error, Result};

use crate::source::Source;
use crate::target::Target;

/// A step of the precheck, in the order in which the wire API lists them.
#[derive(Clone, Copy, Debug)]
pub struct CheckStepRule {
    pub id: &'static str,
    pub name: &'static str,
    /// May a failure be skipped by the user?
    pub skippable: bool,
}

#[async_trait]
pub trait EngineLink: Send + Sync + std::fmt::Debug {
    /// The endpoint kinds it serves.
    fn kinds(&self) -> &'static [EngineKind];

    /// Steps of a migration's precheck with this engine as the source.
    fn check_steps(&self) -> &'static [CheckStepRule];

    /// Connects and logs in, reads version and settings. `Kind::Retry` when the
    /// server can't be reached, `Kind::NeedsUser` when it refuses us.
    async fn open_source(&self, endpoint: &Endpoint) -> Result<Arc<dyn Source>>;

    /// Which transactions up to `source` are not up to `target`, and the other way round.
    fn compare_positions(&self, source: &Position, target: &Position) -> Result<TransactionSets> {
        let _ = (source, target);
        Err(Error::bad_input("this engine names no transactions"))
    }

    /// As `open_source`, for the writing side.
    async fn open_target(&self, endpoint: &Endpoint) -> Result<Arc<dyn Target>>;
}

#[derive(Clone, Debug, Default)]
pub struct Registry {
    engines: Vec<Arc<dyn EngineLink>>,
}

impl Registry {
    pub fn new(engines: Vec<Arc<dyn EngineLink>>) -> Registry {
        Registry { engines }
    }

    pub fn get(&self, kind: EngineKind) -> Result<&Arc<dyn EngineLink>> {
        self.engines
            .iter()
            .find(|engine| engine.kinds().contains(&kind))
            .ok_or_else(|| {
                Error::bad_input(format!("no engine for databases of type {}", kind.as_str()))
                    .remedy("choose a database type that this version serves; see docs/compatibility")
            })
    }
}
