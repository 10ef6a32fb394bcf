//! New tokens: by an anchor, or from a token that somebody holds.

use clasp_proto::{Action, Scope, Scopes};
use uuid::Uuid;

use super::chain::{Chain, Link, Proofs};
use super::error::CapabilityError;
use super::{check, decode, encode};
use crate::encoding::EncodingError;
use crate::key::{PublicKey, SigningKey};
use crate::limits::{DEPTH_MAX, TOKEN_BYTES_MAX};

/// What a new token shall allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What may be done.
    pub scopes: Scopes,
    /// The last second since 1970 in which it may.
    pub expires_at: u64,
    /// Who may hand it on, and nobody use it; nothing for a token that whoever has it can use.
    pub audience: Option<PublicKey>,
}

/// A token that was made from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// Its text.
    pub token: String,
    /// When it ends, which is not after its parent does.
    pub expires_at: u64,
    /// Links but the last.
    pub depth: usize,
    /// Whether whoever gets it can take its parent out of it and use that: it holds all of the
    /// parent, which nobody but its audience can use if it has one.
    pub discloses_parent: bool,
}

/// A new token of this key.
pub fn mint(key: &SigningKey, grant: &Grant) -> Result<String, CapabilityError> {
    let nonce = Uuid::new_v4().to_string();
    mint_with_nonce(key, grant, nonce)
}

pub(super) fn mint_with_nonce(
    key: &SigningKey,
    grant: &Grant,
    nonce: String,
) -> Result<String, CapabilityError> {
    let proofs = Proofs::Links(Vec::new());
    let leaf = sign(key, grant, nonce, &proofs)?;
    text(&Chain { proofs, leaf })
}

/// A token of this key that rests on `parent`. The parent is verified but for its anchor.
pub fn delegate(
    parent: &str,
    key: &SigningKey,
    grant: &Grant,
    now_s: u64,
) -> Result<Delegation, CapabilityError> {
    let Chain { proofs, leaf } = checked(parent, key, now_s)?;
    let expires_at = grant.expires_at.min(leaf.expires_at);
    check::scopes(&leaf.scopes, &grant.scopes, STRICT_READ)?;
    let discloses_parent = leaf.audience.is_none();
    let mut links = match proofs {
        Proofs::Links(links) => links,
        Proofs::Stubs(_) => return Err(CapabilityError::UnverifiableV1),
    };
    links.push(leaf);
    let depth = links.len();
    if depth > DEPTH_MAX {
        let max = DEPTH_MAX;
        return Err(CapabilityError::TooDeep { depth, max });
    }
    let proofs = Proofs::Links(links);
    let grant = Grant {
        expires_at,
        ..grant.clone()
    };
    let leaf = sign(key, &grant, Uuid::new_v4().to_string(), &proofs)?;
    Ok(Delegation {
        token: text(&Chain { proofs, leaf })?,
        expires_at,
        depth,
        discloses_parent,
    })
}

/// Whether reading is strict is known where the token will be shown, and judged there.
pub(super) const STRICT_READ: bool = false;

/// The parent, if it may be handed on by who has this key.
fn checked(parent: &str, key: &SigningKey, now_s: u64) -> Result<Chain, CapabilityError> {
    let chain = decode::chain(parent)?;
    check::signatures(&chain)?;
    check::audiences(&chain)?;
    check::attenuation(&chain, STRICT_READ)?;
    check::expiry(&chain, now_s)?;
    check::hands_on(&chain.leaf, &key.public().to_bytes())?;
    Ok(chain)
}

/// Roots are of version 1, which everybody reads; what is delegated is of version 2, which can
/// be verified.
fn sign(
    key: &SigningKey,
    grant: &Grant,
    nonce: String,
    before: &Proofs,
) -> Result<Link, CapabilityError> {
    let is_emit = |scope: &&Scope| scope.action == Action::Emit;
    if let Some(scope) = grant.scopes.iter().find(is_emit) {
        let scope = scope.to_string();
        return Err(EncodingError::Scope { scope }.into());
    }
    let is_root = matches!(before, Proofs::Links(links) if links.is_empty());
    let mut link = Link {
        version: if is_root { 1 } else { 2 },
        issuer: key.public().to_bytes(),
        audience: grant.audience.map(PublicKey::to_bytes),
        scopes: grant.scopes.clone(),
        expires_at: grant.expires_at,
        nonce,
        signature: [0; 64],
    };
    link.signature = key.sign(&encode::signed_bytes(&link, before.as_before()));
    Ok(link)
}

fn text(chain: &Chain) -> Result<String, CapabilityError> {
    let text = encode::text(chain);
    let found = text.len();
    if found > TOKEN_BYTES_MAX {
        return Err(EncodingError::TooLong { found }.into());
    }
    Ok(text)
}
