//! Failures: how often a name or an address failed to log in. On the disk, so that a restart gives nobody new attempts.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

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

/// Who tries to log in, by the digests of what it says and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The name, from wherever.
    pub name: Digest,
    /// The address, with whatever name.
    pub address: Digest,
    /// The name from that address: blocks nobody, and is what success takes from the failures of the address.
    pub pair: Digest,
}

/// There were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// When there will be new attempts.
    pub retry_after: Duration,
}

impl AuthStore {
    /// Whether this name or this address has failed too often.
    ///
    /// # Errors
    /// The database does not work.
    pub fn throttled(
        &self,
        attempt: &Attempt,
        limit: FailureLimit,
        now_s: u64,
    ) -> Result<Option<Throttled>, StoreError> {
        let mut longest = None;
        for source in [&attempt.name, &attempt.address] {
            let Some((count, since)) = failures(self.connection(), source)? else {
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
        attempt: &Attempt,
        limit: FailureLimit,
        now_s: u64,
    ) -> Result<(), StoreError> {
        let ended = now_s.saturating_sub(limit.window.as_secs());
        let step = self.begin()?;
        // A window of the future is one from before the clock was set back.
        step.prepare_cached("DELETE FROM failures WHERE since < ?1 OR since > ?2")?
            .execute([ended, now_s])?;
        make_room(&step)?;
        for source in [&attempt.name, &attempt.address, &attempt.pair] {
            step.prepare_cached(
                "INSERT INTO failures (source, count, since) VALUES (?1, 1, ?2) \
                 ON CONFLICT (source) DO UPDATE SET count = count + 1",
            )?
            .execute(params![source, now_s])?;
        }
        step.commit()?;
        Ok(())
    }

    /// Forgets the failures of who has logged in: all of the name, and of the address those with this name. Others who
    /// fail there have an account of their own, maybe, and no new attempts by that.
    ///
    /// # Errors
    /// The database does not work.
    pub fn forgive(&mut self, attempt: &Attempt) -> Result<(), StoreError> {
        let step = self.begin()?;
        let pair = failures(&step, &attempt.pair)?;
        let address = failures(&step, &attempt.address)?;
        if let (Some((own, since)), Some((all, began))) = (pair, address)
            // Those of a window that has ended do not count any more.
            && since >= began
        {
            step.prepare_cached("UPDATE failures SET count = ?2 WHERE source = ?1")?
                .execute(params![attempt.address, all.saturating_sub(own)])?;
        }
        for source in [&attempt.name, &attempt.pair] {
            step.prepare_cached("DELETE FROM failures WHERE source = ?1")?
                .execute([source])?;
        }
        step.commit()?;
        Ok(())
    }
}

/// How often a source has failed, and since when.
fn failures(connection: &Connection, source: &Digest) -> Result<Option<(u32, u64)>, StoreError> {
    let mut question =
        connection.prepare_cached("SELECT count, since FROM failures WHERE source = ?1")?;
    let row = question.query_row([source], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(row.optional()?)
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
            [kept + 3 - FAILURES_MAX],
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
    /// A name at an address.
    fn at(name: u8, address: u8) -> Attempt {
        Attempt {
            name: [name; 32],
            address: [100 + address; 32],
            pair: [10 * name + address; 32],
        }
    }

    fn left(store: &AuthStore, attempt: &Attempt, now_s: u64) -> Option<u64> {
        let throttled = store.throttled(attempt, LIMIT, now_s).unwrap();
        throttled.map(|throttled| throttled.retry_after.as_secs())
    }

    #[test]
    fn a_source_is_blocked_from_the_last_failure_it_may_have_to_the_end_of_the_window() {
        let folder = Folder::new();
        let mut store = folder.store();
        for after in [0, 10, 20] {
            assert_eq!(left(&store, &at(1, 1), NOW + after), None, "{after}");
            store.failed(&at(1, 1), LIMIT, NOW + after).unwrap();
        }
        drop(store);
        // Another process knows it.
        let mut store = folder.store();
        for attempt in [at(1, 1), at(1, 2), at(2, 1)] {
            assert_eq!(left(&store, &attempt, NOW + 20), Some(41), "{attempt:?}");
            assert_eq!(left(&store, &attempt, NOW + 60), Some(1), "{attempt:?}");
            assert_eq!(left(&store, &attempt, NOW + 61), None, "it has ended");
        }
        assert_eq!(left(&store, &at(2, 2), NOW + 20), None);
        store.failed(&at(1, 1), LIMIT, NOW + 61).unwrap();
        assert_eq!(left(&store, &at(1, 1), NOW + 61), None, "a new one");
    }

    #[test]
    fn who_has_logged_in_is_forgiven_what_it_did_itself() {
        let folder = Folder::new();
        let mut store = folder.store();
        for name in [1, 1, 2] {
            store.failed(&at(name, 1), LIMIT, NOW).unwrap();
        }
        store.failed(&at(1, 2), LIMIT, NOW).unwrap();
        assert_eq!(left(&store, &at(1, 3), NOW), Some(61), "a name");
        assert_eq!(left(&store, &at(3, 1), NOW), Some(61), "an address");
        store.forgive(&at(1, 1)).unwrap();
        assert_eq!(left(&store, &at(1, 3), NOW), None);
        assert_eq!(left(&store, &at(3, 1), NOW), None);
        // The failure of the other name is still there; whose own account it is clears nothing of that.
        for name in [2, 2] {
            store.forgive(&at(1, 1)).unwrap();
            store.failed(&at(name, 1), LIMIT, NOW).unwrap();
        }
        store.forgive(&at(1, 1)).unwrap();
        assert_eq!(left(&store, &at(3, 1), NOW), Some(61));
    }

    #[test]
    fn what_failed_before_a_window_is_not_taken_from_it() {
        let folder = Folder::new();
        let mut store = folder.store();
        store.failed(&at(2, 1), LIMIT, NOW).unwrap();
        for _ in 0..2 {
            store.failed(&at(1, 1), LIMIT, NOW + 50).unwrap();
        }
        // The window of the address has ended, that of the name from there has not.
        for name in [2, 3, 4] {
            store.failed(&at(name, 1), LIMIT, NOW + 61).unwrap();
        }
        store.forgive(&at(1, 1)).unwrap();
        assert_eq!(left(&store, &at(5, 1), NOW + 61), Some(61));
    }

    #[test]
    fn a_clock_that_was_set_back_blocks_nobody_for_longer() {
        let folder = Folder::new();
        let mut store = folder.store();
        for _ in 0..3 {
            store.failed(&at(1, 1), LIMIT, NOW + 10_000).unwrap();
        }
        assert_eq!(left(&store, &at(1, 1), NOW), None);
    }
}
