//! Certificate: a chain with its key, as read from files or made for the moment.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::error::TlsError;
use super::provider;

/// A certificate chain and the key of its first certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    expires_at: SystemTime,
}

impl Certificate {
    /// Reads a chain, the server's own certificate first, and its key; both are PEM, and may be one file.
    ///
    /// # Errors
    /// See [`TlsError`]; a certificate that has expired is none, see [`Self::is_expired`].
    pub fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = read_chain(cert)?;
        let secret = read_key(key)?;
        let signing = provider().key_provider.load_private_key(secret);
        let signing = signing.map_err(|_| TlsError::UnusableKey { path: key.into() })?;
        let certified = CertifiedKey::new(chain, signing);
        // A key whose public half cannot be told is checked by its clients.
        if let Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) =
            certified.keys_match()
        {
            return Err(TlsError::Mismatch {
                cert: cert.into(),
                key: key.into(),
            });
        }
        let expires_at = expiry(&certified.cert[0]).ok_or_else(|| TlsError::Damaged {
            path: cert.into(),
            number: 1,
        })?;
        Ok(Self {
            key: Arc::new(certified),
            expires_at,
        })
    }

    /// Makes a certificate for these names that nobody has signed, for development.
    ///
    /// # Panics
    /// Never for names of ASCII letters, digits, dots and hyphens, or IP addresses.
    pub fn self_signed(names: Vec<String>) -> Self {
        let made = rcgen::generate_simple_self_signed(names).expect("the names are ASCII");
        let secret = PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .expect("a key that was just made is one");
        let signing = provider().key_provider.load_private_key(secret);
        let signing = signing.expect("a key that was just made can be used");
        let certificate = made.cert.der().clone();
        Self {
            expires_at: expiry(&certificate).expect("a certificate that was just made is one"),
            key: Arc::new(CertifiedKey::new(vec![certificate], signing)),
        }
    }

    /// When its first certificate expires.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// True if clients refuse it already.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires_at <= now
    }

    /// SHA-256 of its first certificate, in hexadecimal digits: what people compare.
    pub fn fingerprint(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(&self.key.cert[0]))
    }
}

/// All certificates of a file.
pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let mut chain = Vec::new();
    for (index, certificate) in CertificateDer::pem_slice_iter(&bytes).enumerate() {
        let damaged = || TlsError::Damaged {
            path: path.into(),
            number: index + 1,
        };
        let certificate = certificate.map_err(|_| damaged())?;
        X509Certificate::from_der(&certificate).map_err(|_| damaged())?;
        chain.push(certificate);
    }
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.into() });
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| TlsError::NoKey { path: path.into() })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Unreadable {
        path: path.into(),
        problem: error.kind(),
    })
}

fn expiry(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let seconds = parsed.validity().not_after.timestamp();
    let since_epoch = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    UNIX_EPOCH.checked_add(since_epoch)
}

#[cfg(test)]
mod tests;
