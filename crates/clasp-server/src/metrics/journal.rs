//! What is told of the journal.

/// How the journal stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JournalFigures {
    /// The number of the last write that is durable.
    pub(crate) durable: u64,
    /// Writes that are done and not durable yet.
    pub(crate) waiting: u64,
    /// It has failed, or stands still.
    pub(crate) has_stopped: bool,
    /// How long commits took in all, and how many took up to each of the bounds, and longer.
    pub(crate) commit_micros: u64,
    pub(crate) commits: [u64; BOUNDS_MICROS.len() + 1],
}

/// From a disk with a cache to one that is in trouble.
pub(crate) const BOUNDS_MICROS: [u64; 10] = [
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 5_000_000,
];
