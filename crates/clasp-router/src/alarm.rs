//! What has to happen at a time: one list for gestures, limits, bundles, expiry and sweeping.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::task::Waker;

use crate::bundle::Scheduled;
use crate::gesture::GestureKey;
use crate::session::SessionKey;
use crate::sync::Mutex;
use crate::time::Tick;

/// Something that is due.
#[derive(Debug)]
pub(crate) enum Alarm {
    /// A gesture move waits for its interval.
    Gesture(GestureKey),
    /// A value waits for the max_rate of a session.
    Filter {
        address: Arc<str>,
        session: SessionKey,
    },
    /// A bundle waits for its timestamp.
    Bundle(Box<Scheduled>),
    /// Params of a shard may have expired.
    Expiry { shard: usize, second: u32 },
    /// Stale routes and gestures are to be dropped.
    Sweep,
}

/// All alarms, by time, and in order of their setting where the time is the same.
#[derive(Debug, Default)]
pub(crate) struct Alarms(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    entries: BinaryHeap<Entry>,
    set: u64,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Entry {
    at: Tick,
    set: u64,
    alarm: Alarm,
}

impl Alarms {
    /// Sets an alarm; wakes who waits for the next one if this is earlier.
    pub(crate) fn set(&self, at: Tick, alarm: Alarm) {
        let mut queue = self.0.lock();
        let is_first = queue.entries.peek().is_none_or(|first| at < first.at);
        queue.set += 1;
        let set = queue.set;
        queue.entries.push(Entry { at, set, alarm });
        let waker = if is_first { queue.waker.take() } else { None };
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Drops the bundles of a session that ended.
    pub(crate) fn drop_bundles_of(&self, session: SessionKey) {
        self.0.lock().entries.retain(|entry| match &entry.alarm {
            Alarm::Bundle(bundle) => bundle.session.key != session,
            _ => true,
        });
    }

    /// Takes the first alarm that is due.
    pub(crate) fn take_due(&self, now: Tick) -> Option<Alarm> {
        let mut queue = self.0.lock();
        if queue.entries.peek()?.at > now {
            return None;
        }
        queue.entries.pop().map(|entry| entry.alarm)
    }

    /// When the next alarm is due; `waker` is told if an earlier one is set.
    pub(crate) fn next(&self, waker: &Waker) -> Option<Tick> {
        let mut queue = self.0.lock();
        queue.waker = Some(waker.clone());
        queue.entries.peek().map(|entry| entry.at)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap is a maximum heap: the earliest is to be on top.
        (other.at, other.set).cmp(&(self.at, self.set))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
