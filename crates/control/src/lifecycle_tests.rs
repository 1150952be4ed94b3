//! The published operations by state, and the walks that public clients wait for.

use super::*;

const EVERY: [Action; 15] = [
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

fn steers(status: Status) -> Vec<Action> {
    let steering = |action: &Action| !matches!(action, Action::Modify | Action::Resize | Action::LimitRate);
    let allowed = |action: &Action| after_action(status, Trade::Normal, *action).is_ok();
    EVERY.into_iter().filter(steering).filter(allowed).collect()
}

#[test]
fn each_state_allows_what_is_published_and_nothing_else() {
    use Action::{Check, Complete, Configure, Continue, Isolate, Pause, Resume, SkipCheck, Start, Stop};
    let table: [(Status, &[Action]); 19] = [
        (Status::Creating, &[]),
        (Status::Created, &[Configure, Check, Isolate]),
        (Status::Checking, &[]),
        (Status::CheckPass, &[Configure, Check, Start, Isolate]),
        (Status::CheckNotPass, &[Configure, Check, SkipCheck, Isolate]),
        (Status::ReadyRun, &[Stop]),
        (Status::Running, &[Pause, Stop]),
        (Status::ReadyComplete, &[Pause, Complete, Stop]),
        (Status::Success, &[Isolate]),
        (Status::Failed, &[Isolate]),
        (Status::Stopping, &[]),
        (Status::Completing, &[]),
        (Status::Pausing, &[]),
        (Status::ManualPaused, &[Continue, Stop]),
        (Status::ResumableErr, &[Stop, Resume]),
        (Status::Resuming, &[]),
        (Status::Unknown, &[Stop]),
        (Status::Error, &[Stop, Resume]),
        (Status::Canceled, &[Isolate]),
    ];
    for (status, expected) in table {
        assert_eq!(steers(status), expected, "{status:?}");
    }
}

#[test]
fn a_refusal_names_the_state_and_what_is_possible() {
    let error = after_action(Status::Running, Trade::Normal, Action::Complete).expect_err("refused");
    assert_eq!(error.kind(), Kind::WrongState);
    assert_eq!(
        error.to_string(),
        "a job that is running does not allow to complete"
    );
    assert_eq!(
        error.remedy_text(),
        Some("In this state you can: modify, stop, pause, resize")
    );
}

#[test]
fn the_recycle_bin_gives_back_or_destroys_and_hides_all_else() {
    for action in EVERY {
        let seen = after_action(Status::Success, Trade::Isolated, action).is_ok();
        assert_eq!(
            seen,
            matches!(action, Action::Recover | Action::Destroy),
            "{action:?}"
        );
        assert!(after_action(Status::Success, Trade::Offlined, action).is_err());
    }
    assert_eq!(
        allowed_actions(Status::Success, Trade::Isolated),
        ["view", "offline", "recover"]
    );
}

#[test]
fn a_whole_job_walks_from_created_to_success() {
    let mut status = Status::Created;
    let act = |status: &mut Status, action| {
        *status = after_action(*status, Trade::Normal, action).expect("is allowed");
    };
    let happen = |status: &mut Status, happening| {
        *status = after_happening(*status, happening).expect("concerns it");
    };
    act(&mut status, Action::Check);
    happen(&mut status, Happening::CheckFailed);
    act(&mut status, Action::Check);
    happen(&mut status, Happening::CheckPassed);
    act(&mut status, Action::Start);
    happen(&mut status, Happening::RunBegan);
    happen(&mut status, Happening::CaughtUp);
    happen(&mut status, Happening::FellBehind);
    act(&mut status, Action::Pause);
    happen(&mut status, Happening::Paused);
    act(&mut status, Action::Continue);
    happen(&mut status, Happening::Faulted);
    act(&mut status, Action::Resume);
    happen(&mut status, Happening::RunBegan);
    happen(&mut status, Happening::CaughtUp);
    act(&mut status, Action::Complete);
    happen(&mut status, Happening::Finished);
    assert_eq!(status, Status::Success);
}

#[test]
fn a_late_report_moves_no_job_that_is_over() {
    for status in [
        Status::Success,
        Status::Canceled,
        Status::Failed,
        Status::ManualPaused,
    ] {
        for late in [
            Happening::Finished,
            Happening::Faulted,
            Happening::CaughtUp,
            Happening::RunBegan,
        ] {
            assert_eq!(after_happening(status, late), None, "{status:?} {late:?}");
        }
    }
}

#[test]
fn a_caught_up_run_is_no_success_without_complete() {
    assert_eq!(after_happening(Status::ReadyComplete, Happening::Finished), None);
    assert!(goes_on_after_restart(Status::ReadyComplete, Trade::Normal));
    assert!(!goes_on_after_restart(Status::ManualPaused, Trade::Normal));
    assert!(!goes_on_after_restart(Status::Running, Trade::Isolated));
}

#[test]
fn a_run_that_ends_while_it_is_to_stop_leaves_no_job_behind() {
    for (status, happening, expected) in [
        (Status::Pausing, Happening::Finished, Status::Success),
        (Status::Pausing, Happening::Faulted, Status::Error),
        (Status::Stopping, Happening::Finished, Status::Canceled),
        (Status::Stopping, Happening::Faulted, Status::Canceled),
        (Status::Completing, Happening::Faulted, Status::Error),
    ] {
        assert_eq!(after_happening(status, happening), Some(expected));
    }
}

#[test]
fn every_allowed_word_is_among_all_words() {
    for trade in [Trade::Normal, Trade::Isolated, Trade::Offlined] {
        for status in [
            Status::Created,
            Status::Running,
            Status::ManualPaused,
            Status::Error,
        ] {
            for word in allowed_actions(status, trade) {
                assert!(ALL_ACTIONS.contains(&word), "{word}");
            }
        }
    }
}
