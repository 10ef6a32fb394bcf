//! Why a journal does not lead back to a state.

use std::path::PathBuf;

use clasp_router::RestoreError;
use clasp_store::journal::JournalError;
use thiserror::Error;

use super::snapshot::Damage;

/// What is wrong with the journal of the last run.
#[derive(Debug, Error)]
pub enum RecoveryError {
    /// It cannot be used at all.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its snapshot is no state.
    #[error("the snapshot in the journal {path} is damaged: {damage}: {HINT}")]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// It was written by a version to come.
    #[error(
        "the snapshot in the journal {path} has format {found}, which this version does not read: start the version that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// A record is no write.
    #[error("record {sequence} of the journal {path} is no write: {HINT}")]
    Record {
        /// The file.
        path: PathBuf,
        /// The number of its last write.
        sequence: u64,
    },
    /// What it adds up to is no state.
    #[error("the journal {path} adds up to no state: {cause}: {HINT}")]
    State {
        /// The file.
        path: PathBuf,
        /// What was found first.
        cause: RestoreError,
    },
}

const HINT: &str = "put a backup in its place, or move it away to begin a new one";
