//! The router: sessions, shards and index together, and what happens when time passes.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use clasp_proto::Encoded;
use hashbrown::DefaultHashBuilder;

use crate::alarm::{Alarm, Alarms};
use crate::announce::Signals;
use crate::batch::{Batch, Work};
use crate::config::{RouterConfig, WhenFull};
use crate::gate::{Gate, Sight, Veil};
use crate::gesture::GestureKey;
use crate::index::Index;
use crate::outbox::Closed;
use crate::param::Strategy;
use crate::rate::Rate;
use crate::refusal::Refusal;
use crate::session::{Held, NewSession, Session, SessionKey, Sessions};
use crate::shard::{Shard, SlotNumber};
use crate::sync::Mutex;
use crate::tap::Tap;
use crate::time::{Now, Tick};

/// The machine. It does nothing by itself: whoever has work calls it, and tells it the time.
///
/// Lock order: shards in ascending number, then a session's own state, then the index, then
/// outboxes and alarms.
pub struct Router {
    pub(crate) config: RouterConfig,
    pub(crate) gates: Vec<Box<dyn Gate>>,
    /// The most that a veil of a gate depends on.
    pub(crate) sight: Sight,
    pub(crate) taps: Vec<Box<dyn Tap>>,
    pub(crate) sessions: Sessions,
    pub(crate) shards: Box<[Mutex<Shard>]>,
    pub(crate) index: Index,
    pub(crate) signals: Signals,
    pub(crate) alarms: Alarms,
    hasher: DefaultHashBuilder,
    params: AtomicUsize,
    /// The number of the last write that was recorded. Held while taps are told, so that all of
    /// them are told in that order; not used without taps.
    pub(crate) recorded: Mutex<u64>,
}

impl Router {
    /// A router without sessions or state.
    ///
    /// # Panics
    ///
    /// If the number of shards is no power of two.
    #[must_use]
    pub fn new(config: RouterConfig, now: Now) -> Self {
        assert!(
            config.shards.is_power_of_two(),
            "the number of shards is a power of two"
        );
        let hasher = DefaultHashBuilder::default();
        let shards = (0..config.shards)
            .map(|_| Mutex::new(Shard::new(hasher.clone())))
            .collect();
        let alarms = Alarms::new(config.shards);
        alarms.set(now.tick.after(SWEEP_INTERVAL), Alarm::Sweep);
        Self {
            gates: Vec::new(),
            sight: Sight::Open,
            taps: Vec::new(),
            sessions: Sessions::new(config.sessions_max),
            shards,
            index: Index::new(),
            signals: Signals::new(config.signals_max, config.signal_ttl),
            alarms,
            hasher,
            params: AtomicUsize::new(0),
            recorded: Mutex::new(0),
            config,
        }
    }

    /// Adds a gate behind those that are there.
    #[must_use]
    pub fn with_gate(mut self, gate: Box<dyn Gate>) -> Self {
        self.sight = self.sight.max(gate.sight());
        self.gates.push(gate);
        self
    }

    /// Numbers the next write that is recorded one above this: that of the last one that a tap
    /// kept from an earlier run.
    #[must_use]
    pub fn after(self, sequence: u64) -> Self {
        *self.recorded.lock() = sequence;
        self
    }

    /// Adds a tap.
    #[must_use]
    pub fn with_tap(mut self, tap: Box<dyn Tap>) -> Self {
        self.taps.push(tap);
        self
    }

    /// Takes a session in.
    ///
    /// # Errors
    ///
    /// [`Refusal::SessionsFull`].
    pub fn attach(&self, new: NewSession) -> Result<Arc<Session>, Refusal> {
        let rate = Rate::new(self.config.messages_per_second);
        self.sessions
            .attach(new, self.config.outbox_bytes_max, rate)
    }

    /// Ends a session: its subscriptions, locks, gestures and scheduled bundles go with it.
    /// // protocol/router.md 6.8, 8.7, 14.3
    pub fn detach(&self, session: &Session) {
        self.sessions.detach(session);
        session.outbox.close(Closed::Detached);
        let ended = Held {
            is_ended: true,
            ..Held::default()
        };
        let held = core::mem::replace(&mut *session.held.lock(), ended);
        if held.scheduled > 0 {
            self.alarms.drop_bundles_of(session.key);
        }
        if !held.subscriptions.is_empty() {
            self.index.remove(held.subscriptions.values());
        }
        for address in &held.locks {
            let hash = self.hash(address);
            let mut shard = self.shards[self.shard_of(hash)].lock();
            if let Some(number) = shard.find(hash, address) {
                shard.unlock(number, session.key);
            }
        }
        if held.gestures > 0 {
            for shard in &self.shards {
                shard
                    .lock()
                    .gestures
                    .retain(|key, _| key.session != session.key);
            }
        }
    }

