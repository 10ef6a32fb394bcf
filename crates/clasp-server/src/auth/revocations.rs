//! Revocations of a server that had an auth port and has none now: what was revoked then stays so.

use std::collections::HashSet;
use std::path::Path;

use clasp_store::{AuthStore, Digest, StoreError};

use super::accounts::OpenError;

/// The links of capability tokens that were revoked. Read once: nobody revokes any without the port. Waits for the disk.
///
/// # Errors
/// There is a database, and it cannot be used.
pub(super) fn read(path: &Path) -> Result<HashSet<Digest>, OpenError> {
    let place = path.display();
    if !path.exists() {
        tracing::warn!("no capability token counts as revoked: there is no {place} (--auth-db)");
        return Ok(HashSet::new());
    }
    match AuthStore::open(path) {
        Ok(store) => {
            let revoked: HashSet<_> = store.revoked()?.into_iter().collect();
            let links = revoked.len();
            tracing::info!(links, "links of capability tokens are revoked, by {place}");
            Ok(revoked)
        }
        // It may be that of another server, by the name that nobody has to give.
        Err(error @ StoreError::InUse { .. }) => {
            tracing::warn!("no capability token counts as revoked: {error}");
            Ok(HashSet::new())
        }
        Err(error) => Err(error.into()),
    }
}
