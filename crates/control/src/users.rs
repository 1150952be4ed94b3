//! Who may call, and in which role.
//!
//! All callers are in memory, for the front asks for a key before it can wait. A
//! change is written first and seen by the very next call. The first owner's key
//! is the server's own file or environment: it is not kept here.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use secrecy::SecretString;
use tidegate_meta::{CredentialRecord, Store};
use tidegate_model::role::Role;
use tidegate_model::{Error, Kind, Result};
use tokio::sync::Mutex;

/// Callers of one server: all are in memory, and each may hold counters of its calls.
pub const USERS_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 60;
/// The name of the caller that the server's file or environment gives.
pub const FIRST: &str = "first-owner";

/// A caller as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub secret_id: String,
    pub role: Role,
    pub enabled: bool,
    /// Unix milliseconds; 0 for the first.
    pub created_ms: i64,
}

/// A SecretId with its key.
#[derive(Clone, Debug)]
pub struct Pair {
    pub secret_id: String,
    pub secret_key: SecretString,
}

#[derive(Clone, Debug)]
struct Known {
    user: User,
    key: SecretString,
}

#[derive(Debug)]
pub struct Users {
    store: Store,
    /// By SecretId.
    known: RwLock<BTreeMap<String, Known>>,
    /// Held from reading what there is until the store has the change.
    writing: Mutex<()>,
}

impl Users {
    /// `first` is the owner that is always there.
    pub async fn open(store: Store, first: Pair) -> Result<Users> {
        let mut known = BTreeMap::new();
        for record in store.credentials().await? {
            let role = Role::parse(&record.role).ok_or_else(|| {
                Error::needs_user(format!("the stored user `{}` has no known role", record.name))
                    .remedy("Start the version that wrote it, or a later one")
            })?;
            let user = User {
                name: record.name,
                secret_id: record.secret_id.clone(),
                role,
                enabled: record.enabled,
                created_ms: record.created_ms,
            };
            let key = record.secret_key;
            known.insert(record.secret_id, Known { user, key });
        }
        let user = User {
            name: FIRST.to_owned(),
            secret_id: first.secret_id.clone(),
            role: Role::Owner,
            enabled: true,
            created_ms: 0,
        };
        let key = first.secret_key;
        known.insert(first.secret_id, Known { user, key });
        Ok(Users {
            store,
            known: RwLock::new(known),
            writing: Mutex::new(()),
        })
    }

    /// None: not known, or disabled.
    pub fn secret_key(&self, secret_id: &str) -> Option<SecretString> {
        self.enabled(secret_id).map(|known| known.key)
    }

    /// None: not known, or disabled.
    pub fn role(&self, secret_id: &str) -> Option<Role> {
        self.enabled(secret_id).map(|known| known.user.role)
    }

    /// The first, then the oldest.
    pub fn list(&self) -> Vec<User> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut users: Vec<User> = known.values().map(|known| known.user.clone()).collect();
        users.sort_by(|one, other| (one.created_ms, &one.name).cmp(&(other.created_ms, &other.name)));
        users
    }

    pub async fn add(&self, name: &str, role: Role, pair: Pair, now_ms: u64) -> Result<()> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(good) {
            return Err(Error::bad_input("the user's name is not usable").remedy(format!(
                "Give 1 to {NAME_CHARS_MAX} of letters, digits, `_`, `.` and `-`"
            )));
        }
        let _writing = self.writing.lock().await;
        let users = self.list();
        if users.iter().any(|user| user.name == name) {
            return Err(
                Error::new(Kind::WrongState, format!("there is a user `{name}` already"))
                    .remedy("Give another name, or a new key to that one (rotate)"),
            );
        }
        if users.len() >= USERS_MAX {
            return Err(
                Error::new(Kind::WrongState, format!("there are {USERS_MAX} users already"))
                    .remedy("Enable or rotate one that is there"),
            );
        }
        let user = User {
            name: name.to_owned(),
            secret_id: pair.secret_id,
            role,
            enabled: true,
            created_ms: i64::try_from(now_ms).unwrap_or(i64::MAX).max(1),
        };
        self.write(user, pair.secret_key).await
    }

    pub async fn set_enabled(&self, name: &str, enabled: bool) -> Result<()> {
        let _writing = self.writing.lock().await;
        let Known { mut user, key } = self.kept(name)?;
        user.enabled = enabled;
        self.write(user, key).await
    }

    /// The old key is refused from now on; gives the SecretId, which stays.
    pub async fn rotate(&self, name: &str, key: SecretString) -> Result<String> {
        let _writing = self.writing.lock().await;
        let user = self.kept(name)?.user;
        let secret_id = user.secret_id.clone();
        self.write(user, key).await?;
        Ok(secret_id)
    }

    fn enabled(&self, secret_id: &str) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(secret_id).filter(|known| known.user.enabled).cloned()
    }

    /// One whose key is ours to change.
    fn kept(&self, name: &str) -> Result<Known> {
        if name == FIRST {
            return Err(Error::new(
                Kind::WrongState,
                "the first owner is not kept here: its key is the server's credentials file or environment",
            )
            .remedy("Change it there, and restart the server"));
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.values().find(|known| known.user.name == name);
        found.cloned().ok_or_else(|| {
            let shown: String = name.chars().take(NAME_CHARS_MAX).collect();
            Error::new(Kind::NotFound, format!("there is no user `{shown}`"))
        })
    }

    /// Kept, then seen. The caller holds `writing`.
    async fn write(&self, user: User, key: SecretString) -> Result<()> {
        let record = CredentialRecord {
            secret_id: user.secret_id.clone(),
            name: user.name.clone(),
            role: user.role.as_str().to_owned(),
            enabled: user.enabled,
            created_ms: user.created_ms,
            secret_key: key.clone(),
        };
        self.store.put_credential(record).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(user.secret_id.clone(), Known { user, key });
        Ok(())
    }
}
