//! Lives of jobs from creation to their ends, by every way there is.

use tidegate_model::error::Kind;
use tidegate_model::finding::Verdict;
use tidegate_model::report::{CutoverRecord, Outcome, Stage, Trouble};

use super::scripted::{gone, step};
use super::*;
use crate::list::Filter;
use crate::steps::{StepState, steps};

fn trouble(kind: Kind) -> Trouble {
    Trouble {
        kind,
        message: "no more room".to_owned(),
        remedy: "Make room".to_owned(),
        since_ms: 1,
        attempts: 3,
    }
}

#[tokio::test]
async fn a_whole_life_to_a_proven_cutover() {
    let bench = Bench::new("whole").await;
    let (id, run) = bench.caught_up().await;
    assert_eq!(run.spec.job_id, id);
    assert_eq!(
        (
            run.spec.source.password.as_str(),
            run.spec.target.password.as_str()
        ),
        ("one", "two")
    );
    bench.jobs.complete(&id).await.expect("completes");
    run.complete.cancelled().await;
    assert_eq!(bench.job(&id).status, Status::Completing);
    let record = CutoverRecord {
        equal: true,
        source_position: "p".to_owned(),
        ..CutoverRecord::default()
    };
    run.report(RunReport {
        stage: Stage::Done,
        cutover: Some(record.clone()),
        ..RunReport::default()
    });
    run.end(Outcome::Finished);
    bench.until(&id, Status::Success).await;
    let job = bench.job(&id);
    assert_eq!(job.record, Some(record));
    assert!(job.ended_ms.is_some() && job.started_ms.is_some());
    let view = bench.jobs.get(&id).expect("is there");
    let seen = steps(&view.job, view.report.as_ref());
    assert!(
        seen.all
            .iter()
            .all(|step| (step.state, step.percent) == (StepState::Finished, 100))
    );
    let bench = bench.restart().await;
    assert!(bench.job(&id).record.is_some(), "the record outlives the server");
    bench.end().await;
}

#[tokio::test]
async fn a_job_without_changes_is_seen_running_and_ends_by_itself() {
    let bench = Bench::new("full").await;
    let (id, run) = bench.running(MigrateType::Full).await;
    run.end(Outcome::Finished);
    bench.world.advance(4_999);
    assert!(bench.runner.no_run().await);
    assert_eq!(bench.job(&id).status, Status::Running);
    bench.world.advance(1);
    bench.until(&id, Status::Success).await;
    let seen = steps(
        &bench.job(&id),
        bench.jobs.get(&id).expect("is there").report.as_ref(),
    );
    assert_eq!(seen.all[2].state, StepState::Skipped);
    bench.end().await;
}

#[tokio::test]
async fn ready_to_complete_is_only_said_while_it_is_true() {
    let bench = Bench::new("calm").await;
    let (id, run) = bench.caught_up().await;
    run.report(RunReport {
        caught_up: false,
        lag_bytes: Some(1),
        lag_seconds: Some(7),
        ..caught_up()
    });
    bench
        .seen(&id, |_, report| report.is_some_and(|report| !report.caught_up))
        .await;
    bench.world.advance(4_999);
    assert_eq!(bench.job(&id).status, Status::ReadyComplete);
    let view = bench.jobs.get(&id).expect("is there");
    let seen = steps(&view.job, view.report.as_ref());
    assert_eq!(
        (seen.lag_mb, seen.lag_seconds),
        (Some(1), Some(7)),
        "the lag is told at once"
    );
    bench.world.advance(1);
    bench.until(&id, Status::Running).await;
    assert!(bench.jobs.complete(&id).await.is_err());
    run.report(caught_up());
    bench
        .seen(&id, |_, report| report.is_some_and(|report| report.caught_up))
        .await;
    bench.world.advance(1_000);
    bench.until(&id, Status::ReadyComplete).await;
    bench.end().await;
}

#[tokio::test]
async fn an_error_keeps_its_remedy_and_resume_goes_on() {
    let bench = Bench::new("error").await;
    let (id, run) = bench.running(MigrateType::FullAndIncrement).await;
    run.end(Outcome::Failed(trouble(Kind::NeedsUser)));
    bench.until(&id, Status::Error).await;
    assert_eq!(
        bench.job(&id).trouble.as_ref().map(|one| one.remedy.as_str()),
        Some("Make room")
    );
    bench.jobs.resume(&id).await.expect("resumes");
    let run = bench.runner.next_run().await;
    bench.until(&id, Status::Running).await;
    assert_eq!(bench.job(&id).trouble, None);
    run.end(Outcome::Failed(trouble(Kind::Retry)));
    bench.until(&id, Status::Error).await;
    bench.jobs.stop(&id).await.expect("stops");
    bench.until(&id, Status::Canceled).await;
    bench.end().await;
}

