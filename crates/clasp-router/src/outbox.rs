//! What one session still has to be sent: framed bytes, within a budget.
//!
//! Below half of the budget the outbox is a plain queue. Above it, values that a newer one
//! replaces (params, stream samples, gesture moves) are kept once per address: the newer one
//! takes the place of the older. At the budget the outbox closes. So a value is never lost
//! silently: it is delivered, replaced by a newer one, or the session ends with a reason
//! (protocol/router.md 16.1, 16.4, protocol/limits.md 4.5).

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use clasp_proto::Binding;

use crate::limits::{PROGRESS_WINDOW, RUN_BYTES_MAX};
use crate::pressed::Pressed;
use crate::run::Run;
use crate::sync::Mutex;
use crate::time::{Tick, micros};

/// A stretch of framed bytes, ready for the socket.
#[derive(Debug)]
pub enum Piece {
    /// Small frames, copied one behind the other.
    Owned(Vec<u8>),
    /// A large frame, shared with the other subscribers.
    Shared(Bytes),
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// Why the router ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The session was detached by its own connection.
    Detached,
    /// More was queued than the budget allows.
    SlowConsumer,
    /// The router is about to end.
    ShuttingDown,
    /// What gave the session its rights holds no more.
    Revoked,
    /// Somebody who runs the router wants it to end.
    Dismissed,
}

/// What a writer found in the outbox.
#[derive(Debug, PartialEq, Eq)]
pub enum Drained {
    /// Nothing; the waker is told when there is something.
    Empty,
    /// Pieces were moved out; report with [`Outbox::wrote`] what of them was sent.
    Taken,
    /// Nothing more will come.
    Closed(Closed),
}

/// What a push did.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    /// The writer to wake, if it waits.
    pub(crate) waker: Option<Waker>,
    /// Publishers that wait for room in an outbox that is closed now.
    pub(crate) stalled: Vec<Waker>,
    /// The outbox is above half of its budget and its reader makes progress.
    pub(crate) pressed: bool,
    /// Older values that were replaced.
    pub(crate) superseded: u64,
    /// Frames that were not taken, since the outbox is closed.
    pub(crate) too_late: usize,
    /// What the outbox held when it was closed because of this push.
    pub(crate) discarded_bytes: usize,
}

/// The queue of one session. See the module for its rules.
#[derive(Debug)]
pub struct Outbox {
    binding: Binding,
    budget_bytes: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    pieces: Vec<Piece>,
    tail: Vec<u8>,
    pressed: Pressed,
    /// Bytes in `pieces` and `tail`, and bytes that were taken and not yet reported written.
    queued_bytes: usize,
    progressed_at: Tick,
    /// The writer.
    waker: Option<Waker>,
    /// The writer wants to be told of the next push; of a close it is told anyway.
    is_waiting: bool,
    stalled: Vec<Waker>,
    closed: Option<Closed>,
    superseded: u64,
}

impl Outbox {
    /// An empty outbox whose frames are delimited as `binding` says.
    #[must_use]
    pub fn new(binding: Binding, budget_bytes: usize) -> Self {
        Self {
            binding,
            budget_bytes,
            inner: Mutex::new(Inner::default()),
        }
    }

    /// Moves what is queued into `pieces`, or keeps `waker` until there is something.
    pub fn take(&self, waker: &Waker, pieces: &mut VecDeque<Piece>) -> Drained {
        let mut inner = self.inner.lock();
        let before = pieces.len();
        pieces.extend(inner.pieces.drain(..));
        if !inner.tail.is_empty() {
            pieces.push_back(Piece::Owned(std::mem::take(&mut inner.tail)));
        }
        if !inner.pressed.is_empty() {
            inner.queued_bytes += inner.pressed.drain_into(pieces);
        }
        match &mut inner.waker {
            Some(held) => held.clone_from(waker),
            held => *held = Some(waker.clone()),
        }
        if pieces.len() > before {
            return Drained::Taken;
        }
        if let Some(reason) = inner.closed {
            return Drained::Closed(reason);
        }
        inner.is_waiting = true;
        Drained::Empty
    }

