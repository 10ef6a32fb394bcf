//! The client's side of a CLASP session as a pure machine: handshake, pending answers, resubscription.
//! It knows no socket and no clock: frames and times go in, frames and events come out.

mod again;
mod answers;
mod pending;
mod unconfirmed;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use clasp_proto::{
    Announce, Bundle, Get, Hello, Message, Param, Pattern, Publish, Qos, Query, Set,
    SignalDefinition, Subscribe, Sync, Unsubscribe, Welcome,
};

use crate::cache::Cache;
use crate::clock::{Clock, ClockReading};
use crate::error::Refusal;
use crate::limits::PENDING_MAX;
use crate::update::Update;
use crate::wire::{self, Unreadable, Unsendable};

use again::Again;
pub(crate) use pending::Ticket;
use pending::{Kind, Pending};

/// What a user of the client wants to happen.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Set(Set),
    Publish(Publish),
    Bundle(Bundle),
    Announce(Announce),
    Get(String),
    Query(String),
    Subscribe(Subscribe, Pattern),
    Unsubscribe(u32),
    /// Asks for a sign that everything before it has been handled.
    Sync,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// Accepted; params have a revision.
    Accepted {
        revision: Option<u64>,
    },
    Param(Param),
    Signals(Vec<SignalDefinition>),
    Clock(ClockReading),
}

/// What came of a received frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// The handshake is complete.
    Welcomed(Welcome),
    /// The router does not want this client.
    Rejected(Refusal),
    Answered {
        ticket: Ticket,
        outcome: Result<Answer, Refusal>,
    },
    /// The session ended before an answer came.
    Lost(Ticket),
    Updated {
        subscriptions: Vec<u32>,
        update: Update,
    },
    /// A subscription that was accepted once was refused after a reconnect.
    SubscriptionRefused { id: u32, refusal: Refusal },
    /// An error that no request is to blame for.
    Unclaimed(Refusal),
    /// The router's clock was read.
    ClockRead(ClockReading),
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Session {
    greeting: Hello,
    state: State,
    pending: Pending,
    subscriptions: BTreeMap<u32, Subscribed>,
    again: Again,
    clock: Clock,
    outgoing: Vec<Bytes>,
    events: VecDeque<Event>,
    /// Something was sent whose acceptance only a barrier can tell.
    barrier_due: bool,
    last_barrier: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Offline,
    Greeting,
    Ready,
}

#[derive(Debug)]
struct Subscribed {
    message: Subscribe,
    pattern: Pattern,
    /// Errors 429 since it was last taken up.
    refusals: u32,
}

impl Session {
    pub(crate) fn new(greeting: Hello) -> Self {
        Self {
            greeting,
            state: State::Offline,
            pending: Pending::default(),
            subscriptions: BTreeMap::new(),
            again: Again::default(),
            clock: Clock::default(),
            outgoing: Vec::new(),
            events: VecDeque::new(),
            barrier_due: false,
            last_barrier: 0,
        }
    }

    /// A link stands: greets.
    pub(crate) fn connected(&mut self) -> Result<(), Unsendable> {
        self.state = State::Greeting;
        self.send(&Message::Hello(self.greeting.clone()))
    }

    /// The link is gone: what waited is lost, subscriptions stay for the next session.
    pub(crate) fn disconnected(&mut self) {
        self.state = State::Offline;
        self.outgoing.clear();
        self.barrier_due = false;
        self.again = Again::default();
        self.events.extend(self.pending.clear().map(Event::Lost));
    }

    /// True while another request may be put on the wire.
    pub(crate) fn has_room(&self) -> bool {
        self.pending.len() < PENDING_MAX
    }

    /// The clock of the router as known so far.
    pub(crate) fn clock(&self) -> ClockReading {
        self.clock.reading()
    }

    /// When [`Self::take_outgoing`] has something to send again, by the local clock in microseconds.
    pub(crate) fn again_due(&self) -> Option<u64> {
        self.again.due()
    }

