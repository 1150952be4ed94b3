//! Callers with roles, how often they may call, what is noted of it, and the
//! store's backup: through the binary's own commands where there are any.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tidegate_rpc::contract::contract;
use tidegate_rpc::credentials::Credentials;
use tidegate_rpc::operator::{AUDIT, AuditItem, BACKUP, ENDPOINTS, JOBS, NewKey, USERS, UserItem};
use tidegate_rpc::roles::{CALLS, Role};
use tidegate_testkit::{DbServer, Flavor};

use crate::asking::{ask, ask_as, new_job, operate, operate_as};
use crate::process::{Folder, Served, log_of};

const UNAUTHORIZED: &str = "AuthFailure.UnauthorizedOperation";
const UNKNOWN: &str = "AuthFailure.SecretIdNotFound";

fn code(answer: &Value) -> &str {
    answer["Error"]["Code"].as_str().unwrap_or_default()
}

/// A command of the binary, as the first owner.
fn line(served: &Served, data: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(args)
        .args(["--server", &served.url, "--credentials"])
        .arg(data.join("credentials"))
        .env_remove("TIDEGATE_SECRET_ID")
        .env_remove("TIDEGATE_SECRET_KEY")
        .env("TIDEGATE_ENDPOINT_PASSWORD", "geheim")
        .output()
        .expect("runs")
}

fn said(output: &Output) -> String {
    let both = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    both.concat()
}

fn good(served: &Served, data: &Path, args: &[&str]) -> String {
    let output = line(served, data, args);
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn printed<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect(text)
}

fn user(served: &Served, data: &Path, name: &str, role: &str) -> Credentials {
    let text = good(served, data, &["user", "add", name, "--role", role]);
    Credentials::from_text(&text).expect("a credentials file as it stands")
}

#[test]
fn every_call_is_refused_to_lesser_roles_and_changes_nothing() {
    let folder = Folder::new();
    let data = folder.path();
    let served = Served::start(data, &[]);
    let viewer = user(&served, data, "dashboard", "viewer");
    let operator = user(&served, data, "anna", "operator");
    let job = new_job(&served);
    let before = ask(&served, "DescribeMigrationDetail", &json!({"JobId": job}));
    for (name, shape) in &contract().actions {
        let answer = ask_as(&served, &viewer, name, &json!({"JobId": job}));
        let built = code(&answer) != "UnsupportedOperation.UnsupportedOperationError";
        if built && shape.mode == "write" {
            assert_eq!(code(&answer), UNAUTHORIZED, "{name}");
            let message = answer["Error"]["Message"].as_str().unwrap_or_default();
            assert!(message.contains("needs the role operator"), "{message}");
        } else {
            assert_ne!(code(&answer), UNAUTHORIZED, "{name}");
        }
        let answer = ask_as(&served, &operator, name, &json!({"JobId": "dts-nothere1"}));
        assert_ne!(code(&answer), UNAUTHORIZED, "{name}");
    }
    let mut after = ask(&served, "DescribeMigrationDetail", &json!({"JobId": job}));
    after["RequestId"] = before["RequestId"].clone();
    assert_eq!(after, before, "a refused call changed the job");

    let places = [
        ("ListEndpoints", "GET", ENDPOINTS.to_owned()),
        ("PutEndpoint", "POST", ENDPOINTS.to_owned()),
        ("RemoveEndpoint", "DELETE", format!("{ENDPOINTS}/x")),
        ("JobReport", "GET", format!("{JOBS}/{job}")),
        ("Audit", "GET", AUDIT.to_owned()),
        ("ListUsers", "GET", USERS.to_owned()),
        ("AddUser", "POST", USERS.to_owned()),
        ("SetUserState", "POST", format!("{USERS}/anna")),
        ("RotateUserKey", "POST", format!("{USERS}/anna/key")),
        ("CreateBackup", "POST", BACKUP.to_owned()),
        ("BackupPiece", "GET", format!("{BACKUP}/0")),
        ("RemoveBackup", "DELETE", BACKUP.to_owned()),
    ];
    for (name, method, path) in &places {
        let call = CALLS
            .iter()
            .find(|call| call.name == *name)
            .expect("in the table");
        for (caller, role) in [(&viewer, Role::Viewer), (&operator, Role::Operator)] {
            let answer = operate_as(&served, caller, (method, path), &json!({}));
            assert_eq!(
                code(&answer) == UNAUTHORIZED,
                role < call.role,
                "{name} as {role:?}"
            );
        }
    }
    let users: Value = printed(&good(&served, data, &["user", "list", "--output", "json"]));
    assert_eq!(users["Users"].as_array().map(Vec::len), Some(3));
    assert!(!users.to_string().contains(&operator.secret_key));
}

