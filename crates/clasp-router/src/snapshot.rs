//! Snapshots: read in steps when there is room to write them, and queued under the lock of the
//! shard they were read from, so that no client sees an older value after a newer one
//! (protocol/router.md 7.5).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use clasp_proto::{Encoded, ParamRef, Pattern, Qos, SnapshotWriter};

use crate::batch::Work;
use crate::delivery::Delivery;
use crate::limits::{
    SNAPSHOT_AT_ONCE_PARAMS, SNAPSHOT_LOW_WATER_BYTES, SNAPSHOT_STEP_BYTES, SNAPSHOT_STEP_SLOTS,
    SNAPSHOT_STEPS_AT_ONCE,
};
use crate::param::Param;
use crate::refusal::Refusal;
use crate::router::Router;
use crate::run::Run;
use crate::session::Session;
use crate::shard::{Shard, SlotNumber};
use crate::time::{Now, Tick};

/// Where a snapshot stands.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// The subscription that it is for; `None` for the one after WELCOME.
    subscription: Option<u32>,
    /// `None` for everything.
    pattern: Option<Pattern>,
    shard: usize,
    slot: SlotNumber,
}

impl Cursor {
    /// The snapshot after WELCOME.
    pub(crate) const fn of_everything() -> Self {
        Self {
            subscription: None,
            pattern: None,
            shard: 0,
            slot: 0,
        }
    }

    /// The snapshot of a subscription.
    pub(crate) const fn of_subscription(id: u32, pattern: Pattern) -> Self {
        Self {
            subscription: Some(id),
            pattern: Some(pattern),
            shard: 0,
            slot: 0,
        }
    }

    pub(crate) fn is_of(&self, subscription: u32) -> bool {
        self.subscription == Some(subscription)
    }

    const fn is_fresh(&self) -> bool {
        self.shard == 0 && self.slot == 0
    }

    fn shows(&self, address: &str) -> bool {
        self.pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(address))
    }

    /// Writes what a shard has from the cursor on, at most `slots_max` slots of it and hardly
    /// more bytes than a step may have. True when the shard is through.
    fn read(&mut self, shard: &mut Shard, slots_max: usize, now: Tick, out: &mut Writer) -> bool {
        let end = shard.end();
        let stop = end.min(self.slot.saturating_add(slots_max as u32));
        let numbers = self.slot..stop;
        for (number, slot) in numbers.clone().zip(shard.slots_mut(numbers)) {
            let Some(slot) = slot else { continue };
            let live = slot.param.as_mut().filter(|param| !param.is_expired(now));
            let Some(param) = live.filter(|_| self.shows(&slot.address)) else {
                continue;
            };
            if out.bytes() >= SNAPSHOT_STEP_BYTES {
                self.slot = number;
                return false;
            }
            if self.subscription.is_some() {
                param.was_read(now);
            }
            out.entry(&slot.address, param);
        }
        self.slot = stop;
        stop == end
    }
}

impl Router {
    /// Begins a snapshot; what has no room in the outbox yet follows when there is.
    pub(crate) fn begin_snapshot(
        &self,
        session: &Arc<Session>,
        cursor: Cursor,
        now: Now,
        delivery: &mut Delivery,
    ) {
        session.held.lock().cursors.push_back(cursor);
        session.has_cursor.store(true, Ordering::Relaxed);
        self.continue_snapshot(session, now, delivery);
    }

    /// Gives `session` more of the snapshots that it waits for, while its outbox is low. For the
    /// session's own writer to call when it has written what there was.
    pub fn fill(&self, session: &Arc<Session>, now: Now, work: &mut Work) {
        self.continue_snapshot(session, now, &mut work.delivery);
        work.delivery.wake(None);
    }

    fn continue_snapshot(&self, session: &Arc<Session>, now: Now, delivery: &mut Delivery) {
        for _ in 0..SNAPSHOT_STEPS_AT_ONCE {
            if session.outbox.queued_bytes() >= SNAPSHOT_LOW_WATER_BYTES {
                return;
            }
            let Some(cursor) = session.held.lock().cursors.pop_front() else {
                session.has_cursor.store(false, Ordering::Relaxed);
                return;
            };
            let rest = self.snapshot_step(session, cursor, now, delivery);
            if let Some(cursor) = rest {
                session.held.lock().cursors.push_front(cursor);
            }
        }
    }

