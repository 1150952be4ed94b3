//! Checks of the source alone.

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::{Structure, TableDef};
use tidegate_model::Result;
use tidegate_model::finding::Finding;
use tidegate_model::job::{ForeignKeys, JobSpec};
use tidegate_model::schema::ColumnType;

use super::grants::Grants;
use super::objects;
use super::{
    BINLOG, BURDENS, CASCADES, REFERENCES, SETTINGS, SOURCE_RIGHTS, VERSION, WARNINGS, check, tables_where,
    versions,
};
use crate::binlog::native::NativeType;
use crate::connect::{Server, close};
use crate::ddl::quoted;
use crate::failure::failed;
use crate::structure::traits::{self, Reference};

/// Seconds within which the source must let a login take, at least.
const CONNECT_TIMEOUT_MIN: u64 = 10;
/// The log should be kept for three days, so that a job can be paused over a weekend.
const RETENTION_MIN_SECONDS: u64 = 3 * 24 * 3600;
/// Engines whose tables hold rows of other tables or servers, or none.
const ENGINES_WITHOUT_ROWS: [&str; 8] = [
    "MERGE",
    "MRG_MYISAM",
    "FEDERATED",
    "CONNECT",
    "SPIDER",
    "SPHINX",
    "OQGRAPH",
    "BLACKHOLE",
];

pub(crate) async fn source(server: &Server, spec: &JobSpec, structure: &Structure) -> Result<Vec<Finding>> {
    let mut conn = server.catalog_session().await?;
    let mut findings = Vec::new();
    findings.push(version(server));
    findings.extend(rights(&mut conn, server, spec, structure).await?);
    findings.extend(tables(spec, structure));
    findings.push(connect_timeout(server));
    if spec.migrate_type.follows_changes() {
        findings.extend(binlog(server));
        findings.push(types_in_log(structure));
        findings.extend(log_writers(&mut conn, server).await?);
        findings.push(prepared(&mut conn).await?);
    } else if spec.migrate_type.copies_rows() {
        findings.push(check(WARNINGS, "writes", "kind of migration").warning(
            "rows that the source writes while they are copied may not be on the target",
            "Stop writes to the source, or choose the kind that follows changes (fullAndIncrement)",
        ));
    }
    findings.extend(foreign_keys(spec, structure, logs_cascades(server)));
    findings.push(stats_on_metadata(server));
    findings.push(crate::tls::finding(server.endpoint(), "source_tls"));
    close(conn).await;
    Ok(findings)
}

fn version(server: &Server) -> Finding {
    let version = server.version();
    let check = check(VERSION, "source", versions::name(version));
    match versions::source_too_old(version) {
        None => check.pass(),
        Some(why) => check.failure(why, "Upgrade the source, or move by a dump"),
    }
}

async fn rights(
    conn: &mut Conn,
    server: &Server,
    spec: &JobSpec,
    structure: &Structure,
) -> Result<Vec<Finding>> {
    let grants = Grants::read(conn).await?;
    let mut findings = Vec::new();
    if spec.migrate_type.follows_changes() {
        let wanted = ["REPLICATION SLAVE", "REPLICATION CLIENT"];
        let missing: Vec<&str> = wanted
            .into_iter()
            .filter(|privilege| !grants.has_global(privilege))
            .collect();
        let check = check(SOURCE_RIGHTS, "replication", grants.looked_at(&wanted.join(", ")));
        findings.push(if missing.is_empty() {
            check.pass()
        } else {
            check.failure(
                "without it the changes of the source cannot be read",
                grants.remedy(&missing, "*.*"),
            )
        });
    }
    if locks_all(structure) {
        let check = check(SOURCE_RIGHTS, "read_lock", grants.looked_at("RELOAD"));
        findings.push(if grants.has_global("RELOAD") {
            check.pass()
        } else {
            check.failure(
                "a source without GTIDs is read-locked for the moment in which the copy begins, which needs it",
                grants.remedy(&["RELOAD"], "*.*"),
            )
        });
    }
    for database in &structure.databases {
        findings.push(rights_on(&grants, &database.name, spec, structure));
        findings.extend(objects::source_rights(&grants, server, spec, &database.name));
    }
    Ok(findings)
}

/// As `snapshot` decides it.
fn locks_all(structure: &Structure) -> bool {
    let fact = |name: &str| structure.facts.get(name).map_or("", String::as_str);
    let is_on = |name: &str| matches!(fact(name).to_ascii_uppercase().as_str(), "ON" | "1");
    is_on("log_bin") && fact("flavour") == "mysql" && !is_on("gtid_mode")
}

