//! A logged schema change under the target's names.
//!
//! Runs outside of a transaction, since no server of the family can take it back
//! together with rows. When it may have run before, the server's words for "that is
//! so already" are taken for an answer, but only for what the statement does.

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tidegate_link::DdlOutcome;
use tidegate_model::change::{Ddl, DdlKind};
use tidegate_model::schema::TableName;
use tidegate_model::selection::Selection;
use tidegate_model::{Error, Result};

use crate::connect::{Server, close};
use crate::ddl::{self, Mode, Statement, quoted};
use crate::failure::{code_of, failed};
use crate::snapshot::full_name;

/// sql_mode bits that all servers of the family still take (`sql/system_variables.h`):
/// the log of an older or other server may hold more, which are refused when set.
const MODES_KNOWN: u64 = 0xEFFC_00EF;

/// Server codes that say: the state after this statement is there already.
const ALREADY: [u16; 12] = [
    1007, 1008, 1049, 1050, 1051, 1054, 1060, 1061, 1091, 1146, 1826, 3822,
];

pub(super) async fn execute(
    server: &Server,
    ddl: &Ddl,
    names: &Selection,
    replayed: bool,
) -> Result<DdlOutcome> {
    let sql_mode: u64 = setting(ddl, "sql_mode")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mode = Mode {
        ansi_quotes: sql_mode & crate::binlog::event::MODE_ANSI_QUOTES != 0,
        no_backslash_escapes: sql_mode & crate::binlog::event::MODE_NO_BACKSLASH_ESCAPES != 0,
    };
    let read = ddl::read(&ddl.statement, &ddl.default_schema, mode)?;
    let Some(statement) = under_target_names(ddl, &read, names)? else {
        return Ok(DdlOutcome::NotChosen);
    };
    if replayed && is_cycle(&read) {
        return Err(Error::needs_user(format!(
            "it cannot be told whether a rename in a circle was done before the last stop: {}",
            objects(ddl)
        ))
        .remedy("Compare the named tables on both sides, rename them on the target if they are swapped, and resume"));
    }
    let mut conn = server.catalog_session().await?;
    prepare(&mut conn, ddl, names, sql_mode).await?;
    let ran = conn.query_drop(statement).await;
    close(conn).await;
    match ran {
        Ok(()) => Ok(DdlOutcome::Done),
        Err(error) if replayed && code_of(&error).is_some_and(|code| ALREADY.contains(&code)) => {
            Ok(DdlOutcome::AlreadyDone)
        }
        Err(error) => Err(failed(format!(
            "repeating a schema change of the source ({:?} of {}) on the target",
            ddl.kind,
            objects(ddl)
        ))(error)
        .remedy("Make the same change on the target by hand, or let the job pass over schema changes that fail; then resume")),
    }
}

fn objects(ddl: &Ddl) -> String {
    let names: Vec<String> = ddl.objects.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn setting<'a>(ddl: &'a Ddl, name: &str) -> Option<&'a str> {
    let found = ddl.session.iter().find(|(have, _)| have == name);
    found.map(|(_, value)| value.as_str())
}

async fn prepare(conn: &mut Conn, ddl: &Ddl, names: &Selection, sql_mode: u64) -> Result<()> {
    let mut set = format!("SET SESSION sql_mode = {}", sql_mode & MODES_KNOWN);
    if let Some(zone) = setting(ddl, "time_zone")
        && zone
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-:/_".contains(&byte))
    {
        set.push_str(&format!(", time_zone = '{zone}'"));
    }
    if ddl.kind == DdlKind::CreateDatabase
        && let Some(id) =
            setting(ddl, "collation_server").filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
    {
        // A database without a charset of its own takes the session's.
        set.push_str(&format!(", collation_server = {id}"));
    }
    conn.query_drop(set)
        .await
        .map_err(failed("taking over the settings of a schema change's session"))?;
    // Names inside a view's query may lean on the session's database. It need not be there.
    if let Some(schema) = names.target_schema(&ddl.default_schema)
        && let Err(error) = conn.query_drop(format!("USE {}", quoted(&schema))).await
        && code_of(&error) != Some(1049)
    {
        return Err(failed("choosing the database of a schema change")(error));
    }
    Ok(())
}

/// `RENAME a TO x, b TO a, x TO b`: done twice it is undone, and nothing tells.
fn is_cycle(read: &Statement) -> bool {
    if read.kind != DdlKind::RenameTable {
        return false;
    }
    let mut before: Vec<&TableName> = Vec::new();
    let mut after: Vec<&TableName> = Vec::new();
    for (at, found) in read.names.iter().enumerate() {
        if at % 2 == 0 {
            before.push(&found.name)
        } else {
            after.push(&found.name)
        }
    }
    before.sort_unstable();
    after.sort_unstable();
    before == after
}

/// None: it concerns nothing that is chosen.
fn under_target_names(ddl: &Ddl, read: &Statement, names: &Selection) -> Result<Option<String>> {
    let target = |name: &TableName| target_of_kind(names, read.kind, name);
    let chosen: Vec<bool> = read
        .names
        .iter()
        .map(|found| target(&found.name).is_some())
        .collect();
    if !chosen.contains(&true) {
        return Ok(None);
    }
    match read.kind {
        DdlKind::NoEffect => return Ok(None),
        // Several objects in one statement, each for itself.
        DdlKind::DropTable | DdlKind::DropView => return Ok(Some(drop_sql(read, names))),
        DdlKind::CreateDatabase | DdlKind::AlterDatabase | DdlKind::DropDatabase => {
            return database_sql(ddl, read, names);
        }
        _ => {}
    }
    if chosen.first() != Some(&true) && !matches!(read.kind, DdlKind::RenameTable) {
        return Ok(None);
    }
    if chosen.contains(&false) {
        return Err(Error::needs_user(format!(
            "a schema change names objects that are not part of this job: {:?} of {}",
            ddl.kind,
            objects(ddl)
        ))
        .remedy("Make the change on the target by hand and let the job pass over it, or take the objects into the job"));
    }
    let mapped = |name: &TableName| target(name).unwrap_or_else(|| name.clone());
    ddl::rewrite(&ddl.statement, read, &mapped).map(Some)
}

