//! Totals since the start, of one worker thread or of all.

use std::ops::AddAssign;
use std::time::Duration;

use clasp_router::Tally;

use super::{Counts, Kind, latency};

/// What batches received and did, added up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    pub(crate) messages: [u64; Kind::COUNT],
    /// Messages of each kind by the class of their handling time.
    pub(crate) latency: [[u64; latency::CLASSES]; Kind::COUNT],
    pub(crate) latency_nanos: [u64; Kind::COUNT],
    pub(crate) tally: Tally,
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) texts: u64,
    pub(crate) unreadable: u64,
}

impl Totals {
    /// Adds what a batch received. What the batch took is shared out over its messages.
    pub(crate) fn add_counts(&mut self, counts: &Counts, took: Duration) {
        self.received_bytes += counts.bytes as u64;
        self.texts += u64::from(counts.texts);
        self.unreadable += u64::from(counts.unreadable);
        let total = counts.total();
        if total == 0 {
            return;
        }
        let share = took.as_nanos() as u64 / u64::from(total);
        let class = latency::class(share);
        for (kind, count) in counts.messages.iter().enumerate() {
            if *count > 0 {
                let count = u64::from(*count);
                self.messages[kind] += count;
                self.latency[kind][class] += count;
                self.latency_nanos[kind] += share * count;
            }
        }
    }
}

impl AddAssign<&Self> for Totals {
    fn add_assign(&mut self, more: &Self) {
        let add = |to: &mut [u64], more: &[u64]| {
            to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
        };
        add(&mut self.messages, &more.messages);
        add(self.latency.as_flattened_mut(), more.latency.as_flattened());
        add(&mut self.latency_nanos, &more.latency_nanos);
        self.tally += &more.tally;
        self.received_bytes += more.received_bytes;
        self.sent_bytes += more.sent_bytes;
        self.texts += more.texts;
        self.unreadable += more.unreadable;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_batch_is_shared_out() {
        let mut counts = Counts::default();
        counts.about(Kind::Set, "/a");
        counts.about(Kind::Set, "/b");
        counts.message(Kind::Ping);
        counts.bytes = 40;
        let mut totals = Totals::default();
        totals.add_counts(&counts, Duration::from_micros(12));
        totals.add_counts(&Counts::default(), Duration::from_secs(1));
        let mut both = totals.clone();
        both += &totals;
        for (totals, times) in [(totals, 1), (both, 2)] {
            let (set, ping) = (Kind::Set as usize, Kind::Ping as usize);
            assert_eq!(
                (totals.messages[set], totals.messages[ping]),
                (2 * times, times)
            );
            assert_eq!(totals.latency_nanos[set], 8000 * times);
            // Up to 5 us.
            assert_eq!(totals.latency[set][2], 2 * times);
            assert_eq!(totals.latency[ping][2], times);
            assert_eq!(totals.received_bytes, 40 * times);
        }
    }
}
