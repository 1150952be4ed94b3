//! The store over a real file: what was written is there after opening it anew,
//! and no secret can be found in the file's bytes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::{AuditEntry, CredentialRecord, back_up, check_backup};

/// A folder of the test's own, to be removed by it.
pub(crate) fn folder(name: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("tidegate-meta-{name}-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&path).expect("makes a folder");
    path
}

fn open(folder: &Path) -> Store {
    let key = MasterKey::open(&folder.join("key")).expect("a key");
    Store::open(&folder.join("store.db"), key).expect("opens")
}

fn job(id: &str, created_ms: i64, password: &str) -> JobRecord {
    let secrets = Secrets::from([("source".to_owned(), SecretString::from(password.to_owned()))]);
    JobRecord {
        id: id.to_owned(),
        created_ms,
        status: "created".to_owned(),
        body: json!({"n": 1}),
        secrets,
    }
}

fn credential(secret_id: &str, secret_key: &str) -> CredentialRecord {
    CredentialRecord {
        secret_id: secret_id.to_owned(),
        name: "anna".to_owned(),
        role: "viewer".to_owned(),
        enabled: true,
        created_ms: 7,
        secret_key: SecretString::from(secret_key.to_owned()),
    }
}

#[tokio::test]
async fn jobs_outlive_the_process_newest_first_with_their_secrets() {
    let folder = folder("jobs");
    let store = open(&folder);
    store.put_job(job("dts-a", 1, "old")).await.expect("writes");
    store.put_job(job("dts-b", 2, "b")).await.expect("writes");
    store.put_job(job("dts-a", 1, "new")).await.expect("writes again");
    drop(store);

    let store = open(&folder);
    let ids: Vec<String> = store
        .jobs()
        .await
        .expect("reads")
        .into_iter()
        .map(|job| job.id)
        .collect();
    assert_eq!(ids, ["dts-b", "dts-a"]);
    let found = store.job("dts-a").await.expect("reads").expect("is there");
    assert_eq!(found.secrets["source"].expose_secret(), "new");
    assert_eq!(found.body, json!({"n": 1}));
    assert!(store.remove_job("dts-a").await.expect("removes"));
    assert!(!store.remove_job("dts-a").await.expect("is gone"));
    assert!(store.job("dts-a").await.expect("reads").is_none());
    std::fs::remove_dir_all(folder).expect("removes");
}

#[tokio::test]
async fn no_secret_is_in_the_files_or_in_debug() {
    const SECRET: &str = "correct-horse-battery";
    let folder = folder("sealed");
    let store = open(&folder);
    let record = job("dts-a", 1, SECRET);
    assert!(!format!("{record:?}").contains(SECRET));
    store.put_job(record).await.expect("writes");
    let credential = credential("AKID", SECRET);
    assert!(!format!("{credential:?}").contains(SECRET));
    store.put_credential(credential).await.expect("writes");
    let seen = store.credentials().await.expect("reads").remove(0);
    assert_eq!(seen.secret_key.expose_secret(), SECRET);
    for entry in std::fs::read_dir(&folder).expect("lists") {
        let bytes = std::fs::read(entry.expect("entry").path()).expect("reads");
        let found = bytes
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes());
        assert!(!found, "a secret lies in the clear");
    }
    std::fs::remove_dir_all(folder).expect("removes");
}

#[tokio::test]
async fn another_key_reads_nothing_and_says_what_to_do() {
    let folder = folder("key-lost");
    open(&folder).put_job(job("dts-a", 1, "x")).await.expect("writes");
    std::fs::remove_file(folder.join("key")).expect("loses the key");
    let error = open(&folder).jobs().await.expect_err("refused");
    assert!(error.remedy_text().is_some_and(|text| text.contains("key file")));
    std::fs::remove_dir_all(folder).expect("removes");
}

