//! Bounds of what a server keeps, each with its reason.

use std::time::Duration;

/// Tokens that one subject got by signing in and renewing: more than it has devices. The oldest makes room.
pub const OWN_TOKENS_PER_SUBJECT_MAX: usize = 32;

/// Tokens of one subject that were made from those, and likewise that were granted: a house full of lamps. The oldest of
/// the same kind makes room, so that who was handed something pushes nobody out who has more.
pub const TOKENS_PER_SUBJECT_MAX: usize = 1000;

/// Tokens in all, some hundred bytes each: what a flood of guests from many addresses may take of a disk. The oldest
/// guest makes room.
pub const TOKENS_MAX: usize = 1_000_000;

/// Accounts in all, likewise.
pub const USERS_MAX: usize = 1_000_000;

/// Entities in all, likewise.
pub const ENTITIES_MAX: usize = 1_000_000;

/// Capability links revoked at a time. Only administrators revoke.
pub const REVOKED_MAX: usize = 1_000_000;

/// Sources of failed logins that are remembered at a time. Each has cost a password hash, so that
/// a window never sees as many; the one that began first makes room.
pub const FAILURES_MAX: usize = 100_000;

/// Expired tokens that are removed at a time: some milliseconds, in which nobody else is answered.
pub(crate) const PRUNED_ROWS_MAX: usize = 1000;

/// Rows that one question answers.
pub const PAGE_ROWS_MAX: usize = 1000;

/// How long somebody who looks into a database with other tools may hold us up.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Size from which the check of a file at the start is told of: a disk reads less than that in a second.
pub(crate) const LARGE_BYTES: u64 = 256 << 20;

/// Records that wait for the disk or that room was reserved for: a second of what a disk keeps up with.
pub const QUEUE_RECORDS_MAX: usize = 131_072;

/// Bytes that wait for the disk; whoever reserved room before that was reached may still append.
pub const QUEUE_BYTES_MAX: usize = 32 << 20;

/// Bytes of records at which a batch is complete and gets a summary: little enough that a query reads little
/// for nothing, and enough that a million records have a thousand summaries.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// Pages of the log after which they are moved into the database: 2 MiB. A commit waits behind what is moved, so that this is
/// what the slowest hundredth of commits wait: 5 ms, where 16 MiB made it 42.
pub(crate) const LOG_PAGES: usize = 512;

/// Records that a journal in memory keeps.
pub const RING_RECORDS: usize = 10_000;

/// Bytes of their payloads, if that comes first: values may be large.
pub const RING_BYTES: usize = 32 << 20;

/// Batches that a compaction removes in one transaction: about a millisecond.
pub(crate) const COMPACTION_BATCHES: usize = 16;

/// How long a compaction waits for those who read what it removes. A query reads some million records in
/// that time, and who comes later is not waited for.
pub(crate) const READERS_PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks whether they are done.
pub(crate) const READERS_RECHECK: Duration = Duration::from_millis(5);

/// Bytes of a snapshot that are written in one transaction, for the same reason.
pub(crate) const SNAPSHOT_PART_BYTES: usize = 256 << 10;

/// How often a full disk is tried again.
pub(crate) const BLOCKED_RETRY: Duration = Duration::from_millis(250);

/// How long a journal that is closed waits for room on a full disk.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Faults that are listed of a damaged journal: more than anybody reads.
pub(crate) const FAULTS_MAX: usize = 1000;

/// How long nothing has to come for the log to be moved into the database.
pub(crate) const IDLE: Duration = Duration::from_secs(1);
