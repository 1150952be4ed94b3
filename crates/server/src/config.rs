//! The configuration file, and what the command line puts before it.
//!
//! TOML; a name that is not known is an error, for a setting with a typo would
//! be believed to hold. All settings are optional.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use tidegate_control::class::{ClassPower, ClassTable, InstanceClass};

use crate::rates::{self, Settings};

const LISTEN_DEFAULT: &str = "127.0.0.1:7437";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogForm {
    #[default]
    Text,
    Json,
}

/// Options of `tidegate serve`.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "EXAMPLES:\n  \
    tidegate serve --data /var/lib/tidegate\n  \
    tidegate serve --data data --listen 0.0.0.0:7437 --tls-cert cert.pem --tls-key key.pem")]
pub(crate) struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:7437]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Folder for jobs, endpoints and credentials; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Certificate chain (PEM); with --tls-key
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Listen beyond this machine without TLS
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Key that stored passwords are sealed with [default: DIR/key]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Form of the log on standard error
    #[arg(long, value_name = "FORM", value_enum)]
    pub(crate) log: Option<LogForm>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Option<SocketAddr>,
    data: Option<PathBuf>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    insecure: bool,
    key_file: Option<PathBuf>,
    log: Option<LogForm>,
    /// `[classes.small]` and so on.
    classes: BTreeMap<InstanceClass, ClassPower>,
    /// Of one caller, by the call's name.
    calls_per_second: Settings,
}

/// What holds in the end.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) key_file: PathBuf,
    pub(crate) log: LogForm,
    pub(crate) classes: ClassTable,
    pub(crate) calls_per_second: Settings,
}

impl Config {
    pub(crate) fn read(args: ServeArgs) -> anyhow::Result<Config> {
        let file = match &args.config {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
                toml::from_str(&text)
                    .with_context(|| format!("the configuration file {} is not right", path.display()))?
            }
            None => File::default(),
        };
        Config::merge(args, file)
    }

    fn merge(args: ServeArgs, file: File) -> anyhow::Result<Config> {
        let data = args.data.or(file.data);
        let data =
            data.context("no data folder is named: give --data DIR, or `data` in the configuration file")?;
        let listen = match args.listen.or(file.listen) {
            Some(listen) => listen,
            None => LISTEN_DEFAULT.parse().context("the default address")?,
        };
        let tls = match (args.tls_cert.or(file.tls_cert), args.tls_key.or(file.tls_key)) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => bail!("TLS needs both tls_cert and tls_key"),
        };
        let insecure = args.insecure || file.insecure;
        if tls.is_none() && !insecure && !listen.ip().is_loopback() {
            bail!(
                "listening on {listen} without TLS is refused: anyone on the way could read passwords. \
                 Give --tls-cert and --tls-key, or --insecure if another thing protects the way"
            );
        }
        let mut classes = ClassTable::default();
        for (class, power) in file.classes {
            classes
                .set(class, power)
                .map_err(|error| anyhow::anyhow!("{error}. {}", error.remedy_text().unwrap_or_default()))?;
        }
        rates::check(&file.calls_per_second)?;
        Ok(Config {
            listen,
            key_file: args
                .key_file
                .or(file.key_file)
                .unwrap_or_else(|| data.join("key")),
            data,
            tls,
            log: args.log.or(file.log).unwrap_or_default(),
            classes,
            calls_per_second: file.calls_per_second,
        })
    }

    /// A server for one process of its own: a free loopback port, all defaults.
    pub(crate) fn embedded(data: &Path) -> Config {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: data.to_owned(),
            tls: None,
            key_file: data.join("key"),
            log: LogForm::Text,
            classes: ClassTable::default(),
            calls_per_second: Settings::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: ServeArgs, text: &str) -> anyhow::Result<Config> {
        Config::merge(args, toml::from_str(text)?)
    }

    fn at(data: &str, listen: Option<&str>) -> ServeArgs {
        ServeArgs {
            data: Some(PathBuf::from(data)),
            listen: listen.map(|text| text.parse().expect("an address")),
            ..ServeArgs::default()
        }
    }

    #[test]
    fn the_command_line_goes_before_the_file_and_a_typo_is_an_error() {
        let config = read(at("d", None), "listen = \"127.0.0.1:1\"\ndata = \"e\"\n").expect("reads");
        assert_eq!((config.listen.port(), config.data), (1, PathBuf::from("d")));
        assert!(read(at("d", None), "lisen = \"127.0.0.1:1\"").is_err());
        assert!(read(ServeArgs::default(), "").is_err(), "no data folder");
    }

    #[test]
    fn beyond_loopback_needs_tls_or_the_word_insecure() {
        let open = Some("0.0.0.0:7437");
        assert!(read(at("d", open), "").is_err());
        assert!(read(at("d", open), "insecure = true").is_ok());
        assert!(read(at("d", open), "tls_cert = \"c\"\ntls_key = \"k\"").is_ok());
        assert!(read(at("d", open), "tls_cert = \"c\"").is_err());
        assert!(read(at("d", Some("[::1]:7437")), "").is_ok());
    }

    #[test]
    fn classes_can_be_changed_within_the_ranges() {
        let text =
            "[classes.2xlarge]\ndump_threads = 3\nload_threads = 4\nsink_threads = 5\nmemory_mib = 99\n";
        let config = read(at("d", None), text).expect("reads");
        assert_eq!(config.classes.limits(InstanceClass::Xlarge2).dump_threads, 3);
        assert!(read(at("d", None), &text.replace("= 3", "= 17")).is_err());
        assert!(read(at("d", None), &text.replace("2xlarge", "huge")).is_err());
    }
}
