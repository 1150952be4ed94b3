//! What a source holds of the chosen objects, and facts about a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_model::schema::{TableName, TableSchema};

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
    /// Chosen objects that this job will not move, each said in a sentence.
    pub not_covered: Vec<String>,
}
