//! What has to be true of a chain, one question at a time.

use std::collections::HashSet;

use clasp_proto::{Scope, Scopes};
use data_encoding::HEXLOWER;

use super::chain::{Before, Chain, Link, Proofs};
use super::encode::signed_bytes;
use super::error::{AttenuationError, AudienceError, CapabilityError};
use crate::key::PublicKey;
use crate::limits::COMPARED_BYTES_MAX;

/// Each link was signed by its issuer, over everything before it.
pub(super) fn signatures(chain: &Chain) -> Result<(), CapabilityError> {
    if let Proofs::Links(links) = &chain.proofs {
        for (index, link) in links.iter().enumerate() {
            signature(link, Before::Links(&links[..index]))?;
        }
    }
    signature(&chain.leaf, chain.proofs.as_before())
}

fn signature(link: &Link, before: Before<'_>) -> Result<(), CapabilityError> {
    let issuer = PublicKey::from_bytes(&link.issuer)?;
    let message = signed_bytes(link, before);
    match issuer.verifies(&message, &link.signature) {
        true => Ok(()),
        false => Err(CapabilityError::Signature),
    }
}

/// Who handed a link on is the one it was made for.
pub(super) fn audiences(chain: &Chain) -> Result<(), CapabilityError> {
    let links: Vec<_> = chain.links().collect();
    for pair in links.windows(2) {
        hands_on(pair[0], &pair[1].issuer)?;
    }
    Ok(())
}

/// Whether this issuer may hand this link on.
pub(super) fn hands_on(parent: &Link, issuer: &[u8; 32]) -> Result<(), CapabilityError> {
    match parent.audience {
        Some(audience) if audience != *issuer => {
            Err(CapabilityError::Audience(AudienceError::Other {
                expected: HEXLOWER.encode(&audience),
                found: HEXLOWER.encode(issuer),
            }))
        }
        _ => Ok(()),
    }
}

/// Whoever has the token may use it: nothing in a session proves that its holder has a key.
pub(super) fn bearer(leaf: &Link) -> Result<(), CapabilityError> {
    match leaf.audience {
        Some(_) => Err(CapabilityError::Audience(AudienceError::NoProof)),
        None => Ok(()),
    }
}

/// No link allows more, or longer, than the one before it.
pub(super) fn attenuation(chain: &Chain, strict_read: bool) -> Result<(), CapabilityError> {
    let all: Vec<_> = chain
        .parents()
        .map(|(_, scopes)| scopes)
        .chain([&chain.leaf.scopes])
        .collect();
    for pair in all.windows(2) {
        scopes(pair[0], pair[1], strict_read)?;
    }
    let links: Vec<_> = chain.links().collect();
    for pair in links.windows(2) {
        let (parent, child) = (pair[0].expires_at, pair[1].expires_at);
        if child > parent {
            return Err(AttenuationError::Expiry { child, parent }.into());
        }
    }
    Ok(())
}

/// Whether each of the child's scopes is no more than one of the parent's.
pub(super) fn scopes(
    parent: &Scopes,
    child: &Scopes,
    strict_read: bool,
) -> Result<(), CapabilityError> {
    let same: HashSet<&Scope> = parent.iter().collect();
    let others: Vec<_> = child.iter().filter(|it| !same.contains(it)).collect();
    check_cost(parent.iter(), others.iter().copied())?;
    let is_covered = |scope: &Scope| parent.iter().any(|it| it.covers(scope, strict_read));
    let Some(wider) = others.into_iter().find(|scope| !is_covered(scope)) else {
        return Ok(());
    };
    Err(AttenuationError::Scope {
        child: wider.to_string(),
        parent: parent.iter().map(ToString::to_string).collect(),
    }
    .into())
}

/// Whoever holds a token that whoever has it may hand on can make chains that are signed and
/// take long to compare.
fn check_cost<'a>(
    parent: impl Iterator<Item = &'a Scope>,
    child: impl Iterator<Item = &'a Scope>,
) -> Result<(), AttenuationError> {
    let bytes = |scope: &Scope| scope.pattern.as_str().len();
    let parent: usize = parent.map(bytes).sum();
    let child: usize = child.map(bytes).sum();
    match parent * child > COMPARED_BYTES_MAX {
        true => Err(AttenuationError::Costly { parent, child }),
        false => Ok(()),
    }
}

/// No link has expired. A link is valid in the second that it names.
pub(super) fn expiry(chain: &Chain, now_s: u64) -> Result<(), CapabilityError> {
    match chain.links().any(|link| now_s > link.expires_at) {
        true => Err(CapabilityError::Expired),
        false => Ok(()),
    }
}
