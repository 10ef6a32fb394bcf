//! What one session has to get, and the check of what it gets.

use std::collections::{BTreeMap, VecDeque};

use clasp_proto::{Ack, Code, ErrorMessage, Message, Phase, Signal, Snapshot};

use super::describe::brief;
use super::held_back::HeldBack;
use super::violation::Violation;
use super::world::name;
use crate::oracle::{Answer, Delivery, Moment, Param, Verdict};

/// The session's side of the comparison.
#[derive(Default)]
pub(super) struct Receiver {
    expected: VecDeque<Expected>,
    answers: VecDeque<Answer>,
    /// Values that limits may leave out, by address.
    limited: BTreeMap<(String, Signal), HeldBack>,
    /// Subscriptions changed since the last settling.
    changed: bool,
    /// Params that snapshots have to show: how often, and from which revision on.
    owed: BTreeMap<String, Owed>,
    /// The highest revision seen of each address.
    seen: BTreeMap<String, u64>,
    /// The bundle whose members are coming.
    bundle: Option<u64>,
    /// Values that newer ones stepped in front of.
    left_out: u64,
}

#[derive(Default)]
struct Owed {
    times: usize,
    revision: u64,
}

struct Expected {
    delivery: Delivery,
    /// False for what limits may leave out.
    certain: bool,
}

/// What the check needs to know besides the message.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) now: Moment,
    /// Values that the outbox says it replaced by newer ones.
    pub(super) superseded: u64,
    /// The session is drained whenever something happens, so that times can be checked.
    pub(super) prompt: bool,
    /// Snapshots come whole and at once, so that each entry can be counted.
    pub(super) at_once: bool,
    /// Every value that was ever written, by address and revision.
    pub(super) written: &'a BTreeMap<(String, u64), Param>,
}

impl Receiver {
    /// Notes a message that the session is to get.
    pub(super) fn expect(&mut self, delivery: &Delivery, verdict: &Verdict, now: Moment) {
        let certain = match verdict {
            Verdict::No => return,
            Verdict::Yes => true,
            Verdict::Limited(limits) => {
                if let Some(lane) = lane_of(&delivery.message) {
                    let limited = self.limited.entry(lane).or_default();
                    if self.changed {
                        limited.forget();
                    }
                    limited.offer(&delivery.message, limits, now);
                }
                false
            }
        };
        self.expected.push_back(Expected {
            delivery: delivery.clone(),
            certain,
        });
    }

    pub(super) fn expect_answer(&mut self, answer: Answer) {
        self.answers.push_back(answer);
    }

    /// Notes a param that a snapshot is to show.
    pub(super) fn expect_shown(&mut self, address: &str, revision: u64) {
        let owed = self.owed.entry(address.to_string()).or_default();
        owed.times += 1;
        owed.revision = revision;
    }

    /// A subscription ended, and with it the snapshot that may have been under way.
    pub(super) fn forget_shown(&mut self) {
        self.owed.clear();
    }

    /// Subscriptions changed: what limits remember may begin anew.
    pub(super) fn forget_limits(&mut self) {
        self.changed = true;
        for limited in self.limited.values_mut() {
            limited.forget();
        }
    }

    /// Checks one message that arrived.
    pub(super) fn receive(
        &mut self,
        message: &Message,
        at: Circumstances<'_>,
    ) -> Result<(), Violation> {
        match message {
            Message::Set(_) | Message::Publish(_) => self.receive_live(message, at),
            Message::Snapshot(snapshot) => self.receive_snapshot(snapshot, at),
            Message::Ack(ack) => self.receive_ack(ack, message),
            Message::Error(error) => self.receive_error(error, message),
            _ => Err(Violation::Unexpected(brief(message))),
        }
    }

