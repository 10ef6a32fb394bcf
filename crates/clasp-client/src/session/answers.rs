//! What the router says, and what comes of it.

use clasp_proto::{
    Ack, Code, ErrorMessage, Message, Param, Publish, Set, Signal, Snapshot, Sync, Value, Welcome,
};

use super::pending::{Kind, Waiting};
use super::{Answer, Event, Session, State};
use crate::cache::Cache;
use crate::clock::Exchange;
use crate::error::Refusal;
use crate::limits::SUBSCRIBE_TRIES_MAX;
use crate::update::Update;

/// What the router says.
impl Session {
    pub(super) fn message(&mut self, message: Message, now: u64, cache: &mut Cache) {
        match (self.state, message) {
            (State::Greeting, Message::Welcome(welcome)) => self.welcome(welcome, now),
            (State::Greeting, Message::Error(error)) => {
                let refusal = Refusal::from(error);
                self.events.push_back(Event::Rejected(refusal));
            }
            (State::Ready, message) => self.answer(message, now, cache),
            // Nothing before WELCOME belongs to this session. protocol/router.md 2
            (State::Greeting | State::Offline, _) => {}
        }
    }

    fn answer(&mut self, message: Message, now: u64, cache: &mut Cache) {
        match message {
            Message::Ack(ack) => self.acknowledged(&ack),
            Message::Error(error) => self.refused(error, now),
            Message::Snapshot(snapshot) => self.snapshot(snapshot, cache),
            Message::Result(result) => self.pending.gather(result.signals),
            Message::Sync(sync) => self.settled(&sync, now),
            Message::Ping => self
                .send(&Message::Pong)
                .expect("a PONG always fits a frame"),
            Message::Set(set) => self.changed(set, cache),
            Message::Publish(publish) => self.published(publish),
            Message::Bundle(bundle) => {
                for member in bundle.messages {
                    self.answer(member, now, cache);
                }
            }
            // A client has no use for the rest: requests, and a second WELCOME.
            _ => {}
        }
    }

    fn welcome(&mut self, welcome: Welcome, now: u64) {
        self.state = State::Ready;
        self.clock.welcome(welcome.time, now);
        self.events.push_back(Event::Welcomed(welcome));
        self.pending.push(None, Kind::Greeting);
        for subscribed in self.subscriptions.values_mut() {
            subscribed.refusals = 0;
        }
        let ids: Vec<u32> = self.subscriptions.keys().copied().collect();
        self.subscribe_again(&ids);
    }

    fn acknowledged(&mut self, ack: &Ack) {
        let waiting = self.pending.acknowledged(ack.address.as_deref());
        let revision = ack.revision;
        self.finish(waiting, Ok(Answer::Accepted { revision }));
    }

    fn refused(&mut self, error: ErrorMessage, now: u64) {
        let code = Code::from_number(error.code);
        let waiting = self.pending.refused(code, error.address.as_deref());
        let refusal = Refusal::from(error);
        let is_dropped = code == Some(Code::RateLimited);
        if is_dropped {
            // A barrier may be among what was dropped.
            self.again.schedule(now);
        }
        match waiting {
            None => self.events.push_back(Event::Unclaimed(refusal)),
            Some(waiting) if is_dropped && self.is_tried_again(&waiting, now) => {
                self.events.push_back(Event::Unclaimed(refusal));
            }
            Some(Waiting { ticket, kind, .. }) => {
                if let Kind::Subscribe { id, .. } = kind {
                    self.subscriptions.remove(&id);
                    if ticket.is_none() {
                        let refusal = refusal.clone();
                        self.events
                            .push_back(Event::SubscriptionRefused { id, refusal });
                    }
                }
                let outcome = Err(refusal);
                self.events
                    .extend(ticket.map(|ticket| Event::Answered { ticket, outcome }));
            }
        }
    }

    /// True for a subscription of the session's own that was refused with 429 and is worth another try.
    fn is_tried_again(&mut self, waiting: &Waiting, now: u64) -> bool {
        let Kind::Subscribe { id, .. } = waiting.kind else {
            return false;
        };
        let Some(subscribed) = self.subscriptions.get_mut(&id) else {
            return false;
        };
        subscribed.refusals += 1;
        let is_worth = waiting.ticket.is_none() && subscribed.refusals < SUBSCRIBE_TRIES_MAX;
        if is_worth {
            self.again.refused(id, now);
        }
        is_worth
    }

