//! The door: every write passes a batch, whatever it came from.
//!
//! A batch is what one session sent together. It keeps what can be shared: the time, the lock of
//! the shard it works on, the run of frames that go to the same targets, and the wake-ups.
//! Admission (rate, gates, room in the taps) and application are two steps with nothing but a
//! record between them (protocol/router.md 18.1, 18.2).

mod answer;
mod deliver;
mod read;
mod show;
mod write;

pub(crate) use write::{Throttled, is_transient};

use std::sync::Arc;
use std::task::Waker;

use clasp_proto::Address;

use crate::delivery::Delivery;
use crate::operation::{Operation, Receipt};
use crate::rate::Allowance;
use crate::refusal::Refusal;
use crate::rights;
use crate::router::Router;
use crate::run::Run;
use crate::session::Session;
use crate::shard::{Shard, SlotNumber};
use crate::sync::MutexGuard;
use crate::tally::Tally;
use crate::time::Now;

/// Operations of one session that are done together. See the module.
///
/// What it does is seen by others at the latest when it is finished. One that is dropped before
/// is abandoned: what it gathered last is lost.
pub struct Batch<'r> {
    pub(crate) router: &'r Router,
    pub(crate) session: &'r Arc<Session>,
    pub(crate) now: Now,
    pub(crate) work: &'r mut Work,
    held: Option<Held<'r>>,
    /// Further shards that a bundle has locked, all until it is through.
    others: Vec<Held<'r>>,
    is_finished: bool,
}

/// The buffers of batches, kept by whoever makes them, so that a batch allocates nothing.
#[derive(Debug, Default)]
pub struct Work {
    pub(crate) delivery: Delivery,
    /// Answers to the session itself; they come behind what its writes delivered to it.
    answers: Run,
    payload: Vec<u8>,
}

impl Work {
    /// Adds what the batches since the last call did.
    pub fn move_tally(&mut self, into: &mut Tally) {
        let tally = &mut self.delivery.tally;
        *into += &*tally;
        *tally = Tally::default();
    }
}

struct Held<'r> {
    number: usize,
    shard: MutexGuard<'r, Shard>,
    /// A SET of this shard waits in the run, so the run goes out before the lock does.
    is_ordered: bool,
}

impl<'r> Batch<'r> {
    pub(crate) fn new(
        router: &'r Router,
        session: &'r Arc<Session>,
        now: Now,
        work: &'r mut Work,
    ) -> Self {
        Self {
            router,
            session,
            now,
            work,
            held: None,
            others: Vec::new(),
            is_finished: false,
        }
    }

    /// Does `operation`, or says why not; then nothing was changed.
    ///
    /// GET, SUBSCRIBE and QUERY put their answer into the session's outbox.
    ///
    /// # Errors
    ///
    /// The refusal, to be told to the caller with [`Self::refuse`].
    pub fn submit(&mut self, operation: &Operation<'_>) -> Result<Receipt, Refusal> {
        if self.session.is_over() {
            return Err(Refusal::Over);
        }
        if let Operation::Bundle(bundle) = operation {
            return self.bundle(bundle);
        }
        self.charge(1)?;
        self.admit(operation)?;
        let done = self.apply_one(operation);
        if !self.others.is_empty() {
            // What the write looked at is free again.
            self.release();
        }
        done
    }

    fn apply_one(&mut self, operation: &Operation<'_>) -> Result<Receipt, Refusal> {
        match operation {
            Operation::Set(set) => self.set(set, operation),
            Operation::Publish(publish) => self.publish(publish, operation),
            Operation::Get(address) => self.get(address),
            Operation::Subscribe(subscribe) => self.subscribe(subscribe),
            Operation::Unsubscribe(id) => self.unsubscribe(*id),
            Operation::Announce(announce) => self.announce(announce),
            Operation::Query(query) => self.query(*query),
            Operation::Bundle(_) => unreachable!("bundles were taken above"),
        }
    }

