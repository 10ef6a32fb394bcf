//! Counters: rare events since the start of the server, for logs and metrics.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only grow. Reading them costs nobody anything.
#[derive(Debug)]
pub struct Counters([AtomicU64; Counted::COUNT]);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Connections taken in.
    Accepted,
    /// Connections refused because their address or the server had too many.
    TurnedAway,
    /// Connections that did not greet in time to keep their place.
    Displaced,
    /// Connections ended by a panic, which is a defect of ours.
    Panicked,
    /// Times that the system could not give us a connection.
    AcceptFailure,
    /// Peers that were to present a token and had none.
    NoToken,
    /// Peers that presented a token which is not the right one.
    WrongToken,
    /// Certificates read again and taken into use.
    Reloaded,
    /// Certificates that could not take the place of the one in use.
    ReloadFailed,
    /// Snapshots of the params written to their file.
    SnapshotWritten,
    /// Snapshots that could not be written.
    SnapshotFailed,
    /// Logins with the right password.
    LoggedIn,
    /// Logins with a wrong name or password.
    LoginFailed,
    /// Logins that were not tried, since too many had failed.
    LoginThrottled,
    /// Sessions that came to their end.
    Ended(Ending),
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The peer closed the connection.
    Left,
    /// The socket failed.
    SocketFailed,
    /// The peer broke the rules of the transport.
    Protocol,
    /// The peer sent too many frames that could not be read.
    Unreadable,
    /// The peer did not read what it subscribed to.
    SlowConsumer,
    /// Nothing was heard from the peer.
    Silent,
    /// The server was shutting down.
    ShuttingDown,
    /// Its token expired.
    Expired,
    /// Its token was revoked.
    Revoked,
    /// An operator ended it.
    Dismissed,
    /// Cut off: at the drain deadline, or by a panic.
    CutOff,
}

impl Counters {
    /// The count so far.
    pub fn read(&self, counted: Counted) -> u64 {
        self.0[counted.index()].load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, counted: Counted) {
        self.0[counted.index()].fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Counted {
    const COUNT: usize = Self::BESIDES_ENDINGS + Ending::ALL.len();
    const BESIDES_ENDINGS: usize = 14;

    const fn index(self) -> usize {
        match self {
            Self::Accepted => 0,
            Self::TurnedAway => 1,
            Self::Displaced => 2,
            Self::Panicked => 3,
            Self::AcceptFailure => 4,
            Self::NoToken => 5,
            Self::WrongToken => 6,
            Self::Reloaded => 7,
            Self::ReloadFailed => 8,
            Self::SnapshotWritten => 9,
            Self::SnapshotFailed => 10,
            Self::LoggedIn => 11,
            Self::LoginFailed => 12,
            Self::LoginThrottled => 13,
            Self::Ended(ending) => Self::BESIDES_ENDINGS + ending as usize,
        }
    }
}

impl Ending {
    /// Every ending.
    pub const ALL: [Self; 11] = [
        Self::Left,
        Self::SocketFailed,
        Self::Protocol,
        Self::Unreadable,
        Self::SlowConsumer,
        Self::Silent,
        Self::ShuttingDown,
        Self::Expired,
        Self::Revoked,
        Self::Dismissed,
        Self::CutOff,
    ];

    /// The word for it in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::SocketFailed => "socket_failed",
            Self::Protocol => "protocol",
            Self::Unreadable => "unreadable",
            Self::SlowConsumer => "slow_consumer",
            Self::Silent => "silent",
            Self::ShuttingDown => "shutting_down",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Dismissed => "dismissed",
            Self::CutOff => "cut_off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_count_of_its_own() {
        let besides = [
            Counted::Accepted,
            Counted::TurnedAway,
            Counted::Displaced,
            Counted::Panicked,
            Counted::AcceptFailure,
            Counted::NoToken,
            Counted::WrongToken,
            Counted::Reloaded,
            Counted::ReloadFailed,
            Counted::SnapshotWritten,
            Counted::SnapshotFailed,
            Counted::LoggedIn,
            Counted::LoginFailed,
            Counted::LoginThrottled,
        ];
        let all: Vec<_> = besides
            .into_iter()
            .chain(Ending::ALL.map(Counted::Ended))
            .collect();
        for counted in &all {
            let counters = Counters::default();
            counters.count(*counted);
            let grown = all.iter().filter(|other| counters.read(**other) == 1);
            assert_eq!(grown.collect::<Vec<_>>(), [counted]);
        }
    }
}
