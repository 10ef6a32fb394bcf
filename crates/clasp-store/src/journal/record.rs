//! What is written and read: records that are borrowed on the way in and owned on the way out.

use std::sync::Arc;

use clasp_proto::Signal;
use clasp_proto::binary::{self, MessageRef};

/// What was done at once, by one author: a write, or a bundle of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The sequence number of its last write; those before it count down without a gap.
    pub sequence: u64,
    /// When it was applied, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// Who did it: the text id of a session, or the name of a part of the router.
    pub author: &'a str,
    /// At least one.
    pub writes: &'a [Write<'a>],
}

/// One SET or PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write<'a> {
    /// What kind of signal it is; a SET has none.
    pub signal: Option<Signal>,
    /// The payload in the compact encoding: a SET with its new revision, or a PUBLISH.
    pub payload: &'a [u8],
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRecord {
    /// The sequence number of its last write.
    pub sequence: u64,
    /// When it was applied, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// Who did it.
    pub author: Arc<str>,
    /// At least one.
    pub writes: Vec<OwnedWrite>,
}

/// A write that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedWrite {
    /// What kind of signal it is; a SET has none.
    pub signal: Option<Signal>,
    /// The payload as it was written.
    pub payload: Vec<u8>,
}

/// One write, found by a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its own sequence number.
    pub sequence: u64,
    /// That of the record that it is in: the writes of a bundle have the same.
    pub record: u64,
    /// When it was applied, in microseconds since the Unix epoch.
    pub at_us: u64,
    /// Who did it.
    pub author: Arc<str>,
    /// What kind of signal it is: a SET is of a param.
    pub signal: Signal,
    /// The payload as it was written.
    pub payload: Vec<u8>,
}

impl OwnedRecord {
    /// The sequence number of its first write.
    pub fn first_sequence(&self) -> u64 {
        self.sequence - (self.writes.len() as u64 - 1)
    }

    /// Hands the record over as it would be appended.
    pub fn borrowed<T>(&self, then: impl FnOnce(Record<'_>) -> T) -> T {
        let writes: Vec<Write<'_>> = self.writes.iter().map(OwnedWrite::borrowed).collect();
        then(Record {
            sequence: self.sequence,
            at_us: self.at_us,
            author: &self.author,
            writes: &writes,
        })
    }
}

impl OwnedWrite {
    fn borrowed(&self) -> Write<'_> {
        Write {
            signal: self.signal,
            payload: &self.payload,
        }
    }
}

impl<'a> Write<'a> {
    /// The address that it is about; nothing is found by a payload that is no SET or PUBLISH.
    pub fn address(&self) -> Option<&'a str> {
        match binary::view(self.payload) {
            Ok(MessageRef::Set(set)) => Some(set.address),
            Ok(MessageRef::Publish(publish)) => Some(publish.address),
            Ok(MessageRef::Bundle(_) | MessageRef::Other(_)) | Err(_) => None,
        }
    }

    /// What kind of signal it is: a SET is of a param.
    pub fn kind(&self) -> Signal {
        self.signal.unwrap_or(Signal::Param)
    }
}
