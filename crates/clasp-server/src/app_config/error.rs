//! What is wrong with the rules of an application, each problem with its place in the file.

use std::io;
use std::path::PathBuf;

use clasp_proto::{AddressError, PatternError, ScopeError};
use thiserror::Error;

use crate::limits::APP_CONFIG_BYTES_MAX;

/// Why the rules of an application cannot be used. One problem each; a file may have several.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AppConfigError {
    /// A folder where a file is looked for is there, and the system does not show it.
    #[error(
        "cannot look for rules of the application in {folder}: {kind}: \
         let this user read it, or name the file with --app-config"
    )]
    List {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// The system does not give the file out.
    #[error("--app-config {path}: {kind}: expected a file that this user may read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// The file is not what somebody wrote by hand.
    #[error("--app-config {path}: expected at most {APP_CONFIG_BYTES_MAX} bytes, found more")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Something in the file.
    #[error("--app-config {path}: {finding}")]
    Finding {
        /// The file.
        path: PathBuf,
        /// What and where.
        finding: Finding,
    },
}

/// Something at a place of the file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {fault}")]
pub struct Finding {
    /// The way to it, such as `write_rules[3].checks[0].lookup`.
    pub place: String,
    /// What it is.
    pub fault: Fault,
}

/// What is wrong with a member of the file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The text is no JSON.
    #[error("expected JSON: {0}")]
    Json(String),
    /// The file is no text.
    #[error("expected UTF-8")]
    Encoding,
    /// An object has two members of this name.
    #[error("expected each member once, found it twice")]
    Twice,
    /// Another kind of value, or another word.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What it takes.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A list or a text is too long.
    #[error("expected at most {max} {unit}, found {found}")]
    TooMany {
        /// The bound.
        max: usize,
        /// Of what.
        unit: &'static str,
        /// What is there.
        found: usize,
    },
    /// A path that no address can match.
    #[error("{0}")]
    Path(#[from] PatternError),
    /// A template that becomes no address, whatever it is filled with.
    #[error("{0}")]
    Lookup(#[from] AddressError),
    /// A scope that nobody could be given.
    #[error("{error}, in {found}")]
    Scope {
        /// Why not.
        error: ScopeError,
        /// The text.
        found: String,
    },
    /// A name that the path does not bind.
    #[error("expected a capture of the path ({bound}), found {found}")]
    Unbound {
        /// The captures that there are.
        bound: String,
        /// The name.
        found: String,
    },
    /// Two segments of a path with one name.
    #[error("expected each capture once, found {{{0}}} twice")]
    BoundTwice(String),
    /// Nothing reads this member.
    #[error("is no member that the relay knows, and is ignored")]
    Unknown,
    /// No session will ever be let through.
    #[error("{{{0}}} is no capture of the path: nobody can pass this check")]
    Impassable(String),
    /// A word for visibility that nobody knows.
    #[error(
        "expected true, false, \"owner\" or \"require_state_not_null\", found {0}: \
         what matches is hidden from everybody"
    )]
    Hidden(String),
    /// A rule that is never asked, since one before it matches all that it matches.
    #[error("is never asked: {0} comes first and matches the same addresses")]
    Unreachable(String),
    /// A capture that templates cannot name.
    #[error("{{session}} is a capture here: in templates of this rule it is who writes or reads")]
    SessionBound,
    /// Braces that nothing is put into.
    #[error("only {{userId}} is filled in; the rest of {0} is taken as it is")]
    Unfilled(String),
}
