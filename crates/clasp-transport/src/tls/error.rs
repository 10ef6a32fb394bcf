//! Why a certificate, or a list of authorities, cannot be used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A file that TLS needs is not what it has to be; the files are the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsError {
    /// A file is not there, or not for us.
    #[error("cannot read {path}: {problem}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        problem: io::ErrorKind,
    },
    /// The file has no certificate in it.
    #[error("No certificate found in PEM file {path}: expected a CERTIFICATE block", path = path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The file has no key in it that can be used as it is.
    #[error(
        "No private key found in PEM file {path}: expected a PRIVATE KEY block that is not encrypted",
        path = path.display()
    )]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// What stands in a block is no certificate.
    #[error("{path}: certificate {number} of the file is damaged", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Which certificate of it, from 1.
        number: usize,
    },
    /// The key is of a kind that nobody can use with TLS.
    #[error("{path}: expected an ECDSA, Ed25519 or RSA key of at least 2048 bits", path = path.display())]
    UnusableKey {
        /// Which file.
        path: PathBuf,
    },
    /// The key is that of another certificate.
    #[error(
        "the key in {key} does not belong to the certificate in {cert}",
        key = key.display(), cert = cert.display()
    )]
    Mismatch {
        /// The file with the certificate.
        cert: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The system has no list of certificate authorities.
    #[error("this system has no certificate authorities: name a file with the server's by --ca")]
    NoAuthorities,
}
