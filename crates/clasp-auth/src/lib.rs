//! Tokens, keys and passwords of CLASP; the only crate with signatures and password hashes.

pub mod anchor;
pub mod capability;
pub mod cpsk;
mod encoding;
pub mod entity;
pub mod key;
mod limits;
pub mod password;
pub mod private_file;
pub mod throttle;
pub mod token;

pub use anchor::Anchors;
pub use encoding::EncodingError;
pub use entity::{EntityId, EntityToken};
pub use key::{PublicKey, SigningKey};
pub use limits::DEPTH_MAX;
pub use throttle::Throttle;
pub use token::{TokenDigest, TokenKind};
