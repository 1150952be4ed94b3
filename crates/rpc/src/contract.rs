//! The wire API's contract: every action with its parameters, answer fields
//! and error codes, read once from the file beside the crate's sources.
//!
//! Relies on that file alone. It says what may travel, not what an action does.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

const TEXT: &str = include_str!("../contract/dts-2021-12-06.json");

/// The one version of the API spoken here.
pub const VERSION: &str = "2021-12-06";

#[derive(Debug, Default, Deserialize)]
pub struct Contract {
    pub actions: HashMap<String, ActionShape>,
    pub types: HashMap<String, Vec<Field>>,
    pub error_codes: Vec<String>,
    pub common_error_codes: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct ActionShape {
    pub group: String,
    pub mode: String,
    pub input: Vec<Field>,
    pub output: Vec<Field>,
    pub errors: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Field {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub required: bool,
    #[serde(default, rename = "enum")]
    pub allowed: Vec<serde_json::Value>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub max_len: Option<usize>,
}

/// The contract. A file that does not parse gives an empty one, which a test
/// refuses; it is part of the binary, so nothing from outside can break it.
pub fn contract() -> &'static Contract {
    static READ: OnceLock<Contract> = OnceLock::new();
    READ.get_or_init(|| serde_json::from_str(TEXT).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_actions_and_the_types_they_name_are_there() {
        let contract = contract();
        assert_eq!(contract.actions.len(), 84);
        let known = |kind: &str| {
            let inner = kind
                .strip_prefix("list<")
                .and_then(|rest| rest.strip_suffix('>'))
                .unwrap_or(kind);
            contract.types.contains_key(inner)
                || ["string", "int64", "uint64", "bool", "float"].contains(&inner)
        };
        let of_actions = contract
            .actions
            .values()
            .flat_map(|a| a.input.iter().chain(&a.output));
        for field in of_actions.chain(contract.types.values().flatten()) {
            assert!(known(&field.kind), "{}: {}", field.name, field.kind);
        }
    }
}
