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
    Expiry { shard: usize },
    /// Stale routes and gestures are to be dropped.
    Sweep,
}

/// All alarms, by time, and in order of their setting where the time is the same.
#[derive(Debug)]
pub(crate) struct Alarms(Mutex<Queue>);

#[derive(Debug)]
struct Queue {
    entries: BinaryHeap<Entry>,
    /// When params of each shard may expire: one alarm a shard, however often it is set.
    expiries: Box<[Tick]>,
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
    /// No alarms, for a router of `shards` shards.
    pub(crate) fn new(shards: usize) -> Self {
        Self(Mutex::new(Queue {
            entries: BinaryHeap::new(),
            expiries: vec![Tick::NEVER; shards].into(),
            set: 0,
            waker: None,
        }))
    }

    /// Sets an alarm; wakes who waits for the next one if this is earlier.
    pub(crate) fn set(&self, at: Tick, alarm: Alarm) {
        self.change(|queue| {
            queue.set += 1;
            let set = queue.set;
            queue.entries.push(Entry { at, set, alarm });
        });
    }

    /// Sets the alarm for the expiry of params of `shard`, unless an earlier one is set.
    pub(crate) fn set_expiry(&self, shard: usize, at: Tick) {
        self.change(|queue| queue.expiries[shard] = queue.expiries[shard].min(at));
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
        if let Some(shard) = queue.expiries.iter().position(|at| *at <= now) {
            queue.expiries[shard] = Tick::NEVER;
            return Some(Alarm::Expiry { shard });
        }
        if queue.entries.peek()?.at > now {
            return None;
        }
        queue.entries.pop().map(|entry| entry.alarm)
    }

    /// When the next alarm is due; `waker` is told if an earlier one is set.
    pub(crate) fn next(&self, waker: &Waker) -> Option<Tick> {
        let mut queue = self.0.lock();
        queue.waker = Some(waker.clone());
        queue.first()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().entries.len()
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.0.lock();
        let before = queue.first().unwrap_or(Tick::NEVER);
        change(&mut queue);
        let is_earlier = queue.first().is_some_and(|first| first < before);
        let waker = if is_earlier { queue.waker.take() } else { None };
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Queue {
    fn first(&self) -> Option<Tick> {
        let entry = self.entries.peek().map(|entry| entry.at);
        let expiry = self.expiries.iter().copied().min();
        let first = entry.into_iter().chain(expiry).min();
        first.filter(|first| *first != Tick::NEVER)
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
