//! What a router is told when it is made.

use std::time::Duration;

use clasp_proto::Pattern;

use crate::param::Strategy;

/// The settings of a router, with the defaults of a development router (protocol/router.md 1.1).
#[derive(Clone, Debug)]
pub struct RouterConfig {
    /// Sessions at a time, 0 for any number.
    pub sessions_max: usize,
    /// Messages per second of one session, members of bundles counted, 0 for any number.
    pub messages_per_second: u32,
    /// Params at a time, 0 for any number.
    pub params_max: usize,
    /// What happens to a new address when that many are there.
    pub when_full: WhenFull,
    /// How long a param without a time to live of its own is kept after a write.
    pub param_ttl: Option<Duration>,
    /// Announced signals at a time.
    pub signals_max: usize,
    /// How long an announced signal is kept.
    pub signal_ttl: Option<Duration>,
    /// The time between two moves of one gesture.
    pub gesture_interval: Duration,
    /// Bytes that one session may have queued.
    pub outbox_bytes_max: usize,
    /// How writes are reconciled; the first pattern that matches decides, else it is the last
    /// write.
    pub strategies: Vec<(Pattern, Strategy)>,
    /// Parts of the address space that are locked on their own; a power of two.
    pub shards: usize,
}

/// What a full store does with a new address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The param that was not written for longest makes room.
    #[default]
    Evict,
    /// The new one is refused.
    Refuse,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            sessions_max: 100,
            messages_per_second: 1000,
            params_max: 10_000,
            when_full: WhenFull::Evict,
            param_ttl: Some(Duration::from_secs(3600)),
            signals_max: 10_000,
            signal_ttl: Some(Duration::from_secs(3600)),
            gesture_interval: Duration::from_millis(16),
            outbox_bytes_max: 4 * 1024 * 1024,
            strategies: Vec::new(),
            shards: 16,
        }
    }
}
