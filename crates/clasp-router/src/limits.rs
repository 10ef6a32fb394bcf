//! Every bound of the router that is not part of the wire format, each with its reason.

use core::time::Duration;

/// Subscriptions of one session. A session needs one per view, not one per address.
pub const SUBSCRIPTIONS_MAX: usize = 1000;

/// Bundles that one session may have waiting for their time.
pub const SCHEDULED_PER_SESSION_MAX: usize = 1000;

/// Bytes of the bundles that one session may have waiting: as much as it may have queued.
pub const SCHEDULED_BYTES_PER_SESSION_MAX: usize = 4 * 1024 * 1024;

/// Locks that one session may hold. Locks are for what a person has in hand.
pub const LOCKS_PER_SESSION_MAX: usize = 10_000;

/// How far ahead a bundle may be scheduled. Farther is a clock in the wrong unit.
pub const SCHEDULE_AHEAD_MAX: Duration = Duration::from_secs(3600);

/// A bundle nearer than this is executed at once: no timer is that exact.
pub const SCHEDULE_SLACK: Duration = Duration::from_millis(1);

/// Gestures of one session that are throttled; moves of further ones pass unthrottled.
pub const GESTURES_PER_SESSION_MAX: usize = 256;

/// A gesture that was not touched for this long is forgotten: its end got lost.
pub const GESTURE_IDLE_MAX: Duration = Duration::from_secs(300);

/// Slots without a param that a shard keeps for their cached route.
pub const ROUTE_SLOTS_PER_SHARD_MAX: usize = 8192;

/// Routes that are shared between addresses. Above it they are found anew: who uses ever new
/// addresses pays for them, and nobody else.
pub const ROUTES_MAX: usize = 16_384;

/// Bytes of one announced signal: names and units, not documents.
pub const SIGNAL_BYTES_MAX: usize = 4096;

/// Bytes of one frame from which it is shared by reference instead of copied.
/// Below it a copy is cheaper than the reference count and the extra vector entry.
pub const SHARED_FRAME_BYTES_MIN: usize = 1024;

/// Bytes of frames with the same route that are gathered before they are handed out. Each of the
/// publishers that feed an outbox adds at most this above half of its budget before it is held
/// back, so over a hundred may begin at once.
pub const RUN_BYTES_MAX: usize = 16 * 1024;

/// A session with less than this queued may be given more of its snapshot.
pub const SNAPSHOT_LOW_WATER_BYTES: usize = 128 * 1024;

/// Params up to which a snapshot is taken under all shards at once, as one frame where it fits.
pub const SNAPSHOT_AT_ONCE_PARAMS: usize = 1024;

/// The same where a gate is asked about each of them.
pub const SNAPSHOT_AT_ONCE_JUDGED_PARAMS: usize = 512;

/// Slots looked at in one step of a snapshot, so that no shard is held for long.
pub const SNAPSHOT_STEP_SLOTS: usize = 2048;

/// Bytes after which a step of a snapshot ends: a state of large values fits no outbox at once.
pub const SNAPSHOT_STEP_BYTES: usize = 128 * 1024;

/// Steps of a snapshot before the session lets others have their turn.
pub const SNAPSHOT_STEPS_AT_ONCE: usize = 8;

/// Outboxes that one batch remembers as being above half of their budget.
pub const PRESSED_MAX: usize = 32;

/// A subscriber that took nothing for this long stands still, and delays nobody.
pub const PROGRESS_WINDOW: Duration = Duration::from_millis(250);

/// The refusal of a rate limit is told at most this often.
pub const RATE_NOTICE_INTERVAL: Duration = Duration::from_secs(1);

/// Answers of one session that wait until its writes are kept, after which no more of its writes
/// are done: more than a peer needs under way on a disk that takes 10 ms for each commit.
pub const OWED_ANSWERS_MAX: usize = 16 * 1024;

/// Bytes of these answers.
pub const OWED_BYTES_MAX: usize = 512 * 1024;

/// The highest revision that is restored. No param gets there by being written; beyond it adding
/// one would be at an end some day.
pub const RESTORED_REVISION_MAX: u64 = i64::MAX as u64;
