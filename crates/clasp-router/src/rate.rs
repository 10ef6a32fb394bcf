//! Messages per second of one session: a token bucket that tells of its refusals once a second.

use crate::limits::RATE_NOTICE_INTERVAL;
use crate::time::{Tick, micros};

/// The allowance of one session.
#[derive(Debug)]
pub(crate) struct Rate {
    /// 0 for no limit.
    per_second: u32,
    /// Millionths of a message, so that refilling by microseconds loses nothing.
    tokens: u64,
    refilled_at: Tick,
    noticed_at: Option<Tick>,
}

/// What the bucket says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    Granted,
    /// Refused, and the peer is to be told.
    Refused,
    /// Refused, and the peer was told within the last second.
    RefusedQuietly,
}

impl Rate {
    /// A full bucket of `per_second` messages; 0 never refuses.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            tokens: u64::from(per_second) * ONE,
            refilled_at: Tick::default(),
            noticed_at: None,
        }
    }

    pub(crate) fn per_second(&self) -> u32 {
        self.per_second
    }

    /// Takes `count` messages out of the bucket. More than a bucket holds pass when it is full,
    /// else they never could.
    pub(crate) fn take(&mut self, count: usize, now: Tick) -> Allowance {
        if self.per_second == 0 {
            return Allowance::Granted;
        }
        let full = u64::from(self.per_second) * ONE;
        let gained = now
            .since(self.refilled_at)
            .saturating_mul(u64::from(self.per_second));
        self.tokens = self.tokens.saturating_add(gained).min(full);
        self.refilled_at = now;
        let wanted = (count as u64).saturating_mul(ONE).min(full);
        if let Some(left) = self.tokens.checked_sub(wanted) {
            self.tokens = left;
            return Allowance::Granted;
        }
        let quiet = self
            .noticed_at
            .is_some_and(|noticed| now.since(noticed) < micros(RATE_NOTICE_INTERVAL));
        if quiet {
            return Allowance::RefusedQuietly;
        }
        self.noticed_at = Some(now);
        Allowance::Refused
    }
}

/// One message in the unit of the bucket.
const ONE: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn granted(rate: &mut Rate, calls: usize, at: u64) -> usize {
        (0..calls)
            .filter(|_| rate.take(1, Tick(at)) == Allowance::Granted)
            .count()
    }

    // protocol/router.md 15.1
    #[test]
    fn bucket_refills_at_its_rate() {
        let mut rate = Rate::new(1000);
        assert_eq!(granted(&mut rate, 3000, 0), 1000);
        assert_eq!(granted(&mut rate, 3000, SECOND / 2), 500);
        assert_eq!(granted(&mut rate, 3000, 10 * SECOND), 1000);
    }

    // protocol/router.md 15.2
    #[test]
    fn refusal_is_told_once_a_second() {
        let mut rate = Rate::new(1);
        assert_eq!(rate.take(1, Tick(5)), Allowance::Granted);
        assert_eq!(rate.take(1, Tick(6)), Allowance::Refused);
        assert_eq!(rate.take(1, Tick(7)), Allowance::RefusedQuietly);
        rate.tokens = 0;
        rate.refilled_at = Tick(6 + SECOND);
        assert_eq!(rate.take(1, Tick(6 + SECOND)), Allowance::Refused);
    }

    #[test]
    fn no_limit_grants_everything_and_a_large_bundle_passes_a_full_bucket() {
        assert_eq!(granted(&mut Rate::new(0), 10_000, 0), 10_000);
        assert_eq!(Rate::new(10).take(1000, Tick(0)), Allowance::Granted);
    }
}
