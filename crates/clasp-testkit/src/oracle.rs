//! The router once more: one map of params, linear scans, no index, no bytes. Slow, and short
//! enough to be seen to be right. It is told what was done and says what follows: who has to
//! get what, and which answer is right. Rules are those of protocol/router.md.

mod gesture;
mod param;
mod pattern;
mod subscription;

use std::collections::BTreeMap;

use clasp_proto::{Address, Bundle, Code, Message, Phase, Publish, Set, Signal};

pub(crate) use gesture::INTERVAL as GESTURE_INTERVAL;
use gesture::{Gesture, GestureKey};
pub(crate) use param::{Capacity, Param, Strategy};
pub use pattern::matches;
pub(crate) use subscription::{Limits, Subscription, Verdict};

/// A session, by the order in which sessions came.
pub(crate) type Who = usize;

/// Microseconds of the steady clock.
pub(crate) type Moment = u64;

/// A message that has to be delivered to whom it concerns.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) message: Message,
    pub(crate) publisher: Who,
    /// The bundle that it belongs to.
    pub(crate) bundle: Option<u64>,
    /// It waited while others of its publisher went on.
    pub(crate) deferred: bool,
}

/// Why something is refused: any of these codes is right, since no rule orders the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) codes: Vec<Code>,
    pub(crate) address: Option<String>,
}

/// The answer that a session has to get.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Ack {
        address: Option<String>,
        revision: Option<u64>,
    },
    Error(Refused),
}

/// What followed from something.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) answers: Vec<(Who, Answer)>,
}

/// The settings that rules depend on.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) strategies: Vec<(String, Strategy)>,
    pub(crate) params_max: usize,
    pub(crate) param_ttl: Option<Moment>,
}

/// A bundle that waits for its time.
#[derive(Clone, Debug)]
struct Scheduled {
    due: Moment,
    who: Who,
    bundle: Bundle,
    wants_ack: bool,
}

/// All state that there is.
pub(crate) struct Oracle {
    rules: Rules,
    params: BTreeMap<String, Param>,
    /// The last revision of each address that had one, also of those that are gone.
    revisions: BTreeMap<String, u64>,
    /// The highest revision that any address had when it went.
    forgotten: u64,
    /// Revisions that were seen on the wire, by a session that sees all: they decide where the
    /// rules leave a choice, which is where an address starts again.
    seen: BTreeMap<String, u64>,
    gestures: BTreeMap<GestureKey, Gesture>,
    scheduled: Vec<Scheduled>,
    subscriptions: BTreeMap<Who, BTreeMap<u32, Subscription>>,
    bundles: u64,
    written: BTreeMap<(String, u64), Param>,
}

