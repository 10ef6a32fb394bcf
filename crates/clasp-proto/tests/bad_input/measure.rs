//! How long something takes, on a machine that may be busy with other things.

use std::time::{Duration, Instant};

/// Fails when even the best of ten runs takes longer than `limit`, which holds for an optimized
/// build; an unoptimized one may take thirty times as long.
pub(crate) fn assert_takes_at_most(limit: Duration, mut run: impl FnMut()) {
    let limit = if cfg!(debug_assertions) {
        limit * 30
    } else {
        limit
    };
    let best = (0..10).map(|_| time(&mut run)).min().expect("ten runs");
    assert!(best <= limit, "took {best:?}, expected at most {limit:?}");
}

fn time(run: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
