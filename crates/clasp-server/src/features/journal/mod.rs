//! The journal: every write durable before it is acknowledged, and back after a restart (docs/journal.md).
//!
//! [`open`] recovers the state at the start. From then on `tap` hands every commit over, `standing` knows how far the
//! disk has come and who waits for it, and `upkeep` watches, takes snapshots and removes old records.

mod commits;
mod fold;
mod limits;
mod reading;
mod recovery;
mod standing;
mod tap;
mod upkeep;

use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use clasp_store::journal::{self as store, JournalError, Place};
use tokio::sync::Semaphore;

pub(crate) use reading::Wanted;
pub(crate) use recovery::open;
use standing::Standing;
pub(crate) use upkeep::{finish, start};

use self::limits::READERS_MAX;
use crate::clock::Clock;
use crate::metrics::JournalFigures;
use crate::plan::JournalPlan;

/// The journal of a server.
pub(crate) struct Journal {
    /// Never dropped, since that would wait for the disk: it is closed by [`finish`], or ends with the process.
    store: ManuallyDrop<store::Journal>,
    standing: Arc<Standing>,
    /// Nothing if it is kept in memory.
    path: Option<PathBuf>,
    acks_wait: bool,
    /// Which records are removed with every snapshot.
    compact_before: Option<u64>,
    compact_age: Option<Duration>,
    /// Places for those who read it.
    readers: Arc<Semaphore>,
}

impl Journal {
    fn new(plan: &JournalPlan, clock: Clock) -> Result<Self, JournalError> {
        let standing = Arc::new(Standing::new(clock));
        let told = Arc::clone(&standing);
        let store = store::Journal::open(
            &plan.options,
            Box::new(move |progress| told.progressed(progress)),
        )?;
        standing.begin(store.progress().durable);
        Ok(Self {
            store: ManuallyDrop::new(store),
            standing,
            path: match &plan.options.place {
                Place::File { path, .. } => Some(path.clone()),
                Place::Memory => None,
            },
            acks_wait: plan.acks_wait,
            compact_before: plan.compact_before,
            compact_age: plan.compact_age,
            readers: Arc::new(Semaphore::new(READERS_MAX)),
        })
    }

    /// True if writes up to this number are kept, or nothing is any more; else `waker` is told when that changes.
    pub(crate) fn has_kept(&self, sequence: u64, waker: &Waker) -> bool {
        self.standing.has_kept(sequence, waker)
    }

    /// True if writes up to this number are kept, or nothing is any more.
    pub(crate) fn is_settled(&self, sequence: u64) -> bool {
        self.standing.is_settled(sequence)
    }

    /// Waits until writes up to this number are kept, or nothing is any more.
    pub(crate) async fn kept(&self, sequence: u64) {
        std::future::poll_fn(|cx| match self.has_kept(sequence, cx.waker()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        })
        .await;
    }

    /// True while so much waits for the disk that whoever sends writes should be read no further.
    // protocol/router.md 18.7
    pub(crate) fn is_filling(&self) -> bool {
        self.store.is_half_full() && !self.standing.has_stopped()
    }

    /// True if there is room for writes; else `waker` is told when there may be, once. `since` is of whoever asks.
    pub(crate) fn has_room(&self, waker: &Waker, since: &mut u64) -> bool {
        if !self.is_filling() {
            return true;
        }
        self.standing.wait_for_room(waker, since);
        !self.is_filling()
    }

    pub(crate) fn figures(&self) -> JournalFigures {
        self.standing.figures()
    }

    /// True while writes are kept: no failure, and progress.
    pub(crate) fn is_well(&self) -> bool {
        !self.standing.has_stopped()
    }
}
