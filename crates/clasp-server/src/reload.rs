//! Reload: reads the certificate again when it is told to, and when its files change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clasp_transport::tls::{Certificate, ServerTls, TlsError};
use thiserror::Error;
use tokio::time::sleep;

use crate::counters::Counted;
use crate::limits::RELOAD_CHECK_INTERVAL;
use crate::plan::TlsFiles;
use crate::shared::Shared;
use crate::supervisor::blocking;

/// Runs for as long as the server does.
pub(crate) async fn run(shared: Arc<Shared>, tls: ServerTls, files: TlsFiles) {
    let mut seen = files.seen.clone();
    loop {
        let asked = tokio::select! {
            () = shared.reload.notified() => true,
            () = sleep(RELOAD_CHECK_INTERVAL) => false,
        };
        // Looked at before the files are read: what changes meanwhile is found the next time.
        let TlsFiles { cert, key, .. } = files.clone();
        let stamp = blocking(move || Stamp::read(&cert, &key)).await;
        if asked || stamp != seen {
            seen = stamp;
            reload(&shared, &tls, &files).await;
        }
    }
}

/// Says what an operator should know of the certificate that the server begins with.
pub(crate) fn inspect(certificate: &Certificate) {
    let sha256 = certificate.fingerprint();
    if certificate.is_expired(SystemTime::now()) {
        tracing::warn!(sha256, "the certificate has expired: clients refuse it");
    }
}

async fn reload(shared: &Shared, tls: &ServerTls, files: &TlsFiles) {
    match read(files).await {
        Ok(certificate) => {
            shared.counters.count(Counted::Reloaded);
            let sha256 = certificate.fingerprint();
            tracing::info!(sha256, "the certificate was read again");
            tls.replace(certificate);
        }
        Err(error) => {
            shared.counters.count(Counted::ReloadFailed);
            tracing::error!(%error, "the old certificate stays in use");
        }
    }
}

/// Why a certificate does not take the place of the one in use.
#[derive(Debug, Error)]
enum Unusable {
    #[error(transparent)]
    Files(#[from] TlsError),
    #[error("the certificate in {path} has expired", path = .0.display())]
    Expired(PathBuf),
}

async fn read(files: &TlsFiles) -> Result<Certificate, Unusable> {
    let TlsFiles { cert, key, .. } = files.clone();
    let certificate = blocking(move || Certificate::read(&cert, &key)).await?;
    if certificate.is_expired(SystemTime::now()) {
        return Err(Unusable::Expired(files.cert.clone()));
    }
    Ok(certificate)
}

/// What tells whether a file was replaced: where it really is, when it was written, its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp([Option<(PathBuf, SystemTime, u64)>; 2]);

impl Stamp {
    pub(crate) fn read(cert: &Path, key: &Path) -> Self {
        // A file that is not there for a moment is one that changes.
        Self([cert, key].map(|path| look(path).ok()))
    }
}

fn look(path: &Path) -> io::Result<(PathBuf, SystemTime, u64)> {
    let place = path.canonicalize()?;
    let metadata = place.metadata()?;
    Ok((place, metadata.modified()?, metadata.len()))
}
