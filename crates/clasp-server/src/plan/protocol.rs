//! What is spoken on a port.

use std::fmt;

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// CLASP over WebSocket.
    WebSocket,
    /// CLASP frames on a stream of a QUIC connection.
    Quic,
    /// CLASP frames behind 4-byte lengths.
    Tcp,
    /// Accounts, tokens and entities, over HTTP.
    Auth,
    /// Whether the server is well, over HTTP.
    Health,
    /// What the server counts, over HTTP.
    Metrics,
    /// Who is where, over HTTP.
    Rendezvous,
    /// The question who is there, and its answer, over UDP.
    Broadcast,
}

impl Protocol {
    /// What its urls begin with.
    pub const fn scheme(self, has_tls: bool) -> &'static str {
        match (self, has_tls) {
            (Self::WebSocket, false) => "ws",
            (Self::WebSocket, true) => "wss",
            (Self::Quic, _) => "quic",
            (Self::Tcp, false) => "tcp",
            (Self::Tcp, true) => "tcps",
            (Self::Auth | Self::Rendezvous, false) => "http",
            (Self::Auth | Self::Rendezvous, true) => "https",
            (Self::Broadcast, _) => "udp",
            // With TLS these ports answer both: probes seldom have the authority.
            (Self::Health | Self::Metrics, _) => "http",
        }
    }

    /// True if clients of CLASP connect there.
    pub const fn is_clasp(self) -> bool {
        matches!(self, Self::WebSocket | Self::Quic | Self::Tcp)
    }

    /// True if machines look there whether the server is well, and no secret is sent.
    pub(crate) const fn is_for_probes(self) -> bool {
        matches!(self, Self::Health | Self::Metrics)
    }

    /// The flag that sets its port.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::WebSocket => "--ws-port",
            Self::Quic => "--quic-port",
            Self::Tcp => "--tcp-port",
            Self::Auth => "--auth-port",
            Self::Health => "--health-port",
            Self::Metrics => "--metrics-port",
            Self::Rendezvous => "--rendezvous-port",
            Self::Broadcast => "--broadcast-port",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::WebSocket => "WebSocket",
            Self::Quic => "QUIC",
            Self::Tcp => "TCP",
            Self::Auth => "Auth",
            Self::Health => "Health",
            Self::Metrics => "Metrics",
            Self::Rendezvous => "Rendezvous",
            Self::Broadcast => "Broadcast",
        })
    }
}
