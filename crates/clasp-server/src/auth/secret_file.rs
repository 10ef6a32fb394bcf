//! Files with secrets: read only if nobody else could have read them.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use clasp_auth::private_file;
use thiserror::Error;

/// Why a file with a secret is not used.
#[derive(Debug, Error)]
pub enum SecretFileError {
    /// The system does not give it out.
    #[error("cannot read {path}: {error}: let this user read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It could not be made.
    #[error("cannot make {path}: {error}: let this user write to its folder, or give another path")]
    Make {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A folder, a device, a pipe.
    #[error("{path} is no file: give the path of a file")]
    NoFile {
        /// What it is called.
        path: PathBuf,
    },
    /// Others could have read the secret.
    #[error("{path} can be read by other users of this machine: chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// Nothing is in it.
    #[error("{path} is empty: expected a token; remove the file and one is made")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Too much is in it.
    #[error("{path} has more than {bytes_max} bytes, which are no tokens")]
    Long {
        /// The file.
        path: PathBuf,
        /// What it may have.
        bytes_max: u64,
    },
}

/// The bytes of a file that is a file and its owner's; nothing if it is not there.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, SecretFileError> {
    let reading = |error| SecretFileError::Read {
        path: path.to_owned(),
        error,
    };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(reading)?,
    };
    let path = path.to_owned();
    // Asked before it is opened: to open a pipe waits for who writes into it.
    if !metadata.is_file() {
        return Err(SecretFileError::NoFile { path });
    }
    if is_open_to_others(&metadata) {
        return Err(SecretFileError::Open { path });
    }
    let bytes = private_file::read_bounded(&path, bytes_max).map_err(reading)?;
    match bytes.len() as u64 {
        0 => Err(SecretFileError::Empty { path }),
        length if length > bytes_max => Err(SecretFileError::Long { path, bytes_max }),
        _ => Ok(Some(bytes)),
    }
}

#[cfg(unix)]
fn is_open_to_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Metadata) -> bool {
    false
}
