//! A private certificate authority, and the files of a server that it has signed.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clasp_server::Config;
use clasp_transport::tls::Trust;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority, and a folder with its certificate and that of a server.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate and its key, in PEM.
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Authority {
    /// An authority that has signed for a server on this machine.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("clasp-authority-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder for the test");
        let mut params = CertificateParams::new([]).expect("no name is wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("the authority can be made");
        let authority = Self { issuer, folder };
        fs::write(authority.path("ca.pem"), authority.issuer.pem()).expect("a file can be written");
        authority.install(&authority.sign());
        authority
    }

    /// A certificate for a server on this machine.
    pub(crate) fn sign(&self) -> Pair {
        self.sign_with(|_| {})
    }

    /// One that ended long ago.
    pub(crate) fn sign_expired(&self) -> Pair {
        self.sign_with(|params| params.not_after = date_time_ymd(2020, 1, 1))
    }

    fn sign_with(&self, adjust: impl FnOnce(&mut CertificateParams)) -> Pair {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("the names are fine");
        adjust(&mut params);
        let key = KeyPair::generate().expect("a key can be made");
        let cert = params.signed_by(&key, &self.issuer);
        Pair {
            // The chain is whole, as that of a public authority would be.
            cert: cert.expect("the authority signs").pem() + &self.issuer.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Puts both files where the server reads them, one after the other, each at once.
    pub(crate) fn install(&self, pair: &Pair) {
        self.replace("server.pem", &pair.cert);
        self.replace("server.key", &pair.key);
    }

    /// Replaces one file.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        let new = self.path("new");
        fs::write(&new, text).expect("a file can be written");
        fs::rename(&new, self.path(name)).expect("a file can be moved");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What a server needs to use them.
    pub(crate) fn configure(&self, config: &mut Config) {
        config.cert = Some(self.path("server.pem"));
        config.key = Some(self.path("server.key"));
    }

    /// What a client needs to trust nobody else.
    pub(crate) fn trust(&self) -> Trust {
        Trust::Authority(self.path("ca.pem"))
    }

    /// A TLS connection to a server that it has signed for, to say anything in.
    pub(crate) async fn stream(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        let der = self.issuer.der().clone();
        roots.add(der).expect("the authority is one");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has ciphers")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpStream::connect(address).await.expect("the port is open");
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        connector
            .connect(name, socket)
            .await
            .expect("it is trusted")
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}
