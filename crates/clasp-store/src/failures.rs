//! Failures: how often a name or an address failed to log in. On the disk, so that a restart gives nobody new attempts.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::accounts::AuthStore;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::limits::FAILURES_MAX;

/// How many failures are how many too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimit {
    /// As many block; 0 blocks nobody.
    pub failures_max: u32,
    /// From the first one on; the block ends with it.
    pub window: Duration,
}

/// There were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// When there will be new attempts.
    pub retry_after: Duration,
}

impl AuthStore {
    /// Whether one of these sources has failed too often.
    ///
    /// # Errors
    /// The database does not work.
    pub fn throttled(
        &self,
        sources: &[Digest],
        limit: FailureLimit,
        now_s: u64,
    ) -> Result<Option<Throttled>, StoreError> {
        let mut question = self
            .connection()
            .prepare_cached("SELECT count, since FROM failures WHERE source = ?1")?;
        let mut longest = None;
        for source in sources {
            let row = question.query_row([source], |row| Ok((row.get(0)?, row.get(1)?)));
            let Some((count, since)) = row.optional()? else {
                continue;
            };
            longest = longest.max(limit.left(count, since, now_s));
        }
        Ok(longest.map(|retry_after| Throttled { retry_after }))
    }

    /// Takes note of a login that failed.
    ///
    /// # Errors
    /// The database does not work.
    pub fn failed(
        &mut self,
        sources: &[Digest],
        limit: FailureLimit,
        now_s: u64,
    ) -> Result<(), StoreError> {
        let ended = now_s.saturating_sub(limit.window.as_secs());
        let step = self.begin()?;
        // A window of the future is one from before the clock was set back.
        step.prepare_cached("DELETE FROM failures WHERE since < ?1 OR since > ?2")?
            .execute([ended, now_s])?;
        make_room(&step)?;
        for source in sources {
            step.prepare_cached(
                "INSERT INTO failures (source, count, since) VALUES (?1, 1, ?2) \
                 ON CONFLICT (source) DO UPDATE SET count = count + 1",
            )?
            .execute(params![source, now_s])?;
        }
        step.commit()?;
        Ok(())
    }

    /// Forgets the failures of who has logged in.
    ///
    /// # Errors
    /// The database does not work.
    pub fn forgive(&mut self, sources: &[Digest]) -> Result<(), StoreError> {
        let mut forget = self
            .connection()
            .prepare_cached("DELETE FROM failures WHERE source = ?1")?;
        for source in sources {
            forget.execute([source])?;
        }
        Ok(())
    }
}

impl FailureLimit {
    /// How long a source has to wait that failed so often since then.
    fn left(self, count: u32, since_s: u64, now_s: u64) -> Option<Duration> {
        if self.failures_max == 0 || count < self.failures_max || since_s > now_s {
            return None;
        }
        // The window ends strictly after its length.
        let ends_s = since_s + self.window.as_secs() + 1;
        let left_s = ends_s.checked_sub(now_s).filter(|left| *left > 0)?;
        Some(Duration::from_secs(left_s))
    }
}

/// The one that began first makes room.
fn make_room(step: &Transaction<'_>) -> Result<(), StoreError> {
    let kept: usize = step.query_row("SELECT count(*) FROM failures", [], |row| row.get(0))?;
    if kept >= FAILURES_MAX {
        step.execute(
            "DELETE FROM failures WHERE source IN (SELECT source FROM failures ORDER BY since LIMIT ?1)",
            [kept + 2 - FAILURES_MAX],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::tests::{Folder, NOW};

    const LIMIT: FailureLimit = FailureLimit {
        failures_max: 3,
        window: Duration::from_secs(60),
    };
    const NAME: Digest = [1; 32];
    const ADDRESS: Digest = [2; 32];

    fn left(store: &AuthStore, sources: &[Digest], now_s: u64) -> Option<u64> {
        let throttled = store.throttled(sources, LIMIT, now_s).unwrap();
        throttled.map(|throttled| throttled.retry_after.as_secs())
    }

    #[test]
    fn a_source_is_blocked_from_the_last_failure_it_may_have_to_the_end_of_the_window() {
        let folder = Folder::new();
        let mut store = folder.store();
        for at in [0, 10, 20] {
            assert_eq!(left(&store, &[NAME, ADDRESS], NOW + at), None, "{at}");
            store.failed(&[NAME, ADDRESS], LIMIT, NOW + at).unwrap();
        }
        drop(store);
        // Another process knows it.
        let mut store = folder.store();
        assert_eq!(left(&store, &[NAME, ADDRESS], NOW + 20), Some(41));
        assert_eq!(left(&store, &[[3; 32], ADDRESS], NOW + 60), Some(1));
        assert_eq!(left(&store, &[[3; 32]], NOW + 20), None);
        assert_eq!(left(&store, &[NAME], NOW + 61), None, "it has ended");
        store.failed(&[NAME], LIMIT, NOW + 61).unwrap();
        assert_eq!(left(&store, &[NAME], NOW + 61), None, "a new one");
    }

    #[test]
    fn who_has_logged_in_has_failed_never() {
        let folder = Folder::new();
        let mut store = folder.store();
        for _ in 0..3 {
            store.failed(&[NAME, ADDRESS], LIMIT, NOW).unwrap();
        }
        store.forgive(&[NAME]).unwrap();
        assert_eq!(left(&store, &[NAME], NOW), None);
        assert_eq!(left(&store, &[ADDRESS], NOW), Some(61));
    }

    #[test]
    fn a_clock_that_was_set_back_blocks_nobody_for_longer() {
        let folder = Folder::new();
        let mut store = folder.store();
        for _ in 0..3 {
            store.failed(&[NAME], LIMIT, NOW + 10_000).unwrap();
        }
        assert_eq!(left(&store, &[NAME], NOW), None);
    }
}