#[test]
fn a_key_works_until_the_call_that_takes_it_away() {
    let folder = Folder::new();
    let data = folder.path();
    let served = Served::start(data, &[]);
    let anna = user(&served, data, "anna", "operator");
    let asks = |served: &Served, who: &Credentials| {
        code(&ask_as(served, who, "DescribeMigrationJobs", &json!({}))).to_owned()
    };
    assert_eq!(asks(&served, &anna), "");
    good(&served, data, &["user", "disable", "anna"]);
    assert_eq!(asks(&served, &anna), UNKNOWN);
    good(&served, data, &["user", "enable", "anna"]);
    assert_eq!(asks(&served, &anna), "");
    let made: NewKey = printed(&good(
        &served,
        data,
        &["user", "rotate", "anna", "--output", "json"],
    ));
    assert_eq!(asks(&served, &anna), "AuthFailure.SignatureFailure");
    let anna = Credentials {
        secret_id: made.secret_id,
        secret_key: made.secret_key,
    };
    assert_eq!(asks(&served, &anna), "");
    good(&served, data, &["user", "disable", "anna"]);
    for (args, why) in [
        (&["user", "disable", "first-owner"], "restart the server"),
        (&["user", "disable", "nobody"], "no user"),
    ] {
        let output = line(&served, data, args);
        assert!(
            !output.status.success() && said(&output).contains(why),
            "{}",
            said(&output)
        );
    }
    let again = line(&served, data, &["user", "add", "anna", "--role", "owner"]);
    assert!(said(&again).contains("already"), "{}", said(&again));
    served.kill9();
    let served = Served::start(data, &[]);
    assert_eq!(asks(&served, &anna), UNKNOWN, "still disabled");
    good(&served, data, &["user", "enable", "anna"]);
    assert_eq!(asks(&served, &anna), "");
    let listed: Value = printed(&good(&served, data, &["user", "list", "--output", "json"]));
    let users: Vec<UserItem> = serde_json::from_value(listed["Users"].clone()).expect("users");
    let shown: Vec<(&str, Role)> = users.iter().map(|user| (user.name.as_str(), user.role)).collect();
    assert_eq!(shown, [("first-owner", Role::Owner), ("anna", Role::Operator)]);
}

#[test]
fn calls_are_limited_by_caller_and_action_as_published_or_as_configured() {
    let folder = Folder::new();
    let data = folder.path();
    let config = data.join("config.toml");
    std::fs::write(&config, "[calls_per_second]\nDescribeMigrationDetail = 1\n").expect("writes");
    let served = Served::start(data, &["--config", &config.display().to_string()]);
    let other = user(&served, data, "other", "viewer");
    let detail = |who: &Credentials| {
        code(&ask_as(
            &served,
            who,
            "DescribeMigrationDetail",
            &json!({"JobId": "dts-nothere1"}),
        ))
        .to_owned()
    };
    let refused = (0..100).any(|_| detail(&served.credentials) == "RequestLimitExceeded");
    assert!(refused, "one a second is all");
    assert_ne!(
        detail(&other),
        "RequestLimitExceeded",
        "another caller has its own"
    );
    let lists = (0..1_000).any(|_| {
        code(&ask_as(&served, &other, "DescribeMigrationJobs", &json!({}))) == "RequestLimitExceeded"
    });
    assert!(lists, "twenty a second by default");
    // Asked for patiently, it is answered.
    let answer = ask(
        &served,
        "DescribeMigrationDetail",
        &json!({"JobId": "dts-nothere1"}),
    );
    assert_eq!(code(&answer), "ResourceNotFound.ResourceNotFoundError");
}

