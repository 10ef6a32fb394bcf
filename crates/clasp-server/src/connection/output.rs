//! The writing half of a connection: what was taken from the outbox, until the socket has it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use clasp_proto::{Binding, Code, ErrorMessage, Message, Qos, binary, frame};
use clasp_router::{Closed, Drained, Piece, Session};
use clasp_transport::{Stream, websocket};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Attached, End};

/// Pieces that are on their way to the socket.
#[derive(Default)]
pub(super) struct Output {
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece that are written.
    written: usize,
}

impl Output {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Drops what is not written yet; false if the peer would have half a frame then.
    pub(super) fn drop_rest(&mut self) -> bool {
        // A shared frame may have its beginning in the piece before it.
        let is_between = match self.pieces.front() {
            None => true,
            Some(Piece::Owned(_)) => self.written == 0,
            Some(Piece::Shared(_)) => false,
        };
        self.pieces.clear();
        self.written = 0;
        is_between
    }

    /// Takes what the outbox holds; says if it is closed and nothing is left in it.
    pub(super) fn refill(&mut self, session: &Session, waker: &Waker) -> Option<Closed> {
        match session.outbox.take(waker, &mut self.pieces) {
            Drained::Taken | Drained::Empty => None,
            Drained::Closed(reason) => Some(reason),
        }
    }

    /// Writes as much as the socket takes in one call.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        attached: &Attached<'_>,
    ) -> Poll<Result<(), End>> {
        let count = ready!(self.poll_once(cx, stream))?;
        let spare = self.advance(count);
        let Attached {
            shared, session, ..
        } = attached;
        session.outbox.wrote(count, spare, shared.clock.tick());
        shared.metrics.add_sent(count);
        Poll::Ready(Ok(()))
    }

    /// Writes what is left and `last`, then ends the stream.
    pub(super) async fn finish(&mut self, stream: &mut Stream, last: &[u8]) -> io::Result<()> {
        while !self.pieces.is_empty() {
            let count = std::future::poll_fn(|cx| self.poll_once(cx, stream)).await?;
            self.advance(count);
        }
        stream.write_all(last).await?;
        stream.shutdown().await
    }

    fn poll_once(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<io::Result<usize>> {
        let mut pieces = self.pieces.iter().map(AsRef::as_ref);
        let first = pieces
            .next()
            .map_or(&[][..], |first| &first[self.written..]);
        let written = if self.pieces.len() == 1 {
            Pin::new(stream).poll_write(cx, first)
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            slices[0] = IoSlice::new(first);
            let mut count = 1;
            for (slice, piece) in slices[1..].iter_mut().zip(pieces) {
                *slice = IoSlice::new(piece);
                count += 1;
            }
            Pin::new(stream).poll_write_vectored(cx, &slices[..count])
        };
        match ready!(written) {
            Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            other => Poll::Ready(other),
        }
    }

    /// Drops what is written; gives back the last buffer of it, to be used again.
    fn advance(&mut self, count: usize) -> Option<Vec<u8>> {
        self.written += count;
        let mut spare = None;
        while let Some(piece) = self.pieces.front() {
            let len = piece.as_ref().len();
            if self.written < len {
                break;
            }
            self.written -= len;
            if let Some(Piece::Owned(buffer)) = self.pieces.pop_front() {
                spare = Some(buffer);
            }
        }
        spare
    }
}

/// What asks a silent peer for a sign of life: a WebSocket ping, which every client's library
/// answers, or a PING where there is no WebSocket. // protocol/router.md 14.2
pub(super) fn ping(binding: Binding) -> Vec<u8> {
    let mut out = Vec::new();
    if binding == Binding::WebSocket {
        websocket::ping(&mut out, b"");
    } else {
        message(&mut out, binding, &Message::Ping);
    }
    out
}

/// Appends an ERROR, ready for the socket.
pub(super) fn error(out: &mut Vec<u8>, binding: Binding, code: Code, text: &str) {
    let error = ErrorMessage {
        code: code.number(),
        message: text.to_owned(),
        address: None,
        correlation_id: None,
    };
    message(out, binding, &Message::Error(error));
}

/// Appends a message, ready for the socket.
pub(super) fn message(out: &mut Vec<u8>, binding: Binding, message: &Message) {
    let mut payload = Vec::new();
    binary::encode(message, &mut payload).expect("a short message fits into a frame");
    let mut bytes = Vec::new();
    frame::write(&mut bytes, Qos::Fire, &payload).expect("a short message fits into a frame");
    let (prefix, count) = binding.prefix(bytes.len());
    out.extend_from_slice(&prefix[..count]);
    out.extend_from_slice(&bytes);
}

/// Pieces that one write takes.
const SLICES_MAX: usize = 64;
