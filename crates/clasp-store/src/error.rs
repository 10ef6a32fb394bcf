//! Why a database cannot be used, by who is at fault.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};
use thiserror::Error;

use crate::database::Kind;

/// What went wrong with a database.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another server has it.
    #[error("the {kind} {path} is in use by {holder}: stop that, or give another file with {}", kind.flag())]
    InUse {
        /// What it is for.
        kind: Kind,
        /// The file.
        path: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// The system does not give it out, or does not let it be made.
    #[error(
        "cannot open the {kind} {path}: let this user read and write it and its folder, or give another file with {}",
        kind.flag()
    )]
    Open {
        /// What it is for.
        kind: Kind,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "the {kind} {path} is damaged: {damage}: put a copy of it in its place, or move it away to begin a new one"
    )]
    Damaged {
        /// What it is for.
        kind: Kind,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The file is whole, and of a version to come.
    #[error(
        "the {kind} {path} has version {found}, expected at most {expected}: start the version that wrote it, or give another file with {}",
        kind.flag()
    )]
    Newer {
        /// What it is for.
        kind: Kind,
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        expected: i64,
    },
    /// A database, of something else.
    #[error("{path} is no {kind}: give another file with {}", kind.flag())]
    Foreign {
        /// What was expected.
        kind: Kind,
        /// The file.
        path: PathBuf,
    },
    /// There is no room on its disk, which keeps it from being opened.
    #[error(
        "there is no room on the disk of the {kind} {path}: make some, or give another file with {}",
        kind.flag()
    )]
    NoRoomToOpen {
        /// What it is for.
        kind: Kind,
        /// The file.
        path: PathBuf,
    },
    /// There is no room on its disk. Nothing was changed.
    #[error("there is no room on the disk of the database: make some")]
    NoRoom,
    /// The database could not do what it was asked, for want of a working disk in most cases.
    #[error("the database does not work: {0}")]
    Database(rusqlite::Error),
    /// A row that this program would not have written.
    #[error("the database has a row that makes no sense: {0}")]
    Row(serde_json::Error),
    /// A row that was changed by something else than this program.
    #[error("a row of {table} is not as it was written: put a copy of the database in its place")]
    BrokenRow {
        /// Its table.
        table: &'static str,
    },
    /// There is room for no more.
    #[error("expected at most {max} {things}, and there are as many")]
    Full {
        /// Of what.
        things: &'static str,
        /// How many are kept.
        max: usize,
    },
}

impl StoreError {
    /// The same of a file that was to be opened.
    pub(crate) fn at(self, kind: Kind, path: &Path) -> Self {
        let is_full = match &self {
            Self::NoRoom => true,
            Self::Open { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            _ => false,
        };
        match is_full {
            true => Self::NoRoomToOpen {
                kind,
                path: path.to_owned(),
            },
            false => self,
        }
    }
}

/// What SQLite says is in the text already, and not told again as its cause.
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match is_full(&error) {
            true => Self::NoRoom,
            false => Self::Database(error),
        }
    }
}

/// Also where the index of the log cannot grow: SQLite then has not begun to write.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || extended == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Row(error)
    }
}

/// What is wrong with a file.
#[derive(Debug, Error)]
pub enum Damage {
    /// Nothing is in it, which no server leaves.
    #[error("it is empty")]
    Empty,
    /// The log of changes is there, and not what they belong to.
    #[error("only its log is there, with -wal at the end of its name")]
    LogAlone,
    /// It is no database.
    #[error("it is no database")]
    NoDatabase,
    /// Something has changed a row of it.
    #[error("a row of {table} is not as it was written")]
    Row {
        /// Its table.
        table: &'static str,
    },
    /// It is a database, and not whole.
    #[error("{found}")]
    Inconsistent {
        /// What SQLite says of it.
        found: String,
    },
}
