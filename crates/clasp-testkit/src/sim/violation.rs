//! What the simulation can find wrong.

use clasp_proto::{DecodeError, FrameError};
use thiserror::Error;

use crate::oracle::Answer;

/// A rule of the protocol that the router broke, as one session saw it.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum Violation {
    #[error("a frame cannot be read: {0}")]
    Frame(#[from] FrameError),
    #[error("a payload cannot be read: {0}")]
    Payload(#[from] DecodeError),
    #[error("a message that it was not to get, or not again: {0}")]
    Unexpected(String),
    #[error("{got} came before {missing}, which was sent earlier")]
    Order { got: String, missing: String },
    #[error("{got} came between the members of a bundle; {missing} was to come next")]
    Torn { got: String, missing: String },
    #[error("never delivered: {0}")]
    Missing(String),
    #[error("{left_out} values were left out, but only {superseded} were superseded")]
    Lost { left_out: u64, superseded: u64 },
    #[error("{address} was shown at revision {shown} after {seen}")]
    Older {
        address: String,
        shown: u64,
        seen: u64,
    },
    #[error("{address} was shown at revision {revision} with what was not written there")]
    Wrong { address: String, revision: u64 },
    #[error("a snapshot shows {address}, which was not asked for")]
    Unasked { address: String },
    #[error("a snapshot does not show {address}, at revision {revision} or later")]
    NotShown { address: String, revision: u64 },
    #[error("the answer is {got}, and not {expected:?}")]
    Answer {
        got: String,
        expected: Option<String>,
    },
    #[error("no answer came: {0}")]
    Unanswered(String),
    #[error("the ACK of {address} at {revision} came before the writer's own copy")]
    AckFirst { address: String, revision: u64 },
    #[error("{got} came {after_us} us after the one before, against max_rate")]
    TooFast { got: String, after_us: u64 },
    #[error("{got} is too near to {last}, against epsilon")]
    TooNear { got: String, last: String },
    #[error("{0} was held back although nothing allows that")]
    HeldBack(String),
    #[error("{0} was the last value and did not arrive")]
    LastValue(String),
    #[error("closed with nothing to close it for")]
    ClosedWithoutReason,
    #[error("{queued} bytes wait, the budget is {budget}")]
    OverBudget { queued: usize, budget: usize },
    #[error("the router stores {stored} params, the bound is {max}")]
    OverCapacity { stored: usize, max: usize },
    #[error("an export holds {got}, and not {expected}")]
    Exported { got: String, expected: String },
    #[error("after a restart there is {got}, and not {expected}")]
    Restored { got: String, expected: String },
    #[error("{operation} was answered with {got}, and not with {expected}")]
    Result {
        operation: String,
        got: String,
        expected: String,
    },
}

impl Violation {
    pub(super) fn unanswered(answer: &Answer) -> Self {
        Self::Unanswered(format!("{answer:?}"))
    }
}
