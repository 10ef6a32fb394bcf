//! What can go wrong on a link, by who is at fault.

use std::io;
use std::time::Duration;

use clasp_proto::Close;
use clasp_proto::limits::FRAME_MAX;
use thiserror::Error;

use crate::tls::TlsError;

/// The peer broke the rules of its transport; the link cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// A reserved bit without an extension that defines it.
    #[error("WebSocket reserved bits must be 0: no extension was negotiated")]
    ReservedBits,
    /// An opcode that RFC 6455 does not define.
    #[error("WebSocket opcode {0:#x} is not defined")]
    UnknownOpcode(u8),
    /// A client frame without a mask.
    #[error("a WebSocket client must mask its frames")]
    Unmasked,
    /// A server frame with a mask.
    #[error("a WebSocket server must not mask its frames")]
    Masked,
    /// A length in a longer form than needed.
    #[error("WebSocket length {0} must be written in its shortest form")]
    LongForm(u64),
    /// A 64-bit length with its top bit set.
    #[error("a WebSocket length must be below 2^63")]
    LengthTopBit,
    /// A ping, pong or close in fragments.
    #[error("a WebSocket control frame must not be fragmented")]
    FragmentedControl,
    /// A ping, pong or close of more than 125 bytes.
    #[error("a WebSocket control frame carries at most 125 bytes")]
    LongControl,
    /// A continuation without a beginning.
    #[error("a WebSocket continuation must follow an unfinished message")]
    UnexpectedContinuation,
    /// A new message inside another one.
    #[error("a WebSocket message must be finished before the next one begins")]
    InterruptedMessage,
    /// More fragments than a message can need.
    #[error("a WebSocket message has at most {} fragments", crate::FRAGMENTS_MAX)]
    TooManyFragments,
    /// A frame that no CLASP message can fill.
    #[error(
        "a CLASP frame has at most {} bytes, this one announces {bytes}",
        FRAME_MAX
    )]
    TooLarge {
        /// The announced size.
        bytes: u64,
    },
    /// Bytes in the place of a frame that are none.
    #[error("expected a CLASP frame, found something else")]
    NoFrame,
    /// A close frame with one byte, or with a code that must not be sent.
    #[error("a WebSocket close frame must be empty or begin with a valid close code")]
    CloseCode,
    /// A close reason that is not UTF-8.
    #[error("a WebSocket close reason must be UTF-8")]
    CloseReason,
}

impl ProtocolError {
    /// What tells the peer.
    pub fn close(self) -> Close {
        match self {
            Self::ReservedBits
            | Self::UnknownOpcode(_)
            | Self::Unmasked
            | Self::Masked
            | Self::LongForm(_)
            | Self::LengthTopBit
            | Self::FragmentedControl
            | Self::LongControl
            | Self::UnexpectedContinuation
            | Self::InterruptedMessage
            | Self::TooManyFragments
            | Self::NoFrame
            | Self::CloseCode
            | Self::CloseReason => Close::Protocol,
            Self::TooLarge { .. } => Close::TooLarge,
        }
    }
}

/// Why a connection did not become a WebSocket. Whatever there was to answer has been answered.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// A health probe or a browser tab: answered with `ok`, which is no failure.
    #[error("the request was plain HTTP and has been answered")]
    PlainHttp,
    /// The peer left before its request was complete.
    #[error("the peer left before its request was complete")]
    Closed,
    /// The socket failed.
    #[error("the socket failed during the WebSocket handshake")]
    Io(#[from] io::Error),
    /// A connection without TLS where TLS is spoken.
    #[error("expected TLS, found something else (ws:// or http:// instead of wss:// or https://?)")]
    NotTls,
    /// The peer does not speak a TLS that we speak, or does not trust us.
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] io::Error),
    /// The same over QUIC.
    #[error("the QUIC handshake failed: {0}")]
    Quic(#[source] quinn::ConnectionError),
    /// The request head is longer than any client needs.
    #[error("the request head is longer than {} bytes", crate::HTTP_HEAD_BYTES_MAX)]
    HeadTooLarge,
    /// The bytes are not HTTP, perhaps TLS on a plain port.
    #[error("expected an HTTP request, found something else (TLS on a plain port?)")]
    NotHttp,
    /// An upgrade request without a valid key or without `Connection: upgrade`.
    #[error("the upgrade request lacks Sec-WebSocket-Key or Connection: upgrade")]
    Incomplete,
    /// A WebSocket version other than 13.
    #[error("the WebSocket version must be 13")]
    Version,
    /// A browser page of an origin that may not connect.
    #[error("origin {origin} is not among the allowed ones")]
    Origin {
        /// What the browser said.
        origin: String,
    },
}

