//! Operations: what can be asked of the router, and what it answers.

use std::sync::Arc;

use clasp_proto::binary::{PublishRef, SetRef};
use clasp_proto::{Announce, Subscribe};

use crate::session::Session;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The session on whose behalf the operation is done.
    pub session: &'a Arc<Session>,
}

/// Something to do. Addresses and patterns are as they came: the router validates them.
#[derive(Debug)]
pub enum Operation<'a> {
    /// Give an address a value.
    Set(SetRef<'a>),
    /// Tell subscribers of an address something.
    Publish(PublishRef<'a>),
    /// Several writes, all or none.
    Bundle(Bundle<'a>),
    /// Answer with the value of an address.
    Get(&'a str),
    /// Deliver what matches a pattern, beginning with the values that are there.
    Subscribe(&'a Subscribe),
    /// End a subscription.
    Unsubscribe(u32),
    /// Make signals known to QUERY.
    Announce(&'a Announce),
    /// Answer with the announced signals that match a pattern.
    Query(Query<'a>),
}

/// A question for announced signals.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Which; as it came.
    pub pattern: &'a str,
    /// True for a peer that takes every further RESULT for the answer to its next question: it
    /// gets what fits into one, and is told what is missing.
    pub in_one_result: bool,
}

/// Several writes that are applied together.
#[derive(Clone, Copy, Debug)]
pub struct Bundle<'a> {
    /// The v1 payload of the BUNDLE message.
    pub payload: &'a [u8],
    /// True if the sender is to get an ACK when it is applied.
    pub wants_ack: bool,
}

/// What an applied operation tells its caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The revision of the (last) SET.
    pub revision: Option<u64>,
    /// The number of the last write, for those that wait until it is durable.
    pub sequence: u64,
    /// False for a bundle that waits for its time: its ACK comes when it is applied.
    pub is_applied: bool,
}
