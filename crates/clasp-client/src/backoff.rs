//! When to try again after a lost connection; pure, the caller supplies the randomness and does the waiting.

use std::time::Duration;

/// Whether and how a lost connection is made again.
///
/// Delays start at `first`, grow by `factor` and stop growing at `longest`. Each is shortened by up to a quarter at random,
/// so that many clients of one restarted router do not come back in the same instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconnect {
    /// Delay before the first attempt.
    pub first: Duration,
    /// What a delay is multiplied by after each attempt that failed; values below 1 count as 1.
    pub factor: f64,
    /// The longest delay.
    pub longest: Duration,
    /// Attempts in a row before giving up; `None` is no limit, `Some(0)` never reconnects.
    pub attempts: Option<u32>,
}

impl Reconnect {
    /// A lost connection stays lost.
    pub fn never() -> Self {
        Self {
            attempts: Some(0),
            ..Self::default()
        }
    }
}

impl Default for Reconnect {
    /// A quarter of a second, doubling to 30 s, without end: a router restart is bridged at once, an outage costs little.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(250),
            factor: 2.0,
            longest: Duration::from_secs(30),
            attempts: None,
        }
    }
}

/// Counts the attempts of one outage.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: Reconnect,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(policy: Reconnect) -> Self {
        Self {
            policy,
            attempts: 0,
        }
    }

    /// The connection stands: the next outage starts from the first delay.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Attempts so far in this outage.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The delay before the next attempt, or `None` when it is time to give up. `random` is any number.
    pub(crate) fn next_delay(&mut self, random: u64) -> Option<Duration> {
        if self.policy.attempts.is_some_and(|max| self.attempts >= max) {
            return None;
        }
        let growth = self.policy.factor.max(1.0);
        let exponent = i32::try_from(self.attempts).unwrap_or(i32::MAX);
        let seconds = self.policy.first.as_secs_f64() * growth.powi(exponent);
        let capped = seconds.min(self.policy.longest.as_secs_f64());
        self.attempts = self.attempts.saturating_add(1);
        let fraction = (random % JITTER_STEPS) as f64 / JITTER_STEPS as f64;
        Some(Duration::from_secs_f64(
            capped * (1.0 - JITTER_MAX * fraction),
        ))
    }
}

/// The part of a delay that chance may take away.
const JITTER_MAX: f64 = 0.25;

/// Resolution of the random part.
const JITTER_STEPS: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(policy: Reconnect, random: u64, count: usize) -> Vec<Option<u64>> {
        let mut backoff = Backoff::new(policy);
        (0..count)
            .map(|_| {
                backoff
                    .next_delay(random)
                    .map(|delay| delay.as_millis() as u64)
            })
            .collect()
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let policy = Reconnect {
            longest: Duration::from_secs(1),
            ..Reconnect::default()
        };
        assert_eq!(delays(policy, 0, 5), [250, 500, 1000, 1000, 1000].map(Some));
    }

    #[test]
    fn chance_takes_at_most_a_quarter() {
        assert_eq!(delays(Reconnect::default(), 512, 2), [218, 437].map(Some));
        let shortest = delays(Reconnect::default(), 1023, 1)[0].unwrap();
        assert!((187..190).contains(&shortest), "{shortest}");
    }

    #[test]
    fn attempts_are_counted_and_start_again_after_success() {
        let policy = Reconnect {
            attempts: Some(2),
            ..Reconnect::default()
        };
        assert_eq!(delays(policy.clone(), 0, 3), [Some(250), Some(500), None]);
        let mut backoff = Backoff::new(policy);
        backoff.next_delay(0);
        backoff.reset();
        assert_eq!(backoff.next_delay(0), Some(Duration::from_millis(250)));
    }

    #[test]
    fn never_is_never() {
        assert_eq!(delays(Reconnect::never(), 0, 1), [None]);
    }

    #[test]
    fn endless_attempts_stay_at_the_longest_delay() {
        let mut backoff = Backoff::new(Reconnect::default());
        backoff.attempts = u32::MAX;
        assert_eq!(backoff.next_delay(0), Some(Duration::from_secs(30)));
    }
}