    fn snapshot_step(
        &self,
        session: &Arc<Session>,
        mut cursor: Cursor,
        now: Now,
        delivery: &mut Delivery,
    ) -> Option<Cursor> {
        let literal = cursor
            .pattern
            .as_ref()
            .filter(|pattern| pattern.is_literal());
        if let Some(pattern) = literal {
            self.snapshot_one(session, pattern.as_str(), now, delivery);
            return None;
        }
        if cursor.is_fresh() && self.params() <= SNAPSHOT_AT_ONCE_PARAMS {
            return self.snapshot_at_once(session, cursor, now, delivery);
        }
        let mut shard = self.shards[cursor.shard].lock();
        let mut out = Writer::default();
        if cursor.read(&mut shard, SNAPSHOT_STEP_SLOTS, now.tick, &mut out) {
            cursor.shard += 1;
            cursor.slot = 0;
        }
        out.send(session, now, delivery);
        (cursor.shard < self.shards.len()).then_some(cursor)
    }

    fn snapshot_one(
        &self,
        session: &Arc<Session>,
        address: &str,
        now: Now,
        delivery: &mut Delivery,
    ) {
        let hash = self.hash(address);
        let mut shard = self.shards[self.shard_of(hash)].lock();
        let Some(number) = shard.find(hash, address) else {
            return;
        };
        let param = shard.slot_mut(number).param.as_mut();
        if let Some(param) = param.filter(|param| !param.is_expired(now.tick)) {
            param.was_read(now.tick);
            let mut out = Writer::default();
            out.entry(address, param);
            out.send(session, now, delivery);
        }
    }

    /// A small state goes out as one frame, where it fits: all shards are locked meanwhile.
    /// Returns where to go on if it is not that small.
    fn snapshot_at_once(
        &self,
        session: &Arc<Session>,
        mut cursor: Cursor,
        now: Now,
        delivery: &mut Delivery,
    ) -> Option<Cursor> {
        let mut shards: Vec<_> = self.shards.iter().map(|shard| shard.lock()).collect();
        let mut out = Writer::default();
        if cursor.subscription.is_none() {
            // WELCOME is followed by a SNAPSHOT even of nothing. // protocol/router.md 2.8
            out.begin();
        }
        let mut is_through = true;
        for (number, shard) in shards.iter_mut().enumerate() {
            cursor.shard = number;
            cursor.slot = 0;
            is_through = cursor.read(shard, usize::MAX, now.tick, &mut out);
            if !is_through {
                break;
            }
        }
        out.send(session, now, delivery);
        (!is_through).then_some(cursor)
    }
}

/// Writes entries into SNAPSHOT frames, as many as fit into each. // protocol/router.md 7.3, 7.4
#[derive(Default)]
pub(crate) struct Writer {
    run: Run,
    frame: Option<SnapshotWriter>,
}

impl Writer {
    pub(crate) fn entry(&mut self, address: &str, param: &Param) {
        let entry = ParamRef {
            address,
            value: param.value.encoded(),
            revision: param.revision,
            writer: Some(&param.writer),
            timestamp: Some(param.written_at.0),
        };
        let frame = self.frame.get_or_insert_default();
        if frame.push(&entry) {
            return;
        }
        self.run.frame(Qos::Fire, frame.payload());
        frame.clear();
        assert!(
            frame.push(&entry),
            "what fits into no frame was refused when it was written"
        );
    }

    /// Bytes in whole frames.
    fn bytes(&self) -> usize {
        self.run.bytes()
    }

    pub(crate) fn finish(mut self) -> Run {
        if let Some(frame) = self.frame {
            self.run.frame(Qos::Fire, frame.payload());
        }
        self.run
    }

    /// Makes a frame even if there is no entry.
    fn begin(&mut self) {
        self.frame.get_or_insert_default();
    }

    fn send(self, session: &Arc<Session>, now: Now, delivery: &mut Delivery) {
        let run = self.finish();
        if !run.is_empty() {
            delivery.push(session, &run, now.tick);
        }
    }
}

/// A value has to fit into a SNAPSHOT with one entry. // protocol/router.md 6.15
pub(crate) fn check_entry(address: &str, value: Encoded<'_>, writer: &str) -> Result<(), Refusal> {
    let entry = ParamRef {
        address,
        value,
        revision: 0,
        writer: Some(writer),
        timestamp: Some(0),
    };
    if entry.fits() {
        Ok(())
    } else {
        Err(Refusal::ValueTooLarge)
    }
}
