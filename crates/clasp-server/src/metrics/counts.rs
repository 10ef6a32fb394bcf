//! Counts of one batch: what came from a peer, in plain numbers.

use super::Kind;

/// What one batch received. Kept by its thread and cleared for each batch.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) messages: [u32; Kind::COUNT],
    pub(crate) bytes: usize,
    pub(crate) texts: u32,
    pub(crate) unreadable: u32,
    /// The address of one of the messages that are about one; empty if there is none.
    pub(crate) sample: String,
    /// How many of them come before the next one that is looked at.
    skipped: u32,
    /// Which of them is the sample, if there are so many.
    turn: u32,
}

impl Counts {
    /// Begins a batch.
    pub(crate) fn clear(&mut self) {
        self.messages = [0; Kind::COUNT];
        (self.bytes, self.texts, self.unreadable) = (0, 0, 0);
        self.sample.clear();
        self.skipped = 0;
        // Another one each time, lest a pattern in what a peer sends hides an address.
        self.turn = (self.turn + 1) % TURNS;
    }

    pub(crate) const fn message(&mut self, kind: Kind) {
        self.messages[kind as usize] += 1;
    }

    /// A message that is about an address.
    pub(crate) fn about(&mut self, kind: Kind, address: &str) {
        if self.skipped == 0 {
            self.take_sample(address);
        }
        self.skipped -= 1;
        self.message(kind);
    }

    /// All messages.
    pub(crate) fn total(&self) -> u32 {
        self.messages.iter().sum()
    }

    /// Those that are about an address.
    pub(crate) const fn addressed(&self) -> u32 {
        self.messages[Kind::Set as usize] + self.messages[Kind::Publish as usize]
    }

    /// The first is taken in any case, since there may be no other.
    fn take_sample(&mut self, address: &str) {
        let is_first = self.sample.is_empty();
        self.skipped = if is_first && self.turn > 0 {
            self.turn
        } else {
            u32::MAX
        };
        self.sample.clear();
        self.sample.push_str(address);
    }
}

/// A batch of one message is always looked at; of a larger one, one of its first messages.
const TURNS: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_take_turns() {
        let mut counts = Counts::default();
        let mut sampled: Vec<u32> = Vec::new();
        for _ in 0..TURNS {
            counts.clear();
            for number in 0..20 {
                counts.about(Kind::Set, &number.to_string());
            }
            counts.message(Kind::Ping);
            assert_eq!((counts.total(), counts.addressed()), (21, 20));
            sampled.push(counts.sample.parse().unwrap());
        }
        sampled.sort_unstable();
        sampled.dedup();
        assert_eq!(sampled, (0..20).collect::<Vec<u32>>());
        counts.clear();
        counts.about(Kind::Publish, "/a");
        assert_eq!((counts.sample.as_str(), counts.addressed()), ("/a", 1));
        counts.clear();
        assert_eq!((counts.sample.as_str(), counts.total()), ("", 0));
    }
}
