//! Why a snapshot cannot be used, by who has to do something about it.

use std::io;
use std::path::PathBuf;

use clasp_proto::EncodeError;
use clasp_router::RestoreError;
use thiserror::Error;

use super::format::VERSION;

/// Why a server with a snapshot file did not start.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The path is not that of a file that could be there.
    #[error("--persist {path}: expected the path of a file in a folder that exists")]
    Path {
        /// As given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another server has it.
    #[error(
        "the snapshot {path} is in use by {holder}: stop that, or give another file with --persist"
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// The file is there, and the system does not give it out.
    #[error(
        "cannot read the snapshot {path}: let this user read it, or give another file with --persist"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "the snapshot {path} is damaged: {damage}: put a copy of it in its place, \
         or start empty with --persist-discard-corrupt"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The file is whole, and of a version to come.
    #[error(
        "the snapshot {path} has format {found}, expected at most {VERSION}: \
         start the version that wrote it, or give another file with --persist"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// There could be no snapshots from now on.
    #[error(
        "cannot write {path}: let this user write to its folder, or give another file with --persist"
    )]
    Write {
        /// The file that could not be made.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with the content of a snapshot.
#[derive(Debug, Error)]
pub enum Damage {
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// It does not end as a snapshot does.
    #[error("its end is missing")]
    Cut,
    /// It has changed since it was written.
    #[error("its checksum is not that of its content")]
    Checksum,
    /// It is neither a snapshot of ours nor one of CLASP 4.5.
    #[error("it is no snapshot: {0}")]
    Shape(#[from] serde_json::Error),
    /// A value that the protocol cannot carry.
    #[error("{address}: {cause}")]
    Value {
        /// Where it is.
        address: String,
        /// What is wrong with it.
        cause: EncodeError,
    },
    /// The encoded form of a value that is none.
    #[error("{address}: expected an encoded value in base64")]
    Encoded {
        /// Where it is.
        address: String,
    },
    /// A param that no router could have.
    #[error(transparent)]
    Param(#[from] RestoreError),
}
