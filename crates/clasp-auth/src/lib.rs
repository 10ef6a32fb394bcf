//! Tokens, keys and passwords of CLASP; the only crate with signatures and password hashes.

pub mod cpsk;
mod limits;
pub mod password;
pub mod throttle;
pub mod token;

pub use throttle::Throttle;
pub use token::{TokenDigest, TokenKind};