    /// Reports that `bytes` of what was taken went to the socket. A buffer that was written to
    /// its end may be given back as `spare`, so that a steady flow allocates nothing.
    pub fn wrote(&self, bytes: usize, spare: Option<Vec<u8>>, now: Tick) {
        let mut inner = self.inner.lock();
        inner.queued_bytes = inner.queued_bytes.saturating_sub(bytes);
        inner.progressed_at = now;
        inner.reuse(spare);
        if inner.stalled.is_empty() || inner.load_bytes() > self.half_bytes() {
            return;
        }
        // As many as there is room for: each may push a run before it is told to wait again. The
        // others are told with the next write, or look again by themselves.
        let room_runs = (self.half_bytes() - inner.load_bytes()) / RUN_BYTES_MAX;
        let count = room_runs.max(1).min(inner.stalled.len());
        let stalled: Vec<_> = inner.stalled.drain(..count).collect();
        drop(inner);
        stalled.into_iter().for_each(Waker::wake);
    }

    /// Queues bytes of the transport itself, already framed: pings, pongs, a close.
    pub fn push_control(&self, bytes: &[u8], now: Tick) {
        let mut inner = self.inner.lock();
        if inner
            .closed
            .is_some_and(|reason| reason != Closed::ShuttingDown)
        {
            return;
        }
        inner.begin_at(now);
        inner.tail.extend_from_slice(bytes);
        inner.queued_bytes += bytes.len();
        if inner.load_bytes() > self.budget_bytes {
            inner.close(Closed::SlowConsumer);
        }
    }

    /// True if a publisher that feeds this outbox need not wait (any longer): it fell below half
    /// of its budget, it ended, or its reader stands still. Otherwise `waker` is told about room.
    pub fn has_room(&self, now: Tick, waker: &Waker) -> bool {
        let mut inner = self.inner.lock();
        if !self.is_pressed(&inner, now) {
            return true;
        }
        Self::wait(&mut inner, waker);
        false
    }

    /// Like [`Self::has_room`] for the session's own reading: also waits for a reader that stands
    /// still, since a peer that does not read its answers may well be asked no more questions.
    pub fn has_room_for_answers(&self, waker: &Waker) -> bool {
        let mut inner = self.inner.lock();
        if inner.closed.is_some() || inner.load_bytes() <= self.half_bytes() {
            return true;
        }
        Self::wait(&mut inner, waker);
        false
    }

    /// True if no more questions of the session should be answered until some of this is written.
    #[must_use]
    pub fn is_above_half(&self) -> bool {
        self.inner.lock().load_bytes() > self.half_bytes()
    }

    /// How long nothing was written although something is queued.
    #[must_use]
    pub fn stalled_for(&self, now: Tick) -> Duration {
        let inner = self.inner.lock();
        if inner.load_bytes() == 0 {
            return Duration::ZERO;
        }
        Duration::from_micros(now.since(inner.progressed_at))
    }

