//! Reads: GET, SUBSCRIBE with its snapshot, ANNOUNCE and QUERY.

use clasp_proto::{Action, Address, Announce, Code, Pattern, SignalDefinition, Subscribe, binary};

use super::Batch;
use crate::announce;
use crate::filter::Limits;
use crate::gate::Sight;
use crate::index::Wanted;
use crate::limits::SUBSCRIPTIONS_MAX;
use crate::operation::{Query, Receipt};
use crate::refusal::Refusal;
use crate::rights;
use crate::shard::SlotNumber;
use crate::snapshot::{self, Cursor};

impl Batch<'_> {
    pub(super) fn get(&mut self, address: &str) -> Result<Receipt, Refusal> {
        let hash = self.router.hash(address);
        Address::check(address)?;
        self.enter(hash);
        // What was written before goes out before: the answer must not be older than it looks.
        // protocol/router.md 5.11
        self.work.delivery.flush(self.now.tick);
        self.flush_answers();
        let (session, now) = (self.session, self.now);
        let number = self.find_shown(hash, address).ok_or(Refusal::NotFound)?;
        let router = self.router;
        let (_, shard) = self.shard();
        let slot = shard.slot_mut(number);
        let veil = slot.current_veil(router);
        let param = slot
            .param
            .as_mut()
            .filter(|param| !param.is_expired(now.tick));
        let param = param.ok_or(Refusal::NotFound)?;
        let lives_longer = param.was_read(now.tick);
        let mut answer = snapshot::Writer::default();
        answer.entry_shown(router, veil, (address, param));
        if lives_longer {
            shard.note_change();
        }
        let run = answer.finish();
        self.work.delivery.push(session, &run, now.tick);
        Ok(Receipt::default())
    }

    /// The slot of an address, if there is one and the session is shown what is in it. The other
    /// answer is that for an address that does not exist. // protocol/router.md 17.7
    fn find_shown(&mut self, hash: u64, address: &str) -> Option<SlotNumber> {
        let session = self.session;
        let (_, shard) = self.shard();
        shard.find(hash, address)?;
        let number = self.slot_to_show(address).ok()?;
        let veil = self.veil(number);
        self.is_shown(number, veil, session).then_some(number)
    }

    // protocol/router.md 5.1, 5.2
    pub(super) fn subscribe(&mut self, subscribe: &Subscribe) -> Result<Receipt, Refusal> {
        let pattern = Pattern::parse(&subscribe.pattern)?;
        rights::check_pattern(&self.session.principal, &pattern, "subscription")?;
        self.release();
        self.flush_answers();
        let mut held = self.session.held.lock();
        // What the replaced subscription still waited for, the new one begins anew.
        held.cursors.retain(|cursor| !cursor.is_of(subscribe.id));
        let count = held.subscriptions.len();
        if count >= SUBSCRIPTIONS_MAX && !held.subscriptions.contains_key(&subscribe.id) {
            // protocol/router.md 5.5
            return Err(Refusal::SubscriptionsFull {
                max: SUBSCRIPTIONS_MAX,
            });
        }
        let wanted = Wanted {
            pattern: &pattern,
            mask: subscribe.types,
            limits: Limits::of(&subscribe.options),
        };
        let index = &self.router.index;
        if let Some(old) = held.subscriptions.remove(&subscribe.id) {
            index.remove(core::iter::once(&old));
        }
        let subscription = index.insert(self.session, wanted);
        held.subscriptions.insert(subscribe.id, subscription);
        held.cursors.retain(|cursor| !cursor.is_of(subscribe.id));
        drop(held);
        self.begin_snapshot(Cursor::of_subscription(subscribe.id, pattern));
        Ok(Receipt::default())
    }

    /// Begins the snapshot of everything, which follows WELCOME. // protocol/router.md 2.8
    pub fn greet(&mut self) {
        self.release();
        self.flush_answers();
        self.begin_snapshot(Cursor::of_everything());
    }

    /// The pattern of a REPLAY, if the session may read all that it matches.
    ///
    /// # Errors
    ///
    /// The text is no pattern, or the scopes do not allow it. // protocol/router.md 17.5
    pub fn may_replay(&self, pattern: &str) -> Result<Pattern, Refusal> {
        let pattern = Pattern::parse(pattern)?;
        rights::check_pattern(&self.session.principal, &pattern, "replay")?;
        Ok(pattern)
    }

    fn begin_snapshot(&mut self, cursor: Cursor) {
        self.router
            .begin_snapshot(self.session, cursor, self.now, &mut self.work.delivery);
    }

    // protocol/router.md 5.6
    pub(super) fn unsubscribe(&mut self, id: u32) -> Result<Receipt, Refusal> {
        self.release();
        let mut held = self.session.held.lock();
        held.cursors.retain(|cursor| !cursor.is_of(id));
        if let Some(gone) = held.subscriptions.remove(&id) {
            self.router.index.remove(core::iter::once(&gone));
        }
        Ok(Receipt::default())
    }

    pub(super) fn announce(&mut self, announce: &Announce) -> Result<Receipt, Refusal> {
        self.router
            .signals
            .announce(&announce.signals, self.now.tick)?;
        Ok(Receipt {
            is_applied: true,
            ..Receipt::default()
        })
    }

    /// Leaves out the signals that the session may not read, or is not shown.
    /// // protocol/router.md 17.4, 17.7
    fn keep_shown(&mut self, found: &mut Vec<SignalDefinition>) {
        let (router, session) = (self.router, self.session);
        found.retain(|signal| session.principal.may(Action::Read, &signal.address));
        let sights = found
            .iter()
            .map(|signal| router.veil(&signal.address).sight);
        let mut sights: Vec<_> = sights.collect();
        if sights.contains(&Sight::ByState) {
            self.enter_everything();
        }
        self.viewing(|view| {
            let mut sights = sights.drain(..);
            found.retain(|signal| {
                let sight = sights.next().unwrap_or_default();
                sight == Sight::Open || router.shows(session, &signal.address, view)
            });
        });
        self.release();
    }

    /// Answers with as many RESULTs as the signals take. // protocol/router.md 10.2, 10.3
    pub(super) fn query(&mut self, query: Query<'_>) -> Result<Receipt, Refusal> {
        let pattern = Pattern::parse(query.pattern)?;
        let mut found = self.router.signals.query(&pattern, self.now.tick);
        self.keep_shown(&mut found);
        let bytes: usize = found.iter().map(announce::size).sum();
        if bytes > self.router.config.outbox_bytes_max / 4 {
            return Err(Refusal::ResultTooLarge);
        }
        let payloads = binary::split_result(&found)
            .expect("a signal that was announced in a frame fits into a frame");
        if let ([first, _, ..], true) = (&payloads[..], query.in_one_result) {
            self.answer(first);
            let text = "RESULT does not hold all signals: ask with narrower patterns";
            self.error(Code::Overloaded, text, Some(query.pattern));
            return Ok(Receipt::default());
        }
        for payload in payloads {
            self.answer(&payload);
        }
        Ok(Receipt::default())
    }
}
