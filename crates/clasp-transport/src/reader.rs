//! FrameReader: cuts CLASP frames out of received bytes, on any transport.

use crate::error::ProtocolError;
use crate::step::Step;
use crate::{quic, tcp, websocket};

/// The reading state of one connection; a few words while nothing is half received.
#[derive(Debug)]
pub enum FrameReader {
    /// One frame per WebSocket message.
    WebSocket(websocket::Reader),
    /// One frame behind each 4-byte length.
    Length(tcp::Reader),
    /// Frames one behind the other, as on a QUIC stream.
    Bare(quic::Reader),
}

impl FrameReader {
    /// A server's reader of WebSocket client frames.
    pub fn websocket_server() -> Self {
        Self::WebSocket(websocket::Reader::server())
    }

    /// A reader of length-prefixed frames.
    pub fn length() -> Self {
        Self::Length(tcp::Reader)
    }

    /// A reader of frames that stand behind each other.
    pub fn bare() -> Self {
        Self::Bare(quic::Reader)
    }

    /// What comes next in `buf` at position `at`, which is moved behind it.
    /// The caller keeps what is left at [`Step::NeedMore`] and calls again when more has arrived behind it.
    ///
    /// # Errors
    /// The peer broke the transport's rules: tell it with [`ProtocolError::close`] and end the connection.
    #[inline]
    pub fn next(&mut self, buf: &mut [u8], at: &mut usize) -> Result<Step, ProtocolError> {
        match self {
            Self::WebSocket(reader) => reader.next(buf, at),
            Self::Length(reader) => reader.next(buf, at),
            Self::Bare(reader) => reader.next(buf, at),
        }
    }
}
