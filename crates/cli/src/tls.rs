//! How a database's connection is protected, as the command line says it: in the
//! address (`?tls=verified&ca=FILE&cert=FILE&key=FILE`) or by options.
//!
//! Files are read here and sent as text: the server may be another machine. The wire
//! API has no place for them, so they go as `ExtraAttr`. A key is in no message.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tidegate_model::{Error, Result};
use tidegate_rpc::actions::KeyValuePairOption;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Encrypted where the database offers it; its certificate is not checked
    Preferred,
    /// Encrypted or refused; its certificate is not checked
    Required,
    /// Encrypted, and the certificate must fit
    Verified,
    /// Never encrypted
    Off,
}

impl Mode {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Mode::Preferred => "preferred",
            Mode::Required => "required",
            Mode::Verified => "verified",
            Mode::Off => "off",
        }
    }
}

#[derive(clap::Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "TLS to the database")]
pub(crate) struct TlsArgs {
    /// How connections to it are encrypted [default: verified with --tls-ca, else preferred]
    #[arg(long = "tls", value_enum, value_name = "MODE")]
    pub(crate) mode: Option<Mode>,
    /// Certificates (PEM) of the authorities to trust, instead of the public ones
    #[arg(long = "tls-ca", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Certificate chain (PEM) to show to the database; with --tls-key
    #[arg(long = "tls-cert", value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long = "tls-key", value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

/// The same with the files' texts.
#[derive(Default)]
pub(crate) struct Texts {
    pub(crate) mode: Option<&'static str>,
    pub(crate) ca: Option<String>,
    pub(crate) cert: Option<String>,
    pub(crate) key: Option<String>,
}

impl TlsArgs {
    /// `name` and `value` of an address; false where there is no such name or value.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> bool {
        let path = || Some(PathBuf::from(value)).filter(|_| !value.is_empty());
        match name {
            "tls" => self.mode = Mode::from_str(value, false).ok(),
            "ca" => self.ca = path(),
            "cert" => self.cert = path(),
            "key" => self.key = path(),
            _ => return false,
        }
        match name {
            "tls" => self.mode.is_some(),
            _ => !value.is_empty(),
        }
    }

    /// Options go before the address.
    pub(crate) fn over(&self, address: &TlsArgs) -> TlsArgs {
        TlsArgs {
            mode: self.mode.or(address.mode),
            ca: self.ca.clone().or_else(|| address.ca.clone()),
            cert: self.cert.clone().or_else(|| address.cert.clone()),
            key: self.key.clone().or_else(|| address.key.clone()),
        }
    }

    pub(crate) fn read(&self) -> Result<Texts> {
        let named = self.ca.is_some() || self.cert.is_some();
        let mode = self.mode.or(named.then_some(Mode::Verified));
        Ok(Texts {
            mode: mode.map(Mode::word),
            ca: text(self.ca.as_deref())?,
            cert: text(self.cert.as_deref())?,
            key: text(self.key.as_deref())?,
        })
    }
}

impl Texts {
    /// As `ExtraAttr` of an end; None where there is nothing to say.
    pub(crate) fn extra(self) -> Option<Vec<KeyValuePairOption>> {
        let all = [
            ("Tls", self.mode.map(str::to_owned)),
            ("TlsCa", self.ca),
            ("TlsClientCert", self.cert),
            ("TlsClientKey", self.key),
        ];
        let pair = |(name, value): (&str, Option<String>)| {
            value.map(|value| KeyValuePairOption {
                key: Some(name.to_owned()),
                value: Some(value),
            })
        };
        Some(all.into_iter().filter_map(pair).collect::<Vec<_>>()).filter(|pairs| !pairs.is_empty())
    }
}

fn text(path: Option<&Path>) -> Result<Option<String>> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| {
            Error::needs_user(format!("cannot read {}", path.display()))
                .caused_by(error)
                .remedy("give a file in PEM")
        })
    };
    path.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_asks_for_verification_and_options_go_first() {
        let mut address = TlsArgs::default();
        assert!(address.set("ca", "/dev/null") && address.set("tls", "required"));
        assert!(!address.set("tls", "1") && !address.set("colour", "red"));
        address.mode = None;
        let texts = address.read().expect("reads");
        assert_eq!((texts.mode, texts.ca.as_deref()), (Some("verified"), Some("")));
        let extra = texts.extra().expect("has some");
        assert_eq!(extra[0].key.as_deref(), Some("Tls"));
        let options = TlsArgs {
            mode: Some(Mode::Off),
            ..TlsArgs::default()
        };
        assert_eq!(options.over(&address).mode, Some(Mode::Off));
        assert!(TlsArgs::default().read().expect("reads").extra().is_none());
        address.ca = Some(PathBuf::from("/nowhere/ca.pem"));
        assert!(address.read().is_err());
    }
}
