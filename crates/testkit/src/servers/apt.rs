//! Downloads packages with all they need by a private apt: own lists, own cache,
//! and a made-up status, so that the machine's own packages are neither counted
//! nor changed.
//!
//! The archive is the one that the machine's apt is set up with (or
//! `TIDEGATE_TESTKIT_MIRROR`); only the suite's name is ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::flavor::Recipe;

/// Suites by which the Debian archive is told apart from other sources.
const PLAIN_SUITES: [&str; 11] = [
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "experimental",
];

/// Packages that apt is told are there: what only maintainer scripts, service
/// units and shell scripts would need. It keeps a download to the programs and
/// their libraries. `perl` is written apart, for it must answer to `perl:any`.
const STAND_INS: &str = "adduser base-passwd bash coreutils dash debconf debconf-2.0 debianutils diffutils \
    dpkg findutils gawk grep gzip hostname init-system-helpers iproute2 libc-bin libconfig-inifiles-perl \
    libdbi-perl libjson-perl locales login.defs lsb-base lsof mariadb-common mawk mysql-common netbase \
    openssl passwd perl-base procps psmisc readline-common rsync sed sensible-utils socat systemd \
    systemd-standalone-sysusers systemd-sysusers sysvinit-utils tar tzdata ucf util-linux";

/// The machine's Debian archive.
struct Mirror {
    uri: String,
    /// A key file's path, or the key itself.
    signed_by: Option<String>,
}

/// A folder with a configuration for apt.
pub(crate) struct Apt {
    folder: PathBuf,
    recipe: &'static Recipe,
}

impl Apt {
    /// Sets up an empty private apt in `folder` and reads the package lists.
    pub(crate) fn new(folder: &Path, recipe: &'static Recipe) -> anyhow::Result<Apt> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for sub in ["state/lists/partial", "cache", "archives/partial"] {
            fs::create_dir_all(folder.join(sub))?;
        }
        let apt = Apt {
            folder: folder.to_path_buf(),
            recipe,
        };
        apt.write_sources(&mirror()?)?;
        fs::write(folder.join("nothing"), "")?;
        fs::write(
            folder.join("status"),
            status(&run("dpkg", &["--print-architecture"])?),
        )?;
        fs::write(folder.join("apt.conf"), apt.configuration())?;
        apt.call("apt-get", &["update", "-qq", "-o", "APT::Update::Error-Mode=any"])?;
        Ok(apt)
    }

    /// The version of the recipe's first package; an error if it isn't the asked one.
    pub(crate) fn version(&self) -> anyhow::Result<String> {
        let first = self
            .recipe
            .packages
            .first()
            .context("a recipe without packages")?;
        let policy = self.call("apt-cache", &["policy", first])?;
        let found = policy
            .lines()
            .find_map(|line| line.trim().strip_prefix("Candidate: "));
        let found = found.with_context(|| format!("{} has no package {first}", self.recipe.suite))?;
        let version = found.split_once(':').map_or(found, |(_, version)| version);
        let rest = version.strip_prefix(self.recipe.version);
        if rest.is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            bail!(
                "{} now has {first} {version}, and {} is asked for: name a running server in {}",
                self.recipe.suite,
                self.recipe.version,
                self.recipe.url_variable
            );
        }
        Ok(version.to_string())
    }

    /// Downloads the recipe's packages and all they need.
    pub(crate) fn download(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut wanted: Vec<String> = self.recipe.packages.iter().map(|p| (*p).to_string()).collect();
        if let Some((suite, packages)) = self.recipe.beside {
            wanted.extend(packages.iter().map(|package| format!("{package}/{suite}")));
        }
        let mut arguments = vec!["install", "-y", "-qq", "--download-only"];
        arguments.extend(wanted.iter().map(String::as_str));
        if self.call("apt-get", &arguments).is_err() {
            // A stand-in may clash with what a package asks for: do without them.
            let bare = format!("Dir::State::status={}/nothing", self.folder.display());
            arguments.extend(["-o", &bare]);
            self.call("apt-get", &arguments)?;
        }
        let archives = fs::read_dir(self.folder.join("archives"))?;
        let paths = archives
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(paths
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "deb"))
            .collect())
    }

    /// Removes lists and downloads.
    pub(crate) fn remove(self) -> anyhow::Result<()> {
        Ok(fs::remove_dir_all(&self.folder)?)
    }

    fn write_sources(&self, mirror: &Mirror) -> anyhow::Result<()> {
        let mut option = String::new();
        if let Some(key) = &mirror.signed_by {
            let mut path = PathBuf::from(key);
            if key.contains("-----BEGIN") {
                path = self.folder.join("key.asc");
                let lines = key
                    .lines()
                    .map(str::trim)
                    .map(|line| if line == "." { "" } else { line });
                fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n")?;
            }
            option = format!("[signed-by={}] ", path.display());
        }
        let suites = self
            .recipe
            .beside
            .map(|(suite, _)| suite)
            .into_iter()
            .chain([self.recipe.suite]);
        let lines = suites.map(|suite| format!("deb {option}{} {suite} main\n", mirror.uri));
        Ok(fs::write(
            self.folder.join("sources.list"),
            lines.collect::<String>(),
        )?)
    }

    /// The system's settings (a proxy, say) stay in force; its hooks do not, for
    /// they would clean the machine's own cache.
    fn configuration(&self) -> String {
        let folder = self.folder.display();
        let suite = self.recipe.suite;
        format!(
            r#"
            #clear APT::Update::Post-Invoke;
            #clear APT::Update::Post-Invoke-Success;
            #clear DPkg::Post-Invoke;
            #clear DPkg::Pre-Install-Pkgs;
            Dir::Etc::sourcelist "{folder}/sources.list";
            Dir::Etc::sourceparts "/dev/null";
            Dir::Etc::preferences "/dev/null";
            Dir::Etc::preferencesparts "/dev/null";
            Dir::State "{folder}/state";
            Dir::State::status "{folder}/status";
            Dir::Cache "{folder}/cache";
            Dir::Cache::archives "{folder}/archives";
            Dir::Cache::srcpkgcache "";
            APT::Default-Release "{suite}";
            APT::Install-Recommends "false";
            APT::Install-Suggests "false";
            APT::Sandbox::User "root";
            Acquire::Languages "none";
            Acquire::Retries "3";
            Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
            Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled "false";
            Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled "false";
            Acquire::IndexTargets::deb::DEP-11-icons-hidpi::DefaultEnabled "false";
            Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
            Debug::NoLocking "true";
            "#
        )
    }

    fn call(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let configuration = self.folder.join("apt.conf").display().to_string();
        run(program, &[&["-c", configuration.as_str()], arguments].concat())
    }
}

