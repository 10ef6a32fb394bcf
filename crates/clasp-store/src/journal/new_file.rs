//! A journal that is made aside, and gets its name when it is whole and on the disk.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use rusqlite::{Connection, OpenFlags};

use super::compaction::{Compaction, Snapshot};
use super::encoding::Chunk;
use super::error::JournalError;
use super::failpoints::{self, Point};
use super::file::{Durability, JournalFile, Trouble};
use super::record::Record;
use crate::database::{beside, create_private, sync_folder, with_ending};
use crate::limits::CHUNK_BYTES;

/// Files aside, which are gone when this is dropped.
#[derive(Debug)]
pub(super) struct Aside {
    place: PathBuf,
    to: PathBuf,
}

impl Aside {
    /// For a file that is not there yet.
    pub(super) fn of(to: &Path) -> Result<Self, JournalError> {
        if to.symlink_metadata().is_ok() {
            let path = to.to_owned();
            return Err(JournalError::Exists { path });
        }
        // Of this one alone: whatever has another name belongs to somebody else.
        let number = RandomState::new().build_hasher().finish();
        let ending = format!("{}-{number:016x}.copy", std::process::id());
        Ok(Self {
            place: beside(to, &ending),
            to: to.to_owned(),
        })
    }

    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Makes an empty file that nobody else reads.
    pub(super) fn create(&self) -> Result<File, JournalError> {
        create_private(&self.place).map_err(|source| self.io(source))
    }

    /// Makes an empty database, likewise.
    pub(super) fn create_database(&self) -> Result<Connection, JournalError> {
        self.create()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Connection::open_with_flags(&self.place, flags)?)
    }

    /// Gives it its name. Whatever wrote it is closed.
    pub(super) fn finish(self) -> Result<(), JournalError> {
        let synced = File::open(&self.place).and_then(|file| file.sync_all());
        synced.map_err(|source| self.io(source))?;
        failpoints::check(Point::Migration)?;
        // A hard link does not take the place of a file that came meanwhile.
        let named = fs::hard_link(&self.place, &self.to);
        let named = named.or_else(|error| self.rename(error));
        named.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => self.exists(),
            _ => self.io(source),
        })?;
        sync_folder(&self.to).map_err(|source| self.io(source))
    }

    /// Where the disk knows no hard links.
    fn rename(&self, error: io::Error) -> io::Result<()> {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return Err(error);
        }
        fs::rename(&self.place, &self.to)
    }

    fn exists(&self) -> JournalError {
        let path = self.to.clone();
        JournalError::Exists { path }
    }

    pub(super) fn io(&self, source: io::Error) -> JournalError {
        JournalError::Io {
            path: self.to.clone(),
            source,
        }
    }

    fn remove(&self) {
        for ending in [
            "",
            "-wal",
            "-shm",
            "-journal",
            "-durable",
            "-durable.new",
            ".lock",
            ".new",
        ] {
            // What is not there need not be removed; the rest is found by whoever makes it again.
            let _ = fs::remove_file(with_ending(&self.place, ending));
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Writes a new journal from beginning to end.
pub(super) struct NewFile {
    aside: Aside,
    file: JournalFile,
    chunk: Chunk,
}

impl NewFile {
    /// The records will begin after `floor`, if it is known before them.
    pub(super) fn create(to: &Path, floor: Option<u64>) -> Result<Self, JournalError> {
        let aside = Aside::of(to)?;
        let mut file = JournalFile::open(aside.place(), Durability::Os, Arc::default())?;
        if let Some(floor) = floor {
            file.begin_after(floor)?;
        }
        Ok(Self {
            aside,
            file,
            chunk: Chunk::default(),
        })
    }

    pub(super) fn push(&mut self, record: &Record<'_>) -> Result<(), JournalError> {
        self.chunk.push(record);
        if self.chunk.bytes.len() < CHUNK_BYTES {
            return Ok(());
        }
        self.commit()
    }

    pub(super) fn snapshot(&mut self, snapshot: Snapshot) -> Result<(), JournalError> {
        let (reply, _done) = sync_channel(1);
        let mut compaction = Compaction::new(snapshot, 0, reply);
        while !compaction.is_done() {
            self.file
                .commit(&[], Some(&mut compaction))
                .map_err(failed)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), JournalError> {
        self.commit()?;
        self.file.close().map_err(failed)?;
        self.aside.finish()
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        if !self.chunk.is_empty() {
            self.file
                .commit(std::slice::from_ref(&self.chunk), None)
                .map_err(failed)?;
            self.file.checkpoint(false).map_err(failed)?;
            self.chunk.clear();
        }
        Ok(())
    }
}

fn failed(trouble: Trouble) -> JournalError {
    match trouble {
        Trouble::Later(_) => JournalError::Full,
        Trouble::Failed(error) => error,
    }
}
