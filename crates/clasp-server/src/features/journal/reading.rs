//! Reads what was journaled, a page at a time, on threads that may wait for the disk.

use std::sync::Arc;

use clasp_proto::{Pattern, Signal};
use clasp_store::journal::{Entry, JournalError, Query, Reader, Snapshot};

use super::Journal;
use super::limits::PART_BATCHES;
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

impl Wanted {
    /// True if no write can be it.
    fn is_nothing(&self) -> bool {
        self.signals.as_ref().is_some_and(Vec::is_empty)
    }

    fn query(&self, after_sequence: u64, limit: usize) -> Query<'_> {
        Query {
            pattern: &self.pattern,
            from_us: self.from,
            to_us: self.to,
            after_sequence,
            limit,
            signals: self.signals.as_deref(),
        }
    }
}

impl Journal {
    /// The writes after a number that are asked for, at most so many, in their order.
    pub(crate) async fn page(
        self: &Arc<Self>,
        wanted: Arc<Wanted>,
        after_sequence: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, JournalError> {
        let mut found = Vec::new();
        let mut after = Some(after_sequence).filter(|_| !wanted.is_nothing());
        while let Some(after_sequence) = after.filter(|_| found.len() < limit) {
            let (wanted, limit) = (Arc::clone(&wanted), limit - found.len());
            let part = self.read(move |reader| {
                let query = wanted.query(after_sequence, limit);
                reader.part(&query, &mut |_| true, PART_BATCHES)
            });
            let part = part.await?;
            found.extend(part.entries);
            after = part.goes_on_after;
        }
        Ok(found)
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