#[tokio::test]
async fn what_nobody_asked_for_is_an_error() {
    let bench = Bench::new("unasked").await;
    for outcome in [Outcome::Stopped, Outcome::Finished] {
        let (id, run) = bench.running(MigrateType::FullAndIncrement).await;
        run.end(outcome);
        bench.until(&id, Status::Error).await;
    }
    let (id, run) = bench.caught_up().await;
    bench.jobs.complete(&id).await.expect("completes");
    run.report(RunReport {
        cutover: Some(CutoverRecord::default()),
        ..caught_up()
    });
    run.end(Outcome::Finished);
    bench.until(&id, Status::Error).await;
    let job = bench.job(&id);
    assert_eq!(job.trouble.as_ref().map(|one| one.kind), Some(Kind::Conflict));
    assert!(job.record.is_some(), "the record that says what differs is kept");
    bench.end().await;
}

#[tokio::test]
async fn pause_and_continue_begin_a_new_run() {
    let bench = Bench::new("pause").await;
    let (id, run) = bench.caught_up().await;
    bench.jobs.pause(&id).await.expect("pauses");
    bench.until(&id, Status::ManualPaused).await;
    assert!(run.stop.is_cancelled());
    let report = bench.jobs.get(&id).expect("is there").report.expect("has run");
    assert_eq!(
        (report.caught_up, report.lag_seconds),
        (false, None),
        "nobody reads the log now"
    );
    bench.jobs.go_on(&id).await.expect("continues");
    let run = bench.runner.next_run().await;
    assert_eq!(bench.job(&id).status, Status::Running);
    bench.jobs.stop(&id).await.expect("stops");
    bench.until(&id, Status::Canceled).await;
    assert!(run.stop.is_cancelled());
    bench.end().await;
}

#[tokio::test]
async fn a_timed_job_waits_for_its_time_and_can_be_stopped_before() {
    let bench = Bench::new("timed").await;
    for stopped in [false, true] {
        let id = bench.created().await;
        let at = bench.jobs.now_ms() + 60_000;
        let mut with = configuration(MigrateType::Full);
        with.start_at = StartAt::Timed(at);
        bench.jobs.configure(&id, with).await.expect("configures");
        bench.jobs.check(&id).await.expect("checks");
        bench.until(&id, Status::CheckPass).await;
        bench.jobs.start(&id).await.expect("starts");
        bench.world.advance(59_999);
        assert_eq!(bench.job(&id).status, Status::ReadyRun);
        assert!(bench.runner.no_run().await);
        if stopped {
            bench.jobs.stop(&id).await.expect("stops");
            bench.until(&id, Status::Canceled).await;
        }
        bench.world.advance(1);
        if !stopped {
            let _run = bench.runner.next_run().await;
            bench.until(&id, Status::Running).await;
        }
    }
    assert!(bench.runner.no_run().await);
    bench.end().await;
}

#[tokio::test]
async fn a_failed_check_blocks_until_it_is_skipped_and_checked_again() {
    let bench = Bench::new("check").await;
    let id = bench.configured(MigrateType::Full).await;
    let failing = || {
        Ok(vec![
            step("ConnectDBCheck", Verdict::Pass, false),
            step("DstEmptyCheck", Verdict::Failure, true),
            step("ConstraintCheck", Verdict::Failure, true),
        ])
    };
    bench.runner.next_check(failing());
    bench.jobs.check(&id).await.expect("checks");
    bench.until(&id, Status::CheckNotPass).await;
    assert!(bench.jobs.start(&id).await.is_err());
    let skip = ["DstEmptyCheck".to_owned()];
    let keys = Some(tidegate_model::job::ForeignKeys::Shield);
    assert!(
        bench.jobs.skip(&id, &skip, keys).await.is_err(),
        "a flag without its step"
    );
    bench.jobs.skip(&id, &skip, None).await.expect("skips");
    bench
        .jobs
        .skip(&id, &["ConstraintCheck".to_owned()], keys)
        .await
        .expect("skips");
    assert_eq!(bench.job(&id).status, Status::CheckNotPass);
    bench.runner.next_check(failing());
    bench.jobs.check(&id).await.expect("checks");
    bench.until(&id, Status::CheckPass).await;
    let spec = bench
        .runner
        .checked
        .lock()
        .expect("whole")
        .pop()
        .expect("was checked");
    assert_eq!(spec.skipped_checks, ["ConstraintCheck", "DstEmptyCheck"]);
    assert_eq!(spec.foreign_keys, tidegate_model::job::ForeignKeys::Shield);
    bench.end().await;
}

