//! The states of a migration job, and which action is allowed in which.
//!
//! Source: the wire API's states and its published operations by state. A job
//! has two axes: `Status` says how far it is, `Trade` whether it lies in the
//! recycle bin. Pure: no clock, no store. Everything that asks "may I" asks here.

use serde::{Deserialize, Serialize};
use tidegate_model::{Error, Kind, Result};

/// Exactly the wire API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    Creating,
    Created,
    Checking,
    CheckPass,
    CheckNotPass,
    ReadyRun,
    Running,
    ReadyComplete,
    Success,
    Failed,
    Stopping,
    Completing,
    Pausing,
    ManualPaused,
    ResumableErr,
    Resuming,
    Unknown,
    Error,
    Canceled,
}

/// The recycle bin's axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trade {
    Normal,
    Isolating,
    Isolated,
    Offlining,
    Offlined,
}

/// What a user asks for. `View` and its like need no permission and are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Configure,
    Check,
    SkipCheck,
    Start,
    Pause,
    Continue,
    Complete,
    Stop,
    Resume,
    /// Name and attributes: what changes no state and is allowed in any.
    Modify,
    /// Rates of a run under way.
    LimitRate,
    Resize,
    Isolate,
    Recover,
    Destroy,
}

/// What happened to a run or a check: moves a job on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    CheckPassed,
    CheckFailed,
    /// The timer of a timed job, or at once for others.
    RunBegan,
    /// All changes up to now are on the target.
    CaughtUp,
    /// The run is no longer caught up: the source was faster, or it is away.
    FellBehind,
    Paused,
    Stopped,
    /// Rows copied, or the cutover proven equal.
    Finished,
    /// Stopped by an error; Resume goes on from the checkpoint.
    Faulted,
    /// Stopped by an error that no retry can mend.
    Broken,
}

/// The Status after an action. Trade actions leave it as it is.
pub fn after_action(status: Status, trade: Trade, action: Action) -> Result<Status> {
    next(status, trade, action).ok_or_else(|| refused(status, trade, action))
}

fn next(status: Status, trade: Trade, action: Action) -> Option<Status> {
    match trade {
        Trade::Normal => normal(status, action),
        Trade::Isolated => matches!(action, Action::Recover | Action::Destroy).then_some(status),
        Trade::Isolating | Trade::Offlining | Trade::Offlined => None,
    }
}

fn normal(status: Status, action: Action) -> Option<Status> {
    use Status::{
        Canceled, CheckNotPass, CheckPass, Checking, Completing, Created, Error, Failed, ManualPaused,
        Pausing, ReadyComplete, ReadyRun, ResumableErr, Resuming, Running, Stopping, Success, Unknown,
    };
    let before_start = matches!(status, Created | CheckPass | CheckNotPass);
    let over = matches!(status, Success | Failed | Canceled);
    match action {
        // A changed job must be checked anew.
        Action::Configure => before_start.then_some(Created),
        Action::Check => before_start.then_some(Checking),
        Action::SkipCheck => (status == CheckNotPass).then_some(status),
        Action::Start => (status == CheckPass).then_some(ReadyRun),
        Action::Pause => matches!(status, Running | ReadyComplete).then_some(Pausing),
        Action::Continue => (status == ManualPaused).then_some(Running),
        Action::Complete => (status == ReadyComplete).then_some(Completing),
        Action::Stop => matches!(
            status,
            ReadyRun | Running | ReadyComplete | Error | ResumableErr | ManualPaused | Unknown
        )
        .then_some(Stopping),
        Action::Resume => matches!(status, Error | ResumableErr).then_some(Resuming),
        Action::Modify => Some(status),
        Action::LimitRate => matches!(status, Running | ReadyComplete).then_some(status),
        Action::Resize => (!over).then_some(status),
        // A job that runs must be stopped first, or it would go on unseen.
        Action::Isolate => (before_start || over).then_some(status),
        Action::Recover | Action::Destroy => None,
    }
}

fn refused(status: Status, trade: Trade, action: Action) -> Error {
    let state = if trade == Trade::Normal {
        word(&status)
    } else {
        word(&trade)
    };
    let allowed: Vec<&str> = allowed_actions(status, trade)
        .into_iter()
        .filter(|name| *name != "view")
        .collect();
    let remedy = if allowed.is_empty() {
        "Wait until the state has changed".to_owned()
    } else {
        format!("In this state you can: {}", allowed.join(", "))
    };
    let action = said(action);
    Error::new(
        Kind::WrongState,
        format!("a job that is {state} does not allow to {action}"),
    )
    .remedy(remedy)
}

