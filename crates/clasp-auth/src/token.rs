//! What kind of token a text is, and the digest by which it is known after it was read.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The kinds of tokens, by the prefix of their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `cpsk_`: a random key that a server looks up.
    Cpsk,
    /// `cap_`: scopes signed by a trust anchor, or handed on by somebody who holds them.
    Capability,
    /// `ent_`: an entity's signature of its own id.
    Entity,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Cpsk, Self::Capability, Self::Entity];

    /// What the text of a token of this kind begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Cpsk => "cpsk_",
            Self::Capability => "cap_",
            Self::Entity => "ent_",
        }
    }

    /// The kind of the token in this text. What follows the prefix is not looked at.
    pub fn of(text: &str) -> Option<Self> {
        let mut kinds = Self::ALL.into_iter();
        kinds.find(|kind| text.starts_with(kind.prefix()))
    }
}

/// SHA-256 of a token's text, or of a signature: it tells tokens apart without being one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of this token.
    pub fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// The digest of these bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest with these bytes, as a database keeps it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The beginning tells the tokens of a log apart; all of it would let a reader of the log ask
/// whether a guessed token is the one.
impl fmt::Debug for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXLOWER.encode(&self.0[..4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_prefix() {
        for (text, expected) in [
            ("cpsk_00", Some(TokenKind::Cpsk)),
            ("cap_x", Some(TokenKind::Capability)),
            ("ent_", Some(TokenKind::Entity)),
            ("CPSK_00", None),
            (" cap_x", None),
            ("ext_x", None),
            ("cap", None),
            ("", None),
        ] {
            assert_eq!(TokenKind::of(text), expected, "{text}");
        }
    }

    #[test]
    fn digest_shows_eight_digits() {
        // FIPS 180-2, B.1
        let digest = TokenDigest::of("abc");
        assert_eq!(format!("{digest:?}"), "ba7816bf");
        assert_eq!(digest.as_bytes()[31], 0xad);
        assert_eq!(TokenDigest::from_bytes(*digest.as_bytes()), digest);
        assert_ne!(TokenDigest::of("abd"), digest);
    }
}
