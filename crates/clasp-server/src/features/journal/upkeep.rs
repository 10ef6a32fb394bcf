//! What goes on beside the writes: watching the disk, snapshots of the state, removal of old records, and the end.

use std::sync::Arc;

use clasp_router::Router;
use clasp_store::journal::{Before, JournalError, Snapshot};
use tokio::time::{sleep, timeout};

use super::Journal;
use super::limits::{
    CLOSE_MAX, SNAPSHOT_INTERVAL, SNAPSHOT_WRITES, SNAPSHOT_WRITES_PER_PARAM, WATCH_INTERVAL,
};
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
            let kept = journal.keep_state(&shared.router);
            kept.unwrap_or_else(complain);
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
    /// Waits for the disk. Gives the number of the write after which it is time to do it again.
    pub(crate) fn keep_state(&self, router: &Router) -> Result<u64, JournalError> {
        let now = self.standing.now();
        let export = router.export(now);
        let params = export.params.len() as u64;
        let next = export.sequence + SNAPSHOT_WRITES.max(params * SNAPSHOT_WRITES_PER_PARAM);
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
        Ok(next)
    }

    /// Waits until a write is kept, through all times in which none is.
    async fn has_come_to(&self, sequence: u64) {
        loop {
            self.kept(sequence).await;
            if self.is_well() {
                return;
            }
            sleep(WATCH_INTERVAL).await;
        }
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
        let (keeper, shared) = (Arc::clone(&journal), Arc::clone(&shared));
        let next = blocking(move || match keeper.is_well() {
            true => keeper.keep_state(&shared.router).unwrap_or_else(complain),
            false => AT_ONCE,
        })
        .await;
        let sooner = timeout(SNAPSHOT_INTERVAL, journal.has_come_to(next));
        sooner.await.ok();
    }
}

/// It is tried again after an hour.
fn complain(error: JournalError) -> u64 {
    tracing::error!(%error, "the state cannot be written to the journal: the next start will take longer");
    NEVER
}

/// As soon as writes are kept.
const AT_ONCE: u64 = 0;
/// A number that no write comes to.
const NEVER: u64 = u64::MAX;
