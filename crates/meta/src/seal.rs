//! Sealing of secrets: AES-256-GCM under a master key that lives in a file of its own.
//!
//! A sealed secret is bound to its owner and field, so that it cannot be moved
//! to another row of the store. A nonce is drawn anew for every seal.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use tidegate_model::{Error, Result};

const KEY_BYTES: usize = 32;

/// Whose secret it is: bound into the seal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) kind: &'a str,
    pub(crate) id: &'a str,
    pub(crate) field: &'a str,
}

impl Owner<'_> {
    /// Lengths first, so that no two owners give the same bytes.
    fn aad(&self) -> Aad<Vec<u8>> {
        let mut bytes = Vec::new();
        for part in [self.kind, self.id, self.field] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Aad::from(bytes)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) nonce: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

/// Opens and closes all secrets of one store.
pub struct MasterKey(RandomizedNonceKey);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// Reads the key file, or creates it, mode 0600. A file that others may read is refused.
    pub fn open(path: &Path) -> Result<MasterKey> {
        if !path.exists() {
            create(path)?;
        }
        let failed = |error| unreadable(path).caused_by(error);
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(
                Error::needs_user(format!("the key file {} can be read by others", path.display()))
                    .remedy(format!("chmod 600 {}", path.display())),
            );
        }
        MasterKey::from_bytes(&fs::read(path).map_err(failed)?)
            .map_err(|error| error.context(format!("reading the key file {}", path.display())))
    }

    fn from_bytes(bytes: &[u8]) -> Result<MasterKey> {
        if bytes.len() != KEY_BYTES {
            return Err(
                Error::needs_user(format!("a key has {KEY_BYTES} bytes, this has {}", bytes.len()))
                    .remedy("Put the right key file back; without it the stored passwords cannot be read"),
            );
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes);
        Ok(MasterKey(key.map_err(|_| {
            Error::bug("the cipher refused a key of the right length")
        })?))
    }

    pub(crate) fn seal(&self, owner: Owner<'_>, secret: &str) -> Result<Sealed> {
        let mut bytes = secret.as_bytes().to_vec();
        let nonce = self.0.seal_in_place_append_tag(owner.aad(), &mut bytes);
        let nonce = nonce.map_err(|_| Error::bug("the cipher refused to seal"))?;
        Ok(Sealed {
            nonce: nonce.as_ref().to_vec(),
            bytes,
        })
    }

    pub(crate) fn open_sealed(&self, owner: Owner<'_>, sealed: Sealed) -> Result<String> {
        let wrong = || {
            Error::needs_user(format!(
                "the stored {} of {} {} does not open",
                owner.field, owner.kind, owner.id
            ))
            .remedy("Start with the key file that this data folder was made with")
        };
        let nonce: [u8; NONCE_LEN] = sealed.nonce.try_into().map_err(|_| wrong())?;
        let mut bytes = sealed.bytes;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let open = self
            .0
            .open_in_place(nonce, owner.aad(), &mut bytes)
            .map_err(|_| wrong())?;
        String::from_utf8(open.to_vec()).map_err(|_| wrong())
    }
}

fn unreadable(path: &Path) -> Error {
    Error::needs_user(format!("the key file {} cannot be read or made", path.display()))
        .remedy("Check the path and its permissions")
}

fn create(path: &Path) -> Result<()> {
    let mut key = [0; KEY_BYTES];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| Error::bug("the system gives no random bytes"))?;
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&key)?;
        file.sync_all()
    };
    write().map_err(|error| unreadable(path).caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner<'_> = Owner {
        kind: "job",
        id: "dts-1",
        field: "source",
    };

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_bytes(&[byte; KEY_BYTES]).expect("a key")
    }

    #[test]
    fn a_secret_opens_for_its_owner_and_key_only() {
        let sealed = || key(1).seal(OWNER, "geheim").expect("seals");
        assert_eq!(key(1).open_sealed(OWNER, sealed()).expect("opens"), "geheim");
        assert!(key(2).open_sealed(OWNER, sealed()).is_err());
        let moved = Owner { id: "dts-2", ..OWNER };
        assert!(key(1).open_sealed(moved, sealed()).is_err());
        let mut changed = sealed();
        if let Some(byte) = changed.bytes.first_mut() {
            *byte ^= 1;
        }
        assert!(key(1).open_sealed(OWNER, changed).is_err());
        assert_ne!(sealed(), sealed(), "a nonce was used twice");
    }

    #[test]
    fn a_key_file_is_private_and_one_that_others_may_read_is_refused() {
        let folder = crate::store::tests::folder("key");
        let path = folder.join("key");
        let sealed = MasterKey::open(&path)
            .expect("creates")
            .seal(OWNER, "x")
            .expect("seals");
        let mode = fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            MasterKey::open(&path)
                .expect("reads")
                .open_sealed(OWNER, sealed)
                .expect("opens"),
            "x"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        let error = MasterKey::open(&path).expect_err("refused");
        assert!(
            error
                .remedy_text()
                .is_some_and(|text| text.starts_with("chmod 600"))
        );
        fs::remove_dir_all(folder).expect("removes");
    }
}
