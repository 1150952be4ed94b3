//! What a source holds of the chosen objects, and facts about a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_model::schema::{TableName, TableSchema};
use tidegate_model::selection::StoredKind;

/// Facts about a server that the other side's precheck and plan need, by the
/// engine's own names (`version`, `flavour`, `lower_case_table_names` …).
pub type Facts = BTreeMap<String, String>;

#[derive(Clone, Debug)]
pub struct TableDef {
    pub schema: Arc<TableSchema>,
    /// The server's own CREATE statement, for targets of the same family.
    pub native_ddl: String,
    /// The counter's next value, for tables that have one.
    pub next_auto_increment: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct ViewDef {
    pub name: TableName,
    pub native_ddl: String,
}

/// A function, procedure, trigger or event.
#[derive(Clone, Debug)]
pub struct StoredDef {
    pub kind: StoredKind,
    /// Its database and its own name.
    pub name: TableName,
    /// A trigger's table.
    pub table: Option<String>,
    pub native_ddl: String,
    /// Whose rights it runs with, in the engine's own spelling; empty when it has no such account.
    pub definer: String,
    /// Settings that it was made under, by the engine's own names: they change what its text means.
    pub session: Vec<(String, String)>,
}

/// When stored objects are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// All tables are there, and rows of changes are still to come: only what does nothing
    /// by itself. What would run by itself is made so that it does not.
    AfterTables,
    /// No more rows come from the source: triggers, and events that run.
    AtEnd,
}

/// An account or role, and what it takes to make it. Holds what passwords are checked
/// with, so nothing of it but the name is ever printed.
#[derive(Clone)]
pub struct AccountDef {
    /// In the engine's own spelling.
    pub name: String,
    /// Makes it, without any rights.
    pub native_ddl: String,
    /// Give it its rights and roles; to be executed in this order.
    pub rights: Vec<String>,
}

impl std::fmt::Debug for AccountDef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountDef({})", self.name)
    }
}

#[derive(Clone, Debug)]
pub struct DatabaseDef {
    pub name: String,
    pub native_ddl: String,
}

#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// Names the dialect of all `native_ddl` texts, e.g. `mysql`.
    pub dialect: &'static str,
    pub facts: Facts,
    pub databases: Vec<DatabaseDef>,
    /// In a stable order: by schema, then table.
    pub tables: Vec<TableDef>,
    /// In an order in which each can be made after those before it.
    pub views: Vec<ViewDef>,
    /// In an order in which they can be made.
    pub stored: Vec<StoredDef>,
    /// Roles before the accounts that have them.
    pub accounts: Vec<AccountDef>,
    /// Chosen objects that this job will not move, each said in a sentence.
    pub not_covered: Vec<String>,
}
