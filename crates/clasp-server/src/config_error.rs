//! What is wrong with a configuration, each problem by the flag that sets it.

use std::fmt;
use std::sync::Arc;

use clasp_auth::anchor::AnchorError;
use clasp_auth::key::KeyError;
use clasp_transport::tls::TlsError;
use thiserror::Error;

use crate::app_config::AppConfigError;
use crate::limits::NAME_BYTES_MAX;
use crate::plan::Feature;

/// A setting that cannot run, by the flag that sets it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The host is neither an address nor a known name.
    #[error("--host {host}: no such address: give an IP address, for example 0.0.0.0 or ::")]
    Host {
        /// As given.
        host: String,
    },
    /// Every listener is off.
    #[error("No protocols enabled. Enable at least one of: WebSocket, QUIC, TCP")]
    NoProtocol,
    /// Two listeners want one port.
    #[error("{flag} {port}: {other} has the same: give each of them a port of its own")]
    SamePort {
        /// The flag of the second one.
        flag: &'static str,
        /// That of the first.
        other: &'static str,
        /// The port.
        port: u16,
    },
    /// A flag of something that this build does not have.
    #[error("{flag} needs the '{feature}' feature: rebuild with --features {feature}")]
    Feature {
        /// The flag.
        flag: &'static str,
        /// What is missing.
        feature: Feature,
    },
    /// A broadcast is answered with where to find WebSocket, and there are broadcasts with IPv4 only.
    #[error(
        "--broadcast-port {port}: expected a WebSocket listener and an IPv4 --host, to which clients are led"
    )]
    Broadcast {
        /// The port.
        port: u16,
    },
    /// QUIC cannot do without TLS.
    #[error("{flag} required for QUIC")]
    NeededForQuic {
        /// The flag that is missing.
        flag: &'static str,
    },
    /// A certificate without key, or the other way round.
    #[error("{other} needs {flag}: give both for TLS, or none")]
    HalfOfTls {
        /// The flag that is missing.
        flag: &'static str,
        /// The one that is there.
        other: &'static str,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The rules of the application cannot be used.
    #[error(transparent)]
    AppConfig(#[from] AppConfigError),
    /// The name is empty or too long.
    #[error("--name: expected 1 to {NAME_BYTES_MAX} bytes, found {bytes}")]
    Name {
        /// How long it is.
        bytes: usize,
    },
    /// A number or a duration that makes no sense as 0.
    #[error("{flag}: expected more than 0")]
    Zero {
        /// The flag.
        flag: &'static str,
    },
    /// An empty token would let nobody in, or everybody.
    #[error("--token: expected a token, found nothing: leave the flag out to let everybody in")]
    Token,
    /// An allowed origin that no browser would send.
    #[error(
        "--allow-origin {origin}: expected * or scheme://host[:port], for example https://app.example.org"
    )]
    Origin {
        /// As given.
        origin: String,
    },
    /// A token where the path of its file belongs. It is not repeated.
    #[error(
        "--admin-token: expected the path of a file, found a token: put it into a file of mode 600 and give its path"
    )]
    AdminToken,
    /// A proxy that could not be one.
    #[error("--trusted-proxy {given}: expected an IP address or a network such as 10.0.0.0/8")]
    TrustedProxy {
        /// As given.
        given: String,
    },
    /// An origin of pages that no browser would send.
    #[error(
        "--cors-origin {origin}: expected * or scheme://host[:port], for example https://app.example.org"
    )]
    CorsOrigin {
        /// As given.
        origin: String,
    },
    /// A trust anchor that is no key.
    #[error("--trust-anchor {given}: {source}")]
    TrustAnchor {
        /// As given.
        given: String,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The file of a trust anchor cannot be used.
    #[error("{flag}: {source}")]
    TrustAnchorFile {
        /// The flag.
        flag: &'static str,
        /// What is wrong with it, with its name.
        source: AnchorFault,
    },
    /// Another kind of journal than there is.
    #[error(
        "--journal-backend {found}: expected sqlite, the only one of this version: leave the flag out"
    )]
    JournalBackend {
        /// As given.
        found: String,
    },
    /// No level of durability.
    #[error(
        "--journal-durability {found}: expected fsync (survives a power cut), os (survives the end of the process) or memory (acknowledges at once)"
    )]
    JournalDurability {
        /// As given.
        found: String,
    },
    /// A journal in a file and one in memory.
    #[error("--journal-memory: there is a --journal as well: give one of them")]
    TwoJournals,
    /// The other rendezvous server has no url.
    #[error("--rendezvous-url {url}: expected http://host:port or https://host:port")]
    RendezvousUrl {
        /// As given.
        url: String,
    },
    /// Clients could not connect there.
    #[error("--rendezvous-advertise {url}: expected ws://host:port or wss://host:port")]
    RendezvousAdvertise {
        /// As given.
        url: String,
    },
    /// There is no port that could be told to others.
    #[error(
        "--rendezvous-url: there is no WebSocket port to register: say with --rendezvous-advertise where clients connect"
    )]
    NothingToRegister,
}

/// What is wrong with the file of a trust anchor.
#[derive(Debug, Clone, Error)]
#[error(transparent)]
pub struct AnchorFault(#[from] Arc<AnchorError>);

/// What the system says of a file cannot be compared.
impl PartialEq for AnchorFault {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for AnchorFault {}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub(crate) Vec<ConfigError>);

impl ConfigErrors {
    /// True if nothing is wrong but that features are missing: then the build is to blame, not the configuration.
    pub fn are_missing_features(&self) -> bool {
        let is_feature = |error: &ConfigError| matches!(error, ConfigError::Feature { .. });
        self.0.iter().all(is_feature)
    }

    /// Each problem; there is at least one.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
