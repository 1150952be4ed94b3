//! Checks of the target, and of the pair by what the source told of itself.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::Structure;
use tidegate_model::finding::Finding;
use tidegate_model::job::JobSpec;
use tidegate_model::schema::TableName;
use tidegate_model::{Error, Result};

use super::grants::Grants;
use super::objects;
use super::versions::{self, Fit};
use super::{
    SAME_NAMES, SETTINGS, SPACE, TARGET_RIGHTS, VERSION, VIEWS, WARNINGS, check, some_of, tables_where,
};
use crate::CONTROL_SCHEMA;
use crate::connect::{Server, Version, close};
use crate::ddl::quoted;
use crate::failure::failed;
use crate::schema::{CHOSEN_BYTES, Scope, list};
use crate::structure;

/// Smaller packets would not hold the rows and statements that we write.
const PACKET_MIN: u64 = 4 << 20;
/// The target needs this much of what the source's tables take, in tenths: indexes
/// are built anew, and the log is written.
const SPACE_TENTHS: u64 = 12;
/// Rights on every schema that we write.
const WANTED: [&str; 8] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "INDEX",
];

/// `resumes`: this job has written here before, so that its objects are its own.
pub(crate) async fn target(
    server: &Server,
    spec: &JobSpec,
    structure: &Structure,
    resumes: bool,
) -> Result<Vec<Finding>> {
    let mut conn = server.catalog_session().await?;
    let mut findings = vec![version(server, structure)];
    findings.extend(settings(&mut conn, server, structure).await?);
    findings.extend(texts(server, spec, structure));
    findings.extend(rights(&mut conn, spec, structure).await?);
    findings.push(same_names(&mut conn, spec, structure, resumes).await?);
    findings.push(space(&mut conn, server, structure).await?);
    findings.push(views(&mut conn, structure).await?);
    findings.extend(warnings(server, spec, structure));
    findings.extend(objects::target(&mut conn, server, spec, structure, resumes).await?);
    findings.push(crate::tls::finding(server.endpoint(), "target_tls"));
    close(conn).await;
    Ok(findings)
}

fn fact<'a>(structure: &'a Structure, name: &str) -> &'a str {
    structure.facts.get(name).map_or("", String::as_str)
}

fn version(server: &Server, structure: &Structure) -> Finding {
    let target = server.version();
    let Some(source) = Version::parse(fact(structure, "version")) else {
        return check(VERSION, "pair", versions::name(target))
            .failure("the source's version is not understood", "Report the version");
    };
    let pair = format!("{} to {}", versions::name(source), versions::name(target));
    let check = check(VERSION, "pair", pair);
    match versions::fit(source, target) {
        Fit::Good => check.pass(),
        Fit::Differs(why) => check.warning(
            why,
            "Read what the structure stage says, and test the application",
        ),
        Fit::Bad(why) => check.failure(why, "Choose a newer target"),
    }
}

async fn settings(conn: &mut Conn, server: &Server, structure: &Structure) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let folds = "lower_case_table_names";
    let (source, target) = (fact(structure, folds), server.fact(folds));
    let names = check(
        SETTINGS,
        folds,
        format!("{source} on the source, {target} on the target"),
    );
    findings.push(if source == target {
        names.pass()
    } else {
        names.failure(
            "names that differ in case only are one table on one side and two on the other",
            format!("Set up the target with {folds} = {source}"),
        )
    });
    let packet = server.fact("max_allowed_packet");
    let size = check(
        SETTINGS,
        "max_allowed_packet",
        format!("max_allowed_packet = {packet}"),
    );
    findings.push(if packet.parse::<u64>().is_ok_and(|bytes| bytes < PACKET_MIN) {
        size.failure(
            "rows and statements must fit into a packet",
            format!("SET GLOBAL max_allowed_packet = {}", 64 << 20),
        )
    } else {
        size.pass()
    });
    let read_only: Vec<String> = ["read_only", "super_read_only"]
        .into_iter()
        .filter(|name| server.is_on(name))
        .map(str::to_owned)
        .collect();
    findings.push(
        check(SETTINGS, "read_only", "read_only, super_read_only").fail_for(
            &read_only,
            "the target takes no writes",
            "SET GLOBAL super_read_only = OFF; SET GLOBAL read_only = OFF",
        ),
    );
    findings.extend(key_required(conn, server, structure).await?);
    Ok(findings)
}

