//! Snapshots: read in steps when there is room to write them, and queued under the lock of the
//! shard they were read from, so that no client sees an older value after a newer one
//! (protocol/router.md 7.5).

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clasp_proto::{Action, Encoded, ParamRef, Pattern, Principal, Qos, SnapshotWriter};

use crate::batch::Work;
use crate::delivery::Delivery;
use crate::gate::{Sight, Veil};
use crate::limits::{
    SNAPSHOT_AT_ONCE_JUDGED_PARAMS, SNAPSHOT_AT_ONCE_PARAMS, SNAPSHOT_LOW_WATER_BYTES,
    SNAPSHOT_STEP_SLOTS, SNAPSHOT_STEPS_AT_ONCE,
};
use crate::param::Param;
use crate::refusal::Refusal;
use crate::router::Router;
use crate::run::Run;
use crate::session::Session;
use crate::shard::{Shard, SlotNumber};
use crate::sync::{Mutex, MutexGuard};
use crate::time::{Now, Tick};
use crate::view::View;

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

    /// Whether an address is part of it, for all that scopes say.
    fn holds(&self, address: &str, principal: &Principal) -> bool {
        match &self.pattern {
            // What a pattern matches may be read by whoever subscribed to it.
            Some(pattern) => pattern.matches(address),
            None => principal.may(Action::Read, address),
        }
    }

    /// The slots of its next step in a shard.
    fn step(&self, shard: &Shard) -> Range<SlotNumber> {
        let stop = self.slot.saturating_add(SNAPSHOT_STEP_SLOTS as u32);
        self.slot..shard.end().min(stop)
    }

    /// Writes what a shard has from the cursor on: the slots of one step, and no more than an
    /// outbox should hold of a snapshot. Goes on to the next shard when it is through.
    fn read(&mut self, shard: &mut Shard, reader: &Reader<'_>, out: &mut Writer) {
        let now = reader.now;
        let end = shard.end();
        let mut lives_longer = false;
        for slot in shard.slots_mut(self.step(shard)) {
            if out.is_full() {
                break;
            }
            let number = self.slot;
            self.slot += 1;
            let Some(slot) = slot else { continue };
            let veil = slot.current_veil(reader.router);
            let live = slot.param.as_mut().filter(|param| !param.is_expired(now));
            let is_shown =
                !reader.is_hidden(number) && self.holds(&slot.address, &reader.session.principal);
            let Some(param) = live.filter(|_| is_shown) else {
                continue;
            };
            if self.subscription.is_some() {
                lives_longer |= param.was_read(now);
            }
            out.entry_shown(reader.router, veil, (&slot.address, param));
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

/// For whom a shard is read.
struct Reader<'a> {
    router: &'a Router,
    session: &'a Session,
    now: Tick,
    /// Slots of this step that the session is not shown, in ascending order.
    hidden: Vec<SlotNumber>,
}

impl Reader<'_> {
    fn is_hidden(&self, slot: SlotNumber) -> bool {
        self.hidden.binary_search(&slot).is_ok()
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
        let (first, last, until) = self.extent(&cursor);
        let shards = self.shards[first..last].iter();
        let mut locked: Vec<_> = shards.map(Mutex::lock).collect();
        while cursor.shard < until {
            let number = cursor.shard;
            let shards = |number: usize| locked.get(number.checked_sub(first)?).map(|it| &**it);
            let view = View::new(self, now.tick, &shards);
            let reader = Reader {
                router: self,
                session,
                now: now.tick,
                hidden: self.hidden_slots(&cursor, &locked[number - first], (session, &view)),
            };
            cursor.read(&mut locked[number - first], &reader, &mut out);
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

    /// The shards to lock for a step, and up to which one it reads. A small state goes out as one
    /// frame, where it fits: all shards are locked meanwhile; the state is smaller where each slot
    /// has to be judged. What a gate shows by state may depend on any shard.
    fn extent(&self, cursor: &Cursor) -> (usize, usize, usize) {
        let at_once_params = match self.sight {
            Sight::Open => SNAPSHOT_AT_ONCE_PARAMS,
            Sight::BySession | Sight::ByState => SNAPSHOT_AT_ONCE_JUDGED_PARAMS,
        };
        let until = match self.params() <= at_once_params {
            true => self.shards.len(),
            false => cursor.shard + 1,
        };
        match self.sight {
            Sight::ByState => (0, self.shards.len(), until),
            Sight::Open | Sight::BySession => (cursor.shard, until, until),
        }
    }

    /// The slots of the cursor's next step in a shard that a gate does not show the session.
    fn hidden_slots(
        &self,
        cursor: &Cursor,
        shard: &Shard,
        (session, view): (&Session, &View<'_>),
    ) -> Vec<SlotNumber> {
        if self.sight == Sight::Open {
            return Vec::new();
        }
        let is_hidden = |number: &SlotNumber| {
            let slot = shard.slot_at(*number).filter(|slot| slot.param.is_some());
            let slot = slot.filter(|slot| cursor.holds(&slot.address, &session.principal));
            slot.is_some_and(|slot| {
                let veil = slot.veil.unwrap_or_else(|| self.veil(&slot.address));
                veil.sight != Sight::Open && !self.shows(session, &slot.address, view)
            })
        };
        cursor.step(shard).filter(is_hidden).collect()
    }

    fn snapshot_one(
        &self,
        session: &Arc<Session>,
        address: &str,
        now: Now,
        delivery: &mut Delivery,
    ) {
        let hash = self.hash(address);
        let veil = self.veil(address);
        let (mut locked, first) = self.lock_to_show(hash, veil);
        let at = self.shard_of(hash) - first;
        let Some(number) = locked[at].find(hash, address) else {
            return;
        };
        let shards = |number: usize| locked.get(number.checked_sub(first)?).map(|it| &**it);
        if veil.sight != Sight::Open
            && !self.shows(session, address, &View::new(self, now.tick, &shards))
        {
            return;
        }
        let shard = &mut locked[at];
        let param = shard.slot_mut(number).param.as_mut();
        if let Some(param) = param.filter(|param| !param.is_expired(now.tick)) {
            let lives_longer = param.was_read(now.tick);
            let mut out = Writer::default();
            out.entry_shown(self, veil, (address, param));
            out.send(session, now, delivery);
            if lives_longer {
                shard.note_change();
            }
        }
    }

    /// Locks the shard of an address, or every shard if a gate may look at others before it shows
    /// the address. Says which is the first.
    fn lock_to_show(&self, hash: u64, veil: Veil) -> (Vec<MutexGuard<'_, Shard>>, usize) {
        let number = self.shard_of(hash);
        match veil.sight {
            Sight::ByState => (self.shards.iter().map(Mutex::lock).collect(), 0),
            Sight::Open | Sight::BySession => (vec![self.shards[number].lock()], number),
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
    /// An entry without what the veil of its address hides.
    pub(crate) fn entry_shown(
        &mut self,
        router: &Router,
        veil: Veil,
        (address, param): (&str, &Param),
    ) {
        let stored = param.value.encoded();
        let mut left = Vec::new();
        let redacted = match veil.is_redacted {
            true => router.redact(address, stored, &mut left),
            false => None,
        };
        self.entry(address, param, redacted.unwrap_or(stored));
    }

    fn entry(&mut self, address: &str, param: &Param, value: Encoded<'_>) {
        let entry = ParamRef {
            address,
            value,
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
