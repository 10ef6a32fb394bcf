//! Byte links that carry CLASP frames: WebSocket, TCP, QUIC, memory; the first two with or without TLS.
//!
//! A server takes a [`Stream`], for WebSocket performs [`websocket::accept`] on it, and then cuts
//! what it reads with a [`FrameReader`], which works in place on the caller's buffer.
//! A client calls [`dial`] and gets a [`Link`], which yields and takes whole frames.
//! Nothing here knows what a frame means, and nothing spawns a task.

mod dial;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod limits;
mod link;
pub mod memory;
pub mod quic;
mod reader;
mod step;
mod stream;
pub mod tcp;
pub mod tls;
pub mod websocket;

pub use dial::{DialOptions, dial};
pub use error::{HandshakeError, LinkError, ProtocolError, UpgradeProblem, UrlProblem};
pub use limits::{
    CLOSE_REASON_BYTES_MAX, FRAGMENTS_MAX, HTTP_ANSWER_BYTES_MAX, HTTP_HEAD_BYTES_MAX,
};
pub use link::Link;
pub use reader::FrameReader;
pub use step::{Closed, Step};
pub use stream::Stream;
