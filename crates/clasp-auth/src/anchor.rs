//! Whose capability tokens are accepted: public keys, never guessed from secrets.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::key::{KeyError, PublicKey, SigningKey, SigningKeyError};
use crate::limits::KEY_FILE_BYTES_MAX;
use crate::private_file;

/// A trust anchor cannot be read; who configures the server is at fault.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The file could not be read.
    #[error("cannot read the trust anchor {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file has no public key.
    #[error(
        "the trust anchor {} has {found} bytes and no public key: {source}; give it 64 \
         hexadecimal digits, 32 raw bytes or a did:key, as in the .pub file of `clasp key generate`",
        path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        found: usize,
        /// Why it has none.
        source: KeyError,
    },
    /// Others may read a secret.
    #[error(
        "{}: others may read this private key: run chmod 600 on it, and think of who has it by now",
        path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
    },
    /// The file of a secret has none.
    #[error(transparent)]
    Secret(#[from] SigningKeyError),
}

/// The keys that may begin a chain.
#[derive(Debug, Clone, Default)]
pub struct Anchors(BTreeMap<[u8; 32], PublicKey>);

impl Anchors {
    /// The public key in this text: 64 hexadecimal digits or a `did:key`.
    pub fn parse(text: &str) -> Result<PublicKey, KeyError> {
        PublicKey::parse(text.trim())
    }

    /// The public key in this file: text as above, or 32 raw bytes. A seed has the same form and
    /// is never taken for one: its digits are read as a public key, whose secret nobody has.
    pub fn read(path: &Path) -> Result<PublicKey, AnchorError> {
        let content = private_file::read_bounded(path, KEY_FILE_BYTES_MAX);
        let content = content.map_err(|source| AnchorError::Read {
            path: path.to_owned(),
            source,
        })?;
        public_key(&content).map_err(|source| AnchorError::Content {
            path: path.to_owned(),
            found: content.len(),
            source,
        })
    }

    /// The public half of the signing key in this file.
    pub fn read_secret(path: &Path) -> Result<PublicKey, AnchorError> {
        let key = SigningKey::read(path)?.public();
        if private_file::is_open_to_others(path) {
            let path = path.to_owned();
            return Err(AnchorError::OpenToOthers { path });
        }
        Ok(key)
    }

    /// Adds a key.
    pub fn insert(&mut self, key: PublicKey) {
        self.0.insert(key.to_bytes(), key);
    }

    /// Whether this key may begin a chain.
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.0.contains_key(&key.to_bytes())
    }

    /// The keys, in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &PublicKey> {
        self.0.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<PublicKey> for Anchors {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        let keys = keys.into_iter().map(|key| (key.to_bytes(), key));
        Self(keys.collect())
    }
}

fn public_key(content: &[u8]) -> Result<PublicKey, KeyError> {
    // 32 characters are half of a key, not a key: no key that was ever made has only such bytes.
    let is_text = content.iter().all(u8::is_ascii_graphic);
    if let Ok(bytes) = content.try_into()
        && !is_text
    {
        return PublicKey::from_bytes(bytes);
    }
    let found = content.len();
    let text = str::from_utf8(content).map_err(|_| KeyError::Form { found })?;
    Anchors::parse(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_with_a_public_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.pub");
        let key = SigningKey::from_seed(&[1; 32]).public();
        let hex = key.hex();
        for content in [
            hex.as_bytes(),
            format!(" {hex}\r\n").as_bytes(),
            format!("{}\n", key.did()).as_bytes(),
            &key.to_bytes(),
        ] {
            fs::write(&path, content).unwrap();
            assert_eq!(Anchors::read(&path).unwrap(), key);
        }
        let anchors: Anchors = [key, key].into_iter().collect();
        assert_eq!(anchors.iter().len(), 1);
        assert!(anchors.contains(&key) && !Anchors::default().contains(&key));
    }

    #[test]
    fn files_without_are_named_with_their_length() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("odd.pub");
        for content in [
            b"".as_slice(),
            b"deadbeef",
            &[0xff; 31],
            // Half of the digits of a key; as bytes, one of them is a point of the curve.
            b"8a88e3dd7409f195fd52db2d3cba5d72",
            b"8139770ea87d175f56a35466c34c7ecc",
            &[0; 32],
            &[0xff; 33],
            "0".repeat(64).as_bytes(),
            "0".repeat(128).as_bytes(),
        ] {
            fs::write(&path, content).unwrap();
            let error = Anchors::read(&path).unwrap_err().to_string();
            assert!(error.contains("odd.pub has "), "{error}");
            assert!(
                error.contains(&format!(" {} bytes", content.len())),
                "{error}"
            );
        }
        assert!(matches!(
            Anchors::read(&directory.path().join("none")),
            Err(AnchorError::Read { .. })
        ));
    }

    #[test]
    fn a_seed_is_a_secret_only_where_one_is_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.key");
        let keys = (1..=20).map(|byte| SigningKey::from_seed(&[byte; 32]));
        for key in keys {
            fs::write(&path, key.to_hex()).unwrap();
            let taken = Anchors::read(&path);
            assert!(taken.is_err() || taken.is_ok_and(|it| it != key.public()));
            let open = Anchors::read_secret(&path);
            let is_open = matches!(open, Err(AnchorError::OpenToOthers { .. }));
            assert_eq!(is_open, cfg!(unix));
            fs::remove_file(&path).unwrap();
            private_file::create(&path, key.to_hex().as_bytes()).unwrap();
            assert_eq!(Anchors::read_secret(&path).unwrap(), key.public());
            fs::remove_file(&path).unwrap();
        }
    }
}
