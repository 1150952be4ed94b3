//! Checks of stored objects and accounts: rights, settings, names that are taken, and what
//! will come out differently. Asked only where the job moves any.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{StoredDef, Structure};
use tidegate_model::Result;
use tidegate_model::finding::Finding;
use tidegate_model::job::JobSpec;
use tidegate_model::selection::StoredKind;

use super::grants::Grants;
use super::{OBJECTS, SAME_NAMES, SOURCE_RIGHTS, TARGET_RIGHTS, check};
use crate::connect::Server;
use crate::ddl::quoted;
use crate::failure::failed;
use crate::schema::{OWN_ACCOUNT, list_stored, own_account};
use crate::structure::{Definers, speaks_of_renamed};

const TRUST: &str = "log_bin_trust_function_creators";
const SCHEDULER: &str = "event_scheduler";
const PARTIAL_REVOKES: &str = "partial_revokes";

fn names_of<'a>(defs: impl Iterator<Item = &'a StoredDef>) -> Vec<String> {
    defs.map(|def| format!("{} {}", def.kind.as_str(), def.name))
        .collect()
}

fn is_on(text: &str) -> bool {
    matches!(text.to_ascii_uppercase().as_str(), "ON" | "1" | "YES")
}

/// The rights that show what is chosen: a hidden object can't be missed.
pub(super) fn source_rights(grants: &Grants, server: &Server, spec: &JobSpec, schema: &str) -> Vec<Finding> {
    let chosen = |kind: StoredKind| spec.selection.stored_of(schema, kind).is_any();
    let on_schema = format!("{}.*", quoted(schema));
    let mut findings = Vec::new();
    let hidden: Vec<&str> = ["TRIGGER", "EVENT"]
        .into_iter()
        .filter(|privilege| !grants.has(privilege, schema, &[]))
        .collect();
    if !hidden.is_empty() {
        let check = check(
            SOURCE_RIGHTS,
            "hidden_objects",
            grants.looked_at(&format!("TRIGGER, EVENT on {schema}")),
        );
        let needed = (hidden.contains(&"TRIGGER") && chosen(StoredKind::Trigger))
            || (hidden.contains(&"EVENT") && chosen(StoredKind::Event));
        let remedy = grants.remedy(&["TRIGGER", "EVENT"], &on_schema);
        findings.push(if needed {
            check.failure(
                "without it triggers and events, which are chosen, are hidden from this job",
                remedy,
            )
        } else {
            check.warning(
                "without it triggers and events are hidden from this job: they are not moved, and it cannot name them",
                remedy,
            )
        });
    }
    if chosen(StoredKind::Function) || chosen(StoredKind::Procedure) {
        let (looked_at, reads, remedy) = if server.version().is_mariadb() {
            (
                "SELECT on mysql.proc",
                grants.has("SELECT", "mysql", &["proc"]) || grants.has("SHOW CREATE ROUTINE", schema, &[]),
                grants.remedy(&["SELECT"], "mysql.proc"),
            )
        } else {
            (
                "SHOW_ROUTINE",
                grants.has_global("SHOW_ROUTINE") || grants.has_global("SELECT"),
                grants.remedy(&["SHOW_ROUTINE"], "*.*"),
            )
        };
        let check = check(SOURCE_RIGHTS, "routine_texts", grants.looked_at(looked_at));
        findings.push(if reads {
            check.pass()
        } else {
            check.failure(
                "without it functions and procedures of other accounts are hidden from this job",
                remedy,
            )
        });
    }
    findings
}

pub(super) async fn target(
    conn: &mut Conn,
    server: &Server,
    spec: &JobSpec,
    structure: &Structure,
    resumes: bool,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let grants = Grants::read(conn).await?;
    if !structure.stored.is_empty() {
        findings.extend(stored_rights(&grants, spec, structure));
        findings.push(same_objects(conn, spec, structure, resumes).await?);
        findings.push(trust(&grants, server, structure));
        findings.push(renamed(spec, structure));
        findings.push(definers(conn, structure).await?);
        findings.extend(scheduler(server, structure));
    }
    if spec.selection.accounts.is_some() {
        findings.extend(accounts(conn, &grants, server, (spec, structure), resumes).await?);
    }
    Ok(findings)
}

