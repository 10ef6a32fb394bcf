//! Revoked: links of capability tokens that are no longer believed. Nobody issued them here, so that none can be deleted.

use rusqlite::params;

use crate::accounts::AuthStore;
use crate::database::empty_log;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::limits::REVOKED_MAX;

impl AuthStore {
    /// Believes a link no longer, until it has expired anyway; a time that is later than a database can tell is for ever.
    ///
    /// # Errors
    /// The database does not work, or is full.
    pub fn revoke(&mut self, link: &Digest, until_s: Option<u64>) -> Result<(), StoreError> {
        let until_s = until_s.filter(|until_s| i64::try_from(*until_s).is_ok());
        let step = self.begin()?;
        let revoked: usize =
            step.query_row("SELECT count(*) FROM revoked", [], |row| row.get(0))?;
        if revoked >= REVOKED_MAX {
            return Err(StoreError::Full {
                things: "revocations",
                max: REVOKED_MAX,
            });
        }
        step.prepare_cached(
            "INSERT OR REPLACE INTO revoked (digest, until, checksum) \
             VALUES (?1, ?2, row_checksum(?1, ?2))",
        )?
        .execute(params![link, until_s])?;
        step.commit()?;
        empty_log(self.connection());
        Ok(())
    }

    /// All links that are believed no longer.
    ///
    /// # Errors
    /// The database does not work.
    pub fn revoked(&self) -> Result<Vec<Digest>, StoreError> {
        let mut question = self.connection().prepare("SELECT digest FROM revoked")?;
        let rows = question.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether one of these links is believed no longer.
    ///
    /// # Errors
    /// The database does not work.
    pub fn is_revoked(&self, links: &[Digest]) -> Result<bool, StoreError> {
        let mut question = self
            .connection()
            .prepare_cached("SELECT 1 FROM revoked WHERE digest = ?1")?;
        for link in links {
            if question.exists([link])? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use crate::accounts::tests::{DAY, Folder, NOW};

    #[test]
    fn a_link_is_revoked_until_it_expires() {
        let folder = Folder::new();
        let mut store = folder.store();
        store.revoke(&[1; 32], Some(NOW + DAY)).unwrap();
        store.revoke(&[2; 32], None).unwrap();
        store.revoke(&[3; 32], Some(u64::MAX)).unwrap();
        assert!(store.is_revoked(&[[9; 32], [1; 32]]).unwrap());
        assert!(!store.is_revoked(&[[9; 32]]).unwrap());
        let mut revoked = store.revoked().unwrap();
        revoked.sort_unstable();
        assert_eq!(revoked, [[1; 32], [2; 32], [3; 32]]);
        drop(store);
        let mut store = folder.store();
        store.prune(NOW + DAY).unwrap();
        assert!(store.is_revoked(&[[1; 32]]).unwrap(), "not yet");
        store.prune(NOW + DAY + 1).unwrap();
        assert!(!store.is_revoked(&[[1; 32]]).unwrap());
        assert!(store.is_revoked(&[[2; 32]]).unwrap(), "for ever");
        assert!(store.is_revoked(&[[3; 32]]).unwrap(), "for ever");
    }
}
