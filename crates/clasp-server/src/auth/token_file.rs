//! Token files: tokens as `clasp token` writes them, read for a server.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clasp_auth::TokenDigest;
use clasp_proto::{Principal, ScopeError, Scopes};
use serde::Deserialize;
use thiserror::Error;

use super::identity::scoped;
use super::secret_file::{self, SecretFileError};
use crate::limits::{FILE_TOKEN_CHARS_MIN, TOKEN_FILE_BYTES_MAX};

/// Why a file of tokens is not used.
#[derive(Debug, Error)]
pub enum TokenFileError {
    /// The file cannot be used.
    #[error("--token-file: {0}")]
    File(SecretFileError),
    /// There is none.
    #[error("--token-file: there is no {path}: make it with clasp token create --file {path}")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It is not what `clasp token` writes. Where it goes wrong is told without what is there.
    #[error(
        "--token-file: {path} is no file of tokens at line {line}, column {column}: expected what clasp token create writes"
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        line: usize,
        /// Where on that line.
        column: usize,
    },
    /// A token that could be guessed, or not be sent.
    #[error(
        "--token-file: token {number} of {path} has {found} characters: expected at least {FILE_TOKEN_CHARS_MIN}, without spaces"
    )]
    Token {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        number: usize,
        /// How long it is.
        found: usize,
    },
    /// A scope of a token is none.
    #[error("--token-file: token {number} of {path}: {error}")]
    Scope {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        number: usize,
        /// What is wrong.
        error: ScopeError,
    },
}

/// What is wrong with the file is in the text already, and not told again as its cause.
impl From<SecretFileError> for TokenFileError {
    fn from(error: SecretFileError) -> Self {
        Self::File(error)
    }
}

/// Whose tokens are in files, by their digests.
pub(super) type Listed = HashMap<TokenDigest, Arc<Principal>>;

/// The file as it is written. What else is in it does not matter here.
#[derive(Deserialize)]
struct Content {
    tokens: BTreeMap<String, Record>,
}

#[derive(Deserialize)]
struct Record {
    subject: Option<String>,
    scopes: Vec<String>,
    expires_at: Option<u64>,
}

/// The tokens of a file.
pub(super) fn read(path: &Path, strict_read: bool) -> Result<Listed, TokenFileError> {
    let bytes = secret_file::read(path, TOKEN_FILE_BYTES_MAX)?;
    let bytes = bytes.ok_or_else(|| TokenFileError::Missing {
        path: path.to_owned(),
    })?;
    parse(path, &bytes, strict_read)
}

/// The tokens of all files together.
pub(super) fn together<'a>(files: impl IntoIterator<Item = &'a Listed>) -> Listed {
    let tokens = files.into_iter().flatten();
    let tokens = tokens.map(|(digest, principal)| (*digest, Arc::clone(principal)));
    tokens.collect()
}

fn parse(path: &Path, bytes: &[u8], strict_read: bool) -> Result<Listed, TokenFileError> {
    let content = serde_json::from_slice(bytes);
    // What serde says of an error quotes the file.
    let content: Content = content.map_err(|error| TokenFileError::Shape {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    })?;
    let mut listed = Listed::new();
    for (index, (token, record)) in content.tokens.iter().enumerate() {
        let number = index + 1;
        let found = token.chars().count();
        if found < FILE_TOKEN_CHARS_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let path = path.to_owned();
            return Err(TokenFileError::Token {
                path,
                number,
                found,
            });
        }
        let scopes = record.scopes.iter().map(String::as_str);
        let scopes = Scopes::parse_each(scopes).map_err(|error| TokenFileError::Scope {
            path: path.to_owned(),
            number,
            error,
        })?;
        let subject = record.subject.as_deref();
        let principal = scoped(subject, scopes, record.expires_at, strict_read);
        listed.insert(TokenDigest::of(token), Arc::new(principal));
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use clasp_proto::Action;

    use super::*;

    const TOKEN: &str = "cpsk_0123456789abcdef0123456789abcdef";

    fn read(content: &str) -> Result<Listed, TokenFileError> {
        parse(Path::new("tokens.json"), content.as_bytes(), false)
    }

    #[test]
    fn what_the_command_writes_is_read() {
        let content = format!(
            r#"{{"tokens":{{"{TOKEN}":{{"token":"{TOKEN}","subject":"lamp","scopes":["read:/a/**","w:/b"],
            "expires_at":1700000000,"created_at":1600000000,"metadata":{{"x":1}}}}}}}}"#
        );
        let listed = read(&content).unwrap();
        let principal = &listed[&TokenDigest::of(TOKEN)];
        assert_eq!(principal.subject.as_deref(), Some("lamp"));
        assert_eq!(principal.expires_at, Some(1_700_000_000));
        assert!(principal.may(Action::Write, "/b") && !principal.may(Action::Write, "/a/1"));
        assert!(read(r#"{"tokens":{}}"#).unwrap().is_empty());
    }

    #[test]
    fn what_is_none_is_refused_without_a_word_of_it() {
        let deep = "[".repeat(100_000);
        let file = |token: &str, scopes: &str| {
            format!(r#"{{"tokens":{{"{token}":{{"scopes":{scopes},"created_at":1}}}}}}"#)
        };
        for (content, expected) in [
            ("", "at line 1"),
            (
                r#"{"tokens":{"cpsk_0123456789abcdef0"#,
                "at line 1, column 34",
            ),
            (r#"{"tokens":{"cpsk_0123":5}}"#, "at line 1"),
            (&deep, "at line 1"),
            (
                &file("cpsk_0123", "[]"),
                "token 1 of tokens.json has 9 characters",
            ),
            (&file(TOKEN, "[\"see:/a\"]"), "token 1 of tokens.json: "),
            (&file(TOKEN, "\"read:/a\""), "at line 1"),
        ] {
            let refused = read(content).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
            assert!(!refused.contains("cpsk_0123"), "{refused}");
        }
    }
}