fn stored_rights(grants: &Grants, spec: &JobSpec, structure: &Structure) -> Vec<Finding> {
    let mut wanted: BTreeSet<(String, &str)> = BTreeSet::new();
    for def in &structure.stored {
        let privilege = match def.kind {
            StoredKind::Function | StoredKind::Procedure => "CREATE ROUTINE",
            StoredKind::Trigger => "TRIGGER",
            StoredKind::Event => "EVENT",
        };
        let schema = spec.selection.target_schema(&def.name.schema);
        wanted.insert((schema.unwrap_or_default(), privilege));
    }
    let schemas: BTreeSet<&String> = wanted.iter().map(|(schema, _)| schema).collect();
    let of = |schema: &String| {
        let of_it = wanted.iter().filter(|(of, _)| of == schema);
        let privileges: Vec<&str> = of_it.map(|(_, privilege)| *privilege).collect();
        let missing: Vec<&str> = privileges
            .iter()
            .copied()
            .filter(|privilege| !grants.has(privilege, schema, &[]))
            .collect();
        let looked_at = grants.looked_at(&format!("{} on {schema}", privileges.join(", ")));
        let check = check(TARGET_RIGHTS, "stored_objects", looked_at);
        if missing.is_empty() {
            return check.pass();
        }
        check.failure(
            "without it the chosen stored objects cannot be made",
            grants.remedy(&missing, &format!("{}.*", quoted(schema))),
        )
    };
    schemas.into_iter().map(of).collect()
}

async fn same_objects(
    conn: &mut Conn,
    spec: &JobSpec,
    structure: &Structure,
    resumes: bool,
) -> Result<Finding> {
    let looked_at = format!("{} stored objects on the target", structure.stored.len());
    let check = check(SAME_NAMES, "stored_objects", looked_at);
    if resumes {
        return Ok(check.pass());
    }
    let wanted: BTreeSet<(StoredKind, String, String)> = structure
        .stored
        .iter()
        .map(|def| {
            let schema = spec.selection.target_schema(&def.name.schema);
            // Their names are compared without case.
            (
                def.kind,
                schema.unwrap_or_default(),
                def.name.table.to_lowercase(),
            )
        })
        .collect();
    let schemas: BTreeSet<&str> = wanted.iter().map(|(_, schema, _)| schema.as_str()).collect();
    let mut there = Vec::new();
    for schema in schemas {
        let (objects, _) = list_stored(conn, schema).await?;
        for object in objects {
            let key = (object.kind, schema.to_owned(), object.name.table.to_lowercase());
            if wanted.contains(&key) {
                there.push(format!("{} {}", object.kind.as_str(), object.name));
            }
        }
    }
    Ok(check.fail_for(
        &there,
        "there is one of that name on the target already",
        "DROP it on the target, or leave it out of this job",
    ))
}

/// A server that logs takes functions that may not do the same on a replica only when it
/// is told to, and triggers from an account without SUPER.
fn trust(grants: &Grants, server: &Server, structure: &Structure) -> Finding {
    let (trust, logs) = (server.is_on(TRUST), server.is_on("log_bin"));
    let check = check(
        OBJECTS,
        TRUST,
        format!(
            "{TRUST} = {}, log_bin = {}",
            server.fact(TRUST),
            server.fact("log_bin")
        ),
    );
    let refused = |def: &&StoredDef| match def.kind {
        StoredKind::Function => true,
        StoredKind::Trigger => !grants.has_global("SUPER"),
        StoredKind::Procedure | StoredKind::Event => false,
    };
    if trust || !logs {
        return check.pass();
    }
    check.fail_for(
        &names_of(structure.stored.iter().filter(refused)),
        "the target writes a binary log, and does not take such functions and triggers without this setting",
        format!("SET GLOBAL {TRUST} = ON on the target"),
    )
}

fn renamed(spec: &JobSpec, structure: &Structure) -> Finding {
    let speaks = |def: &&StoredDef| speaks_of_renamed(def, &spec.selection).is_some();
    check(
        OBJECTS,
        "renamed",
        format!("names in the texts of {} stored objects", structure.stored.len()),
    )
    .warn_for(
        &names_of(structure.stored.iter().filter(speaks)),
        "names inside its text cannot be rewritten safely, so it is not made where its database, its table or a \
         name in it is renamed",
        "Move these databases and tables under their own names, or leave the object out and make it by hand",
    )
}

async fn definers(conn: &mut Conn, structure: &Structure) -> Result<Finding> {
    let there = Definers::read(conn).await?;
    let comes = |definer: &str| structure.accounts.iter().any(|account| account.name == definer);
    let other = |def: &&StoredDef| !there.has(&def.definer) && !comes(&def.definer);
    let missing: BTreeSet<&str> = structure
        .stored
        .iter()
        .filter(other)
        .map(|def| def.definer.as_str())
        .collect();
    let users: Vec<String> = missing
        .iter()
        .map(|definer| format!("CREATE USER {definer} on the target"))
        .collect();
    Ok(check(
        OBJECTS,
        "definers",
        format!("definers of {} stored objects", structure.stored.len()),
    )
    .warn_for(
        &names_of(structure.stored.iter().filter(other)),
        "its definer is not on the target; it will belong to this job's account and run with its rights",
        format!("{}; or move accounts too", users.join("; ")),
    ))
}

