//! Identity: who a token speaks for, by what right, and why it may not count.

use std::sync::Arc;

use clasp_auth::capability::CapabilityError;
use clasp_auth::entity::EntityError;
use clasp_auth::{EntityId, TokenDigest};
use clasp_proto::{Code, Principal, Rights, Scopes};
use clasp_store::EntityStatus;
use thiserror::Error;

/// Who a token speaks for.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) principal: Arc<Principal>,
    pub(crate) credential: Credential,
}

/// What gives a session its rights, so that it can be found when that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Nobody asks.
    None,
    /// The one token of a development server.
    Shared,
    /// A token of the database or of a file.
    Token(TokenDigest),
    /// The links of a capability token, the root first.
    Capability(Vec<TokenDigest>),
    /// An entity.
    #[allow(dead_code, reason = "only a registry has entities")]
    Entity(EntityId),
}

/// Why a token does not count. The texts are told to clients. // protocol/router.md 2.6
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Denial {
    /// There is none.
    #[error("Authentication required")]
    Missing,
    /// It is not a valid one.
    #[error("Invalid token: {0}")]
    Invalid(#[from] InvalidToken),
    /// Its time is over.
    #[error("Token has expired")]
    Expired,
    /// Nobody can say at the moment.
    #[error("the token cannot be checked now; try again")]
    Unavailable,
}

/// What is wrong with a token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum InvalidToken {
    #[error("token not found")]
    NotFound,
    #[error("no validator accepted the token")]
    Unrecognized,
    #[error("token was revoked")]
    Revoked,
    #[error(transparent)]
    Capability(CapabilityError),
    #[error(transparent)]
    #[allow(dead_code, reason = "only a registry has entities")]
    Entity(EntityError),
    #[error("entity not found: {0}")]
    #[allow(dead_code, reason = "only a registry has entities")]
    UnknownEntity(EntityId),
    #[error("entity {id} is {status}")]
    #[allow(dead_code, reason = "only a registry has entities")]
    Inactive { id: EntityId, status: EntityStatus },
}

impl Credential {
    /// Whether who has this loses its rights when `revoked` does: it is the same, or handed on from it.
    pub(crate) fn rests_on(&self, revoked: &Self) -> bool {
        match (self, revoked) {
            (Self::Capability(links), Self::Capability(revoked)) => {
                revoked.last().is_some_and(|link| links.contains(link))
            }
            _ => self == revoked,
        }
    }
}

impl Denial {
    /// The number for the wire.
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::Missing | Self::Invalid(_) => Code::Unauthorized,
            Self::Expired => Code::TokenExpired,
            Self::Unavailable => Code::Unavailable,
        }
    }
}

/// A principal with these scopes.
pub(super) fn scoped(
    subject: Option<&str>,
    scopes: Scopes,
    expires_at: Option<u64>,
    strict_read: bool,
) -> Principal {
    Principal {
        subject: subject.map(Arc::from),
        rights: Rights::Scoped {
            scopes,
            strict_read,
        },
        expires_at,
    }
}

/// Refuses a principal whose time is over: its last second still counts.
pub(super) fn check_expiry(principal: &Principal, now_s: u64) -> Result<(), Denial> {
    match principal.expires_at {
        Some(expires_at) if now_s > expires_at => Err(Denial::Expired),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(links: &[u8]) -> Credential {
        let digests = links
            .iter()
            .map(|link| TokenDigest::from_bytes([*link; 32]));
        Credential::Capability(digests.collect())
    }

    #[test]
    fn what_was_handed_on_rests_on_what_it_was_handed_on_from() {
        for (links, revoked, expected) in [
            (&[1, 2, 3][..], &[1, 2, 3][..], true),
            (&[1, 2, 3], &[1, 2], true),
            (&[1, 2, 3], &[2], true),
            (&[1, 2], &[1, 2, 3], false),
            (&[1, 2], &[4], false),
            (&[1], &[], false),
        ] {
            assert_eq!(
                chain(links).rests_on(&chain(revoked)),
                expected,
                "{links:?} {revoked:?}"
            );
        }
        assert!(Credential::Shared.rests_on(&Credential::Shared));
        assert!(!Credential::Shared.rests_on(&chain(&[1])));
    }

    #[test]
    fn the_last_second_counts() {
        let principal = scoped(None, Scopes::none(), Some(10), false);
        assert_eq!(check_expiry(&principal, 10), Ok(()));
        assert_eq!(check_expiry(&principal, 11), Err(Denial::Expired));
        let for_ever = scoped(None, Scopes::none(), None, false);
        assert_eq!(check_expiry(&for_ever, u64::MAX), Ok(()));
    }
}