#[tokio::test]
async fn endpoints_and_the_audit_trail_are_kept() {
    let folder = folder("rest");
    let store = open(&folder);
    let secrets = Secrets::from([("password".to_owned(), SecretString::from("p".to_owned()))]);
    let endpoint = EndpointRecord {
        name: "shop".to_owned(),
        body: json!({"host": "h"}),
        secrets,
    };
    store.put_endpoint(endpoint).await.expect("writes");
    let found = store.endpoints().await.expect("reads");
    assert_eq!(found[0].secrets["password"].expose_secret(), "p");
    assert!(store.remove_endpoint("shop").await.expect("removes"));
    for number in 1..=3 {
        let text = |text: &str| text.to_owned();
        let (caller, action) = (text("AKID"), text("StartMigrateJob"));
        let entry = AuditEntry {
            at_ms: number,
            caller,
            action,
            subject: text("dts-a"),
            outcome: text("ok"),
        };
        store.append_audit_keeping(entry, 2).await.expect("writes");
    }
    let numbers =
        |entries: Vec<(i64, AuditEntry)>| -> Vec<i64> { entries.iter().map(|(number, _)| *number).collect() };
    // Two are kept.
    assert_eq!(numbers(store.audit(None, 9).await.expect("reads")), [3, 2]);
    assert_eq!(numbers(store.audit(None, 1).await.expect("reads")), [3]);
    assert_eq!(numbers(store.audit(Some(3), 9).await.expect("reads")), [2]);
    std::fs::remove_dir_all(folder).expect("removes");
}

#[tokio::test]
async fn credentials_change_and_a_store_of_the_first_version_is_brought_up() {
    let folder = folder("credentials");
    let old = Connection::open(folder.join("store.db")).expect("opens");
    crate::migrate::first_only(&old);
    old.execute("INSERT INTO credentials VALUES ('AKOLD')", [])
        .expect("writes");
    drop(old);
    let store = open(&folder);
    store
        .put_credential(credential("AKID", "one"))
        .await
        .expect("writes");
    let changed = CredentialRecord {
        enabled: false,
        ..credential("AKID", "two")
    };
    store.put_credential(changed).await.expect("writes again");
    let found = store.credentials().await.expect("reads");
    let seen: Vec<(&str, &str, bool)> = found
        .iter()
        .map(|have| (have.secret_id.as_str(), have.role.as_str(), have.enabled))
        .collect();
    assert_eq!(seen, [("AKOLD", "owner", true), ("AKID", "viewer", false)]);
    assert_eq!(found[1].secret_key.expose_secret(), "two");
    std::fs::remove_dir_all(folder).expect("removes");
}

#[tokio::test]
async fn a_backup_under_writes_is_one_moment_of_the_store() {
    let folder = folder("backup");
    let store = open(&folder);
    for number in 0..50 {
        let id = format!("dts-{number}");
        store.put_job(job(&id, number, "p")).await.expect("writes");
    }
    let (from, to) = (folder.join("store.db"), folder.join("copy"));
    let copying = {
        let to = to.clone();
        std::thread::spawn(move || back_up(&from, &to))
    };
    let mut number = 50;
    while !copying.is_finished() || number < 60 {
        let id = format!("dts-{number}");
        store.put_job(job(&id, number, "p")).await.expect("writes on");
        number += 1;
    }
    copying.join().expect("ends").expect("backs up");
    let held = check_backup(&to).expect("is whole");
    assert!(
        (50..=u64::try_from(number).expect("a count")).contains(&held),
        "{held}"
    );
    let key = MasterKey::open(&folder.join("key")).expect("the key");
    let restored = Store::open(&to, key).expect("opens");
    let found = restored.job("dts-49").await.expect("reads").expect("is there");
    assert_eq!(found.secrets["source"].expose_secret(), "p");

    std::fs::write(folder.join("text"), "no store, but long enough to be looked at").expect("writes");
    let error = check_backup(&folder.join("text")).expect_err("refused");
    assert!(error.remedy_text().is_some(), "{error}");
    assert!(check_backup(&folder.join("nothing")).is_err());
    let other = Connection::open(folder.join("other")).expect("opens");
    other.execute_batch("CREATE TABLE jobs (id)").expect("makes");
    assert!(check_backup(&folder.join("other")).is_err(), "someone else's");
    std::fs::remove_dir_all(folder).expect("removes");
}
