//! Where the connection stands.

use crate::error::Disconnect;

/// Where the connection stands.
#[derive(Debug, Clone)]
pub enum Status {
    /// A session with the router is open.
    Connected,
    /// The connection was lost and is being made again. Calls wait for it, up to their timeout.
    Reconnecting {
        /// Why it was lost, or why the last attempt failed.
        reason: Disconnect,
        /// Attempts that failed so far in this outage.
        attempts: u32,
    },
    /// There is no connection and there will be none.
    Closed {
        /// Why.
        reason: Disconnect,
    },
}

impl Status {
    /// True in a session.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }

    /// Why there is no connection.
    pub fn reason(&self) -> Option<&Disconnect> {
        match self {
            Self::Connected => None,
            Self::Reconnecting { reason, .. } | Self::Closed { reason } => Some(reason),
        }
    }
}
