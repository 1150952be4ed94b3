//! The writing side as the engine sees it: each call is a file's work.

use std::sync::Arc;

use async_trait::async_trait;
use mysql_async::Conn;
use tidegate_link::{
    Applier, Checkpoint, Chunk, ChunkMark, Digester, Facts, Loader, Moment, Structure, TableDef, Target,
};
use tidegate_model::Result;
use tidegate_model::finding::Finding;
use tidegate_model::job::JobSpec;
use tidegate_model::row::Encoding;
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::Selection;

use crate::apply::MysqlApplier;
use crate::connect::{Server, close};
use crate::load::MysqlLoader;
use crate::types::TEXT_LANE;
use crate::{digest, ledger, precheck, structure};

/// One statement of rows: larger ones gain nothing, and servers refuse what is above
/// max_allowed_packet.
const STATEMENT_BYTES_MAX: usize = 1 << 20;
const STATEMENT_BYTES_MIN: usize = 16 << 10;

#[derive(Debug)]
pub(crate) struct MysqlTarget {
    server: Server,
    statement_bytes: usize,
}

impl MysqlTarget {
    pub(crate) fn new(server: Server) -> MysqlTarget {
        // Half: the last row of a statement may be as large as all before it.
        let packet: usize = server.fact("max_allowed_packet").parse().unwrap_or(0);
        MysqlTarget {
            statement_bytes: (packet / 2).clamp(STATEMENT_BYTES_MIN, STATEMENT_BYTES_MAX),
            server,
        }
    }

    /// Runs `with` on a session of its own, whose names and texts are in utf8mb4.
    async fn with<T>(&self, with: impl AsyncFnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut conn = self.server.catalog_session().await?;
        let answer = with(&mut conn).await?;
        close(conn).await;
        Ok(answer)
    }
}

#[async_trait]
impl Target for MysqlTarget {
    fn facts(&self) -> &Facts {
        self.server.facts()
    }

    async fn precheck(&self, spec: &JobSpec, structure: &Structure) -> Result<Vec<Finding>> {
        // What a job has made itself is not in its own way.
        let resumes = self.load_checkpoint(&spec.job_id).await?.is_some();
        precheck::target(&self.server, spec, structure, resumes).await
    }

    fn accepts(&self, _table: &TableSchema) -> Vec<Encoding> {
        if self.server.is_on("local_infile") {
            vec![Encoding::Native(TEXT_LANE), Encoding::Neutral]
        } else {
            vec![Encoding::Neutral]
        }
    }

    async fn create_structure(&self, structure: &Structure, names: &Selection) -> Result<Vec<String>> {
        structure::create_structure(&self.server, structure, names).await
    }

    async fn build_indexes(&self, table: &TableDef, names: &Selection) -> Result<()> {
        structure::build_indexes(&self.server, table, names).await
    }

    async fn add_foreign_keys(&self, table: &TableDef, names: &Selection) -> Result<()> {
        structure::add_foreign_keys(&self.server, table, names).await
    }

    async fn create_views(&self, structure: &Structure, names: &Selection) -> Result<Vec<String>> {
        structure::create_views(&self.server, structure, names).await
    }

    async fn create_stored(
        &self,
        structure: &Structure,
        names: &Selection,
        moment: Moment,
    ) -> Result<Vec<String>> {
        structure::create_stored(&self.server, structure, names, moment).await
    }

    async fn create_accounts(
        &self,
        structure: &Structure,
        names: &Selection,
        moment: Moment,
    ) -> Result<Vec<String>> {
        structure::create_accounts(&self.server, structure, names, moment).await
    }

    async fn set_auto_increments(&self, structure: &Structure, names: &Selection) -> Result<u64> {
        structure::set_auto_increments(&self.server, structure, names).await
    }

    async fn open_loader(&self, job_id: &str) -> Result<Box<dyn Loader>> {
        Ok(Box::new(MysqlLoader::new(
            self.server.clone(),
            job_id,
            self.statement_bytes,
        )))
    }

    async fn open_applier(&self, job_id: &str) -> Result<Box<dyn Applier>> {
        Ok(Box::new(MysqlApplier::new(
            self.server.clone(),
            job_id,
            self.statement_bytes,
        )))
    }

    async fn open_digesters(&self, count: usize) -> Result<Vec<Box<dyn Digester>>> {
        let mut digesters = Vec::with_capacity(count);
        for _ in 0..count.max(1) {
            let conn = self.server.row_session().await?;
            digesters.push(digest::digester(conn));
        }
        Ok(digesters)
    }

    async fn load_checkpoint(&self, job_id: &str) -> Result<Option<Checkpoint>> {
        self.with(async |conn| ledger::load_checkpoint(conn, job_id).await)
            .await
    }

    async fn save_checkpoint(&self, job_id: &str, checkpoint: &Checkpoint) -> Result<()> {
        self.with(async |conn| ledger::save_checkpoint(conn, job_id, checkpoint).await)
            .await
    }

    async fn save_schemas(&self, job_id: &str, schemas: &[Arc<TableSchema>]) -> Result<()> {
        self.with(async |conn| ledger::save_schemas(conn, job_id, schemas).await)
            .await
    }

    async fn remove_schemas(&self, job_id: &str, tables: &[TableName]) -> Result<()> {
        self.with(async |conn| ledger::remove_schemas(conn, job_id, tables).await)
            .await
    }

    async fn load_schemas(&self, job_id: &str) -> Result<Vec<Arc<TableSchema>>> {
        self.with(async |conn| ledger::load_schemas(conn, job_id).await)
            .await
    }

    async fn load_chunks(&self, job_id: &str) -> Result<Vec<ChunkMark>> {
        self.with(async |conn| ledger::load_chunks(conn, job_id).await)
            .await
    }

    async fn save_chunks(&self, job_id: &str, table: &TableName, chunks: &[Chunk]) -> Result<()> {
        self.with(async |conn| ledger::save_chunks(conn, job_id, table, chunks).await)
            .await
    }

    async fn clear_table(&self, job_id: &str, source: &TableName, target: &TableName) -> Result<()> {
        self.with(async |conn| ledger::clear_table(conn, job_id, source, target).await)
            .await
    }

    async fn forget(&self, job_id: &str) -> Result<()> {
        self.with(async |conn| ledger::forget(conn, job_id).await).await
    }
}
