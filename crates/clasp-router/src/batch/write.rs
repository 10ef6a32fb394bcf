//! Writes: SET and PUBLISH, from admission to the run that carries them.

use std::sync::Arc;

use clasp_proto::{Phase, Qos, Signal};
use clasp_proto::{PublishRef, SetRef};

use super::Batch;
use crate::alarm::Alarm;
use crate::delivery::Outgoing;
use crate::gesture::{Gesture, GestureKey};
use crate::limits::{GESTURES_PER_SESSION_MAX, LOCKS_PER_SESSION_MAX};
use crate::operation::{Operation, Receipt};
use crate::param::{self, Applied, LockChange, Record};
use crate::peer::{self, Peer};
use crate::refusal::Refusal;
use crate::router::Reservation;
use crate::session::Session;
use crate::shard::SlotNumber;
use crate::snapshot;
use crate::tap::Written;

impl Batch<'_> {
    // protocol/router.md 6.1, 6.9, 6.16
    pub(super) fn set(
        &mut self,
        set: &SetRef<'_>,
        operation: &Operation<'_>,
    ) -> Result<Receipt, Refusal> {
        let room = self.router.reserve(1)?;
        let number = self.slot_of_write(set.address, operation)?;
        let applied = self
            .apply(number, set)
            .map_err(|refusal| self.concealed(number, refusal))?;
        if applied.is_new {
            self.keep_within_capacity(number)?;
        }
        room.keep(1);
        let sequence = self.broadcast(number, set, !applied.is_new);
        Ok(Receipt {
            revision: Some(applied.revision),
            sequence,
            is_applied: true,
        })
    }

    /// Applies a SET to its slot, and notes what follows from it: a lock held, an expiry due.
    pub(crate) fn apply(
        &mut self,
        number: SlotNumber,
        set: &SetRef<'_>,
    ) -> Result<Applied, Refusal> {
        let (router, session) = (self.router, self.session);
        snapshot::check_entry(set.address, set.value, &session.id)?;
        if set.lock && session.held.lock().locks.len() >= LOCKS_PER_SESSION_MAX {
            return Err(Refusal::LocksFull {
                max: LOCKS_PER_SESSION_MAX,
            });
        }
        let record = Record {
            value: set.value,
            expected: set.revision,
            lock: set.lock,
            unlock: set.unlock,
            ttl: set.ttl,
            writer: session,
            strategy: router.strategy(set.address),
            default_ttl: router.config.param_ttl,
            now: self.now,
        };
        let (shard_number, shard) = self.shard();
        let forgotten = shard.forgotten();
        let slot = shard.slot_mut(number);
        let applied = param::apply(&mut slot.param, &record, forgotten)?;
        slot.recent = true;
        shard.note_change();
        if applied.is_new {
            shard.param_added();
            router.param_added();
        }
        if let Some(at) = shard.schedule_expiry(number) {
            router.alarms.set_expiry(shard_number, at);
        }
        self.note_lock(number, applied.lock);
        Ok(applied)
    }

    fn note_lock(&mut self, number: SlotNumber, lock: LockChange) {
        if lock == LockChange::None {
            return;
        }
        let session = self.session;
        let (_, shard) = self.shard();
        let slot = shard.slot_mut(number);
        let mut held = session.held.lock();
        match lock {
            // A bundle whose time comes while its session ends: nobody would give it back.
            LockChange::Taken if held.is_ended => {
                if let Some(param) = &mut slot.param {
                    param.holder = None;
                }
            }
            LockChange::Taken => drop(held.locks.insert(Arc::clone(&slot.address))),
            LockChange::Freed | LockChange::None => drop(held.locks.remove(&slot.address)),
        }
    }

    /// Makes room for a param that was just added, or takes it back.
    pub(super) fn keep_within_capacity(&mut self, number: SlotNumber) -> Result<(), Refusal> {
        let router = self.router;
        let (_, shard) = self.shard();
        if router.make_room(shard, number) {
            return Ok(());
        }
        router.params_gone(usize::from(shard.unmake(number)));
        Err(router.at_capacity())
    }

    /// Appends the SET as subscribers get it: with what is stored, which is more than what was
    /// sent where maps are merged. Returns the value as a number.
    pub(crate) fn write_stored(
        &mut self,
        number: SlotNumber,
        set: &SetRef<'_>,
        payload: &mut Vec<u8>,
    ) -> Option<f64> {
        let (_, shard) = self.shard();
        let param = shard.slot(number).param.as_ref();
        let param = param.expect("a value was just stored here");
        let value = param.value.encoded();
        SetRef { value, ..*set }.write(param.revision, payload);
        value.as_f64()
    }

    fn broadcast(&mut self, number: SlotNumber, set: &SetRef<'_>, goes_on: bool) -> u64 {
        let mut payload = core::mem::take(&mut self.work.payload);
        payload.clear();
        let stored = self.write_stored(number, set, &mut payload);
        let message = Outgoing {
            payload: &payload,
            qos: Qos::Confirm,
            signal: Some(Signal::Param),
            except: None,
        };
        self.deliver(number, &message, || stored);
        self.keep_order();
        let write = Written {
            signal: message.signal,
            payload: &payload,
            goes_on,
        };
        let sequence = self.commit(write, true);
        self.work.payload = payload;
        sequence
    }

    pub(super) fn publish(
        &mut self,
        publish: &PublishRef<'_>,
        operation: &Operation<'_>,
    ) -> Result<Receipt, Refusal> {
        let peer = peer::of(publish.address);
        if let Some(Peer::Signal(target)) = peer {
            let lookups = self.lookups(operation);
            self.admit_by_lookups(publish.address, operation, &lookups)?;
            return self.signal_peer(target, publish);
        }
        let number = self.slot_of_write(publish.address, operation)?;
        if peer == Some(Peer::Announce) {
            let announced = PublishRef {
                signal: None,
                ..*publish
            };
            let room = self.router.reserve(1)?;
            return Ok(self.fan_out(number, &announced, Some(room)));
        }
        let is_transient = is_transient(publish.signal, publish.phase);
        // Before a move that waits goes out: who is refused has changed nothing.
        let room = match is_transient {
            true => None,
            false => Some(self.router.reserve(1)?),
        };
        if publish.signal == Some(Signal::Gesture) && !self.lets_through(number, publish) {
            return Ok(Receipt {
                is_applied: true,
                ..Receipt::default()
            });
        }
        Ok(self.fan_out(number, publish, room))
    }

    fn fan_out(
        &mut self,
        number: SlotNumber,
        publish: &PublishRef<'_>,
        room: Option<Reservation<'_>>,
    ) -> Receipt {
        let is_recorded = room.is_some();
        if let Some(room) = room {
            room.keep(1);
        }
        let mut payload = core::mem::take(&mut self.work.payload);
        payload.clear();
        publish.write(&mut payload);
        let message = Outgoing {
            payload: &payload,
            qos: publish.signal.map_or(Qos::Fire, Signal::qos),
            signal: publish.signal,
            except: Some(self.session.key),
        };
        self.deliver(number, &message, || publish.number());
        if publish.signal == Some(Signal::Gesture) {
            // A move that waits must not overtake the start that is gathered here.
            self.keep_order();
        }
        let write = Written {
            signal: message.signal,
            payload: &payload,
            goes_on: false,
        };
        let sequence = self.commit(write, is_recorded);
        self.work.payload = payload;
        Receipt {
            revision: None,
            sequence,
            is_applied: true,
        }
    }

    /// A directed message: only the session that the address names gets it.
    /// // protocol/router.md 13.1, 13.5
    fn signal_peer(&mut self, id: &str, publish: &PublishRef<'_>) -> Result<Receipt, Refusal> {
        let target = self.find_peer(id, publish)?;
        self.send_peer(&target, publish);
        Ok(Receipt {
            is_applied: true,
            ..Receipt::default()
        })
    }

    pub(crate) fn find_peer(
        &self,
        id: &str,
        publish: &PublishRef<'_>,
    ) -> Result<Arc<Session>, Refusal> {
        peer::check_sender(publish, &self.session.id)?;
        let target = self.router.sessions.find(id);
        target.ok_or_else(|| Refusal::NoSuchSession { id: id.into() })
    }

    pub(crate) fn send_peer(&mut self, target: &Arc<Session>, publish: &PublishRef<'_>) {
        self.work.delivery.flush(self.now.tick);
        let mut payload = core::mem::take(&mut self.work.payload);
        payload.clear();
        publish.write(&mut payload);
        let message = Outgoing {
            payload: &payload,
            qos: Qos::Confirm,
            signal: publish.signal,
            except: None,
        };
        self.work.delivery.send(target, &message, self.now.tick);
        self.work.delivery.tally.fanned_out(1, 1);
        self.work.payload = payload;
    }

    /// A gesture: moves leave at most once per interval. False if this one waits.
    /// // protocol/router.md 8.4, 8.5, 8.6
    fn lets_through(&mut self, number: SlotNumber, publish: &PublishRef<'_>) -> bool {
        let mut payload = Vec::new();
        publish.write(&mut payload);
        let id = publish.id.unwrap_or(0);
        match self.throttle(number, id, publish.phase, &payload) {
            Throttled::Waits => false,
            Throttled::Goes { first } => {
                if let Some(last) = first {
                    self.deliver_move(number, &last);
                }
                true
            }
        }
    }

    /// Notes a message of a gesture, and says what becomes of it.
    pub(crate) fn throttle(
        &mut self,
        number: SlotNumber,
        id: u32,
        phase: Phase,
        payload: &[u8],
    ) -> Throttled {
        let (router, now, session) = (self.router, self.now.tick, self.session);
        let (_, shard) = self.shard();
        let key = GestureKey {
            session: session.key,
            address: Arc::clone(&shard.slot(number).address),
            id,
        };
        let interval = router.config.gesture_interval;
        let known = shard.gestures.get_mut(&key);
        if let (Some(gesture), Phase::Move) = (known, phase) {
            let Some((due, is_first)) = gesture.moved(payload, interval, now) else {
                return Throttled::Goes { first: None };
            };
            if is_first {
                router.alarms.set(due, Alarm::Gesture(key));
            }
            return Throttled::Waits;
        }
        let mut held = session.held.lock();
        let before = shard.gestures.remove(&key);
        // A session that ends at this moment has given all of them back already.
        held.gestures = held.gestures.saturating_sub(usize::from(before.is_some()));
        let goes_on = matches!(phase, Phase::Start | Phase::Move) && !held.is_ended;
        if goes_on && held.gestures < GESTURES_PER_SESSION_MAX {
            shard.gestures.insert(key, Gesture::new(now));
            held.gestures += 1;
        }
        Throttled::Goes {
            first: before.and_then(Gesture::into_pending),
        }
    }

    /// Hands out a gesture move that waited.
    pub(crate) fn deliver_move(&mut self, number: SlotNumber, payload: &[u8]) {
        let message = Outgoing {
            payload,
            qos: Qos::Fire,
            signal: Some(Signal::Gesture),
            except: Some(self.session.key),
        };
        self.deliver(number, &message, || None);
        self.keep_order();
        let write = Written {
            signal: message.signal,
            payload,
            goes_on: false,
        };
        self.commit(write, false);
    }
}

/// True for what is outdated in a moment, and not recorded: samples of a stream, moves of a
/// gesture.
pub(crate) fn is_transient(signal: Option<Signal>, phase: Phase) -> bool {
    match signal {
        Some(Signal::Stream) => true,
        Some(Signal::Gesture) => phase == Phase::Move,
        _ => false,
    }
}

/// What becomes of a message of a gesture.
pub(crate) enum Throttled {
    /// It goes out now, after the move that waited, if one did.
    Goes { first: Option<Box<[u8]>> },
    /// It waits for its interval, or for a newer one to replace it.
    Waits,
}