    /// What a session asked for and what waits for it, for whoever runs the router: no more than
    /// so many patterns, those of its lowest subscription ids.
    #[must_use]
    pub fn inspect(&self, session: &Session, patterns_max: usize) -> Inspection {
        let held = session.held.lock();
        let mut ids: Vec<_> = held.subscriptions.keys().copied().collect();
        ids.sort_unstable();
        ids.truncate(patterns_max);
        let subscriptions = ids.iter().map(|id| &held.subscriptions[id]);
        Inspection {
            patterns: self.index.patterns(subscriptions),
            subscriptions: held.subscriptions.len(),
            queued_bytes: session.outbox.queued_bytes(),
            superseded: session.outbox.superseded(),
        }
    }

    /// Ends a session, and says why: it gets nothing more, its connection is told.
    // protocol/router.md 17.9
    pub fn end(&self, session: &Session, reason: Closed) {
        session.is_over.store(true, Ordering::Release);
        session.outbox.close(reason);
    }

    /// Ends all sessions: each still gets what is queued for it, and nothing more.
    pub fn shut_down(&self) {
        for session in self.sessions.all() {
            session.outbox.close(Closed::ShuttingDown);
        }
    }

    /// Begins a batch: what `session` sent together.
    pub fn batch<'r>(
        &'r self,
        session: &'r Arc<Session>,
        now: Now,
        work: &'r mut Work,
    ) -> Batch<'r> {
        Batch::new(self, session, now, work)
    }

    /// When [`Self::advance`] has something to do; `waker` is told if that becomes earlier.
    pub fn deadline(&self, waker: &Waker) -> Option<Tick> {
        self.alarms.next(waker)
    }

    /// Does what is due.
    pub fn advance(&self, now: Now, work: &mut Work) {
        while let Some(alarm) = self.alarms.take_due(now.tick) {
            match alarm {
                Alarm::Gesture(key) => self.flush_gesture(&key, now, work),
                Alarm::Filter { address, session } => {
                    self.flush_filter(&address, session, now, work);
                }
                Alarm::Bundle(bundle) => self.run_scheduled(&bundle, now, work),
                Alarm::Expiry { shard } => self.expire(shard, now),
                Alarm::Sweep => self.sweep(now),
            }
        }
        work.delivery.wake(None);
        work.delivery.take_pressed();
    }

    /// Params that are stored.
    #[must_use]
    pub fn params(&self) -> usize {
        self.params.load(Ordering::Relaxed)
    }

    /// Subscriptions of all sessions.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.index.subscriptions()
    }

    /// Sessions that are attached.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// A copy of the list of sessions, for the rare call that goes through all of them.
    #[must_use]
    pub fn all_sessions(&self) -> Vec<Arc<Session>> {
        self.sessions.all()
    }

    pub(crate) fn hash(&self, address: &str) -> u64 {
        self.hasher.hash_one(address)
    }

    pub(crate) fn shard_of(&self, hash: u64) -> usize {
        // The table of a shard uses the low bits and the top seven.
        (hash >> SHARD_SHIFT) as usize & (self.shards.len() - 1)
    }

    /// How much of an address the gates let through.
    pub(crate) fn veil(&self, address: &str) -> Veil {
        let veils = self.gates.iter().map(|gate| gate.veil(address));
        veils.fold(Veil::default(), Veil::and)
    }

    /// What is shown in place of a value, if that is not the value; it is written into `out`.
    /// // protocol/router.md 17.8
    pub fn redact<'o>(
        &self,
        address: &str,
        value: Encoded<'_>,
        out: &'o mut Vec<u8>,
    ) -> Option<Encoded<'o>> {
        let is_left_out = |member: &str| {
            let mut gates = self.gates.iter();
            gates.any(|gate| gate.leaves_out(address, member))
        };
        value.without(&is_left_out, out)
    }

    pub(crate) fn strategy(&self, address: &str) -> Strategy {
        let mut strategies = self.config.strategies.iter();
        let found = strategies.find(|(pattern, _)| pattern.matches(address));
        found.map_or(Strategy::Lww, |(_, strategy)| *strategy)
    }

    pub(crate) fn param_added(&self) {
        self.params.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes room for a param that was just added, if there are too many now. False if the store
    /// is full and keeps what it has. // protocol/router.md 6.11
    pub(crate) fn make_room(&self, shard: &mut Shard, added: SlotNumber) -> bool {
        let max = self.config.params_max;
        if max == 0 || self.params() <= max {
            return true;
        }
        if self.config.when_full == WhenFull::Refuse {
            return false;
        }
        // Only this shard is locked. If it has nothing else to give, there is one param too many
        // until it has: at most one for each shard.
        let evicted = shard.evict(added);
        self.params_gone(usize::from(evicted));
        true
    }

    /// True if there are too many params and none of them makes room.
    pub(crate) fn is_overfull(&self) -> bool {
        let max = self.config.params_max;
        self.config.when_full == WhenFull::Refuse && max != 0 && self.params() > max
    }

    pub(crate) const fn at_capacity(&self) -> Refusal {
        Refusal::AtCapacity {
            max: self.config.params_max,
        }
    }

    pub(crate) fn params_gone(&self, count: usize) {
        self.params.fetch_sub(count, Ordering::Relaxed);
    }

    /// Keeps room for `records` writes in every tap, until it is dropped or kept.
    pub(crate) fn reserve(&self, records: usize) -> Result<Reservation<'_>, Refusal> {
        for (count, tap) in self.taps.iter().enumerate() {
            if !tap.reserve(records) {
                self.taps[..count]
                    .iter()
                    .for_each(|tap| tap.release(records));
                return Err(Refusal::Busy);
            }
        }
        Ok(Reservation {
            taps: &self.taps,
            records,
        })
    }

    fn flush_gesture(&self, key: &GestureKey, now: Now, work: &mut Work) {
        let session = self.sessions.by_key(key.session);
        let Some(session) = session.filter(|session| !session.is_over()) else {
            return;
        };
        let mut batch = Batch::new(self, &session, now, work);
        let slot = batch.slot_to_show(&key.address);
        let slot = slot.expect("the address was checked when the gesture began");
        let interval = self.config.gesture_interval;
        let (_, shard) = batch.shard();
        let gesture = shard.gestures.get_mut(key);
        if let Some(pending) = gesture.and_then(|gesture| gesture.take_due(interval, now.tick)) {
            batch.deliver_move(slot, &pending);
        }
        batch.finish(None);
    }

    fn flush_filter(&self, address: &str, session: SessionKey, now: Now, work: &mut Work) {
        let Some(session) = self.sessions.by_key(session) else {
            return;
        };
        let mut batch = Batch::new(self, &session, now, work);
        batch.send_due(address);
        batch.finish(None);
    }

    fn expire(&self, number: usize, now: Now) {
        let (gone, next) = self.shards[number].lock().expire(now.tick);
        self.params_gone(gone);
        if let Some(at) = next {
            self.alarms.set_expiry(number, at);
        }
    }

    fn sweep(&self, now: Now) {
        for shard in &self.shards {
            let stale = shard.lock().sweep(&self.index, now.tick);
            for session in stale
                .into_iter()
                .filter_map(|key| self.sessions.by_key(key))
            {
                let gestures = &mut session.held.lock().gestures;
                // A session that ends at this moment has given all of them back already.
                *gestures = gestures.saturating_sub(1);
            }
        }
        self.alarms
            .set(now.tick.after(SWEEP_INTERVAL), Alarm::Sweep);
    }
}

/// How a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// How many subscriptions it has.
    pub subscriptions: usize,
    /// The patterns of the first of them, by their ids.
    pub patterns: Vec<String>,
    /// Bytes that wait for it.
    pub queued_bytes: usize,
    /// Values that a newer one replaced before they were sent.
    pub superseded: u64,
}

/// Room in every tap for writes that are about to be applied; given back when it is dropped.
pub(crate) struct Reservation<'a> {
    taps: &'a [Box<dyn Tap>],
    records: usize,
}

impl Reservation<'_> {
    /// The taps are told of `used` writes; the room for the others is given back.
    pub(crate) fn keep(mut self, used: usize) {
        self.records = self.records.saturating_sub(used);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.records > 0 {
            self.taps.iter().for_each(|tap| tap.release(self.records));
        }
    }
}

/// How often routes and gestures that nobody asks for are dropped. Rare, since each sweep looks
/// at every slot; a stale route costs a few bytes until then.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

const SHARD_SHIFT: u32 = 40;