fn rights_on(grants: &Grants, schema: &str, spec: &JobSpec, structure: &Structure) -> Finding {
    // Of a whole schema, tables that are hidden from us are chosen as well: only a
    // grant on the schema shows them.
    let whole = spec.selection.has_whole_schema(schema);
    let names = |views: bool| -> Vec<&str> {
        let tables = structure.tables.iter().map(|table| &table.schema.name);
        let views = structure.views.iter().map(|view| &view.name).filter(|_| views);
        tables
            .chain(views)
            .filter(|name| name.schema == schema && !whole)
            .map(|name| name.table.as_str())
            .collect()
    };
    let has_views = structure.views.iter().any(|view| view.name.schema == schema);
    let mut wanted = vec!["SELECT", "LOCK TABLES"];
    if has_views {
        wanted.push("SHOW VIEW");
    }
    let missing: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|privilege| !grants.has(privilege, schema, &names(*privilege == "SHOW VIEW")))
        .collect();
    let what = format!("{} on {schema}", wanted.join(", "));
    let check = check(SOURCE_RIGHTS, "objects", grants.looked_at(&what));
    if missing.is_empty() {
        check.pass()
    } else {
        check.failure(
            "without it the chosen objects cannot be read whole, nor proved equal at the end",
            grants.remedy(&missing, &format!("{}.*", quoted(schema))),
        )
    }
}

fn tables(spec: &JobSpec, structure: &Structure) -> Vec<Finding> {
    let all = &structure.tables;
    let engine = |wanted: &dyn Fn(&str) -> bool| {
        tables_where(all, |table| {
            traits::option(table, "ENGINE").is_some_and(|engine| wanted(&engine.to_ascii_uppercase()))
        })
    };
    let fixed = tables_where(all, |table| {
        traits::option(table, "ROW_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("FIXED"))
    });
    let without_rows = engine(&|name| ENGINES_WITHOUT_ROWS.contains(&name));
    let others = engine(&|name| name != "INNODB" && !ENGINES_WITHOUT_ROWS.contains(&name));
    let versioned = tables_where(all, traits::is_system_versioned);
    let without_key = tables_where(all, |table| table.schema.row_key.is_none());
    let mut findings = vec![
        check(SETTINGS, "row_format", "ROW_FORMAT of the tables").fail_for(
            &fixed,
            "InnoDB has no row format FIXED, and a strict target refuses it",
            "ALTER TABLE … ROW_FORMAT = DYNAMIC",
        ),
        check(SETTINGS, "engine", "tables without rows of their own").fail_for(
            &without_rows,
            "such a table holds the rows of other tables or servers, or none",
            "Leave the table out of this job, and make it on the target by hand",
        ),
        check(SETTINGS, "system_versioning", "tables that keep their history").fail_for(
            &versioned,
            "the history of a system-versioned table cannot be moved, and its log holds hidden columns",
            "Leave the table out of this job, or: ALTER TABLE … DROP SYSTEM VERSIONING",
        ),
    ];
    let transactions = check(WARNINGS, "transactions", "engines of the tables");
    let why =
        "the engine has no consistent reads: rows written while the table is copied may be missed or doubled";
    let remedy = "ALTER TABLE … ENGINE = InnoDB, or stop writes to the table until it is copied";
    findings.push(if spec.migrate_type.follows_changes() {
        transactions.fail_for(&others, why, remedy)
    } else {
        transactions.warn_for(&others, why, remedy)
    });
    if spec.migrate_type.copies_rows() {
        findings.push(check(WARNINGS, "keys", "tables without a key that tells rows apart").warn_for(
            &without_key,
            "without a primary key, or a unique key over columns that are never NULL, the table is \
             read-locked for the moment in which the copy begins, copied in one piece, and changes are slow to apply",
            "ALTER TABLE … ADD PRIMARY KEY (…)",
        ));
    }
    findings
}

fn connect_timeout(server: &Server) -> Finding {
    let value = server.fact("connect_timeout");
    let check = check(SETTINGS, "connect_timeout", format!("connect_timeout = {value}"));
    match value.parse::<u64>() {
        Ok(seconds) if seconds < CONNECT_TIMEOUT_MIN => check.failure(
            format!("logins over a slow line take longer; at least {CONNECT_TIMEOUT_MIN} s are needed"),
            format!("SET GLOBAL connect_timeout = {CONNECT_TIMEOUT_MIN}"),
        ),
        Ok(_) => check.pass(),
        Err(_) => check.warning("the server does not tell it", ""),
    }
}

fn stats_on_metadata(server: &Server) -> Finding {
    let check = check(
        BURDENS,
        "innodb_stats_on_metadata",
        format!(
            "innodb_stats_on_metadata = {}",
            server.fact("innodb_stats_on_metadata")
        ),
    );
    if server.is_on("innodb_stats_on_metadata") {
        check.failure(
            "every question to the catalog makes the server read pages of every table again",
            "SET GLOBAL innodb_stats_on_metadata = OFF",
        )
    } else {
        check.pass()
    }
}

fn binlog(server: &Server) -> Vec<Finding> {
    let setting = |name: &'static str| check(BINLOG, name, format!("{name} = {}", server.fact(name)));
    let expect = |name: &'static str, wanted: &str, why: &str, remedy: &str| {
        if server.fact(name).eq_ignore_ascii_case(wanted) {
            setting(name).pass()
        } else {
            setting(name).failure(why, remedy)
        }
    };
    let mut findings = vec![
        expect(
            "log_bin",
            "ON",
            "without a binary log there are no changes to follow",
            "Set log_bin in the server's configuration and restart it",
        ),
        expect(
            "binlog_format",
            "ROW",
            "only ROW holds the changed rows themselves",
            "SET GLOBAL binlog_format = 'ROW', then reconnect all sessions that write",
        ),
        expect(
            "binlog_row_image",
            "FULL",
            "changes must hold whole rows",
            "SET GLOBAL binlog_row_image = 'FULL', then reconnect all sessions that write",
        ),
    ];
    let id = server.fact("server_id");
    findings.push(if id.parse::<u64>().is_ok_and(|id| id != 0) {
        setting("server_id").pass()
    } else {
        setting("server_id").failure("a server without an id serves no log", "SET GLOBAL server_id = 1")
    });
    if !server.version().is_mariadb() {
        findings.push(gtid_mode(server));
    }
    findings.push(retention(server));
    findings
}

