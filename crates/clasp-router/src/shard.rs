//! A shard: the slots of a part of the addresses. A plain struct; the lock is around it.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::gesture::{Gesture, GestureKey};
use crate::index::Index;
use crate::limits::{GESTURE_IDLE_MAX, ROUTE_SLOTS_PER_SHARD_MAX};
use crate::session::SessionKey;
use crate::slot::Slot;
use crate::time::Tick;

/// The slots of a part of the addresses.
#[derive(Debug)]
pub(crate) struct Shard {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Pages, so that growing copies nothing and leaves at most one page unused.
    pages: Vec<Vec<Option<Slot>>>,
    free: Vec<u32>,
    params: usize,
    /// The highest revision of an address that is no longer here. // protocol/router.md 6.4
    forgotten: u64,
    /// Counts up with whatever an export would show.
    changes: u64,
    /// Slots with the second in which their param may expire: each at most once.
    due: BTreeSet<(u32, SlotNumber)>,
    /// Where the eviction clock points.
    hand: u32,
    pub(crate) gestures: HashMap<GestureKey, Gesture>,
}

/// Where a slot is in its shard.
pub(crate) type SlotNumber = u32;

impl Shard {
    pub(crate) fn new(hasher: DefaultHashBuilder) -> Self {
        Self {
            table: HashTable::new(),
            hasher,
            pages: Vec::new(),
            free: Vec::new(),
            params: 0,
            forgotten: 0,
            changes: 0,
            due: BTreeSet::new(),
            hand: 0,
            gestures: HashMap::new(),
        }
    }

    pub(crate) fn find(&self, hash: u64, address: &str) -> Option<SlotNumber> {
        self.table
            .find(hash, |number| &*self.slot(*number).address == address)
            .copied()
    }

    /// Makes a slot for an address that has none.
    pub(crate) fn insert(&mut self, hash: u64, address: &str) -> SlotNumber {
        if self.table.len() - self.params >= ROUTE_SLOTS_PER_SHARD_MAX {
            self.drop_idle();
        }
        let number = self.place(Slot::new(address));
        let (pages, hasher) = (&self.pages, &self.hasher);
        self.table.insert_unique(hash, number, |number| {
            hasher.hash_one(&*slot_of(pages, *number).address)
        });
        number
    }

    pub(crate) fn slot(&self, number: SlotNumber) -> &Slot {
        slot_of(&self.pages, number)
    }

    /// The slot with this number, if there is one.
    pub(crate) fn slot_at(&self, number: SlotNumber) -> Option<&Slot> {
        let (page, at) = split(number);
        self.pages.get(page)?.get(at)?.as_ref()
    }

    pub(crate) fn slot_mut(&mut self, number: SlotNumber) -> &mut Slot {
        let (page, at) = split(number);
        self.pages[page][at]
            .as_mut()
            .expect("a slot number in use names a slot")
    }

    /// The slots with these numbers, where there is one.
    pub(crate) fn slots_mut(
        &mut self,
        numbers: Range<SlotNumber>,
    ) -> impl Iterator<Item = Option<&mut Slot>> {
        let slots = self.pages.iter_mut().flatten();
        slots
            .skip(numbers.start as usize)
            .take(numbers.len())
            .map(Option::as_mut)
    }

    /// One past the highest slot number.
    pub(crate) fn end(&self) -> SlotNumber {
        match self.pages.split_last() {
            None => 0,
            Some((last, full)) => (full.len() * PAGE_SLOTS + last.len()) as u32,
        }
    }

