//! HELLO to WELCOME: what a peer has to say first, and why it may be turned away. Pure.

use clasp_proto::{Close, Code, DecodeError, FrameError, Hello, Message, binary, frame, msgpack};
use clasp_router::Refusal;
use thiserror::Error;

use crate::auth::Denial;

/// Why a connection did not become a session. Told to the peer as an ERROR, and again as the
/// reason of the close. // protocol/router.md 2.3
#[derive(Debug, Error)]
pub(crate) enum Rejection {
    /// The first bytes are no frame.
    #[error("expected a HELLO: {0}")]
    Frame(#[from] FrameError),
    /// The first frame holds no message.
    #[error("expected a HELLO: {0}")]
    Message(#[from] DecodeError),
    /// The first message is another one.
    #[error("expected a HELLO as the first message, got {0}")]
    NotHello(&'static str),
    /// Nothing came in time.
    #[error("no HELLO came in time")]
    TimedOut,
    /// The token does not count, or there is none. // protocol/router.md 2.6
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The router takes no more sessions.
    #[error("{0}")]
    Full(Refusal),
    /// The server is about to stop.
    #[error("the server is shutting down; connect again later")]
    ShuttingDown,
}

impl Rejection {
    /// The number of the ERROR.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Frame(error) => error.code(),
            Self::Message(error) => error.code(),
            Self::NotHello(_) => Code::InvalidMessage,
            Self::TimedOut => Code::Timeout,
            Self::Denied(denial) => denial.code(),
            // protocol/router.md 2.4
            Self::Full(refusal) => refusal.code(),
            Self::ShuttingDown => Code::Unavailable,
        }
    }

    /// What the close says besides its text: whether it is worth coming back.
    pub(crate) const fn close(&self) -> Close {
        match self {
            Self::Full(_) => Close::Overloaded,
            Self::ShuttingDown => Close::Shutdown,
            Self::TimedOut => Close::HelloTimeout,
            _ => Close::Handshake,
        }
    }
}

/// Reads the HELLO out of the first frame. // protocol/router.md 2.2
pub(crate) fn read_hello(bytes: &[u8]) -> Result<Hello, Rejection> {
    let (_, payload) = frame::split(bytes)?;
    let message = if msgpack::is_msgpack(payload[0]) {
        msgpack::decode(payload)?
    } else {
        binary::decode(payload)?
    };
    match message {
        Message::Hello(hello) => Ok(hello),
        other => Err(Rejection::NotHello(other.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(bytes: &[u8]) -> u16 {
        read_hello(bytes).expect_err("no HELLO").code().number()
    }

    // protocol/router.md 2.2
    #[test]
    fn anything_but_hello_is_rejected_with_its_code() {
        assert_eq!(code(b"GET / HTTP/1.1"), 100);
        assert_eq!(code(b"\x53\x01\x00\x01\x41"), 101);
        assert_eq!(code(b"\x53\x01\x00\x01\x01"), 101);
        let hello = b"\x53\x01\x00\x0d\x01\x01\xe0\x00\x06Client\x00\x00";
        assert_eq!(read_hello(hello).expect("a HELLO").name, "Client");
    }
}
