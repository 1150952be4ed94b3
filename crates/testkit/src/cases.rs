//! The runner of `cases/<source>-to-<target>/<case>/`: SQL that is done to a source,
//! before and during a migration, and what the target must be like after it.
//!
//! `setup.sql` runs before, `changes.sql` while or after the job runs; `expect.sql`
//! and `expect.txt` say what the target answers. Without these all databases of the
//! source must be equal on the target. `case.json` (see `Spec`) holds the rest. How a
//! migration is run is the caller's matter.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::compare::{AUTO_INCREMENT, Rename, compare_accounts, compare_servers, user_databases};
use crate::servers::{DbServer, Flavor};

/// What `case.json` may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Spec {
    /// Options of the servers (`--name=value`).
    pub source_settings: Vec<String>,
    pub target_settings: Vec<String>,
    /// Databases to migrate; none named: all.
    pub databases: Vec<String>,
    /// Tables to migrate, as `[database, table]`; none named: all of the databases.
    /// The target is then compared by `expect.sql` alone.
    pub tables: Vec<(String, String)>,
    pub renames: Vec<Rename>,
    /// Move accounts too, and compare them.
    pub accounts: bool,
    /// A flavor other than the folder's name says.
    pub target: Option<String>,
    /// Whether all databases must be equal at the end; by default where there is
    /// no `expect.sql`.
    pub equal: Option<bool>,
    /// Whether the next numbers of tables must be equal too; by default they must.
    pub auto_increment: Option<bool>,
}

/// One folder of `cases/`.
#[derive(Clone, Debug)]
pub struct Case {
    /// `mysql-9.7-to-mysql-9.7/common-types`
    pub name: String,
    pub source: Flavor,
    pub target: Flavor,
    pub spec: Spec,
    pub setup: String,
    pub changes: String,
    /// SQL for the target, and its answer as text.
    pub expect: Option<(String, String)>,
}

/// The case's `changes.sql`, to be run on the source at the moment that the
/// migration chooses.
#[derive(Debug)]
pub struct Changes<'a> {
    source: &'a DbServer,
    text: &'a str,
}

impl Changes<'_> {
    /// Runs them through the source's own client; other tasks go on meanwhile.
    pub async fn apply(self) -> anyhow::Result<()> {
        self.source
            .run_script_beside(self.text)
            .await
            .context("changes.sql failed on the source")
    }

    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }
}

impl Case {
    /// All cases of this workspace, by name.
    pub fn all() -> anyhow::Result<Vec<Case>> {
        Case::all_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases"))
    }

    /// All cases below a folder like `cases/`.
    pub fn all_in(folder: &Path) -> anyhow::Result<Vec<Case>> {
        let mut cases = Vec::new();
        for pair in folders(folder)? {
            for case in folders(&pair)? {
                cases.push(Case::read(&case)?);
            }
        }
        Ok(cases)
    }

    pub fn read(folder: &Path) -> anyhow::Result<Case> {
        Case::read_parts(folder).with_context(|| format!("in the case {}", folder.display()))
    }

    fn read_parts(folder: &Path) -> anyhow::Result<Case> {
        let name_of = |path: Option<&Path>| {
            path.and_then(Path::file_name)
                .and_then(|name| name.to_str())
                .map(str::to_string)
                .context("a folder's name")
        };
        let (pair, name) = (name_of(folder.parent())?, name_of(Some(folder))?);
        let (source, target) = pair
            .split_once("-to-")
            .context("the folder above is no <source>-to-<target>")?;
        let spec: Spec = match optional(&folder.join("case.json"))? {
            Some(text) => serde_json::from_str(&text).context("case.json")?,
            None => Spec::default(),
        };
        let expect = match optional(&folder.join("expect.sql"))? {
            Some(sql) => Some((
                sql,
                fs::read_to_string(folder.join("expect.txt")).context("expect.txt")?,
            )),
            None => None,
        };
        let flavor = |name: &str| Flavor::parse(name).with_context(|| format!("no such flavor: {name}"));
        ensure!(
            spec.tables.is_empty() || expect.is_some(),
            "chosen tables want an expect.sql"
        );
        Ok(Case {
            name: format!("{pair}/{name}"),
            source: flavor(source)?,
            target: flavor(spec.target.as_deref().unwrap_or(target))?,
            setup: fs::read_to_string(folder.join("setup.sql")).context("setup.sql")?,
            changes: optional(&folder.join("changes.sql"))?.unwrap_or_default(),
            spec,
            expect,
        })
    }

    /// Starts both servers, sets the source up, has `migrate` run (which must apply
    /// the changes), and gives the differences at the end; none: the case holds.
    pub async fn run(
        &self,
        migrate: impl AsyncFnOnce(&Case, &DbServer, &DbServer, Changes<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<String>> {
        let settings = |settings: &[String]| settings.to_vec();
        let (of_source, of_target) = (
            settings(&self.spec.source_settings),
            settings(&self.spec.target_settings),
        );
        let (of_source, of_target): (Vec<&str>, Vec<&str>) = (
            of_source.iter().map(String::as_str).collect(),
            of_target.iter().map(String::as_str).collect(),
        );
        let (source, target) = tokio::join!(
            DbServer::start_with(self.source, &of_source),
            DbServer::start_with(self.target, &of_target)
        );
        let (source, target) = (source?, target?);
        source
            .run_script_beside(&self.setup)
            .await
            .context("setup.sql failed on the source")?;
        let changes = Changes {
            source: &source,
            text: &self.changes,
        };
        migrate(self, &source, &target, changes).await?;
        self.verdict(&source, &target)
    }

    /// The differences between what the target is and what it should be. Blocks.
    pub fn verdict(&self, source: &DbServer, target: &DbServer) -> anyhow::Result<Vec<String>> {
        let mut differences = Vec::new();
        if let Some((sql, expected)) = &self.expect {
            let answer = answer(target, sql).context("expect.sql failed on the target")?;
            if answer.trim_end() != expected.trim_end() {
                differences.push(format!(
                    "expect.sql answers\n{answer}\nand expect.txt says\n{expected}"
                ));
            }
        }
        if self.spec.equal.unwrap_or(self.expect.is_none()) {
            let mut databases = self.spec.databases.clone();
            if databases.is_empty() {
                databases = user_databases(source)?;
            }
            let databases: Vec<&str> = databases.iter().map(String::as_str).collect();
            differences.extend(compare_servers(source, target, &databases, &self.spec.renames)?);
            if self.spec.accounts {
                differences.extend(compare_accounts(source, target)?);
            }
            if databases.is_empty() {
                bail!(
                    "{}: the source has no databases: nothing would be compared",
                    self.name
                );
            }
        }
        if self.spec.auto_increment == Some(false) {
            differences.retain(|difference| !difference.starts_with(AUTO_INCREMENT));
        }
        Ok(differences)
    }
}

/// One line a row, values parted by tabs, NULL as `\N`, an empty line after each result.
fn answer(server: &DbServer, sql: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    for rows in server.sql_all(sql)? {
        for row in rows {
            let values: Vec<String> = row
                .into_iter()
                .map(|value| value.unwrap_or("\\N".into()))
                .collect();
            text += &(values.join("\t") + "\n");
        }
        text += "\n";
    }
    Ok(text)
}

fn optional(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<_> = paths.into_iter().filter(|path| path.is_dir()).collect();
    paths.sort();
    Ok(paths)
}
