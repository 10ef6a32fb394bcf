//! Delivery of a write: by the cached route of its slot, through the limits of subscribers.

use std::sync::Arc;

use super::Batch;
use crate::alarm::Alarm;
use crate::delivery::Outgoing;
use crate::filter::Judgement;
use crate::gate::{Sight, Veil};
use crate::route::{Route, Target};
use crate::session::Session;
use crate::shard::SlotNumber;
use crate::tap::Written;

impl Batch<'_> {
    /// Hands a message to everybody whom the route of its slot names. `as_number` is asked for
    /// the value as a number if somebody's epsilon needs it.
    pub(crate) fn deliver(
        &mut self,
        slot: SlotNumber,
        message: &Outgoing<'_>,
        as_number: impl Fn() -> Option<f64>,
    ) {
        let route = self.route(slot);
        if route.is_empty() {
            return self.work.delivery.tally.fanned_out(0, 1);
        }
        let veil = self.veil(slot);
        let payload = self.shown(veil, message.payload);
        let message = &Outgoing {
            payload: &payload,
            ..*message
        };
        if !route.has_limits && veil.sight == Sight::Open {
            self.work.delivery.gather(&route, message, self.now.tick);
            return;
        }
        self.work.delivery.flush(self.now.tick);
        let number = as_number();
        let mut receivers = 0;
        for target in &route.targets {
            if message.goes_to(target.session.key)
                && self.is_told(slot, veil, &target.session)
                && self.passes(slot, target, message, number)
            {
                self.work
                    .delivery
                    .send(&target.session, message, self.now.tick);
                receivers += 1;
            }
        }
        self.work.delivery.tally.fanned_out(receivers, 1);
    }

    /// Hands a subscriber what waited for its limits, if it is still to be sent.
    pub(crate) fn send_due(&mut self, address: &str) {
        let hash = self.router.hash(address);
        self.enter(hash);
        let (_, shard) = self.shard();
        if shard.find(hash, address).is_none() {
            return;
        }
        let number = self.slot_to_show(address);
        let number = number.expect("what is in the table is an address");
        let (router, session, now) = (self.router, self.session, self.now.tick);
        let (_, shard) = self.shard();
        let slot = shard.slot_mut(number);
        // Taken before the route is read anew: that forgets what waits for limits that are gone.
        let due = slot.filters_of(session.key);
        let due = due.filter_map(|state| Some((state.signal, state.take_due(now)?)));
        let due: Vec<_> = due.collect();
        let route = slot.current_route(&router.index);
        let mut targets = route.targets.iter();
        let Some(target) = targets.find(|target| target.is(session.key)) else {
            return;
        };
        let veil = self.veil(number);
        if !self.is_told(number, veil, session) {
            return;
        }
        for (signal, payload) in due.into_iter().filter(|(signal, _)| target.wants(*signal)) {
            let message = Outgoing {
                payload: &payload,
                qos: signal.qos(),
                signal: Some(signal),
                except: None,
            };
            self.work.delivery.send(session, &message, now);
            self.work.delivery.tally.deliveries += 1;
        }
    }

    /// Whether `session` is shown what happens at a slot. If not, what waits for it and what it was
    /// last sent are forgotten: the next that it is shown is the newest.
    /// // protocol/router.md 5.9, 17.7
    pub(crate) fn is_told(&mut self, slot: SlotNumber, veil: Veil, session: &Session) -> bool {
        let is_shown = self.is_shown(slot, veil, session);
        if !is_shown {
            let (_, shard) = self.shard();
            shard.slot_mut(slot).forget_filters_of(session.key);
        }
        is_shown
    }

    /// The cached route of a slot, read anew if subscriptions changed since.
    pub(crate) fn route(&mut self, slot: SlotNumber) -> Arc<Route> {
        let router = self.router;
        let (_, shard) = self.shard();
        shard.slot_mut(slot).current_route(&router.index)
    }

    /// Whether `target` takes a message now, by the masks and limits of its subscriptions: it is
    /// left out only if each of them leaves it out. // protocol/router.md 5.9
    pub(crate) fn passes(
        &mut self,
        slot: SlotNumber,
        target: &Target,
        message: &Outgoing<'_>,
        number: Option<f64>,
    ) -> bool {
        let (router, now) = (self.router, self.now.tick);
        let Some(signal) = message.limitable() else {
            return match message.signal {
                None => true,
                Some(signal) => target.wants(signal),
            };
        };
        let session = target.session.key;
        let (_, shard) = self.shard();
        let slot = shard.slot_mut(slot);
        if target.takes(message.signal) {
            // What waits for a subscription with limits is older than this.
            slot.filters_of(session)
                .filter(|state| state.signal == signal)
                .for_each(|state| state.sent(number, now));
            return true;
        }
        if !target.wants(signal) {
            return false;
        }
        let address = Arc::clone(&slot.address);
        let state = slot.filter_of(session, signal);
        let takers = target.limited.iter();
        let takers = takers.filter(|limited| limited.mask.allows(signal));
        let judged = takers.map(|limited| state.judge(limited.limits, number, now));
        let Some(judged) = judged.reduce(Judgement::best) else {
            return false;
        };
        match judged {
            Judgement::Send => state.sent(number, now),
            Judgement::Drop => state.forget_pending(),
            Judgement::Later(due) => {
                if state.keep(message.payload, number, due) {
                    router.alarms.set(due, Alarm::Filter { address, session });
                }
            }
        }
        judged == Judgement::Send
    }

    /// Tells the taps of a write; returns its number, 0 if it has none.
    pub(crate) fn commit(&self, write: Written<'_>, is_recorded: bool) -> u64 {
        if self.router.taps.is_empty() {
            return 0;
        }
        if !is_recorded {
            self.router.mention(self.session, self.now, write);
            return 0;
        }
        self.router.commit(self.session, self.now, &[write])
    }
}
