//! `tidegate serve` itself: its files, its pages, its refusals, its end.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tidegate_rpc::operator::{AUDIT, AuditList, ENDPOINTS, EndpointList, JOBS, JobReport};
use tidegate_rpc::sign::sign_tc3;

use crate::asking::{ask, get, new_job, now, operate, send, who};
use crate::process::{Folder, Served, command, ended, log_of};

#[test]
fn the_first_start_makes_private_files_and_later_ones_keep_them() {
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    for file in ["credentials", "key"] {
        let mode = std::fs::metadata(folder.path().join(file))
            .expect("is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let (job, before) = (new_job(&served), served.credentials.clone());
    assert!(served.stop().success());
    let served = Served::start(folder.path(), &["--log", "json"]);
    assert_eq!(served.credentials, before);
    let found = ask(&served, "DescribeMigrationDetail", &json!({"JobId": job}));
    assert_eq!(found["Status"], "created");
    new_job(&served);
    served.kill9();
    let served = Served::start(folder.path(), &[]);
    assert_eq!(ask(&served, "DescribeMigrationJobs", &json!({}))["TotalCount"], 2);
    let log = log_of(folder.path());
    let line = log
        .lines()
        .find(|line| line.starts_with('{'))
        .expect("a line of JSON");
    assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
}

#[test]
fn pages_of_the_operator() {
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    new_job(&served);
    assert!(get(&served, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(&served, "/readyz").starts_with("HTTP/1.1 200"));
    assert!(get(&served, "/version").contains(env!("CARGO_PKG_VERSION")));
    let metrics = get(&served, "/metrics");
    for line in [
        "tidegate_jobs{status=\"created\"} 1",
        "tidegate_api_calls_total{action=\"CreateMigrationService\",code=\"OK\"} 1",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn endpoints_are_registered_listed_and_kept_while_used() {
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    let shop = json!({"Name": "shop", "DatabaseType": "mysql", "Host": "127.0.0.1", "Port": 1,
        "User": "u", "Password": "geheim"});
    assert!(operate(&served, "POST", ENDPOINTS, &shop)["Error"].is_null());
    let listed = operate(&served, "GET", ENDPOINTS, &Value::Null);
    let list: EndpointList = serde_json::from_value(listed).expect("a list");
    assert_eq!(
        (list.endpoints.len(), list.endpoints[0].name.as_str()),
        (1, "shop")
    );
    let found = ask(
        &served,
        "DescribeMigrateDBInstances",
        &json!({"DatabaseType": "mysql"}),
    );
    assert_eq!(
        (&found["TotalCount"], &found["Instances"][0]["InstanceId"]),
        (&json!(1), &json!("shop"))
    );
    let other = ask(
        &served,
        "DescribeMigrateDBInstances",
        &json!({"DatabaseType": "mariadb"}),
    );
    assert_eq!(other["TotalCount"], 0);

    let job = new_job(&served);
    let side = |name: &str| {
        json!({"Region": "r", "AccessType": "cdb", "DatabaseType": "mysql", "NodeType": "simple",
            "Info": [{"InstanceId": name}]})
    };
    let params = json!({"JobId": job, "RunMode": "immediate", "SrcInfo": side("shop"), "DstInfo": side("shop"),
        "MigrateOption": {"DatabaseTable": {"ObjectMode": "all"}}});
    assert!(ask(&served, "ModifyMigrationJob", &params)["Error"].is_null());
    let one = format!("{ENDPOINTS}/shop");
    let code = |answer: &Value| answer["Error"]["Code"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        code(&operate(&served, "DELETE", &one, &Value::Null)),
        "OperationDenied.OperationDeniedError"
    );
    ask(&served, "IsolateMigrateJob", &json!({"JobId": job}));
    ask(&served, "DestroyMigrateJob", &json!({"JobId": job}));
    assert!(operate(&served, "DELETE", &one, &Value::Null)["Error"].is_null());
    let gone = operate(&served, "DELETE", &one, &Value::Null);
    assert_eq!(code(&gone), "ResourceNotFound.ResourceNotFoundError");

    let report = operate(&served, "GET", &format!("{JOBS}/{job}"), &Value::Null);
    let report: JobReport = serde_json::from_value(report).expect("a report");
    assert_eq!((report.status.as_str(), report.report), ("created", None));
    for (method, path, body, wanted) in [
        (
            "POST",
            ENDPOINTS,
            json!({"Name": "x", "Password": "geheim"}),
            "InvalidParameterValue.InvalidParameterValueError",
        ),
        ("PUT", ENDPOINTS, json!({}), "InvalidAction"),
        ("GET", "/operator/tea", Value::Null, "InvalidAction"),
    ] {
        assert_eq!(
            code(&operate(&served, method, path, &body)),
            wanted,
            "{method} {path}"
        );
    }
    ask(&served, "StartMigrateJob", &json!({"JobId": job, "Colour": 1}));
    let trail: AuditList =
        serde_json::from_value(operate(&served, "GET", AUDIT, &Value::Null)).expect("a trail");
    let seen = |action: &str, subject: &str, outcome: &str| {
        let fits = |entry: &tidegate_rpc::operator::AuditItem| {
            (
                entry.action.as_str(),
                entry.subject.as_str(),
                entry.outcome.as_str(),
            ) == (action, subject, outcome)
                && entry.caller.starts_with(&served.credentials.secret_id)
        };
        assert!(trail.entries.iter().any(fits), "{action} {subject} {outcome}");
    };
    seen("PutEndpoint", "shop", "OK");
    seen("CreateMigrationService", &job, "OK");
    seen("ModifyMigrationJob", &job, "OK");
    seen("StartMigrateJob", &job, "UnknownParameter");
    seen("RemoveEndpoint", "shop", "OperationDenied.OperationDeniedError");
    // The wire API's signature is not taken here.
    let headers = sign_tc3(who(&served), served.address(), "Operate", b"", now()).expect("signs");
    assert_eq!(
        code(&send(&served, "GET", ENDPOINTS, headers, "")),
        "AuthFailure.SignatureFailure"
    );
}

/// Says why and ends with 2.
fn refuses(data: &Path, more: &[&str], why: &str) {
    let mut child = command(data, more)
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let status = ended(&mut child);
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("is piped")
        .read_to_string(&mut said)
        .expect("reads");
    assert_eq!(status.code(), Some(2), "{more:?}: {said}");
    assert!(said.contains(why), "{more:?}: {said}");
}

#[test]
fn what_is_not_safe_or_not_right_is_refused_at_the_start() {
    let folder = Folder::new();
    let data = folder.path();
    refuses(data, &["--listen", "0.0.0.0:0"], "without TLS is refused");
    let config = data.join("config.toml");
    std::fs::write(&config, "lisen = \"127.0.0.1:0\"\n").expect("writes");
    let config = config.display().to_string();
    refuses(data, &["--config", &config], "lisen");
    refuses(
        data,
        &["--listen", "127.0.0.1:0", "--key-file", "/nowhere/key"],
        "/nowhere/key",
    );
    let served = Served::start(data, &[]);
    refuses(
        data,
        &["--listen", "127.0.0.1:0"],
        "another server uses the folder",
    );
    drop(served);
    let credentials = data.join("credentials");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(credentials, open).expect("changes the mode");
    refuses(data, &["--listen", "127.0.0.1:0"], "chmod 600");
}

#[test]
fn the_environment_names_the_caller() {
    let folder = Folder::new();
    let mut child = command(folder.path(), &["--listen", "127.0.0.1:0"])
        .env("TIDEGATE_SECRET_ID", "mine")
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    assert_eq!(
        ended(&mut child).code(),
        Some(2),
        "one of the two alone is a mistake"
    );
    assert!(!folder.path().join("credentials").exists());
}