/// A server that demands primary keys, and tables without one.
async fn key_required(conn: &mut Conn, server: &Server, structure: &Structure) -> Result<Option<Finding>> {
    let setting = "sql_require_primary_key";
    if !server.is_on(setting) {
        return Ok(None);
    }
    let without = tables_where(&structure.tables, |table| {
        table.schema.row_key.as_ref().is_none_or(|key| !key.primary)
    });
    let check = check(SETTINGS, setting, format!("{setting} = ON"));
    match conn.query_drop(format!("SET SESSION {setting} = OFF")).await {
        Ok(()) => Ok(Some(check.pass())),
        Err(mysql_async::Error::Server(_)) => Ok(Some(check.fail_for(
            &without,
            "the target takes no table without a primary key, and our account may not lift that for itself",
            format!("SET GLOBAL {setting} = OFF, or grant SESSION_VARIABLES_ADMIN"),
        ))),
        Err(error) => Err(failed("setting up a session")(error)),
    }
}

/// Can each table's text be carried, and what changes with it?
fn texts(server: &Server, spec: &JobSpec, structure: &Structure) -> Vec<Finding> {
    let (refused, changed) = structure::try_all(server, structure, &spec.selection);
    let mut findings = Vec::new();
    let tables = check(SETTINGS, "structure", "CREATE TABLE texts of the source");
    findings.push(if refused.is_empty() {
        tables.pass()
    } else {
        tables.failure(
            some_of(&refused),
            "Leave the table out of this job, or change it on the source as said",
        )
    });
    let differences = check(WARNINGS, "structure", "CREATE TABLE texts of the source");
    findings.push(if changed.is_empty() {
        differences.pass()
    } else {
        differences.warning(some_of(&changed), "")
    });
    findings
}

async fn rights(conn: &mut Conn, spec: &JobSpec, structure: &Structure) -> Result<Vec<Finding>> {
    let grants = Grants::read(conn).await?;
    let refers = structure
        .tables
        .iter()
        .any(|table| structure::traits::references(table).is_ok_and(|references| !references.is_empty()));
    let schemas: BTreeSet<String> = structure
        .databases
        .iter()
        .filter_map(|database| spec.selection.target_schema(&database.name))
        .chain([CONTROL_SCHEMA.to_owned()])
        .collect();
    let mut findings = Vec::with_capacity(schemas.len());
    for schema in schemas {
        let own = schema == CONTROL_SCHEMA;
        let mut wanted = WANTED.to_vec();
        if refers && !own {
            wanted.push("REFERENCES");
        }
        if !structure.views.is_empty() && !own {
            wanted.push("CREATE VIEW");
        }
        let missing: Vec<&str> = wanted
            .iter()
            .copied()
            .filter(|privilege| !grants.has(privilege, &schema, &[]))
            .collect();
        let looked_at = grants.looked_at(&format!("{} on {schema}", wanted.join(", ")));
        let item = if own { "checkpoints" } else { "objects" };
        let check = check(TARGET_RIGHTS, item, looked_at);
        let why = if own {
            "the job keeps its marks in that schema, in one transaction with the rows"
        } else {
            "without it the chosen objects cannot be written"
        };
        findings.push(if missing.is_empty() {
            check.pass()
        } else {
            check.failure(why, grants.remedy(&missing, &format!("{}.*", quoted(&schema))))
        });
    }
    Ok(findings)
}

async fn same_names(
    conn: &mut Conn,
    spec: &JobSpec,
    structure: &Structure,
    resumes: bool,
) -> Result<Finding> {
    let tables = structure.tables.iter().map(|table| {
        let name = &table.schema.name;
        (name, spec.selection.target_of(name))
    });
    let views = structure
        .views
        .iter()
        .map(|view| (&view.name, spec.selection.target_of_view(&view.name)));
    let mut wanted = BTreeSet::new();
    let mut twice = Vec::new();
    for (name, target) in tables.chain(views) {
        let target = target.ok_or_else(|| Error::bug(format!("{name} is not chosen")))?;
        if wanted.contains(&target) {
            twice.push(target.to_string());
        }
        wanted.insert(target);
    }
    let looked_at = format!("{} tables and views on the target", wanted.len());
    let check = check(SAME_NAMES, "same_names", looked_at);
    if !twice.is_empty() {
        return Ok(check.fail_for(
            &twice,
            "two objects of this job would have the same name",
            "Give one of them another name",
        ));
    }
    if resumes {
        return Ok(check.pass());
    }
    let schemas: BTreeSet<&str> = wanted.iter().map(|name| name.schema.as_str()).collect();
    let mut there = Vec::new();
    for schema in schemas {
        let listed = list(conn, &Scope::schema(schema)).await?;
        let names = listed.into_iter().map(|object| object.name);
        there.extend(
            names
                .filter(|name| wanted.contains(name))
                .map(|name: TableName| name.to_string()),
        );
    }
    Ok(check.fail_for(
        &there,
        "there is an object of that name on the target already",
        "DROP it on the target, or rename the chosen one, or leave it out of this job",
    ))
}

