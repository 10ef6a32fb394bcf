//! What is sent again because the router may have dropped it, and when.

use std::collections::VecDeque;

use crate::limits::SUBSCRIBE_AGAIN_MIN;

/// The next time to try again, and the subscriptions to be sent then.
#[derive(Debug)]
pub(crate) struct Again {
    /// In microseconds of the local clock.
    due: Option<u64>,
    subscriptions: VecDeque<u32>,
    /// Subscriptions sent at one time: fewer each time that some were dropped.
    batch: usize,
}

impl Default for Again {
    fn default() -> Self {
        Self {
            due: None,
            subscriptions: VecDeque::new(),
            batch: usize::MAX,
        }
    }
}

impl Again {
    /// When something is to be sent again, by the local clock in microseconds.
    pub(crate) fn due(&self) -> Option<u64> {
        self.due
    }

    /// Asks for another try; one that is due earlier will do.
    pub(crate) fn schedule(&mut self, now: u64) {
        self.due.get_or_insert(now + AGAIN_DELAY);
    }

    /// Takes in subscriptions that were sent at one time and of which some were dropped.
    pub(crate) fn subscribe(&mut self, dropped: &[u32], now: u64) {
        if !dropped.is_empty() {
            let half = dropped.len().div_ceil(2);
            self.batch = self.batch.min(half).max(SUBSCRIBE_AGAIN_MIN);
            self.subscriptions.extend(dropped);
            self.schedule(now);
        }
    }

    /// Takes in a subscription that was refused by name.
    pub(crate) fn refused(&mut self, id: u32, now: u64) {
        self.subscriptions.push_back(id);
        self.schedule(now);
    }

    /// True once when the time has come.
    pub(crate) fn is_due(&mut self, now: u64) -> bool {
        // Further away than it can have been scheduled: the clock was set back.
        let is_over = |due: u64| due <= now || due > now + AGAIN_DELAY;
        self.due.take_if(|due| is_over(*due)).is_some()
    }

    /// The subscriptions to be sent now; the others wait for the next time.
    pub(crate) fn take(&mut self, now: u64) -> Vec<u32> {
        let count = self.batch.min(self.subscriptions.len());
        let taken = self.subscriptions.drain(..count).collect();
        if !self.subscriptions.is_empty() {
            self.schedule(now);
        }
        taken
    }
}

/// Longer than a router that drops frames may keep silent about it, so that what is sent then is not dropped unsaid.
/// In microseconds. protocol/router.md 15.2
const AGAIN_DELAY: u64 = 1_100_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Loses so many subscriptions of a batch and checks how many are sent at each of the next times.
    fn check(again: &mut Again, lost: u32, expected: &[usize]) {
        let lost: Vec<u32> = (0..lost).collect();
        again.subscribe(&lost, 0);
        let mut now = 0;
        let mut sent = Vec::new();
        while let Some(due) = again.due() {
            assert!(!again.is_due(due - 1), "{due} is later than {now}");
            now = due;
            assert!(again.is_due(now));
            sent.push(again.take(now).len());
        }
        assert_eq!(sent, expected);
    }

    #[test]
    fn half_as_many_are_sent_each_time() {
        let mut again = Again::default();
        check(&mut again, 1000, &[500, 500]);
        check(&mut again, 500, &[250, 250]);
        check(&mut again, 12, &[10, 2]);
        check(&mut again, 3, &[3]);
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nothing() {
        let mut again = Again::default();
        again.schedule(10 * AGAIN_DELAY);
        assert!(again.is_due(AGAIN_DELAY));
        assert_eq!(again.due(), None);
    }
}
