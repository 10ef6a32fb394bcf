//! How far the disk has come, and who waits for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use clasp_router::{Kept, Now, Tick};
use clasp_store::journal::{Progress, State};
use parking_lot::Mutex;

use super::commits::Commits;
use super::limits::STUCK_AFTER;
use crate::clock::Clock;
use crate::metrics::JournalFigures;

/// What the writer of the journal tells, for everybody to ask without waiting for it.
#[derive(Debug)]
pub(super) struct Standing {
    clock: Clock,
    /// The number of the last write that was handed over.
    appended: AtomicU64,
    durable: AtomicU64,
    /// When the disk last came further, or was given something to do.
    moved_at: AtomicU64,
    commits: Commits,
    is_stuck: AtomicBool,
    has_failed: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Each for the write with this number.
    for_disk: Vec<(u64, Waker)>,
    for_room: Vec<Waker>,
    /// Counts up when those are told.
    room_told: u64,
}

impl Standing {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            appended: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            moved_at: AtomicU64::new(0),
            commits: Commits::default(),
            is_stuck: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            waiting: Mutex::default(),
        }
    }

    /// All up to this is there from an earlier run.
    pub(super) fn begin(&self, durable: u64) {
        self.appended.store(durable, Ordering::Release);
        self.durable.fetch_max(durable, Ordering::AcqRel);
    }

    /// A write was handed over, after all before it.
    pub(super) fn handed_over(&self, sequence: u64, now: Tick) {
        if self.appended.load(Ordering::Acquire) <= self.durable() {
            // The disk had nothing to do. Said first, or it would seem to have stood still since then.
            self.moved_at.store(now.0, Ordering::Release);
        }
        self.appended.store(sequence, Ordering::Release);
    }

    /// The writer has come further, or says why not.
    pub(super) fn progressed(&self, progress: Progress) {
        let before = self.durable.fetch_max(progress.durable, Ordering::AcqRel);
        if progress.durable > before {
            let now = self.clock.tick();
            let moved_at = Tick(self.moved_at.swap(now.0, Ordering::AcqRel));
            self.commits.count(now.since(moved_at));
            self.goes_on();
        }
        if progress.state == State::Failed {
            self.has_failed.store(true, Ordering::Release);
        }
        self.wake();
    }

    /// Says whether it did not until now.
    fn goes_on(&self) -> bool {
        let was_stuck = self.is_stuck.swap(false, Ordering::AcqRel);
        if was_stuck {
            tracing::warn!("the journal makes progress again: writes are acknowledged again");
        }
        was_stuck
    }

    /// Notices that nothing becomes durable for too long. // protocol/router.md 18.6
    pub(super) fn watch(&self) {
        let (appended, durable) = (self.appended.load(Ordering::Acquire), self.durable());
        let moved_at = Tick(self.moved_at.load(Ordering::Acquire));
        let still = self.clock.tick().since(moved_at);
        let is_stuck = appended > durable && u128::from(still) >= STUCK_AFTER.as_micros();
        if self.has_failed.load(Ordering::Acquire) {
            return;
        }
        if !is_stuck {
            // The disk may have moved on just before it was called stuck, and does so no more while nothing is let in.
            if self.goes_on() {
                self.wake();
            }
            return;
        }
        if !self.is_stuck.swap(true, Ordering::AcqRel) {
            tracing::error!(
                writes = appended - durable,
                "the journal has made no progress for {} s: writes are refused until it does; look at its disk",
                STUCK_AFTER.as_secs()
            );
        }
        // Also those that came since: nobody waits for a disk that stands still.
        self.wake();
    }

    pub(super) fn now(&self) -> Now {
        self.clock.now()
    }

    pub(super) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(super) fn figures(&self) -> JournalFigures {
        let (appended, durable) = (self.appended.load(Ordering::Acquire), self.durable());
        let (commit_micros, commits) = self.commits.read();
        JournalFigures {
            durable,
            waiting: appended.saturating_sub(durable),
            has_stopped: self.has_stopped(),
            commit_micros,
            commits,
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// True if nothing is kept at the moment.
    pub(super) fn has_stopped(&self) -> bool {
        self.has_failed() || self.is_stuck.load(Ordering::Acquire)
    }

    pub(super) fn kept(&self) -> Kept {
        // In this order: what was kept before the end is acknowledged.
        let has_stopped = self.has_stopped();
        Kept {
            up_to: self.durable(),
            has_stopped,
        }
    }

    /// True if a write is kept, or none is at the moment.
    pub(super) fn is_settled(&self, sequence: u64) -> bool {
        self.durable() >= sequence || self.has_stopped()
    }

    pub(super) fn has_kept(&self, sequence: u64, waker: &Waker) -> bool {
        if self.is_settled(sequence) {
            return true;
        }
        let mut waiting = self.waiting.lock();
        waiting.for_disk.push((sequence, waker.clone()));
        drop(waiting);
        // It may have come so far in between, and told those who waited then.
        self.is_settled(sequence)
    }

    /// `since` is of whoever asks: who waits already is not noted twice.
    pub(super) fn wait_for_room(&self, waker: &Waker, since: &mut u64) {
        let mut waiting = self.waiting.lock();
        if *since != waiting.room_told + 1 {
            *since = waiting.room_told + 1;
            waiting.for_room.push(waker.clone());
        }
    }

    fn wake(&self) {
        let (durable, has_failed) = (self.durable(), self.has_failed());
        let mut waiting = self.waiting.lock();
        let due = |(sequence, _): &mut (u64, Waker)| has_failed || *sequence <= durable;
        let mut told: Vec<_> = waiting.for_disk.extract_if(.., due).collect();
        if self.has_stopped() {
            // They are told again: it may go on before they look.
            told.extend(waiting.for_disk.iter().cloned());
        }
        let room = std::mem::take(&mut waiting.for_room);
        waiting.room_told += 1;
        drop(waiting);
        told.into_iter().for_each(|(_, waker)| waker.wake());
        room.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn durable(durable: u64) -> Progress {
        Progress {
            durable,
            state: State::Running,
        }
    }

    #[test]
    fn a_disk_that_moved_on_while_it_was_called_stuck_is_not_stuck_for_ever() {
        let standing = Standing::new(Clock::new());
        standing.handed_over(1, Tick(1));
        standing.progressed(durable(1));
        // `watch` had looked before that, and said so after it.
        standing.is_stuck.store(true, Ordering::Release);
        assert!(standing.has_stopped());
        standing.watch();
        assert!(!standing.has_stopped());
    }

    #[test]
    fn who_is_told_of_a_stuck_disk_is_told_again_when_its_write_is_kept() {
        let standing = Standing::new(Clock::new());
        standing.handed_over(2, Tick(1));
        let woken = Arc::new(Woken::default());
        assert!(!standing.has_kept(2, &Arc::clone(&woken).into()));
        standing.is_stuck.store(true, Ordering::Release);
        standing.wake();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        // It goes on before anybody has looked.
        standing.progressed(durable(1));
        assert!(!standing.is_settled(2));
        standing.progressed(durable(2));
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    }
}