impl Oracle {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            params: BTreeMap::new(),
            revisions: BTreeMap::new(),
            forgotten: 0,
            seen: BTreeMap::new(),
            gestures: BTreeMap::new(),
            scheduled: Vec::new(),
            subscriptions: BTreeMap::new(),
            bundles: 0,
            written: BTreeMap::new(),
        }
    }

    /// A revision of an address as the router gave it.
    pub(crate) fn saw(&mut self, address: &str, revision: u64) {
        // Of several writes in one step the first says where the address starts.
        self.seen.entry(address.to_string()).or_insert(revision);
    }

    /// What the router gave is known: what comes next is asked for anew.
    pub(crate) fn forget_seen(&mut self) {
        self.seen.clear();
    }

    pub(crate) fn param(&self, address: &str, now: Moment) -> Option<&Param> {
        self.params
            .get(address)
            .filter(|param| !param.is_expired(now))
    }

    /// The params that a snapshot shows.
    pub(crate) fn shown(&self, pattern: &str, now: Moment) -> Vec<(String, u64)> {
        let live = self
            .params
            .iter()
            .filter(|(_, param)| !param.is_expired(now));
        let shown = live.filter(|(address, _)| matches(pattern, address));
        shown
            .map(|(address, param)| (address.clone(), param.revision))
            .collect()
    }

    /// What a subscriber is shown is read, as by GET (protocol/router.md 6.13).
    pub(crate) fn read(&mut self, shown: &[(String, u64)], now: Moment) {
        for (address, _) in shown {
            if let Some(param) = self.params.get_mut(address) {
                param.was_read(now);
            }
        }
    }

    /// Every value that was ever stored, by address and revision.
    pub(crate) fn written(&self) -> &BTreeMap<(String, u64), Param> {
        &self.written
    }

    pub(crate) fn set(&mut self, who: Who, set: &Set, now: Moment) -> Result<Delivery, Refused> {
        check_address(&set.address)?;
        self.lapse(now);
        let held = self.params.get(&set.address);
        let capacity = Capacity {
            stored: self.params.len(),
            max: self.rules.params_max,
        };
        let strategy = self.strategy(&set.address);
        let mut codes = param::refusals(who, set, held, strategy);
        codes.extend(capacity.refusal(held));
        if !codes.is_empty() {
            return Err(Refused {
                codes,
                address: Some(set.address.clone()),
            });
        }
        let revision = self.next_revision(&set.address);
        let held = self.params.remove(&set.address);
        let write = param::Write {
            who,
            set,
            strategy,
            now,
            default_ttl: self.rules.param_ttl,
        };
        let param = write.apply(held, revision);
        // The value as it is stored goes out, with the bits of the sender and the new revision.
        let message = Message::Set(Set {
            value: param.value.clone(),
            revision: Some(revision),
            ..set.clone()
        });
        self.written
            .insert((set.address.clone(), revision), param.clone());
        self.params.insert(set.address.clone(), param);
        self.revisions.insert(set.address.clone(), revision);
        Ok(Delivery {
            message,
            publisher: who,
            bundle: None,
            deferred: false,
        })
    }

    pub(crate) fn publish(
        &mut self,
        who: Who,
        publish: &Publish,
        now: Moment,
    ) -> Result<Vec<Delivery>, Refused> {
        check_address(&publish.address)?;
        if publish.signal != Some(Signal::Gesture) {
            return Ok(vec![delivery_of(who, publish)]);
        }
        let key = (who, publish.address.clone(), publish.id.unwrap_or(0));
        let waiting = |gesture: &mut Gesture| gesture.waiting.take();
        match publish.phase.unwrap_or_default() {
            Phase::Start => {
                let mut old = self.gestures.insert(key, Gesture::new(now));
                let last = old.as_mut().and_then(waiting);
                Ok(last
                    .iter()
                    .chain([publish])
                    .map(|publish| delivery_of(who, publish))
                    .collect())
            }
            Phase::Move => {
                let goes = match self.gestures.get_mut(&key) {
                    Some(gesture) => gesture.moved(publish, now),
                    None => {
                        self.gestures.insert(key, Gesture::new(now));
                        Some(publish)
                    }
                };
                Ok(goes
                    .map(|publish| delivery_of(who, publish))
                    .into_iter()
                    .collect())
            }
            Phase::End | Phase::Cancel => {
                let last = self.gestures.remove(&key).as_mut().and_then(waiting);
                Ok(last
                    .iter()
                    .chain([publish])
                    .map(|publish| delivery_of(who, publish))
                    .collect())
            }
        }
    }

    /// Applies all members or none, in their order; the revision is that of the last SET.
    pub(crate) fn bundle(
        &mut self,
        who: Who,
        bundle: &Bundle,
        now: Moment,
    ) -> Result<(Vec<Delivery>, Option<u64>), Refused> {
        let params = self.params.clone();
        let revisions = self.revisions.clone();
        let gestures = self.gestures.clone();
        let mut deliveries = Vec::new();
        let applied = self.members(who, bundle, now, &mut deliveries);
        match applied {
            Ok(revision) => {
                self.bundles += 1;
                for delivery in &mut deliveries {
                    delivery.bundle = Some(self.bundles);
                }
                Ok((deliveries, revision))
            }
            Err(refused) => {
                self.params = params;
                self.revisions = revisions;
                self.gestures = gestures;
                Err(refused)
            }
        }
    }

    /// Keeps a bundle until `due`.
    pub(crate) fn schedule(&mut self, who: Who, bundle: &Bundle, wants_ack: bool, due: Moment) {
        self.scheduled.push(Scheduled {
            due,
            who,
            bundle: bundle.clone(),
            wants_ack,
        });
    }

    pub(crate) fn subscribe(&mut self, who: Who, id: u32, subscription: Subscription) {
        self.subscriptions
            .entry(who)
            .or_default()
            .insert(id, subscription);
    }

    pub(crate) fn unsubscribe(&mut self, who: Who, id: u32) {
        self.subscriptions.entry(who).or_default().remove(&id);
    }

    /// A session ended: locks, gestures, subscriptions and waiting bundles end with it.
    pub(crate) fn detach(&mut self, who: Who) {
        self.subscriptions.remove(&who);
        self.gestures.retain(|(of, _, _), _| *of != who);
        self.scheduled.retain(|scheduled| scheduled.who != who);
        for param in self.params.values_mut() {
            if param.holder == Some(who) {
                param.holder = None;
            }
        }
    }

    /// Reads a param, which keeps one with a sliding time to live alive.
    pub(crate) fn get(&mut self, address: &str, now: Moment) -> Result<(), Refused> {
        check_address(address)?;
        self.lapse(now);
        let missing = || Refused {
            codes: vec![Code::AddressNotFound],
            address: Some(address.into()),
        };
        self.params
            .get_mut(address)
            .ok_or_else(missing)?
            .was_read(now);
        Ok(())
    }

    /// When something happens by itself, if anything does.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        let gestures = self.gestures.values().filter_map(Gesture::due);
        gestures
            .chain(self.scheduled.iter().map(|scheduled| scheduled.due))
            .min()
    }

    /// Does what is due, in the order of the times at which it was.
    pub(crate) fn advance(&mut self, now: Moment) -> Outcome {
        let mut outcome = Outcome::default();
        while let Some(due) = self.deadline().filter(|due| *due <= now) {
            let key = self
                .gestures
                .iter()
                .find(|(_, gesture)| gesture.due() == Some(due));
            if let Some(key) = key.map(|(key, _)| key.clone()) {
                let waiting = self
                    .gestures
                    .get_mut(&key)
                    .and_then(|gesture| gesture.take(now));
                let waiting = waiting.map(|publish| deferred(key.0, &publish));
                outcome.deliveries.extend(waiting);
                continue;
            }
            let at = self
                .scheduled
                .iter()
                .position(|scheduled| scheduled.due == due);
            let scheduled = self
                .scheduled
                .remove(at.expect("what is due and no gesture is a bundle"));
            self.run_scheduled(&scheduled, now, &mut outcome);
        }
        outcome
    }

    /// Whether a session gets a message, and by which subscriptions.
    pub(crate) fn verdict(&self, who: Who, delivery: &Delivery) -> Verdict {
        let none = BTreeMap::new();
        let subscriptions = self.subscriptions.get(&who).unwrap_or(&none);
        subscription::verdict(subscriptions.values(), who, delivery)
    }

    fn run_scheduled(&mut self, scheduled: &Scheduled, now: Moment, outcome: &mut Outcome) {
        match self.bundle(scheduled.who, &scheduled.bundle, now) {
            Ok((deliveries, revision)) => {
                outcome.deliveries.extend(deliveries);
                if scheduled.wants_ack {
                    let ack = Answer::Ack {
                        address: None,
                        revision,
                    };
                    outcome.answers.push((scheduled.who, ack));
                }
            }
            Err(refused) => outcome
                .answers
                .push((scheduled.who, Answer::Error(refused))),
        }
    }

    fn members(
        &mut self,
        who: Who,
        bundle: &Bundle,
        now: Moment,
        deliveries: &mut Vec<Delivery>,
    ) -> Result<Option<u64>, Refused> {
        let mut revision = None;
        for member in &bundle.messages {
            match member {
                Message::Set(set) => {
                    deliveries.push(self.set(who, set, now)?);
                    revision = self.revisions.get(&set.address).copied();
                }
                Message::Publish(publish) => deliveries.extend(self.publish(who, publish, now)?),
                Message::Bundle(inner) => {
                    revision = self.members(who, inner, now, deliveries)?.or(revision);
                }
                _ => {
                    return Err(Refused {
                        codes: vec![Code::InvalidMessage],
                        address: None,
                    });
                }
            }
        }
        Ok(revision)
    }

    /// Takes away what has expired.
    fn lapse(&mut self, now: Moment) {
        let forgotten = &mut self.forgotten;
        self.params.retain(|_, param| {
            if param.is_expired(now) {
                *forgotten = (*forgotten).max(param.revision);
            }
            !param.is_expired(now)
        });
    }

    fn strategy(&self, address: &str) -> Strategy {
        let found = self
            .rules
            .strategies
            .iter()
            .find(|(pattern, _)| matches(pattern, address));
        found.map_or(Strategy::Lww, |(_, strategy)| *strategy)
    }

    /// One more than it was; where an address starts again above all that was forgotten, what
    /// the router said is taken if it is in bounds (protocol/router.md 6.4).
    fn next_revision(&self, address: &str) -> u64 {
        if let Some(param) = self.params.get(address) {
            return param.revision + 1;
        }
        let least = self.revisions.get(address).map_or(1, |last| last + 1);
        let most = self.forgotten + 1;
        self.seen
            .get(address)
            .map_or(least, |seen| (*seen).clamp(least, most.max(least)))
    }
}

fn delivery_of(who: Who, publish: &Publish) -> Delivery {
    Delivery {
        message: Message::Publish(publish.clone()),
        publisher: who,
        bundle: None,
        deferred: false,
    }
}

fn deferred(who: Who, publish: &Publish) -> Delivery {
    Delivery {
        deferred: true,
        ..delivery_of(who, publish)
    }
}

fn check_address(address: &str) -> Result<(), Refused> {
    Address::check(address).map_err(|_| Refused {
        codes: vec![Code::InvalidAddress],
        address: Some(address.to_string()),
    })
}
