//! Capability tokens: scopes that a trust anchor signed, or that were handed on link by link.

mod chain;
mod check;
mod decode;
mod encode;
mod error;
mod inspect;
mod mint;
#[cfg(test)]
mod tests;

use clasp_proto::Scopes;
use data_encoding::HEXLOWER;

use crate::anchor::Anchors;
use crate::key::PublicKey;
use crate::token::TokenDigest;
use chain::{Chain, Proofs};

pub use error::{AttenuationError, AudienceError, CapabilityError};
pub use inspect::{Inspection, Parent, inspect};
pub use mint::{Delegation, Grant, delegate, mint};

/// What a server accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Links of a chain but the last.
    pub depth_max: usize,
    /// Accepts delegated tokens of version 1, whose links nobody can verify: whoever knows the
    /// public key of an anchor can make such a token with any scopes.
    pub accept_unverified_v1: bool,
    /// A scope to write does not allow to hand on one to read.
    pub strict_read: bool,
}

/// What a token is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who it acts for: `cap:` and half of its issuer's key in hexadecimal digits.
    pub subject: String,
    /// What it allows.
    pub scopes: Scopes,
    /// The last second since 1970 in which it does.
    pub expires_at: u64,
    /// Links but the last.
    pub depth: usize,
    /// The digest of each link's signature, the root's first: whoever of them is revoked, the
    /// token is.
    pub links: Vec<TokenDigest>,
}

/// What this token allows, if a chain of valid signatures leads from an anchor to it.
pub fn verify(
    token: &str,
    anchors: &Anchors,
    rules: &Rules,
    now_s: u64,
) -> Result<Verified, CapabilityError> {
    let (chain, verified) = valid(token, anchors, rules, now_s)?;
    check::bearer(&chain.leaf)?;
    Ok(verified)
}

/// The same of a token that may have an audience. That cannot be used, but handed on, and
/// revoked with all that was made of it.
pub fn verify_for_revocation(
    token: &str,
    anchors: &Anchors,
    rules: &Rules,
    now_s: u64,
) -> Result<Verified, CapabilityError> {
    let (_, verified) = valid(token, anchors, rules, now_s)?;
    Ok(verified)
}

fn valid(
    token: &str,
    anchors: &Anchors,
    rules: &Rules,
    now_s: u64,
) -> Result<(Chain, Verified), CapabilityError> {
    let chain = decode::chain(token)?;
    let (depth, max) = (chain.depth(), rules.depth_max);
    if depth > max {
        return Err(CapabilityError::TooDeep { depth, max });
    }
    check_version(&chain, rules)?;
    check_root(&chain, anchors)?;
    check::signatures(&chain)?;
    check::audiences(&chain)?;
    check::attenuation(&chain, rules.strict_read)?;
    check::expiry(&chain, now_s)?;
    let verified = verified(&chain);
    Ok((chain, verified))
}

fn check_version(chain: &Chain, rules: &Rules) -> Result<(), CapabilityError> {
    match chain.proofs {
        Proofs::Stubs(_) if !rules.accept_unverified_v1 => Err(CapabilityError::UnverifiableV1),
        _ => Ok(()),
    }
}

fn check_root(chain: &Chain, anchors: &Anchors) -> Result<(), CapabilityError> {
    let issuer = chain.root_issuer();
    let root = PublicKey::from_bytes(issuer)?;
    if anchors.contains(&root) {
        return Ok(());
    }
    let issuer = HEXLOWER.encode(issuer);
    Err(CapabilityError::UntrustedIssuer { issuer })
}

/// Each link has been found to be no more than the one before, so that the last is all of them
/// together.
fn verified(chain: &Chain) -> Verified {
    let leaf = &chain.leaf;
    Verified {
        subject: format!("cap:{}", HEXLOWER.encode(&leaf.issuer[..SUBJECT_BYTES])),
        scopes: leaf.scopes.clone(),
        expires_at: leaf.expires_at,
        depth: chain.depth(),
        links: chain
            .signatures()
            .map(|it| TokenDigest::of_bytes(it))
            .collect(),
    }
}

/// Bytes of the issuer's key that name a subject.
const SUBJECT_BYTES: usize = 16;
