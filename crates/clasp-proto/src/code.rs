//! Every wire error and close code, with its meaning: the only place where they are numbers.

/// The code of an ERROR message (protocol/wire.md 10.1, protocol/errors.md 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The bytes are not a frame.
    InvalidFrame,
    /// The payload is not a message, or the message is not allowed now.
    InvalidMessage,
    /// The protocol version is not spoken here.
    UnsupportedVersion,
    /// The address is not well formed.
    InvalidAddress,
    /// Nothing readable is stored at the address.
    AddressNotFound,
    /// The pattern is not well formed.
    InvalidPattern,
    /// No token, or one that is not valid.
    Unauthorized,
    /// The token's scopes do not cover the operation; also inside a bundle.
    Forbidden,
    /// The token has expired.
    TokenExpired,
    /// The expected revision is not the current one.
    RevisionConflict,
    /// Another session holds the lock.
    LockHeld,
    /// The value, or a field beside it, is outside what is accepted.
    InvalidValue,
    /// An application rule or a namespace fence refused the operation.
    Refused,
    /// The addressed session does not exist.
    SessionNotFound,
    /// The namespace already has an owner.
    NamespaceOwned,
    /// More messages or subscriptions than the session may have.
    RateLimited,
    /// The server failed; the operation may be repeated.
    Internal,
    /// Shutting down, a feature that is not there, or an engine that is away.
    Unavailable,
    /// Something the operation waited for did not come in time.
    Timeout,
    /// Overload, or a store that is full.
    Overloaded,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 20] = [
        Self::InvalidFrame,
        Self::InvalidMessage,
        Self::UnsupportedVersion,
        Self::InvalidAddress,
        Self::AddressNotFound,
        Self::InvalidPattern,
        Self::Unauthorized,
        Self::Forbidden,
        Self::TokenExpired,
        Self::RevisionConflict,
        Self::LockHeld,
        Self::InvalidValue,
        Self::Refused,
        Self::SessionNotFound,
        Self::NamespaceOwned,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
        Self::Timeout,
        Self::Overloaded,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::InvalidFrame => 100,
            Self::InvalidMessage => 101,
            Self::UnsupportedVersion => 102,
            Self::InvalidAddress => 200,
            Self::AddressNotFound => 201,
            Self::InvalidPattern => 202,
            Self::Unauthorized => 300,
            Self::Forbidden => 301,
            Self::TokenExpired => 302,
            Self::RevisionConflict => 400,
            Self::LockHeld => 401,
            Self::InvalidValue => 402,
            Self::Refused => 403,
            Self::SessionNotFound => 404,
            Self::NamespaceOwned => 409,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::Unavailable => 501,
            Self::Timeout => 502,
            Self::Overloaded => 503,
        }
    }

    /// The code with this number, if there is one.
    ///
    /// ```
    /// use clasp_proto::Code;
    /// assert_eq!(Code::from_number(401), Some(Code::LockHeld));
    /// assert_eq!(Code::from_number(418), None);
    /// ```
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// A short text for people, in lower case, without the number.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::InvalidFrame => "invalid frame",
            Self::InvalidMessage => "invalid message",
            Self::UnsupportedVersion => "unsupported protocol version",
            Self::InvalidAddress => "invalid address",
            Self::AddressNotFound => "address not found",
            Self::InvalidPattern => "invalid pattern",
            Self::Unauthorized => "authentication required or failed",
            Self::Forbidden => "insufficient scope",
            Self::TokenExpired => "token has expired",
            Self::RevisionConflict => "revision conflict",
            Self::LockHeld => "locked by another session",
            Self::InvalidValue => "invalid value",
            Self::Refused => "refused by a rule of the application or a namespace",
            Self::SessionNotFound => "no such session",
            Self::NamespaceOwned => "namespace already has an owner",
            Self::RateLimited => "too many messages or subscriptions",
            Self::Internal => "internal error",
            Self::Unavailable => "not available",
            Self::Timeout => "timed out",
            Self::Overloaded => "overloaded or full",
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.number(), self.meaning())
    }
}

/// Why a link is closed: the WebSocket close number and text (protocol/errors.md 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Close {
    /// Both sides are done.
    Normal,
    /// The server is shutting down; connect again.
    Shutdown,
    /// The peer broke the rules of the transport.
    Protocol,
    /// A text message came where only binary ones are understood.
    Text,
    /// The handshake was refused; the ERROR before it says why.
    Handshake,
    /// The session's token expired or was revoked.
    TokenEnded,
    /// A message is larger than any frame.
    TooLarge,
    /// The server failed.
    Internal,
    /// No HELLO came in time.
    HelloTimeout,
    /// Nothing was heard from the peer for too long.
    IdleTimeout,
    /// The peer does not read what it subscribed to.
    SlowConsumer,
    /// The server has no room for another session.
    Overloaded,
}

impl Close {
    /// The WebSocket close code (RFC 6455 section 7.4.1 and the registry it opened).
    pub const fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Shutdown => 1001,
            Self::Protocol => 1002,
            Self::Text => 1003,
            Self::Handshake | Self::TokenEnded | Self::HelloTimeout | Self::IdleTimeout => 1008,
            Self::TooLarge => 1009,
            Self::Internal => 1011,
            Self::SlowConsumer | Self::Overloaded => 1013,
        }
    }

    /// The reason text; short enough for a close frame (123 bytes).
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "",
            Self::Shutdown => "server is shutting down",
            Self::Protocol => "transport protocol error",
            Self::Text => "binary messages only",
            Self::Handshake => "handshake refused",
            Self::TokenEnded => "token expired or revoked",
            Self::TooLarge => "message larger than a frame",
            Self::Internal => "internal error",
            Self::HelloTimeout => "no HELLO in time",
            Self::IdleTimeout => "nothing heard for too long",
            Self::SlowConsumer => "reading too slowly",
            Self::Overloaded => "no room for another session",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // protocol/errors.md 1.1
    #[test]
    fn numbers_are_unique_ordered_and_found_again() {
        assert!(
            Code::ALL
                .windows(2)
                .all(|pair| pair[0].number() < pair[1].number())
        );
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(code));
        }
    }
}
