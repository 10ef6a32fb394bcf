//! Reads what was journaled, a page at a time, on threads that may wait for the disk.

use std::sync::Arc;

use clasp_proto::{Pattern, Signal};
use clasp_store::journal::{Entry, JournalError, Query, Reader, Snapshot};

use super::Journal;
use crate::supervisor::blocking;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) pattern: Pattern,
    /// Microseconds since 1970, both included.
    pub(crate) from: Option<u64>,
    pub(crate) to: Option<u64>,
    /// Nothing means all.
    pub(crate) signals: Option<Vec<Signal>>,
}

impl Journal {
    /// The writes after a number that are asked for, at most so many, in their order.
    pub(crate) async fn page(
        self: &Arc<Self>,
        wanted: Arc<Wanted>,
        after_sequence: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, JournalError> {
        self.read(move |reader| {
            let query = Query {
                pattern: &wanted.pattern,
                from_us: wanted.from,
                to_us: wanted.to,
                after_sequence,
                limit,
                signals: wanted.signals.as_deref(),
            };
            reader.query(&query, &mut |_| true)
        })
        .await
    }

    /// The number of the last write; 0 before the first.
    pub(crate) async fn latest(self: &Arc<Self>) -> Result<u64, JournalError> {
        self.read(Reader::latest_sequence).await
    }

    /// The newest snapshot.
    pub(crate) async fn newest_snapshot(
        self: &Arc<Self>,
    ) -> Result<Option<Snapshot>, JournalError> {
        self.read(Reader::newest_snapshot).await
    }

    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Reader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let place = Arc::clone(&self.readers).acquire_owned().await;
        let place = place.expect("nobody closes it");
        let journal = Arc::clone(self);
        blocking(move || {
            // Given back when the reading has ended: who asked may have hung up long before, or not looked since.
            let _place = place;
            work(&journal.store.reader()?)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
