//! The public SDKs against the binary, over HTTP and HTTPS. What they check is in `sdk/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate_testkit::{Sdks, sdks};

use crate::certificate;
use crate::process::{Folder, Served, log_of};

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name)
}

/// Runs a script to its end; its output is shown when it fails.
pub(crate) fn run(mut command: Command, served: &Served, ca: Option<&Path>, data: &Path) {
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rpc/contract/dts-2021-12-06.json");
    // A proxy of the machine is not meant for a server on it, and one SDK asks it all the same.
    for proxy in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env_remove(proxy);
    }
    command
        .env("TIDEGATE_URL", &served.url)
        .env("TIDEGATE_SECRET_ID", &served.credentials.secret_id)
        .env("TIDEGATE_SECRET_KEY", &served.credentials.secret_key)
        .env("TIDEGATE_CONTRACT", contract)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HOME", data);
    if let Some(ca) = ca {
        command
            .env("TIDEGATE_CA", ca)
            .env("REQUESTS_CA_BUNDLE", ca)
            .env("NODE_EXTRA_CA_CERTS", ca);
    }
    let output = command.output().expect("the script starts");
    assert!(
        output.status.success(),
        "{}\n{}\n--- log\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        log_of(data)
    );
    let log = log_of(data);
    assert!(!log.contains("geheim"), "a password is in the log");
    assert!(
        !log.contains(&served.credentials.secret_key),
        "the secret key is in the log"
    );
}

pub(crate) fn python(sdks: &Sdks, name: &str) -> Command {
    let mut command = Command::new(&sdks.python);
    command.arg(script(name));
    command
}

fn node(sdks: &Sdks) -> Command {
    let mut command = Command::new(&sdks.node);
    command
        .arg(script("calls.js"))
        .env("NODE_PATH", &sdks.node_modules);
    command
}

fn tccli(sdks: &Sdks) -> Command {
    let mut command = Command::new("sh");
    command
        .arg(script("calls.sh"))
        .env("TCCLI", &sdks.tccli)
        .env("PYTHONPATH", script("trust"));
    command
}

fn over_http(command: impl FnOnce(&Sdks) -> Command) {
    let (sdks, folder) = (sdks().expect("SDKs"), Folder::new());
    let served = Served::start(folder.path(), &[]);
    run(command(&sdks), &served, None, folder.path());
    assert!(served.stop().success());
}

fn over_https(command: impl FnOnce(&Sdks) -> Command) {
    let (sdks, folder) = (sdks().expect("SDKs"), Folder::new());
    let (cert, key) = certificate::make(folder.path());
    let text = |path: &Path| path.display().to_string();
    let tls = ["--tls-cert", &text(&cert), "--tls-key", &text(&key)];
    let served = Served::start(folder.path(), &tls);
    assert!(served.url.starts_with("https://"));
    run(command(&sdks), &served, Some(&cert), folder.path());
    assert!(served.stop().success());
}

#[test]
fn the_python_sdk_makes_lists_and_changes_jobs() {
    over_http(|sdks| python(sdks, "calls.py"));
}

#[test]
fn the_python_sdk_over_https() {
    over_https(|sdks| python(sdks, "calls.py"));
}

#[test]
fn every_refusal_has_its_published_code_in_three_sdks() {
    let (sdks, folder) = (sdks().expect("SDKs"), Folder::new());
    // The other two SDKs ask all of it again, as fast as they can.
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "[calls_per_second]\ndefault = 0\n").expect("writes");
    let served = Served::start(folder.path(), &["--config", &config.display().to_string()]);
    let refused = folder.path().join("refused");
    let mut first = python(&sdks, "errors.py");
    first.env("TIDEGATE_REFUSED", &refused);
    run(first, &served, None, folder.path());
    let mut second = Command::new(&sdks.node);
    second
        .arg(script("refused.js"))
        .env("NODE_PATH", &sdks.node_modules)
        .env("TIDEGATE_REFUSED", &refused);
    run(second, &served, None, folder.path());
    let mut third = Command::new("sh");
    third
        .arg(script("refused.sh"))
        .env("TCCLI", &sdks.tccli)
        .env("TIDEGATE_REFUSED", &refused);
    run(third, &served, None, folder.path());
    assert!(served.stop().success());
}

#[test]
fn the_node_sdk() {
    over_http(node);
}

#[test]
fn the_node_sdk_over_https() {
    over_https(node);
}

#[test]
fn tccli_by_hand() {
    over_http(tccli);
}

#[test]
fn tccli_over_https() {
    over_https(tccli);
}
