//! Announced signals: what QUERY answers from.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clasp_proto::{Address, Pattern, SignalDefinition};

use crate::limits::SIGNAL_BYTES_MAX;
use crate::refusal::Refusal;
use crate::sync::Mutex;
use crate::time::Tick;

/// The table of announced signals, by address.
#[derive(Debug)]
pub(crate) struct Signals {
    max: usize,
    ttl: Option<Duration>,
    table: Mutex<HashMap<Arc<str>, Announced>>,
}

#[derive(Debug)]
struct Announced {
    definition: SignalDefinition,
    expires_at: Tick,
}

impl Signals {
    pub(crate) fn new(max: usize, ttl: Option<Duration>) -> Self {
        Self {
            max,
            ttl,
            table: Mutex::new(HashMap::new()),
        }
    }

    /// Takes all of `signals` or none; the last announcement of an address holds.
    /// // protocol/router.md 10.1, 10.4
    pub(crate) fn announce(&self, signals: &[SignalDefinition], now: Tick) -> Result<(), Refusal> {
        for signal in signals {
            Address::check(&signal.address)?;
            if size(signal) > SIGNAL_BYTES_MAX {
                return Err(Refusal::SignalTooLarge {
                    max: SIGNAL_BYTES_MAX,
                });
            }
        }
        let expires_at = self.ttl.map_or(Tick::NEVER, |ttl| now.after(ttl));
        let mut table = self.table.lock();
        if table.len() + signals.len() > self.max {
            table.retain(|_, announced| announced.expires_at > now);
            let mut new: Vec<_> = signals
                .iter()
                .map(|signal| signal.address.as_str())
                .filter(|address| !table.contains_key(*address))
                .collect();
            new.sort_unstable();
            new.dedup();
            if table.len() + new.len() > self.max {
                return Err(Refusal::SignalsFull { max: self.max });
            }
        }
        for signal in signals {
            let announced = Announced {
                // RESULT carries no meta. // protocol/wire.md 6.15
                definition: SignalDefinition {
                    meta: None,
                    ..signal.clone()
                },
                expires_at,
            };
            table.insert(signal.address.as_str().into(), announced);
        }
        Ok(())
    }

    /// The signals that match, by address. // protocol/router.md 10.2
    pub(crate) fn query(&self, pattern: &Pattern, now: Tick) -> Vec<SignalDefinition> {
        let table = self.table.lock();
        let mut found: Vec<_> = table
            .values()
            .filter(|announced| announced.expires_at > now)
            .filter(|announced| pattern.matches(&announced.definition.address))
            .map(|announced| announced.definition.clone())
            .collect();
        found.sort_by(|left, right| left.address.cmp(&right.address));
        found
    }
}

/// Bytes of the texts of a signal, as far as a RESULT carries them.
pub(crate) fn size(signal: &SignalDefinition) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    signal.address.len() + text(&signal.datatype) + text(&signal.access)
}
