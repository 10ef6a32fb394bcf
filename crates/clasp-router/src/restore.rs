//! Restore: a router with the params of an export, as if it had never stopped.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use clasp_proto::{Address, AddressError};
use thiserror::Error;

use crate::config::RouterConfig;
use crate::export::{Export, ExportedParam};
use crate::limits::RESTORED_REVISION_MAX;
use crate::param::Param;
use crate::router::Router;
use crate::snapshot;
use crate::time::{Now, Tick, Timestamp, micros};

/// What became of the params of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Params that are there again.
    pub params: usize,
    /// Params whose time had come meanwhile.
    pub expired: usize,
    /// Params, written longest ago, for which there was no room.
    pub left_out: usize,
}

/// Why an export cannot be restored: no router would have made it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RestoreError {
    /// An address that no SET could have.
    #[error("{address:?}: {cause}")]
    Address {
        /// As given.
        address: Arc<str>,
        /// What is wrong with it.
        cause: AddressError,
    },
    /// Two params at one address.
    #[error("{address}: expected one param at this address, found two")]
    Twice {
        /// The address.
        address: Arc<str>,
    },
    /// A value that no SET could have.
    #[error("{address}: the value is too large to be sent in one SNAPSHOT")]
    TooLarge {
        /// Where it is.
        address: Arc<str>,
    },
    /// A revision that no param could have.
    #[error("{address}: expected a revision from 1 to {RESTORED_REVISION_MAX}, found {found}")]
    Revision {
        /// Where it is.
        address: Arc<str>,
        /// The revision.
        found: u64,
    },
    /// A forgotten revision that no param could have had.
    #[error("expected a forgotten revision up to {RESTORED_REVISION_MAX}, found {found}")]
    Forgotten {
        /// The revision.
        found: u64,
    },
}

impl Router {
    /// A router with the params of `export`: revisions, writers and stamps are what they were,
    /// and the time in between counts as time that passed. If there are more than the settings
    /// allow, those that were written last stay. // protocol/router.md 6.4, 6.17
    ///
    /// # Errors
    ///
    /// The first thing in it that no router would have exported.
    ///
    /// # Panics
    ///
    /// If the number of shards is no power of two.
    pub fn restored(
        config: RouterConfig,
        mut export: Export,
        now: Now,
    ) -> Result<(Self, Restored), RestoreError> {
        check(&export)?;
        // The oldest first: they are left out if there is no room, and evicted early if there is.
        export.params.sort_by_key(|param| param.written_at);
        let router = Self::new(config, now);
        let clock = Meanwhile::new(&export, router.config.param_ttl, now);
        let total = export.params.len();
        let (mut live, gone): (Vec<_>, Vec<_>) = export
            .params
            .into_iter()
            .map(|param| (clock.expiry(&param), param))
            .partition(|(expires_at, _)| *expires_at > now.tick);
        let max = router.config.params_max;
        let surplus = if max == 0 {
            0
        } else {
            live.len().saturating_sub(max)
        };
        let left_out: Vec<_> = live.drain(..surplus).collect();
        let lost = gone.iter().chain(&left_out);
        let highest = lost.map(|(_, param)| param.revision).max();
        router.remember(export.forgotten.max(highest.unwrap_or(0)));
        let restored = Restored {
            params: live.len(),
            expired: total - live.len() - surplus,
            left_out: surplus,
        };
        for (expires_at, param) in live {
            router.put_back(param, expires_at);
        }
        Ok((router, restored))
    }

    /// Which shard an address was in is not known any more, so all of them start above it.
    fn remember(&self, revision: u64) {
        for shard in &self.shards {
            shard.lock().remember(revision);
        }
    }

    fn put_back(&self, param: ExportedParam, expires_at: Tick) {
        let hash = self.hash(&param.address);
        let shard_number = self.shard_of(hash);
        let mut shard = self.shards[shard_number].lock();
        let number = shard.insert(hash, &param.address);
        shard.slot_mut(number).param = Some(Param {
            value: param.value,
            revision: param.revision,
            written_at: param.written_at,
            writer: param.writer,
            holder: None,
            ttl: param.ttl,
            expires_at,
        });
        shard.param_added();
        self.param_added();
        if let Some(at) = shard.schedule_expiry(number) {
            self.alarms.set_expiry(shard_number, at);
        }
    }
}

/// The time between an export and its return.
struct Meanwhile {
    /// The moment of the return, on the wall clock. One that was set back in between counts as
    /// no time: nothing expires before its time because of it.
    back_at: Timestamp,
    now: Now,
    old_default: Option<Duration>,
    new_default: Option<Duration>,
}

impl Meanwhile {
    fn new(export: &Export, new_default: Option<Duration>, now: Now) -> Self {
        Self {
            back_at: now.wall.max(export.at),
            now,
            old_default: export.param_ttl,
            new_default,
        }
    }

    /// When a param expires on the steady clock of now.
    fn expiry(&self, param: &ExportedParam) -> Tick {
        let left = param
            .expires_at
            .map(|at| at.0.saturating_sub(self.back_at.0));
        let left = if param.ttl.is_none() {
            self.left_by_default(left)
        } else {
            left
        };
        left.map_or(Tick::NEVER, |left| {
            self.now.tick.after(Duration::from_micros(left))
        })
    }

    /// What is left to a param without a time to live of its own: the default of now counts, from
    /// its last write. When that was is not known where there was no default before.
    fn left_by_default(&self, left: Option<u64>) -> Option<u64> {
        if self.new_default == self.old_default {
            return left;
        }
        let new = micros(self.new_default?);
        let age = match (self.old_default, left) {
            (Some(old), Some(left)) => micros(old).saturating_sub(left),
            _ => 0,
        };
        Some(new.saturating_sub(age))
    }
}

/// What a SET is checked for. // protocol/router.md 3.1, 6.15
fn check(export: &Export) -> Result<(), RestoreError> {
    if export.forgotten > RESTORED_REVISION_MAX {
        return Err(RestoreError::Forgotten {
            found: export.forgotten,
        });
    }
    let mut seen = HashSet::with_capacity(export.params.len());
    for param in &export.params {
        let address = || Arc::clone(&param.address);
        Address::check(&param.address).map_err(|cause| RestoreError::Address {
            address: address(),
            cause,
        })?;
        if !seen.insert(&*param.address) {
            return Err(RestoreError::Twice { address: address() });
        }
        if !(1..=RESTORED_REVISION_MAX).contains(&param.revision) {
            return Err(RestoreError::Revision {
                address: address(),
                found: param.revision,
            });
        }
        snapshot::check_entry(&param.address, param.value.encoded(), &param.writer)
            .map_err(|_| RestoreError::TooLarge { address: address() })?;
    }
    Ok(())
}
