//! Sets and publications that nobody asks about: kept for a while, so that their refusals are not taken for those of
//! requests that somebody waits for.

use std::collections::VecDeque;

use clasp_proto::Code;

use super::pending::Kind;
use crate::limits::UNCONFIRMED_MAX;

/// The latest of them that no barrier has settled, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Unconfirmed {
    queue: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    /// Its place among all requests.
    number: u64,
}

impl Unconfirmed {
    /// Beyond the bound the oldest is forgotten.
    pub(crate) fn push(&mut self, kind: Kind, number: u64) {
        if self.queue.len() >= UNCONFIRMED_MAX {
            self.queue.pop_front();
        }
        self.queue.push_back(Entry { kind, number });
    }

    /// Forgets the oldest that an ERROR can be about, true if there is one.
    /// With `before` only one that was sent before the request of that number counts.
    pub(crate) fn refused(
        &mut self,
        code: Option<Code>,
        address: &str,
        before: Option<u64>,
    ) -> bool {
        let position = self.queue.iter().position(|entry| {
            entry.kind.mentions(address)
                && entry.kind.is_refused_with(code)
                && before.is_none_or(|before| entry.number < before)
        });
        position.is_some_and(|position| self.queue.remove(position).is_some())
    }

    /// True if one that was sent after the request of this number is about this address.
    pub(crate) fn mentions(&self, address: &str, after: u64) -> bool {
        let newest = self.queue.iter().rev();
        let mut unsettled = newest.take_while(|entry| entry.number > after);
        unsettled.any(|entry| entry.kind.mentions(address))
    }

    /// The router has handled everything up to this number.
    pub(crate) fn settle(&mut self, number: u64) {
        while self
            .queue
            .front()
            .is_some_and(|entry| entry.number < number)
        {
            self.queue.pop_front();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }
}