async fn space(conn: &mut Conn, server: &Server, structure: &Structure) -> Result<Finding> {
    let bytes = fact(structure, CHOSEN_BYTES).parse::<u64>().unwrap_or(0);
    let needed = bytes / 10 * SPACE_TENTHS;
    let folder = server.fact("datadir");
    let looked_at = format!(
        "{} MiB needed in {folder} (1.2 of the chosen tables)",
        needed >> 20
    );
    let check = check(SPACE, "free_space", looked_at);
    Ok(match free_bytes(conn, folder).await? {
        Some(free) if free < needed => check.failure(
            format!("{} MiB are free", free >> 20),
            "Make room on the target's disk, or choose fewer objects",
        ),
        Some(_) => check.pass(),
        None => check.warning(
            "the server does not tell how much is free",
            format!("Look for yourself: df -h {folder}"),
        ),
    })
}

/// What MariaDB's plugin DISKS tells, where it is installed; MySQL has nothing like it.
async fn free_bytes(conn: &mut Conn, folder: &str) -> Result<Option<u64>> {
    let sql = "SELECT Path, Available FROM information_schema.DISKS";
    let disks: Vec<(String, u64)> = match conn.query(sql).await {
        Ok(disks) => disks,
        Err(mysql_async::Error::Server(_)) => return Ok(None),
        Err(error) => return Err(failed("asking for free space")(error)),
    };
    let of_folder = disks
        .into_iter()
        .filter(|(path, _)| folder.starts_with(path.as_str()))
        .max_by_key(|(path, _)| path.len());
    Ok(of_folder.map(|(_, kibibytes)| kibibytes.saturating_mul(1024)))
}

async fn views(conn: &mut Conn, structure: &Structure) -> Result<Finding> {
    let account: Option<String> = conn
        .query_first("SELECT CURRENT_USER()")
        .await
        .map_err(failed("asking for our account"))?;
    let account = account.unwrap_or_default();
    let others = structure::views_of_others(structure, &account);
    Ok(check(VIEWS, "definers", format!("definers of {} views", structure.views.len())).warn_for(
        &others,
        "the view belongs to another account on the source; on the target it will be this job's, and run with \
         the rights of who uses it (SQL SECURITY INVOKER)",
        "Grant users of the view SELECT on its tables, or make the view anew after the job with the definer you want",
    ))
}

fn warnings(server: &Server, spec: &JobSpec, structure: &Structure) -> Vec<Finding> {
    let mut findings = Vec::new();
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let (source, target) = (
        fact(structure, "max_allowed_packet"),
        server.fact("max_allowed_packet"),
    );
    let packets = check(
        WARNINGS,
        "max_allowed_packet",
        format!("{source} on the source, {target} on the target"),
    );
    findings.push(if number(target) >= number(source) {
        packets.pass()
    } else {
        packets.warning(
            "a row that fits on the source may not fit on the target",
            format!("SET GLOBAL max_allowed_packet = {source}"),
        )
    });
    let charset = "character_set_server";
    let (source, target) = (fact(structure, charset), server.fact(charset));
    let charsets = check(
        WARNINGS,
        charset,
        format!("{source} on the source, {target} on the target"),
    );
    findings.push(if source == target {
        charsets.pass()
    } else {
        charsets.warning(
            "databases and tables that are made later without saying a charset will differ",
            format!("SET GLOBAL {charset} = '{source}'"),
        )
    });
    if spec.migrate_type.copies_rows() {
        let local = check(
            WARNINGS,
            "local_infile",
            format!("local_infile = {}", server.fact("local_infile")),
        );
        findings.push(if server.is_on("local_infile") {
            local.pass()
        } else {
            local.warning(
                "rows are then written by INSERT, which takes longer",
                "SET GLOBAL local_infile = ON",
            )
        });
    }
    findings
}