    /// Checks that a session that was drained now has got all there was for it.
    pub(super) fn settle(
        &mut self,
        gone: &dyn Fn(&str) -> bool,
        at: Circumstances<'_>,
    ) -> Result<(), Violation> {
        for missing in self.expected.iter().filter(|expected| expected.certain) {
            if at.superseded == 0 || !is_move(&missing.delivery.message) {
                return Err(Violation::Missing(brief(&missing.delivery.message)));
            }
            self.left_out += 1;
        }
        if let Some(answer) = self.answers.front() {
            return Err(Violation::unanswered(answer));
        }
        if self.left_out > at.superseded {
            return Err(Violation::Lost {
                left_out: self.left_out,
                superseded: at.superseded,
            });
        }
        for (address, owed) in core::mem::take(&mut self.owed) {
            let seen = self
                .seen
                .get(&address)
                .is_some_and(|seen| *seen >= owed.revision);
            let is_shown = if at.at_once { owed.times == 0 } else { seen };
            if !is_shown && !gone(&address) {
                return Err(Violation::NotShown {
                    address,
                    revision: owed.revision,
                });
            }
        }
        self.changed = false;
        self.limited
            .values_mut()
            .try_for_each(|limited| limited.settle(at))
    }

    fn receive_live(&mut self, message: &Message, at: Circumstances<'_>) -> Result<(), Violation> {
        let position = self
            .expected
            .iter()
            .position(|expected| expected.delivery.message == *message);
        let Some(position) = position else {
            return Err(Violation::Unexpected(brief(message)));
        };
        self.check_bundle(position, at)?;
        let found = self
            .expected
            .remove(position)
            .expect("the position was found just now");
        self.check_order(position, &found.delivery, at)?;
        self.bundle = found.delivery.bundle;
        if let Message::Set(set) = message {
            let revision = set.revision.unwrap_or_default();
            self.see(&set.address, revision)?;
        }
        let lane = lane_of(message);
        if let Some(limited) = lane.and_then(|lane| self.limited.get_mut(&lane)) {
            limited.deliver(message, found.certain, at)?;
        }
        Ok(())
    }

    /// While a session is not pressed, members of a bundle come back to back.
    fn check_bundle(&self, position: usize, at: Circumstances<'_>) -> Result<(), Violation> {
        let got = &self.expected[position].delivery;
        if at.superseded > 0 || self.bundle.is_none() || got.bundle == self.bundle {
            return Ok(());
        }
        let mut rest = self.expected.iter().filter(|expected| expected.certain);
        match rest.find(|expected| expected.delivery.bundle == self.bundle) {
            None => Ok(()),
            Some(missing) => Err(Violation::Torn {
                got: brief(&got.message),
                missing: brief(&missing.delivery.message),
            }),
        }
    }

    /// What was sent before on the same address or by the same publisher comes before, except
    /// for values that this one, or another newer one, takes the place of.
    fn check_order(
        &mut self,
        position: usize,
        got: &Delivery,
        at: Circumstances<'_>,
    ) -> Result<(), Violation> {
        let key = replaceable(&got.message);
        let mut index = 0;
        for _ in 0..position {
            let before = &self.expected[index];
            // Moves of two sessions may have the same key, and each waits for its own interval.
            let same_source = !is_move(&got.message) || before.delivery.publisher == got.publisher;
            let is_older_value =
                key.is_some() && replaceable(&before.delivery.message) == key && same_source;
            if is_older_value {
                let before = self
                    .expected
                    .remove(index)
                    .expect("the index is below the position");
                if before.certain {
                    self.left_out += 1;
                }
                continue;
            }
            let apart = thing_of(&before.delivery.message) != thing_of(&got.message);
            let may_wait = !before.certain
                || apart && (before.delivery.deferred || got.deferred)
                || at.superseded > 0
                    && (key.is_some() || replaceable(&before.delivery.message).is_some());
            if !may_wait && before.delivery.publisher == got.publisher {
                return Err(Violation::Order {
                    got: brief(&got.message),
                    missing: brief(&before.delivery.message),
                });
            }
            index += 1;
        }
        if self.left_out > at.superseded {
            return Err(Violation::Lost {
                left_out: self.left_out,
                superseded: at.superseded,
            });
        }
        Ok(())
    }

