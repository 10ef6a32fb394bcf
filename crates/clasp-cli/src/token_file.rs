//! The file of tokens that relays load: read whole, replaced whole, changed by one process at a time.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use clasp_auth::private_file;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use thiserror::Error;

/// Why there are no tokens.
#[derive(Debug, Error)]
pub(crate) enum TokenFileError {
    #[error("there is no configuration folder to keep tokens in: give --file, or set HOME")]
    NoFolder,
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} has more than {FILE_BYTES_MAX} bytes: is it a file of tokens?", path.display())]
    TooLarge { path: PathBuf },
    #[error("{} is not a file of tokens: {source}", path.display())]
    Content {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// All tokens. Members that are not known are kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct TokenFile {
    #[serde(default)]
    pub(crate) tokens: BTreeMap<String, Record>,
    #[serde(flatten)]
    rest: Map<String, Json>,
}

/// One token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    pub(crate) scopes: Vec<String>,
    /// Seconds since 1970; nothing is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<u64>,
    pub(crate) created_at: u64,
    #[serde(flatten)]
    pub(crate) rest: Map<String, Json>,
}

impl Record {
    pub(crate) fn is_expired(&self, now_s: u64) -> bool {
        self.expires_at.is_some_and(|at_s| now_s > at_s)
    }
}

impl TokenFile {
    /// The tokens in this file; none if there is no file.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenFileError> {
        let bytes = match private_file::read_bounded(path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                let path = path.to_owned();
                return Err(TokenFileError::Read { path, source });
            }
        };
        let path = path.to_owned();
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(TokenFileError::TooLarge { path });
        }
        serde_json::from_slice(&bytes).map_err(|source| TokenFileError::Content { path, source })
    }

    /// Reads the file, applies a change and writes it, while no other process does the same. What
    /// the change fails with leaves the file as it was.
    pub(crate) fn change<T, E: From<TokenFileError>>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let failed = |source| TokenFileError::Write {
            path: path.to_owned(),
            source,
        };
        let lock = lock(path).map_err(failed)?;
        let mut tokens = Self::read(path)?;
        let changed = change(&mut tokens)?;
        let text = format!(
            "{:#}\n",
            tokens.to_json().map_err(io::Error::from).map_err(failed)?
        );
        private_file::replace(path, text.as_bytes()).map_err(failed)?;
        drop(lock);
        Ok(changed)
    }

    fn to_json(&self) -> serde_json::Result<Json> {
        serde_json::to_value(self)
    }
}

/// Where tokens are kept unless somebody says: in the folder for configurations of the user.
pub(crate) fn default_path() -> Result<PathBuf, TokenFileError> {
    let folder = configuration_folder().filter(|it| it.is_absolute());
    let folder = folder.ok_or(TokenFileError::NoFolder)?;
    Ok(folder.join("clasp").join("tokens.json"))
}

fn configuration_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    if cfg!(windows) {
        return variable("APPDATA");
    }
    if cfg!(target_os = "macos") {
        return Some(std::env::home_dir()?.join("Library/Application Support"));
    }
    let configured = variable("XDG_CONFIG_HOME").filter(|it| it.is_absolute());
    configured.or_else(|| Some(std::env::home_dir()?.join(".config")))
}

/// Held until it is dropped. It is a file beside, since the one with the tokens is replaced.
fn lock(path: &Path) -> io::Result<File> {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    if let Some(parent) = parent {
        let mut builder = DirBuilder::new();
        private(&mut builder);
        builder.recursive(true).create(parent)?;
    }
    let mut name = OsString::from(path);
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    private_file_mode(&mut options);
    let file = options.open(name)?;
    file.lock()?;
    Ok(file)
}

#[cfg(unix)]
fn private(builder: &mut DirBuilder) {
    use std::os::unix::fs::DirBuilderExt as _;
    builder.mode(0o700);
}

#[cfg(not(unix))]
fn private(_: &mut DirBuilder) {}

#[cfg(unix)]
fn private_file_mode(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private_file_mode(_: &mut OpenOptions) {}

/// Some ten thousand tokens.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
