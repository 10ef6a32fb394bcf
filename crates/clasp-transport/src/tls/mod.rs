//! TLS for both sides: the certificate of a server, which can be replaced while it runs, and whom a client trusts.

mod certificate;
mod error;
mod server;
mod trust;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use certificate::Certificate;
pub use error::TlsError;
pub use server::{ServerTls, accept};
pub(crate) use trust::ClientTls;
pub use trust::Trust;

/// The one implementation of cryptography in the whole program.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What CLASP calls itself in the handshake of QUIC.
// protocol/wire.md 1.14
pub(crate) const ALPN_QUIC: &[u8] = b"clasp/2";

/// The first byte of every TLS connection: a handshake record.
pub const HANDSHAKE_RECORD: u8 = 0x16;

#[cfg(test)]
mod tests;
