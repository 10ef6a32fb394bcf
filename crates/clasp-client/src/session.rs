//! The client's side of a CLASP session as a pure machine: handshake, pending answers, resubscription.
//! It knows no socket and no clock: frames and times go in, frames and events come out.

mod answers;
mod pending;

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
}

impl Session {
    pub(crate) fn new(greeting: Hello) -> Self {
        Self {
            greeting,
            state: State::Offline,
            pending: Pending::default(),
            subscriptions: BTreeMap::new(),
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

    /// Puts a request on the wire. Its answer names the ticket; without a ticket nobody asks how it went.
    /// `now` is in microseconds.
    pub(crate) fn request(
        &mut self,
        request: Request,
        ticket: Option<Ticket>,
        now: u64,
    ) -> Result<(), Unsendable> {
        self.pending.tick(now);
        match request {
            Request::Set(set) => self.set(set, ticket),
            Request::Publish(publish) => self.publish(publish, ticket),
            Request::Bundle(bundle) => self.bundle(bundle, ticket, now),
            Request::Announce(announce) => self.announce(announce, ticket),
            Request::Get(address) => {
                let message = Message::Get(Get {
                    address: address.clone(),
                });
                self.send(&message)?;
                self.pending.push(ticket, Kind::Get { address });
                Ok(())
            }
            Request::Query(pattern) => {
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

    /// The frames to be sent, among them the barrier that what was requested needs. `now` is in microseconds.
    pub(crate) fn take_outgoing(&mut self, now: u64) -> Vec<Bytes> {
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
        if ticket.is_some() {
            self.pending.push(ticket, Kind::Set { address });
        }
        Ok(())
    }

    fn publish(&mut self, publish: Publish, ticket: Option<Ticket>) -> Result<(), Unsendable> {
        let address = publish.address.clone();
        self.send(&Message::Publish(publish))?;
        if ticket.is_some() {
            self.settled_by_barrier(ticket, Kind::Publish { address });
        }
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
        self.subscriptions
            .insert(id, Subscribed { message, pattern });
        Ok(())
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
    }

    fn send(&mut self, message: &Message) -> Result<(), Unsendable> {
        self.outgoing.push(wire::write(message, message.qos())?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
