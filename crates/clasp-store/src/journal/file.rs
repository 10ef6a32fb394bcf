//! The journal's file, as its one writer has it: commits, seals batches, and keeps the log short.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, ffi};

use super::batch::{self, Batch, Summary};
use super::checkpoint::{self, Checkpoints};
use super::compaction::Compaction;
use super::encoding::Chunk;
use super::error::{Fault, JournalError};
use super::failpoints::{self, Point};
use super::origin::Origin;
use super::pins::{Held, Pins};
use super::summary::Keys;
use super::verify;
use super::watermark::{self, Watermark};
use crate::database::{Database, Kind, Layout, Migration, move_log_on_close};
use crate::error::{StoreError, is_full};
use crate::limits::{CHUNK_BYTES, LOG_PAGES};

/// When a record counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When the disk has it: it survives a power cut.
    #[default]
    Fsync,
    /// When the system has it: it survives the end of the process.
    Os,
}

/// Why a commit did not happen.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no room, or somebody holds the file: nothing was written, and it can be tried again.
    Later(rusqlite::Error),
    /// What was written may or may not be there. After this nothing that the disk says is believed.
    Failed(JournalError),
}

#[derive(Debug)]
pub(super) struct JournalFile {
    /// Ends before the database is closed and let go of.
    checkpoints: Checkpoints,
    database: Database,
    place: PathBuf,
    durability: Durability,
    watermark: Watermark,
    origin: Origin,
    latest: Option<u64>,
    /// The records that no summary speaks of yet; their rows are small.
    tail: Chunk,
    keys: Keys,
    /// About how many pages the log has.
    log_pages: usize,
    /// The disk has not failed yet.
    is_sound: bool,
    pins: Arc<Pins>,
}

impl JournalFile {
    pub(super) fn open(
        path: &Path,
        durability: Durability,
        pins: Arc<Pins>,
    ) -> Result<Self, JournalError> {
        Self::take(path, durability, pins).map_err(|error| error.at(path))
    }

    fn take(path: &Path, durability: Durability, pins: Arc<Pins>) -> Result<Self, JournalError> {
        let database = Database::open(path, &LAYOUT).map_err(|error| refused(path, error))?;
        let connection = &database.connection;
        let damaged = |fault| JournalError::Damaged {
            path: path.to_owned(),
            fault,
        };
        let judge = |error| judge(path, error);
        let origin = Origin::read(connection).map_err(judge)?;
        let origin = origin.ok_or_else(|| damaged(Fault::Origin))?;
        let latest = batch::last(connection).map_err(judge)?.or(origin.floor);
        if let Some(fault) = verify::rows(connection, &origin)
            .map_err(judge)?
            .into_iter()
            .next()
        {
            return Err(damaged(fault));
        }
        let place = path.canonicalize().map_err(|source| JournalError::Io {
            path: path.to_owned(),
            source,
        })?;
        let noted = watermark::read(&place, origin.identity)?;
        if let Some(fault) = verify::end(&origin, noted, latest.unwrap_or(0)) {
            return Err(damaged(fault));
        }
        if origin.is_open && durability == Durability::Os {
            warn_of_loss(path, noted.unwrap_or(0), latest.unwrap_or(0));
        }
        let tail = read_tail(connection, path)?;
        set_up(connection, durability).map_err(judge)?;
        // What is there is on the disk before it is noted.
        checkpoint::sync_log(&place)?;
        checkpoint::checkpoint(connection).map_err(judge)?;
        let mut file = Self {
            checkpoints: Checkpoints::start(&place)?,
            watermark: Watermark::begin(&place, origin.identity, latest.unwrap_or(0))?,
            database,
            place,
            durability,
            origin,
            latest,
            tail,
            keys: Keys::default(),
            log_pages: 0,
            is_sound: true,
            pins,
        };
        file.begin()?;
        Ok(file)
    }

    /// The file says that there is a note, from when there is one.
    fn begin(&mut self) -> Result<(), JournalError> {
        let connection = &self.database.connection;
        let judge = |error| judge(&self.place, error);
        self.origin.is_open = true;
        self.origin.write(connection).map_err(judge)?;
        checkpoint::checkpoint(connection).map_err(judge)?;
        Ok(())
    }

    pub(super) fn latest(&self) -> Option<u64> {
        self.latest
    }

    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Says where an empty journal begins.
    pub(super) fn begin_after(&mut self, floor: u64) -> rusqlite::Result<()> {
        self.origin.floor = Some(floor);
        self.latest = Some(floor);
        self.origin.write(&self.database.connection)
    }