    /// Bytes that wait here or were taken and not yet written.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.inner.lock().load_bytes()
    }

    /// How many values were replaced by newer ones before they were sent.
    #[must_use]
    pub fn superseded(&self) -> u64 {
        self.inner.lock().superseded
    }

    /// True if the session has to end now, whatever was taken and not written yet.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let closed = self.closed();
        matches!(closed, Some(Closed::Revoked | Closed::Dismissed))
    }

    /// The writer, for whoever has something else to tell it.
    pub(crate) fn waker(&self) -> Option<Waker> {
        self.inner.lock().waker.clone()
    }

    /// Why the outbox is closed, if it is.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.inner.lock().closed
    }

    /// Takes nothing more in. What is queued is still sent, unless nobody is there to send it.
    pub(crate) fn close(&self, reason: Closed) {
        let mut inner = self.inner.lock();
        let waker = inner.close(reason);
        let stalled = std::mem::take(&mut inner.stalled);
        drop(inner);
        waker.into_iter().chain(stalled).for_each(Waker::wake);
    }

    /// Queues all frames of `run`.
    pub(crate) fn push(&self, run: &Run, now: Tick) -> Pushed {
        let mut inner = self.inner.lock();
        if inner.closed.is_some() {
            return Pushed {
                too_late: run.count(),
                ..Pushed::default()
            };
        }
        inner.begin_at(now);
        let mut superseded = 0;
        if inner.pressed.is_empty() && inner.queued_bytes <= self.half_bytes() {
            inner.append(self.binding, run);
        } else {
            superseded = inner.pressed.push(self.binding, run);
            inner.superseded += superseded;
        }
        if inner.load_bytes() > self.budget_bytes {
            return Pushed {
                discarded_bytes: inner.load_bytes(),
                waker: inner.close(Closed::SlowConsumer),
                stalled: std::mem::take(&mut inner.stalled),
                superseded,
                ..Pushed::default()
            };
        }
        let is_waiting = std::mem::take(&mut inner.is_waiting);
        Pushed {
            waker: inner.waker.clone().filter(|_| is_waiting),
            pressed: self.is_pressed(&inner, now),
            superseded,
            ..Pushed::default()
        }
    }

    fn is_pressed(&self, inner: &Inner, now: Tick) -> bool {
        inner.closed.is_none()
            && inner.load_bytes() > self.half_bytes()
            && now.since(inner.progressed_at) < micros(PROGRESS_WINDOW)
    }

    fn wait(inner: &mut Inner, waker: &Waker) {
        if !inner.stalled.iter().any(|held| held.will_wake(waker)) {
            inner.stalled.push(waker.clone());
        }
    }

    const fn half_bytes(&self) -> usize {
        self.budget_bytes / 2
    }
}

impl Inner {
    const fn load_bytes(&self) -> usize {
        self.queued_bytes + self.pressed.bytes()
    }

    /// A queue that was empty starts its clock with what comes now.
    fn begin_at(&mut self, now: Tick) {
        if self.load_bytes() == 0 {
            self.progressed_at = now;
        }
    }

    fn append(&mut self, binding: Binding, run: &Run) {
        if let Some(shared) = run.shared(binding) {
            if let Some((prefix, count)) = shared.prefix {
                self.tail.extend_from_slice(&prefix[..count]);
                self.queued_bytes += count;
            }
            if !self.tail.is_empty() {
                self.pieces
                    .push(Piece::Owned(std::mem::take(&mut self.tail)));
            }
            self.queued_bytes += shared.bytes.len();
            self.pieces.push(Piece::Shared(shared.bytes));
            return;
        }
        let before = self.tail.len();
        run.append_to(binding, &mut self.tail);
        self.queued_bytes += self.tail.len() - before;
    }

    /// The first reason holds, except that a session which is gone is gone, and that one without
    /// rights gets nothing more.
    fn close(&mut self, reason: Closed) -> Option<Waker> {
        let weight = |reason: Option<Closed>| match reason {
            None => 0,
            Some(Closed::SlowConsumer | Closed::ShuttingDown) => 1,
            Some(Closed::Revoked | Closed::Dismissed) => 2,
            Some(Closed::Detached) => 3,
        };
        if weight(Some(reason)) > weight(self.closed) {
            self.closed = Some(reason);
        }
        if reason != Closed::ShuttingDown {
            // Nobody will read it.
            self.pieces = Vec::new();
            self.tail = Vec::new();
            self.pressed = Pressed::default();
            self.queued_bytes = 0;
        }
        self.waker.take()
    }

    fn reuse(&mut self, spare: Option<Vec<u8>>) {
        let Some(mut spare) = spare else { return };
        if self.tail.capacity() == 0 && spare.capacity() <= REUSED_CAPACITY_MAX {
            spare.clear();
            self.tail = spare;
        }
    }
}

/// A buffer up to this size stays with its session; larger ones go back to the allocator, so
/// that an idle session costs little.
const REUSED_CAPACITY_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