#[test]
fn the_audit_trail_tells_who_did_what_and_holds_no_secret() {
    let folder = Folder::new();
    let data = folder.path();
    let served = Served::start(data, &[]);
    let viewer = user(&served, data, "dashboard", "viewer");
    let url = "mysql://app@127.0.0.1:1";
    good(&served, data, &["endpoint", "add", "shop", "--url", url]);
    let job = new_job(&served);
    let key = "-----BEGIN PRIVATE KEY-----geheim";
    let side = json!({"Region": "r", "AccessType": "extranet", "DatabaseType": "mysql", "NodeType": "simple",
        "Info": [{"Host": "127.0.0.1", "Port": 1, "User": "u", "Password": "geheim"}],
        "ExtraAttr": [{"Key": "Tls", "Value": "required"},
            {"Key": "TlsClientCert", "Value": "-----BEGIN CERTIFICATE-----"},
            {"Key": "TlsClientKey", "Value": key}]});
    let params = json!({"JobId": job, "RunMode": "immediate", "SrcInfo": side, "DstInfo": side,
        "MigrateOption": {"DatabaseTable": {"ObjectMode": "all"}}});
    assert_eq!(code(&ask(&served, "ModifyMigrationJob", &params)), "");
    let shown = ask(&served, "DescribeMigrationDetail", &json!({"JobId": job}));
    assert!(!shown.to_string().contains("PRIVATE KEY"), "the key is shown");
    ask_as(&served, &viewer, "StopMigrateJob", &json!({"JobId": job}));
    let made: NewKey = printed(&good(
        &served,
        data,
        &["user", "rotate", "dashboard", "--output", "json"],
    ));
    good(
        &served,
        data,
        &["backup", &data.join("copy").display().to_string()],
    );

    let text = good(&served, data, &["audit", "--output", "json"]);
    let trail: Value = printed(&text);
    let entries: Vec<AuditItem> = serde_json::from_value(trail["Entries"].clone()).expect("entries");
    assert!(
        entries.is_sorted_by(|one, other| one.number > other.number),
        "newest first"
    );
    for (who, action, subject, outcome) in [
        (&served.credentials, "AddUser", "dashboard", "OK"),
        (&served.credentials, "PutEndpoint", "shop", "OK"),
        (&served.credentials, "ModifyMigrationJob", job.as_str(), "OK"),
        (&viewer, "StopMigrateJob", &job, UNAUTHORIZED),
        (&served.credentials, "RotateUserKey", "dashboard", "OK"),
        (&served.credentials, "CreateBackup", "", "OK"),
    ] {
        let fits = |entry: &AuditItem| {
            entry.caller.starts_with(&format!("{}@127.0.0.1", who.secret_id))
                && (
                    entry.action.as_str(),
                    entry.subject.as_str(),
                    entry.outcome.as_str(),
                ) == (action, subject, outcome)
                && entry.at_ms > 0
        };
        assert!(entries.iter().any(fits), "{action} {subject} {outcome}: {text}");
    }
    let table = good(&served, data, &["audit", "--limit", "2"]);
    assert!(
        table.contains("CreateBackup") && !table.contains("PutEndpoint"),
        "{table}"
    );
    let older = operate(&served, "GET", &format!("{AUDIT}/2"), &Value::Null);
    assert_eq!(older["Entries"].as_array().map(Vec::len), Some(1));

    let secrets = [
        "geheim",
        "PRIVATE KEY",
        &viewer.secret_key,
        &made.secret_key,
        &served.credentials.secret_key,
    ];
    let log = log_of(data);
    for secret in secrets {
        assert!(!text.contains(secret), "a secret is in the trail");
        assert!(!log.contains(secret), "a secret is in the log");
        for entry in std::fs::read_dir(data).expect("lists") {
            let path = entry.expect("an entry").path();
            if path.ends_with("credentials") {
                continue;
            }
            let bytes = std::fs::read(&path).expect("reads");
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is in {}", path.display());
        }
    }
}

