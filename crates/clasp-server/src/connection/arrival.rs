//! A connection that has said nothing yet.

use std::time::Duration;

use clasp_transport::quic;
use tokio::net::TcpStream;

use crate::plan::Protocol;
use crate::shared::Shared;

/// A connection that has said nothing yet.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// Over TCP.
    Socket {
        socket: TcpStream,
        /// What is spoken on the port where it arrived.
        protocol: Protocol,
    },
    /// Over UDP.
    Quic(quic::Arriving),
}

impl Arrival {
    /// What is spoken on it.
    pub(super) const fn protocol(&self) -> Protocol {
        match self {
            Self::Socket { protocol, .. } => *protocol,
            Self::Quic(_) => Protocol::Quic,
        }
    }

    /// How long the peer may take to its first byte. // protocol/limits.md 4.2, 4.3
    pub(super) fn silence_max(&self, shared: &Shared) -> Duration {
        match self.protocol() {
            Protocol::WebSocket => shared.plan.upgrade_timeout,
            _ => shared.plan.hello_timeout,
        }
    }

    /// Waits for the first bytes of the peer, or its end.
    pub(super) async fn speaks(&self) {
        match self {
            // A socket that is broken is found out by who reads it. That it is readable may be a false alarm.
            Self::Socket { socket, .. } => drop(socket.peek(&mut [0]).await),
            Self::Quic(_) => {}
        }
    }

    /// Says why, if the socket takes it at once, which an empty one does.
    pub(crate) fn turn_away(self, shared: &Shared) {
        match self {
            Self::Socket {
                socket,
                protocol: Protocol::WebSocket,
            } if !shared.plan.has_tls() => {
                // Nothing is lost if the peer does not learn why.
                socket.try_write(TOO_MANY_CONNECTIONS).ok();
            }
            Self::Socket { .. } => {}
            Self::Quic(arriving) => arriving.refuse(),
        }
    }
}

const TOO_MANY_CONNECTIONS: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 38\r\n\
    Connection: close\r\n\r\ntoo many connections: try again later\n";