fn scheduler(server: &Server, structure: &Structure) -> Option<Finding> {
    let events = structure
        .stored
        .iter()
        .filter(|def| def.kind == StoredKind::Event);
    let names = names_of(events);
    let source = structure.facts.get(SCHEDULER).map_or("", String::as_str);
    if names.is_empty() {
        return None;
    }
    let check = check(
        OBJECTS,
        SCHEDULER,
        format!("{source} on the source, {} on the target", server.fact(SCHEDULER)),
    );
    if !is_on(source) || is_on(server.fact(SCHEDULER)) {
        return Some(check.pass());
    }
    Some(check.warn_for(
        &names,
        "events run on the source, and will not on the target",
        format!("SET GLOBAL {SCHEDULER} = ON on the target once the source is out of use"),
    ))
}

async fn accounts(
    conn: &mut Conn,
    grants: &Grants,
    server: &Server,
    (spec, structure): (&JobSpec, &Structure),
    resumes: bool,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let count = structure.accounts.len();
    let flavour = structure.facts.get("flavour").map_or("", String::as_str);
    let pair = check(
        OBJECTS,
        "accounts",
        format!("accounts of {flavour} for {}", server.fact("flavour")),
    );
    if flavour != server.fact("flavour") {
        return Ok(vec![pair.failure(
            "the two keep passwords and rights in different ways: accounts are moved between servers of one kind only",
            "Leave accounts out of this job (IsMigrateAccount), and make them on the target by hand",
        )]);
    }
    findings.push(pair.pass());
    let may = grants.has_global("CREATE USER") && grants.may_grant();
    let rights = check(
        TARGET_RIGHTS,
        "accounts",
        grants.looked_at("CREATE USER and GRANT OPTION on *.*"),
    );
    findings.push(if may {
        rights.pass()
    } else {
        rights.failure(
            "without it accounts cannot be made or given their rights",
            format!("{} WITH GRANT OPTION", grants.remedy(&["CREATE USER"], "*.*")),
        )
    });
    let own = own_account(conn).await?;
    findings.push(own_password(spec, structure, &own));
    let same = check(SAME_NAMES, "accounts", format!("{count} accounts on the target"));
    let there = Definers::read(conn).await?;
    let taken = structure
        .accounts
        .iter()
        .filter(|account| there.has(&account.name) && account.name != own && !resumes);
    let taken: Vec<String> = taken.map(|account| account.name.clone()).collect();
    findings.push(same.warn_for(
        &taken,
        "there is an account of that name on the target: its password and rights will be the source's",
        "DROP USER or RENAME USER it on the target if it is not the same user's",
    ));
    findings.extend(partial_revokes(conn, structure).await?);
    Ok(findings)
}

/// The account that the job works as is on both sides, and is not moved: whoever uses it
/// would find another password behind the same name.
fn own_password(spec: &JobSpec, structure: &Structure, own: &str) -> Finding {
    let check = check(
        SAME_NAMES,
        "own_account",
        format!("this job's accounts on both sides: {own} on the target"),
    );
    let same_name = structure
        .facts
        .get(OWN_ACCOUNT)
        .is_some_and(|source| source == own);
    if !same_name || spec.source.password == spec.target.password {
        return check.pass();
    }
    check.failure(
        "the account of this job has one name and two passwords, and is not moved",
        format!(
            "ALTER USER {own} IDENTIFIED BY the source's password on the target, and give the job that one; or use another account"
        ),
    )
}

async fn partial_revokes(conn: &mut Conn, structure: &Structure) -> Result<Option<Finding>> {
    let excepted = structure
        .accounts
        .iter()
        .filter(|account| account.rights.iter().any(|right| right.starts_with("REVOKE")));
    let names: Vec<String> = excepted.map(|account| account.name.clone()).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let sql = format!("SHOW GLOBAL VARIABLES LIKE '{PARTIAL_REVOKES}'");
    let row: Option<(String, String)> = conn
        .query_first(sql)
        .await
        .map_err(failed("reading the server's settings"))?;
    let value = row.map(|(_, value)| value).unwrap_or_default();
    let check = check(OBJECTS, PARTIAL_REVOKES, format!("{PARTIAL_REVOKES} = {value}"));
    if is_on(&value) {
        return Ok(Some(check.pass()));
    }
    Ok(Some(check.warn_for(
        &names,
        "its rights have exceptions, which the target does not take: it would come without any rights",
        format!("SET GLOBAL {PARTIAL_REVOKES} = ON on the target"),
    )))
}
