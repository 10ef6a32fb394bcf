//! Metrics: what happens in the server, added up in a way that costs a message next to nothing.
//!
//! A batch counts in plain numbers, and adds them to the totals once, at its end. There are totals
//! for each worker thread, so that threads do not wait for each other; who reads adds them up.

mod counts;
mod exposition;
mod hot;
mod journal;
mod kind;
mod latency;
mod process;
mod reading;
mod sampler;
mod top;
mod totals;

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use clasp_proto::Code;
use clasp_router::{Tick, Work};
use parking_lot::{Mutex, MutexGuard};

pub(crate) use self::counts::Counts;
pub(crate) use self::exposition::exposition;
use self::hot::Hot;
pub(crate) use self::journal::{BOUNDS_MICROS, JournalFigures};
pub(crate) use self::kind::Kind;
pub(crate) use self::reading::Reading;
use self::sampler::Sampler;
pub use self::top::{HotAddress, Top};
use self::totals::Totals;
use crate::limits::METRICS_STRIPES_MAX;

/// What one server counts.
pub(crate) struct Metrics {
    stripes: Box<[Stripe]>,
    /// Somebody may ask which addresses are the hottest.
    samples_addresses: bool,
    started_at: SystemTime,
}

/// What one worker thread counts. On cache lines of its own: those of another would slow it down.
#[derive(Default)]
#[repr(align(128))]
struct Stripe(Mutex<Counted>);

/// Locked once for a batch, and nearly always by the same thread.
#[derive(Default)]
struct Counted {
    totals: Totals,
    hot: Hot,
    sampler: Sampler,
}

impl Metrics {
    pub(crate) fn new(samples_addresses: bool) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let stripes = threads.next_power_of_two().min(METRICS_STRIPES_MAX);
        Self {
            stripes: (0..stripes).map(|_| Stripe::default()).collect(),
            samples_addresses,
            started_at: SystemTime::now(),
        }
    }

    /// Adds what a batch received and did, and how long it took.
    pub(crate) fn add_batch(&self, counts: &Counts, work: &mut Work, now: Tick, took: Duration) {
        let mut counted = self.counted();
        counted.totals.add_counts(counts, took);
        work.move_tally(&mut counted.totals.tally);
        if self.samples_addresses
            && !counts.sample.is_empty()
            && let Some(batches) = counted.sampler.weight(now)
        {
            let messages = u64::from(counts.addressed()) * batches;
            counted.hot.add(&counts.sample, messages);
        }
    }

    /// Adds what was done without anything having been received.
    pub(crate) fn add_work(&self, work: &mut Work) {
        work.move_tally(&mut self.counted().totals.tally);
    }

    /// Adds a message that came outside of a batch.
    pub(crate) fn add_message(&self, kind: Kind) {
        self.counted().totals.messages[kind as usize] += 1;
    }

    /// Adds an ERROR that was sent outside of a batch.
    pub(crate) fn add_error(&self, code: Code) {
        self.counted().totals.tally.error(code);
    }

    /// Adds bytes that waited for a slow consumer when it was closed.
    pub(crate) fn add_discarded(&self, bytes: usize) {
        self.counted().totals.tally.discarded_bytes += bytes as u64;
    }

    /// Adds bytes that a socket took.
    pub(crate) fn add_sent(&self, bytes: usize) {
        self.counted().totals.sent_bytes += bytes as u64;
    }

    /// What this thread counts, which may have to share it with another one.
    fn counted(&self) -> MutexGuard<'_, Counted> {
        let number = THREAD.with(|number| {
            if number.get() == usize::MAX {
                number.set(THREADS.fetch_add(1, Ordering::Relaxed));
            }
            number.get()
        });
        self.stripes[number & (self.stripes.len() - 1)].0.lock()
    }
}

thread_local! {
    static THREAD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Threads that have ever counted; servers of one process share the numbers, not the totals.
static THREADS: AtomicUsize = AtomicUsize::new(0);
