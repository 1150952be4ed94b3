//! The root folder of a flavor: packages unpacked, programs made to run with the
//! root's own loader and libraries.
//!
//! Each program is replaced in place by a small script that calls the loader. So
//! a program finds its siblings by path, and no library path leaks to children.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, bail};

use super::apt::{Apt, run};
use super::flavor::Flavor;
use super::home::{home, lock};

const PROGRAM_FOLDERS: [&str; 4] = ["usr/sbin", "usr/bin", "sbin", "bin"];
const LIBRARY_FOLDERS: [&str; 4] = ["usr/lib", "lib", "usr/lib64", "lib64"];
const UNUSED: [&str; 6] = [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/info",
    "usr/share/bug",
];

/// A root that is there.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) folder: PathBuf,
    /// As the package has it: `9.7.4-2`.
    pub(crate) version: String,
}

impl Root {
    /// The root, if it has been fetched.
    pub(crate) fn have(flavor: Flavor) -> anyhow::Result<Option<Root>> {
        let folder = home()?.join("root").join(flavor.name());
        Ok(match fs::read_to_string(folder.join("version")) {
            Ok(version) => Some(Root { folder, version }),
            Err(_) => None,
        })
    }

    /// The first of these programs that the root has.
    pub(crate) fn program(&self, names: &[&str]) -> Option<PathBuf> {
        let folders = PROGRAM_FOLDERS.iter().map(|folder| self.folder.join(folder));
        let mut paths = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
        paths.find(|path| path.is_file())
    }

    /// A folder below `usr` of this root.
    pub(crate) fn usr(&self, below: &str) -> PathBuf {
        self.folder.join("usr").join(below)
    }

    /// Where the client library of MariaDB keeps its plugins; it looks in the
    /// machine's folders unless it is told.
    pub(crate) fn client_plugins(&self) -> Option<PathBuf> {
        let libraries = library_folders(&self.folder);
        libraries
            .into_iter()
            .map(|folder| folder.join("libmariadb3/plugin"))
            .find(|path| path.is_dir())
    }
}

/// The root of a flavor, fetched if it is not there.
pub(crate) fn ensure(flavor: Flavor) -> anyhow::Result<Root> {
    if let Some(root) = Root::have(flavor)? {
        return Ok(root);
    }
    let _alone = lock(&format!("fetch-{}", flavor.name()))?;
    if let Some(root) = Root::have(flavor)? {
        return Ok(root);
    }
    fetch(flavor).with_context(|| format!("cannot fetch {}", flavor.name()))
}

fn fetch(flavor: Flavor) -> anyhow::Result<Root> {
    let begun = std::time::Instant::now();
    let home = home()?;
    let apt = Apt::new(&home.join("apt").join(flavor.name()), flavor.recipe())?;
    let version = apt.version()?;
    let packages = apt.download()?;
    let bytes: u64 = packages
        .iter()
        .filter_map(|path| path.metadata().ok())
        .map(|m| m.len())
        .sum();
    let folder = home.join("root").join(flavor.name());
    let new = home.join("root").join(format!(".{}", flavor.name()));
    for old in [&new, &folder] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    fs::create_dir_all(&new)?;
    unpack(&packages, &new)?;
    wrap_programs(&new, &folder)?;
    fs::write(new.join("version"), &version)?;
    fs::rename(&new, &folder)?;
    apt.remove()?;
    tracing::info!(
        flavor = flavor.name(),
        version,
        packages = packages.len(),
        mebibytes = bytes >> 20,
        seconds = begun.elapsed().as_secs_f32(),
        "fetched"
    );
    Ok(Root { folder, version })
}