fn gtid_mode(server: &Server) -> Finding {
    let value = server.fact("gtid_mode").to_ascii_uppercase();
    let check = check(BINLOG, "gtid_mode", format!("gtid_mode = {value}"));
    match value.as_str() {
        "ON" => check.pass(),
        "OFF" | "" => check.warning(
            "without GTIDs the job cannot go on with another server should the source fail over",
            "SET GLOBAL gtid_mode step by step: OFF_PERMISSIVE, ON_PERMISSIVE, ON (with enforce_gtid_consistency = ON)",
        ),
        _ => check.failure(
            "transactions with and without GTIDs may stand in one log, and a position cannot name both",
            "SET GLOBAL gtid_mode = ON (through ON_PERMISSIVE), or OFF",
        ),
    }
}

fn retention(server: &Server) -> Finding {
    let seconds = server
        .fact("binlog_expire_logs_seconds")
        .parse::<u64>()
        .unwrap_or(0);
    let days = server.fact("expire_logs_days").parse::<f64>().unwrap_or(0.0);
    // Zero of both: the log is kept until someone purges it.
    let kept = match (seconds, days) {
        (0, days) if days > 0.0 => (days * 86_400.0) as u64,
        (seconds, _) => seconds,
    };
    let check = check(
        BINLOG,
        "retention",
        format!("the log is kept for {kept} s (0: always)"),
    );
    if kept == 0 || kept >= RETENTION_MIN_SECONDS {
        return check.pass();
    }
    let remedy = if server.fact("binlog_expire_logs_seconds").is_empty() {
        "SET GLOBAL expire_logs_days = 3".to_owned()
    } else {
        format!("SET GLOBAL binlog_expire_logs_seconds = {RETENTION_MIN_SECONDS}")
    };
    check.warning("a job that is paused for longer cannot go on", remedy)
}

/// Types whose values we can copy as text, but not read from the log.
fn types_in_log(structure: &Structure) -> Finding {
    let mut unread = Vec::new();
    for TableDef { schema, .. } in &structure.tables {
        let columns = schema.columns.iter();
        let native = columns.filter(|column| column.kind == ColumnType::Native);
        unread.extend(
            native
                .filter(|column| NativeType::of(&column.native).is_none())
                .map(|column| format!("{}.{} ({})", schema.name, column.name, column.native)),
        );
    }
    check(BINLOG, "types", "types of the columns").fail_for(
        &unread,
        "the form in which the log holds values of this type is not known",
        "Leave the table out of this job, or move it without its changes (kind full) while nothing writes to it",
    )
}