    /// Puts a request on the wire. Its answer names the ticket; without a ticket nobody asks how it went.
    /// `now` is in microseconds.
    pub(crate) fn request(
        &mut self,
        request: Request,
        ticket: Option<Ticket>,
        now: u64,
    ) -> Result<(), Unsendable> {
        self.pending.tick(now);
        if ticket.is_some() && self.may_be_mistaken(&request) {
            self.barrier(now);
        }
        match request {
            Request::Set(set) => self.set(set, ticket),
            Request::Publish(publish) => self.publish(publish, ticket),
            Request::Bundle(bundle) => self.bundle(bundle, ticket, now),
            Request::Announce(announce) => self.announce(announce, ticket),
            Request::Get(address) => self.get(address, ticket, now),
            Request::Query(pattern) => self.query(pattern, ticket, now),
            Request::Subscribe(message, pattern) => self.subscribe(message, pattern, ticket),
            Request::Unsubscribe(id) => self.unsubscribe(id),
            Request::Sync => {
                self.barrier_due = true;
                self.pending.push(ticket, Kind::Barrier { sent: None });
                Ok(())
            }
        }
    }

    /// The caller of a request no longer waits for its answer.
    pub(crate) fn abandon(&mut self, ticket: Ticket) {
        if self.pending.abandon(ticket) {
            self.barrier_due = true;
        }
    }

    /// The frames to be sent, among them the barrier that what was requested needs, and what has to be sent again.
    /// `now` is in microseconds.
    pub(crate) fn take_outgoing(&mut self, now: u64) -> Vec<Bytes> {
        self.pending.tick(now);
        if self.again.is_due(now) {
            self.try_again(now);
        }
        if self.barrier_due && self.state == State::Ready {
            self.barrier(now);
        }
        std::mem::take(&mut self.outgoing)
    }

