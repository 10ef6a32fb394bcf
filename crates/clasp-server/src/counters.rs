//! Counters: what the server has seen since its start, for logs and metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only grow. Reading them costs nobody anything.
#[derive(Debug, Default)]
pub struct Counters {
    accepted: AtomicU64,
    turned_away: AtomicU64,
    displaced: AtomicU64,
    panicked: AtomicU64,
    accept_failures: AtomicU64,
    reloaded: AtomicU64,
    reload_failures: AtomicU64,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Connections taken in.
    Accepted,
    /// Connections refused because their address or the server had too many.
    TurnedAway,
    /// Connections that did not greet in time to keep their place.
    Displaced,
    /// Connections ended by a panic, which is a defect of ours.
    Panicked,
    /// Times that the system could not give us a connection.
    AcceptFailure,
    /// Certificates read again and taken into use.
    Reloaded,
    /// Certificates that could not take the place of the one in use.
    ReloadFailed,
}

impl Counters {
    /// The count so far.
    pub fn read(&self, counted: Counted) -> u64 {
        self.cell(counted).load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, counted: Counted) {
        self.cell(counted).fetch_add(1, Ordering::Relaxed);
    }

    fn cell(&self, counted: Counted) -> &AtomicU64 {
        match counted {
            Counted::Accepted => &self.accepted,
            Counted::TurnedAway => &self.turned_away,
            Counted::Displaced => &self.displaced,
            Counted::Panicked => &self.panicked,
            Counted::AcceptFailure => &self.accept_failures,
            Counted::Reloaded => &self.reloaded,
            Counted::ReloadFailed => &self.reload_failures,
        }
    }
}
