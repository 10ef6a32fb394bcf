//! The router, the oracle and the sessions of one seed, and one step of all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use clasp_proto::{Binding, Bundle, Code, Message, Qos, Subscribe, binary};
use clasp_router::{Closed, NewSession, Now, Router, RouterConfig, Tick, Timestamp, Work};

use super::door::{check_said, submit};
use super::link::{Link, Reader};
use super::receiver::{Circumstances, Receiver};
use super::restart;
use super::settings::Settings;
use super::violation::Violation;
use super::workload::{Present, Sent, Step, Timer, Workload};
use crate::oracle::{
    Answer, Delivery, Limits, Moment, Oracle, Refused, Subscription, Verdict, Who,
};

/// The session that saw a violation, and the violation.
pub(super) type Seen = (Option<Who>, Violation);

pub(super) struct World {
    router: Router,
    work: Work,
    oracle: Oracle,
    workload: Workload,
    peers: BTreeMap<Who, Peer>,
    last: Who,
    now: Moment,
    config: RouterConfig,
    /// Snapshots take several steps.
    crowded: bool,
    trace: Vec<(Moment, Step)>,
}

struct Peer {
    link: Link,
    receiver: Receiver,
    /// What arrived and was not checked yet.
    inbox: Vec<Message>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let settings = Settings::of(seed);
        let config = settings.config.clone();
        let mut world = Self {
            router: Router::new(config.clone(), now_at(START)),
            work: Work::default(),
            workload: Workload::new(&settings),
            oracle: Oracle::new(settings.rules),
            peers: BTreeMap::new(),
            last: 0,
            now: START,
            config,
            crowded: settings.crowd > 0,
            trace: Vec::new(),
        };
        world.attach(Reader::Prompt, Binding::WebSocket);
        world
    }

    /// What was done, a line or more for each step.
    pub(super) fn into_trace(self) -> Vec<String> {
        let line = |(at, step)| format!("at {} us: {step}", at - START);
        self.trace.into_iter().map(line).collect()
    }

    /// Does one thing, and compares.
    pub(super) fn step(&mut self) -> Result<(), Seen> {
        let sessions: Vec<(Who, Reader)> = self
            .peers
            .iter()
            .map(|(who, peer)| (*who, peer.link.reader))
            .collect();
        let step = self.workload.step(&Present {
            sessions: &sessions,
            oracle: &self.oracle,
            now: self.now,
            wall_offset: WALL_OFFSET,
        });
        self.perform(step)
    }

    /// Lets everything that waits happen, and everybody read to the end.
    pub(super) fn end(&mut self) -> Result<(), Seen> {
        self.perform(Step::Pass(10_000_000, Timer::Exact))?;
        let all: Vec<Who> = self.peers.keys().copied().collect();
        for who in all {
            let reader = self.peers[&who].link.reader;
            if reader == Reader::Stuck {
                continue;
            }
            self.read(who, usize::MAX)?;
            self.check_inbox(who)?;
            self.settle(who)?;
        }
        Ok(())
    }

    fn perform(&mut self, step: Step) -> Result<(), Seen> {
        self.trace.push((self.now, step.clone()));
        match step {
            Step::Attach { reader, binding } => self.attach(reader, binding),
            Step::Detach(who) => self.detach(who),
            Step::Send(who, sent) => self.send(who, &sent)?,
            Step::Read(who, bytes) => {
                self.read(who, bytes)?;
                self.check_inbox(who)?;
            }
            Step::Pass(duration, timer) => {
                self.pass(duration, timer)?;
                return self.check_restart();
            }
        }
        self.advance()?;
        self.settle_prompt()
    }

    fn attach(&mut self, reader: Reader, binding: Binding) {
        let who = self.last;
        self.last += 1;
        let new = NewSession {
            id: name(who).into(),
            binding,
            principal: Arc::new(clasp_proto::Principal::anybody()),
        };
        let session = self
            .router
            .attach(new)
            .expect("any number of sessions may come");
        let link = Link::new(Arc::clone(&session), reader, binding);
        let peer = Peer {
            link,
            receiver: Receiver::default(),
            inbox: Vec::new(),
        };
        self.peers.insert(who, peer);
        let now = now_at(self.now);
        let mut batch = self.router.batch(&session, now, &mut self.work);
        batch.greet();
        batch.finish(None);
        self.expect_shown(who, "/**");
    }

    fn detach(&mut self, who: Who) {
        if let Some(peer) = self.peers.remove(&who) {
            self.router.detach(&peer.link.session);
            self.oracle.detach(who);
        }
    }

    fn pass(&mut self, duration: Moment, timer: Timer) -> Result<(), Seen> {
        let end = self.now + duration;
        if timer == Timer::Late {
            self.now = end;
            return Ok(());
        }
        if timer == Timer::Exact {
            self.meet_deadlines(end)?;
        }
        self.now = end;
        self.advance()?;
        self.settle_prompt()
    }

    fn check_restart(&self) -> Result<(), Seen> {
        let now = now_at(self.now);
        restart::check(&self.router, &self.config, &self.oracle, now)
            .map_err(|violation| (None, violation))
    }

    fn meet_deadlines(&mut self, end: Moment) -> Result<(), Seen> {
        loop {
            let due = self.router.deadline(Waker::noop()).map(|tick| tick.0);
            let due = due.into_iter().chain(self.oracle.deadline()).min();
            let Some(due) = due.filter(|due| *due <= end) else {
                return Ok(());
            };
            self.now = self.now.max(due);
            self.advance()?;
            self.settle_prompt()?;
        }
    }

    /// The router does what is due.
    fn advance(&mut self) -> Result<(), Seen> {
        self.router.advance(now_at(self.now), &mut self.work);
        self.collect()?;
        let outcome = self.oracle.advance(self.now);
        for delivery in &outcome.deliveries {
            self.expect(delivery);
        }
        for (who, answer) in outcome.answers {
            if let Some(peer) = self.peers.get_mut(&who) {
                peer.receiver.expect_answer(answer);
            }
        }
        self.check()
    }

    fn send(&mut self, who: Who, sent: &[Sent]) -> Result<(), Seen> {
        let Some(peer) = self.peers.get(&who) else {
            return Ok(());
        };
        let session = Arc::clone(&peer.link.session);
        let mut batch = self
            .router
            .batch(&session, now_at(self.now), &mut self.work);
        let mut said = Vec::new();
        let mut understood = Vec::new();
        for sent in sent {
            let mut payload = Vec::new();
            binary::encode(&sent.message, &mut payload).expect("the workload is encodable");
            understood.push(binary::decode(&payload).expect("what was encoded can be decoded"));
            said.push(submit(&mut batch, &payload, sent.qos));
        }
        batch.finish(None);
        self.collect()?;
        for ((message, sent), said) in understood.iter().zip(sent).zip(said) {
            let expected = self.apply(who, message, sent.qos);
            check_said(message, &said, &expected).map_err(|violation| (Some(who), violation))?;
        }
        self.check()
    }

    /// Tells the oracle what was sent; returns what the router has to say to it.
    fn apply(&mut self, who: Who, message: &Message, qos: Qos) -> Result<Option<u64>, Refused> {
        let wants_ack = qos != Qos::Fire;
        let result = match message {
            Message::Set(set) => self.oracle.set(who, set, self.now).map(|delivery| {
                let revision = revision_of(&delivery);
                self.expect(&delivery);
                self.acknowledge(who, wants_ack, Some(set.address.clone()), revision);
                revision
            }),
            Message::Publish(publish) => {
                let published = self.oracle.publish(who, publish, self.now);
                published.map(|deliveries| {
                    deliveries.iter().for_each(|delivery| self.expect(delivery));
                    None
                })
            }
            Message::Bundle(bundle) => self.apply_bundle(who, bundle, wants_ack),
            Message::Get(get) => self.oracle.get(&get.address, self.now).map(|()| {
                self.expect_snapshot(who, &get.address);
                None
            }),
            Message::Subscribe(subscribe) => self.apply_subscribe(who, subscribe),
            Message::Unsubscribe(unsubscribe) => {
                self.oracle.unsubscribe(who, unsubscribe.id);
                self.subscriptions_changed(who);
                Ok(None)
            }
            _ => Ok(None),
        };
        if let (Err(refused), Some(peer)) = (&result, self.peers.get_mut(&who)) {
            peer.receiver.expect_answer(Answer::Error(refused.clone()));
        }
        result
    }

    fn apply_bundle(
        &mut self,
        who: Who,
        bundle: &Bundle,
        wants_ack: bool,
    ) -> Result<Option<u64>, Refused> {
        if !all_writes(bundle) {
            return Err(Refused {
                codes: vec![Code::InvalidMessage],
                address: None,
            });
        }
        let wall = self.now + WALL_OFFSET;
        let ahead = bundle.timestamp.unwrap_or(0).saturating_sub(wall);
        if ahead > SCHEDULE_AHEAD_MAX {
            return Err(Refused {
                codes: vec![Code::InvalidValue],
                address: None,
            });
        }
        if ahead > SCHEDULE_SLACK {
            self.oracle
                .schedule(who, bundle, wants_ack, self.now + ahead);
            return Ok(None);
        }
        let (deliveries, revision) = self.oracle.bundle(who, bundle, self.now)?;
        deliveries.iter().for_each(|delivery| self.expect(delivery));
        self.acknowledge(who, wants_ack, None, revision);
        Ok(revision)
    }

    fn apply_subscribe(&mut self, who: Who, subscribe: &Subscribe) -> Result<Option<u64>, Refused> {
        if !subscribe.pattern.starts_with('/') {
            let address = Some(subscribe.pattern.clone());
            return Err(Refused {
                codes: vec![Code::InvalidPattern],
                address,
            });
        }
        let subscription = Subscription {
            pattern: subscribe.pattern.clone(),
            types: subscribe.types,
            limits: Limits::of(&subscribe.options),
        };
        self.oracle.subscribe(who, subscribe.id, subscription);
        self.subscriptions_changed(who);
        self.expect_snapshot(who, &subscribe.pattern);
        Ok(None)
    }

    fn subscriptions_changed(&mut self, who: Who) {
        if let Some(peer) = self.peers.get_mut(&who) {
            peer.receiver.forget_limits();
            if peer.link.reader != Reader::Prompt || self.crowded {
                peer.receiver.forget_shown();
            }
        }
    }

    /// A snapshot that was asked for, which counts as a read.
    fn expect_snapshot(&mut self, who: Who, pattern: &str) {
        let shown = self.expect_shown(who, pattern);
        self.oracle.read(&shown, self.now);
    }

    fn expect_shown(&mut self, who: Who, pattern: &str) -> Vec<(String, u64)> {
        let shown = self.oracle.shown(pattern, self.now);
        if let Some(peer) = self.peers.get_mut(&who) {
            shown.iter().for_each(|(address, revision)| {
                peer.receiver.expect_shown(address, *revision);
            });
        }
        shown
    }

    fn acknowledge(
        &mut self,
        who: Who,
        wanted: bool,
        address: Option<String>,
        revision: Option<u64>,
    ) {
        if let Some(peer) = self.peers.get_mut(&who).filter(|_| wanted) {
            peer.receiver
                .expect_answer(Answer::Ack { address, revision });
        }
    }

    fn expect(&mut self, delivery: &Delivery) {
        for (who, peer) in &mut self.peers {
            let verdict = self.oracle.verdict(*who, delivery);
            if verdict != Verdict::No {
                peer.receiver.expect(delivery, &verdict, self.now);
            }
        }
    }

    /// Prompt readers read; what the first one sees decides what the rules leave open.
    fn collect(&mut self) -> Result<(), Seen> {
        let all: Vec<Who> = self.peers.keys().copied().collect();
        for who in all {
            if self.peers[&who].link.reader == Reader::Prompt {
                self.read(who, usize::MAX)?;
            }
            let peer = &self.peers[&who];
            let outbox = &peer.link.session.outbox;
            let (queued, budget) = (outbox.queued_bytes(), self.config.outbox_bytes_max);
            if queued > budget {
                return Err((Some(who), Violation::OverBudget { queued, budget }));
            }
        }
        self.oracle.forget_seen();
        for message in &self.peers[&0].inbox {
            if let Message::Set(set) = message {
                self.oracle
                    .saw(&set.address, set.revision.unwrap_or_default());
            }
        }
        Ok(())
    }

    fn read(&mut self, who: Who, bytes: usize) -> Result<(), Seen> {
        let Some(peer) = self.peers.get_mut(&who) else {
            return Ok(());
        };
        let read = peer
            .link
            .read(bytes, &self.router, now_at(self.now), &mut self.work);
        peer.inbox
            .extend(read.map_err(|violation| (Some(who), violation))?);
        Ok(())
    }

    fn check(&mut self) -> Result<(), Seen> {
        let all: Vec<Who> = self.peers.keys().copied().collect();
        for who in all {
            self.check_inbox(who)?;
        }
        let (stored, max) = (self.router.params(), self.config.params_max);
        if max > 0 && stored > max {
            return Err((None, Violation::OverCapacity { stored, max }));
        }
        Ok(())
    }

    fn check_inbox(&mut self, who: Who) -> Result<(), Seen> {
        let Some(peer) = self.peers.get_mut(&who) else {
            return Ok(());
        };
        let at = circumstances(&self.oracle, &peer.link, (self.now, self.crowded));
        for message in peer.inbox.drain(..) {
            peer.receiver
                .receive(&message, at)
                .map_err(|violation| (Some(who), violation))?;
        }
        if peer.link.session.outbox.closed() == Some(Closed::SlowConsumer) {
            if peer.link.reader == Reader::Prompt {
                return Err((Some(who), Violation::ClosedWithoutReason));
            }
            self.detach(who);
        }
        Ok(())
    }

    fn settle_prompt(&mut self) -> Result<(), Seen> {
        let all = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.link.reader == Reader::Prompt);
        let all: Vec<Who> = all.map(|(who, _)| *who).collect();
        all.into_iter().try_for_each(|who| self.settle(who))
    }

    fn settle(&mut self, who: Who) -> Result<(), Seen> {
        let Some(peer) = self.peers.get_mut(&who) else {
            return Ok(());
        };
        let at = circumstances(&self.oracle, &peer.link, (self.now, self.crowded));
        let gone = |address: &str| self.oracle.param(address, self.now).is_none();
        peer.receiver
            .settle(&gone, at)
            .map_err(|violation| (Some(who), violation))
    }
}

