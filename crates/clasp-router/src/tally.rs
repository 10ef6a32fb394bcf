//! A tally: what batches did, in plain numbers, until somebody adds them up.

use core::ops::AddAssign;

use clasp_proto::Code;

/// Counts of the batches since it was last taken. Adding to it costs no more than an addition, so
/// that who keeps totals for all threads has to touch them only once for a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// SETs and PUBLISHes by the number of sessions they went to: up to [`FANOUT_BOUNDS`], and
    /// beyond.
    pub fanout: [u64; FANOUT_BOUNDS.len() + 1],
    /// Those sessions, added up.
    pub fanout_sum: u64,
    /// Copies of messages that were handed to outboxes of subscribers.
    pub deliveries: u64,
    /// Values that a newer one replaced in an outbox.
    pub superseded: u64,
    /// Messages that were above the rate of their session.
    pub over_rate: u64,
    /// Messages for a session that was ended before they came.
    pub too_late: u64,
    /// Bytes that waited in outboxes which were closed because they held too much.
    pub discarded_bytes: u64,
    /// ERRORs, in the order of [`Code::ALL`].
    pub errors: [u64; Code::ALL.len()],
}

impl Tally {
    /// Notes that each of `messages` went to this many sessions.
    pub(crate) fn fanned_out(&mut self, receivers: usize, messages: usize) {
        let (receivers, messages) = (receivers as u64, messages as u64);
        self.fanout[FANOUT_BOUNDS.partition_point(|bound| *bound < receivers)] += messages;
        self.fanout_sum += receivers * messages;
        self.deliveries += receivers * messages;
    }

    /// Notes an ERROR.
    pub const fn error(&mut self, code: Code) {
        // The variants stand in the order of `Code::ALL`.
        self.errors[code as usize] += 1;
    }
}

impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, more: &Self) {
        let add = |to: &mut [u64], more: &[u64]| {
            to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
        };
        add(&mut self.fanout, &more.fanout);
        add(&mut self.errors, &more.errors);
        self.fanout_sum += more.fanout_sum;
        self.deliveries += more.deliveries;
        self.superseded += more.superseded;
        self.over_rate += more.over_rate;
        self.too_late += more.too_late;
        self.discarded_bytes += more.discarded_bytes;
    }
}

/// The most receivers of each class of fan-out; the last class has no bound.
pub const FANOUT_BOUNDS: [u64; 12] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_classed_by_their_receivers() {
        let mut tally = Tally::default();
        for (receivers, class) in [(0, 0), (1, 1), (2, 2), (3, 3), (5, 3), (6, 4), (5001, 12)] {
            let before = tally;
            tally.fanned_out(receivers, 2);
            assert_eq!(tally.fanout[class], before.fanout[class] + 2, "{receivers}");
        }
        let mut twice = tally;
        twice += &tally;
        assert_eq!((twice.fanout[1], twice.fanout_sum), (4, 4 * 5018));
        assert_eq!(tally.fanout.iter().sum::<u64>(), 14);
        assert_eq!(tally.fanout_sum, 2 * 5018);
        assert_eq!(tally.deliveries, tally.fanout_sum);
    }

    #[test]
    fn errors_are_found_under_their_code() {
        for (index, code) in Code::ALL.into_iter().enumerate() {
            let mut tally = Tally::default();
            tally.error(code);
            assert_eq!(tally.errors[index], 1, "{code}");
        }
    }
}
