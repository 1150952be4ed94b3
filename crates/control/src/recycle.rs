//! The recycle bin: jobs put away lie there for 7 days, then they are offlined.
//!
//! Isolating and destroying take no time here, so a job is never seen as
//! `isolating` or `offlining`. An offlined job has no passwords any more; its
//! description stays for 30 days. Checkpoints on targets are not touched.

use std::sync::Arc;

use tidegate_meta::Secrets;
use tidegate_model::Result;

use crate::job::Job;
use crate::jobs::{Inner, Jobs};
use crate::lifecycle::{Action, Trade, after_action};

/// How long a job lies in the recycle bin.
pub(crate) const BIN_MS: u64 = 7 * 24 * 3_600_000;
/// How long an offlined job can still be described.
const REMEMBERED_MS: u64 = 30 * 24 * 3_600_000;
/// The bin is looked through so often; its times are days.
const LOOK_MS: u64 = 60_000;

impl Jobs {
    /// Puts a job into the recycle bin.
    pub async fn isolate(&self, id: &str) -> Result<()> {
        let now = self.now_ms();
        let edit = |job: &mut Job, _: &mut Secrets| {
            after_action(job.status, job.trade, Action::Isolate)?;
            job.trade = Trade::Isolated;
            job.isolated_ms = Some(now);
            Ok(())
        };
        self.inner.change(id, edit).await
    }

    /// Takes a job out of the recycle bin.
    pub async fn recover(&self, id: &str) -> Result<()> {
        let edit = |job: &mut Job, _: &mut Secrets| {
            after_action(job.status, job.trade, Action::Recover)?;
            job.trade = Trade::Normal;
            job.isolated_ms = None;
            Ok(())
        };
        self.inner.change(id, edit).await
    }

    /// Ends a job in the recycle bin: its passwords go, its description stays for a while.
    pub async fn destroy(&self, id: &str) -> Result<()> {
        let now = self.now_ms();
        let edit = |job: &mut Job, secrets: &mut Secrets| {
            after_action(job.status, job.trade, Action::Destroy)?;
            off_line(job, secrets, now, false);
            Ok(())
        };
        self.inner.change(id, edit).await
    }
}

/// When a job in the bin will be offlined.
pub fn offline_due_ms(job: &Job) -> Option<u64> {
    job.isolated_ms.map(|since| since + BIN_MS)
}

impl Inner {
    /// Offlines jobs whose time in the bin is over, and forgets those long offlined.
    pub(crate) async fn keep_bin(self: Arc<Self>) {
        loop {
            let now = self.world.now_ms();
            for cell in self.cells() {
                let id = cell.job().id.clone();
                if let Err(error) = self.empty_bin(&id, now).await {
                    // The next look tries again; nothing depends on the minute.
                    tracing::warn!(job = %id, %error, "the recycle bin could not be emptied");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.world.sleep_until(now + LOOK_MS) => {}
            }
        }
    }

    async fn empty_bin(self: &Arc<Self>, id: &str, now: u64) -> Result<()> {
        let cell = self.cell(id)?;
        let job = cell.job();
        let past = |since: Option<u64>, time: u64| since.is_some_and(|since| since + time <= now);
        match job.trade {
            Trade::Isolated if past(job.isolated_ms, BIN_MS) => {
                let edit = |job: &mut Job, secrets: &mut Secrets| {
                    // Recovered meanwhile: it stays.
                    if job.trade == Trade::Isolated {
                        off_line(job, secrets, now, true);
                    }
                    Ok(())
                };
                self.change(id, edit).await
            }
            Trade::Offlined if past(job.offlined_ms, REMEMBERED_MS) => {
                let _writing = cell.writing.lock().await;
                self.forget_compares(id).await?;
                self.store.remove_job(id).await?;
                self.forget(id);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn off_line(job: &mut Job, secrets: &mut Secrets, now_ms: u64, expired: bool) {
    job.trade = Trade::Offlined;
    job.offlined_ms = Some(now_ms);
    job.bin_expired = expired;
    secrets.clear();
}
