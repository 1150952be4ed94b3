//! What a job moves, and under which names.
//!
//! Names are compared as the source compares them: `fold_case` is set from the
//! server (lower_case_table_names) when a plan is made.

use serde::{Deserialize, Serialize};

use crate::schema::TableName;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Selection {
    /// True: every database but the system's. `databases` is then empty.
    pub whole_instance: bool,
    pub databases: Vec<DatabaseSelection>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSelection {
    pub name: String,
    /// None: the same name.
    pub new_name: Option<String>,
    pub tables: TablesSelection,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TablesSelection {
    All,
    Some(Vec<TableSelection>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSelection {
    pub name: String,
    pub new_name: Option<String>,
    /// Names of temporary tables that online schema changes use for this table.
    #[serde(default)]
    pub temporary: Vec<String>,
}

impl Selection {
    /// The target's name of a source table; None when it is not chosen.
    /// System schemas must have been excluded by the caller.
    pub fn target_of(&self, name: &TableName) -> Option<TableName> {
        if self.whole_instance {
            return Some(name.clone());
        }
        let database = self
            .databases
            .iter()
            .find(|database| database.name == name.schema)?;
        let schema = database.new_name.clone().unwrap_or_else(|| database.name.clone());
        let table = match &database.tables {
            TablesSelection::All => name.table.clone(),
            TablesSelection::Some(tables) => {
                let table = tables
                    .iter()
                    .find(|table| table.name == name.table || table.temporary.contains(&name.table))?;
                match &table.new_name {
                    Some(new) if table.name == name.table => new.clone(),
                    _ => name.table.clone(),
                }
            }
        };
        Some(TableName { schema, table })
    }

    /// Is anything of this database chosen, and as what?
    pub fn target_schema(&self, schema: &str) -> Option<String> {
        if self.whole_instance {
            return Some(schema.to_owned());
        }
        let database = self.databases.iter().find(|database| database.name == schema)?;
        Some(database.new_name.clone().unwrap_or_else(|| database.name.clone()))
    }

    /// Is the whole of this database chosen, tables to come included?
    pub fn has_whole_schema(&self, schema: &str) -> bool {
        self.whole_instance
            || self
                .databases
                .iter()
                .any(|database| database.name == schema && database.tables == TablesSelection::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen() -> Selection {
        let table = |name: &str, new: Option<&str>| TableSelection {
            name: name.to_owned(),
            new_name: new.map(str::to_owned),
            temporary: vec![format!("_{name}_gho")],
        };
        Selection {
            whole_instance: false,
            databases: vec![
                DatabaseSelection {
                    name: "a".into(),
                    new_name: Some("z".into()),
                    tables: TablesSelection::All,
                },
                DatabaseSelection {
                    name: "b".into(),
                    new_name: None,
                    tables: TablesSelection::Some(vec![table("t", Some("u")), table("v", None)]),
                },
            ],
        }
    }

    #[test]
    fn names_are_mapped_and_others_left_out() {
        let check = |schema: &str, table: &str, expected: Option<(&str, &str)>| {
            let got = chosen().target_of(&TableName::new(schema, table));
            assert_eq!(
                got,
                expected.map(|(s, t)| TableName::new(s, t)),
                "{schema}.{table}"
            );
        };
        check("a", "x", Some(("z", "x")));
        check("b", "t", Some(("b", "u")));
        check("b", "v", Some(("b", "v")));
        check("b", "_t_gho", Some(("b", "_t_gho")));
        check("b", "w", None);
        check("c", "t", None);
    }
}
