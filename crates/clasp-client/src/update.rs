//! What a subscription is told of.

use clasp_proto::{Phase, Signal, Value};

/// One change of a param, or one publication.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The address that changed or was published to.
    pub address: String,
    /// The value; null for a publication without one. Samples of a stream come as an array of floats.
    pub value: Value,
    /// What kind of signal this is; changes of a param are [`Signal::Param`].
    pub signal: Signal,
    /// The revision of a param, counted from 1.
    pub revision: Option<u64>,
    /// Session that wrote the param, where the router tells it.
    pub writer: Option<String>,
    /// Microseconds since the Unix epoch: of the write, or as given by the publisher.
    pub timestamp: Option<u64>,
    /// Where a gesture stands.
    pub phase: Option<Phase>,
    /// Which of several gestures at one address.
    pub gesture: Option<u32>,
    /// True when this was known before the subscription, false when it happened just now.
    pub from_snapshot: bool,
}
