//! The log: on standard error, as text or as one JSON object a line.
//!
//! Lines about a job carry its id, in the span `job` or as a field. `RUST_LOG`
//! chooses what is shown; without it everything from INFO on.

use tracing_subscriber::EnvFilter;

use crate::config::LogForm;

/// A second call changes nothing: tests start several servers in one process.
pub(crate) fn start(form: LogForm) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let started = match form {
        LogForm::Text => lines.try_init(),
        LogForm::Json => lines.json().flatten_event(true).try_init(),
    };
    drop(started);
}