/// Unpacks on two threads; most of the work is decompression.
fn unpack(packages: &[PathBuf], into: &Path) -> anyhow::Result<()> {
    let mut todo: Vec<&PathBuf> = packages.iter().collect();
    todo.sort_by_key(|path| path.metadata().map_or(0, |m| m.len()));
    let todo = Mutex::new(todo);
    let next = || todo.lock().ok().and_then(|mut todo| todo.pop());
    let work = || -> anyhow::Result<()> {
        while let Some(package) = next() {
            run(
                "dpkg-deb",
                &["-x", &package.display().to_string(), &into.display().to_string()],
            )?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        work()?;
        other.join().map_err(|_| anyhow::anyhow!("unpacking panicked"))?
    })?;
    for folder in UNUSED {
        let folder = into.join(folder);
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    tidy(into, into)
}

/// Links that start at / mean the root folder here; and nothing is set-uid.
fn tidy(folder: &Path, root: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let kind = fs::symlink_metadata(&path)?;
        if kind.is_symlink() {
            let to = fs::read_link(&path)?;
            if let Ok(below) = to.strip_prefix("/") {
                let depth = folder.strip_prefix(root)?.components().count();
                fs::remove_file(&path)?;
                symlink(Path::new(&"../".repeat(depth)).join(below), &path)?;
            }
            continue;
        }
        if kind.permissions().mode() & 0o6000 != 0 {
            fs::set_permissions(
                &path,
                fs::Permissions::from_mode(kind.permissions().mode() & 0o777),
            )?;
        }
        if kind.is_dir() {
            tidy(&path, root)?;
        }
    }
    Ok(())
}

/// Puts a script in the place of each program. The loader is called by a link of
/// the program's name, so that process listings show it; argv[0] is the script's
/// path, by which MySQL and MariaDB find the files next to them.
fn wrap_programs(new: &Path, folder: &Path) -> anyhow::Result<()> {
    let loader = loader(new)?;
    let libraries = library_folders(new)
        .iter()
        .map(|p| moved(p, new, folder))
        .collect::<Vec<_>>();
    let libraries = libraries.join(":");
    let names = new.join(".ld");
    fs::create_dir_all(&names)?;
    for programs in PROGRAM_FOLDERS
        .iter()
        .map(|programs| new.join(programs))
        .filter(|p| p.is_dir())
    {
        fs::create_dir_all(programs.join(".elf"))?;
        for entry in fs::read_dir(&programs)? {
            let path = entry?.path();
            if !fs::symlink_metadata(&path)?.is_file() || !is_dynamic_program(&path, &loader)? {
                continue;
            }
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .context("an odd program name")?
                .to_string();
            let program = programs.join(".elf").join(&name);
            fs::rename(&path, &program)?;
            let link = names.join(&name);
            if !link.exists() {
                symlink(Path::new("..").join(loader.strip_prefix(new)?), &link)?;
            }
            let script = format!(
                "#!/bin/sh\nexec {} --inhibit-cache --library-path {libraries} --argv0 \"$0\" {} \"$@\"\n",
                moved(&link, new, folder),
                moved(&program, new, folder)
            );
            fs::write(&path, script)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

/// Where a path will be once the new root has its final name.
fn moved(path: &Path, new: &Path, folder: &Path) -> String {
    path.strip_prefix(new)
        .map_or(path.to_path_buf(), |below| folder.join(below))
        .display()
        .to_string()
}

fn is_dynamic_program(path: &Path, loader: &Path) -> anyhow::Result<bool> {
    let mut magic = [0; 4];
    let is_elf = fs::File::open(path)?.read_exact(&mut magic).is_ok() && &magic == b"\x7fELF";
    let verify = || {
        let mut command = Command::new(loader);
        command
            .arg("--verify")
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
    };
    Ok(is_elf && verify()?.success())
}

fn loader(root: &Path) -> anyhow::Result<PathBuf> {
    let folders = LIBRARY_FOLDERS
        .iter()
        .map(|folder| root.join(folder))
        .chain(library_folders(root));
    for folder in folders.filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("ld-linux") && entry.path().is_file() {
                return Ok(fs::canonicalize(entry.path())?);
            }
        }
    }
    bail!("no loader in {}", root.display())
}

fn library_folders(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in LIBRARY_FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(root.join(folder)).ok())
    {
        let paths = folder.filter_map(Result::ok).map(|entry| entry.path());
        found.extend(paths.filter(|path| path.is_dir() && path.to_string_lossy().contains("-linux-gnu")));
    }
    found.sort();
    found
}
