//! Enforces ARCHITECTURE.md: dependency edges, engines kept out of the core,
//! file length, a header at every file's top.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crate, and the crates of ours that it may use. `testkit` may be used by tests of all.
const EDGES: [(&str, &[&str]); 11] = [
    ("tidegate-model", &[]),
    ("tidegate-link", &["tidegate-model"]),
    ("tidegate-mysql", &["tidegate-model", "tidegate-link"]),
    ("tidegate-engine", &["tidegate-model", "tidegate-link"]),
    ("tidegate-meta", &["tidegate-model"]),
    ("tidegate-control", &["tidegate-model", "tidegate-meta"]),
    ("tidegate-rpc", &["tidegate-model"]),
    ("tidegate-cli", &["tidegate-model", "tidegate-rpc"]),
    ("tidegate-testkit", &["tidegate-model"]),
    (
        "tidegate-server",
        &[
            "tidegate-model",
            "tidegate-link",
            "tidegate-mysql",
            "tidegate-engine",
            "tidegate-meta",
            "tidegate-control",
            "tidegate-rpc",
            "tidegate-cli",
        ],
    ),
    (
        "tidegate-bench",
        &[
            "tidegate-model",
            "tidegate-link",
            "tidegate-mysql",
            "tidegate-engine",
            "tidegate-testkit",
        ],
    ),
];
const MAX_LINES: usize = 700;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folder reads") {
        let path = entry.expect("entry reads").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn crates_depend_only_along_the_edges() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    let tree: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = tree["packages"].as_array().expect("packages");
    assert_eq!(
        packages.len(),
        EDGES.len(),
        "a crate is missing in EDGES, or gone"
    );
    for package in packages {
        let name = package["name"].as_str().expect("name");
        let (_, allowed) = EDGES
            .iter()
            .find(|(have, _)| *have == name)
            .expect("crate is in EDGES");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let used = dependency["name"].as_str().expect("name");
            let for_tests = dependency["kind"] == "dev" && used == "tidegate-testkit";
            let ours = used.starts_with("tidegate-");
            assert!(
                !ours || for_tests || allowed.contains(&used),
                "{name} must not use {used}"
            );
        }
    }
}

#[test]
fn every_file_has_a_header_and_a_bounded_length() {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    assert!(files.len() > 20, "the walk found the sources");
    for file in files {
        let text = fs::read_to_string(&file).expect("file reads");
        assert!(text.starts_with("//! "), "{} has no header", file.display());
        assert!(
            text.lines().count() <= MAX_LINES,
            "{} is too long",
            file.display()
        );
    }
}

#[test]
fn the_core_names_no_database() {
    const NAMES: [&str; 6] = ["mysql", "mariadb", "postgres", "mongo", "redis", "sqlserver"];
    let mut files = Vec::new();
    sources(&root().join("crates/engine/src"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("file reads").to_lowercase();
        for name in NAMES {
            assert!(!text.contains(name), "{} names {name}", file.display());
        }
    }
}

/// Holds from the moment that a crate says it is an engine.
#[test]
fn an_engine_crate_has_the_seven_files() {
    const SEVEN: [&str; 7] = [
        "connect", "precheck", "schema", "snapshot", "changes", "apply", "types",
    ];
    let folder = root().join("crates/mysql/src");
    let top = fs::read_to_string(folder.join("lib.rs")).expect("file reads");
    if !top.contains("impl EngineLink for") {
        return;
    }
    for name in SEVEN {
        let there = folder.join(format!("{name}.rs")).exists() || folder.join(name).join("mod.rs").exists();
        assert!(there, "crates/mysql has no {name}");
    }
}

/// What deny.toml bans, also where nobody runs the tool for it. The lock file names crates
/// that no feature of ours asks for, so the tree is asked.
#[test]
fn banned_crates_are_not_in_the_build() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--prefix", "none", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(tree.lines().any(|line| line.starts_with("aws-lc-rs ")), "{tree}");
    for banned in ["ring ", "openssl-sys ", "native-tls "] {
        assert!(!tree.lines().any(|line| line.starts_with(banned)), "{banned}");
    }
}
