//! A route: the sessions that messages of an address go to.

use std::sync::Arc;

use clasp_proto::{Signal, TypeMask};

use crate::filter::Limits;
use crate::index::Subscription;
use crate::session::{Session, SessionKey};

/// The targets of all addresses that match the same subscriptions.
#[derive(Debug)]
pub(crate) struct Route {
    /// The generation of the index that it was read from.
    pub(crate) generation: u64,
    pub(crate) targets: Box<[Target]>,
    /// True if some target has limits, so that each message must be judged for it.
    pub(crate) has_limits: bool,
}

/// One session of a route; it gets one copy of a message, however many subscriptions match.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) session: Arc<Session>,
    /// What its subscriptions without limits let through, if it has any.
    pub(crate) mask: Option<TypeMask>,
    /// Its subscriptions with limits, judged where the mask does not let a message through.
    pub(crate) limited: Box<[Limited]>,
}

/// A subscription with max_rate or epsilon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limited {
    pub(crate) mask: TypeMask,
    pub(crate) limits: Limits,
}

impl Route {
    /// The route to all who hold `found`.
    pub(crate) fn new(generation: u64, mut found: Vec<&Arc<Subscription>>) -> Self {
        found.sort_unstable_by_key(|subscription| subscription.session.key);
        let targets: Box<[_]> = found
            .chunk_by(|left, right| left.session.key == right.session.key)
            .map(Target::new)
            .collect();
        let has_limits = targets.iter().any(|target| !target.limited.is_empty());
        Self {
            generation,
            targets,
            has_limits,
        }
    }

    /// True if a message goes to somebody.
    pub(crate) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}

impl Target {
    fn new(subscriptions: &[&Arc<Subscription>]) -> Self {
        let mut mask: Option<TypeMask> = None;
        let mut limited = Vec::new();
        for subscription in subscriptions {
            match subscription.limits {
                None => {
                    let more = subscription.mask;
                    mask = Some(mask.map_or(more, |mask| mask.union(more)));
                }
                Some(limits) => limited.push(Limited {
                    mask: subscription.mask,
                    limits,
                }),
            }
        }
        Self {
            session: Arc::clone(&subscriptions[0].session),
            mask,
            limited: limited.into_boxed_slice(),
        }
    }

    pub(crate) fn is(&self, session: SessionKey) -> bool {
        self.session.key == session
    }

    /// True if a subscription with or without limits lets `signal` through.
    pub(crate) fn wants(&self, signal: Signal) -> bool {
        self.takes(Some(signal)) || self.limits(signal)
    }

    /// True if a subscription with limits lets `signal` through.
    pub(crate) fn limits(&self, signal: Signal) -> bool {
        let mut limited = self.limited.iter();
        limited.any(|limited| limited.mask.allows(signal))
    }

    /// True if a subscription without limits lets `signal` through. A message that names no
    /// signal passes every mask. // protocol/router.md 5.4
    pub(crate) fn takes(&self, signal: Option<Signal>) -> bool {
        let Some(mask) = self.mask else { return false };
        signal.is_none_or(|signal| mask.allows(signal))
    }
}
