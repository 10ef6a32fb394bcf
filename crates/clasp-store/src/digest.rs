//! Digest: by what a secret is found without being kept.

/// SHA-256 of a token, a signature or a name.
pub type Digest = [u8; 32];
