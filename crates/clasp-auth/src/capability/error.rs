//! Why a capability token is worth nothing.

use crate::encoding::EncodingError;
use crate::key::KeyError;

/// A token that is not accepted; who made it, or sent it, is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// It cannot be read.
    #[error("encoding error: {0}")]
    Encoding(#[from] EncodingError),
    /// A link is not signed by its issuer.
    #[error("invalid signature")]
    Signature,
    /// A link allows more than the one before it.
    #[error("scope attenuation violation: {0}")]
    Attenuation(#[from] AttenuationError),
    /// More links than the server accepts.
    #[error("delegation chain too deep: {depth} exceeds max {max}")]
    TooDeep {
        /// Links but the last.
        depth: usize,
        /// How many are accepted.
        max: usize,
    },
    /// The chain does not begin with an anchor.
    #[error("untrusted issuer: {issuer}")]
    UntrustedIssuer {
        /// The key that it begins with.
        issuer: String,
    },
    /// An issuer is no key.
    #[error("key error: {0}")]
    Key(#[from] KeyError),
    /// It is used, or was handed on, by somebody it was not made for.
    #[error("key error: {0}")]
    Audience(AudienceError),
    /// Version 1 keeps too little of a parent to verify it.
    #[error("delegated v1 token cannot be verified")]
    UnverifiableV1,
    /// A link has expired.
    #[error("Token has expired")]
    Expired,
}

/// What is more in a child than in its parent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttenuationError {
    /// A scope.
    #[error("child scope '{child}' not allowed by parent scopes [{}]", parent.join(", "))]
    Scope {
        /// The scope.
        child: String,
        /// What the parent allows.
        parent: Vec<String>,
    },
    /// Nothing that can be found out in a time that a token is worth.
    #[error(
        "{parent} bytes of patterns in the parent and {child} others in the child are too many to \
         compare; use fewer or shorter scopes, or the parent's own"
    )]
    Costly {
        /// Bytes of the parent's patterns.
        parent: usize,
        /// Bytes of the child's patterns that the parent does not have.
        child: usize,
    },
    /// Its time.
    #[error("child expires at {child}, after its parent at {parent}")]
    Expiry {
        /// In seconds since 1970.
        child: u64,
        /// In seconds since 1970.
        parent: u64,
    },
}

/// Who is not the one that a token was made for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AudienceError {
    /// Who handed it on.
    #[error("the parent is for {expected}, found a delegation by {found}")]
    Other {
        /// The audience.
        expected: String,
        /// The issuer of the child.
        found: String,
    },
    /// Whoever uses it, since nothing proves who that is.
    #[error("a token with an audience can be delegated by that key only, not used itself")]
    NoProof,
}