    fn snapshot(&mut self, snapshot: Snapshot, cache: &mut Cache) {
        let mut params = snapshot.params;
        // The answer to GET has exactly one param. A longer snapshot may have been on its way before the GET was sent.
        if let [only] = params.as_slice() {
            let waiting = self.pending.fetched(&only.address);
            self.finish(waiting, Ok(Answer::Param(only.clone())));
        }
        for param in params.drain(..) {
            self.param(param, true, cache);
        }
    }

    fn settled(&mut self, sync: &Sync, now: u64) {
        if let (Some(router_received), Some(router_sent)) = (sync.t2, sync.t3) {
            self.clock.exchange(Exchange {
                sent: sync.t1,
                router_received,
                router_sent,
                received: now,
            });
        }
        let reading = self.clock.reading();
        self.events.push_back(Event::ClockRead(reading));
        let mut dropped = Vec::new();
        for waiting in self.pending.settle(sync.t1) {
            let may_be_dropped = self.pending.may_be_dropped(&waiting);
            if may_be_dropped
                && waiting.ticket.is_none()
                && let Kind::Subscribe { id, .. } = waiting.kind
            {
                dropped.push(id);
            }
            let outcome = match waiting.kind {
                Kind::Barrier { .. } => Ok(Answer::Clock(reading)),
                _ if may_be_dropped => Err(perhaps_dropped()),
                Kind::Query { signals, .. } => Ok(Answer::Signals(signals)),
                _ => Ok(Answer::Accepted { revision: None }),
            };
            self.events.extend(
                waiting
                    .ticket
                    .map(|ticket| Event::Answered { ticket, outcome }),
            );
        }
        self.again.subscribe(&dropped, now);
    }

    fn finish(&mut self, waiting: Option<Waiting>, outcome: Result<Answer, Refusal>) {
        let ticket = waiting.and_then(|waiting| waiting.ticket);
        self.events
            .extend(ticket.map(|ticket| Event::Answered { ticket, outcome }));
    }

    fn changed(&mut self, set: Set, cache: &mut Cache) {
        let param = Param {
            address: set.address,
            value: set.value,
            // A router always tells the revision; one that does not leaves 0, which no param has.
            revision: set.revision.unwrap_or(0),
            writer: None,
            timestamp: None,
        };
        self.param(param, false, cache);
    }

    fn param(&mut self, param: Param, from_snapshot: bool, cache: &mut Cache) {
        let matching = self.matching(&param.address, Signal::Param);
        let subscriptions = cache.store(&param, matching);
        let update = Update {
            address: param.address,
            value: param.value,
            signal: Signal::Param,
            revision: Some(param.revision),
            writer: param.writer,
            timestamp: param.timestamp,
            phase: None,
            gesture: None,
            from_snapshot,
        };
        self.update(subscriptions, update);
    }

    fn published(&mut self, publish: Publish) {
        let signal = publish.signal.unwrap_or(Signal::Event);
        let samples = publish.samples.map(|samples| {
            let floats = samples.into_iter().map(Value::Float);
            Value::Array(floats.collect())
        });
        let value = publish.value.or(publish.payload).or(samples);
        let is_gesture = signal == Signal::Gesture;
        let update = Update {
            value: value.unwrap_or(Value::Null),
            signal,
            revision: None,
            writer: None,
            timestamp: publish.timestamp,
            phase: publish.phase.filter(|_| is_gesture),
            gesture: publish.id,
            from_snapshot: false,
            address: publish.address,
        };
        self.update(self.matching(&update.address, signal), update);
    }

    fn update(&mut self, subscriptions: Vec<u32>, update: Update) {
        if !subscriptions.is_empty() {
            self.events.push_back(Event::Updated {
                subscriptions,
                update,
            });
        }
    }

    /// A router sends one copy for all subscriptions of a session, so who gets it is found here. protocol/router.md 5
    fn matching(&self, address: &str, signal: Signal) -> Vec<u32> {
        let wanted = self.subscriptions.iter().filter(|(_, subscribed)| {
            subscribed.message.types.allows(signal) && subscribed.pattern.matches(address)
        });
        wanted.map(|(id, _)| *id).collect()
    }
}

/// What a request comes to that has no answer of its own while the router drops some: silence is no consent then.
fn perhaps_dropped() -> Refusal {
    Refusal {
        code: Code::RateLimited.number(),
        message: "it drops messages of this session, this one perhaps too: send fewer a second"
            .to_owned(),
        address: None,
    }
}
