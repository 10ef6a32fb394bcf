//! What goes on beside the writes: watching the disk, snapshots of the state, removal of old records, and the end.

use std::sync::Arc;

use clasp_router::Router;
use clasp_store::journal::{Before, JournalError, Snapshot};
use tokio::time::{sleep, timeout};

use super::Journal;
use super::limits::{CLOSE_MAX, SNAPSHOT_INTERVAL, WATCH_INTERVAL};
use crate::features::snapshot;
use crate::shared::Shared;
use crate::supervisor::{Parts, blocking};

/// Starts what the journal needs, if there is one.
pub(crate) fn start(shared: &Arc<Shared>, parts: &mut Parts) {
    let Some(journal) = &shared.journal else {
        return;
    };
    parts.start("watch on the journal", watch(Arc::clone(journal)));
    if journal.path.is_some() {
        parts.start("snapshots of the journal", snapshots(Arc::clone(shared)));
    }
}

/// Makes all durable that was done, keeps the state for a quick start, and lets go of the file.
pub(crate) async fn finish(shared: &Arc<Shared>) {
    let Some(journal) = shared.journal.clone() else {
        return;
    };
    let shared = Arc::clone(shared);
    let closed = blocking(move || {
        if journal.path.is_some() && journal.is_well() {
            note(journal.keep_state(&shared.router));
        }
        journal.store.close()
    });
    match timeout(CLOSE_MAX, closed).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "not every write of this run is in the journal"),
        Err(_) => {
            tracing::error!("the journal's disk stands still: not every write of this run is in it")
        }
    }
}

impl Journal {
    /// Writes the state of now into the journal, and then removes what was to be removed, of all that the state holds.
    /// Waits for the disk.
    pub(crate) fn keep_state(&self, router: &Router) -> Result<(), JournalError> {
        let now = self.standing.now();
        let export = router.export(now);
        let mut state = Vec::new();
        snapshot::encode(&export, &mut state).expect("memory takes any number of bytes");
        let snapshot = Snapshot {
            sequence: export.sequence,
            at_us: export.at.0,
            state,
        };
        let before = self.compact_before.unwrap_or(0);
        let age = self.compact_age.map(|age| age.as_micros() as u64);
        if let Some(age) = age {
            let oldest = Before::Time(now.wall.0.saturating_sub(age));
            self.store.compact(snapshot.clone(), oldest)?;
        }
        if age.is_none() || before > 0 {
            self.store.compact(snapshot, Before::Sequence(before))?;
        }
        Ok(())
    }
}

async fn watch(journal: Arc<Journal>) {
    loop {
        sleep(WATCH_INTERVAL).await;
        journal.standing.watch();
    }
}

async fn snapshots(shared: Arc<Shared>) {
    loop {
        let Some(journal) = shared.journal.clone() else {
            return;
        };
        let shared = Arc::clone(&shared);
        blocking(move || {
            if journal.is_well() {
                note(journal.keep_state(&shared.router));
            }
        })
        .await;
        sleep(SNAPSHOT_INTERVAL).await;
    }
}

fn note(kept: Result<(), JournalError>) {
    if let Err(error) = kept {
        tracing::error!(%error, "the state cannot be written to the journal: the next start will take longer");
    }
}
