//! Clock: reads the wall clock for stamps and the steady clock for durations, together.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clasp_router::{Now, Tick, Timestamp};

/// Where the steady clock begins to count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Both clocks; to be read once for all that happens together.
    #[inline]
    pub(crate) fn now(&self) -> Now {
        self.read().0
    }

    /// The same, with the steady clock as it is, to see later how long it took.
    #[inline]
    pub(crate) fn read(&self) -> (Now, Instant) {
        let instant = Instant::now();
        // A wall clock before 1970 is a machine without a clock: its stamps are 0.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = Now {
            wall: Timestamp(since_epoch.as_micros() as u64),
            tick: self.tick_of(instant),
        };
        (now, instant)
    }

    /// The steady clock alone.
    #[inline]
    pub(crate) fn tick(&self) -> Tick {
        self.tick_of(Instant::now())
    }

    #[inline]
    fn tick_of(&self, instant: Instant) -> Tick {
        Tick(instant.saturating_duration_since(self.started).as_micros() as u64)
    }

    /// When the steady clock will show `tick`; nothing if that is beyond any timer.
    pub(crate) fn instant(&self, tick: Tick) -> Option<Instant> {
        self.started
            .checked_add(std::time::Duration::from_micros(tick.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_are_read_and_ticks_have_their_instant() {
        let clock = Clock::new();
        let (first, second) = (clock.now(), clock.now());
        assert!(second.tick >= first.tick);
        // The year 2020.
        assert!(first.wall > Timestamp(1_577_836_800_000_000));
        assert!(
            clock
                .instant(first.tick)
                .is_some_and(|at| at <= Instant::now())
        );
    }
}
