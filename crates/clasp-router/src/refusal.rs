//! Why an operation was not applied: the peer's fault or the state's, never ours. Each says what
//! was expected and found (protocol/errors.md 1.2).

use std::sync::Arc;

use clasp_proto::{AddressError, Code, DecodeError, PatternError};
use thiserror::Error;

/// A refused operation. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The text is no address. // protocol/router.md 3.1, 3.2
    #[error("invalid address: {0}")]
    Address(#[from] AddressError),
    /// The text is no pattern. // protocol/router.md 4.6
    #[error("{0}")]
    Pattern(#[from] PatternError),
    /// GET found nothing that the session may see.
    #[error("no param at this address")]
    NotFound,
    /// The param is not at the revision that the write expects.
    #[error("RevisionConflict {{ expected: {expected}, actual: {actual} }}")]
    RevisionConflict {
        /// What the write asked for; 0 for an address that must not exist.
        expected: u64,
        /// What it is at; 0 if it does not exist.
        actual: u64,
    },
    /// Another session holds the lock.
    #[error("LockHeld {{ holder: \"{holder}\" }}")]
    LockHeld {
        /// The id of that session.
        holder: Arc<str>,
    },
    /// The same two, for a session that may not see the address. // protocol/router.md 17.7
    #[error("RevisionConflict or LockHeld: another session wrote it, or holds it")]
    Concealed {
        /// The number for the wire.
        code: Code,
    },
    /// The strategy of the address keeps the value that is there.
    #[error("ConflictRejected: the stored value stands by the strategy of this address")]
    Outdone,
    /// The value fits into no SNAPSHOT entry.
    #[error("value too large: with its address it has to fit into a frame of 65535 bytes")]
    ValueTooLarge,
    /// The store is full and keeps what it has.
    #[error("AtCapacity: the store holds its maximum of {max} params")]
    AtCapacity {
        /// The bound.
        max: usize,
    },
    /// The session has as many subscriptions as it may have.
    #[error("Subscription limit reached (max {max})")]
    SubscriptionsFull {
        /// The bound.
        max: usize,
    },
    /// The session holds as many locks as it may.
    #[error("a session may hold at most {max} locks; unlock some")]
    LocksFull {
        /// The bound.
        max: usize,
    },
    /// The table of announced signals is full.
    #[error("the router holds its maximum of {max} announced signals")]
    SignalsFull {
        /// The bound.
        max: usize,
    },
    /// An announced signal with longer texts than one may have.
    #[error("address, datatype and access of a signal have at most {max} bytes together")]
    SignalTooLarge {
        /// The bound.
        max: usize,
    },
    /// More signals match than the session could be sent.
    #[error("too many signals match: ask with narrower patterns")]
    ResultTooLarge,
    /// All sessions are taken.
    #[error("max sessions reached ({max}); try again later")]
    SessionsFull {
        /// The bound.
        max: usize,
    },
    /// The session has ended, and its connection is about to.
    #[error("the session has ended")]
    Over,
    /// The session sends more messages than it may.
    #[error("Rate limit exceeded: {per_second} messages/second")]
    RateExceeded {
        /// The bound.
        per_second: u32,
        /// False if the peer was told within the last second.
        told: bool,
    },
    /// A signal for a session that is not there.
    #[error("Target session not found: {id}")]
    NoSuchSession {
        /// What was asked for.
        id: Box<str>,
    },
    /// A peer-to-peer signal that claims to come from somebody else.
    #[error("`from` of a peer-to-peer signal has to be the sending session")]
    ForgedSender,
    /// A bundle for a time that is too far ahead.
    #[error("a bundle can be scheduled at most {} s ahead", crate::limits::SCHEDULE_AHEAD_MAX.as_secs())]
    TooFarAhead,
    /// The session has as many bundles waiting as it may have.
    #[error(
        "at most {max} bundles of a session, and {} bytes of them, wait at a time",
        crate::limits::SCHEDULED_BYTES_PER_SESSION_MAX
    )]
    ScheduledFull {
        /// The bound.
        max: usize,
    },
    /// A bundle with a member that is no write.
    #[error("members of a BUNDLE have to be SET, PUBLISH or BUNDLE")]
    NotAWrite,
    /// A bundle with more members than it may have.
    #[error("a BUNDLE has at most {max} members, those of inner bundles counted")]
    BundleTooLong {
        /// The bound.
        max: usize,
    },
    /// A bundle that could not be read.
    #[error("{0}")]
    Unreadable(#[from] DecodeError),
    /// A tap that must not lose anything has no room.
    #[error("the journal cannot keep up; try again")]
    Busy,
    /// The scopes of the session do not allow it. // protocol/router.md 17.4
    #[error("Insufficient scope for {wish} operation")]
    Scope {
        /// What was asked for.
        wish: &'static str,
    },
    /// The scopes of the session do not allow to read all that a pattern matches.
    #[error("Insufficient scope for {wish}")]
    ScopeOfPattern {
        /// What was asked for.
        wish: &'static str,
    },
    /// A rule of the application does not allow it. // protocol/router.md 17.6
    #[error("{reason}")]
    Rule {
        /// Why, in words of the application or about its rule.
        reason: Box<str>,
    },
    /// A gate does not let this session do this.
    #[error("{text}")]
    Forbidden {
        /// The number for the wire.
        code: Code,
        /// What to tell the peer.
        text: &'static str,
    },
    /// A member of a bundle was refused, and with it the bundle.
    #[error("Bundle rejected: {refusal}")]
    Member {
        /// Why.
        refusal: Box<Self>,
        /// The address of the member.
        address: Box<str>,
    },
}

impl Refusal {
    /// The number that stands for this on the wire. // protocol/errors.md 1.1
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Address(_) => Code::InvalidAddress,
            Self::Pattern(_) => Code::InvalidPattern,
            Self::NotFound => Code::AddressNotFound,
            Self::RevisionConflict { .. } | Self::Outdone => Code::RevisionConflict,
            Self::LockHeld { .. } => Code::LockHeld,
            Self::ValueTooLarge
            | Self::SignalTooLarge { .. }
            | Self::TooFarAhead
            | Self::ScheduledFull { .. } => Code::InvalidValue,
            Self::SubscriptionsFull { .. } | Self::LocksFull { .. } | Self::RateExceeded { .. } => {
                Code::RateLimited
            }
            Self::ResultTooLarge
            | Self::AtCapacity { .. }
            | Self::SignalsFull { .. }
            | Self::SessionsFull { .. } => Code::Overloaded,
            Self::NoSuchSession { .. } => Code::SessionNotFound,
            Self::Scope { .. } | Self::ScopeOfPattern { .. } => Code::Forbidden,
            Self::Over => Code::Unauthorized,
            Self::ForgedSender | Self::Rule { .. } => Code::Refused,
            Self::NotAWrite | Self::BundleTooLong { .. } | Self::Unreadable(_) => {
                Code::InvalidMessage
            }
            Self::Busy => Code::Unavailable,
            Self::Forbidden { code, .. } | Self::Concealed { code } => *code,
            Self::Member { refusal, .. } => refusal.code(),
        }
    }

    /// False for a refusal that the peer was told of a moment ago.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        // Who is gone is told by its connection.
        !matches!(self, Self::RateExceeded { told: false, .. } | Self::Over)
    }
}
