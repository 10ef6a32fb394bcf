//! Entity ids, and the tokens by which entities say who they are.

use std::fmt;
use std::time::Duration;

use rmp::encode;

use crate::encoding::{EncodingError, Reader, bytes_of, text_of};
use crate::key::{PublicKey, SigningKey};
use crate::limits::{BASE58_BYTES_MAX, ENTITY_CLOCK_AHEAD_S};
use crate::token::TokenKind;

/// An entity token that does not prove what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntityError {
    /// It cannot be read.
    #[error("malformed entity token: {0}")]
    Malformed(#[from] EncodingError),
    /// It was minted too long ago.
    #[error(
        "entity token was minted {age_s} seconds ago, at most {max_s} are allowed; mint a new one"
    )]
    TooOld {
        /// Its age.
        age_s: u64,
        /// The oldest that is allowed.
        max_s: u64,
    },
    /// It was minted in the future.
    #[error(
        "entity token was minted {ahead_s} seconds in the future, at most \
         {ENTITY_CLOCK_AHEAD_S} are allowed; set the clock of the device"
    )]
    Future {
        /// How far.
        ahead_s: u64,
    },
    /// It names no entity.
    #[error("invalid entity ID: {0}")]
    Id(#[from] EntityIdError),
    /// Its signature is not by the entity's key.
    #[error("signature error: not signed by the key of this entity")]
    Signature,
}

/// A text that is no entity id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected clasp: and 16 bytes in base58, such as clasp:GxWz2Za2u3DjqyYq9mA57y")]
pub struct EntityIdError;

/// The id of an entity: `clasp:` and half of its public key in base58.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(Box<str>);

impl EntityId {
    /// The id of who has this key.
    pub fn of(key: &PublicKey) -> Self {
        let half = &key.to_bytes()[..ID_BYTES];
        let base58 = bs58::encode(half).into_string();
        Self(format!("{ID_PREFIX}{base58}").into())
    }

    /// The id in this text.
    pub fn parse(text: &str) -> Result<Self, EntityIdError> {
        let base58 = text.strip_prefix(ID_PREFIX).ok_or(EntityIdError)?;
        if base58.len() > BASE58_BYTES_MAX {
            return Err(EntityIdError);
        }
        let bytes = bs58::decode(base58).into_vec().map_err(|_| EntityIdError)?;
        if bytes.len() != ID_BYTES {
            return Err(EntityIdError);
        }
        Ok(Self(text.into()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What an entity says of itself. It proves nothing until it was verified with the key that
/// is registered for the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityToken {
    /// Who it is.
    pub id: EntityId,
    /// When it said so, in seconds since 1970.
    pub timestamp_s: u64,
    /// Its signature of both.
    pub signature: [u8; 64],
}

impl EntityToken {
    /// The token in this text.
    pub fn decode(text: &str) -> Result<Self, EntityError> {
        let bytes = bytes_of(TokenKind::Entity, text)?;
        let mut reader = Reader::new(&bytes);
        if reader.array(PARTS)? != 3 {
            return Err(EncodingError::Unexpected { expected: PARTS }.into());
        }
        let id = reader.text("the entity id", BASE58_BYTES_MAX)?;
        let timestamp_s = reader.uint("a timestamp in seconds")?;
        let signature = reader.bytes("a signature of 64 bytes")?;
        reader.end()?;
        let id = EntityId::parse(id)?;
        Ok(Self {
            id,
            timestamp_s,
            signature,
        })
    }

    /// The text of a token of who has this key.
    pub fn mint(key: &SigningKey, timestamp_s: u64) -> String {
        let id = key.public().entity_id();
        let signature = key.sign(&signed_bytes(&id, timestamp_s));
        let mut bytes = Vec::new();
        let written = (|| {
            encode::write_array_len(&mut bytes, 3)?;
            encode::write_str(&mut bytes, id.as_str())?;
            encode::write_uint(&mut bytes, timestamp_s)?;
            encode::write_bin(&mut bytes, &signature)
        })();
        written.expect("a vector takes what is written");
        text_of(TokenKind::Entity, &bytes)
    }

    /// Whether it is of this time: not from the future, and not older than `max_age` if there is one.
    pub fn check_age(&self, now_s: u64, max_age: Option<Duration>) -> Result<(), EntityError> {
        let ahead_s = self.timestamp_s.saturating_sub(now_s);
        if ahead_s > ENTITY_CLOCK_AHEAD_S {
            return Err(EntityError::Future { ahead_s });
        }
        let age_s = now_s.saturating_sub(self.timestamp_s);
        match max_age.map(|max| max.as_secs()) {
            Some(max_s) if age_s > max_s => Err(EntityError::TooOld { age_s, max_s }),
            _ => Ok(()),
        }
    }

    /// Whether it was signed with this key.
    pub fn verify(&self, key: &PublicKey) -> Result<(), EntityError> {
        let message = signed_bytes(&self.id, self.timestamp_s);
        match key.verifies(&message, &self.signature) {
            true => Ok(()),
            false => Err(EntityError::Signature),
        }
    }
}

fn signed_bytes(id: &EntityId, timestamp_s: u64) -> Vec<u8> {
    [id.as_str().as_bytes(), &timestamp_s.to_be_bytes()].concat()
}

/// What an id begins with.
const ID_PREFIX: &str = "clasp:";

/// Bytes of a public key that are in an id.
const ID_BYTES: usize = 16;

/// What a token is.
const PARTS: &str = "an array of entity id, timestamp and signature";

#[cfg(test)]
mod tests;
