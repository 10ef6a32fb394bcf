//! Ed25519 keys, and the forms in which the public one is written.

mod signing;

use std::fmt;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::entity::EntityId;
use crate::limits::BASE58_BYTES_MAX;

pub use signing::{Pair, SigningKey, SigningKeyError, public_path};

/// A text or bytes that are not a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither of the forms.
    #[error(
        "expected a public key of 64 hexadecimal digits or a did:key:z6Mk..., \
         found {found} characters that are neither"
    )]
    Form {
        /// Characters found.
        found: usize,
    },
    /// Not a point of the curve in the one encoding that it has.
    #[error("these 32 bytes are no Ed25519 public key; are they a signing key?")]
    NotAPoint,
    /// A point of small order: anybody can sign for it.
    #[error("this public key is one for which anybody can sign; make another key pair")]
    Weak,
}

/// A public key that is safe to verify signatures with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key of these bytes. Weak keys, and other encodings of a point than the one, are no keys.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.to_edwards().compress().to_bytes() != *bytes {
            return Err(KeyError::NotAPoint);
        }
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self(key))
    }

    /// The key in this text: 64 hexadecimal digits or a `did:key`.
    ///
    /// ```
    /// use clasp_auth::PublicKey;
    /// let hex = "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394";
    /// let key = PublicKey::parse(hex).expect("well formed");
    /// assert_eq!(PublicKey::parse(&key.did()), Ok(key));
    /// ```
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = text
            .strip_prefix(DID_PREFIX)
            .map_or_else(|| hex_bytes(text), did_bytes);
        let form = KeyError::Form {
            found: text.chars().count(),
        };
        Self::from_bytes(&bytes.ok_or(form)?)
    }

    /// Its 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        HEXLOWER.encode(self.0.as_bytes())
    }

    /// `did:key:z6Mk...`
    pub fn did(&self) -> String {
        let bytes = [DID_CODEC.as_slice(), self.0.as_bytes()].concat();
        format!("{DID_PREFIX}{}", bs58::encode(bytes).into_string())
    }

    /// The peer id of libp2p, `12D3KooW...`
    pub fn peer_id(&self) -> String {
        let bytes = [PEER_ID_HEAD.as_slice(), self.0.as_bytes()].concat();
        bs58::encode(bytes).into_string()
    }

    /// The id of the entity that has this key.
    pub fn entity_id(&self) -> EntityId {
        EntityId::of(self)
    }

    /// Whether this is the signature of the message by this key, in the one form that it has.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.hex())
    }
}

/// The 32 bytes of 64 hexadecimal digits.
pub(crate) fn hex_bytes(text: &str) -> Option<[u8; 32]> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok()
}

fn did_bytes(base58: &str) -> Option<[u8; 32]> {
    if base58.len() > BASE58_BYTES_MAX {
        return None;
    }
    let bytes = bs58::decode(base58).into_vec().ok()?;
    bytes.strip_prefix(&DID_CODEC)?.try_into().ok()
}

/// A DID of a key, in base58 of Bitcoin (multibase z).
const DID_PREFIX: &str = "did:key:z";

/// Ed25519 public key, in the table of multicodecs.
const DID_CODEC: [u8; 2] = [0xed, 0x01];

/// Identity hash of 36 bytes: a protobuf message with key type Ed25519 and 32 bytes.
const PEER_ID_HEAD: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

#[cfg(test)]
pub(crate) mod tests;
