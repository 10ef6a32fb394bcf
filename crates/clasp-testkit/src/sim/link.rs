//! A simulated connection: takes bytes out of an outbox as a socket would, fast, slowly or never.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use clasp_proto::{Binding, Message, binary, frame};
use clasp_router::{Drained, Now, Piece, Router, Session, Work};

use super::violation::Violation;

/// How a peer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// At once, everything.
    Prompt,
    /// A few bytes, now and then.
    Slow,
    /// Never.
    Stuck,
}

pub(super) struct Link {
    pub(super) session: Arc<Session>,
    pub(super) reader: Reader,
    binding: Binding,
    pieces: VecDeque<Piece>,
    /// How much of the first piece was written.
    written: usize,
    /// What the peer has received of a frame that is not complete.
    received: Vec<u8>,
}

impl Link {
    pub(super) fn new(session: Arc<Session>, reader: Reader, binding: Binding) -> Self {
        Self {
            session,
            reader,
            binding,
            pieces: VecDeque::new(),
            written: 0,
            received: Vec::new(),
        }
    }

    /// Moves up to `bytes` from the outbox to the peer and returns the messages that arrived.
    pub(super) fn read(
        &mut self,
        bytes: usize,
        router: &Router,
        now: Now,
        work: &mut Work,
    ) -> Result<Vec<Message>, Violation> {
        let mut left = bytes;
        while left > 0 {
            let Some(piece) = self.pieces.front() else {
                if self.refill(router, now, work) {
                    continue;
                }
                break;
            };
            let rest = &piece.as_ref()[self.written..];
            let count = rest.len().min(left);
            self.received.extend_from_slice(&rest[..count]);
            left -= count;
            self.written += count;
            if self.written == piece.as_ref().len() {
                self.pieces.pop_front();
                self.written = 0;
            }
            self.session.outbox.wrote(count, None, now.tick);
        }
        self.take_messages()
    }

    /// True if there is more to write.
    fn refill(&mut self, router: &Router, now: Now, work: &mut Work) -> bool {
        loop {
            if self.session.wants_snapshot() {
                router.fill(&self.session, now, work);
            }
            match self.session.outbox.take(Waker::noop(), &mut self.pieces) {
                Drained::Taken => return true,
                Drained::Closed(_) => return false,
                Drained::Empty if self.session.wants_snapshot() => {}
                Drained::Empty => return false,
            }
        }
    }

    fn take_messages(&mut self) -> Result<Vec<Message>, Violation> {
        let mut messages = Vec::new();
        let mut used = 0;
        while let Some((start, end)) = first_frame(self.binding, &self.received[used..])? {
            let (_, payload) = frame::split(&self.received[used + start..used + end])?;
            messages.push(binary::decode(payload)?);
            used += end;
        }
        self.received.drain(..used);
        Ok(messages)
    }
}

/// Where the first frame lies; `None` while it is incomplete.
fn first_frame(binding: Binding, bytes: &[u8]) -> Result<Option<(usize, usize)>, Violation> {
    let (start, len) = match binding {
        Binding::Bare => {
            let header = frame::Header::parse(bytes)?;
            (0, header.map(|header| header.frame_len()))
        }
        Binding::Length => (
            4,
            bytes
                .first_chunk()
                .map(|len| u32::from_be_bytes(*len) as usize),
        ),
        Binding::WebSocket => match bytes.get(1) {
            Some(126) => (
                4,
                bytes[2..]
                    .first_chunk()
                    .map(|len| usize::from(u16::from_be_bytes(*len))),
            ),
            Some(127) => (
                10,
                bytes[2..]
                    .first_chunk()
                    .map(|len| u64::from_be_bytes(*len) as usize),
            ),
            short => (2, short.map(|len| usize::from(*len))),
        },
    };
    Ok(len
        .map(|len| (start, start + len))
        .filter(|(_, end)| bytes.len() >= *end))
}
