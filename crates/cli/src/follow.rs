//! Watches a job until it is caught up or has ended, and shows where it is: a
//! bar on a terminal, a plain line every few seconds elsewhere.
//!
//! Only looks. A server that does not answer is waited for, within a bound: a
//! job goes on by itself when its server is started again.

use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tidegate_model::{Error, Kind, Result};
use tidegate_rpc::actions::DescribeMigrationDetailAnswer;
use tokio::time::Instant;

use crate::client::Client;
use crate::progress::Progress;
use crate::setup;

const POLL: Duration = Duration::from_millis(700);
const PLAIN_EVERY: Duration = Duration::from_secs(2);
/// A restart of the server takes seconds; after two minutes a person should look.
const UNREACHABLE_MAX: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Until a cutover can be asked for, or the end.
    CaughtUp,
    End,
}

/// What the watching came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    CaughtUp,
    Success,
    /// Failed, stopped or waiting for a person.
    InTrouble,
}

pub(crate) async fn follow(
    client: &Client,
    job: &str,
    goal: Goal,
    display: &mut Display,
) -> Result<(Came, DescribeMigrationDetailAnswer)> {
    let mut unreachable: Option<Instant> = None;
    loop {
        match setup::detail(client, job).await {
            Ok(detail) => {
                unreachable = None;
                let progress = Progress::read(&detail);
                display.show(&progress);
                if let Some(came) = arrived(&progress.status, goal)? {
                    display.end();
                    return Ok((came, detail));
                }
            }
            Err(error) if error.kind() == Kind::Retry => {
                let since = *unreachable.get_or_insert_with(Instant::now);
                if since.elapsed() > UNREACHABLE_MAX {
                    return Err(error);
                }
                display.say(&format!(
                    "the server does not answer, waiting for it ({} s)",
                    since.elapsed().as_secs()
                ));
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(POLL).await;
    }
}

fn arrived(status: &str, goal: Goal) -> Result<Option<Came>> {
    Ok(match status {
        "success" => Some(Came::Success),
        "readyComplete" if goal == Goal::CaughtUp => Some(Came::CaughtUp),
        "error" | "failed" | "canceled" | "resumableErr" => Some(Came::InTrouble),
        "creating" | "created" | "checking" | "checkPass" | "checkNotPass" => {
            return Err(Error::new(
                Kind::WrongState,
                format!("the job is not started: it is {status}"),
            )
            .remedy("start it with `tidegate job start JOB`"));
        }
        _ => None,
    })
}

/// Why a job stands, and what to do: from its detail.
pub(crate) fn trouble(detail: &DescribeMigrationDetailAnswer) -> String {
    let mut lines = vec![format!(
        "the job is {}",
        detail.status.as_deref().unwrap_or("in no known state")
    )];
    let known = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let errors = detail.error_info.as_deref().unwrap_or_default();
    for error in errors {
        lines.extend(known(&error.error_log).map(|why| format!("  why: {why}")));
        lines.extend(known(&error.solution).map(|remedy| format!("  do:  {remedy}")));
    }
    if errors.is_empty() {
        lines.extend(known(&detail.brief_msg).map(|why| format!("  why: {why}")));
    }
    lines.join("\n")
}

pub(crate) struct Display {
    bar: Option<ProgressBar>,
    plain_at: Option<Instant>,
    plain_stage: String,
    warned: Vec<String>,
}

impl Display {
    pub(crate) fn new() -> Display {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:24.cyan/dim} {percent:>3}%  {wide_msg}");
            bar.set_style(
                style
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("━╸─"),
            );
            bar
        });
        Display {
            bar,
            plain_at: None,
            plain_stage: String::new(),
            warned: Vec::new(),
        }
    }

    fn show(&mut self, progress: &Progress) {
        for warning in &progress.warnings {
            if !self.warned.contains(warning) {
                self.warned.push(warning.clone());
                self.above(&format!("warning: {warning}"));
            }
        }
        let line = progress.line();
        if let Some(bar) = &self.bar {
            bar.set_position(progress.percent);
            bar.set_message(line);
            return;
        }
        let stage = format!("{} {}", progress.status, progress.note.stage);
        if stage != self.plain_stage || self.plain_at.is_none_or(|at| at.elapsed() >= PLAIN_EVERY) {
            self.plain_stage = stage;
            self.plain(&format!("{:>3}%  {line}", progress.percent));
        }
    }

    /// In place of progress, such as while a server is away.
    fn say(&mut self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        } else if self.plain_at.is_none_or(|at| at.elapsed() >= PLAIN_EVERY) {
            self.plain(text);
        }
    }

    /// A line that stays.
    fn above(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    fn plain(&mut self, text: &str) {
        self.plain_at = Some(Instant::now());
        // Nobody reads stderr any more: the job goes on all the same.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Leaves the last line standing.
    pub(crate) fn end(&mut self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
            // The bar leaves the cursor at its own line's end.
            eprintln!();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn where_watching_ends() {
        let check = |status: &str, goal: Goal, expected: Option<Came>| {
            assert_eq!(arrived(status, goal).expect(status), expected, "{status}");
        };
        for goal in [Goal::CaughtUp, Goal::End] {
            check("success", goal, Some(Came::Success));
            check("error", goal, Some(Came::InTrouble));
            check("canceled", goal, Some(Came::InTrouble));
            check("running", goal, None);
            check("manualPaused", goal, None);
            assert!(arrived("checkPass", goal).is_err());
        }
        check("readyComplete", Goal::CaughtUp, Some(Came::CaughtUp));
        check("readyComplete", Goal::End, None);
    }

    #[test]
    fn a_job_in_trouble_says_why() {
        let check = |detail: serde_json::Value, expected: &str| {
            assert_eq!(
                trouble(&serde_json::from_value(detail).expect("a detail")),
                expected
            );
        };
        check(
            json!({"Status": "error", "BriefMsg": "x", "ErrorInfo": [{"ErrorLog": "disk full", "Solution": "make room"}]}),
            "the job is error\n  why: disk full\n  do:  make room",
        );
        check(
            json!({"Status": "failed", "BriefMsg": "log lost"}),
            "the job is failed\n  why: log lost",
        );
    }
}
