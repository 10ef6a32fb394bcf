//! Every bound of the client, each with its reason.

use std::time::Duration;

/// How long a call waits for its answer: a router whose disk stands still refuses a write after five seconds, and says so.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// How long connecting may take, from the first packet to WELCOME.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one write may stand still before the link counts as dead.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// After this long without a received frame the router is asked for a sign of life, which also reads its clock;
/// after twice this long the link counts as dead.
pub const QUIET_TIME: Duration = Duration::from_secs(20);

/// Calls that wait between the handles and the driver; a full queue makes callers wait.
pub const COMMANDS_MAX: usize = 1024;

/// Calls that the driver takes from the queue before it writes: one write for many small frames.
pub const COMMAND_BATCH_MAX: usize = 256;

/// Requests on the wire without an answer; more stay in the command queue.
pub const PENDING_MAX: usize = 4096;

/// Signals gathered for one QUERY: more than a full router of the documented size holds.
pub const RESULT_SIGNALS_MAX: usize = 200_000;

/// Addresses whose last value is remembered: above the 100,000 params of a relay with default limits.
pub const CACHE_ADDRESSES_MAX: usize = 131_072;

/// Updates a subscription holds for its reader; beyond it params are replaced by newer ones of their address
/// and the oldest of the others are dropped and counted.
pub const SUBSCRIPTION_QUEUE_MAX: usize = 1024;

/// Unconfirmed sets and publications whose refusals are still told from those of other requests: about as many as
/// are under way at a time; of older ones the router has spoken already.
pub const UNCONFIRMED_MAX: usize = 256;

/// Subscriptions sent again at one time, at least, to a router that drops frames: with fewer 1000 would take minutes.
pub const SUBSCRIBE_AGAIN_MIN: usize = 10;

/// Errors 429 after which a subscription is not taken up again any more: a router that lacks room for it answers
/// the same as one that got too many frames at once.
pub const SUBSCRIBE_TRIES_MAX: u32 = 5;

/// Patterns one client can be subscribed to: routers accept 1000 a session.
pub const SUBSCRIPTIONS_MAX: usize = 1000;

/// How long routers have to answer when they are looked for: mDNS answers within a second, and is asked twice in this time.
pub const SEARCH_TIME: Duration = Duration::from_secs(3);

/// Routers that one search lists from one source; more is noise.
pub const SIGHTINGS_MAX: usize = 1000;

/// What the end of a search may take beyond its time.
pub const SEARCH_END: Duration = Duration::from_millis(500);