    /// Takes in one frame. What came of it is read with [`Self::next_event`].
    pub(crate) fn receive(
        &mut self,
        frame: &[u8],
        now: u64,
        cache: &mut Cache,
    ) -> Result<(), Unreadable> {
        self.pending.tick(now);
        let message = wire::read(frame)?;
        self.message(message, now, cache);
        Ok(())
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

/// Requests with more to them than a frame and an entry.
impl Session {
    fn set(&mut self, set: Set, ticket: Option<Ticket>) -> Result<(), Unsendable> {
        // Confirm asks for an ACK, Fire for none. protocol/router.md 6
        let qos = if ticket.is_some() {
            Qos::Confirm
        } else {
            Qos::Fire
        };
        let address = set.address.clone();
        let message = Message::Set(set);
        self.outgoing.push(wire::write(&message, qos)?);
        match ticket {
            Some(_) => self.pending.push(ticket, Kind::Set { address }),
            None => self.pending.push_unconfirmed(Kind::Set { address }),
        }
        Ok(())
    }

    fn publish(&mut self, publish: Publish, ticket: Option<Ticket>) -> Result<(), Unsendable> {
        let address = publish.address.clone();
        self.send(&Message::Publish(publish))?;
        match ticket {
            Some(_) => self.settled_by_barrier(ticket, Kind::Publish { address }),
            None => self.pending.push_unconfirmed(Kind::Publish { address }),
        }
        Ok(())
    }

    /// The answer looks like the snapshots of the greeting and of subscriptions: the barrier keeps them apart.
    /// protocol/router.md 2.8, 5.2, 7.1
    fn get(&mut self, address: String, ticket: Option<Ticket>, now: u64) -> Result<(), Unsendable> {
        let subscriptions = &self.subscriptions;
        let is_behind = self.pending.awaits_snapshot(|id| {
            let subscribed = subscriptions.get(&id);
            // One that has ended meanwhile may still be answered.
            subscribed.is_none_or(|subscribed| subscribed.pattern.matches(&address))
        });
        if is_behind && self.pending.has_open_snapshot() {
            self.barrier(now);
        }
        let message = Message::Get(Get {
            address: address.clone(),
        });
        self.send(&message)?;
        // While barriers may be dropped there is no waiting for them.
        let behind = (is_behind && !self.pending.is_dropping()).then_some(self.last_barrier);
        self.pending.push(ticket, Kind::Get { address, behind });
        Ok(())
    }

    fn query(
        &mut self,
        pattern: String,
        ticket: Option<Ticket>,
        now: u64,
    ) -> Result<(), Unsendable> {
        if self.pending.has_open_query() {
            self.barrier(now);
        }
        let message = Message::Query(Query {
            pattern: pattern.clone(),
        });
        self.send(&message)?;
        let signals = Vec::new();
        self.settled_by_barrier(ticket, Kind::Query { pattern, signals });
        Ok(())
    }

    fn bundle(
        &mut self,
        bundle: Bundle,
        ticket: Option<Ticket>,
        now: u64,
    ) -> Result<(), Unsendable> {
        let members = bundle.messages.iter().filter_map(wire::address_of);
        let addresses = members.map(str::to_owned).collect();
        let at = bundle.timestamp.map_or(now, |at| self.clock.local(at));
        self.send(&Message::Bundle(bundle))?;
        let due = at.max(now);
        self.pending.push(ticket, Kind::Bundle { addresses, due });
        Ok(())
    }

    fn announce(&mut self, announce: Announce, ticket: Option<Ticket>) -> Result<(), Unsendable> {
        let signals = announce.signals.iter();
        let kind = Kind::Announce {
            namespace: announce.namespace.clone(),
            addresses: signals.map(|signal| signal.address.clone()).collect(),
        };
        self.send(&Message::Announce(announce))?;
        self.pending.push(ticket, kind);
        Ok(())
    }

    fn subscribe(
        &mut self,
        message: Subscribe,
        pattern: Pattern,
        ticket: Option<Ticket>,
    ) -> Result<(), Unsendable> {
        self.send(&Message::Subscribe(message.clone()))?;
        self.await_subscription(&message, ticket);
        let id = message.id;
        let subscribed = Subscribed {
            message,
            pattern,
            refusals: 0,
        };
        self.subscriptions.insert(id, subscribed);
        Ok(())
    }

    /// Sends subscriptions that exist already: to the router of a new session, or to one that drops frames.
    fn subscribe_again(&mut self, ids: &[u32]) {
        for id in ids {
            let Some(subscribed) = self.subscriptions.get(id) else {
                continue;
            };
            let message = subscribed.message.clone();
            self.send(&Message::Subscribe(message.clone()))
                .expect("a SUBSCRIBE that was sent once fits a frame");
            self.await_subscription(&message, None);
        }
    }

    /// Sends what the router may have dropped. protocol/router.md 15
    fn try_again(&mut self, now: u64) {
        let ids = self.again.take(now);
        self.subscribe_again(&ids);
        self.barrier_due |= self.pending.awaits_barrier();
    }

    /// True if the refusal of something that nobody asks about could be taken for that of this request.
    fn may_be_mistaken(&self, request: &Request) -> bool {
        let is_open = |address: &str| self.pending.may_be_refused_unasked(address);
        match request {
            Request::Set(set) => is_open(&set.address),
            Request::Publish(publish) => is_open(&publish.address),
            Request::Get(text) | Request::Query(text) => is_open(text),
            Request::Subscribe(subscribe, _) => is_open(&subscribe.pattern),
            Request::Bundle(bundle) => {
                let mut addresses = bundle.messages.iter().filter_map(wire::address_of);
                addresses.any(is_open)
            }
            Request::Announce(announce) => {
                let mut signals = announce.signals.iter();
                is_open(&announce.namespace) || signals.any(|signal| is_open(&signal.address))
            }
            Request::Unsubscribe(_) | Request::Sync => false,
        }
    }

    /// There is no answer to wait for. protocol/router.md 5.6
    fn unsubscribe(&mut self, id: u32) -> Result<(), Unsendable> {
        if self.subscriptions.remove(&id).is_none() || self.state != State::Ready {
            return Ok(());
        }
        self.send(&Message::Unsubscribe(Unsubscribe { id }))
    }

    fn await_subscription(&mut self, message: &Subscribe, ticket: Option<Ticket>) {
        let id = message.id;
        let pattern = message.pattern.clone();
        self.settled_by_barrier(ticket, Kind::Subscribe { id, pattern });
    }

    fn settled_by_barrier(&mut self, ticket: Option<Ticket>, kind: Kind) {
        self.pending.push(ticket, kind);
        self.barrier_due = true;
    }

    /// Sends one SYNC for all that waits for a barrier: the router answers it after everything before it,
    /// and its first time, which comes back, tells which one it was. protocol/router.md 12
    fn barrier(&mut self, now: u64) {
        let sent = now.max(self.last_barrier + 1);
        let sync = Sync {
            t1: sent,
            t2: None,
            t3: None,
        };
        self.send(&Message::Sync(sync))
            .expect("a SYNC always fits a frame");
        self.last_barrier = sent;
        self.barrier_due = false;
        self.pending.send_barrier(sent);
        if self.pending.is_dropping() {
            self.again.schedule(now);
        }
    }

    fn send(&mut self, message: &Message) -> Result<(), Unsendable> {
        self.outgoing.push(wire::write(message, message.qos())?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
