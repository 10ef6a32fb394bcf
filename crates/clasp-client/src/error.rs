//! What a call can come back with, by who is at fault.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clasp_proto::{AddressError, Code, EncodeError, ErrorMessage, PatternError};
use clasp_transport::LinkError;
use thiserror::Error;

/// Why a call failed.
#[derive(Debug, Clone, Error)]
pub enum ClientError {
    /// The address is not one; nothing was sent.
    #[error("invalid address: {0}")]
    Address(#[from] AddressError),
    /// The pattern is not one; nothing was sent.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The message fits no frame; nothing was sent.
    #[error("cannot be sent: {0}")]
    Encode(#[from] EncodeError),
    /// More subscriptions than a session may have; nothing was sent.
    #[error("a session has at most {max} subscriptions: drop one first")]
    TooManySubscriptions {
        /// The bound.
        max: usize,
    },
    /// No link to the router.
    #[error("could not connect to {url}: {source}")]
    Connect {
        /// As given.
        url: String,
        /// What the transport says.
        source: Arc<LinkError>,
    },
    /// A link, but no WELCOME.
    #[error("{url} did not answer within {within:?}: is it a CLASP router?")]
    Silent {
        /// As given.
        url: String,
        /// The deadline that passed.
        within: Duration,
    },
    /// The router does not want this client.
    #[error("{url} refused the connection: {refusal}")]
    Rejected {
        /// As given.
        url: String,
        /// The router's reason.
        refusal: Refusal,
    },
    /// The router refused this request; nothing of it was done. Only with [`Code::RateLimited`] that is not sure:
    /// a router that drops messages does not name each.
    #[error("{0}")]
    Refused(Refusal),
    /// No answer; whether the request was carried out is unknown.
    #[error("no answer from the router within {within:?}")]
    Timeout {
        /// The deadline that passed.
        within: Duration,
    },
    /// The connection was lost before the answer came, or there is none; whether the request was carried out is unknown.
    #[error("{0}")]
    Disconnected(Disconnect),
}

/// An ERROR of the router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The number on the wire, as in `docs/protocol/errors.md`.
    pub code: u16,
    /// The router's words.
    pub message: String,
    /// The address or pattern it is about.
    pub address: Option<String>,
}

impl Refusal {
    /// True when the router gave this code.
    pub fn is(&self, code: Code) -> bool {
        self.code == code.number()
    }

    /// True for what a router says before it closes the link, among other occasions.
    pub(crate) fn may_end_session(&self) -> bool {
        let farewells = [Code::Unavailable, Code::Timeout, Code::Overloaded];
        self.address.is_none() && farewells.iter().any(|code| self.is(*code))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "the router says: {} (error {}",
            self.message, self.code
        )?;
        if let Some(address) = &self.address {
            write!(out, ", {address}")?;
        }
        out.write_str(")")
    }
}

impl From<ErrorMessage> for Refusal {
    fn from(error: ErrorMessage) -> Self {
        Self {
            code: error.code,
            message: error.message,
            address: error.address,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, Error)]
pub enum Disconnect {
    /// [`crate::Client::close`] was called.
    #[error("the client is closed")]
    Closed,
    /// The router ended the session.
    #[error("the router closed the connection{}", farewell_text(*code, reason))]
    ByRouter {
        /// The close code, if it gave one.
        code: Option<u16>,
        /// The router's words, empty if it said none.
        reason: String,
    },
    /// The transport failed.
    #[error("the connection failed: {0}")]
    Link(Arc<LinkError>),
    /// Nothing came from the router for too long, not even when asked.
    #[error("the router fell silent")]
    Quiet,
    /// The router stopped reading.
    #[error("the router does not read any more")]
    Stalled,
    /// The router did not take the client back.
    #[error("the router refused the new connection: {0}")]
    Rejected(Refusal),
    /// The router did not answer the new connection.
    #[error("the router did not answer the new connection")]
    Silent,
}

impl Disconnect {
    /// What the failure of one attempt to connect says.
    pub(crate) fn from_attempt(error: ClientError) -> Self {
        match error {
            ClientError::Connect { source, .. } => Self::Link(source),
            ClientError::Rejected { refusal, .. } => Self::Rejected(refusal),
            ClientError::Disconnected(reason) => reason,
            // Connecting fails in no other way once the greeting has been sent before.
            _ => Self::Silent,
        }
    }

    /// True when another attempt would end the same way: the credentials are wrong or have expired.
    /// After any other end it is worth to come back (protocol/errors.md 2.2).
    pub(crate) fn is_final(&self) -> bool {
        let code = match self {
            Self::Rejected(refusal) => Code::from_number(refusal.code),
            _ => None,
        };
        matches!(
            code,
            Some(Code::Unauthorized | Code::Forbidden | Code::TokenExpired)
        )
    }
}

fn farewell_text(code: Option<u16>, reason: &str) -> String {
    match code {
        Some(code) if reason.is_empty() => format!(" with code {code}"),
        Some(code) => format!(" with code {code}: {reason}"),
        None if reason.is_empty() => String::new(),
        None => format!(": {reason}"),
    }
}
