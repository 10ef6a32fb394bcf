//! Where readers are: a compaction removes nothing that one of them has still to read, and nobody begins to read what it
//! is about to remove. So it waits for those that were there before it only.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// The positions of all readers of this process.
#[derive(Debug, Default)]
pub(super) struct Pins(Mutex<Positions>);

#[derive(Debug, Default)]
struct Positions {
    next_key: u64,
    of: BTreeMap<u64, u64>,
    /// What is up to here is being removed.
    floor: Option<u64>,
}

/// One reader's, until it is dropped.
#[derive(Debug)]
pub(super) struct Pin {
    pins: Arc<Pins>,
    key: u64,
}

/// No reader moves or comes while this is held.
pub(super) struct Held<'a>(MutexGuard<'a, Positions>);

impl Pins {
    /// Keeps all from here on, as far as it is there; gives where that begins.
    pub(super) fn pin(self: &Arc<Self>, wanted: u64) -> (Pin, u64) {
        let mut positions = self.0.lock();
        let key = positions.next_key;
        positions.next_key += 1;
        let first = positions
            .floor
            .map_or(wanted, |floor| wanted.max(floor + 1));
        positions.of.insert(key, first);
        let pins = Arc::clone(self);
        (Pin { pins, key }, first)
    }

    /// What is up to here is not shown to anybody who comes.
    pub(super) fn floor(&self) -> Option<u64> {
        self.0.lock().floor
    }

    pub(super) fn hold(&self) -> Held<'_> {
        Held(self.0.lock())
    }
}

impl Held<'_> {
    /// Who comes from now on does not read what is up to here.
    pub(super) fn give_up(&mut self, last: u64) {
        self.0.floor = self.0.floor.max(Some(last));
    }

    /// The last sequence number that nobody has still to read.
    pub(super) fn last(&self) -> u64 {
        let first = self.0.of.values().min();
        // The highest number that SQLite knows.
        first.map_or(i64::MAX as u64, |first| first.saturating_sub(1))
    }
}

impl Pin {
    /// Gives up what is before this.
    pub(super) fn advance(&self, next: u64) {
        self.pins.0.lock().of.insert(self.key, next);
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.pins.0.lock().of.remove(&self.key);
    }
}
