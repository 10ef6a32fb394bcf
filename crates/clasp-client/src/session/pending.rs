//! The requests on the wire that still await their answer, in the order they were sent.
//!
//! Answers carry no request id. A router handles one session's frames in order, so an answer belongs to the oldest request
//! that it can be an answer to: by address, by kind and, for errors, by code. protocol/wire.md 10

use std::collections::VecDeque;

use clasp_proto::{Code, SignalDefinition};

use super::unconfirmed::Unconfirmed;
use crate::limits::RESULT_SIGNALS_MAX;

/// Names one call of the client's user; the driver keeps what waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(pub(crate) u64);

/// What a request on the wire is, as far as its answer can tell.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Answered by ACK with the address, or ERROR.
    Set { address: String },
    /// Answered by ACK without an address, or ERROR, which may name a member's address; neither before its time has come.
    Bundle {
        addresses: Vec<String>,
        /// When the router carries it out, by the local clock in microseconds.
        due: u64,
    },
    /// Answered by ACK with the namespace as its address, or ERROR, which may name a signal's address.
    Announce {
        namespace: String,
        addresses: Vec<String>,
    },
    /// Answered by SNAPSHOT of that one address, or ERROR; neither before the answer to the barrier of this time.
    Get {
        address: String,
        behind: Option<u64>,
    },
    /// Not sent: stands for the SNAPSHOT that comes after WELCOME, which a barrier proves to be over.
    Greeting,
    /// Not answered when it is accepted: the next barrier settles it.
    Publish { address: String },
    /// Not answered when it is accepted: the next barrier settles it.
    Subscribe { id: u32, pattern: String },
    /// Answered by one or more RESULTs: the next barrier says that there are no more.
    Query {
        pattern: String,
        signals: Vec<SignalDefinition>,
    },
    /// A SYNC with this unique first time, or one that goes out with the next write.
    Barrier { sent: Option<u64> },
}

/// One request on the wire.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Who waits; nobody for requests that the session makes by itself.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) kind: Kind,
    /// Its place among all requests of the session.
    number: u64,
    /// When it was sent, in microseconds.
    sent: u64,
    /// The caller has given up. The entry stays until its answer or a barrier proves that none will come,
    /// or else the answer would be taken for that of the next request of the same address.
    abandoned: bool,
}

/// The queue of requests on the wire.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    queue: VecDeque<Waiting>,
    unconfirmed: Unconfirmed,
    /// The number of the latest request.
    last_number: u64,
    /// The number of the latest barrier that was sent.
    last_barrier_number: u64,
    /// The time of the latest request or answer.
    now: u64,
    /// When the router last said that it drops frames.
    dropping: Option<u64>,
}

impl Pending {
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Tells the time, in microseconds.
    pub(crate) fn tick(&mut self, now: u64) {
        self.now = now;
    }

    pub(crate) fn push(&mut self, ticket: Option<Ticket>, kind: Kind) {
        let number = self.number();
        self.queue.push_back(Waiting {
            ticket,
            kind,
            number,
            sent: self.now,
            abandoned: false,
        });
    }

    /// A set or publication that nobody asks about.
    pub(crate) fn push_unconfirmed(&mut self, kind: Kind) {
        let number = self.number();
        self.unconfirmed.push(kind, number);
    }

    /// True while an ERROR with this address may be about something that nobody asks about.
    pub(crate) fn may_be_refused_unasked(&self, address: &str) -> bool {
        self.unconfirmed.mentions(address, self.last_barrier_number)
    }

    /// True while a SNAPSHOT that no GET asked for may be on its way because of WELCOME or of one of these subscriptions.
    pub(crate) fn awaits_snapshot(&self, is_concerned: impl Fn(u32) -> bool) -> bool {
        self.queue.iter().any(|waiting| match waiting.kind {
            Kind::Greeting => true,
            Kind::Subscribe { id, .. } => is_concerned(id),
            _ => false,
        })
    }

    /// True if no barrier was sent behind the WELCOME, or behind a subscription.
    pub(crate) fn has_open_snapshot(&self) -> bool {
        let newest = self.queue.iter().rev();
        let mut unsettled = newest.take_while(|waiting| waiting.number > self.last_barrier_number);
        unsettled.any(|waiting| matches!(waiting.kind, Kind::Greeting | Kind::Subscribe { .. }))
    }

    /// True while a barrier is without an answer.
    pub(crate) fn awaits_barrier(&self) -> bool {
        let mut waiting = self.queue.iter();
        waiting.any(|waiting| matches!(waiting.kind, Kind::Barrier { sent: Some(_) }))
    }

    /// The caller no longer waits. True when the entry was still there.
    pub(crate) fn abandon(&mut self, ticket: Ticket) -> bool {
        let mut waiting = self.queue.iter();
        let Some(position) = waiting.position(|waiting| waiting.ticket == Some(ticket)) else {
            return false;
        };
        self.queue[position].abandoned = true;
        if self.may_be_dropped(&self.queue[position]) {
            self.queue.remove(position);
        }
        true
    }

