//! A journal in memory: the newest records, and nothing after a restart.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::encoding::{Authors, Chunk, Records};
use super::record::OwnedRecord;
use crate::limits::{RING_BYTES, RING_RECORDS};

#[derive(Debug, Default)]
pub(super) struct Ring(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    records: VecDeque<OwnedRecord>,
    /// Of their payloads.
    bytes: usize,
}

impl Ring {
    pub(super) fn extend(&self, chunks: &[Chunk]) {
        let mut authors = Authors::default();
        for chunk in chunks {
            let records = Records::new(chunk.first, &chunk.bytes).map_while(Result::ok);
            let mut kept = self.0.lock();
            records.for_each(|record| kept.push(record.to_owned(&mut authors)));
        }
    }

    pub(super) fn latest(&self) -> u64 {
        let kept = self.0.lock();
        kept.records.back().map_or(0, |record| record.sequence)
    }

    pub(super) fn floor(&self) -> Option<u64> {
        let kept = self.0.lock();
        let first = kept.records.front();
        first.map(|record| record.first_sequence() - 1)
    }

    /// The first records that end with this sequence number or later.
    pub(super) fn after(&self, sequence: u64, count: usize) -> Vec<OwnedRecord> {
        let Kept { records, .. } = &*self.0.lock();
        let start = records.partition_point(|record| record.sequence < sequence);
        records.range(start..).take(count).cloned().collect()
    }
}

impl Kept {
    /// The oldest make room.
    fn push(&mut self, record: OwnedRecord) {
        self.bytes += bytes(&record);
        self.records.push_back(record);
        while self.records.len() > RING_RECORDS || self.bytes > RING_BYTES {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.bytes -= bytes(&oldest);
        }
    }
}

fn bytes(record: &OwnedRecord) -> usize {
    record.writes.iter().map(|write| write.payload.len()).sum()
}
