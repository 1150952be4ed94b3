//! Lives by chance: users, runs, time and restarts in any order, from a seed.
//!
//! Whatever happens, a job has at most one run, what is shown is what is
//! stored, and when everything has come to rest no job hangs between two states.

use tidegate_model::error::Kind;
use tidegate_model::report::{CutoverRecord, Outcome, Trouble};

use super::refusals::{ACTIONS, ask};
use super::scripted::ScriptedRun;
use super::*;
use crate::lifecycle::{Action, is_under_way};

/// xorshift64: enough to choose among a few things.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).expect("small")).expect("small")
    }
}

/// What brings a job on, so that not every life ends in its cradle.
fn forward(status: Status) -> Option<Action> {
    match status {
        Status::Created => Some(Action::Check),
        Status::CheckPass => Some(Action::Start),
        Status::ManualPaused => Some(Action::Continue),
        Status::ReadyComplete => Some(Action::Complete),
        Status::Error => Some(Action::Resume),
        _ => None,
    }
}

fn outcome(chance: &mut Chance) -> Outcome {
    match chance.below(4) {
        0 => Outcome::Stopped,
        1 => Outcome::Failed(Trouble {
            kind: Kind::NeedsUser,
            message: "m".to_owned(),
            remedy: "r".to_owned(),
            since_ms: 0,
            attempts: 1,
        }),
        _ => Outcome::Finished,
    }
}

fn report(chance: &mut Chance) -> RunReport {
    let cutover = (chance.below(3) == 0).then(|| CutoverRecord {
        equal: chance.below(4) > 0,
        ..CutoverRecord::default()
    });
    RunReport {
        caught_up: chance.below(3) > 0,
        cutover,
        ..caught_up()
    }
}

/// How many runs there were.
async fn life(seed: u64) -> usize {
    const STEPS: usize = 120;
    let mut chance = Chance(seed);
    let mut bench = Bench::new("random").await;
    let (full, follows) = (MigrateType::Full, MigrateType::FullAndIncrement);
    let mut ids = vec![bench.configured(full).await, bench.configured(follows).await];
    let mut runs: Vec<ScriptedRun> = Vec::new();
    let mut started = 0;
    for _ in 0..STEPS {
        while let Some(run) = bench.runner.run_by_now().await {
            runs.push(run);
            started += 1;
        }
        let id = ids[chance.below(ids.len())].clone();
        match chance.below(12) {
            0 => bench
                .world
                .advance(u64::try_from(chance.below(8_000)).expect("small")),
            1 | 2 if !runs.is_empty() => {
                let at = chance.below(runs.len());
                runs[at].report(report(&mut chance));
            }
            3 if !runs.is_empty() => {
                let at = chance.below(runs.len());
                runs.swap_remove(at).end(outcome(&mut chance));
            }
            4 if chance.below(4) == 0 => {
                bench = bench.restart().await;
                runs.clear();
            }
            5 if ids.len() < 4 => ids.push(bench.configured(follows).await),
            6..=8 => {
                if let Some(action) = forward(bench.job(&id).status) {
                    let _ = ask(&bench.jobs, &id, action).await;
                }
            }
            _ => {
                let action = ACTIONS[chance.below(ACTIONS.len())];
                // Refused or not: both are right answers here.
                let _ = ask(&bench.jobs, &id, action).await;
            }
        }
        // Lets supervisors act now and then between two steps.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    rest(bench, ids, runs, seed).await;
    started
}

/// Ends all runs, lets time pass, and looks at what is left.
async fn rest(bench: Bench, ids: Vec<String>, runs: Vec<ScriptedRun>, seed: u64) {
    for run in runs {
        run.end(Outcome::Stopped);
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(run) = bench.runner.run_by_now().await {
            run.end(Outcome::Stopped);
        }
        bench.world.advance(1_000);
        let hanging = ids.iter().find(|id| is_under_way(bench.job(id).status));
        let Some(id) = hanging else { break };
        let status = bench.job(id).status;
        assert!(
            std::time::Instant::now() < deadline,
            "seed {seed}: {id} hangs in {status:?}"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for id in &ids {
        let cell = bench.jobs.inner.cell(id).expect("is there");
        let _writing = cell.writing.lock().await;
        let stored = bench
            .jobs
            .inner
            .store
            .job(id)
            .await
            .expect("reads")
            .expect("is there");
        let mut stored: Job = serde_json::from_value(stored.body).expect("a job");
        let shown = bench.job(id);
        // A restart takes from a report what is not true any more.
        stored.report.clone_from(&shown.report);
        assert_eq!(stored, *shown, "seed {seed}");
        assert_eq!(
            stored.is_over(),
            stored.ended_ms.is_some(),
            "seed {seed}: {:?}",
            stored.status
        );
    }
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_life_ends_between_two_states() {
    let mut started = 0;
    for seed in 1..=24 {
        started += life(seed * 0x9E37_79B9).await;
    }
    assert!(started > 60, "too few runs to tell anything: {started}");
}
