//! The journal: what was done, in order, durable before it is acknowledged.
//!
//! Whoever applies writes hands each over as a [`Record`] and goes on; one thread commits all that has gathered, and
//! says how far it got. Readers have connections of their own. Torn batches do not exist: SQLite commits a batch or nothing.

mod backup;
mod batch;
mod checkpoint;
mod compaction;
mod encoding;
mod error;
mod export;
#[cfg(feature = "failpoints")]
pub mod failpoints;
#[cfg(not(feature = "failpoints"))]
#[path = "journal/no_failpoints.rs"]
pub(crate) mod failpoints;
mod file;
mod new_file;
mod origin;
mod pins;
mod point;
mod published;
mod query;
mod queue;
mod reader;
mod record;
mod ring;
mod summary;
mod verify;
mod watermark;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

pub use backup::backup;
pub use compaction::{Compacted, Snapshot};
pub use encoding::Broken;
pub use error::{AppendError, BadEntry, BadLine, Fault, JournalError};
pub use export::{export, import};
pub use file::Durability;
pub use point::Point;
pub use published::import_v45;
pub use query::{Part, Query};
pub use queue::{Progress, State};
pub use reader::{Reader, Scan};
pub use record::{Entry, OwnedRecord, OwnedWrite, Record, Write};
pub use verify::{Report, verify};

use compaction::Compaction;
use file::JournalFile;
use pins::Pins;
use queue::Shared;
use ring::Ring;
use writer::{Gathering, Sink, Writer};

/// Where a journal is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this file, which is made if it is not there.
    File {
        /// The file.
        path: PathBuf,
        /// When a record counts as durable.
        durability: Durability,
    },
    /// In memory: the newest records only, and none after a restart.
    Memory,
}

/// How a journal is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where.
    pub place: Place,
    /// So many records are committed without a wait for more.
    pub batch_size: usize,
    /// No record waits longer for others. While they come slower than the disk writes, none waits at all.
    pub flush: Duration,
}

/// Which records are to be removed: those that lie before either of the two. 0 names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Before {
    /// Before this sequence number.
    pub sequence: u64,
    /// Older than this, in microseconds since the Unix epoch.
    pub at_us: u64,
}

impl Before {
    /// By number only.
    #[must_use]
    pub const fn sequence(sequence: u64) -> Self {
        Self { sequence, at_us: 0 }
    }
}

/// An open journal, that no other process writes.
pub struct Journal {
    shared: Arc<Shared>,
    source: ReaderSource,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum ReaderSource {
    File { path: PathBuf, pins: Arc<Pins> },
    Ring(Arc<Ring>),
}

impl Journal {
    /// Opens the journal; waits for the disk, which reads all of the file. `on_progress` is called by the writer's
    /// thread after each commit, when the disk becomes full, and once when it fails.
    ///
    /// # Errors
    /// The file is in use, cannot be opened, is damaged, or is no journal of this version.
    pub fn open(
        options: &Options,
        on_progress: Box<dyn Fn(Progress) + Send>,
    ) -> Result<Self, JournalError> {
        let (sink, source, latest) = match &options.place {
            Place::Memory => {
                let ring = Arc::new(Ring::default());
                (
                    Sink::Ring(Arc::clone(&ring)),
                    ReaderSource::Ring(ring),
                    None,
                )
            }
            Place::File { path, durability } => {
                let pins = Arc::new(Pins::default());
                let file = JournalFile::open(path, *durability, Arc::clone(&pins))?;
                let (path, latest) = (file.place().to_owned(), file.latest());
                (
                    Sink::File(Box::new(file)),
                    ReaderSource::File { path, pins },
                    latest,
                )
            }
        };
        let shared = Arc::new(Shared::new(latest));
        let writer = Writer {
            sink,
            shared: Arc::clone(&shared),
            gathering: Gathering {
                batch_size: options.batch_size,
                flush: options.flush,
            },
            on_progress,
        };
        let thread = std::thread::Builder::new().name("journal".to_owned());
        let thread = thread.spawn(move || writer.run());
        let thread = thread.map_err(|source| JournalError::Io {
            path: options.place.path().to_owned(),
            source,
        })?;
        Ok(Self {
            shared,
            source,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Takes room for records that are about to be appended; says whether there is any. Without, whoever sends writes
    /// is read no further until the journal has made progress.
    pub fn reserve(&self, records: usize) -> bool {
        self.shared.reserve(records)
    }

    /// Gives back room for records that were not appended after all.
    pub fn release(&self, records: usize) {
        self.shared.release(records);
    }

    /// Takes a record, which uses reserved room. Does not wait.
    ///
    /// # Errors
    /// The disk has failed, the journal is closing, or the record does not follow the one before it.
    pub fn append(&self, record: &Record<'_>) -> Result<(), AppendError> {
        self.shared.append(record)
    }

    /// How far the records are durable, and how the journal is.
    pub fn progress(&self) -> Progress {
        self.shared.progress()
    }

    /// Records that are not durable yet.
    pub fn backlog(&self) -> usize {
        self.shared.backlog()
    }

    /// True if half of the room is taken: whoever sends writes should be read no further.
    pub fn is_half_full(&self) -> bool {
        self.shared.is_half_full()
    }

    /// A way to read it, of its own. Opens a file.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn reader(&self) -> Result<Reader, JournalError> {
        match &self.source {
            ReaderSource::Ring(ring) => Ok(Reader::ring(Arc::clone(ring))),
            ReaderSource::File { path, pins } => Reader::file(path, Arc::clone(pins)),
        }
    }

    /// Keeps the snapshot, then removes records that it holds and that lie before; waits until that is done. Readers
    /// keep what they have still to read.
    ///
    /// # Errors
    /// The journal is kept in memory, is closing or has failed.
    pub fn compact(&self, snapshot: Snapshot, before: Before) -> Result<Compacted, JournalError> {
        if let ReaderSource::Ring(_) = self.source {
            return Err(JournalError::NoFile);
        }
        let by_age = match before.at_us {
            0 => 0,
            at_us => self.reader()?.first_since(at_us)?,
        };
        let before = before.sequence.max(by_age);
        let (reply, done) = sync_channel(1);
        if !self
            .shared
            .compact(Compaction::new(snapshot, before, reply))
        {
            return Err(JournalError::Closed);
        }
        done.recv().map_err(|_| JournalError::Failed)?
    }

    /// Writes what waits, and lets go of the file. Waits for the disk, and a while for room on a full one.
    ///
    /// # Errors
    /// Not all of it is durable.
    pub fn close(&self) -> Result<(), JournalError> {
        self.end();
        match self.shared.progress().state {
            State::Failed => Err(JournalError::Failed),
            State::Running | State::Blocked => Ok(()),
        }
    }

    fn end(&self) {
        self.shared.close();
        let ended = self.thread.lock().take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            tracing::error!("the journal's thread has panicked");
            self.shared.fail();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = self.progress();
        formatter
            .debug_struct("Journal")
            .field("progress", &progress)
            .finish_non_exhaustive()
    }
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::File { path, .. } => path,
            Self::Memory => Path::new(""),
        }
    }
}

#[cfg(test)]
mod tests;
