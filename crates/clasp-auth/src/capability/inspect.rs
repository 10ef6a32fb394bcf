//! What a token says, whether or not it is true.

use clasp_proto::Scopes;
use data_encoding::HEXLOWER;

use super::chain::{Chain, Proofs};
use super::error::CapabilityError;
use super::mint::STRICT_READ;
use super::{check, decode};

/// What a token says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Of its last link.
    pub version: u64,
    /// Public key in hexadecimal digits.
    pub issuer: String,
    /// Public key in hexadecimal digits.
    pub audience: Option<String>,
    /// What it allows.
    pub scopes: Scopes,
    /// The earliest end of its links that say one.
    pub expires_at: u64,
    /// What tells it from others.
    pub nonce: String,
    /// The links before, the root's first.
    pub parents: Vec<Parent>,
    /// Whether signatures, audiences and scopes of all its links are in order. Nothing is said of
    /// anchors and of time.
    pub validity: Result<(), CapabilityError>,
}

/// A link before the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Public key in hexadecimal digits.
    pub issuer: String,
    /// What it allows.
    pub scopes: Scopes,
}

/// What this token says.
pub fn inspect(token: &str) -> Result<Inspection, CapabilityError> {
    let chain = decode::chain(token)?;
    let parents = chain.parents().map(|(issuer, scopes)| Parent {
        issuer: HEXLOWER.encode(issuer),
        scopes: scopes.clone(),
    });
    let ends = chain.links().map(|link| link.expires_at);
    let leaf = &chain.leaf;
    Ok(Inspection {
        version: leaf.version,
        issuer: HEXLOWER.encode(&leaf.issuer),
        audience: leaf.audience.map(|key| HEXLOWER.encode(&key)),
        scopes: leaf.scopes.clone(),
        expires_at: ends.min().unwrap_or(leaf.expires_at),
        nonce: leaf.nonce.clone(),
        parents: parents.collect(),
        validity: validity(&chain),
    })
}

fn validity(chain: &Chain) -> Result<(), CapabilityError> {
    check::signatures(chain)?;
    if matches!(chain.proofs, Proofs::Stubs(_)) {
        return Err(CapabilityError::UnverifiableV1);
    }
    check::audiences(chain)?;
    check::attenuation(chain, STRICT_READ)
}
