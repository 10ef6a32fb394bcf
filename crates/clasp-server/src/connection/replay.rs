//! REPLAYs of a session: one after the other, a page at a time, as its outbox has room (protocol/router.md 11).

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use clasp_proto::{Code, Pattern, Replay, Signal, TypeMask};
use clasp_router::Session;
use clasp_store::journal::{Entry, JournalError};

use super::{Attached, input};
use crate::features::journal::{Journal, Wanted};
use crate::limits::{
    REPLAY_ENTRIES, REPLAY_ENTRIES_MAX, REPLAY_PAGE_BYTES, REPLAY_PAGE_ENTRIES_MAX,
    REPLAY_PAGE_ENTRIES_MIN, REPLAY_SHOWN_AT_ONCE,
};

/// What is asked for and not answered yet.
#[derive(Default)]
pub(super) struct Replays {
    /// The first is being answered.
    asked: VecDeque<Asked>,
    page: Option<PageRead>,
}

type PageRead = Pin<Box<dyn Future<Output = Result<Vec<Entry>, JournalError>> + Send>>;

/// A REPLAY.
pub(super) struct Asked {
    /// As it came.
    text: String,
    wanted: Arc<Wanted>,
    /// The last write that was looked at.
    after: u64,
    /// Entries that may still be sent.
    left: usize,
    /// Entries to be read at once: as many as an outbox easily takes.
    page_entries: usize,
}

impl Asked {
    /// What the message asks for.
    pub(super) fn new(replay: &Replay, pattern: Pattern) -> Self {
        let signals: Vec<Signal> = replay.types.signals().collect();
        let is_all = replay.types == TypeMask::ALL;
        // protocol/router.md 11.3
        let limit = replay.limit.map_or(REPLAY_ENTRIES, |limit| limit as usize);
        Self {
            text: replay.pattern.clone(),
            wanted: Arc::new(Wanted {
                pattern,
                from: replay.from,
                to: replay.to,
                signals: (!is_all).then_some(signals),
            }),
            after: 0,
            left: limit.min(REPLAY_ENTRIES_MAX),
            page_entries: REPLAY_PAGE_ENTRIES_MIN,
        }
    }

    fn read(&self, journal: &Arc<Journal>) -> PageRead {
        let (journal, wanted) = (Arc::clone(journal), Arc::clone(&self.wanted));
        let (after, limit) = (self.after, self.limit());
        Box::pin(async move { journal.page(wanted, after, limit).await })
    }

    fn limit(&self) -> usize {
        self.page_entries.min(self.left)
    }

    /// Notes what was read; false if there is no more.
    fn goes_on(&mut self, page: &[Entry], sent: usize) -> bool {
        let Some(last) = page.last() else {
            return false;
        };
        let is_full = page.len() >= self.limit();
        self.after = last.sequence;
        self.left -= sent;
        let bytes: usize = page.iter().map(|entry| entry.payload.len()).sum();
        let fits = REPLAY_PAGE_BYTES * page.len() / bytes.max(1);
        self.page_entries = fits.clamp(REPLAY_PAGE_ENTRIES_MIN, REPLAY_PAGE_ENTRIES_MAX);
        is_full && self.left > 0
    }
}

impl Replays {
    pub(super) fn extend(&mut self, asked: Vec<Asked>) {
        self.asked.extend(asked);
    }

    /// How many are not answered yet.
    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }

    /// Answers with what has been read, and reads on when there is room.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, attached: &Attached<'_>) {
        let Some(journal) = &attached.shared.journal else {
            return;
        };
        let session = &attached.session;
        while let Some(asked) = self.asked.front_mut() {
            let page = match &mut self.page {
                Some(page) => page,
                None if asked.left == 0 => {
                    self.asked.pop_front();
                    continue;
                }
                // Told when there is.
                None if !session.outbox.has_room_for_answers(cx.waker()) => return,
                none => none.insert(asked.read(journal)),
            };
            let Poll::Ready(page) = page.as_mut().poll(cx) else {
                return;
            };
            self.page = None;
            let goes_on = match page {
                Ok(page) => {
                    let sent = show(&page, cx, attached);
                    asked.goes_on(&page, sent)
                }
                Err(error) => {
                    tracing::error!(%error, "a REPLAY cannot be answered");
                    fail(&asked.text, cx, attached);
                    false
                }
            };
            if !goes_on {
                self.asked.pop_front();
            }
        }
    }
}

/// Sends entries as the session is shown them; gives how many those are. // protocol/router.md 11.5
fn show(page: &[Entry], cx: &Context<'_>, attached: &Attached<'_>) -> usize {
    let parts = page.chunks(REPLAY_SHOWN_AT_ONCE).map(|part| {
        with_batch(cx, attached, |batch| {
            let shown = part.iter().filter(|entry| batch.recall(&entry.payload));
            shown.count()
        })
    });
    parts.sum()
}

fn fail(pattern: &str, cx: &Context<'_>, attached: &Attached<'_>) {
    with_batch(cx, attached, |batch| {
        batch.error(Code::Internal, "the journal cannot be read", Some(pattern));
    });
}

pub(super) fn with_batch<T>(
    cx: &Context<'_>,
    attached: &Attached<'_>,
    use_it: impl FnOnce(&mut clasp_router::Batch<'_>) -> T,
) -> T {
    let Attached {
        shared, session, ..
    } = attached;
    let session: &Arc<Session> = session;
    let mut outcome = None;
    input::with_work(shared, |work| {
        let mut batch = shared.router.batch(session, shared.clock.now(), work);
        outcome = Some(use_it(&mut batch));
        batch.finish(Some(cx.waker()));
    });
    outcome.expect("the work was lent")
}
