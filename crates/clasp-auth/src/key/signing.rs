//! The secret half of a key pair, and the file it is kept in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use data_encoding::HEXLOWER;
use ed25519_dalek::Signer;

use super::{PublicKey, hex_bytes};
use crate::limits::KEY_FILE_BYTES_MAX;
use crate::private_file;

/// A signing key could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The operating system gave no random bytes.
    #[error("no random bytes for a key: {0}; look at the operating system's random source")]
    Random(#[from] getrandom::Error),
    /// The file could not be read.
    #[error("cannot read the key file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file has something else.
    #[error(
        "Key file must contain 64 hex characters (32-byte Ed25519 signing key), \
         found {found} bytes in {}", path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// Bytes without the white space around them.
        found: usize,
    },
    /// There is a file already, and it may be a key that is needed.
    #[error("{} is there already; move it away, choose another name, or replace it with --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A key that signs. It is never printed, and its memory is cleared when it is dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key from the operating system's random source.
    pub fn generate() -> Result<Self, SigningKeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of this seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The key of this seed in 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        hex_bytes(text).map(|seed| Self::from_seed(&seed))
    }

    /// The key in this file: its seed in 64 hexadecimal digits, with white space around them.
    pub fn read(path: &Path) -> Result<Self, SigningKeyError> {
        let content = private_file::read_bounded(path, KEY_FILE_BYTES_MAX);
        let content = content.map_err(|source| SigningKeyError::Read {
            path: path.to_owned(),
            source,
        })?;
        let content = content.trim_ascii();
        let key = str::from_utf8(content).ok().and_then(Self::from_hex);
        key.ok_or_else(|| SigningKeyError::Content {
            path: path.to_owned(),
            found: content.len(),
        })
    }

    /// Writes the seed to a new file that only its owner may read, and the public key beside it
    /// to `<path>.pub`. Files that are there are replaced only if `force` is set.
    pub fn write_new(&self, path: &Path, force: bool) -> Result<(), SigningKeyError> {
        let pair = Pair {
            secret: &self.to_hex(),
            public: &self.public().hex(),
        };
        pair.write_new(path, force)
    }

    /// Its seed in 64 hexadecimal digits: the secret itself.
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(self.0.as_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The signature of this message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey of {:?}", self.public())
    }
}

/// Both halves of a key pair of any kind, as they are written to files.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// For the file that only its owner may read.
    pub secret: &'a str,
    /// For the file beside it.
    pub public: &'a str,
}

impl Pair<'_> {
    /// Writes both files, as [`SigningKey::write_new`] does.
    pub fn write_new(&self, path: &Path, force: bool) -> Result<(), SigningKeyError> {
        let public = public_path(path);
        if !force && let Some(path) = [path, &public].into_iter().find(|it| it.exists()) {
            let path = path.to_owned();
            return Err(SigningKeyError::Exists { path });
        }
        let secret = self.secret.as_bytes();
        let written = match force {
            true => private_file::replace(path, secret),
            false => private_file::create(path, secret),
        };
        written.map_err(|source| write_error(path, source))?;
        let line = format!("{}\n", self.public);
        let written = private_file::replace_public(&public, line.as_bytes());
        written.map_err(|source| write_error(&public, source))
    }
}

/// The file beside a key file that has its public half.
pub fn public_path(path: &Path) -> PathBuf {
    let mut public = OsString::from(path);
    public.push(".pub");
    PathBuf::from(public)
}

fn write_error(path: &Path, source: io::Error) -> SigningKeyError {
    let path = path.to_owned();
    match source.kind() {
        // Somebody was faster.
        io::ErrorKind::AlreadyExists => SigningKeyError::Exists { path },
        _ => SigningKeyError::Write { path, source },
    }
}
