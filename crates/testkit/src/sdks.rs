//! The public SDKs that drive the wire API in tests, from their own packages, in
//! folders of their own below the testkit's home.
//!
//! Of the Python SDK only the parts that are used: the whole of it takes 660 MB
//! and ten times as long. `tccli` names the whole one as its need, but runs with
//! these parts, so it is installed without what it names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::servers::{home, lock, run};

const PYTHON_PARTS: [&str; 5] = [
    "tencentcloud-sdk-python-common==3.1.195",
    "tencentcloud-sdk-python-dts==3.1.193",
    "tencentcloud-sdk-python-cvm",
    "jmespath",
    "six",
];
const TCCLI: &str = "tccli==3.1.189.1";
/// What `tccli` imports at its start, besides the parts above.
const TCCLI_NEEDS: &str = "cos-python-sdk-v5";
const NODE_PART: &str = "tencentcloud-sdk-nodejs-common@4.1.220";

/// Where the SDKs' programs and packages are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sdks {
    /// A Python that has the SDK.
    pub python: PathBuf,
    pub tccli: PathBuf,
    pub node: PathBuf,
    /// For `NODE_PATH`.
    pub node_modules: PathBuf,
}

/// The SDKs, installed if they are not there. Blocks.
pub fn sdks() -> anyhow::Result<Sdks> {
    let folder = home()?.join("sdks");
    let found = Sdks {
        python: folder.join("python/bin/python"),
        tccli: folder.join("python/bin/tccli"),
        node: on_path("node").context("node is not on this machine: `./test` installs it")?,
        node_modules: folder.join("node/node_modules"),
    };
    let _alone = lock("sdks")?;
    // Other versions than before are another installation.
    let wanted = [&PYTHON_PARTS[..], &[TCCLI, TCCLI_NEEDS, NODE_PART]]
        .concat()
        .join("\n");
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(found);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    install(&folder).context("cannot install the SDKs")?;
    fs::write(stamp, wanted)?;
    Ok(found)
}

fn install(folder: &Path) -> anyhow::Result<()> {
    let (python, node) = (folder.join("python"), folder.join("node"));
    let (python, node) = (python.display().to_string(), node.display().to_string());
    run("python3", &["-m", "venv", &python])?;
    let pip = format!("{python}/bin/pip");
    run(
        &pip,
        &[&["install", "--quiet"], &PYTHON_PARTS[..], &[TCCLI_NEEDS]].concat(),
    )?;
    run(&pip, &["install", "--quiet", "--no-deps", "--no-compile", TCCLI])?;
    fs::create_dir_all(&node)?;
    run(
        "npm",
        &[
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--prefix",
            &node,
            NODE_PART,
        ],
    )?;
    Ok(())
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}