/// Filters of the log, and a replica that does not log what it replays.
async fn log_writers(conn: &mut Conn, server: &Server) -> Result<Vec<Finding>> {
    let mariadb = server.version().is_mariadb();
    let (status, replica) = if mariadb {
        ("SHOW MASTER STATUS", "SHOW ALL SLAVES STATUS")
    } else if server.version().at_least(8, 4) {
        ("SHOW BINARY LOG STATUS", "SHOW REPLICA STATUS")
    } else {
        ("SHOW MASTER STATUS", "SHOW SLAVE STATUS")
    };
    let filters = check(BINLOG, "filters", "binlog_do_db, binlog_ignore_db");
    let mut findings = vec![match first_row(conn, status).await? {
        None => filters.warning("could not be looked at: no right to, or no log", ""),
        Some(row) => {
            let text = |name: &str| {
                row.get_opt::<String, _>(name)
                    .and_then(|text| text.ok())
                    .unwrap_or_default()
            };
            let set: Vec<String> = ["Binlog_Do_DB", "Binlog_Ignore_DB"]
                .into_iter()
                .filter(|name| !text(name).is_empty())
                .map(|name| format!("{} = {}", name.to_ascii_lowercase(), text(name)))
                .collect();
            filters.fail_for(
                &set,
                "changes of databases that are filtered out are not in the log",
                "Remove the setting from the server's configuration and restart it",
            )
        }
    }];
    let updates = check(
        BINLOG,
        "log_replica_updates",
        "does the source replicate, and log it?",
    );
    let logs = server.is_on("log_replica_updates") || server.is_on("log_slave_updates");
    findings.push(match first_row(conn, replica).await? {
        Some(_) if !logs => updates.failure(
            "the source is a replica that does not log what it replays",
            "Set log_replica_updates (log_slave_updates) = ON in the configuration and restart, or choose its own source",
        ),
        _ => updates.pass(),
    });
    Ok(findings)
}

/// Distributed transactions that are open: their rows stand in the log before the job's
/// first position, and the copy does not see them.
async fn prepared(conn: &mut Conn) -> Result<Finding> {
    let check = check(BINLOG, "xa", "XA RECOVER");
    match conn.query_first::<mysql_async::Row, _>("XA RECOVER").await {
        Ok(None) => Ok(check.pass()),
        Ok(Some(_)) => Ok(check.failure(
            "distributed transactions are prepared and not ended; ended later, their rows would be missed",
            "End the transactions that XA RECOVER shows, by XA COMMIT or XA ROLLBACK",
        )),
        // MySQL asks for XA_RECOVER_ADMIN. The log's reader stops at the commit of such a one.
        Err(mysql_async::Error::Server(_)) => Ok(check.pass()),
        Err(error) => Err(failed("asking for prepared transactions")(error)),
    }
}

/// None when there is no row, or we may not ask.
async fn first_row(conn: &mut Conn, sql: &str) -> Result<Option<mysql_async::Row>> {
    match conn.query_first(sql).await {
        Ok(row) => Ok(row),
        Err(mysql_async::Error::Server(_)) => Ok(None),
        Err(error) => Err(failed("asking for the state of the log")(error)),
    }
}

/// From 9.6 on MySQL carries out such rules above the engine, and logs the rows, unless
/// it is told to leave that to InnoDB.
fn logs_cascades(server: &Server) -> bool {
    let native = server.fact("innodb_native_foreign_keys");
    !native.is_empty() && !server.is_on("innodb_native_foreign_keys")
}

fn foreign_keys(spec: &JobSpec, structure: &Structure, logs_cascades: bool) -> Vec<Finding> {
    let (mut cascades, mut open_ends, mut not_read) = (Vec::new(), Vec::new(), Vec::new());
    for table in &structure.tables {
        let Ok(references) = traits::references(table) else {
            not_read.push(table.schema.name.to_string());
            continue;
        };
        for Reference { name, to, rules } in references {
            let key = format!("{name} of {}", table.schema.name);
            if !rules.is_empty() {
                cascades.push(format!("{key} ({})", rules.join(", ")));
            }
            if spec.selection.target_of(&to).is_none() {
                open_ends.push(format!("{key} refers to {to}"));
            }
        }
    }
    let mut findings = Vec::new();
    if !not_read.is_empty() {
        findings.push(check(CASCADES, "text", "CREATE TABLE texts").failure(
            format!("{}: the text is not understood", super::some_of(&not_read)),
            "Leave the table out of this job, and report its text",
        ));
    }
    let rules = check(CASCADES, "rules", "ON DELETE and ON UPDATE of foreign keys");
    findings.push(if spec.migrate_type.follows_changes() && !logs_cascades {
        rules.fail_for(
            &cascades,
            "rows that the server changes by such a rule are changed inside the engine and are not in the log, \
             so the target would keep the old ones",
            "Make the rule RESTRICT or NO ACTION while the job runs, or skip this check when no such row is changed",
        )
    } else {
        rules.pass()
    });
    let ends = check(REFERENCES, "both_ends", "tables that foreign keys refer to");
    findings.push(match spec.foreign_keys {
        ForeignKeys::Migrate => ends.fail_for(
            &open_ends,
            "that table is not among the objects of this job, so the key cannot be made on the target",
            "Add that table to the objects of this job, or skip this check to go without the key",
        ),
        ForeignKeys::Shield => ends.warn_for(&open_ends, "the key is not made on the target", ""),
    });
    findings
}
