//! What a connection has to do with the journal: it sends ACKs when writes are durable, and reads no further while too
//! much waits for the disk (protocol/router.md 18.4, 18.7).

use std::task::{Context, Waker};

use tokio::time::timeout;

use super::{Attached, input};
use crate::limits::LAST_ACKS_MAX;

/// What a connection waits for. Without a journal it never does.
#[derive(Default)]
pub(super) struct Durable {
    /// It is told when the write with this number is kept; 0 for none.
    told_of: u64,
    /// Since when it is told of room.
    told_since: u64,
    /// Its own writes found the journal filling.
    has_filled: bool,
}

impl Durable {
    /// Sends the answers that have waited long enough, and asks to be told of the next.
    pub(super) fn settle(&mut self, cx: &Context<'_>, attached: &Attached<'_>) {
        let Attached {
            shared, session, ..
        } = attached;
        let Some(journal) = &shared.journal else {
            return;
        };
        if session.outbox.closed().is_some() {
            // It takes nothing more: they are its last words.
            return;
        }
        while let Some(first) = session.owed().map(|owed| *owed.start()) {
            let is_settled = match first == self.told_of {
                true => journal.is_settled(first),
                false => journal.has_kept(first, cx.waker()),
            };
            if !is_settled {
                self.told_of = first;
                return;
            }
            self.told_of = 0;
            input::with_work(shared, |work| {
                let mut batch = shared.router.batch(session, shared.clock.now(), work);
                batch.settle();
                batch.finish(Some(cx.waker()));
            });
        }
    }

    /// Notes that there was hardly room for what the peer wrote last.
    pub(super) const fn note_filling(&mut self) {
        self.has_filled = true;
    }

    /// True while the peer is not read. // protocol/router.md 18.7
    pub(super) fn holds_back(&mut self, attached: &Attached<'_>, waker: &Waker) -> bool {
        let Some(journal) = &attached.shared.journal else {
            return false;
        };
        // Of those it is told already.
        if attached.session.owes_much() {
            return true;
        }
        self.has_filled = self.has_filled && !journal.has_room(waker, &mut self.told_since);
        self.has_filled
    }
}

/// The ACKs of a session that is told to end, framed; waits for the disk, but not for long.
/// // protocol/router.md 14.5
pub(super) async fn last_acks(attached: &Attached<'_>, binding: clasp_proto::Binding) -> Vec<u8> {
    let Attached {
        shared, session, ..
    } = attached;
    let (Some(journal), Some(owed)) = (&shared.journal, session.owed()) else {
        return Vec::new();
    };
    // Those that are not kept by then are not acknowledged.
    timeout(LAST_ACKS_MAX, journal.kept(*owed.end())).await.ok();
    shared.router.last_answers(session, binding)
}
