//! The precheck: every step of the source's engine, in its order, with what was found.
//!
//! Connects to both sides first; when that fails nothing else is run, and the failure
//! stands in the step that speaks of connections. Changes nothing on either side.

use tidegate_link::{CheckStepRule, Registry, Source, Structure, Target};
use tidegate_model::endpoint::Endpoint;
use tidegate_model::finding::{CheckStep, Finding, Verdict};
use tidegate_model::job::JobSpec;
use tidegate_model::{Error, Result};

/// The wire API's step in which both sides are connected to.
const CONNECT: &str = "ConnectDBCheck";
/// The first step that looks at objects: where a structure that can't be read stands.
const OBJECTS: &str = "SrcPrivilegeCheck";

pub(crate) async fn steps(spec: &JobSpec, registry: &Registry) -> Result<Vec<CheckStep>> {
    let source_engine = registry.get(spec.source.engine)?;
    let rules = source_engine.check_steps();
    let target_engine = registry.get(spec.target.engine)?;
    let source = source_engine.open_source(&spec.source).await;
    let target = target_engine.open_target(&spec.target).await;
    let connected = vec![
        of_connection("source", &spec.source, source.as_ref().err()),
        of_connection("target", &spec.target, target.as_ref().err()),
    ];
    let (Ok(source), Ok(target)) = (source, target) else {
        return Ok(group(rules, connected, &[CONNECT]));
    };
    let mut findings = connected;
    let structure = match source.read_structure(&spec.selection).await {
        Ok(structure) => structure,
        Err(error) => {
            findings.push(failure(
                OBJECTS,
                "objects",
                "the chosen objects".to_owned(),
                &error,
            ));
            return Ok(group(rules, findings, &[CONNECT, OBJECTS]));
        }
    };
    findings.extend(both(spec, &*source, &*target, &structure).await?);
    let all: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    Ok(group(rules, findings, &all))
}

async fn both(
    spec: &JobSpec,
    source: &dyn Source,
    target: &dyn Target,
    structure: &Structure,
) -> Result<Vec<Finding>> {
    let mut findings = source.precheck(spec, structure).await?;
    findings.extend(target.precheck(spec, structure).await?);
    Ok(findings)
}

fn of_connection(side: &str, endpoint: &Endpoint, error: Option<&Error>) -> Finding {
    let looked_at = format!("connection to the {side} at {}:{}", endpoint.host, endpoint.port);
    match error {
        Some(error) => failure(CONNECT, side, looked_at, error),
        None => Finding {
            step: CONNECT.to_owned(),
            item: side.to_owned(),
            verdict: Verdict::Pass,
            looked_at,
            why: String::new(),
            remedy: String::new(),
        },
    }
}

fn failure(step: &str, item: &str, looked_at: String, error: &Error) -> Finding {
    let remedy = error
        .remedy_text()
        .unwrap_or("See that the server runs, can be reached from here, and lets this user in");
    Finding {
        step: step.to_owned(),
        item: item.to_owned(),
        verdict: Verdict::Failure,
        looked_at,
        why: error.to_string(),
        remedy: remedy.to_owned(),
    }
}

/// Findings by step. One of a step that the engine doesn't list gets a step of its own at
/// the end: it must not be lost.
fn group(rules: &[CheckStepRule], findings: Vec<Finding>, ran: &[&str]) -> Vec<CheckStep> {
    let step = |rule: &CheckStepRule| CheckStep {
        id: rule.id.to_owned(),
        name: rule.name.to_owned(),
        skippable: rule.skippable,
        ran: ran.contains(&rule.id),
        findings: Vec::new(),
    };
    let mut steps: Vec<CheckStep> = rules.iter().map(step).collect();
    for finding in findings {
        match steps.iter_mut().find(|step| step.id == finding.step) {
            Some(step) => step.findings.push(finding),
            None => steps.push(CheckStep {
                id: finding.step.clone(),
                name: finding.step.clone(),
                skippable: false,
                ran: true,
                findings: vec![finding],
            }),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [CheckStepRule; 3] = [
        CheckStepRule {
            id: CONNECT,
            name: "connect",
            skippable: false,
        },
        CheckStepRule {
            id: "VersionCheck",
            name: "version",
            skippable: true,
        },
        CheckStepRule {
            id: OBJECTS,
            name: "rights",
            skippable: false,
        },
    ];

    fn finding(step: &str) -> Finding {
        failure(
            step,
            "item",
            String::new(),
            &Error::needs_user("why").remedy("do"),
        )
    }

    #[test]
    fn steps_keep_the_engines_order_and_no_finding_is_lost() {
        let steps = group(
            &RULES,
            vec![finding(OBJECTS), finding("Other"), finding(CONNECT)],
            &[CONNECT, OBJECTS],
        );
        let seen: Vec<_> = steps
            .iter()
            .map(|step| (step.id.as_str(), step.ran, step.findings.len()))
            .collect();
        let expected = [
            (CONNECT, true, 1),
            ("VersionCheck", false, 0),
            (OBJECTS, true, 1),
            ("Other", true, 1),
        ];
        assert_eq!(seen, expected);
        assert_eq!(steps[0].verdict(), Verdict::Failure);
        assert_eq!(steps[0].findings[0].remedy, "do");
    }
}
