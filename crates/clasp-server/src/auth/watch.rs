//! Watch: reads token files again when they change, and ends the sessions of tokens that are gone.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::sleep;

use super::Authenticator;
use super::identity::Credential;
use super::token_file::{self, Listed};
use crate::limits::RELOAD_CHECK_INTERVAL;
use crate::shared::Shared;
use crate::supervisor::blocking;

/// Runs for as long as the server does.
pub(crate) async fn run(shared: Arc<Shared>) {
    let files = Arc::new(shared.authenticator.plan.token_files.clone());
    // What changed since the start is found at once.
    let mut seen = Vec::new();
    loop {
        let looked = Arc::clone(&files);
        // Looked at before the files are read: what changes meanwhile is found the next time.
        let stamps = blocking(move || stamps(&looked)).await;
        if stamps != seen {
            seen = stamps;
            let shared = Arc::clone(&shared);
            blocking(move || reload(&shared)).await;
        }
        sleep(RELOAD_CHECK_INTERVAL).await;
    }
}

/// Takes the files as they are now. One that cannot be used, or is not there, leaves its own tokens as they were.
pub(super) fn reload(shared: &Shared) {
    let Authenticator {
        plan,
        listed,
        by_file,
        ..
    } = &shared.authenticator;
    let mut by_file = by_file.lock();
    for (path, tokens) in plan.token_files.iter().zip(by_file.iter_mut()) {
        match token_file::read(path, plan.strict_read) {
            Ok(new) => *tokens = new,
            Err(error) => {
                tracing::error!(%error, "the tokens that were read from it before stay in use");
            }
        }
    }
    let new = token_file::together(by_file.iter());
    drop(by_file);
    if *listed.read() == new {
        return;
    }
    let (tokens, old) = (new.len(), std::mem::replace(&mut *listed.write(), new));
    let gone = gone(&old, &listed.read());
    shared.authenticator.count_revocation();
    let ended = gone
        .iter()
        .map(|credential| shared.roster.end(&shared.router, credential));
    let sessions: usize = ended.sum();
    tracing::info!(tokens, sessions, "the token files were read again");
}

/// Tokens that do not count any more, or not as they did.
fn gone(old: &Listed, new: &Listed) -> Vec<Credential> {
    let gone = old
        .iter()
        .filter(|(digest, principal)| new.get(digest) != Some(principal));
    gone.map(|(digest, _)| Credential::Token(*digest)).collect()
}

/// How a file was: where it really is, when it was written, its size, and when anything of it was changed, as who may
/// read it.
pub(super) type Stamp = Option<(PathBuf, SystemTime, u64, i64)>;

pub(super) fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    // A file that is not there for a moment is one that changes.
    files.iter().map(|path| look(path).ok()).collect()
}

fn look(path: &Path) -> io::Result<(PathBuf, SystemTime, u64, i64)> {
    let place = path.canonicalize()?;
    let metadata = place.metadata()?;
    let changed = changed_at(&metadata);
    Ok((place, metadata.modified()?, metadata.len(), changed))
}

#[cfg(unix)]
fn changed_at(metadata: &Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt as _;
    metadata
        .ctime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn changed_at(_: &Metadata) -> i64 {
    0
}