    /// True when the router may have dropped the request without a word: it speaks of one frame a second.
    /// protocol/router.md 15.2
    pub(crate) fn may_be_dropped(&self, waiting: &Waiting) -> bool {
        self.drops_at(waiting.sent)
    }

    /// True when the router may drop what is sent now without a word.
    pub(crate) fn is_dropping(&self) -> bool {
        self.drops_at(self.now)
    }

    /// The request that an ACK answers.
    pub(crate) fn acknowledged(&mut self, address: Option<&str>) -> Option<Waiting> {
        match address {
            Some(acked) => self.take(|kind| match kind {
                Kind::Set { address } => address == acked,
                Kind::Announce { namespace, .. } => namespace == acked,
                _ => false,
            }),
            None => self.take_first_due(),
        }
    }

    /// The GET that a SNAPSHOT of one param answers.
    pub(crate) fn fetched(&mut self, fetched: &str) -> Option<Waiting> {
        self.take(|kind| matches!(kind, Kind::Get { address, behind: None } if address == fetched))
    }

    /// The request that an ERROR refuses.
    pub(crate) fn refused(&mut self, code: Option<Code>, address: Option<&str>) -> Option<Waiting> {
        if code == Some(Code::RateLimited) {
            // The router drops frames and says so for one of them a second: what was given up will not be answered.
            self.dropping = Some(self.now);
            self.queue.retain(|waiting| !waiting.abandoned);
            // The barrier may be among them, and its GET is better answered early than never.
            self.open_gets(u64::MAX);
        }
        match address {
            Some(address) => self.refused_at(code, address),
            None if !is_about_one_frame(code) => None,
            None => self.refused_unread(code),
        }
    }

    /// Adds the signals of a RESULT to the oldest QUERY.
    pub(crate) fn gather(&mut self, found: Vec<SignalDefinition>) {
        let queries = self
            .queue
            .iter_mut()
            .find_map(|waiting| match &mut waiting.kind {
                Kind::Query { signals, .. } => Some(signals),
                _ => None,
            });
        if let Some(signals) = queries {
            let room = RESULT_SIGNALS_MAX.saturating_sub(signals.len());
            signals.extend(found.into_iter().take(room));
        }
    }

    /// True while a QUERY has no barrier behind it: the RESULTs of another one could not be told from its own.
    pub(crate) fn has_open_query(&self) -> bool {
        let newest = self.queue.iter().rev();
        let unsettled =
            newest.take_while(|waiting| !matches!(waiting.kind, Kind::Barrier { sent: Some(_) }));
        unsettled
            .into_iter()
            .any(|waiting| matches!(waiting.kind, Kind::Query { .. }))
    }

    /// A SYNC with this time goes out now, behind everything in the queue.
    pub(crate) fn send_barrier(&mut self, time: u64) {
        for waiting in &mut self.queue {
            if let Kind::Barrier { sent: None } = waiting.kind {
                waiting.kind = Kind::Barrier { sent: Some(time) };
            }
        }
        self.push(None, Kind::Barrier { sent: Some(time) });
        self.last_barrier_number = self.last_number;
    }

    /// The router has handled everything sent before this barrier. Returns what that settles, the barrier last:
    /// requests whose success has no answer, and abandoned ones. Empty when the barrier is not one of ours.
    pub(crate) fn settle(&mut self, time: u64) -> Vec<Waiting> {
        let is_barrier = |waiting: &Waiting| matches!(waiting.kind, Kind::Barrier { sent } if sent == Some(time));
        let Some(position) = self.queue.iter().rposition(is_barrier) else {
            return Vec::new();
        };
        self.unconfirmed.settle(self.queue[position].number);
        self.open_gets(time);
        let mut settled = Vec::new();
        let mut kept = VecDeque::with_capacity(self.queue.len());
        for (index, waiting) in self.queue.drain(..).enumerate() {
            let is_over = waiting.abandoned && !waiting.kind.is_due_after(time);
            if index <= position && (is_over || waiting.kind.is_settled_by_barrier()) {
                settled.push(waiting);
            } else {
                kept.push_back(waiting);
            }
        }
        self.queue = kept;
        settled.retain(|waiting| !waiting.abandoned);
        settled
    }

    /// The session is over: everything that waited.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = Ticket> + use<> {
        self.unconfirmed.clear();
        self.dropping = None;
        let queue = std::mem::take(&mut self.queue);
        let waiting = queue.into_iter().filter(|waiting| !waiting.abandoned);
        waiting.filter_map(|waiting| waiting.ticket)
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn drops_at(&self, time: u64) -> bool {
        let is_in_time = |dropping: u64| dropping + DROPPING_TIME >= time;
        self.dropping.is_some_and(is_in_time)
    }

