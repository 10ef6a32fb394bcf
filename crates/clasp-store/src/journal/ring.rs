//! A journal in memory: the newest records, and nothing after a restart.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::encoding::{Authors, Chunk, Records};
use super::record::OwnedRecord;
use crate::limits::RING_RECORDS;

#[derive(Debug, Default)]
pub(super) struct Ring(Mutex<VecDeque<OwnedRecord>>);

impl Ring {
    pub(super) fn extend(&self, chunks: &[Chunk]) {
        let mut authors = Authors::default();
        for chunk in chunks {
            let records = Records::new(chunk.first, &chunk.bytes).map_while(Result::ok);
            let mut ring = self.0.lock();
            for record in records {
                if ring.len() == RING_RECORDS {
                    ring.pop_front();
                }
                ring.push_back(record.to_owned(&mut authors));
            }
        }
    }

    pub(super) fn latest(&self) -> u64 {
        self.0.lock().back().map_or(0, |record| record.sequence)
    }

    pub(super) fn floor(&self) -> Option<u64> {
        self.0
            .lock()
            .front()
            .map(|record| record.first_sequence() - 1)
    }

    /// The first records that end with this sequence number or later.
    pub(super) fn after(&self, sequence: u64, count: usize) -> Vec<OwnedRecord> {
        let ring = self.0.lock();
        let start = ring.partition_point(|record| record.sequence < sequence);
        ring.range(start..).take(count).cloned().collect()
    }
}
