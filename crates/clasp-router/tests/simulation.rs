//! Random workloads from seeds, compared with the oracle (SIM_SEEDS: how many, SIM_SEED: this one).

use std::sync::atomic::{AtomicU64, Ordering};

use clasp_testkit::sim;

#[test]
fn seeds_keep_every_rule() {
    let only = number("SIM_SEED");
    let first = only.unwrap_or(0);
    let count = only.map_or_else(|| number("SIM_SEEDS").unwrap_or(SEEDS), |_| 1);
    let next = AtomicU64::new(first);
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return;
            }
            if let Err(failure) = sim::run(seed) {
                next.store(u64::MAX / 2, Ordering::Relaxed);
                panic!("{failure}");
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            scope.spawn(worker);
        }
    });
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

const SEEDS: u64 = 10_000;
