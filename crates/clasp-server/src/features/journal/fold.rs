//! Records as the state that they led to: one param for each address is in memory, whatever the number of records.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clasp_proto::Ttl;
use clasp_proto::binary::{self, MessageRef, SetRef};
use clasp_router::{Export, ExportedParam, Stored, Timestamp};
use clasp_store::journal::{OwnedRecord, OwnedWrite};

/// A state, and what becomes of it.
pub(super) struct Fold {
    at: Timestamp,
    sequence: u64,
    forgotten: u64,
    /// What holds for params without a time to live of their own.
    default_ttl: Option<Duration>,
    params: HashMap<Arc<str>, ExportedParam>,
}

/// A record that is no write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoWrite;

impl Fold {
    /// Begins with a state. Its params without a time to live of their own get the default of now, from their last
    /// write on. // protocol/router.md 6.17
    pub(super) fn new(base: Export, default_ttl: Option<Duration>) -> Self {
        let is_same = base.param_ttl == default_ttl;
        let params = base.params.into_iter().map(|mut param| {
            if param.ttl.is_none() && !is_same {
                param.expires_at = after(param.written_at, default_ttl);
            }
            (Arc::clone(&param.address), param)
        });
        Self {
            at: base.at,
            sequence: base.sequence,
            forgotten: base.forgotten,
            default_ttl,
            params: params.collect(),
        }
    }

    /// Applies what was done after it.
    pub(super) fn apply(&mut self, record: &OwnedRecord) -> Result<(), NoWrite> {
        // By the clock of the last record, also when that was set back: else all that came since would seem to be over.
        self.at = Timestamp(record.at_us);
        self.sequence = record.sequence;
        for write in &record.writes {
            match binary::view(&write.payload) {
                Ok(MessageRef::Set(set)) => self.set(&set, write, record)?,
                Ok(MessageRef::Publish(_)) => {}
                _ => return Err(NoWrite),
            }
        }
        Ok(())
    }

    pub(super) fn into_export(self) -> Export {
        Export {
            at: self.at,
            sequence: self.sequence,
            param_ttl: self.default_ttl,
            forgotten: self.forgotten,
            params: self.params.into_values().collect(),
        }
    }

    /// What the router did, in short: it was admitted, and its value is the one that was stored.
    fn set(
        &mut self,
        set: &SetRef<'_>,
        write: &OwnedWrite,
        record: &OwnedRecord,
    ) -> Result<(), NoWrite> {
        let revision = set.revision.ok_or(NoWrite)?;
        let written_at = Timestamp(record.at_us);
        let held = self.params.get_mut(set.address);
        // One that made its param has a signal.
        let goes_on = write.signal.is_none();
        let before = held.as_deref().filter(|_| goes_on);
        let ttl = set.ttl.or_else(|| before.and_then(|held| held.ttl));
        let in_seconds =
            |seconds: u32| after(written_at, Some(Duration::from_secs(seconds.into())));
        // protocol/router.md 6.12, 6.13
        let expires_at = match ttl {
            Some(Ttl::Never) => None,
            Some(Ttl::Sliding(seconds)) => in_seconds(seconds),
            Some(Ttl::Absolute(seconds)) => match (set.ttl, before) {
                (None, Some(held)) => held.expires_at,
                _ => in_seconds(seconds),
            },
            None => after(written_at, self.default_ttl),
        };
        let param = |address: Arc<str>| ExportedParam {
            address,
            value: Stored::new(set.value),
            revision,
            writer: Arc::clone(&record.author),
            written_at,
            ttl,
            expires_at,
        };
        match held {
            Some(held) => *held = param(Arc::clone(&held.address)),
            None => {
                let address: Arc<str> = set.address.into();
                self.params.insert(Arc::clone(&address), param(address));
            }
        }
        Ok(())
    }
}

fn after(at: Timestamp, ttl: Option<Duration>) -> Option<Timestamp> {
    let micros = u64::try_from(ttl?.as_micros()).ok()?;
    Some(Timestamp(at.0.saturating_add(micros)))
}

#[cfg(test)]
mod tests;