fn target_of(names: &Selection, name: &TableName) -> Option<TableName> {
    if name.table.is_empty() {
        let schema = names.target_schema(&name.schema)?;
        return Some(TableName::new(schema, ""));
    }
    names.target_of(name)
}

/// A view may be chosen by itself, beside tables.
fn target_of_kind(names: &Selection, kind: DdlKind, name: &TableName) -> Option<TableName> {
    match kind {
        DdlKind::CreateView | DdlKind::DropView if !name.table.is_empty() => names.target_of_view(name),
        _ => target_of(names, name),
    }
}

fn drop_sql(read: &Statement, names: &Selection) -> String {
    let targets = read
        .names
        .iter()
        .filter_map(|found| target_of_kind(names, read.kind, &found.name));
    let list: Vec<String> = targets.map(|target| full_name(&target)).collect();
    let what = if read.kind == DdlKind::DropView {
        "VIEW"
    } else {
        "TABLE"
    };
    // What the source dropped is to be gone; that it is gone already is no fault.
    format!("DROP {what} IF EXISTS {}", list.join(", "))
}

fn database_sql(ddl: &Ddl, read: &Statement, names: &Selection) -> Result<Option<String>> {
    let schema = read
        .names
        .first()
        .map(|found| found.name.schema.as_str())
        .unwrap_or_default();
    let mapped = |name: &TableName| target_of(names, name).unwrap_or_else(|| name.clone());
    match read.kind {
        DdlKind::DropDatabase if !names.has_whole_schema(schema) => Err(Error::needs_user(format!(
            "the source dropped the database {schema}, of which only some tables are part of this job"
        ))
        .remedy(
            "Drop those tables on the target by hand, then stop this job: it has nothing left to follow",
        )),
        // A part of a database: its settings are not ours to change.
        DdlKind::AlterDatabase if !names.has_whole_schema(schema) => Ok(None),
        _ => ddl::rewrite(&ddl.statement, read, &mapped).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_model::position::Position;
    use tidegate_model::selection::{DatabaseSelection, TableSelection, TablesSelection};

    use super::*;

    fn chosen() -> Selection {
        let database = |name: &str, new_name: Option<&str>, tables| DatabaseSelection {
            name: name.to_owned(),
            new_name: new_name.map(str::to_owned),
            tables,
            ..DatabaseSelection::default()
        };
        let one = TableSelection {
            name: "t".to_owned(),
            new_name: None,
            temporary: vec!["_t_gho".to_owned(), "_t_del".to_owned()],
        };
        Selection {
            whole_instance: false,
            databases: vec![
                database("shop", Some("new"), TablesSelection::All),
                database("part", None, TablesSelection::Some(vec![one])),
            ],
            ..Selection::default()
        }
    }

    fn written(schema: &str, statement: &str) -> Result<Option<String>> {
        let read = ddl::read(statement, schema, Mode::default()).expect("reads");
        let ddl = Ddl {
            number: 1,
            position: Position {
                token: String::new(),
                order: (0, 0),
            },
            committed_at_ms: 0,
            statement: statement.to_owned(),
            default_schema: schema.to_owned(),
            kind: read.kind,
            objects: Vec::new(),
            session: Vec::new(),
        };
        under_target_names(&ddl, &read, &chosen())
    }

    #[test]
    fn statements_take_the_targets_names_and_leave_others_out() {
        let check = |schema: &str, statement: &str, expected: Option<&str>| {
            assert_eq!(
                written(schema, statement).expect(statement).as_deref(),
                expected,
                "{statement}"
            );
        };
        check(
            "shop",
            "ALTER TABLE a ADD b int",
            Some("ALTER TABLE `new`.`a` ADD b int"),
        );
        check("other", "ALTER TABLE a ADD b int", None);
        check(
            "shop",
            "DROP TABLE a, other.b, c",
            Some("DROP TABLE IF EXISTS `new`.`a`, `new`.`c`"),
        );
        check("", "DROP DATABASE shop", Some("DROP DATABASE `new`"));
        check(
            "part",
            "RENAME TABLE t TO _t_del, _t_gho TO t",
            Some("RENAME TABLE `part`.`t` TO `part`.`_t_del`, `part`.`_t_gho` TO `part`.`t`"),
        );
        check("part", "ALTER TABLE u ADD b int", None);
        check("", "ALTER DATABASE part CHARACTER SET latin1", None);
        assert!(written("part", "RENAME TABLE t TO gone").is_err());
        assert!(written("shop", "RENAME TABLE other.x TO x").is_err());
        assert!(written("", "DROP DATABASE part").is_err());
        assert!(written("shop", "CREATE TABLE a (b int REFERENCES other.c (d))").is_err());
    }

    #[test]
    fn renames_in_a_circle_are_seen() {
        let cycle =
            |statement: &str| is_cycle(&ddl::read(statement, "shop", Mode::default()).expect("reads"));
        assert!(cycle("RENAME TABLE a TO x, b TO a, x TO b"));
        assert!(!cycle("RENAME TABLE t TO _t_del, _t_gho TO t"));
        assert!(!cycle("RENAME TABLE a TO b"));
    }
}
