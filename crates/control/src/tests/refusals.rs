//! What is refused, and that a refusal changes nothing.

use std::future::Future;
use std::pin::Pin;

use tidegate_model::Result;
use tidegate_model::error::Kind;
use tidegate_model::finding::Verdict;

use super::scripted::step;
use super::*;
use crate::lifecycle::{Action, Trade, after_action};

pub(super) type Asking<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

pub(super) fn ask<'a>(jobs: &'a Jobs, id: &'a str, action: Action) -> Asking<'a> {
    let with = configuration(MigrateType::Full);
    Box::pin(async move {
        match action {
            Action::Configure => jobs.configure(id, with).await,
            Action::Check => jobs.check(id).await,
            Action::SkipCheck => jobs.skip(id, &["X".to_owned()], None).await.map(drop),
            Action::Start => jobs.start(id).await,
            Action::Pause => jobs.pause(id).await,
            Action::Continue => jobs.go_on(id).await,
            Action::Complete => jobs.complete(id).await,
            Action::Stop => jobs.stop(id).await,
            Action::Resume => jobs.resume(id).await,
            Action::Modify => jobs.rename(id, "n").await,
            Action::LimitRate => {
                let rates = Rates {
                    dump_threads: Some(1),
                    ..Rates::default()
                };
                jobs.limit_rates(id, rates).await
            }
            Action::Resize => jobs.resize(id, InstanceClass::Micro).await,
            Action::Isolate => jobs.isolate(id).await,
            Action::Recover => jobs.recover(id).await,
            Action::Destroy => jobs.destroy(id).await,
        }
    })
}

pub(super) const ACTIONS: [Action; 15] = [
    Action::Configure,
    Action::Check,
    Action::SkipCheck,
    Action::Start,
    Action::Pause,
    Action::Continue,
    Action::Complete,
    Action::Stop,
    Action::Resume,
    Action::Modify,
    Action::LimitRate,
    Action::Resize,
    Action::Isolate,
    Action::Recover,
    Action::Destroy,
];

const STATES: [Status; 19] = [
    Status::Creating,
    Status::Created,
    Status::Checking,
    Status::CheckPass,
    Status::CheckNotPass,
    Status::ReadyRun,
    Status::Running,
    Status::ReadyComplete,
    Status::Success,
    Status::Failed,
    Status::Stopping,
    Status::Completing,
    Status::Pausing,
    Status::ManualPaused,
    Status::ResumableErr,
    Status::Resuming,
    Status::Unknown,
    Status::Error,
    Status::Canceled,
];

/// Every state with every action: what the rules refuse is refused, and leaves the job as it was.
#[tokio::test]
async fn a_wrong_state_is_refused_and_changes_nothing() {
    let bench = Bench::new("refuse").await;
    // No supervisor moves the jobs on meanwhile.
    bench.jobs.inner.stop.cancel();
    let id = bench.configured(MigrateType::Full).await;
    let mut refused = 0;
    for trade in [Trade::Normal, Trade::Isolated, Trade::Offlined] {
        for status in STATES {
            for action in ACTIONS {
                if after_action(status, trade, action).is_ok() {
                    continue;
                }
                let put = move |job: &mut Job, _: &mut tidegate_meta::Secrets| {
                    (job.status, job.trade) = (status, trade);
                    Ok(())
                };
                bench.jobs.inner.change(&id, put).await.expect("writes");
                let before = bench.job(&id);
                bench.world.advance(1);
                let error = ask(&bench.jobs, &id, action).await.expect_err("refused");
                assert_eq!(
                    error.kind(),
                    Kind::WrongState,
                    "{status:?} {trade:?} {action:?}: {error}"
                );
                assert_eq!(bench.job(&id), before, "{status:?} {action:?}");
                let stored = bench
                    .jobs
                    .inner
                    .store
                    .job(&id)
                    .await
                    .expect("reads")
                    .expect("is there");
                let stored: Job = serde_json::from_value(stored.body).expect("a job");
                assert_eq!(stored, *before);
                refused += 1;
            }
        }
    }
    assert!(refused > 500, "{refused}");
    bench.end().await;
}

#[tokio::test]
async fn an_unknown_id_is_not_found_by_any_action() {
    let bench = Bench::new("unknown").await;
    for action in ACTIONS {
        let error = ask(&bench.jobs, "dts-nothere1", action)
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), Kind::NotFound, "{action:?}");
    }
    assert!(bench.jobs.set_attributes("dts-nothere1", &[]).is_err());
    bench.end().await;
}

#[tokio::test]
async fn a_job_that_is_not_configured_is_not_checked() {
    let bench = Bench::new("bare").await;
    let id = bench.created().await;
    assert_eq!(
        bench.jobs.check(&id).await.expect_err("refused").kind(),
        Kind::WrongState
    );
    assert_eq!(bench.job(&id).status, Status::Created);
    bench.end().await;
}

#[tokio::test]
async fn types_and_regions_are_fixed_for_life() {
    let bench = Bench::new("fixed").await;
    let id = bench.created().await;
    let mut other = configuration(MigrateType::Full);
    other.task.source.engine = EngineKind::Mariadb;
    assert_eq!(
        bench
            .jobs
            .configure(&id, other)
            .await
            .expect_err("refused")
            .kind(),
        Kind::BadInput
    );
    let mut other = configuration(MigrateType::Full);
    other.task.target.region = "s".to_owned();
    assert_eq!(
        bench
            .jobs
            .configure(&id, other)
            .await
            .expect_err("refused")
            .kind(),
        Kind::BadInput
    );
    assert_eq!(bench.job(&id).task, None);
    bench.end().await;
}

#[tokio::test]
async fn only_a_failed_and_skippable_step_is_skipped() {
    let bench = Bench::new("skip").await;
    let id = bench.configured(MigrateType::Full).await;
    let found = vec![
        step("Passed", Verdict::Pass, true),
        step("Hard", Verdict::Failure, false),
        step("Soft", Verdict::Failure, true),
    ];
    bench.runner.next_check(Ok(found));
    bench.jobs.check(&id).await.expect("checks");
    bench.until(&id, Status::CheckNotPass).await;
    for (name, kind) in [
        ("Passed", Kind::BadInput),
        ("Hard", Kind::WrongState),
        ("Nowhere", Kind::BadInput),
    ] {
        // One bad step refuses all of them.
        let steps = ["Soft".to_owned(), name.to_owned()];
        let error = bench.jobs.skip(&id, &steps, None).await.expect_err("refused");
        assert_eq!(error.kind(), kind, "{name}");
        assert!(bench.job(&id).skipped.is_empty());
    }
    bench.end().await;
}

#[tokio::test]
async fn a_password_is_kept_for_the_same_server_and_user_only() {
    let bench = Bench::new("password").await;
    let id = bench.configured(MigrateType::Full).await;
    let mut again = configuration(MigrateType::Full);
    again.passwords = Passwords::default();
    again.task.target = side("elsewhere");
    bench.jobs.configure(&id, again).await.expect("configures");
    bench.jobs.check(&id).await.expect("checks");
    bench.until(&id, Status::CheckPass).await;
    let spec = bench
        .runner
        .checked
        .lock()
        .expect("whole")
        .pop()
        .expect("was checked");
    assert_eq!(
        (spec.source.password.as_str(), spec.target.password.as_str()),
        ("one", "")
    );
    let body = serde_json::to_string(&*bench.job(&id)).expect("writes");
    assert!(!body.contains("\"one\""), "{body}");
    bench.end().await;
}
