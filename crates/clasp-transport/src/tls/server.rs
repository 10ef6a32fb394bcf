//! The server's side of TLS: one certificate for all listeners, replaced for all of them at once.

use std::fmt;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{ALPN_QUIC, Certificate, HANDSHAKE_RECORD, provider};
use crate::error::HandshakeError;
use crate::stream::Stream;
use crate::websocket::last_answer;

/// What a server needs to speak TLS. Clones share the certificate.
#[derive(Clone)]
pub struct ServerTls {
    current: Arc<Current>,
    tcp: Arc<ServerConfig>,
    quic: Arc<QuicServerConfig>,
}

/// The certificate that the next handshake gets.
struct Current(ArcSwap<Certificate>);

impl ServerTls {
    /// Begins with this certificate.
    ///
    /// # Panics
    /// Never: the versions and ciphers that the program is built with fit together.
    pub fn new(certificate: Certificate) -> Self {
        let current = Arc::new(Current(ArcSwap::from_pointee(certificate)));
        let mut tcp = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has ciphers for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        // A client that resumes need not be proven the certificate again, which is most of the cost of a
        // reconnection storm.
        tcp.ticketer = rustls::crypto::ring::Ticketer::new()
            .expect("the system gives random bytes, as it did for every key before");
        let mut quic = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the provider has ciphers for TLS 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        quic.alpn_protocols = vec![ALPN_QUIC.to_vec()];
        let quic = QuicServerConfig::try_from(quic);
        let quic = quic.expect("the provider has the cipher of QUIC's first packets");
        Self {
            current,
            tcp: Arc::new(tcp),
            quic: Arc::new(quic),
        }
    }

    /// The certificate that handshakes get from now on. Connections that are there keep theirs.
    pub fn replace(&self, certificate: Certificate) {
        self.current.0.store(Arc::new(certificate));
    }

    /// The certificate that handshakes get.
    pub fn certificate(&self) -> Arc<Certificate> {
        self.current.0.load_full()
    }

    pub(crate) fn quic(&self) -> Arc<QuicServerConfig> {
        Arc::clone(&self.quic)
    }
}

/// Makes a TLS connection of a socket. // protocol/wire.md 1.15
/// Who speaks HTTP without TLS is told so. There is no deadline in here: the
/// caller sets one.
///
/// # Errors
/// The peer does not speak TLS, or not one that this server speaks.
pub async fn accept(socket: TcpStream, tls: &ServerTls) -> Result<Stream, HandshakeError> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 0 {
        return Err(HandshakeError::Closed);
    }
    if first[0] != HANDSHAKE_RECORD {
        if first[0].is_ascii_uppercase() {
            last_answer(socket, SPEAK_TLS).await?;
        }
        return Err(HandshakeError::NotTls);
    }
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.tcp));
    match acceptor.accept(socket).await {
        Ok(stream) => Ok(Stream::Tls(Box::new(stream.into()))),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(HandshakeError::Tls(error)),
        Err(error) => Err(HandshakeError::Io(error)),
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().key))
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("ServerTls")
            .field(&self.current)
            .finish()
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.load().fingerprint())
    }
}

const SPEAK_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 45\r\n\
    Connection: close\r\n\r\nthis port speaks TLS: use wss:// or https://\n";
