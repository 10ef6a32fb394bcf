//! PONGs that wait until all is answered that was asked for before their PINGs: no message marks the end of a snapshot or a
//! REPLAY, so that this is how a client learns of it (protocol/router.md 12.1).

use std::task::Context;

use clasp_proto::{Message, binary};

use super::Attached;
use super::replay::{Replays, with_batch};
use crate::limits::PONGS_OWED_MAX;

/// How many wait.
#[derive(Default)]
pub(super) struct Pongs(usize);

impl Pongs {
    pub(super) const fn extend(&mut self, owed: usize) {
        self.0 += owed;
    }

    /// True if the peer should be read no further until they are sent.
    pub(super) const fn are_many(&self) -> bool {
        self.0 >= PONGS_OWED_MAX
    }

    /// Sends them if nothing is under way any more.
    pub(super) fn settle(&mut self, cx: &Context<'_>, attached: &Attached<'_>, replays: &Replays) {
        if self.0 == 0 || attached.session.wants_snapshot() || replays.len() > 0 {
            return;
        }
        let mut pong = Vec::new();
        binary::encode(&Message::Pong, &mut pong).expect("a PONG fits into any frame");
        with_batch(cx, attached, |batch| {
            (0..std::mem::take(&mut self.0)).for_each(|_| batch.answer(&pong));
        });
    }
}
