//! A server that goes down and comes back: every job is where it was, or goes on.

use tidegate_model::report::Outcome;

use super::*;

#[tokio::test]
async fn a_run_goes_on_by_itself_and_stays_running_in_between() {
    let bench = Bench::new("restart-run").await;
    let (id, run) = bench.running(MigrateType::FullAndIncrement).await;
    let bench = bench.restart().await;
    assert!(run.stop.is_cancelled(), "the run was told to checkpoint and stop");
    assert_eq!(bench.job(&id).status, Status::Running);
    let again = bench.runner.next_run().await;
    assert_eq!(again.spec, run.spec);
    bench.end().await;
}

#[tokio::test]
async fn a_caught_up_job_must_catch_up_anew() {
    let bench = Bench::new("restart-ready").await;
    let (id, _run) = bench.caught_up().await;
    let bench = bench.restart().await;
    let run = bench.runner.next_run().await;
    assert_eq!(bench.job(&id).status, Status::Running);
    let stale = bench.jobs.get(&id).expect("is there").report;
    assert!(stale.is_none_or(|report| !report.caught_up && report.lag_seconds.is_none()));
    run.report(caught_up());
    bench
        .seen(&id, |_, report| report.is_some_and(|report| report.caught_up))
        .await;
    bench.world.advance(1_000);
    bench.until(&id, Status::ReadyComplete).await;
    bench.end().await;
}

#[tokio::test]
async fn a_cutover_under_way_is_carried_on() {
    let bench = Bench::new("restart-complete").await;
    let (id, _run) = bench.caught_up().await;
    bench.jobs.complete(&id).await.expect("completes");
    let bench = bench.restart().await;
    let run = bench.runner.next_run().await;
    run.complete.cancelled().await;
    run.report(RunReport {
        cutover: Some(tidegate_model::report::CutoverRecord {
            equal: true,
            ..Default::default()
        }),
        ..caught_up()
    });
    run.end(Outcome::Finished);
    bench.until(&id, Status::Success).await;
    bench.end().await;
}

/// A store as a killed server leaves it: the state is written, nothing has acted on it.
#[tokio::test]
async fn every_state_that_was_under_way_ends_well_after_a_kill() {
    for (status, expected) in [
        (Status::Checking, Status::CheckPass),
        (Status::ReadyRun, Status::Running),
        (Status::Resuming, Status::Running),
        (Status::Pausing, Status::ManualPaused),
        (Status::Stopping, Status::Canceled),
    ] {
        let bench = Bench::new("restart-kill").await;
        let id = bench.configured(MigrateType::FullAndIncrement).await;
        bench.jobs.inner.stop.cancel();
        let put = move |job: &mut Job, _: &mut tidegate_meta::Secrets| {
            job.status = status;
            Ok(())
        };
        bench.jobs.inner.change(&id, put).await.expect("writes");
        let bench = bench.restart().await;
        bench.until(&id, expected).await;
        bench.end().await;
    }
}

#[tokio::test]
async fn jobs_at_rest_stay_at_rest() {
    let bench = Bench::new("restart-rest").await;
    let created = bench.created().await;
    let (paused, _run) = bench.running(MigrateType::Full).await;
    bench.jobs.pause(&paused).await.expect("pauses");
    bench.until(&paused, Status::ManualPaused).await;
    let bench = bench.restart().await;
    assert_eq!(bench.job(&created).status, Status::Created);
    assert_eq!(bench.job(&paused).status, Status::ManualPaused);
    assert!(bench.runner.no_run().await);
    assert!(bench.created().await != created);
    bench.end().await;
}

#[tokio::test]
async fn a_finished_run_is_a_success_even_if_the_server_goes_down_at_that_moment() {
    let bench = Bench::new("restart-finish").await;
    let (id, run) = bench.running(MigrateType::Full).await;
    run.end(Outcome::Finished);
    let bench = bench.restart().await;
    bench.until(&id, Status::Success).await;
    bench.end().await;
}

#[tokio::test]
async fn a_run_that_loses_its_line_while_the_server_goes_down_goes_on_later() {
    let bench = Bench::new("restart-line").await;
    let (id, run) = bench.running(MigrateType::FullAndIncrement).await;
    run.end(Outcome::Failed(tidegate_model::report::Trouble {
        kind: tidegate_model::error::Kind::Retry,
        message: "cut".to_owned(),
        remedy: String::new(),
        since_ms: 0,
        attempts: 1,
    }));
    bench.jobs.inner.stop.cancel();
    let bench = bench.restart().await;
    // Either it had ended before the stop was heard, or it goes on.
    let status = bench.job(&id).status;
    assert!(matches!(status, Status::Running | Status::Error), "{status:?}");
    bench.end().await;
}

#[tokio::test]
async fn the_target_is_tidied_once_the_end_is_stored_and_again_after_a_failure() {
    let bench = Bench::new("restart-tidy").await;
    let (id, run) = bench.running(MigrateType::Full).await;
    bench
        .runner
        .forgets
        .lock()
        .expect("whole")
        .push_back(Err(tidegate_model::Error::retry("the target is away")));
    run.end(Outcome::Finished);
    bench.world.advance(10_000);
    bench.until(&id, Status::Success).await;
    bench
        .seen(&id, |_, _| {
            bench.runner.forgotten.lock().expect("whole").len() == 1
        })
        .await;
    assert!(bench.job(&id).has_traces, "what was not removed is remembered");
    let bench = bench.restart().await;
    bench.seen(&id, |job, _| !job.has_traces).await;
    assert_eq!(bench.job(&id).status, Status::Success);
    bench.end().await;
}