    /// Makes these records durable, and does a step of a compaction with them: all of it, or nothing.
    pub(super) fn commit(
        &mut self,
        chunks: &[Chunk],
        mut compaction: Option<&mut Compaction>,
    ) -> Result<(), Trouble> {
        let tail = self.tail.clone();
        let pins = Arc::clone(&self.pins);
        let mut held = compaction.is_some().then(|| pins.hold());
        let mark = compaction.as_deref().map(Compaction::mark);
        let written = self.write(chunks, compaction.as_deref_mut().zip(held.as_mut()));
        drop(held);
        match written {
            Ok(origin) => self.origin = origin,
            Err(error) => {
                self.tail = tail;
                if let (Some(compaction), Some(mark)) = (compaction, mark) {
                    compaction.go_back(mark);
                }
                return Err(self.trouble(error));
            }
        }
        if let Some(last) = chunks.last().map(|chunk| chunk.last) {
            self.latest = Some(last);
            if self.durability == Durability::Fsync {
                self.note(last)?;
            }
        }
        failpoints::check(Point::AfterFsync).map_err(|error| self.trouble(error))
    }

    /// Lets the log be moved into the database when it is long, or when there is time for it. The bulk is moved aside;
    /// when that is done, the few pages that came meanwhile are moved here, so that the log begins anew. Says whether
    /// nothing is left to be done.
    pub(super) fn checkpoint(&mut self, is_idle: bool) -> Result<bool, Trouble> {
        if let Some(ended) = self.checkpoints.ended() {
            ended.map_err(|error| self.trouble(error))?;
            let moved = checkpoint::checkpoint(&self.database.connection);
            let is_all = moved.map_err(|error| self.trouble(error))?;
            // Somebody reads what is old, and for a while it is not asked again with every commit.
            self.log_pages = if is_all { 0 } else { self.log_pages / 2 };
            if let (Durability::Os, Some(latest)) = (self.durability, self.latest) {
                let synced = checkpoint::sync_log(&self.place);
                synced.map_err(|error| self.failed(error))?;
                self.note(latest)?;
            }
        } else if self.log_pages > LOG_PAGES || (is_idle && self.log_pages > 0) {
            self.checkpoints.begin();
        }
        Ok(self.log_pages == 0)
    }

    /// Makes it whole without the files beside it, or says why it is not.
    pub(super) fn close(mut self) -> Result<(), Trouble> {
        self.checkpoints.end();
        self.note_closed().map_err(Trouble::Failed)?;
        let moved = checkpoint::move_all(&self.database.connection);
        moved.map_err(|error| self.trouble(error))
    }

    fn note_closed(&mut self) -> Result<(), JournalError> {
        let is_open = false;
        let closed = Origin {
            is_open,
            ..self.origin
        };
        let written = closed.write(&self.database.connection);
        written.map_err(|error| judge(&self.place, error))?;
        self.origin = closed;
        self.watermark.sync()
    }

