//! Every bound of the transports, each with its reason.

use std::time::Duration;

/// An HTTP request or response head is a few hundred bytes; cookies of a browser make it some thousand.
pub const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;

/// Fragments of one WebSocket message. Bytes bound the full ones, this bounds the empty ones.
pub const FRAGMENTS_MAX: u32 = 1024;

/// A control frame carries 125 bytes, two of which are the close code (RFC 6455, 5.5).
pub const CLOSE_REASON_BYTES_MAX: usize = 123;

/// Headers of one HTTP head; browsers behind proxies send about thirty.
pub(crate) const HTTP_HEADERS_MAX: usize = 64;

/// A request that is not an upgrade may carry a body; this much of it is read, so that the answer is not lost to a reset.
pub(crate) const HTTP_BODY_BYTES_DRAINED: usize = 64 * 1024;

/// What a client link reads ahead while its own writes are blocked; a router's outbox holds no more than 4 MiB.
pub(crate) const READ_AHEAD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A QUIC peer shows this often that it is there, which also keeps address translations open.
pub(crate) const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(5);

/// A QUIC peer of which nothing was heard for this long is gone; six signs of life got lost.
pub(crate) const QUIC_IDLE: Duration = Duration::from_secs(30);

/// What a QUIC peer may send ahead of our reading: a few of the largest frames.
pub(crate) const QUIC_WINDOW_BYTES: u32 = 512 * 1024;

/// What a QUIC connection keeps for sending again; beyond it, frames wait in the outbox.
pub(crate) const QUIC_SEND_BYTES: u64 = 1024 * 1024;

/// One read of a client link.
pub(crate) const READ_BYTES: usize = 32 * 1024;

/// An answer of an HTTP service: a list of 1000 devices has less.
pub const HTTP_ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
