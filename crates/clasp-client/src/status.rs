//! Where the connection stands.

use tokio::sync::watch;

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

/// Follows the status of a connection; made by [`Client::status_changes`](crate::Client::status_changes).
#[derive(Debug)]
pub struct StatusChanges {
    status: watch::Receiver<Status>,
}

impl StatusChanges {
    pub(crate) fn new(mut status: watch::Receiver<Status>) -> Self {
        status.mark_unchanged();
        Self { status }
    }

    /// Waits until the connection stands differently than when this was last asked, and says how; `None` after it was closed.
    /// Of changes that follow one another quickly the latest is told.
    pub async fn next(&mut self) -> Option<Status> {
        self.status.changed().await.ok()?;
        Some(self.status.borrow_and_update().clone())
    }
}
