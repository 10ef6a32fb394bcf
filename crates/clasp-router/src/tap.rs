//! Taps: told of every write after it was applied; they can never refuse one.

use clasp_proto::Signal;

use crate::session::Session;
use crate::time::Now;

/// A write that was applied.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'a> {
    /// Counts up by one with every write of this router; agrees with the order of each address.
    pub sequence: u64,
    /// When it was applied.
    pub now: Now,
    /// Who wrote.
    pub session: &'a Session,
    /// What was written: param for a SET, the signal of a PUBLISH, nothing if it named none.
    pub signal: Option<Signal>,
    /// The v1 payload as subscribers get it, with the new revision in a SET.
    pub payload: &'a [u8],
}

/// Told of every write.
pub trait Tap: Send + Sync {
    /// Keeps room for `records` writes. A tap that must not lose anything refuses when it has
    /// none, and the operation is refused as busy.
    fn reserve(&self, records: usize) -> bool {
        let _ = records;
        true
    }

    /// Gives room back: the operation was refused after all.
    fn release(&self, records: usize) {
        let _ = records;
    }

    /// Is told of a write while its shard is locked: must not block and must not call the router.
    fn committed(&self, commit: &Commit<'_>);
}
