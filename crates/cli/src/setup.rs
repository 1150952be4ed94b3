//! From nothing to a checked job, and back: create, configure, check, remove.
//!
//! The wire API works in the background; each step here waits for the state
//! that it leads to, with a deadline.

use std::time::Duration;

use tidegate_model::{Error, Kind, Result};
use tidegate_rpc::actions::{
    CreateMigrateCheckJobRequest, CreateMigrationServiceAnswer, CreateMigrationServiceRequest,
    DatabaseTableObject, DescribeMigrationCheckJobAnswer, DescribeMigrationCheckJobRequest,
    DescribeMigrationDetailAnswer, DescribeMigrationDetailRequest, DestroyMigrateJobRequest,
    IsolateMigrateJobRequest, MigrateOption, ModifyMigrationJobRequest, SkipCheckItemRequest,
};
use tokio::time::Instant;

use crate::client::Client;
use crate::database_url::REGION;
use crate::side::Side;

const POLL: Duration = Duration::from_millis(300);
/// States that the server passes by itself; it needs a few seconds.
const STATE_TIME: Duration = Duration::from_secs(60);
/// A check reads the catalogs of both sides; with 100,000 tables that takes minutes.
const CHECK_TIME: Duration = Duration::from_secs(1800);

#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) from: Side,
    pub(crate) to: Side,
    pub(crate) objects: DatabaseTableObject,
    /// In the wire API's spelling.
    pub(crate) migrate_type: &'static str,
    pub(crate) accounts: bool,
    pub(crate) override_root: bool,
    pub(crate) name: Option<String>,
    pub(crate) class: String,
}

/// The id of a new job, ready to be configured.
pub(crate) async fn create(client: &Client, order: &Order) -> Result<String> {
    let request = CreateMigrationServiceRequest {
        src_database_type: Some(order.from.engine.clone()),
        dst_database_type: Some(order.to.engine.clone()),
        src_region: Some(REGION.to_owned()),
        dst_region: Some(REGION.to_owned()),
        instance_class: Some(order.class.clone()),
        count: Some(1),
        job_name: order.name.clone(),
        tags: None,
    };
    let answer: CreateMigrationServiceAnswer = client.call("CreateMigrationService", &request).await?;
    let job = answer.job_ids.unwrap_or_default().into_iter().next();
    let job = job.ok_or_else(|| Error::bug("the server made a job and gave no id"))?;
    until(client, &job, |detail| detail.status.as_deref() == Some("created")).await?;
    Ok(job)
}

pub(crate) async fn configure(client: &Client, job: &str, order: &Order) -> Result<()> {
    let request = ModifyMigrationJobRequest {
        job_id: Some(job.to_owned()),
        run_mode: Some("immediate".to_owned()),
        migrate_option: Some(MigrateOption {
            database_table: Some(order.objects.clone()),
            migrate_type: Some(order.migrate_type.to_owned()),
            is_migrate_account: order.accounts.then_some(true),
            is_override_root: order.override_root.then_some(true),
            ..MigrateOption::default()
        }),
        src_info: Some(order.from.endpoint.clone()),
        dst_info: Some(order.to.endpoint.clone()),
        job_name: order.name.clone(),
        ..ModifyMigrationJobRequest::default()
    };
    client.tell("ModifyMigrationJob", &request).await
}

/// Runs the precheck; with steps to skip, skips those that failed and runs it again.
pub(crate) async fn check(
    client: &Client,
    job: &str,
    skip: &[String],
) -> Result<DescribeMigrationCheckJobAnswer> {
    let first = check_once(client, job).await?;
    if skip.is_empty() || crate::findings::passed(&first) {
        return Ok(first);
    }
    let request = SkipCheckItemRequest {
        job_id: Some(job.to_owned()),
        step_ids: Some(skip.to_vec()),
        foreign_key_flag: None,
    };
    client.tell("SkipCheckItem", &request).await?;
    check_once(client, job).await
}

async fn check_once(client: &Client, job: &str) -> Result<DescribeMigrationCheckJobAnswer> {
    let request = CreateMigrateCheckJobRequest {
        job_id: Some(job.to_owned()),
    };
    client.tell("CreateMigrateCheckJob", &request).await?;
    let deadline = Instant::now() + CHECK_TIME;
    let request = DescribeMigrationCheckJobRequest {
        job_id: Some(job.to_owned()),
    };
    loop {
        let answer: DescribeMigrationCheckJobAnswer =
            client.call("DescribeMigrationCheckJob", &request).await?;
        if matches!(answer.status.as_deref(), Some("success" | "failed")) {
            return Ok(answer);
        }
        wait_more(deadline, "the precheck has not ended").await?;
    }
}

pub(crate) async fn detail(client: &Client, job: &str) -> Result<DescribeMigrationDetailAnswer> {
    let request = DescribeMigrationDetailRequest {
        job_id: Some(job.to_owned()),
    };
    client.call("DescribeMigrationDetail", &request).await
}

/// Isolates, then destroys. A job under way must be stopped before.
pub(crate) async fn remove(client: &Client, job: &str) -> Result<()> {
    let job_id = Some(job.to_owned());
    if trade_of(&detail(client, job).await?) != "isolated" {
        client
            .tell(
                "IsolateMigrateJob",
                &IsolateMigrateJobRequest {
                    job_id: job_id.clone(),
                },
            )
            .await?;
        let away =
            |detail: &DescribeMigrationDetailAnswer| matches!(trade_of(detail), "isolated" | "offlined");
        if gone(until(client, job, away).await)? || trade_of(&detail(client, job).await?) == "offlined" {
            return Ok(());
        }
    }
    client
        .tell("DestroyMigrateJob", &DestroyMigrateJobRequest { job_id })
        .await?;
    gone(until(client, job, |detail| trade_of(detail) == "offlined").await).map(drop)
}

fn trade_of(detail: &DescribeMigrationDetailAnswer) -> &str {
    let trade = detail.trade_info.as_ref();
    trade
        .and_then(|trade| trade.trade_status.as_deref())
        .unwrap_or_default()
}

/// A job that is not there any more has been removed.
fn gone(waited: Result<()>) -> Result<bool> {
    match waited {
        Err(error) if error.kind() == Kind::NotFound => Ok(true),
        waited => waited.map(|()| false),
    }
}

async fn until(
    client: &Client,
    job: &str,
    there: impl Fn(&DescribeMigrationDetailAnswer) -> bool,
) -> Result<()> {
    let deadline = Instant::now() + STATE_TIME;
    while !there(&detail(client, job).await?) {
        wait_more(deadline, "the job has not come to the state that it should be in").await?;
    }
    Ok(())
}

async fn wait_more(deadline: Instant, what: &str) -> Result<()> {
    if Instant::now() >= deadline {
        return Err(Error::retry(what).remedy("look at it with `tidegate job show JOB`"));
    }
    tokio::time::sleep(POLL).await;
    Ok(())
}
