//! Bounds and waiting times of the journal that nobody configures, each with its reason.

use std::time::Duration;

/// How long the journal's disk may take to the next commit before writes are refused: far more than a busy disk needs.
/// // protocol/router.md 18.6
pub(super) const STUCK_AFTER: Duration = Duration::from_secs(5);

/// How often that is looked at.
pub(super) const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// How often at least the state is written into the journal, and old records are removed from it.
pub(super) const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(3600);

/// How far the wall clock may be from where it was expected before that is done sooner: more than it is adjusted by in an
/// hour, and less than any ttl.
pub(super) const CLOCK_STEP: Duration = Duration::from_millis(1500);

/// Writes after which that is done sooner: what a start reads in less than a second.
pub(super) const SNAPSHOT_WRITES: u64 = 200_000;

/// The same for each param: a large state costs more to write, and is written less often.
pub(super) const SNAPSHOT_WRITES_PER_PARAM: u64 = 10;

/// How long the journal may take at the end to make everything durable, the state included.
pub(super) const CLOSE_MAX: Duration = Duration::from_secs(20);

/// Those who read the journal at a time; each has a thread and an open file.
pub(super) const READERS_MAX: usize = 4;

/// Batches that one of them reads before the next has its turn: 4 MiB, some milliseconds.
pub(super) const PART_BATCHES: usize = 64;

/// How often a long recovery tells how far it is.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(2);