fn said(action: Action) -> &'static str {
    match action {
        Action::Configure => "configure",
        Action::Check => "check",
        Action::SkipCheck => "skip checks",
        Action::Start => "start",
        Action::Pause => "pause",
        Action::Continue => "continue",
        Action::Complete => "complete",
        Action::Stop => "stop",
        Action::Resume => "resume",
        Action::Modify => "modify",
        Action::LimitRate => "limit rates",
        Action::Resize => "resize",
        Action::Isolate => "isolate",
        Action::Recover => "recover",
        Action::Destroy => "destroy",
    }
}

fn word(state: &impl Serialize) -> String {
    let value = serde_json::to_value(state).ok();
    value
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The Status after something happened to a run. None: it does not concern a job
/// in this state (a run's last report that comes after its end, say).
pub fn after_happening(status: Status, happening: Happening) -> Option<Status> {
    use Status::{
        CheckNotPass, CheckPass, Checking, Completing, Error, Failed, ManualPaused, Pausing, ReadyComplete,
        ReadyRun, Resuming, Running, Stopping, Success,
    };
    let runs = matches!(status, Running | ReadyComplete | Completing | Resuming);
    match happening {
        Happening::CheckPassed => (status == Checking).then_some(CheckPass),
        Happening::CheckFailed => (status == Checking).then_some(CheckNotPass),
        Happening::RunBegan => matches!(status, ReadyRun | Resuming).then_some(Running),
        Happening::CaughtUp => (status == Running).then_some(ReadyComplete),
        Happening::FellBehind => (status == ReadyComplete).then_some(Running),
        Happening::Paused => (status == Pausing).then_some(ManualPaused),
        Happening::Stopped => (status == Stopping).then_some(Status::Canceled),
        // A run without changes ends by itself; others only after Complete. One that
        // was to stop and ended first has nothing left to stop: what the user wanted holds.
        Happening::Finished => match status {
            Running | Completing | Pausing => Some(Success),
            Stopping => Some(Status::Canceled),
            _ => None,
        },
        Happening::Faulted => match status {
            Pausing => Some(Error),
            Stopping => Some(Status::Canceled),
            _ => runs.then_some(Error),
        },
        Happening::Broken => runs.then_some(Failed),
    }
}

/// Does a task of ours have to see to this job now?
pub fn is_under_way(status: Status) -> bool {
    goes_on_after_restart(status, Trade::Normal)
}

/// The state's word on the wire.
pub fn status_word(status: Status) -> String {
    word(&status)
}

/// After a restart of the server: does this job's run, or check, go on by itself?
pub fn goes_on_after_restart(status: Status, trade: Trade) -> bool {
    use Status::{Checking, Completing, Pausing, ReadyComplete, ReadyRun, Resuming, Running, Stopping};
    let under_way = matches!(
        status,
        Checking | ReadyRun | Running | ReadyComplete | Completing | Resuming | Pausing | Stopping
    );
    under_way && trade == Trade::Normal
}

/// `Action.AllAction`: every word that `allowed_actions` can give.
pub const ALL_ACTIONS: [&str; 14] = [
    "view",
    "modify",
    "check",
    "start",
    "configure",
    "stop",
    "pause",
    "continue",
    "complete",
    "resume",
    "isolate",
    "offline",
    "resize",
    "recover",
];

/// `Action.AllowedAction` of a job's detail, in the wire API's words and order. `pause`
/// and `continue` are the words that its other kind of job has for them.
pub fn allowed_actions(status: Status, trade: Trade) -> Vec<&'static str> {
    const WORDS: [(&str, Action); 13] = [
        ("modify", Action::Modify),
        ("check", Action::Check),
        ("start", Action::Start),
        ("configure", Action::Configure),
        ("stop", Action::Stop),
        ("pause", Action::Pause),
        ("continue", Action::Continue),
        ("complete", Action::Complete),
        ("resume", Action::Resume),
        ("isolate", Action::Isolate),
        ("offline", Action::Destroy),
        ("resize", Action::Resize),
        ("recover", Action::Recover),
    ];
    let allowed = WORDS
        .iter()
        .filter(|(_, action)| next(status, trade, *action).is_some());
    std::iter::once("view")
        .chain(allowed.map(|(name, _)| *name))
        .collect()
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