    /// The request that an ERROR with an address refuses: nobody's, if one that nobody asks about was sent earlier.
    fn refused_at(&mut self, code: Option<Code>, address: &str) -> Option<Waiting> {
        let is_refused = |waiting: &Waiting| {
            waiting.kind.mentions(address) && waiting.kind.is_refused_with(code)
        };
        let position = self.queue.iter().position(is_refused);
        let number = position.map(|position| self.queue[position].number);
        if self.unconfirmed.refused(code, address, number) {
            return None;
        }
        self.queue.remove(position?)
    }

    /// A frame that was dropped unread (rate, size, form) is the oldest without an answer.
    fn refused_unread(&mut self, code: Option<Code>) -> Option<Waiting> {
        let is_request =
            |waiting: &Waiting| !matches!(waiting.kind, Kind::Barrier { .. } | Kind::Greeting);
        let position = self.queue.iter().position(is_request)?;
        // What the session asked for by itself is sent again when its barrier tells that it may be this one.
        if code == Some(Code::RateLimited) && self.queue[position].is_own_subscription() {
            return None;
        }
        self.queue.remove(position)
    }

    /// What comes from now on may answer the GETs behind the barriers up to this time.
    fn open_gets(&mut self, time: u64) {
        for waiting in &mut self.queue {
            if let Kind::Get { behind, .. } = &mut waiting.kind {
                behind.take_if(|behind| *behind <= time);
            }
        }
    }

    fn take(&mut self, is_answered: impl Fn(&Kind) -> bool) -> Option<Waiting> {
        let mut waiting = self.queue.iter();
        let position = waiting.position(|waiting| is_answered(&waiting.kind))?;
        self.queue.remove(position)
    }

    /// Bundles are carried out when their time comes, not in the order they were sent. protocol/router.md 9.5
    fn take_first_due(&mut self) -> Option<Waiting> {
        let bundles = self.queue.iter().enumerate();
        let due = bundles.filter_map(|(position, waiting)| match waiting.kind {
            Kind::Bundle { due, .. } => Some((due, position)),
            _ => None,
        });
        let (_, position) = due.min()?;
        self.queue.remove(position)
    }
}

impl Waiting {
    /// True for a subscription that the session takes up again by itself.
    pub(crate) fn is_own_subscription(&self) -> bool {
        self.ticket.is_none() && matches!(self.kind, Kind::Subscribe { .. })
    }
}

impl Kind {
    pub(super) fn mentions(&self, text: &str) -> bool {
        match self {
            Self::Set { address } | Self::Get { address, .. } | Self::Publish { address } => {
                address == text
            }
            Self::Bundle { addresses, .. } => addresses.iter().any(|address| address == text),
            Self::Announce {
                namespace,
                addresses,
            } => namespace == text || addresses.iter().any(|address| address == text),
            Self::Subscribe { pattern, .. } | Self::Query { pattern, .. } => pattern == text,
            Self::Barrier { .. } | Self::Greeting => false,
        }
    }

    /// Codes that only some requests can be refused with tell requests of one address apart. protocol/wire.md 10
    pub(super) fn is_refused_with(&self, code: Option<Code>) -> bool {
        match code {
            Some(Code::AddressNotFound) => matches!(self, Self::Get { .. }),
            Some(Code::InvalidPattern) => {
                matches!(self, Self::Subscribe { .. } | Self::Query { .. })
            }
            Some(Code::RevisionConflict | Code::LockHeld | Code::InvalidValue) => {
                matches!(self, Self::Set { .. } | Self::Bundle { .. })
            }
            Some(Code::SessionNotFound) => {
                matches!(self, Self::Publish { .. } | Self::Bundle { .. })
            }
            _ => true,
        }
    }

    /// True if a barrier of this time proves nothing yet.
    fn is_due_after(&self, time: u64) -> bool {
        matches!(self, Self::Bundle { due, .. } if *due > time)
    }

    fn is_settled_by_barrier(&self) -> bool {
        match self {
            Self::Publish { .. }
            | Self::Subscribe { .. }
            | Self::Query { .. }
            | Self::Greeting
            | Self::Barrier { .. } => true,
            // Their ACK may be held back until the disk has them, or the bundle's time has come.
            Self::Set { .. } | Self::Bundle { .. } | Self::Announce { .. } | Self::Get { .. } => {
                false
            }
        }
    }
}

/// True for errors that are about a frame; the others are about the session and no request is to blame.
fn is_about_one_frame(code: Option<Code>) -> bool {
    let about_session = [
        Code::Unauthorized,
        Code::TokenExpired,
        Code::Unavailable,
        Code::Timeout,
        Code::Overloaded,
    ];
    !code.is_some_and(|code| about_session.contains(&code))
}

/// How long after a 429 frames may be dropped without another one. protocol/router.md 15.2
const DROPPING_TIME: u64 = 1_000_000;
