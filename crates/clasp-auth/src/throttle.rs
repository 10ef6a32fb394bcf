//! Attempts per key and time: a window begins with the first and bounds how many may follow.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Counts attempts by key, at most `keys_max` keys at a time.
#[derive(Debug)]
pub struct Throttle<K> {
    /// 0 for no limit.
    max: u32,
    window: Duration,
    keys_max: usize,
    windows: HashMap<K, Window>,
    /// Keys by the beginning of their windows, which all end in the same order. Always as many
    /// as `windows`.
    by_start: BTreeMap<Start, K>,
    /// Tells windows apart that begin at the same instant.
    begun: u64,
}

#[derive(Debug)]
struct Window {
    start: Start,
    attempts: u32,
}

/// When a window began, and the number of windows before it.
type Start = (Instant, u64);

impl<K: Hash + Eq + Clone> Throttle<K> {
    /// Allows `max` attempts of each key within `window`; 0 allows any number. When more than `keys_max` keys have made
    /// attempts, the one whose window ends first is forgotten.
    pub fn new(max: u32, window: Duration, keys_max: usize) -> Self {
        Self {
            max,
            window,
            keys_max,
            windows: HashMap::new(),
            by_start: BTreeMap::new(),
            begun: 0,
        }
    }

    /// Whether another attempt of this key is allowed. If not, says after which time it is.
    pub fn check(&self, key: &K, now: Instant) -> Result<(), Duration> {
        let Some(window) = self.windows.get(key) else {
            return Ok(());
        };
        let Some(left) = self.left(window.start, now) else {
            return Ok(());
        };
        let is_allowed = self.max == 0 || window.attempts < self.max;
        if is_allowed { Ok(()) } else { Err(left) }
    }

    /// Notes an attempt of this key.
    pub fn count(&mut self, key: &K, now: Instant) {
        self.forget_ended(now);
        if let Some(window) = self.windows.get_mut(key) {
            window.attempts = window.attempts.saturating_add(1);
            return;
        }
        if self.windows.len() >= self.keys_max {
            self.forget_first();
        }
        let start = (now, self.begun);
        self.begun += 1;
        self.by_start.insert(start, key.clone());
        let window = Window { start, attempts: 1 };
        self.windows.insert(key.clone(), window);
    }

    /// Checks and counts at once: what is needed where an attempt takes time and others of the
    /// same key could pass the check meanwhile. Who succeeded is cleared.
    pub fn attempt(&mut self, key: &K, now: Instant) -> Result<(), Duration> {
        self.check(key, now)?;
        self.count(key, now);
        Ok(())
    }

    /// Forgets the attempts of this key.
    pub fn clear(&mut self, key: &K) {
        if let Some(window) = self.windows.remove(key) {
            self.by_start.remove(&window.start);
        }
    }

    /// Keys that are remembered.
    pub fn keys(&self) -> usize {
        self.windows.len()
    }

    fn forget_ended(&mut self, now: Instant) {
        while let Some((start, _)) = self.by_start.first_key_value()
            && self.left(*start, now).is_none()
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, key)) = self.by_start.pop_first() {
            self.windows.remove(&key);
        }
    }

    /// What is left of a window; nothing if it has ended. Its last instant still belongs to it.
    fn left(&self, start: Start, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(start.0);
        let left = self.window.checked_sub(passed)?;
        Some(left + Duration::from_nanos(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);
    const NANOSECOND: Duration = Duration::from_nanos(1);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn window_begins_with_the_first_attempt() {
        let start = Instant::now();
        let mut throttle = Throttle::new(2, WINDOW, 10);
        assert_eq!(throttle.attempt(&"a", start), Ok(()));
        assert_eq!(throttle.attempt(&"a", start + seconds(50)), Ok(()));
        let left = seconds(5) + NANOSECOND;
        assert_eq!(throttle.attempt(&"a", start + seconds(55)), Err(left));
        assert_eq!(throttle.check(&"a", start + WINDOW), Err(NANOSECOND));
        assert_eq!(throttle.check(&"b", start + seconds(55)), Ok(()));
        let next = start + WINDOW + NANOSECOND;
        assert_eq!(throttle.attempt(&"a", next), Ok(()));
        assert_eq!(throttle.attempt(&"a", next + seconds(59)), Ok(()));
        assert!(throttle.attempt(&"a", next + seconds(60)).is_err());
    }

    #[test]
    fn a_refused_attempt_does_not_prolong_the_window() {
        let start = Instant::now();
        let mut throttle = Throttle::new(1, WINDOW, 10);
        throttle.count(&1, start);
        for second in 1..60 {
            assert!(throttle.attempt(&1, start + seconds(second)).is_err());
        }
        assert_eq!(throttle.check(&1, start + seconds(61)), Ok(()));
    }

    #[test]
    fn success_clears() {
        let start = Instant::now();
        let mut throttle = Throttle::new(1, WINDOW, 10);
        throttle.count(&"a", start);
        throttle.count(&"b", start);
        throttle.clear(&"a");
        throttle.clear(&"unknown");
        assert_eq!(throttle.check(&"a", start), Ok(()));
        assert!(throttle.check(&"b", start).is_err());
        assert_eq!(throttle.keys(), 1);
        assert_eq!(throttle.by_start.len(), 1);
    }

    #[test]
    fn keys_are_bounded_and_the_oldest_is_forgotten() {
        let start = Instant::now();
        let mut throttle = Throttle::new(1, WINDOW, 3);
        for key in 0..100 {
            throttle.count(&key, start);
            assert!(throttle.keys() <= 3 && throttle.by_start.len() == throttle.keys());
        }
        let blocked = |throttle: &Throttle<i32>| {
            let keys = (0..100).filter(|key| throttle.check(key, start).is_err());
            keys.collect::<Vec<_>>()
        };
        assert_eq!(blocked(&throttle), [97, 98, 99]);
        throttle.count(&7, start + WINDOW + NANOSECOND);
        assert_eq!(throttle.keys(), 1, "ended windows make room");
    }

    #[test]
    fn no_limit_allows_everything() {
        let start = Instant::now();
        let mut throttle = Throttle::new(0, WINDOW, 3);
        for _ in 0..100 {
            assert_eq!(throttle.attempt(&1, start), Ok(()));
        }
    }
}