    /// All slots that hold something.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.pages.iter().flatten().flatten()
    }

    pub(crate) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Revisions up to this one were seen by somebody: addresses that are made anew start above it.
    pub(crate) fn remember(&mut self, revision: u64) {
        self.forgotten = self.forgotten.max(revision);
    }

    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Notes that an export would show something else now.
    pub(crate) const fn note_change(&mut self) {
        self.changes += 1;
    }

    /// Notes that a slot got its first value.
    pub(crate) const fn param_added(&mut self) {
        self.params += 1;
    }

    /// Takes the param of a slot away; the highest such revision is remembered.
    pub(crate) fn forget(&mut self, number: SlotNumber) {
        self.unschedule_expiry(number);
        let slot = self.slot_mut(number);
        let Some(param) = slot.param.take() else {
            return;
        };
        param.give_lock_back(&slot.address);
        self.params -= 1;
        self.remember(param.revision);
        self.note_change();
        self.remove_if_bare(number);
    }

    /// Takes an expired param away, but keeps the slot. True if there was one.
    pub(crate) fn lapse(&mut self, number: SlotNumber, now: Tick) -> bool {
        let slot = self.slot_mut(number);
        let Some(param) = slot.param.take_if(|param| param.is_expired(now)) else {
            return false;
        };
        param.give_lock_back(&slot.address);
        self.params -= 1;
        self.remember(param.revision);
        self.note_change();
        self.unschedule_expiry(number);
        true
    }

    /// Takes back the first value of a slot, which nobody saw. False if it has expired already.
    pub(crate) fn unmake(&mut self, number: SlotNumber) -> bool {
        self.unschedule_expiry(number);
        let slot = self.slot_mut(number);
        let Some(param) = slot.param.take() else {
            return false;
        };
        param.give_lock_back(&slot.address);
        self.params -= 1;
        self.note_change();
        true
    }

    /// Schedules the expiry of a slot's param, if it has one that is not scheduled yet. Returns
    /// when to look at the shard, if that is not earlier for another param.
    ///
    /// A later expiry is not scheduled anew: it is looked at when the earlier second comes.
    pub(crate) fn schedule_expiry(&mut self, number: SlotNumber) -> Option<Tick> {
        let slot = self.slot_mut(number);
        let expires_at = slot.param.as_ref()?.expires_at;
        let second = second_of(expires_at);
        let scheduled = slot.due_second;
        if expires_at == Tick::NEVER || (scheduled != 0 && scheduled <= second) {
            return None;
        }
        self.unschedule_expiry(number);
        self.slot_mut(number).due_second = second;
        self.due.insert((second, number));
        let is_first = self.due.first() == Some(&(second, number));
        is_first.then(|| start_of(second))
    }

    #[cfg(test)]
    pub(crate) fn due_len(&self) -> usize {
        self.due.len()
    }

    fn unschedule_expiry(&mut self, number: SlotNumber) {
        let second = core::mem::take(&mut self.slot_mut(number).due_second);
        if second != 0 {
            self.due.remove(&(second, number));
        }
    }

    /// Removes params that expired; returns how many, and when to look again.
    pub(crate) fn expire(&mut self, now: Tick) -> (usize, Option<Tick>) {
        let before = self.params;
        while let Some(&(second, number)) = self.due.first() {
            if start_of(second) > now {
                break;
            }
            self.unschedule_expiry(number);
            let param = self.slot(number).param.as_ref();
            if param.is_some_and(|param| param.is_expired(now)) {
                self.forget(number);
            } else {
                self.schedule_expiry(number);
            }
        }
        let next = self.due.first().map(|(second, _)| start_of(*second));
        (before - self.params, next)
    }

    /// Takes away the param that was not written for longest, or nearly: a clock hand passes
    /// over those that were written since its last round. `spare` is not taken.
    pub(crate) fn evict(&mut self, spare: SlotNumber) -> bool {
        // Two rounds: the first may find all of them recent.
        for _ in 0..2 * self.end() {
            self.hand = if self.hand + 1 < self.end() {
                self.hand + 1
            } else {
                0
            };
            let (page, at) = split(self.hand);
            let Some(slot) = self.pages[page][at].as_mut() else {
                continue;
            };
            if slot.param.is_none() || self.hand == spare {
                continue;
            }
            if !core::mem::take(&mut slot.recent) {
                self.forget(self.hand);
                return true;
            }
        }
        false
    }

    /// Drops cached routes of an older generation, slots that held nothing else, and gestures
    /// whose end got lost; returns whose gestures these were.
    pub(crate) fn sweep(&mut self, index: &Index, now: Tick) -> Vec<SessionKey> {
        let generation = index.generation();
        for number in 0..self.end() {
            let (page, at) = split(number);
            let Some(slot) = self.pages[page][at].as_mut() else {
                continue;
            };
            let route = slot.route.as_ref();
            if route.is_none_or(|route| route.generation == generation) {
                continue;
            }
            if slot.filters.is_some() {
                slot.current_route(index);
            }
            slot.route = None;
            self.remove_if_bare(number);
        }
        let stale = self
            .gestures
            .extract_if(|_, gesture| gesture.is_stale(now, GESTURE_IDLE_MAX));
        stale.map(|(key, _)| key.session).collect()
    }

    /// Frees the lock of a session that ended.
    pub(crate) fn unlock(&mut self, number: SlotNumber, holder: SessionKey) {
        if let Some(param) = self.slot_mut(number).param.as_mut()
            && param.holder.as_ref().is_some_and(|held| held.key == holder)
        {
            param.holder = None;
        }
    }

    fn place(&mut self, slot: Slot) -> SlotNumber {
        if let Some(number) = self.free.pop() {
            let (page, at) = split(number);
            self.pages[page][at] = Some(slot);
            return number;
        }
        if self
            .pages
            .last()
            .is_none_or(|page| page.len() == PAGE_SLOTS)
        {
            self.pages.push(Vec::with_capacity(PAGE_SLOTS));
        }
        let number = self.end();
        self.pages
            .last_mut()
            .expect("a page was just added")
            .push(Some(slot));
        number
    }

    fn remove_if_bare(&mut self, number: SlotNumber) {
        if self.slot(number).is_bare() {
            self.remove(number);
        }
    }

    fn drop_idle(&mut self) {
        for number in 0..self.end() {
            let (page, at) = split(number);
            if self.pages[page][at].as_ref().is_some_and(Slot::is_idle) {
                self.remove(number);
            }
        }
    }

    fn remove(&mut self, number: SlotNumber) {
        let hash = self.hasher.hash_one(&*self.slot(number).address);
        let entry = self.table.find_entry(hash, |held| *held == number);
        entry.expect("a slot in use is in the table").remove();
        let (page, at) = split(number);
        self.pages[page][at] = None;
        self.free.push(number);
    }
}

fn slot_of(pages: &[Vec<Option<Slot>>], number: SlotNumber) -> &Slot {
    let (page, at) = split(number);
    pages[page][at]
        .as_ref()
        .expect("a slot number in use names a slot")
}

const fn split(number: SlotNumber) -> (usize, usize) {
    (number as usize / PAGE_SLOTS, number as usize % PAGE_SLOTS)
}

/// The first whole second at which something has expired.
fn second_of(tick: Tick) -> u32 {
    u32::try_from(tick.0.div_ceil(MICROS_PER_SECOND))
        .unwrap_or(u32::MAX)
        .max(1)
}

/// When a second begins, on the steady clock.
const fn start_of(second: u32) -> Tick {
    Tick(second as u64 * MICROS_PER_SECOND)
}

const PAGE_SLOTS: usize = 128;
const MICROS_PER_SECOND: u64 = 1_000_000;

#[cfg(test)]
mod tests;