    /// Whose operations these are.
    #[must_use]
    pub const fn session(&self) -> &'r Arc<Session> {
        self.session
    }

    /// Counts `messages` against the rate of the session, also those that are no operation.
    ///
    /// # Errors
    ///
    /// Refuses what is above the rate. // protocol/router.md 15.1, protocol/limits.md 4.4
    pub fn charge(&mut self, messages: usize) -> Result<(), Refusal> {
        if self.router.config.messages_per_second == 0 {
            return Ok(());
        }
        let mut rate = self.session.rate.lock();
        let told = match rate.take(messages, self.now.tick) {
            Allowance::Granted => return Ok(()),
            Allowance::Refused => true,
            Allowance::RefusedQuietly => false,
        };
        self.work.delivery.tally.over_rate += messages as u64;
        Err(Refusal::RateExceeded {
            per_second: rate.per_second(),
            told,
        })
    }

    /// True if a session is pressed: what is not done yet should wait until it has room.
    /// // protocol/router.md 16.2
    #[must_use]
    pub const fn is_pressed(&self) -> bool {
        self.work.delivery.is_pressed()
    }

    /// Hands everything out and wakes the writers, except `own`, which is running. Returns the
    /// sessions that are pressed: the caller should read no more until they have room.
    pub fn finish(mut self, own: Option<&Waker>) -> Vec<Arc<Session>> {
        self.release();
        self.flush_answers();
        self.is_finished = true;
        self.work.delivery.wake(own);
        self.work.delivery.take_pressed()
    }

    pub(crate) fn admit(&self, operation: &Operation<'_>) -> Result<(), Refusal> {
        rights::check(&self.session.principal, operation)?;
        let caller = self.caller();
        self.router
            .gates
            .iter()
            .try_for_each(|gate| gate.admit(&caller, operation))
    }

    /// The slot of `address`, with its shard locked; a param that has expired is gone from it.
    pub(crate) fn slot(&mut self, address: &str) -> Result<SlotNumber, Refusal> {
        let hash = self.router.hash(address);
        self.enter(hash);
        let (router, now) = (self.router, self.now.tick);
        let (_, shard) = self.shard();
        let Some(number) = shard.find(hash, address) else {
            // What is in the table was checked when it came in. protocol/router.md 3.4
            Address::check(address)?;
            return Ok(shard.insert(hash, address));
        };
        if shard.lapse(number, now) {
            router.params_gone(1);
        }
        Ok(number)
    }

    /// Locks the shard of an address, unless it is the one that is locked.
    pub(crate) fn enter(&mut self, hash: u64) {
        let number = self.router.shard_of(hash);
        match &self.held {
            Some(held) if held.number == number => return,
            // A SET goes out before its shard is unlocked; other messages may wait for more.
            Some(held) if held.is_ordered && self.others.is_empty() => {
                self.work.delivery.flush(self.now.tick);
            }
            _ => {}
        }
        if let Some(at) = self.others.iter().position(|other| other.number == number) {
            let other = self.others.swap_remove(at);
            self.others.extend(self.held.replace(other));
            return;
        }
        self.held = None;
        let shard = self.router.shards[number].lock();
        self.held = Some(Held {
            number,
            shard,
            is_ordered: false,
        });
    }

    /// Locks the shards of several addresses, in ascending order, until the next release.
    pub(crate) fn enter_all(&mut self, addresses: impl Iterator<Item = u64>) {
        let mut numbers: Vec<_> = addresses.map(|hash| self.router.shard_of(hash)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        self.enter_shards(numbers);
    }

    /// Locks these shards, which ascend and are each named once, until the next release.
    fn enter_shards(&mut self, numbers: Vec<usize>) {
        self.release();
        for number in numbers {
            let shard = self.router.shards[number].lock();
            let held = Held {
                number,
                shard,
                is_ordered: false,
            };
            self.others.extend(self.held.replace(held));
        }
    }

    /// Notes that a SET of the locked shard waits in the run.
    fn keep_order(&mut self) {
        if let Some(held) = &mut self.held {
            held.is_ordered = true;
        }
    }

    /// Unlocks the shard; what SETs of it gathered goes out first, so that every subscriber sees
    /// an address in the order of its revisions.
    pub(crate) fn release(&mut self) {
        self.work.delivery.flush(self.now.tick);
        self.held = None;
        self.others.clear();
    }

    pub(crate) fn shard(&mut self) -> (usize, &mut Shard) {
        let held = self
            .held
            .as_mut()
            .expect("a slot number implies that its shard is locked");
        (held.number, &mut held.shard)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            // A panic: what was gathered is in doubt, but who was promised a wake-up gets it.
            self.work.delivery.wake(None);
            *self.work = Work::default();
        }
    }
}

#[cfg(test)]
mod tests;
