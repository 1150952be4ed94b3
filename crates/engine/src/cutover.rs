//! The proof that ends a job: both sides digested at one source position.
//!
//! `open` takes a view of the source that is exact at a position and starts its digests;
//! meanwhile `follow` drains up to just there; `prove` then digests the target and
//! compares. Says first what it does not speak of. Repairs nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tidegate_link::{Digester, Proof, Structure, TableDigest};
use tidegate_model::position::Position;
use tidegate_model::report::{CutoverRecord, TableProof};
use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::{Error, Kind, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::plan;
use crate::stages::{self, Attempt};

/// A side where the table is missing has this in place of a digest.
const ABSENT: &str = "absent";

type Digested = Result<(TableName, TableDigest)>;

/// The source's half of the proof, under way.
pub(crate) struct Proving {
    /// All up to here is to be applied, and nothing after.
    pub until: Position,
    structure: Structure,
    digests: mpsc::Receiver<Digested>,
}

/// Opens the source's view between two equal readings of the structure, and digests it in `tasks`.
pub(crate) async fn open(attempt: &Attempt, tasks: &mut JoinSet<()>) -> Result<Proving> {
    let (structure, proof) = open_steady_proof(attempt).await?;
    if proof.low != proof.high || proof.digesters.is_empty() {
        return Err(Error::bug("the source's view for the proof is not exact"));
    }
    let jobs = structure
        .tables
        .iter()
        .map(|def| (Arc::clone(&def.schema), def.schema.name.clone()));
    let digests = digest_all(proof.digesters, jobs.collect(), tasks);
    Ok(Proving {
        until: proof.high,
        structure,
        digests,
    })
}

async fn open_steady_proof(attempt: &Attempt) -> Result<(Structure, Proof)> {
    let selection = &attempt.context.spec.selection;
    let mut before = attempt.source.read_structure(selection).await?;
    let mut changed = None;
    for _ in 0..plan::STEADY_TRIES {
        let tables: Vec<Arc<TableSchema>> = before.tables.iter().map(|def| Arc::clone(&def.schema)).collect();
        let proof = attempt
            .source
            .open_proof(&tables, parallel(attempt, tables.len()))
            .await?;
        let after = attempt.source.read_structure(selection).await?;
        changed = plan::first_difference(&before, &after);
        if changed.is_none() {
            return Ok((after, proof));
        }
        drop(proof);
        before = after;
        tokio::time::sleep(plan::STEADY_PAUSE).await;
    }
    Err(plan::unsteady(changed))
}

/// Digests at one time on each side: as many as the user allows readers.
fn parallel(attempt: &Attempt, tables: usize) -> usize {
    usize::from(attempt.context.limits().dump_threads).clamp(1, tables.max(1))
}

/// One task a digester, all taking from one queue. The channel holds them all: nobody reads it
/// before the target has drained.
fn digest_all(
    digesters: Vec<Box<dyn Digester>>,
    jobs: VecDeque<(Arc<TableSchema>, TableName)>,
    tasks: &mut JoinSet<()>,
) -> mpsc::Receiver<Digested> {
    let (sender, receiver) = mpsc::channel(jobs.len().max(1));
    let jobs = Arc::new(Mutex::new(jobs));
    for mut digester in digesters {
        let (jobs, sender) = (Arc::clone(&jobs), sender.clone());
        tasks.spawn(async move {
            loop {
                let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some((schema, name)) = job else { return };
                let digest = digester.digest(&schema, &name).await;
                let failed = digest.is_err();
                let digest = digest.map(|digest| (schema.name.clone(), digest));
                let digest = digest.map_err(|error| error.context(format!("digesting {name}")));
                if sender.send(digest).await.is_err() || failed {
                    return;
                }
            }
        });
    }
    receiver
}

async fn all_of(
    mut digests: mpsc::Receiver<Digested>,
    wanted: usize,
) -> Result<BTreeMap<TableName, TableDigest>> {
    let mut all = BTreeMap::new();
    while let Some(digest) = digests.recv().await {
        let (name, digest) = digest?;
        all.insert(name, digest);
    }
    if all.len() != wanted {
        return Err(Error::bug("a task that digests tables broke off"));
    }
    Ok(all)
}

/// Called when the target holds exactly what the source held at `until`. `known` are the
/// tables that the target has of this job.
pub(crate) async fn prove(
    attempt: &Attempt,
    proving: Proving,
    known: &BTreeMap<TableName, Arc<TableSchema>>,
) -> Result<CutoverRecord> {
    let context = &attempt.context;
    let counters = stages::set_auto_increments(attempt).await?;
    let mut tasks = JoinSet::new();
    let target = digest_target(attempt, &proving.structure, known, &mut tasks).await;
    tasks.shutdown().await;
    let target = target?;
    let source = all_of(proving.digests, proving.structure.tables.len()).await?;
    let mut record = compare(&source, &target, known, &|name| {
        context
            .spec
            .selection
            .target_of(name)
            .unwrap_or_else(|| name.clone())
    });
    record.source_position.clone_from(&proving.until.token);
    record.target_position.clone_from(&proving.until.token);
    record.compared_at_ms = context.clock.now_ms();
    record.auto_increments_set = counters;
    record
        .not_covered
        .splice(0..0, not_covered(attempt, &proving.structure));
    stages::show_record(context, &record);
    if record.equal {
        return Ok(record);
    }
    let unequal = record.tables.iter().filter(|table| !table.equal());
    let names: Vec<&str> = unequal.map(|table| table.source_table.as_str()).collect();
    Err(Error::new(
        Kind::Conflict,
        format!("source and target differ at the cutover in {}", names.join(", ")),
    )
    .remedy("Keep the source in use. See the counts and digests of the named tables in the cutover record"))
}

/// What the digests never speak of.
const ROWS_ONLY: &str = "only rows are compared: indexes, constraints, defaults and views were made from the source's own \
                         texts and are not compared with them";

fn not_covered(attempt: &Attempt, structure: &Structure) -> Vec<String> {
    attempt.context.board.update(|report| {
        let mut said = vec![ROWS_ONLY.to_owned()];
        said.extend(report.not_covered.iter().cloned());
        let late = structure
            .not_covered
            .iter()
            .filter(|sentence| !report.not_covered.contains(sentence));
        said.extend(late.cloned());
        let skipped = report.ddl_skipped.iter();
        said.extend(
            skipped
                .map(|text| format!("a schema change that failed on the target and was passed over: {text}")),
        );
        said
    })
}

async fn digest_target(
    attempt: &Attempt,
    structure: &Structure,
    known: &BTreeMap<TableName, Arc<TableSchema>>,
    tasks: &mut JoinSet<()>,
) -> Result<BTreeMap<TableName, TableDigest>> {
    let selection = &attempt.context.spec.selection;
    let mut jobs = VecDeque::new();
    for def in structure
        .tables
        .iter()
        .filter(|def| known.contains_key(&def.schema.name))
    {
        let name = &def.schema.name;
        let target = selection.target_of(name);
        let target =
            target.ok_or_else(|| Error::bug(format!("{name} is to be proven and was not chosen")))?;
        jobs.push_back((Arc::clone(&def.schema), target));
    }
    let wanted = jobs.len();
    let digesters = attempt.target.open_digesters(parallel(attempt, wanted)).await?;
    all_of(digest_all(digesters, jobs, tasks), wanted).await
}

/// Every table of either side is in the record.
fn compare(
    source: &BTreeMap<TableName, TableDigest>,
    target: &BTreeMap<TableName, TableDigest>,
    known: &BTreeMap<TableName, Arc<TableSchema>>,
    target_of: &dyn Fn(&TableName) -> TableName,
) -> CutoverRecord {
    let mut record = CutoverRecord {
        equal: true,
        ..CutoverRecord::default()
    };
    let names: BTreeSet<&TableName> = source.keys().chain(known.keys()).collect();
    for name in names {
        let (here, there) = (source.get(name), target.get(name));
        let text = |side: Option<&TableDigest>| {
            side.map_or_else(|| ABSENT.to_owned(), |digest| digest.digest.clone())
        };
        let rows = |side: Option<&TableDigest>| side.map_or(0, |digest| digest.rows);
        let mut proof = TableProof {
            source_table: name.to_string(),
            target_table: target_of(name).to_string(),
            source_rows: rows(here),
            target_rows: rows(there),
            source_digest: text(here),
            target_digest: text(there),
        };
        if let (Some(here), Some(there)) = (here, there)
            && here.form != there.form
        {
            // Digests of two forms say nothing; what is left is the count.
            (proof.source_digest, proof.target_digest) = (String::new(), String::new());
            record.not_covered.push(format!(
                "{name}: rows were counted and not compared, for its digests are of two forms ({} and {})",
                here.form, there.form
            ));
        }
        let absent = here.is_none() && there.is_none();
        record.equal &= proof.equal() && !absent;
        if absent {
            proof.target_digest.push_str(" on the source");
        }
        record.tables.push(proof);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(table: &str) -> TableName {
        TableName::new("a", table)
    }

    fn side(tables: &[(&str, u64, &str, &'static str)]) -> BTreeMap<TableName, TableDigest> {
        let digest = |&(table, rows, digest, form): &(&str, u64, &str, &'static str)| {
            (
                name(table),
                TableDigest {
                    rows,
                    digest: digest.to_owned(),
                    form,
                },
            )
        };
        tables.iter().map(digest).collect()
    }

    fn known(tables: &[&str]) -> BTreeMap<TableName, Arc<TableSchema>> {
        let schema = |table: &&str| TableSchema {
            name: name(table),
            columns: Vec::new(),
            row_key: None,
            rows_estimate: 0,
            bytes_estimate: 0,
        };
        tables
            .iter()
            .map(|table| (name(table), Arc::new(schema(table))))
            .collect()
    }

    #[test]
    fn equal_means_every_table_on_both_sides() {
        type Side<'a> = &'a [(&'a str, u64, &'a str, &'static str)];
        let check = |source: Side<'_>, target: Side<'_>, have: &[&str], equal: bool, unsaid: usize| {
            let record = compare(&side(source), &side(target), &known(have), &TableName::clone);
            assert_eq!(record.equal, equal, "{source:?} {target:?}");
            assert_eq!(record.not_covered.len(), unsaid);
            let named = record.tables.iter().filter(|table| !table.equal()).count();
            assert_eq!(named > 0, !equal, "the record names what differs");
        };
        check(&[], &[], &[], true, 0);
        check(&[("t", 2, "ab", "x")], &[("t", 2, "ab", "x")], &["t"], true, 0);
        check(&[("t", 2, "ab", "x")], &[("t", 2, "ac", "x")], &["t"], false, 0);
        check(&[("t", 2, "ab", "x")], &[("t", 3, "ab", "x")], &["t"], false, 0);
        check(&[("t", 0, "", "x")], &[], &[], false, 0);
        check(&[], &[], &["t"], false, 0);
        check(&[("t", 2, "ab", "x")], &[("t", 2, "cd", "y")], &["t"], true, 1);
        check(&[("t", 2, "ab", "x")], &[("t", 1, "cd", "y")], &["t"], false, 1);
    }
}
