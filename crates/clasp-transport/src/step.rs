//! What a frame reader found next in the bytes at hand.

use std::ops::Range;

/// The next thing in a caller's buffer. Ranges are positions in that buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One CLASP frame, complete and unmasked in place.
    Binary(Range<usize>),
    /// One CLASP frame that came in fragments and had to be put together.
    Assembled(Vec<u8>),
    /// A text message; CLASP has none, so its content is not kept.
    Text,
    /// The peer asks for a pong with these bytes (at most 125).
    Ping(Range<usize>),
    /// The peer is alive.
    Pong,
    /// The peer says goodbye; nothing after it counts.
    Close {
        /// The close code, if the peer gave one.
        code: Option<u16>,
        /// The reason, valid UTF-8 (at most 123 bytes).
        reason: Range<usize>,
    },
    /// Nothing complete is at hand; the buffer must hold at least this many bytes from the position on.
    NeedMore(usize),
}

/// How the other side ended a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The close code, if one was given.
    pub code: Option<u16>,
    /// The reason, empty if none was given.
    pub reason: String,
}