/// Runs a program; its output, or an error that holds what it said.
pub(crate) fn run(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} cannot be run: is it on this machine?"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{program} {}: {}: {}",
            arguments.join(" "),
            output.status,
            said.trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn status(architecture: &str) -> String {
    let entry = |name: &str, architecture: &str, multi: &str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nVersion: 999:9\nArchitecture: {architecture}\n\
             Multi-Arch: {multi}\nMaintainer: nobody\nDescription: stand-in\n\n"
        )
    };
    let stand_ins = STAND_INS
        .split_whitespace()
        .map(|name| entry(name, "all", "foreign"));
    stand_ins.collect::<String>() + &entry("perl", architecture.trim(), "allowed")
}

fn mirror() -> anyhow::Result<Mirror> {
    if let Ok(uri) = std::env::var("TIDEGATE_TESTKIT_MIRROR") {
        let key = "/usr/share/keyrings/debian-archive-keyring.gpg";
        return Ok(Mirror {
            uri,
            signed_by: Path::new(key).exists().then(|| key.to_string()),
        });
    }
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(folder) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(folder.filter_map(Result::ok).map(|entry| entry.path()));
    }
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let found = match file.extension().and_then(|e| e.to_str()) {
            Some("sources") => from_stanzas(&text),
            Some("list") => from_lines(&text),
            _ => None,
        };
        if let Some(mirror) = found {
            return Ok(mirror);
        }
    }
    bail!("this machine's apt has no source with a Debian suite; name an archive in TIDEGATE_TESTKIT_MIRROR")
}

fn has_plain_suite<'a>(suites: impl Iterator<Item = &'a str>) -> bool {
    suites.into_iter().any(|suite| PLAIN_SUITES.contains(&suite))
}

/// The one-line form: `deb [options] uri suite component…`.
fn from_lines(text: &str) -> Option<Mirror> {
    text.lines().find_map(|line| {
        let mut rest = line.split('#').next()?.trim().strip_prefix("deb ")?.trim();
        let mut signed_by = None;
        if let Some((options, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            let key = options
                .split_whitespace()
                .find_map(|option| option.strip_prefix("signed-by="));
            signed_by = key.map(str::to_string);
            rest = after.trim();
        }
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        let fits = has_plain_suite([suite].into_iter()) && words.any(|word| word == "main");
        fits.then(|| Mirror {
            uri: uri.to_string(),
            signed_by,
        })
    })
}

/// The stanza form: `Types:`, `URIs:`, `Suites:`, `Components:`, `Signed-By:`.
fn from_stanzas(text: &str) -> Option<Mirror> {
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|l| format!("{l}\n"))
        .collect();
    text.split("\n\n").find_map(|stanza| {
        let field = |name: &str| {
            let mut lines = stanza.lines().skip_while(|line| {
                !line
                    .split(':')
                    .next()
                    .is_some_and(|key| key.eq_ignore_ascii_case(name))
            });
            let first = lines.next()?.split_once(':')?.1.trim().to_string();
            let more = lines.take_while(|line| line.starts_with([' ', '\t']));
            Some(more.fold(first, |all, line| all + "\n" + line).trim().to_string())
        };
        let has =
            |name: &str, word: &str| field(name).is_some_and(|f| f.split_whitespace().any(|w| w == word));
        let off = field("Enabled").is_some_and(|enabled| enabled == "no");
        let fits = !off && has("Types", "deb") && has("Components", "main");
        let uri = field("URIs")?.split_whitespace().next()?.to_string();
        (fits && has_plain_suite(field("Suites")?.split_whitespace())).then(|| Mirror {
            uri,
            signed_by: field("Signed-By"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_found_among_other_sources() {
        let lines =
            "# deb http://old/ stable main\ndeb [arch=x signed-by=/k.gpg] http://a/debian bookworm main\n";
        let mirror = from_lines(lines).unwrap();
        assert_eq!(
            (mirror.uri.as_str(), mirror.signed_by.as_deref()),
            ("http://a/debian", Some("/k.gpg"))
        );
        assert!(from_lines("deb http://b/ nodistro main\ndeb http://b/ stable contrib").is_none());

        let stanzas = "Types: deb\nURIs: http://c/\nSuites: nodistro\nComponents: main\n\nTypes: deb\n# was: x\n\
                       URIs: http://d/debian\nSuites: trixie trixie-updates\nComponents: main\nSigned-By:\n \
                       -----BEGIN KEY-----\n .\n abc\n";
        let mirror = from_stanzas(stanzas).unwrap();
        assert_eq!(mirror.uri, "http://d/debian");
        assert!(mirror.signed_by.unwrap().starts_with("-----BEGIN KEY-----"));
    }
}
