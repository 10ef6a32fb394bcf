//! Who gets a message, as the oracle sees it: a scan over all subscriptions (protocol/router.md 5).

use clasp_proto::{Message, Signal, SubscribeOptions, TypeMask};

use super::param::number;
use super::{Delivery, Moment, Who, matches};

#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) pattern: String,
    pub(crate) types: TypeMask,
    pub(crate) limits: Option<Limits>,
}

/// What a subscription leaves out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Microseconds between two values of an address.
    pub(crate) interval: Moment,
    /// Numbers that are nearer to the last one are left out.
    pub(crate) epsilon: f64,
}

/// Whether a session gets a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    No,
    Yes,
    /// Unless each of these leaves it out.
    Limited(Vec<Limits>),
}

pub(super) fn verdict<'s>(
    subscriptions: impl Iterator<Item = &'s Subscription>,
    who: Who,
    delivery: &Delivery,
) -> Verdict {
    let (address, signal) = match &delivery.message {
        Message::Set(set) => (&set.address, Some(Signal::Param)),
        // No echo of a PUBLISH.
        Message::Publish(_) if delivery.publisher == who => return Verdict::No,
        Message::Publish(publish) => (&publish.address, publish.signal),
        _ => return Verdict::No,
    };
    let takes = |subscription: &&Subscription| {
        signal.is_none_or(|signal| subscription.types.allows(signal))
            && matches(&subscription.pattern, address)
    };
    let limits: Vec<Option<Limits>> = subscriptions
        .filter(takes)
        .map(|subscription| subscription.limits)
        .collect();
    // A PUBLISH of signal param is no value of the param.
    let limitable = match &delivery.message {
        Message::Set(_) => true,
        _ => signal == Some(Signal::Stream),
    };
    match limits.iter().copied().collect::<Option<Vec<Limits>>>() {
        Some(limits) if limits.is_empty() => Verdict::No,
        Some(limits) if limitable => Verdict::Limited(limits),
        _ => Verdict::Yes,
    }
}

impl Limits {
    /// What options limit: a rate of 0 and an epsilon that is no positive number do not.
    pub(crate) fn of(options: &SubscribeOptions) -> Option<Self> {
        let rate = options.max_rate.filter(|rate| *rate > 0);
        let interval = rate.map_or(0, |rate| 1_000_000 / Moment::from(rate));
        let epsilon = options
            .epsilon
            .filter(|epsilon| *epsilon > 0.0)
            .unwrap_or(0.0);
        (interval > 0 || epsilon > 0.0).then_some(Self { interval, epsilon })
    }

    /// Whether both are numbers that are nearer than epsilon.
    pub(crate) fn are_near(&self, old: &Message, new: &Message) -> bool {
        let number_of = |message: &Message| match message {
            Message::Set(set) => number(&set.value),
            Message::Publish(publish) => publish.value.as_ref().and_then(number),
            _ => None,
        };
        match (number_of(old), number_of(new)) {
            (Some(old), Some(new)) => (new - old).abs() < self.epsilon,
            _ => false,
        }
    }
}
