//! Whole runs over many seeds: whatever fails and whenever the process dies, the end is
//! equal and says so truly; and what breaks a rule is found.

use tidegate_model::Kind;
use tidegate_model::job::MigrateType;
use tidegate_model::report::{Outcome, Stage};

use super::Lie;
use super::ends::{End, Plan, differs, simulate};

/// Enough to meet each failure point many times; a few seconds in a debug build.
const SEEDS: u64 = 400;

fn plan(seed: u64) -> Plan {
    Plan {
        seed,
        lie: Lie::None,
        writes: 150,
        faults: seed % 3 * 8,
        crashes: seed % 4,
        stops: 0,
        impossible: None,
        migrate_type: MigrateType::FullAndIncrement,
    }
}

/// An end that is said to be equal must be so, at the position that is said.
fn is_true(seed: u64, end: &End) {
    let record = end.report.cutover.as_ref();
    match (&end.outcome, record) {
        (Outcome::Finished, Some(record)) => {
            assert!(record.equal, "seed {seed}: finished and not equal");
            assert_eq!(end.report.stage, Stage::Done);
            let at = record.source_position.parse().expect("an offset");
            let found = differs(end, at);
            assert!(found.is_none(), "seed {seed}: said to be equal: {found:?}");
            let report = &end.report;
            assert!(
                report.chunks_done == report.chunks_total && report.chunks_total > 0,
                "seed {seed}: {report:?}"
            );
            assert!(
                report.tables_done == report.tables_total,
                "seed {seed}: {report:?}"
            );
            assert!(report.chunks_reused <= report.chunks_done);
            keeps_its_end(seed, end);
        }
        (Outcome::Finished, None) => panic!("seed {seed}: finished without a record"),
        _ => {}
    }
}

/// A process that dies before the control side has the end must find it again.
fn keeps_its_end(seed: u64, end: &End) {
    let world = end.world.inner();
    let stage = world.checkpoint.as_ref().map(|checkpoint| checkpoint.stage);
    assert_eq!(stage, Some(Stage::Done), "seed {seed}");
}

#[test]
fn a_run_that_is_stopped_goes_on_where_it_was() {
    let mut stops = 0;
    for seed in 0..SEEDS / 4 {
        let end = simulate(Plan {
            stops: 3,
            ..plan(seed)
        });
        assert_eq!(end.outcome, Outcome::Finished, "seed {seed}");
        is_true(seed, &end);
        stops += end.stops;
    }
    assert!(stops > SEEDS / 4, "runs are stopped on the way: {stops}");
}

#[test]
fn a_job_without_changes_ends_at_one_position() {
    let mut compared = 0;
    for seed in 0..SEEDS / 4 {
        let migrate_type = MigrateType::Full;
        let end = simulate(Plan {
            migrate_type,
            ..plan(seed)
        });
        assert_eq!(end.outcome, Outcome::Finished, "seed {seed}");
        keeps_its_end(seed, &end);
        let Ok(at) = end.report.target_position.parse() else {
            continue; // Nothing was written while it was copied.
        };
        let found = differs(&end, at);
        assert!(found.is_none(), "seed {seed}: {found:?}");
        compared += 1;
    }
    assert!(compared > SEEDS / 5, "{compared}");
}

#[test]
fn a_structure_job_copies_no_rows() {
    for seed in 0..SEEDS / 8 {
        let migrate_type = MigrateType::Structure;
        let end = simulate(Plan {
            migrate_type,
            writes: 0,
            ..plan(seed)
        });
        assert_eq!(end.outcome, Outcome::Finished, "seed {seed}");
        let world = end.world.inner();
        assert_eq!(world.target.len(), world.now().len());
        assert!(
            world
                .target
                .values()
                .all(|table| table.rows.is_empty() && table.indexed)
        );
    }
}

#[test]
fn a_schema_change_that_fails_stops_the_run_or_is_counted() {
    let (mut failed, mut skipped) = (0, 0);
    for seed in 0..SEEDS / 8 {
        let end = simulate(Plan {
            impossible: Some(true),
            ..plan(seed)
        });
        assert_eq!(end.outcome, Outcome::Finished, "seed {seed}");
        is_true(seed, &end);
        skipped += end.report.ddl_skipped.len();
        let said = end.report.cutover.map_or(0, |record| record.not_covered.len());
        assert!(
            said >= end.report.ddl_skipped.len(),
            "seed {seed}: the record names each"
        );
        let end = simulate(Plan {
            impossible: Some(false),
            ..plan(seed)
        });
        if let Outcome::Failed(trouble) = end.outcome {
            assert!(
                trouble.message.contains("AlterTable of shop."),
                "{}",
                trouble.message
            );
            failed += 1;
        }
    }
    assert!(failed > 5 && skipped > 5, "{failed} {skipped}");
}

#[test]
fn every_run_ends_equal_whatever_fails() {
    let (mut crashes, mut reconnects, mut redone, mut ddl) = (0, 0, 0, 0);
    for seed in 0..SEEDS {
        let end = simulate(plan(seed));
        assert_eq!(end.outcome, Outcome::Finished, "seed {seed}");
        is_true(seed, &end);
        crashes += end.crashes;
        reconnects += end.report.reconnects;
        redone += end.world.inner().redone;
        ddl += end.report.ddl_applied;
    }
    assert!(
        crashes > SEEDS / 2 && reconnects > SEEDS && redone > SEEDS / 4 && ddl > SEEDS,
        "the seeds reach these paths: {crashes} {reconnects} {redone} {ddl}"
    );
}

/// With a broken rule a run ends in a conflict, or it ends truly equal because the rule
/// did not matter in that seed. It must matter in some.
fn finds(lie: Lie) {
    let mut found = 0;
    for seed in 0..SEEDS / 5 {
        let end = simulate(Plan { lie, ..plan(seed) });
        is_true(seed, &end);
        if let Outcome::Failed(trouble) = &end.outcome {
            // Unknown: the log itself contradicts what came before, inside one bundle.
            let named = matches!(trouble.kind, Kind::Conflict | Kind::Unknown);
            assert!(named, "seed {seed}: {:?} {}", trouble.kind, trouble.message);
            found += 1;
        }
    }
    assert!(found > 5, "{lie:?} was found {found} times");
}

#[test]
fn a_window_that_ends_too_early_is_found() {
    finds(Lie::NarrowWindow);
}

#[test]
fn keyless_rows_read_at_another_position_are_found() {
    finds(Lie::KeylessLate);
}

#[test]
fn a_lost_transaction_is_found() {
    finds(Lie::LostTransaction);
}

#[test]
fn a_wrong_start_of_transactions_is_found() {
    finds(Lie::EarlyStart);
}

#[test]
fn another_writer_on_the_target_is_found() {
    finds(Lie::PlantedRow);
}
