//! Snapshots: read in steps when there is room to write them, and queued under the lock of the
//! shard they were read from, so that no client sees an older value after a newer one
//! (protocol/router.md 7.5).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clasp_proto::{Encoded, ParamRef, Pattern, Qos, SnapshotWriter};

use crate::batch::Work;
use crate::delivery::Delivery;
use crate::limits::{
    SNAPSHOT_AT_ONCE_PARAMS, SNAPSHOT_LOW_WATER_BYTES, SNAPSHOT_STEP_SLOTS, SNAPSHOT_STEPS_AT_ONCE,
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
    /// A frame of it went out.
    has_begun: bool,
}

impl Cursor {
    /// The snapshot after WELCOME.
    pub(crate) const fn of_everything() -> Self {
        Self {
            subscription: None,
            pattern: None,
            shard: 0,
            slot: 0,
            has_begun: false,
        }
    }

    /// The snapshot of a subscription.
    pub(crate) const fn of_subscription(id: u32, pattern: Pattern) -> Self {
        Self {
            subscription: Some(id),
            pattern: Some(pattern),
            shard: 0,
            slot: 0,
            has_begun: false,
        }
    }

    pub(crate) fn is_of(&self, subscription: u32) -> bool {
        self.subscription == Some(subscription)
    }

    fn shows(&self, address: &str) -> bool {
        self.pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(address))
    }

    /// Writes what a shard has from the cursor on: at most `slots_max` slots of it, and no more
    /// than an outbox should hold of a snapshot. Goes on to the next shard when it is through.
    fn read(&mut self, shard: &mut Shard, slots_max: usize, now: Tick, out: &mut Writer) {
        let end = shard.end();
        let stop = end.min(self.slot.saturating_add(slots_max as u32));
        let mut lives_longer = false;
        for slot in shard.slots_mut(self.slot..stop) {
            if out.is_full() {
                break;
            }
            self.slot += 1;
            let Some(slot) = slot else { continue };
            let live = slot.param.as_mut().filter(|param| !param.is_expired(now));
            let Some(param) = live.filter(|_| self.shows(&slot.address)) else {
                continue;
            };
            if self.subscription.is_some() {
                lives_longer |= param.was_read(now);
            }
            out.entry(&slot.address, param);
        }
        if lives_longer {
            shard.note_change();
        }
        if self.slot >= end {
            self.shard += 1;
            self.slot = 0;
        }
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
        let is_low = session.outbox.queued_bytes() < SNAPSHOT_LOW_WATER_BYTES;
        let cursor = if is_low && !session.wants_snapshot() {
            // The usual case: it is through at once, and nothing has to wait.
            self.snapshot_step(session, cursor, now, delivery)
        } else {
            Some(cursor)
        };
        if let Some(cursor) = cursor {
            session.held.lock().cursors.push_back(cursor);
            session.has_cursor.store(true, Ordering::Relaxed);
        }
    }

    /// Gives `session` more of the snapshots that it waits for. For the session's own writer to
    /// call when it has written what it took.
    pub fn fill(&self, session: &Arc<Session>, now: Now, work: &mut Work) {
        self.continue_snapshot(session, now, &mut work.delivery);
        work.delivery.wake(None);
        // Nobody publishes here whom the session could hold back.
        work.delivery.take_pressed();
    }

    /// A few steps, while the outbox is low; one at least unless it is pressed, so that a steady
    /// flow of other messages does not keep a snapshot from going on.
    fn continue_snapshot(&self, session: &Arc<Session>, now: Now, delivery: &mut Delivery) {
        for step in 0..SNAPSHOT_STEPS_AT_ONCE {
            let queued = session.outbox.queued_bytes();
            let queued_max = match step {
                0 => SNAPSHOT_LOW_WATER_BYTES.max(self.config.outbox_bytes_max / 4),
                _ => SNAPSHOT_LOW_WATER_BYTES,
            };
            if queued >= queued_max {
                return;
            }
            let Some(cursor) = session.held.lock().cursors.pop_front() else {
                session.has_cursor.store(false, Ordering::Relaxed);
                session.held.lock().cursors = VecDeque::new();
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
        let mut out = Writer::default();
        // A small state goes out as one frame, where it fits: all shards are locked meanwhile.
        let shards = if self.params() <= SNAPSHOT_AT_ONCE_PARAMS {
            cursor.shard..self.shards.len()
        } else {
            cursor.shard..cursor.shard + 1
        };
        let mut locked: Vec<_> = self.shards[shards]
            .iter()
            .map(|shard| shard.lock())
            .collect();
        for shard in &mut locked {
            let number = cursor.shard;
            cursor.read(shard, SNAPSHOT_STEP_SLOTS, now.tick, &mut out);
            if cursor.shard == number {
                break;
            }
        }
        let is_through = cursor.shard == self.shards.len();
        if is_through && !cursor.has_begun && cursor.subscription.is_none() {
            // WELCOME is followed by a SNAPSHOT even of nothing. // protocol/router.md 2.8
            out.begin();
        }
        cursor.has_begun |= out.send(session, now, delivery);
        (!is_through).then_some(cursor)
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
            let lives_longer = param.was_read(now.tick);
            let mut out = Writer::default();
            out.entry(address, param);
            out.send(session, now, delivery);
            if lives_longer {
                shard.note_change();
            }
        }
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

    /// True if it holds as much as an outbox should get at once.
    fn is_full(&self) -> bool {
        self.run.len() >= SNAPSHOT_LOW_WATER_BYTES
    }

    /// Queues what was written; false if that is nothing.
    fn send(self, session: &Arc<Session>, now: Now, delivery: &mut Delivery) -> bool {
        let run = self.finish();
        if run.is_empty() {
            return false;
        }
        delivery.push(session, &run, now.tick);
        true
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
