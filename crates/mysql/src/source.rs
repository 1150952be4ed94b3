//! The reading side as the engine sees it: each call is a file's work.

use std::sync::Arc;

use async_trait::async_trait;
use mysql_async::Conn;
use tidegate_link::{ChangeStream, Digester, Facts, Proof, Snapshot, Source, Structure};
use tidegate_model::finding::Finding;
use tidegate_model::job::JobSpec;
use tidegate_model::position::Position;
use tidegate_model::row::Encoding;
use tidegate_model::schema::TableSchema;
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Result};
use tokio::sync::Mutex;

use crate::binlog::place::{Place, file_number};
use crate::connect::{Server, close};
use crate::failure::failed;
use crate::position::end_of_log;
use crate::types::TEXT_LANE;
use crate::{changes, digest, precheck, schema, snapshot};

pub(crate) struct MysqlSource {
    server: Server,
    /// What this reader calls itself in the source's list of replicas. The same for the
    /// life of a run: a server ends a dead stream of the same id when it comes again.
    server_id: u32,
    /// For the position, which is asked about once a second.
    asking: Mutex<Option<Conn>>,
}

impl std::fmt::Debug for MysqlSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MysqlSource({:?})", self.server)
    }
}

impl MysqlSource {
    pub(crate) fn new(server: Server) -> MysqlSource {
        use std::hash::{BuildHasher as _, RandomState};
        // High, where people do not number their servers.
        let drawn = RandomState::new().hash_one(std::process::id());
        let server_id = 0x7000_0000 | (drawn & 0x0FFF_FFFF) as u32;
        MysqlSource {
            server,
            server_id,
            asking: Mutex::new(None),
        }
    }

    /// Runs `ask` on the kept session. Taken out for the call, so that a call that is
    /// dropped or fails takes the session away.
    async fn ask<T>(&self, ask: impl AsyncFnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut kept = self.asking.lock().await;
        let mut conn = match kept.take() {
            Some(conn) => conn,
            None => self.server.catalog_session().await?,
        };
        let answer = ask(&mut conn).await?;
        *kept = Some(conn);
        Ok(answer)
    }
}

#[async_trait]
impl Source for MysqlSource {
    fn facts(&self) -> &Facts {
        self.server.facts()
    }

    async fn precheck(&self, spec: &JobSpec, structure: &Structure) -> Result<Vec<Finding>> {
        precheck::source(&self.server, spec, structure).await
    }

    async fn read_structure(&self, selection: &Selection) -> Result<Structure> {
        schema::read_structure(&self.server, selection).await
    }

    fn offers(&self, _table: &TableSchema) -> Vec<Encoding> {
        vec![Encoding::Native(TEXT_LANE), Encoding::Neutral]
    }

    async fn open_snapshot(&self, tables: &[Arc<TableSchema>], readers: usize) -> Result<Snapshot> {
        snapshot::open(&self.server, tables, readers).await
    }

    async fn open_changes(
        &self,
        from: &Position,
        selection: &Selection,
        known: &[Arc<TableSchema>],
    ) -> Result<Box<dyn ChangeStream>> {
        changes::open(&self.server, self.server_id, from, selection, known).await
    }

    async fn position(&self) -> Result<Position> {
        self.ask(async |conn| end_of_log(&self.server, conn).await?.position())
            .await
    }

    async fn bytes_between(&self, from: &Position, to: &Position) -> Result<u64> {
        let (from, to) = (Place::parse(from)?, Place::parse(to)?);
        if from.file == to.file {
            return Ok(to.offset.saturating_sub(from.offset));
        }
        // Name, size, and more columns on some servers.
        let files: Vec<mysql_async::Row> = self
            .ask(async |conn| {
                use mysql_async::prelude::Queryable as _;
                conn.query("SHOW BINARY LOGS")
                    .await
                    .map_err(failed("listing the source's log files"))
            })
            .await?;
        let (first, last) = (file_number(&from.file)?, file_number(&to.file)?);
        let mut between = 0_u64;
        for file in files {
            let name: Option<String> = file.get(0);
            let size: Option<u64> = file.get(1);
            let (Some(name), Some(size)) = (name, size) else {
                return Err(Error::unknown("the source's list of log files is not understood"));
            };
            let number = file_number(&name)?;
            if number == first {
                between += size.saturating_sub(from.offset);
            } else if number > first && number < last {
                between += size;
            }
        }
        Ok(between + to.offset)
    }

    async fn open_proof(&self, tables: &[Arc<TableSchema>], digesters: usize) -> Result<Proof> {
        let (place, sessions) = snapshot::open_exact(&self.server, tables, digesters).await?;
        Ok(Proof {
            low: place.position()?,
            high: place.position()?,
            digesters: sessions.into_iter().map(|conn| digest::digester(conn)).collect(),
        })
    }

    async fn open_digesters(&self, count: usize) -> Result<Vec<Box<dyn Digester>>> {
        let mut digesters = Vec::with_capacity(count);
        for _ in 0..count.max(1) {
            digesters.push(digest::digester(self.server.row_session().await?));
        }
        Ok(digesters)
    }
}

impl Drop for MysqlSource {
    fn drop(&mut self) {
        // A session that is dropped closes its socket; saying goodbye needs a runtime.
        if let (Some(conn), Ok(runtime)) = (
            self.asking.get_mut().take(),
            tokio::runtime::Handle::try_current(),
        ) {
            drop(runtime.spawn(close(conn)));
        }
    }
}
