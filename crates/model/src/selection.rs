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
    /// With `whole_instance`: the stored objects of every database.
    #[serde(default)]
    pub stored: StoredSelection,
    /// None: accounts stay where they are.
    #[serde(default)]
    pub accounts: Option<AccountSelection>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct DatabaseSelection {
    pub name: String,
    /// None: the same name.
    pub new_name: Option<String>,
    pub tables: TablesSelection,
    #[serde(default = "Chosen::all")]
    pub views: Chosen,
    #[serde(default)]
    pub stored: StoredSelection,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum TablesSelection {
    /// Every table, those to come included.
    #[default]
    All,
    /// The same, and these have new names or temporary tables.
    AllWith(Vec<TableSelection>),
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

/// Which objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Chosen {
    #[default]
    None,
    All,
    Some(Vec<String>),
}

/// Code that a database keeps: what is called, and what runs by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StoredKind {
    Function,
    Procedure,
    Trigger,
    Event,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct StoredSelection {
    pub functions: Chosen,
    pub procedures: Chosen,
    /// Of chosen tables only, whatever is said here.
    pub triggers: Chosen,
    pub events: Chosen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct AccountSelection {
    /// Is the administrator's account overwritten too?
    pub administrator: bool,
}

impl Chosen {
    pub fn all() -> Chosen {
        Chosen::All
    }

    pub fn has(&self, name: &str) -> bool {
        match self {
            Chosen::None => false,
            Chosen::All => true,
            Chosen::Some(names) => names.iter().any(|chosen| chosen == name),
        }
    }

    /// Can there be any?
    pub fn is_any(&self) -> bool {
        match self {
            Chosen::None => false,
            Chosen::All => true,
            Chosen::Some(names) => !names.is_empty(),
        }
    }

    /// Those that are chosen by name.
    pub fn named(&self) -> &[String] {
        match self {
            Chosen::Some(names) => names,
            Chosen::None | Chosen::All => &[],
        }
    }
}

impl StoredKind {
    pub const ALL: [StoredKind; 4] = [
        StoredKind::Function,
        StoredKind::Procedure,
        StoredKind::Trigger,
        StoredKind::Event,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            StoredKind::Function => "function",
            StoredKind::Procedure => "procedure",
            StoredKind::Trigger => "trigger",
            StoredKind::Event => "event",
        }
    }
}

impl StoredSelection {
    pub fn all() -> StoredSelection {
        StoredSelection {
            functions: Chosen::All,
            procedures: Chosen::All,
            triggers: Chosen::All,
            events: Chosen::All,
        }
    }

    pub fn of(&self, kind: StoredKind) -> &Chosen {
        match kind {
            StoredKind::Function => &self.functions,
            StoredKind::Procedure => &self.procedures,
            StoredKind::Trigger => &self.triggers,
            StoredKind::Event => &self.events,
        }
    }

    pub fn of_mut(&mut self, kind: StoredKind) -> &mut Chosen {
        match kind {
            StoredKind::Function => &mut self.functions,
            StoredKind::Procedure => &mut self.procedures,
            StoredKind::Trigger => &mut self.triggers,
            StoredKind::Event => &mut self.events,
        }
    }
}

impl TablesSelection {
    /// Tables that are named, for being chosen or for being renamed.
    pub fn named(&self) -> &[TableSelection] {
        match self {
            TablesSelection::All => &[],
            TablesSelection::AllWith(tables) | TablesSelection::Some(tables) => tables,
        }
    }

    pub fn is_whole(&self) -> bool {
        !matches!(self, TablesSelection::Some(_))
    }
}

impl Selection {
    /// The target's name of a source table; None when it is not chosen.
    /// System schemas must have been excluded by the caller.
    pub fn target_of(&self, name: &TableName) -> Option<TableName> {
        if self.whole_instance {
            return Some(name.clone());
        }
        let database = self.database(&name.schema)?;
        let mut tables = database.tables.named().iter();
        let listed = tables.find(|table| table.name == name.table || table.temporary.contains(&name.table));
        let table = match listed {
            None if !database.tables.is_whole() => return None,
            Some(TableSelection {
                name: old,
                new_name: Some(new),
                ..
            }) if *old == name.table => new.clone(),
            _ => name.table.clone(),
        };
        Some(TableName {
            schema: database.target_name().to_owned(),
            table,
        })
    }

    /// The target's name of a source view; None when it is not chosen. Views keep their names.
    pub fn target_of_view(&self, name: &TableName) -> Option<TableName> {
        if self.whole_instance {
            return Some(name.clone());
        }
        let database = self.database(&name.schema)?;
        let listed = || {
            database
                .tables
                .named()
                .iter()
                .any(|table| table.name == name.table)
        };
        if !database.views.has(&name.table) && (database.tables.is_whole() || !listed()) {
            return None;
        }
        Some(TableName::new(database.target_name(), &name.table))
    }

    /// Which stored objects of this database?
    pub fn stored_of(&self, schema: &str, kind: StoredKind) -> &Chosen {
        if self.whole_instance {
            return self.stored.of(kind);
        }
        self.database(schema)
            .map_or(&Chosen::None, |database| database.stored.of(kind))
    }

    /// Is anything of this database chosen, and as what?
    pub fn target_schema(&self, schema: &str) -> Option<String> {
        if self.whole_instance {
            return Some(schema.to_owned());
        }
        Some(self.database(schema)?.target_name().to_owned())
    }

    /// Is the whole of this database chosen, tables to come included?
    pub fn has_whole_schema(&self, schema: &str) -> bool {
        self.whole_instance
            || self
                .database(schema)
                .is_some_and(|database| database.tables.is_whole())
    }

    /// Old names of databases and tables that have another name on the target.
    pub fn renamed(&self) -> impl Iterator<Item = &str> {
        self.databases.iter().flat_map(|database| {
            let moved = (database.target_name() != database.name).then_some(database.name.as_str());
            let tables = database.tables.named().iter();
            let tables = tables.filter(|table| table.new_name.as_ref().is_some_and(|new| *new != table.name));
            moved.into_iter().chain(tables.map(|table| table.name.as_str()))
        })
    }

    fn database(&self, schema: &str) -> Option<&DatabaseSelection> {
        self.databases.iter().find(|database| database.name == schema)
    }
}

impl DatabaseSelection {
    pub fn target_name(&self) -> &str {
        self.new_name.as_deref().unwrap_or(&self.name)
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
                    views: Chosen::Some(vec!["seen".into()]),
                    ..DatabaseSelection::default()
                },
                DatabaseSelection {
                    name: "b".into(),
                    tables: TablesSelection::Some(vec![table("t", Some("u")), table("v", None)]),
                    ..DatabaseSelection::default()
                },
                DatabaseSelection {
                    name: "d".into(),
                    tables: TablesSelection::AllWith(vec![table("t", Some("u"))]),
                    views: Chosen::All,
                    ..DatabaseSelection::default()
                },
            ],
            ..Selection::default()
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
        check("d", "t", Some(("d", "u")));
        check("d", "other", Some(("d", "other")));
        assert_eq!(chosen().renamed().collect::<Vec<_>>(), ["a", "t", "t"]);
    }

    #[test]
    fn views_are_chosen_beside_the_tables() {
        let check = |schema: &str, view: &str, expected: Option<&str>| {
            let got = chosen().target_of_view(&TableName::new(schema, view));
            assert_eq!(
                got,
                expected.map(|to| TableName::new(to, view)),
                "{schema}.{view}"
            );
        };
        check("a", "seen", Some("z"));
        check("a", "hidden", None);
        check("b", "v", Some("b"));
        check("b", "w", None);
        check("d", "any", Some("d"));
    }
}
