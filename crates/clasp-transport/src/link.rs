//! Link: a client's connection, frame by frame.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use clasp_proto::limits::FRAME_MAX;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::error::LinkError;
use crate::limits::{READ_AHEAD_BYTES_MAX, READ_BYTES};
use crate::reader::FrameReader;
use crate::step::{Closed, Step};
use crate::stream::Stream;
use crate::tcp;
use crate::websocket::{ClientFrames, Reader};

/// A connection to a CLASP server. One task owns it: while a write is blocked it goes on reading,
/// so that two sides that send much at once do not wait for each other.
#[derive(Debug)]
pub struct Link {
    stream: Stream,
    reader: FrameReader,
    writer: Writer,
    received: BytesMut,
    unsent: Vec<u8>,
    /// How much of `unsent` the socket has taken.
    sent: usize,
    closed: Option<Closed>,
    at_end: bool,
}

/// How frames are written.
#[derive(Debug)]
enum Writer {
    WebSocket(ClientFrames),
    Length,
    Bare,
}

impl Link {
    /// A link of length-prefixed frames over any stream, for example one end of [`crate::memory::pair`].
    pub fn length(stream: Stream) -> Self {
        Self::new(stream, FrameReader::length(), Writer::Length)
    }

    /// A link of frames one behind the other, over a QUIC stream.
    pub(crate) fn bare(stream: Stream) -> Self {
        Self::new(stream, FrameReader::bare(), Writer::Bare)
    }

    /// A link over a WebSocket that has been upgraded; `leftover` came with the server's answer.
    pub(crate) fn websocket(stream: Stream, leftover: &[u8]) -> Self {
        let mut link = Self::new(
            stream,
            FrameReader::WebSocket(Reader::client()),
            Writer::WebSocket(ClientFrames::new()),
        );
        link.received.extend_from_slice(leftover);
        link
    }

    /// The next CLASP frame; nothing when the link has ended, and then [`Self::closed`] may say why.
    /// Pings are answered on the way. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// The socket failed, or the server broke the transport's rules.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, LinkError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Sends whole CLASP frames, as few writes as possible. When the future is dropped, they are still
    /// sent by the calls that follow. After an error [`Self::recv`] may still tell why the server ended the link.
    ///
    /// # Errors
    /// A frame is too large (then none is sent), or the socket failed.
    pub async fn send_many(&mut self, frames: &[Bytes]) -> Result<(), LinkError> {
        if let Some(frame) = frames.iter().find(|frame| frame.len() > FRAME_MAX) {
            return Err(LinkError::TooLarge { bytes: frame.len() });
        }
        for frame in frames {
            match &mut self.writer {
                Writer::WebSocket(frames) => frames.binary(&mut self.unsent, frame),
                Writer::Length => tcp::write_frame(&mut self.unsent, frame),
                Writer::Bare => self.unsent.extend_from_slice(frame),
            }
        }
        self.flush().await
    }

    /// Bytes that [`Self::send_many`] was given and the socket has not taken yet.
    pub fn unsent_bytes(&self) -> usize {
        self.unsent.len() - self.sent
    }

    /// Says goodbye, waits a moment for the server's answer, and closes the socket. Frames that still arrive are dropped.
    ///
    /// # Errors
    /// The socket failed before the goodbye was out.
    pub async fn close(&mut self, code: u16, reason: &str) -> Result<(), LinkError> {
        if let (Writer::WebSocket(frames), None) = (&mut self.writer, &self.closed) {
            frames.close(&mut self.unsent, code, reason);
        }
        let goodbye = async {
            self.flush().await?;
            if let Writer::Length | Writer::Bare = self.writer {
                self.stream.shutdown().await?;
            }
            // The goodbye is out; what the server still says changes nothing.
            while let Ok(Some(_)) = self.recv().await {}
            Ok(())
        };
        let outcome = timeout(CLOSE_TIME, goodbye).await.unwrap_or(Ok(()));
        timeout(CLOSE_TIME, self.stream.shutdown()).await.ok();
        outcome
    }

    /// What the server said when it ended the link; nothing while it goes on, or if it said nothing.
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    fn new(stream: Stream, reader: FrameReader, writer: Writer) -> Self {
        Self {
            stream,
            reader,
            writer,
            received: BytesMut::new(),
            unsent: Vec::new(),
            sent: 0,
            closed: None,
            at_end: false,
        }
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, LinkError>> {
        loop {
            if self.closed.is_none()
                && let Some(frame) = self.next_frame()?
            {
                return Poll::Ready(Ok(Some(frame)));
            }
            // Pongs, and what a dropped send left behind. A server that has ended the link takes no more,
            // but may have said why, so that reading goes on.
            let _write_may_have_failed = self.poll_write(cx);
            if self.closed.is_some() {
                return Poll::Ready(Ok(None));
            }
            if self.at_end {
                let is_whole = self.received.is_empty();
                return Poll::Ready(if is_whole {
                    Ok(None)
                } else {
                    Err(LinkError::Truncated)
                });
            }
            ready!(self.poll_read(cx))?;
        }
    }

    /// Cuts the next frame out of what has been received, sharing its memory.
    fn next_frame(&mut self) -> Result<Option<Bytes>, LinkError> {
        let mut at = 0;
        loop {
            match self.reader.next(&mut self.received, &mut at)? {
                Step::Binary(range) => {
                    let mut frame = self.received.split_to(at);
                    frame.truncate(range.end);
                    frame.advance(range.start);
                    return Ok(Some(frame.freeze()));
                }
                Step::Assembled(frame) => {
                    self.received.advance(at);
                    return Ok(Some(frame.into()));
                }
                Step::NeedMore(_) => {
                    self.received.advance(at);
                    return Ok(None);
                }
                Step::Text | Step::Pong => {}
                Step::Ping(range) => {
                    if let Writer::WebSocket(frames) = &mut self.writer {
                        frames.pong(&mut self.unsent, &self.received[range]);
                    }
                }
                Step::Close { code, reason } => {
                    self.end(code, reason);
                    return Ok(None);
                }
            }
        }
    }

    /// Notes the server's goodbye and answers it.
    fn end(&mut self, code: Option<u16>, reason: std::ops::Range<usize>) {
        let reason = String::from_utf8_lossy(&self.received[reason]).into_owned();
        if let Writer::WebSocket(frames) = &mut self.writer {
            frames.close(&mut self.unsent, code.unwrap_or(NORMAL_CLOSURE), "");
        }
        self.closed = Some(Closed { code, reason });
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        loop {
            if let Poll::Ready(outcome) = self.poll_write(cx) {
                return Poll::Ready(outcome.map_err(LinkError::Io));
            }
            if self.at_end || self.received.len() >= READ_AHEAD_BYTES_MAX {
                return Poll::Pending;
            }
            ready!(self.poll_read(cx))?;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.unsent.len() {
            let written =
                ready!(Pin::new(&mut self.stream).poll_write(cx, &self.unsent[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        self.unsent.clear();
        self.sent = 0;
        // TLS keeps what the socket did not take.
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.received.capacity() - self.received.len() < READ_BYTES / 4 {
            self.received.reserve(READ_BYTES);
        }
        // The future keeps nothing between two polls.
        let read = ready!(pin!(self.stream.read_buf(&mut self.received)).poll(cx))?;
        self.at_end = read == 0;
        Poll::Ready(Ok(()))
    }
}

const NORMAL_CLOSURE: u16 = 1000;
const CLOSE_TIME: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