#[tokio::test]
async fn a_check_that_says_nothing_does_not_pass_and_one_that_hangs_is_given_up() {
    let bench = Bench::new("mute").await;
    let id = bench.configured(MigrateType::Full).await;
    bench.runner.next_check(Err(gone()));
    bench.jobs.check(&id).await.expect("checks");
    bench.until(&id, Status::CheckNotPass).await;
    let check = bench.job(&id).check.clone().expect("was checked");
    assert_eq!(check.trouble.map(|one| one.remedy), Some("Start it".to_owned()));
    let unran = crate::tests::scripted::step("VersionCheck", Verdict::Pass, false);
    bench
        .runner
        .next_check(Ok(vec![tidegate_model::finding::CheckStep {
            ran: false,
            ..unran
        }]));
    bench.jobs.check(&id).await.expect("checks");
    bench
        .seen(&id, |job, _| {
            job.status == Status::CheckNotPass
                && job.check.as_ref().is_some_and(|check| !check.steps.is_empty())
        })
        .await;
    bench.end().await;
}

#[tokio::test]
async fn rates_and_class_reach_the_run_at_once() {
    let bench = Bench::new("rates").await;
    let (id, mut run) = bench.running(MigrateType::Full).await;
    assert_eq!(run.limits.borrow().dump_threads, 2);
    let rates = Rates {
        dump_threads: Some(3),
        dump_rows_per_second: Some(500),
        ..Rates::default()
    };
    bench.jobs.limit_rates(&id, rates).await.expect("limits");
    run.limits.changed().await.expect("is told");
    let seen = *run.limits.borrow_and_update();
    assert_eq!((seen.dump_threads, seen.dump_rows_per_second), (3, 500));
    bench
        .jobs
        .resize(&id, InstanceClass::Large)
        .await
        .expect("resizes");
    run.limits.changed().await.expect("is told");
    let seen = *run.limits.borrow();
    assert_eq!((seen.dump_threads, seen.load_threads), (3, 8));
    bench.jobs.rename(&id, "other").await.expect("renames");
    assert!(!run.limits.has_changed().expect("is there"));
    bench.end().await;
}

#[tokio::test]
async fn listings_are_newest_first_and_filtered() {
    let bench = Bench::new("list").await;
    let (a, b, c) = (
        bench.created().await,
        bench.created().await,
        bench.created().await,
    );
    bench.jobs.rename(&b, "shop nightly").await.expect("renames");
    let check = |filter: Filter, expected: &[&String]| {
        let (total, page) = bench.jobs.list(&Filter {
            limit: filter.limit.max(2),
            ..filter
        });
        let ids: Vec<String> = page.iter().map(|view| view.job.id.clone()).collect();
        let expected: Vec<String> = expected.iter().map(|id| (*id).clone()).collect();
        assert_eq!(ids, expected);
        total
    };
    assert_eq!(check(Filter::default(), &[&c, &b]), 3);
    assert_eq!(
        check(
            Filter {
                offset: 2,
                ..Filter::default()
            },
            &[&a]
        ),
        3
    );
    assert_eq!(
        check(
            Filter {
                oldest_first: true,
                ..Filter::default()
            },
            &[&a, &b]
        ),
        3
    );
    assert_eq!(
        check(
            Filter {
                job_name: Some("night".to_owned()),
                ..Filter::default()
            },
            &[&b]
        ),
        1
    );
    assert_eq!(
        check(
            Filter {
                statuses: vec![Status::Running],
                ..Filter::default()
            },
            &[]
        ),
        0
    );
    assert_eq!(
        check(
            Filter {
                timed: Some(true),
                ..Filter::default()
            },
            &[]
        ),
        0
    );
    assert_eq!(
        check(
            Filter {
                job_id: Some(a.clone()),
                ..Filter::default()
            },
            &[&a]
        ),
        1
    );
    let mut other = Filter::default();
    other.source.region = Some("elsewhere".to_owned());
    assert_eq!(check(other, &[]), 0);
    bench.end().await;
}