#[test]
fn a_backup_under_writes_is_restored_with_its_jobs() {
    let (folder, other) = (Folder::new(), Folder::new());
    let data = folder.path();
    let served = Served::start(data, &[]);
    let anna = user(&served, data, "anna", "viewer");
    let job = new_job(&served);
    let file = other.path().join("store.backup").display().to_string();
    let (key, key_copy) = (data.join("key").display().to_string(), format!("{file}.key"));
    let text = std::thread::scope(|threads| {
        let backing = threads.spawn(|| good(&served, data, &["backup", &file, "--key-file", &key]));
        while !backing.is_finished() {
            new_job(&served);
        }
        backing.join().expect("backs up")
    });
    assert!(text.contains("keep it apart"), "{text}");
    let twice = line(&served, data, &["backup", &file]);
    assert!(said(&twice).contains("never overwritten"), "{}", said(&twice));
    assert!(!data.join("backup.new").exists(), "the server's copy is removed");
    new_job(&served);
    let all = ask(&served, "DescribeMigrationJobs", &json!({}))["TotalCount"].clone();

    let restore = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .arg("restore")
            .args(args)
            .output()
            .expect("runs")
    };
    let new = other.path().join("data").display().to_string();
    let output = restore(&[&file, "--data", &data.display().to_string(), "--force"]);
    assert!(said(&output).contains("another server uses"), "{}", said(&output));
    let output = restore(&[&key, "--data", &new]);
    assert!(!output.status.success(), "a key is no backup: {}", said(&output));
    let output = restore(&[&file, "--data", &new]);
    assert!(
        output.status.success() && said(&output).contains("--key-file"),
        "{}",
        said(&output)
    );
    // A new key would open nothing of it: the server says so and makes none.
    let output = crate::process::command(Path::new(&new), &["--listen", "127.0.0.1:0"])
        .stderr(std::process::Stdio::piped())
        .output()
        .expect("runs");
    assert!(said(&output).contains("put back the key"), "{}", said(&output));
    let output = restore(&[&file, "--data", &new, "--key-file", &key_copy]);
    assert!(said(&output).contains("--force"), "{}", said(&output));
    let output = restore(&[&file, "--data", &new, "--key-file", &key_copy, "--force"]);
    assert!(output.status.success(), "{}", said(&output));

    let restored = Served::start(Path::new(&new), &[]);
    let found = ask(&restored, "DescribeMigrationDetail", &json!({"JobId": job}));
    assert_eq!(found["Status"], "created");
    let count = ask(&restored, "DescribeMigrationJobs", &json!({}))["TotalCount"].as_u64();
    assert!(count >= Some(1) && count < all.as_u64(), "{count:?} of {all}");
    assert_eq!(
        code(&ask_as(&restored, &anna, "DescribeMigrationJobs", &json!({}))),
        "",
        "users are restored"
    );
}

#[test]
fn an_endpoint_with_its_authority_is_used_by_a_job() {
    let server = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("starts");
    server
        .run_script("create database d; create table d.t (id int primary key)")
        .expect("loads");
    let folder = Folder::new();
    let data = folder.path();
    let served = Served::start(data, &[]);
    let (cert, _) = crate::certificate::make(data);
    let url = format!("mysql://{}@127.0.0.1:{}", server.user(), server.port());
    let password = data.join("password");
    std::fs::write(&password, server.password()).expect("writes");
    let add = |name: &str, more: &[&str]| {
        let password = password.display().to_string();
        let args = [
            "endpoint",
            "add",
            name,
            "--url",
            &url,
            "--password-file",
            &password,
        ];
        line(&served, data, &[&args, more].concat())
    };
    let ca = cert.display().to_string();
    assert!(add("wrong", &["--tls-ca", &ca]).status.success());
    assert!(add("loose", &["--tls", "required"]).status.success());
    let both = add("bad", &["--tls", "off", "--tls-ca", &ca]);
    assert!(said(&both).contains("verified"), "{}", said(&both));
    let listed = good(&served, data, &["endpoint", "list"]);
    assert!(
        listed.contains("verified") && listed.contains("required"),
        "{listed}"
    );
    let precheck = |from: &str| {
        let from = format!("endpoint:{from}");
        let to = format!("{url}?tls=required");
        let password = password.display().to_string();
        let args = [
            "precheck",
            "--from",
            &from,
            "--to",
            &to,
            "--to-password-file",
            &password,
        ];
        said(&line(&served, data, &args))
    };
    let text = precheck("wrong");
    assert!(text.contains("not from an authority that is trusted"), "{text}");
    let text = precheck("loose");
    assert!(text.contains("certificate is not checked"), "{text}");
}
