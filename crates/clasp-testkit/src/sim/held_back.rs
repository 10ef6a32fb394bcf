//! max_rate and epsilon, checked from outside: what was left out, and was that allowed?

use clasp_proto::Message;

use super::describe::brief;
use super::receiver::Circumstances;
use super::violation::Violation;
use crate::oracle::{Limits, Moment};

/// The values of one address that went to one session with limits.
#[derive(Default)]
pub(super) struct HeldBack {
    limits: Vec<Limits>,
    last: Option<Delivered>,
    /// The newest value that did not arrive yet.
    waiting: Option<Offered>,
    /// What was delivered was judged by other limits: it says nothing about what comes next.
    mixed: bool,
    /// Subscriptions changed since the last settling.
    changed: bool,
}

struct Delivered {
    message: Message,
    at: Moment,
}

struct Offered {
    message: Message,
    at: Moment,
}

impl HeldBack {
    /// A value was written.
    pub(super) fn offer(&mut self, message: &Message, limits: &[Limits], now: Moment) {
        if self.limits != limits {
            self.mixed = !self.limits.is_empty();
            self.limits = limits.to_vec();
        }
        self.waiting = Some(Offered {
            message: message.clone(),
            at: now,
        });
    }

    /// Subscriptions changed: what was delivered before them need not count.
    pub(super) fn forget(&mut self) {
        self.changed = true;
    }

    /// A value arrived.
    pub(super) fn deliver(
        &mut self,
        message: &Message,
        certain: bool,
        at: Circumstances<'_>,
    ) -> Result<(), Violation> {
        if !certain && at.prompt {
            self.check_limits(message, at.now)?;
        }
        if certain
            || self
                .waiting
                .as_ref()
                .is_some_and(|waiting| waiting.message == *message)
        {
            self.waiting = None;
        }
        self.mixed &= certain;
        self.last = Some(Delivered {
            message: message.clone(),
            at: at.now,
        });
        Ok(())
    }

    /// Whether what still waits is allowed to.
    pub(super) fn settle(&mut self, at: Circumstances<'_>) -> Result<(), Violation> {
        if core::mem::take(&mut self.changed) {
            self.mixed = true;
            self.waiting = None;
        }
        let Some(waiting) = &self.waiting else {
            return Ok(());
        };
        let Some(last) = &self.last else {
            return Err(Violation::HeldBack(brief(&waiting.message)));
        };
        let near = |limits: &&Limits| limits.are_near(&last.message, &waiting.message);
        if self.limits.iter().all(|limits| near(&limits)) || self.mixed {
            return Ok(());
        }
        let far = self.limits.iter().filter(|limits| !near(limits));
        let interval = far.map(|limits| limits.interval).max().unwrap_or(0);
        if !at.prompt {
            return Ok(());
        }
        if waiting.at >= last.at + interval {
            return Err(Violation::HeldBack(brief(&waiting.message)));
        }
        if at.now >= last.at + interval {
            return Err(Violation::LastValue(brief(&waiting.message)));
        }
        Ok(())
    }

    /// With one subscription it is clear what it has to leave out.
    fn check_limits(&self, message: &Message, now: Moment) -> Result<(), Violation> {
        let judged_otherwise = self.mixed || self.changed;
        let (Some(last), [limits], false) = (&self.last, &self.limits[..], judged_otherwise) else {
            return Ok(());
        };
        let after_us = now - last.at;
        if after_us < limits.interval {
            return Err(Violation::TooFast {
                got: brief(message),
                after_us,
            });
        }
        if limits.are_near(&last.message, message) {
            return Err(Violation::TooNear {
                got: brief(message),
                last: brief(&last.message),
            });
        }
        Ok(())
    }
}
