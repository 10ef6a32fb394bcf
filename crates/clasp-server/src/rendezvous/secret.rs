//! Secret: what only the owner of a registration knows. The server keeps its hash.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// 192 random bits, told once, at registration. It has no `Debug`, so that no log can show it.
pub(crate) struct Secret(String);

/// What is kept of a secret: enough to recognise it, not enough to use it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SecretHash([u8; 32]);

impl Secret {
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).expect("the system has random numbers");
        Self(BASE64URL_NOPAD.encode(&bytes))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl SecretHash {
    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Takes the same time whatever differs.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_differ() {
        let (one, other) = (Secret::random(), Secret::random());
        assert_eq!(one.text().len(), 32);
        assert!(!SecretHash::of(one.text()).is_same(&SecretHash::of(other.text())));
        assert!(SecretHash::of(one.text()).is_same(&SecretHash::of(one.text())));
    }
}
