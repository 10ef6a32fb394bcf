//! One param of the oracle: revision, lock, strategy and time to live (protocol/router.md 6).

use clasp_proto::{Code, Set, Ttl, Value};

use super::{Moment, Who};

/// How two writes of one address are reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    Lww,
    Max,
    Min,
    Lock,
    Merge,
}

#[derive(Clone, Debug)]
pub(crate) struct Param {
    pub(crate) value: Value,
    pub(crate) revision: u64,
    pub(crate) writer: Who,
    pub(crate) holder: Option<Who>,
    ttl: Option<Ttl>,
    expires_at: Option<Moment>,
}

/// How full the store is.
#[derive(Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) stored: usize,
    /// 0 for any number.
    pub(crate) max: usize,
}

/// An accepted SET.
pub(crate) struct Write<'a> {
    pub(crate) who: Who,
    pub(crate) set: &'a Set,
    pub(crate) strategy: Strategy,
    pub(crate) now: Moment,
    pub(crate) default_ttl: Option<Moment>,
}

impl Capacity {
    pub(crate) fn refusal(self, held: Option<&Param>) -> Option<Code> {
        let full = held.is_none() && self.max > 0 && self.stored >= self.max;
        full.then_some(Code::Overloaded)
    }
}

/// Everything that speaks against a write.
pub(crate) fn refusals(who: Who, set: &Set, held: Option<&Param>, strategy: Strategy) -> Vec<Code> {
    let mut codes = Vec::new();
    let actual = held.map_or(0, |param| param.revision);
    if set.revision.is_some_and(|expected| expected != actual) {
        codes.push(Code::RevisionConflict);
    }
    let Some(held) = held else { return codes };
    if held.holder.is_some_and(|holder| holder != who) {
        codes.push(Code::LockHeld);
    }
    let outdone = match (strategy, number(&held.value), number(&set.value)) {
        (Strategy::Max, Some(old), Some(new)) => new <= old,
        (Strategy::Min, Some(old), Some(new)) => new >= old,
        _ => false,
    };
    if outdone {
        codes.push(Code::RevisionConflict);
    }
    codes
}

impl Write<'_> {
    pub(crate) fn apply(&self, held: Option<Param>, revision: u64) -> Param {
        let before = held.as_ref();
        let ttl = self.set.ttl.or_else(|| before?.ttl);
        let holder = match (self.set.lock, self.set.unlock) {
            (true, _) => Some(self.who),
            (false, true) => None,
            (false, false) => before.and_then(|param| param.holder),
        };
        let expires_at = match ttl {
            Some(Ttl::Never) => None,
            Some(Ttl::Sliding(seconds)) => Some(self.now + seconds_of(seconds)),
            Some(Ttl::Absolute(seconds)) => match (self.set.ttl, before) {
                (None, Some(param)) => param.expires_at,
                _ => Some(self.now + seconds_of(seconds)),
            },
            None => self.default_ttl.map(|ttl| self.now + ttl),
        };
        let value = match (
            self.strategy,
            held.map(|param| param.value),
            &self.set.value,
        ) {
            (Strategy::Merge, Some(Value::Map(mut merged)), Value::Map(added)) => {
                merged.extend(added.clone());
                Value::Map(merged)
            }
            (_, _, value) => value.clone(),
        };
        Param {
            value,
            revision,
            writer: self.who,
            holder,
            ttl,
            expires_at,
        }
    }
}

impl Param {
    pub(crate) fn is_expired(&self, now: Moment) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    pub(crate) fn was_read(&mut self, now: Moment) {
        if let Some(Ttl::Sliding(seconds)) = self.ttl {
            self.expires_at = Some(now + seconds_of(seconds));
        }
    }
}

/// A value as a number, if it is one.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(int) => Some(*int as f64),
        Value::Float(float) => Some(*float),
        _ => None,
    }
}

const fn seconds_of(seconds: u32) -> Moment {
    seconds as Moment * 1_000_000
}
