//! The store over a real file: what was written is there after opening it anew,
//! and no secret can be found in the file's bytes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;

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
    store
        .put_credential("AKID", SecretString::from(SECRET.to_owned()))
        .await
        .expect("writes");
    let seen = store.credential("AKID").await.expect("reads").expect("is there");
    assert_eq!(seen.expose_secret(), SECRET);
    assert!(store.credential("other").await.expect("reads").is_none());
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
        store.append_audit(entry).await.expect("writes");
    }
    let times: Vec<i64> = store
        .audit(2)
        .await
        .expect("reads")
        .iter()
        .map(|entry| entry.at_ms)
        .collect();
    assert_eq!(times, [3, 2]);
    std::fs::remove_dir_all(folder).expect("removes");
}