    fn write(
        &mut self,
        chunks: &[Chunk],
        compaction: Option<(&mut Compaction, &mut Held<'_>)>,
    ) -> rusqlite::Result<Origin> {
        let mut origin = self.origin;
        let change = Transaction::new_unchecked(
            &self.database.connection,
            rusqlite::TransactionBehavior::Immediate,
        )?;
        if let (None, Some(chunk)) = (origin.floor, chunks.first()) {
            origin.floor = Some(chunk.first - 1);
            origin.write(&change)?;
        }
        for chunk in chunks {
            self.log_pages += chunk.bytes.len() / PAGE_BYTES + 1;
            if self.tail.bytes.len() + chunk.bytes.len() < CHUNK_BYTES {
                batch::insert(&change, chunk)?;
                self.tail.join(chunk);
                continue;
            }
            if !self.tail.is_empty() {
                batch::remove(&change, &self.tail)?;
            }
            self.tail.join(chunk);
            batch::insert(&change, &self.tail)?;
            Summary::of(&self.tail, &mut self.keys).insert(&change)?;
            self.tail.clear();
        }
        if let Some((compaction, held)) = compaction {
            self.log_pages += compaction.step(&change, &mut origin, held)?;
        }
        self.log_pages += 2;
        failpoints::check(Point::BeforeFsync)?;
        change.commit()?;
        Ok(origin)
    }

    fn note(&mut self, sequence: u64) -> Result<(), Trouble> {
        let noted = self.watermark.note(sequence);
        noted.map_err(|error| self.failed(error))
    }

    fn trouble(&mut self, error: rusqlite::Error) -> Trouble {
        match passes(&error) {
            true => Trouble::Later(error),
            false => self.failed(judge(&self.place, error)),
        }
    }

    /// What the log holds may be nowhere else: it stays when the file is closed, where SQLite would move it into the
    /// database of a disk that has failed, and then remove it.
    fn failed(&mut self, error: JournalError) -> Trouble {
        self.is_sound = false;
        if let Err(error) = move_log_on_close(&self.database.connection, false) {
            tracing::error!(%error, "the log of the journal may not be kept");
        }
        Trouble::Failed(error)
    }
}

impl Drop for JournalFile {
    /// From here on it is whole without the files beside it, but for a log that somebody reads.
    fn drop(&mut self) {
        if !self.is_sound || !self.origin.is_open {
            return;
        }
        if let Err(error) = self.note_closed() {
            tracing::warn!(
                "the journal was not closed, and is not whole without the files beside it: {error}"
            );
        }
    }
}

/// Nothing that outlasts a power cut tells it from a kill.
fn warn_of_loss(path: &Path, certain: u64, found: u64) {
    tracing::warn!(
        certain,
        found,
        "the journal {} was not closed, and --journal-durability os does not outlast a power cut: \
         if there was one, writes that were acknowledged last may be gone",
        path.display()
    );
}

fn read_tail(connection: &Connection, path: &Path) -> Result<Chunk, JournalError> {
    let judge = |error| judge(path, error);
    let mut tail = Chunk::default();
    let mut next = batch::last_summarized(connection)
        .map_err(judge)?
        .map_or(0, |last| last + 1);
    while let Some(batch) = Batch::after(connection, next).map_err(judge)? {
        next = batch.last + 1;
        let chunk = verify::chunk(&batch).map_err(|fault| JournalError::Damaged {
            path: path.to_owned(),
            fault,
        })?;
        tail.join(&chunk);
    }
    Ok(tail)
}

fn set_up(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let level = match durability {
        Durability::Fsync => "FULL",
        Durability::Os => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", level)?;
    // Not behind our back, where its errors are not seen.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // What a long reading made of the log is given back when it is over.
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// A connection that cannot write, beside the one that can.
pub(super) fn connect_to_read(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags);
    let connection = connection.map_err(|error| judge(path, error))?;
    let prepared = connection.busy_timeout(crate::limits::BUSY_TIMEOUT);
    prepared.map_err(|error| judge(path, error))?;
    Ok(connection)
}

/// Whose fault an error is: bytes that make no sense are damage.
pub(super) fn judge(path: &Path, error: rusqlite::Error) -> JournalError {
    let makes_no_sense = matches!(
        error,
        rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
    );
    let is_broken = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    );
    if makes_no_sense || is_broken || is_cut(&error) {
        let found = error.to_string();
        return JournalError::Damaged {
            path: path.to_owned(),
            fault: Fault::File { found },
        };
    }
    error.into()
}

/// What may be over in a moment: a full disk or quota, and other programs that hold the file. Nothing was kept, and the
/// same can be written again, which after a sync that failed would not be so.
fn passes(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    is_full(error)
        || error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
        || extended == Some(ffi::SQLITE_IOERR_WRITE)
}

/// The file ends before what it says that it holds.
fn is_cut(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    extended == Some(ffi::SQLITE_IOERR_SHORT_READ)
}

/// Why a file cannot be opened: for a journal of 4.5 there is a way to go on.
fn refused(path: &Path, error: StoreError) -> JournalError {
    let has_entries = || -> rusqlite::Result<bool> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.table_exists(None, "journal_entries")
    };
    match error {
        StoreError::Foreign { .. } if has_entries().unwrap_or(false) => JournalError::Published {
            path: path.to_owned(),
        },
        StoreError::Database(error) if is_cut(&error) => judge(path, error),
        error => error.into(),
    }
}

pub(super) const LAYOUT: Layout = Layout {
    kind: Kind::Journal,
    migrations: &[Migration {
        sql: include_str!("../../migrations/journal_1.sql"),
        then: |change| Origin::new(change)?.write(change),
    }],
    probes: &[
        "SELECT id, identity, floor, is_open, checksum FROM origin",
        "SELECT last, first, records FROM batches",
        "SELECT last, first, from_us, to_us, filter, checksum FROM summaries",
        "SELECT id, sequence, at_us, parts, bytes, checksum FROM snapshots",
        "SELECT snapshot, part, content FROM snapshot_parts",
    ],
    // It has its own, over records and snapshots.
    checked: &[],
};

const PAGE_BYTES: usize = 4096;
/// All but the largest commits fit, so that nothing is written before their end.
const CACHE_KIB: i64 = 16 << 10;
/// Some times what is moved at once.
const LOG_BYTES_KEPT: i64 = 16 << 20;
