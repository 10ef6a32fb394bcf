//! Moves the log into the database on a thread of its own, so that commits go on meanwhile.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags, ffi};

use super::error::JournalError;
use super::file::judge;
use crate::database::{move_log_on_close, with_ending};
use crate::limits::BUSY_TIMEOUT;

/// The thread, and what is known of it.
#[derive(Debug)]
pub(super) struct Checkpoints {
    requests: Option<Sender<()>>,
    results: Receiver<rusqlite::Result<bool>>,
    thread: Option<JoinHandle<()>>,
    is_running: bool,
}

impl Checkpoints {
    pub(super) fn start(path: &Path) -> Result<Self, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags);
        let connection = connection.map_err(|error| judge(path, error))?;
        let prepared = connection.busy_timeout(BUSY_TIMEOUT);
        prepared.map_err(|error| judge(path, error))?;
        // The writer decides what becomes of the log.
        move_log_on_close(&connection, false).map_err(|error| judge(path, error))?;
        let (requests, asked) = channel();
        let (answer, results) = channel();
        let thread = std::thread::Builder::new().name("journal-log".to_owned());
        let thread = thread.spawn(move || {
            for () in asked {
                let _ = answer.send(checkpoint(&connection));
            }
        });
        let thread = thread.map_err(|source| JournalError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            requests: Some(requests),
            results,
            thread: Some(thread),
            is_running: false,
        })
    }

    /// Begins one, if none is under way.
    pub(super) fn begin(&mut self) {
        if let Some(requests) = self.requests.as_ref().filter(|_| !self.is_running) {
            self.is_running = requests.send(()).is_ok();
        }
    }

    /// What came of one that has ended since this was asked last.
    pub(super) fn ended(&mut self) -> Option<rusqlite::Result<bool>> {
        match self.results.try_recv() {
            Ok(result) => {
                self.is_running = false;
                Some(result)
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }

    /// Waits for the one that is under way; there are none after this.
    pub(super) fn end(&mut self) {
        self.requests = None;
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the thread of the journal's log has panicked");
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.end();
    }
}

/// As far as readers let it; says whether that is all.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    moves_all(connection, "PRAGMA wal_checkpoint(PASSIVE)")
}

/// All of it, so that the database is whole without its log. To close the connection says nothing of a failure.
pub(super) fn move_all(connection: &Connection) -> rusqlite::Result<()> {
    if moves_all(connection, "PRAGMA wal_checkpoint(TRUNCATE)")? {
        return Ok(());
    }
    let busy = ffi::Error::new(ffi::SQLITE_BUSY);
    Err(rusqlite::Error::SqliteFailure(busy, None))
}

fn moves_all(connection: &Connection, checkpoint: &str) -> rusqlite::Result<bool> {
    connection.query_row(checkpoint, [], |row| {
        let (is_busy, pages, moved): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!is_busy && pages == moved)
    })
}

/// Forces the log to the disk, which a checkpoint does only with what it moves.
pub(super) fn sync_log(journal: &Path) -> Result<(), JournalError> {
    let path = with_ending(journal, "-wal");
    match File::open(&path).and_then(|log| log.sync_all()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        synced => synced.map_err(|source| JournalError::Io { path, source }),
    }
}
