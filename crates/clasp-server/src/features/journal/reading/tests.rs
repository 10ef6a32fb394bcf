//! Who reads how many at a time, also when nobody waits for the answer any more.

use std::future::Future as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use clasp_store::journal::{Options, Place};
use tokio::sync::RwLock;

use super::super::limits::READERS_MAX;
use super::*;
use crate::clock::Clock;
use crate::plan::JournalPlan;

fn in_memory() -> Arc<Journal> {
    let options = Options {
        place: Place::Memory,
        batch_size: 1,
        flush: Duration::ZERO,
    };
    let plan = JournalPlan {
        options,
        acks_wait: true,
        compact_before: None,
        compact_age: None,
    };
    Arc::new(Journal::new(&plan, Clock::new()).unwrap())
}

async fn until(what: &str, is_it: impl Fn() -> bool) {
    let wait = async {
        while !is_it() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
    waited.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// A client that asks and hangs up, again and again, makes no more threads read than others do.
#[tokio::test]
async fn who_hangs_up_gives_its_place_back_when_the_reading_has_ended() {
    let journal = in_memory();
    let begun = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write().await;
    for _ in 0..READERS_MAX * 3 {
        let (begun, gate) = (Arc::clone(&begun), Arc::clone(&gate));
        let mut read = Box::pin(journal.read(move |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            drop(gate.blocking_read());
            Ok(())
        }));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(read.as_mut().poll(&mut cx).is_pending());
    }
    until("as many read as may", || {
        begun.load(Ordering::Relaxed) >= READERS_MAX
    })
    .await;
    assert_eq!(journal.readers.available_permits(), 0);
    drop(closed);
    until("all have their places", || {
        journal.readers.available_permits() == READERS_MAX
    })
    .await;
    assert_eq!(begun.load(Ordering::Relaxed), READERS_MAX);
    assert_eq!(journal.latest().await.unwrap(), 0);
}