    fn receive_snapshot(
        &mut self,
        snapshot: &Snapshot,
        at: Circumstances<'_>,
    ) -> Result<(), Violation> {
        for entry in &snapshot.params {
            let (address, revision) = (entry.address.clone(), entry.revision);
            let written = at.written.get(&(address.clone(), revision));
            let writer = entry.writer.as_deref().unwrap_or_default();
            if written
                .is_none_or(|param| param.value != entry.value || name(param.writer) != writer)
            {
                return Err(Violation::Wrong { address, revision });
            }
            self.see(&address, revision)?;
            match self.owed.get_mut(&address) {
                Some(owed) if owed.times > 0 => owed.times -= 1,
                _ if at.at_once => return Err(Violation::Unasked { address }),
                _ => {}
            }
        }
        Ok(())
    }

    fn receive_ack(&mut self, ack: &Ack, message: &Message) -> Result<(), Violation> {
        if let (Some(address), Some(revision)) = (&ack.address, ack.revision) {
            let is_own_copy = |expected: &&Expected| {
                let Message::Set(set) = &expected.delivery.message else {
                    return false;
                };
                expected.certain && set.address == *address && set.revision == Some(revision)
            };
            if self.expected.iter().any(|expected| is_own_copy(&expected)) {
                return Err(Violation::AckFirst {
                    address: address.clone(),
                    revision,
                });
            }
        }
        let expected = self.answers.pop_front();
        match &expected {
            Some(Answer::Ack { address, revision })
                if *address == ack.address && *revision == ack.revision =>
            {
                Ok(())
            }
            _ => Err(wrong_answer(message, expected.as_ref())),
        }
    }

    fn receive_error(&mut self, error: &ErrorMessage, message: &Message) -> Result<(), Violation> {
        let expected = self.answers.pop_front();
        let code = Code::from_number(error.code);
        match &expected {
            Some(Answer::Error(refused))
                if code.is_some_and(|code| refused.codes.contains(&code))
                    && refused.address == error.address =>
            {
                Ok(())
            }
            _ => Err(wrong_answer(message, expected.as_ref())),
        }
    }

    fn see(&mut self, address: &str, revision: u64) -> Result<(), Violation> {
        let seen = self.seen.entry(address.to_string()).or_insert(revision);
        if *seen > revision {
            return Err(Violation::Older {
                address: address.into(),
                shown: revision,
                seen: *seen,
            });
        }
        *seen = revision;
        Ok(())
    }
}

fn wrong_answer(got: &Message, expected: Option<&Answer>) -> Violation {
    let expected = expected.map(|answer| format!("{answer:?}"));
    Violation::Answer {
        got: brief(got),
        expected,
    }
}

/// What makes two messages values of the same thing, of which only the newest counts under
/// pressure (protocol/router.md 16.1).
fn replaceable(message: &Message) -> Option<(&str, Signal, Option<u32>)> {
    match message {
        Message::Set(set) => Some((&set.address, Signal::Param, None)),
        Message::Publish(publish) => match publish.signal {
            Some(Signal::Stream) => Some((&publish.address, Signal::Stream, None)),
            Some(Signal::Gesture) if publish.phase == Some(Phase::Move) => {
                Some((&publish.address, Signal::Gesture, publish.id))
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_move(message: &Message) -> bool {
    matches!(replaceable(message), Some((_, Signal::Gesture, _)))
}

/// What a message is about: an address, or one of the gestures there.
fn thing_of(message: &Message) -> Option<(&str, Option<u32>)> {
    match message {
        Message::Set(set) => Some((&set.address, None)),
        Message::Publish(publish) => Some((&publish.address, publish.id)),
        _ => None,
    }
}

/// By what limits remember a value: params and streams of an address on their own.
fn lane_of(message: &Message) -> Option<(String, Signal)> {
    match message {
        Message::Set(set) => Some((set.address.clone(), Signal::Param)),
        Message::Publish(publish) => {
            let signal = publish
                .signal
                .filter(|signal| matches!(signal, Signal::Stream))?;
            Some((publish.address.clone(), signal))
        }
        _ => None,
    }
}
