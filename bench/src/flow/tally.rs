//! What was sent and what came back.

use super::publisher::Publisher;
use crate::histogram::Histogram;
use crate::protocol::Event;
use crate::system::now;
use std::collections::HashMap;

pub(super) struct Tally {
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) acks: u64,
    pub(super) errors: u64,
    /// Errors that say that messages were dropped.
    pub(super) drop_notices: u64,
    pub(super) last_error: String,
    pub(super) latency: Histogram,
    /// The value last acknowledged, by address; for the kill test.
    pub(super) acknowledged: HashMap<String, f64>,
    /// Stamps before this are not of this run.
    start: u64,
}

/// The events of one read share one reading of the clock, taken when the first is met.
#[derive(Default)]
pub(super) struct ReadTime(Option<u64>);

impl Tally {
    pub(super) fn new(start: u64) -> Self {
        Self {
            sent: 0,
            received: 0,
            acks: 0,
            errors: 0,
            drop_notices: 0,
            last_error: String::new(),
            latency: Histogram::new(),
            acknowledged: HashMap::new(),
            start,
        }
    }

    /// Begins the run: what was recorded before is not counted.
    pub(super) fn start(&mut self, at: u64) {
        self.start = at;
    }

    /// Counts an event and its latency; `publisher` is whose connection it came on.
    #[inline]
    pub(super) fn record(
        &mut self,
        event: &Event<'_>,
        time: &mut ReadTime,
        publisher: Option<&mut Publisher>,
    ) {
        match event {
            Event::Message { stamp } => {
                self.received += 1;
                let sent_at = *stamp as u64;
                if sent_at >= self.start {
                    self.latency.add(time.get().saturating_sub(sent_at));
                }
            }
            Event::Ack { address } => {
                self.acks += 1;
                let Some(publisher) = publisher else { return };
                if let Some(sent_at) = publisher.sent_at.pop_front() {
                    self.latency.add(time.get().saturating_sub(sent_at));
                }
                if let Some((set, value)) = publisher.unacknowledged.pop_front() {
                    debug_assert!(address.is_empty() || *address == set.as_bytes());
                    self.acknowledged.insert(set, value);
                }
            }
            event => self.count(event),
        }
    }

    /// Counts an event.
    #[inline]
    pub(super) fn count(&mut self, event: &Event<'_>) {
        match event {
            Event::Message { .. } => self.received += 1,
            Event::Ack { .. } => self.acks += 1,
            Event::Error { code, text } => self.count_error(*code, text),
            _ => {}
        }
    }

    #[cold]
    fn count_error(&mut self, code: u16, text: &[u8]) {
        self.errors += 1;
        self.drop_notices += u64::from(code == DROPPED);
        self.last_error = format!("{code} {}", String::from_utf8_lossy(text));
    }
}

impl ReadTime {
    #[inline]
    fn get(&mut self) -> u64 {
        *self.0.get_or_insert_with(now)
    }
}

/// The error number by which a relay says that it dropped messages.
const DROPPED: u16 = 503;
