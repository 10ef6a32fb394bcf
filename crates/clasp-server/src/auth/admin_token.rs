//! The admin token: what whoever runs the server shows to be told apart from everybody else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clasp_auth::{TokenDigest, cpsk, private_file};
use thiserror::Error;

use super::secret_file::{self, SecretFileError};
use crate::limits::{ADMIN_TOKEN_BYTES_MAX, FILE_TOKEN_CHARS_MIN};

/// Why there is no admin token.
#[derive(Debug, Error)]
pub enum AdminTokenError {
    /// Its file cannot be used.
    #[error("--admin-token: {0}")]
    File(SecretFileError),
    /// Something else is in it.
    #[error(
        "--admin-token: {path} holds {found} characters: expected one token of at least {FILE_TOKEN_CHARS_MIN}, without spaces in it; remove the file and one is made"
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// How long what is in it is.
        found: usize,
    },
}

/// What is wrong with the file is in the text already, and not told again as its cause.
impl From<SecretFileError> for AdminTokenError {
    fn from(error: SecretFileError) -> Self {
        Self::File(error)
    }
}

/// The digest of the token in this file. If there is no file, it is made, with a new token in it.
pub(super) fn read_or_make(path: &Path) -> Result<TokenDigest, AdminTokenError> {
    if let Some(bytes) = secret_file::read(path, ADMIN_TOKEN_BYTES_MAX)? {
        return parse(path, &bytes);
    }
    let token = cpsk::generate();
    make(path, &token).map_err(|error| SecretFileError::Make {
        path: path.to_owned(),
        error,
    })?;
    tracing::info!("made an admin token in {}", path.display());
    Ok(TokenDigest::of(&token))
}

fn parse(path: &Path, bytes: &[u8]) -> Result<TokenDigest, AdminTokenError> {
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim();
    let found = text.chars().count();
    let is_one = text.bytes().all(|byte| byte.is_ascii_graphic());
    if found < FILE_TOKEN_CHARS_MIN || !is_one {
        let path = path.to_owned();
        return Err(AdminTokenError::Form { path, found });
    }
    Ok(TokenDigest::of(text))
}

fn make(path: &Path, token: &str) -> io::Result<()> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder)?;
    }
    private_file::create(path, token.as_bytes())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(path: &Path, content: &str, mode: u32) {
        fs::write(path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_token_is_made_once_and_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("admin.token");
        let made = read_or_make(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("cpsk_") && text.len() == 37, "{text}");
        assert_eq!(TokenDigest::of(&text), made);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(read_or_make(&path).unwrap(), made, "the second start");
    }

    #[test]
    fn what_openssl_makes_is_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.token");
        let text = "0123456789abcdef0123456789abcdef";
        write(&path, &format!(" {text}\n"), 0o400);
        assert_eq!(read_or_make(&path).unwrap(), TokenDigest::of(text));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.token");
        let long = "a".repeat(5000);
        for (content, mode, expected) in [
            ("", 0o600, "is empty"),
            ("\n", 0o600, "holds 0 characters"),
            ("cpsk_0123", 0o600, "holds 9 characters"),
            (
                "0123456789abcdef0123456789abcde",
                0o600,
                "holds 31 characters",
            ),
            ("0123456789abcdef 0123456789abcdef", 0o600, "without spaces"),
            (&long, 0o600, "more than 4096 bytes"),
            ("0123456789abcdef0123456789abcdef", 0o640, "chmod 600"),
            ("0123456789abcdef0123456789abcdef", 0o604, "chmod 600"),
        ] {
            write(&path, content, mode);
            let refused = read_or_make(&path).unwrap_err().to_string();
            assert!(refused.starts_with("--admin-token: "), "{refused}");
            assert!(refused.contains(expected), "{refused}");
            assert!(content.len() < 9 || !refused.contains(content), "{refused}");
            fs::remove_file(&path).unwrap();
        }
        let refused = read_or_make(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("is no file"), "{refused}");
    }
}
