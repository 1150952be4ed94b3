//! Callers over a real store: what changes is seen at once and after a restart.

use secrecy::{ExposeSecret as _, SecretString};
use tidegate_meta::{MasterKey, Store};
use tidegate_model::role::Role;

use crate::users::{FIRST, Pair, Users};

fn pair(secret_id: &str, key: &str) -> Pair {
    Pair {
        secret_id: secret_id.to_owned(),
        secret_key: SecretString::from(key.to_owned()),
    }
}

async fn open(folder: &std::path::Path) -> Users {
    let key = MasterKey::open(&folder.join("key")).expect("a key");
    let store = Store::open(&folder.join("store.db"), key).expect("opens");
    Users::open(store, pair("AKFIRST", "k0")).await.expect("reads")
}

fn key_of(users: &Users, secret_id: &str) -> Option<String> {
    users
        .secret_key(secret_id)
        .map(|key| key.expose_secret().to_owned())
}

#[tokio::test]
async fn callers_are_added_disabled_and_rotated_and_outlive_the_process() {
    let folder = std::env::temp_dir().join(format!("tidegate-users-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("makes a folder");
    let users = open(&folder).await;
    users
        .add("anna", Role::Viewer, pair("AKA", "k1"), 5)
        .await
        .expect("adds");
    assert_eq!(key_of(&users, "AKA").as_deref(), Some("k1"));
    assert_eq!(users.role("AKA"), Some(Role::Viewer));
    assert_eq!(users.rotate("anna", "k2".into()).await.expect("rotates"), "AKA");
    assert_eq!(key_of(&users, "AKA").as_deref(), Some("k2"));
    users.set_enabled("anna", false).await.expect("disables");
    assert_eq!((key_of(&users, "AKA"), users.role("AKA")), (None, None));
    drop(users);

    let users = open(&folder).await;
    assert_eq!(key_of(&users, "AKA"), None, "still disabled");
    users.set_enabled("anna", true).await.expect("enables");
    assert_eq!(key_of(&users, "AKA").as_deref(), Some("k2"));
    let names: Vec<String> = users.list().into_iter().map(|user| user.name).collect();
    assert_eq!(names, [FIRST, "anna"]);
    for (name, id) in [("anna", "AKB"), ("", "AKB"), ("a b", "AKB"), (FIRST, "AKB")] {
        let refused = users.add(name, Role::Owner, pair(id, "k"), 6).await;
        assert!(refused.is_err(), "{name}");
    }
    for name in [FIRST, "nobody"] {
        assert!(users.set_enabled(name, false).await.is_err(), "{name}");
        assert!(users.rotate(name, "k".into()).await.is_err(), "{name}");
    }
    assert_eq!(key_of(&users, "AKFIRST").as_deref(), Some("k0"));
    std::fs::remove_dir_all(folder).expect("removes");
}
