//! What a gate sees of the state while it decides.

use core::fmt;

use clasp_proto::Encoded;

use crate::router::Router;
use crate::shard::Shard;
use crate::time::Tick;

/// The params that a gate has asked for, as they are while it decides.
pub struct View<'a> {
    router: &'a Router,
    now: Tick,
    shards: &'a dyn Fn(usize) -> Option<&'a Shard>,
}

impl<'a> View<'a> {
    /// Of the shards that are locked: those that `shards` finds by number.
    pub(crate) fn new(
        router: &'a Router,
        now: Tick,
        shards: &'a dyn Fn(usize) -> Option<&'a Shard>,
    ) -> Self {
        Self {
            router,
            now,
            shards,
        }
    }

    /// The value at an address, if there is one and it has not expired.
    #[must_use]
    pub fn value(&self, address: &str) -> Option<Encoded<'a>> {
        let hash = self.router.hash(address);
        let shard = (self.shards)(self.router.shard_of(hash));
        debug_assert!(shard.is_some(), "a gate looks only at what it asked for");
        let shard = shard?;
        let param = shard.slot(shard.find(hash, address)?).param.as_ref()?;
        (!param.is_expired(self.now)).then(|| param.value.encoded())
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("View").finish_non_exhaustive()
    }
}
