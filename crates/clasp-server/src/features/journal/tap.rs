//! Hands every commit of the router to the journal.

use std::sync::Arc;

use clasp_router::{Commit, Kept, Tap, Written};
use clasp_store::journal::{Record, Write};

use super::Journal;

/// The tap of the journal.
pub(super) struct JournalTap(pub(super) Arc<Journal>);

impl Tap for JournalTap {
    fn reserve(&self, writes: usize) -> bool {
        let Self(journal) = self;
        !journal.standing.has_stopped() && journal.store.reserve(writes)
    }

    fn release(&self, writes: usize) {
        self.0.store.release(writes);
    }

    fn kept(&self) -> Kept {
        match self.0.acks_wait {
            true => self.0.standing.kept(),
            false => Kept::ALL,
        }
    }

    fn committed(&self, commit: &Commit<'_>) {
        let Some(sequence) = commit.sequence else {
            // Outdated in a moment.
            return;
        };
        let Self(journal) = self;
        journal.standing.handed_over(sequence, commit.now.tick);
        let append = |writes: &[Write<'_>]| {
            let record = Record {
                sequence,
                at_us: commit.now.wall.0,
                author: &commit.session.id,
                writes,
            };
            if let Err(error) = journal.store.append(&record) {
                // It is answered 501, since the mark never gets there.
                tracing::error!(%error, sequence, "a write cannot be journaled");
            }
        };
        match commit.writes {
            [written] => append(&[write(written)]),
            all => {
                append(&all.iter().map(write).collect::<Vec<_>>());
                // Room was taken for each of them, and used for one record.
                journal.store.release(all.len() - 1);
            }
        }
    }
}

/// Of the SETs those have a signal that made their param, so that recovery knows where a time to live goes on.
pub(super) fn write<'a>(written: &Written<'a>) -> Write<'a> {
    Write {
        signal: written.signal.filter(|_| !written.goes_on),
        payload: written.payload,
    }
}
