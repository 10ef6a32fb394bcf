//! Why the journal cannot be used, by who is at fault.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::encoding::Broken;
use crate::database::Kind;
use crate::error::StoreError;

/// What went wrong with a journal.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file cannot be opened, is in use, is no whole database, or is of a version to come.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is a journal, and not what was written.
    #[error(
        "the journal {path} is damaged: {fault}: see all of it with `clasp journal verify {path}`, then put a backup in its place, or move it away to begin a new one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found first.
        fault: Fault,
    },
    /// It was written by CLASP 4.5.
    #[error(
        "{path} is a journal of CLASP 4.5, which stays as it is: copy it into a new one with `clasp journal import {path} --into <new file>`"
    )]
    Published {
        /// The file.
        path: PathBuf,
    },
    /// Likewise, and it has a snapshot, without which its entries are not the state.
    #[error(
        "{path} is a journal of CLASP 4.5 and holds a snapshot, which cannot be taken over: let a relay of 4.5 write its params with --persist, and start with that file"
    )]
    PublishedSnapshot {
        /// The file.
        path: PathBuf,
    },
    /// A file beside it cannot be read or written.
    #[error("cannot use {path}: let this user read and write it and its folder")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is a file where a new one was to be made.
    #[error("{path} exists: name a new file")]
    Exists {
        /// Which one.
        path: PathBuf,
    },
    /// A line of an export.
    #[error("line {line} of the export is not as it was written: {reason}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: BadLine,
    },
    /// A row of a journal of CLASP 4.5.
    #[error("entry {sequence} of the journal of CLASP 4.5 makes no sense: {reason}")]
    BadEntry {
        /// Its number.
        sequence: i64,
        /// What is wrong with it.
        reason: BadEntry,
    },
    /// Its relay has compacted it while another process read it.
    #[error(
        "records {first} to {last} were removed while the journal was read: begin again, or read a backup"
    )]
    Removed {
        /// The first that was still to be read.
        first: u64,
        /// The last that is gone.
        last: u64,
    },
    /// There is no room for a new file.
    #[error("the disk is full: make room, or name a file on another one")]
    Full,
    /// What is exported cannot be written.
    #[error("cannot write the export: {0}")]
    Write(#[source] io::Error),
    /// The disk has failed to write: nothing after that is believed.
    #[error(
        "the journal has failed: its disk did not keep what was written; mend the disk, then start again"
    )]
    Failed,
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
    /// It is kept in memory, and has no file.
    #[error("the journal is kept in memory, and this needs a file: start with --journal <file>")]
    NoFile,
}

impl JournalError {
    /// The same of a journal that was to be opened.
    pub(super) fn at(self, path: &Path) -> Self {
        let error = match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                StoreError::NoRoom
            }
            Self::Store(error) => error,
            error => return error,
        };
        Self::Store(error.at(Kind::Journal, path))
    }
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What is wrong with a journal, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// SQLite finds its file inconsistent.
    #[error("{found}")]
    File {
        /// What it says.
        found: String,
    },
    /// The row that says where it begins is not there or not as it was written.
    #[error("the row that says where its records begin is not as it was written")]
    Origin,
    /// The file beside it is not there, or not as it was written.
    #[error(
        "the file beside it with -durable at the end of its name is not there or not as it was written; it belongs to it as that with -wal does"
    )]
    Watermark,
    /// It ends before what was acknowledged.
    #[error("it ends at {found}, expected at least {expected}, which was acknowledged")]
    Short {
        /// What was acknowledged.
        expected: u64,
        /// Its last record.
        found: u64,
    },
    /// Records are not there.
    #[error("expected the record after {after}, found one that begins with {found}")]
    Gap {
        /// What was there.
        after: u64,
        /// What came next.
        found: u64,
    },
    /// Bytes of records are not as they were written.
    #[error("the batch of {first} to {last} is broken behind {after}: {reason}")]
    Records {
        /// What its row says of its start.
        first: u64,
        /// What its row says of its end.
        last: u64,
        /// The last sequence number that could be read.
        after: u64,
        /// What is wrong with it.
        reason: Broken,
    },
    /// The summary of a batch is not as it was written, or not there.
    #[error("the summary of the batch that ends with {last} is not as it was written")]
    Summary {
        /// The batch.
        last: u64,
    },
    /// A snapshot is not as it was written.
    #[error("the snapshot of {sequence} is not as it was written")]
    Snapshot {
        /// The sequence number that it speaks of.
        sequence: u64,
    },
}

/// What is wrong with a line of an export.
#[derive(Debug, Error)]
pub enum BadLine {
    /// It is no JSON, or lacks something.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is no hexadecimal text where one has to be.
    #[error("expected pairs of hexadecimal digits")]
    Hex,
    /// There is no such signal.
    #[error("expected param, event, stream, gesture or timeline")]
    Signal,
    /// It is not the line that has to come now.
    #[error("expected the header first, and at the end the number of records")]
    Order,
    /// It is of a version to come.
    #[error("expected version {expected} of the format, found {found}")]
    Version {
        /// Ours.
        expected: u64,
        /// Its own.
        found: u64,
    },
    /// A sequence number is missing, or was there already.
    #[error("expected the record that begins with {expected}, found {found}")]
    Sequence {
        /// What has to come now.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The line cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
}

/// What is wrong with an entry of a journal of CLASP 4.5.
#[derive(Debug, Error)]
pub enum BadEntry {
    /// Its value is no JSON.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Its number or its time is below zero.
    #[error("a number is below zero")]
    Negative,
    /// It is neither SET nor PUBLISH.
    #[error("expected message type 33 or 32, found {0}")]
    Message(i64),
    /// What it says cannot be sent.
    #[error("{0}")]
    Encode(#[from] clasp_proto::EncodeError),
    /// Likewise.
    #[error("{0}")]
    Decode(#[from] clasp_proto::DecodeError),
    /// Its address is none.
    #[error("{0}")]
    Address(#[from] clasp_proto::AddressError),
    /// A SET without a revision, or with one before the first.
    #[error("expected a revision of at least 1, found {}", .0.map_or("none".to_owned(), |found| found.to_string()))]
    Revision(Option<i64>),
}

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The disk has failed before.
    #[error("the journal has failed, and takes no more")]
    Failed,
    /// The journal is closing.
    #[error("the journal is closed")]
    Closed,
    /// It does not follow the record before it.
    #[error("expected a record that begins with {expected}, found {found}")]
    OutOfOrder {
        /// What has to come now.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Nothing is in it.
    #[error("expected a record with at least one write")]
    Empty,
}