fn circumstances<'a>(
    oracle: &'a Oracle,
    link: &Link,
    (now, crowded): (Moment, bool),
) -> Circumstances<'a> {
    let prompt = link.reader == Reader::Prompt;
    Circumstances {
        now,
        superseded: link.session.outbox.superseded(),
        prompt,
        at_once: prompt && !crowded,
        written: oracle.written(),
    }
}

fn all_writes(bundle: &Bundle) -> bool {
    bundle.messages.iter().all(|member| match member {
        Message::Set(_) | Message::Publish(_) => true,
        Message::Bundle(inner) => all_writes(inner),
        _ => false,
    })
}

fn revision_of(delivery: &Delivery) -> Option<u64> {
    match &delivery.message {
        Message::Set(set) => set.revision,
        _ => None,
    }
}

/// The id of a session on the wire.
pub(super) fn name(who: Who) -> String {
    format!("session-{who}")
}

fn now_at(moment: Moment) -> Now {
    Now {
        wall: Timestamp(moment + WALL_OFFSET),
        tick: Tick(moment),
    }
}

/// The steady clock does not start at zero.
const START: Moment = 7_777_777;
const WALL_OFFSET: u64 = 1_700_000_000_000_000;
/// Bundles nearer than this are applied at once (protocol/router.md 9.5).
const SCHEDULE_SLACK: u64 = 1_000;
/// Bundles farther than this are refused (protocol/router.md 9.6).
const SCHEDULE_AHEAD_MAX: u64 = 3_600_000_000;
