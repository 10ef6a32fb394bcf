//! Export: all params at one moment, to be kept where they survive a restart.

use std::sync::Arc;
use std::time::Duration;

use clasp_proto::Ttl;

use crate::param::{Param, Stored};
use crate::router::Router;
use crate::slot::Slot;
use crate::time::{Now, Tick, Timestamp};

/// All params as they were at one moment: a bundle is in it as a whole, or not at all. Params that
/// have expired are not in it, and neither are locks, which end with their sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// The moment, on the wall clock.
    pub at: Timestamp,
    /// The number of the last write in it, of those that are recorded.
    pub sequence: u64,
    /// How long params without a time to live of their own are kept after a write.
    pub param_ttl: Option<Duration>,
    /// The highest revision of an address that is no longer there.
    pub forgotten: u64,
    /// The params, in no order.
    pub params: Vec<ExportedParam>,
}

/// One param of an [`Export`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedParam {
    /// Where it is.
    pub address: Arc<str>,
    /// What it holds.
    pub value: Stored,
    /// Which write of the address that was.
    pub revision: u64,
    /// The session that wrote it.
    pub writer: Arc<str>,
    /// When that was.
    pub written_at: Timestamp,
    /// The time to live that a writer asked for; without one the default holds.
    pub ttl: Option<Ttl>,
    /// When it expires if nobody uses it, on the wall clock of the export; `None` for never.
    pub expires_at: Option<Timestamp>,
}

impl Router {
    /// Copies all params. Nobody can write while the copies are made, which share the bytes of
    /// texts and large values: some 10 ms for 100,000 params.
    #[must_use]
    pub fn export(&self, now: Now) -> Export {
        let mut params = Vec::with_capacity(self.params());
        let mut forgotten = 0;
        // All are locked before the first is read, so that no bundle is in some of them only.
        // Each is free again when it has been read: what changes then is behind the moment.
        let locked: Vec<_> = self.shards.iter().map(|shard| shard.lock()).collect();
        let sequence = *self.recorded.lock();
        for shard in locked {
            forgotten = forgotten.max(shard.forgotten());
            for slot in shard.slots() {
                match exported(slot, now) {
                    Some(param) => params.push(param),
                    // It has expired, and the shard does not know yet.
                    None => forgotten = forgotten.max(slot.revision()),
                }
            }
        }
        Export {
            at: now.wall,
            sequence,
            param_ttl: self.config.param_ttl,
            forgotten,
            params,
        }
    }

    /// Counts up with every change that an export shows; the same number means the same params.
    #[must_use]
    pub fn changes(&self) -> u64 {
        let shards = self.shards.iter();
        shards.map(|shard| shard.lock().changes()).sum()
    }
}

fn exported(slot: &Slot, now: Now) -> Option<ExportedParam> {
    let live = slot.param.as_ref();
    let param = live.filter(|param| !param.is_expired(now.tick))?;
    Some(ExportedParam {
        address: Arc::clone(&slot.address),
        value: param.value.clone(),
        revision: param.revision,
        writer: Arc::clone(&param.writer),
        written_at: param.written_at,
        ttl: param.ttl,
        expires_at: expiry(param, now),
    })
}

fn expiry(param: &Param, now: Now) -> Option<Timestamp> {
    let never = param.expires_at == Tick::NEVER;
    let left = param.expires_at.since(now.tick);
    (!never).then_some(Timestamp(now.wall.0.saturating_add(left)))
}
