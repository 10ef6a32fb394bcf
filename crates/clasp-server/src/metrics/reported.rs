//! What other parts of the server report of themselves, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Values of parts that may not be there: then nothing is told of them.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    /// Seconds since 1970, 0 for never.
    snapshot_at: AtomicU64,
    snapshot_failures: AtomicU64,
}

#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "snapshots are another part, which reports when it is there"
    )
)]
impl Reported {
    /// The state is on disk as it was at this moment.
    pub(crate) fn snapshot_written(&self, at: SystemTime) {
        let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.snapshot_at.store(seconds, Ordering::Relaxed);
    }

    /// The state could not be written.
    pub(crate) fn snapshot_failed(&self) {
        self.snapshot_failures.fetch_add(1, Ordering::Relaxed);
    }
}

impl Reported {
    /// Seconds since the state was written, if it ever was.
    pub(super) fn snapshot_age(&self, now: SystemTime) -> Option<u64> {
        let at = self.snapshot_at.load(Ordering::Relaxed);
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        (at != 0).then(|| now.saturating_sub(at))
    }

    pub(super) fn snapshot_failures(&self) -> u64 {
        self.snapshot_failures.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_never_written_has_no_age() {
        let reported = Reported::default();
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        assert_eq!(
            (reported.snapshot_age(now), reported.snapshot_failures()),
            (None, 0)
        );
        reported.snapshot_written(now - Duration::from_secs(30));
        reported.snapshot_failed();
        assert_eq!(
            (reported.snapshot_age(now), reported.snapshot_failures()),
            (Some(30), 1)
        );
    }
}
