//! Taps: told of every write after it was applied; they can never refuse one.

use clasp_proto::Signal;

use crate::router::Router;
use crate::session::Session;
use crate::time::Now;

/// Writes that were applied together: one, or those of a bundle.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'a> {
    /// The number of the last of them. They count up by one with every write of this router that
    /// is recorded, in the order in which taps are told, which agrees with that of each address.
    /// Nothing for a sample of a stream or a move of a gesture: what is outdated in a moment is
    /// not recorded.
    pub sequence: Option<u64>,
    /// When they were applied.
    pub now: Now,
    /// Who wrote.
    pub session: &'a Session,
    /// What was written, in order.
    pub writes: &'a [Written<'a>],
}

/// One write that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written<'a> {
    /// Param for a SET, the signal of a PUBLISH, nothing if it named none.
    pub signal: Option<Signal>,
    /// The v1 payload as it is kept, with the new revision in a SET.
    pub payload: &'a [u8],
    /// A SET of a param that was there: its time to live goes on, unless the SET brings one.
    pub goes_on: bool,
}

/// How far what was recorded would survive the end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Writes up to this number are kept, whatever happens.
    pub up_to: u64,
    /// Those above it are not being kept: who waits for that is told so.
    pub has_stopped: bool,
}

impl Kept {
    /// Nothing has to be waited for.
    pub const ALL: Self = Self {
        up_to: u64::MAX,
        has_stopped: false,
    };

    /// What two taps both keep.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            up_to: self.up_to.min(other.up_to),
            has_stopped: self.has_stopped || other.has_stopped,
        }
    }
}

/// Told of every write.
pub trait Tap: Send + Sync {
    /// Keeps room for `records` writes that are recorded. A tap that must not lose anything
    /// refuses when it has none, and the operation is refused as busy.
    fn reserve(&self, records: usize) -> bool {
        let _ = records;
        true
    }

    /// Gives room back: the operation was refused after all.
    fn release(&self, records: usize) {
        let _ = records;
    }

    /// How far writes are kept: until then what acknowledges them waits.
    fn kept(&self) -> Kept {
        Kept::ALL
    }

    /// Is told of writes while their shards are locked: must not block and must not call the
    /// router. Of what is recorded it is told one commit after the other.
    fn committed(&self, commit: &Commit<'_>);
}

impl Router {
    /// How far all taps keep what was recorded.
    pub(crate) fn kept(&self) -> Kept {
        let kept = self.taps.iter().map(|tap| tap.kept());
        kept.fold(Kept::ALL, Kept::and)
    }

    /// Numbers writes that are recorded, and tells the taps. Returns the number of the last.
    pub(crate) fn commit(&self, session: &Session, now: Now, writes: &[Written<'_>]) -> u64 {
        let mut last = self.recorded.lock();
        *last += writes.len() as u64;
        let commit = Commit {
            sequence: Some(*last),
            now,
            session,
            writes,
        };
        self.tell(&commit);
        *last
    }

    /// Tells the taps of a write that is not recorded.
    pub(crate) fn mention(&self, session: &Session, now: Now, write: Written<'_>) {
        self.tell(&Commit {
            sequence: None,
            now,
            session,
            writes: &[write],
        });
    }

    fn tell(&self, commit: &Commit<'_>) {
        self.taps.iter().for_each(|tap| tap.committed(commit));
    }
}
