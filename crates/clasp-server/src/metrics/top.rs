//! What `clasp top` is told: totals to make rates of, and the hottest addresses.

use std::collections::BTreeMap;

use clasp_proto::Code;
use serde::{Deserialize, Serialize};

use super::{Kind, Reading, reading};
use crate::counters::Ending;
use crate::limits::HOT_ADDRESSES_TOLD;
use crate::shared::Shared;

/// A server at a moment. Counts are since its start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Top {
    /// What the server calls itself.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// Seconds since the start, by a clock that never jumps.
    pub uptime_seconds: f64,
    /// Sessions at this moment.
    pub sessions: u64,
    /// Their subscriptions.
    pub subscriptions: u64,
    /// Stored params.
    pub params: u64,
    /// Messages received, by type.
    pub messages: BTreeMap<String, u64>,
    /// Copies of messages handed to subscribers.
    pub deliveries: u64,
    /// Bytes received from sessions.
    pub received_bytes: u64,
    /// Bytes sent to sessions.
    pub sent_bytes: u64,
    /// Messages that were not passed on, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Values that a newer one replaced before they were sent.
    pub superseded: u64,
    /// ERROR messages sent, by code.
    pub errors: BTreeMap<String, u64>,
    /// Sessions that ended, by reason.
    pub ended: BTreeMap<String, u64>,
    /// Bytes that wait to be sent.
    pub queued_bytes: u64,
    /// Those of the session with most of them.
    pub queued_bytes_max: u64,
    /// Memory of the process, where the system tells.
    pub resident_bytes: Option<u64>,
    /// The addresses with most messages, the hottest first.
    pub addresses: Vec<HotAddress>,
}

/// An address with much traffic. The figures are estimates from samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HotAddress {
    /// The address.
    pub address: String,
    /// Messages about it; too many by no more than `excess`.
    pub count: u64,
    /// What may belong to addresses that were hot before.
    pub excess: u64,
}

impl Top {
    pub(crate) fn of(shared: &Shared) -> Self {
        let reading = Reading::of(shared);
        let addresses = reading::hottest(shared, HOT_ADDRESSES_TOLD);
        Self {
            name: shared.plan.name.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: shared.clock.tick().0 as f64 / MICROS,
            sessions: reading.sessions as u64,
            subscriptions: reading.subscriptions as u64,
            params: reading.params as u64,
            messages: named(Kind::ALL.map(Kind::label), reading.totals.messages),
            deliveries: reading.totals.tally.deliveries,
            received_bytes: reading.totals.received_bytes,
            sent_bytes: reading.totals.sent_bytes,
            dropped: named(reading.dropped().map(|(reason, _)| reason), {
                reading.dropped().map(|(_, count)| count)
            }),
            superseded: reading.totals.tally.superseded,
            errors: named(
                Code::ALL.map(|code| code.number()),
                reading.totals.tally.errors,
            ),
            ended: named(Ending::ALL.map(Ending::label), reading.ended),
            queued_bytes: reading.queued_bytes as u64,
            queued_bytes_max: reading.queued_bytes_max as u64,
            resident_bytes: reading.resources.resident_bytes,
            addresses: addresses
                .into_iter()
                .map(|entry| HotAddress {
                    address: entry.address,
                    count: entry.count,
                    excess: entry.excess,
                })
                .collect(),
        }
    }
}

/// Only what there was.
fn named<const N: usize>(names: [impl ToString; N], counts: [u64; N]) -> BTreeMap<String, u64> {
    let all = names.iter().map(ToString::to_string).zip(counts);
    all.filter(|(_, count)| *count > 0).collect()
}

const MICROS: f64 = 1e6;
