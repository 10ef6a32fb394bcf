//! What has to happen at a time: one list for gestures, limits, bundles, expiry and sweeping.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::task::Waker;

use crate::bundle::Scheduled;
use crate::gesture::GestureKey;
use crate::session::SessionKey;
use crate::shard::start_of;
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
    /// Params of a shard may have expired: one alarm for each shard.
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
    /// The second of each shard. Not among the entries, since a new one replaces the old one.
    expiries: BTreeMap<usize, u32>,
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
        let is_first = queue.first().is_none_or(|first| at < first);
        queue.push(at, alarm);
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
        self.0.lock().pop(now)
    }

    /// When the next alarm is due; `waker` is told if an earlier one is set.
    pub(crate) fn next(&self, waker: &Waker) -> Option<Tick> {
        let mut queue = self.0.lock();
        queue.waker = Some(waker.clone());
        queue.first()
    }
}

impl Queue {
    fn push(&mut self, at: Tick, alarm: Alarm) {
        if let Alarm::Expiry { shard, second } = alarm {
            // The earlier one holds: a write may have set it while the shard was being expired.
            let held = self.expiries.entry(shard).or_insert(second);
            *held = second.min(*held);
            return;
        }
        self.set += 1;
        let set = self.set;
        self.entries.push(Entry { at, set, alarm });
    }

    fn pop(&mut self, now: Tick) -> Option<Alarm> {
        let first = self.first().filter(|first| *first <= now)?;
        if let Some((shard, second)) = self.expiry().filter(|(_, at)| start_of(*at) == first) {
            self.expiries.remove(&shard);
            return Some(Alarm::Expiry { shard, second });
        }
        self.entries.pop().map(|entry| entry.alarm)
    }

    fn first(&self) -> Option<Tick> {
        let expiry = self.expiry().map(|(_, second)| start_of(second));
        let entry = self.entries.peek().map(|entry| entry.at);
        expiry.into_iter().chain(entry).min()
    }

    /// The shard that is due first: there are few.
    fn expiry(&self) -> Option<(usize, u32)> {
        let expiries = self.expiries.iter();
        let first = expiries.min_by_key(|(_, second)| **second);
        first.map(|(shard, second)| (*shard, *second))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_has_one_alarm_which_comes_in_its_turn() {
        let alarms = Alarms::default();
        let set = |second| alarms.set(start_of(second), Alarm::Expiry { shard: 3, second });
        alarms.set(start_of(2), Alarm::Sweep);
        (4..100_000).rev().for_each(set);
        alarms.set(start_of(5), Alarm::Sweep);
        let mut order = Vec::new();
        while let Some(due) = alarms.next(Waker::noop()) {
            assert!(alarms.take_due(Tick(due.0 - 1)).is_none());
            order.push(match alarms.take_due(due) {
                Some(Alarm::Expiry { shard, second }) => (shard, second),
                _ => (0, 0),
            });
        }
        assert_eq!(order, [(0, 0), (3, 4), (0, 0)]);
    }
}
