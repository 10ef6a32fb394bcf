//! Why a connection ends.

use std::io;

use clasp_router::Closed;
use clasp_transport::ProtocolError;

use crate::counters::Ending;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("the peer left")]
    Left,
    #[error("the socket failed: {0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Protocol(ProtocolError),
    #[error("too many unreadable frames")]
    Offended,
    #[error("slow consumer: it did not read what it subscribed to")]
    Slow,
    #[error("nothing was heard for too long")]
    Silent,
    #[error("the server is shutting down; connect again later")]
    ShuttingDown,
    #[error("Token has expired")]
    Expired,
    #[error("the token of this session was revoked")]
    Revoked,
    #[error("the session was ended by an operator")]
    Dismissed,
}

impl From<Closed> for End {
    fn from(reason: Closed) -> Self {
        match reason {
            Closed::ShuttingDown => Self::ShuttingDown,
            Closed::SlowConsumer | Closed::Detached => Self::Slow,
            Closed::Revoked => Self::Revoked,
            Closed::Dismissed => Self::Dismissed,
        }
    }
}

impl End {
    /// True if nothing more may reach the peer, whatever waits for it. // protocol/router.md 17.9
    pub(super) const fn is_cut(&self) -> bool {
        matches!(self, Self::Expired | Self::Revoked | Self::Dismissed)
    }

    /// How it is counted.
    pub(super) const fn ending(&self) -> Ending {
        match self {
            Self::Left => Ending::Left,
            Self::Io(_) => Ending::SocketFailed,
            Self::Protocol(_) => Ending::Protocol,
            Self::Offended => Ending::Unreadable,
            Self::Slow => Ending::SlowConsumer,
            Self::Silent => Ending::Silent,
            Self::ShuttingDown => Ending::ShuttingDown,
            Self::Expired => Ending::Expired,
            Self::Revoked => Ending::Revoked,
            Self::Dismissed => Ending::Dismissed,
        }
    }
}
