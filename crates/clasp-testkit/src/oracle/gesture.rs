//! Throttling of gesture moves, as the oracle sees it (protocol/router.md 8.3 to 8.7).

use clasp_proto::Publish;

use super::{Moment, Who};

/// Who makes it, where, and its id.
pub(super) type GestureKey = (Who, String, u32);

/// Between start and end.
#[derive(Clone, Debug)]
pub(super) struct Gesture {
    sent_at: Moment,
    pub(super) waiting: Option<Publish>,
}

impl Gesture {
    pub(super) const fn new(now: Moment) -> Self {
        Self {
            sent_at: now,
            waiting: None,
        }
    }

    /// Takes a move; it is given back if it goes out at once.
    pub(super) fn moved<'p>(&mut self, publish: &'p Publish, now: Moment) -> Option<&'p Publish> {
        if self.waiting.is_none() && now >= self.sent_at + INTERVAL {
            self.sent_at = now;
            return Some(publish);
        }
        self.waiting = Some(publish.clone());
        None
    }

    /// When the move that waits may go out.
    pub(super) fn due(&self) -> Option<Moment> {
        self.waiting.as_ref().map(|_| self.sent_at + INTERVAL)
    }

    pub(super) fn take(&mut self, now: Moment) -> Option<Publish> {
        self.sent_at = now;
        self.waiting.take()
    }
}

/// At most one move in so many microseconds.
pub(crate) const INTERVAL: Moment = 16_000;
