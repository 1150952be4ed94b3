//! Where a database's password comes from, if not from its URL: a file, the
//! environment, or a prompt that shows nothing.
//!
//! Relies on a terminal for the prompt alone; without one, a password that is
//! not given is an error and never an empty password.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use secrecy::SecretString;
use tidegate_model::{Error, Result};

use crate::database_url::DatabaseUrl;
use crate::side::Place;

#[derive(Args, Clone)]
#[command(next_help_heading = "The two ends")]
pub(crate) struct EndsArgs {
    /// Source: mysql://user[:password]@host:port (or mariadb, percona, cynosdbmysql), or
    /// endpoint:NAME of `tidegate endpoint`
    #[arg(long, value_name = "URL")]
    from: String,
    /// Target, in the same form
    #[arg(long, value_name = "URL")]
    to: String,
    /// File with the source's password (or TIDEGATE_FROM_PASSWORD; asked for otherwise)
    #[arg(long, value_name = "FILE")]
    from_password_file: Option<PathBuf>,
    /// File with the target's password (or TIDEGATE_TO_PASSWORD; asked for otherwise)
    #[arg(long, value_name = "FILE")]
    to_password_file: Option<PathBuf>,
}

impl std::fmt::Debug for EndsArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndsArgs").finish_non_exhaustive()
    }
}

impl EndsArgs {
    /// Source and target with their passwords. Parsed here and not by clap, whose
    /// errors quote the text, and with it a password.
    pub(crate) fn complete(&self) -> Result<(Place, Place)> {
        let from = place("from", &self.from, self.from_password_file.as_deref())?;
        let to = place("to", &self.to, self.to_password_file.as_deref())?;
        Ok((from, to))
    }
}

/// `end` is `from` or `to`, as in the names of options and variables.
fn place(end: &str, text: &str, file: Option<&Path>) -> Result<Place> {
    let url = match Place::parse(&format!("--{end}"), text)? {
        Place::Url(url) => url,
        registered => return Ok(registered),
    };
    let variable = format!("TIDEGATE_{}_PASSWORD", end.to_uppercase());
    let set = format!("{variable}, or give --{end}-password-file FILE");
    completed(url, &variable, &set, file).map(Place::Url)
}

/// The same address with a password: the file's, its own, the variable's, or a typed
/// one. `set` says what to set where there is none.
pub(crate) fn completed(
    mut url: DatabaseUrl,
    variable: &str,
    set: &str,
    file: Option<&Path>,
) -> Result<DatabaseUrl> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Error::needs_user(format!("cannot read {}", file.display())).caused_by(error))?;
        // Editors end a file with a line break, which is no part of the password.
        url.password = Some(SecretString::from(text.trim_end_matches(['\r', '\n'])));
    } else if url.password.is_none() {
        url.password = Some(match std::env::var(variable) {
            Ok(password) => SecretString::from(password),
            Err(_) => prompted(&url, set)?,
        });
    }
    Ok(url)
}

fn prompted(url: &DatabaseUrl, set: &str) -> Result<SecretString> {
    let missing = || {
        Error::needs_user(format!("no password for {url}"))
            .remedy(format!("set {set} (for none at all, write `user:@host`)"))
    };
    if !std::io::stdin().is_terminal() {
        return Err(missing());
    }
    eprint!("Password for {url}: ");
    let typed = console::Term::stderr()
        .read_secure_line()
        .map_err(|error| missing().caused_by(error))?;
    Ok(SecretString::from(typed))
}
