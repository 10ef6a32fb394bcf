//! What goes on beside the writes: watching the disk, snapshots of the state, removal of old records, and the end.

use std::sync::Arc;
use std::time::Duration;

use clasp_router::{Now, Router};
use clasp_store::journal::{Before, JournalError, Snapshot};
use tokio::time::{sleep, timeout};

use super::Journal;
use super::limits::{
    CLOCK_STEP, CLOSE_MAX, SNAPSHOT_INTERVAL, SNAPSHOT_WRITES, SNAPSHOT_WRITES_PER_PARAM,
    WATCH_INTERVAL,
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
            journal.keep_or_complain(&shared.router);
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
        let age = self.compact_age.map(|age| age.as_micros() as u64);
        let before = Before {
            sequence: self.compact_before.unwrap_or(0),
            at_us: age.map_or(0, |age| now.wall.0.saturating_sub(age)),
        };
        self.store.compact(snapshot, before)?;
        Ok(next)
    }

    /// The same, also when it fails: then some writes later, when there may be room.
    fn keep_or_complain(&self, router: &Router) -> u64 {
        self.keep_state(router).unwrap_or_else(|error| {
            tracing::error!(%error, "the state cannot be written to the journal: the next start will take longer");
            self.standing.durable() + SNAPSHOT_WRITES
        })
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

    /// Waits until the wall clock is set. Records have its stamps, by which a start would take what is left of every ttl:
    /// a snapshot has what the steady clock says is left.
    async fn clock_is_set(&self) {
        let before = self.standing.now();
        while !is_step(before, self.standing.now()) {
            sleep(WATCH_INTERVAL).await;
        }
    }
}

/// Whether the wall clock has not gone as far as the steady one.
fn is_step(before: Now, now: Now) -> bool {
    let expected = before.wall.0.saturating_add(now.tick.since(before.tick));
    Duration::from_micros(expected.abs_diff(now.wall.0)) > CLOCK_STEP
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
            true => keeper.keep_or_complain(&shared.router),
            false => AT_ONCE,
        });
        let next = next.await;
        tokio::select! {
            () = sleep(SNAPSHOT_INTERVAL) => {}
            () = journal.has_come_to(next) => {}
            () = journal.clock_is_set() => {}
        }
    }
}

/// As soon as writes are kept.
const AT_ONCE: u64 = 0;

#[cfg(test)]
mod tests {
    use clasp_router::{Tick, Timestamp};

    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_and_one_that_goes_is_not() {
        let at = |wall_s: u64, tick_s: u64| Now {
            wall: Timestamp(wall_s * 1_000_000),
            tick: Tick(tick_s * 1_000_000),
        };
        let before = at(1000, 10);
        for (now, expected) in [
            (at(1000, 10), false),
            (at(4600, 3610), false),
            (at(4601, 3610), false),
            (at(4602, 3610), true),
            (at(4598, 3610), true),
            (at(0, 11), true),
            (at(1_000_000, 11), true),
        ] {
            assert_eq!(is_step(before, now), expected, "{now:?}");
        }
    }
}
