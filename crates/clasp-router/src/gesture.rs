//! Throttling of gesture moves: at most one per interval, and the last one always arrives
//! (protocol/router.md 8.5).

use std::sync::Arc;
use std::time::Duration;

use crate::session::SessionKey;
use crate::time::{Tick, micros};

/// A gesture is known by who makes it, where, and its id: two users never share one.
/// // protocol/router.md 8.3
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GestureKey {
    pub(crate) session: SessionKey,
    pub(crate) address: Arc<str>,
    pub(crate) id: u32,
}

/// A gesture between its start and its end.
#[derive(Debug)]
pub(crate) struct Gesture {
    sent_at: Tick,
    touched_at: Tick,
    pending: Option<Box<[u8]>>,
}

impl Gesture {
    /// A gesture whose first message goes out now.
    pub(crate) const fn new(now: Tick) -> Self {
        Self {
            sent_at: now,
            touched_at: now,
            pending: None,
        }
    }

    /// Takes a move. `None`: it goes out now. Else it waits until the time that is returned
    /// with true if no other move waited already.
    pub(crate) fn moved(
        &mut self,
        payload: &[u8],
        interval: Duration,
        now: Tick,
    ) -> Option<(Tick, bool)> {
        self.touched_at = now;
        let due = self.sent_at.after(interval);
        if self.pending.is_none() && due <= now {
            self.sent_at = now;
            return None;
        }
        Some((due, self.pending.replace(payload.into()).is_none()))
    }

    /// Takes the move that waits, if its interval is over, as sent now. It is not when the alarm
    /// was set by an earlier gesture of the same key.
    pub(crate) fn take_due(&mut self, interval: Duration, now: Tick) -> Option<Box<[u8]>> {
        if self.sent_at.after(interval) > now {
            return None;
        }
        let pending = self.pending.take()?;
        self.sent_at = now;
        Some(pending)
    }

    /// The move that still waits, for what ends the gesture to follow.
    pub(crate) fn into_pending(self) -> Option<Box<[u8]>> {
        self.pending
    }

    /// True if its end must have got lost. // protocol/router.md 8.7
    pub(crate) fn is_stale(&self, now: Tick, idle: Duration) -> bool {
        self.pending.is_none() && now.since(self.touched_at) > micros(idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(16);

    // protocol/router.md 8.5
    #[test]
    fn fast_moves_leave_at_the_interval_and_the_last_one_waits() {
        let mut gesture = Gesture::new(Tick(0));
        assert_eq!(
            gesture.moved(b"1", INTERVAL, Tick(8_000)),
            Some((Tick(16_000), true))
        );
        assert_eq!(
            gesture.moved(b"2", INTERVAL, Tick(12_000)),
            Some((Tick(16_000), false))
        );
        assert_eq!(
            gesture.take_due(INTERVAL, Tick(16_000)).as_deref(),
            Some(&b"2"[..])
        );
        assert_eq!(
            gesture.moved(b"3", INTERVAL, Tick(20_000)),
            Some((Tick(32_000), true))
        );
        assert_eq!(
            gesture.take_due(INTERVAL, Tick(32_000)).as_deref(),
            Some(&b"3"[..])
        );
        assert_eq!(gesture.moved(b"4", INTERVAL, Tick(48_000)), None);
    }
}
