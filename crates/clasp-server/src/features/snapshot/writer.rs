//! Writes snapshots: every interval and at the end, one at a time, on a thread that may wait.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clasp_store::Lock;
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use super::encode;
use super::file::SnapshotFile;
use crate::counters::Counted;
use crate::limits::SNAPSHOT_BEFORE_DRAIN_MAX;
use crate::shared::Shared;
use crate::supervisor::blocking;

/// The file, and how writing it went so far.
#[derive(Debug)]
pub(crate) struct Snapshots {
    file: SnapshotFile,
    turn: Mutex<Turn>,
    /// Apart from the turn, so that asking never waits for the disk.
    status: Mutex<Status>,
}

/// Whoever has it writes, and nobody else.
#[derive(Debug)]
struct Turn {
    /// Nothing once the last snapshot was written.
    lock: Option<Lock>,
    /// Which changes the file has.
    changes: Option<u64>,
}

#[derive(Debug)]
struct Status {
    current_at: Instant,
    params: usize,
    bytes: u64,
    is_failing: bool,
}

/// How the snapshots of a server stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotStatus {
    /// How long ago the file had every param: what a crash would lose is not older.
    pub age: Duration,
    /// Params that the last one held that was written since the start.
    pub params: usize,
    /// How large that was.
    pub bytes: u64,
    /// The last attempt to write it failed.
    pub is_failing: bool,
}

/// Writes a snapshot every `interval`, for as long as the server runs.
pub(crate) async fn run(shared: Arc<Shared>, interval: Duration) {
    loop {
        sleep(interval).await;
        save(&shared).await;
    }
}

/// Writes a snapshot before the sessions are told to go. They do not wait long for a disk that is stuck.
pub(crate) async fn save_before_drain(shared: &Arc<Shared>) {
    if timeout(SNAPSHOT_BEFORE_DRAIN_MAX, save(shared))
        .await
        .is_err()
    {
        tracing::warn!("the snapshot is not written yet: the sessions are ended meanwhile");
    }
}

/// Writes the last snapshot; then the file is anybody's.
pub(crate) async fn finish(shared: &Arc<Shared>) {
    on_disk(shared, |snapshots, shared| {
        snapshots.save(shared);
        snapshots.turn.lock().lock = None;
    })
    .await;
}

/// Writes a snapshot, if there is a file for it and it lacks something.
async fn save(shared: &Arc<Shared>) {
    on_disk(shared, Snapshots::save).await;
}

async fn on_disk(shared: &Arc<Shared>, work: impl FnOnce(&Snapshots, &Shared) + Send + 'static) {
    if shared.snapshots.is_none() {
        return;
    }
    let shared = Arc::clone(shared);
    blocking(move || {
        if let Some(snapshots) = &shared.snapshots {
            work(snapshots, &shared);
        }
    })
    .await;
}

impl Snapshots {
    pub(super) fn new(file: SnapshotFile, lock: Lock) -> Self {
        let turn = Turn {
            lock: Some(lock),
            changes: None,
        };
        // The state of a server that starts is that of the file.
        let status = Status {
            current_at: Instant::now(),
            params: 0,
            bytes: 0,
            is_failing: false,
        };
        Self {
            file,
            turn: Mutex::new(turn),
            status: Mutex::new(status),
        }
    }

    pub(crate) fn status(&self) -> SnapshotStatus {
        let status = self.status.lock();
        SnapshotStatus {
            age: status.current_at.elapsed(),
            params: status.params,
            bytes: status.bytes,
            is_failing: status.is_failing,
        }
    }

    fn save(&self, shared: &Shared) {
        let mut turn = self.turn.lock();
        if turn.lock.is_none() {
            return;
        }
        let begun = Instant::now();
        // What changes from here on is in the file, and is written once more: that does no harm.
        let changes = shared.router.changes();
        if turn.changes == Some(changes) && self.file.exists() {
            self.status.lock().current_at = begun;
            return;
        }
        let export = shared.router.export(shared.clock.now());
        match self.file.replace(|out| encode::write(&export, out)) {
            Ok(bytes) => {
                turn.changes = Some(changes);
                shared.counters.count(Counted::SnapshotWritten);
                self.note_success(Status {
                    current_at: begun,
                    params: export.params.len(),
                    bytes,
                    is_failing: false,
                });
            }
            Err(error) => {
                shared.counters.count(Counted::SnapshotFailed);
                self.note_failure(&error);
            }
        }
    }

    fn note_success(&self, status: Status) {
        let path = self.file.named.display();
        let Status { params, bytes, .. } = status;
        tracing::debug!(params, bytes, "wrote the snapshot {path}");
        let before = std::mem::replace(&mut *self.status.lock(), status);
        if before.is_failing {
            tracing::warn!("the snapshot {path} can be written again");
        }
    }

    fn note_failure(&self, error: &io::Error) {
        self.status.lock().is_failing = true;
        let path = self.file.named.display();
        tracing::error!(
            %error,
            "cannot write the snapshot {path}: a crash would lose what changed since the last one"
        );
    }
}
