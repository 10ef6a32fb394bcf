//! Time as a parameter: the router is told what time it is and never asks.

/// Microseconds since the Unix epoch: what stamps on the wire mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

/// Microseconds on a clock that never steps: what durations are measured with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

impl Tick {
    /// The end of time: a deadline that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// This moment moved on by `duration`.
    #[must_use]
    pub const fn after(self, duration: core::time::Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// Microseconds from `earlier` to this moment, zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Both clocks, read once for everything that happens together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// The wall clock, for stamps.
    pub wall: Timestamp,
    /// The steady clock, for durations.
    pub tick: Tick,
}

pub(crate) const fn micros(duration: core::time::Duration) -> u64 {
    // A duration beyond 584,000 years is a configuration of "never".
    let micros = duration.as_micros();
    if micros > u64::MAX as u128 {
        u64::MAX
    } else {
        micros as u64
    }
}
