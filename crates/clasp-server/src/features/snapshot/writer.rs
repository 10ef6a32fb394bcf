//! Writes snapshots: every interval and at the end, one at a time, on a thread that may wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// Whose turn it is to write. What it guards says which changes the file has.
    turn: Mutex<Option<u64>>,
    /// Apart from the turn, so that asking never waits for the disk.
    status: Mutex<Status>,
}

#[derive(Debug, Default)]
struct Status {
    current_at: Option<Instant>,
    params: usize,
    bytes: u64,
    is_failing: bool,
}

/// How the snapshots of a server stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotStatus {
    /// How long ago the file had every param; nothing if it was not written since the start.
    pub age: Option<Duration>,
    /// Params that it holds.
    pub params: usize,
    /// How large it is.
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

/// Writes a snapshot, if there is a file for it and it lacks something.
pub(crate) async fn save(shared: &Arc<Shared>) {
    if shared.snapshots.is_none() {
        return;
    }
    let shared = Arc::clone(shared);
    blocking(move || {
        if let Some(snapshots) = &shared.snapshots {
            snapshots.save(&shared);
        }
    })
    .await;
}

/// The same before the sessions are told to go. They do not wait long for a disk that is stuck.
pub(crate) async fn save_before_drain(shared: &Arc<Shared>) {
    if timeout(SNAPSHOT_BEFORE_DRAIN_MAX, save(shared))
        .await
        .is_err()
    {
        tracing::warn!("the snapshot is not written yet: the sessions are ended meanwhile");
    }
}

impl Snapshots {
    pub(super) fn new(file: SnapshotFile) -> Self {
        Self {
            file,
            turn: Mutex::new(None),
            status: Mutex::default(),
        }
    }

    pub(crate) fn status(&self) -> SnapshotStatus {
        let status = self.status.lock();
        SnapshotStatus {
            age: status.current_at.map(|at| at.elapsed()),
            params: status.params,
            bytes: status.bytes,
            is_failing: status.is_failing,
        }
    }

    fn save(&self, shared: &Shared) {
        let mut written = self.turn.lock();
        let begun = Instant::now();
        // What changes from here on is in the file, and is written once more: that does no harm.
        let changes = shared.router.changes();
        if *written == Some(changes) && self.file.exists() {
            self.status.lock().current_at = Some(begun);
            return;
        }
        let export = shared.router.export(shared.clock.now());
        let outcome = self.file.replace(|out| encode::write(&export, out));
        let path = self.file.named.display();
        let mut status = self.status.lock();
        match outcome {
            Ok(bytes) => {
                *written = Some(changes);
                shared.counters.count(Counted::SnapshotWritten);
                let params = export.params.len();
                tracing::debug!(params, bytes, elapsed = ?begun.elapsed(), "wrote {path}");
                if status.is_failing {
                    tracing::warn!("snapshots can be written to {path} again");
                }
                *status = Status {
                    current_at: Some(begun),
                    params,
                    bytes,
                    is_failing: false,
                };
            }
            Err(error) => {
                status.is_failing = true;
                shared.counters.count(Counted::SnapshotFailed);
                tracing::error!(
                    %error,
                    "cannot write the snapshot {path}: a restart would lose what changed since the last one"
                );
            }
        }
    }
}