/// Why a link could not be made, or ended.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The url cannot be dialled.
    #[error("cannot dial {url}: {problem}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        problem: UrlProblem,
    },
    /// Nobody answered at the address.
    #[error("cannot connect to {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection or its handshake took too long.
    #[error("no link to {address} within {within:?}")]
    TimedOut {
        /// Host and port.
        address: String,
        /// The deadline that passed.
        within: Duration,
    },
    /// The TLS handshake failed: it is no TLS, or the certificate is not to be trusted.
    #[error("no TLS connection to {address}: {source}")]
    Tls {
        /// Host and port.
        address: String,
        /// What the handshake failed of.
        source: io::Error,
    },
    /// The same over QUIC.
    #[error("no QUIC connection to {address}: {source}")]
    Quic {
        /// Host and port.
        address: String,
        /// What the handshake failed of.
        source: quinn::ConnectionError,
    },
    /// A host that no certificate can be for.
    #[error("{host} is neither a host name nor an IP address")]
    ServerName {
        /// As given.
        host: String,
    },
    /// A file that TLS needs is not what it has to be.
    #[error(transparent)]
    Trust(#[from] TlsError),
    /// The server answered the upgrade with something else.
    #[error("the server answered the WebSocket upgrade with HTTP {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        text: String,
    },
    /// The server's answer is not a WebSocket handshake.
    #[error("the server's answer is not a WebSocket handshake: {0}")]
    Upgrade(UpgradeProblem),
    /// The server broke the rules of the transport.
    #[error("the server broke the transport's rules")]
    Protocol(#[from] ProtocolError),
    /// The socket failed.
    #[error("the socket failed")]
    Io(#[from] io::Error),
    /// The stream ended in the middle of a frame.
    #[error("the stream ended in the middle of a frame")]
    Truncated,
    /// A frame to be sent is larger than any CLASP frame.
    #[error("a CLASP frame has at most {} bytes, this one has {bytes}", FRAME_MAX)]
    TooLarge {
        /// The size of the frame.
        bytes: usize,
    },
}

/// What is wrong with a url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UrlProblem {
    /// No scheme in front.
    #[error("expected ws://host:port, wss://, tcp://, tcps:// or quic://")]
    Scheme,
    /// No host.
    #[error("the host is missing")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// A user name in the url.
    #[error("user names and passwords in urls are not sent: pass a token instead")]
    Credentials,
    /// Control characters or blanks.
    #[error("the url contains blanks or control characters")]
    Characters,
}

/// Why a response is not a WebSocket handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UpgradeProblem {
    /// It is not HTTP at all.
    #[error("it is not an HTTP response")]
    NotHttp,
    /// Its head is too long.
    #[error("its head is longer than {} bytes", crate::HTTP_HEAD_BYTES_MAX)]
    HeadTooLarge,
    /// `Sec-WebSocket-Accept` does not belong to the key sent.
    #[error("Sec-WebSocket-Accept does not match the key")]
    Accept,
    /// A subprotocol or an extension that was not offered.
    #[error("it selects a subprotocol or an extension that was not offered")]
    NotOffered,
    /// The server hung up.
    #[error("the server hung up")]
    HungUp,
}
