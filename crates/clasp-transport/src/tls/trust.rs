//! The client's side of TLS: whose certificates are taken.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error as RustlsError, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use super::certificate::read_chain;
use super::error::TlsError;
use super::{ALPN_QUIC, provider};

/// Whose certificates a client takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those of the authorities that the system trusts.
    #[default]
    System,
    /// Those of the authorities in this PEM file, and no others.
    Authority(PathBuf),
    /// Any, even for another host: whoever is in between can read and change everything. For development.
    Anybody,
}

/// A client's settings for both kinds of connection.
pub(crate) struct ClientTls {
    verifier: Arc<dyn ServerCertVerifier>,
}

impl ClientTls {
    /// Finds the authorities.
    pub(crate) fn new(trust: &Trust) -> Result<Self, TlsError> {
        let roots = match trust {
            Trust::Anybody => {
                let verifier = Arc::new(Anybody(provider()));
                return Ok(Self { verifier });
            }
            Trust::System => system_roots()?,
            Trust::Authority(path) => {
                let mut roots = RootCertStore::empty();
                for (index, certificate) in read_chain(path)?.into_iter().enumerate() {
                    let damaged = |_| TlsError::Damaged {
                        path: path.clone(),
                        number: index + 1,
                    };
                    roots.add(certificate).map_err(damaged)?;
                }
                Arc::new(roots)
            }
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
        let verifier = verifier.expect("there is an authority, and no list of revocations");
        Ok(Self { verifier })
    }

    /// For TLS over TCP.
    pub(crate) fn tcp(&self) -> Arc<ClientConfig> {
        Arc::new(self.config(rustls::DEFAULT_VERSIONS))
    }

    /// For QUIC.
    pub(crate) fn quic(&self) -> Arc<QuicClientConfig> {
        let mut config = self.config(&[&rustls::version::TLS13]);
        config.alpn_protocols = vec![ALPN_QUIC.to_vec()];
        let config = QuicClientConfig::try_from(config);
        Arc::new(config.expect("the provider has the cipher of QUIC's first packets"))
    }

    fn config(&self, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .expect("the provider has ciphers for TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&self.verifier))
            .with_no_client_auth()
    }
}

/// The system's authorities, looked up once.
fn system_roots() -> Result<Arc<RootCertStore>, TlsError> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // One that cannot be read is one that nobody is signed by.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    if roots.is_empty() {
        return Err(TlsError::NoAuthorities);
    }
    Ok(Arc::clone(roots))
}

/// Takes every certificate, but still asks for proof that the peer has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
