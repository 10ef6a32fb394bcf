//! Where readers are: a compaction removes nothing that one of them has still to read.

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
    /// Keeps all that is there now.
    pub(super) fn pin(self: &Arc<Self>) -> Pin {
        let mut positions = self.0.lock();
        let key = positions.next_key;
        positions.next_key += 1;
        positions.of.insert(key, 0);
        Pin {
            pins: Arc::clone(self),
            key,
        }
    }

    pub(super) fn hold(&self) -> Held<'_> {
        Held(self.0.lock())
    }
}

impl Held<'_> {
    /// The first sequence number that is still to be read.
    pub(super) fn first(&self) -> Option<u64> {
        self.0.of.values().min().copied()
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
