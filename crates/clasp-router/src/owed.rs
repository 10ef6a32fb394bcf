//! Owed: answers to writes that wait, in their order, until what they speak of is kept.
//!
//! A peer that has several writes on their way tells their answers apart by nothing but address
//! and order. So a refusal waits behind the ACKs of the writes before it.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use crate::limits::{OWED_ANSWERS_MAX, OWED_BYTES_MAX};
use crate::tap::Kept;

/// The answers of one session that wait.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    answers: VecDeque<Answer>,
    /// Their payloads, one behind the other.
    bytes: VecDeque<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    /// It goes when writes up to this number are kept.
    sequence: u64,
    length: usize,
}

/// What becomes of the first answer.
pub(crate) enum Due {
    /// Its payload is at hand.
    Now,
    /// Nothing is being kept any more, or for too long.
    NotKept,
}

impl Owed {
    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.answers.len() >= OWED_ANSWERS_MAX || self.bytes.len() >= OWED_BYTES_MAX
    }

    pub(crate) fn sequences(&self) -> Option<RangeInclusive<u64>> {
        let (first, last) = (self.answers.front()?, self.answers.back()?);
        Some(first.sequence..=last.sequence)
    }

    pub(crate) fn push(&mut self, sequence: u64, payload: &[u8]) {
        let last = self.answers.back().map_or(0, |last| last.sequence);
        self.answers.push_back(Answer {
            sequence: sequence.max(last),
            length: payload.len(),
        });
        self.bytes.extend(payload);
    }

    /// Takes the first answer into `payload`, if it waits no longer.
    pub(crate) fn take(&mut self, kept: Kept, payload: &mut Vec<u8>) -> Option<Due> {
        let first = *self.answers.front()?;
        let due = match first.sequence <= kept.up_to {
            true => Due::Now,
            false if kept.has_stopped => Due::NotKept,
            false => return None,
        };
        self.answers.pop_front();
        payload.clear();
        payload.extend(self.bytes.drain(..first.length));
        if self.answers.is_empty() && self.bytes.capacity() > CAPACITY_KEPT {
            *self = Self::default();
        }
        Some(due)
    }
}

/// Memory that stays with a session between two times of waiting, so that one that is idle
/// costs little.
const CAPACITY_KEPT: usize = 4096;
