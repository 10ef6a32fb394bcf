//! How long commits took, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::BOUNDS_MICROS;

/// How long commits took.
#[derive(Debug, Default)]
pub(super) struct Commits {
    micros: AtomicU64,
    counts: [AtomicU64; BOUNDS_MICROS.len() + 1],
}

impl Commits {
    pub(super) fn count(&self, micros: u64) {
        let class = BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        self.counts[class].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> (u64, [u64; BOUNDS_MICROS.len() + 1]) {
        let counts = self.counts.each_ref().map(|it| it.load(Ordering::Relaxed));
        (self.micros.load(Ordering::Relaxed), counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_counted_by_how_long_it_took() {
        let commits = Commits::default();
        for micros in [0, 500, 501, 9_000_000] {
            commits.count(micros);
        }
        let expected = [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        assert_eq!(commits.read(), (9_001_001, expected));
    }
}
