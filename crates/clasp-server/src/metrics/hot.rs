//! The hottest addresses, by a Space-Saving table: whatever has more than a fair share of the
//! traffic is in it, in bounded memory and without a look at every message.

use std::hash::{BuildHasher, RandomState};

use crate::limits::HOT_ADDRESSES_MAX;

/// The addresses that were seen most, with at most as many messages as each had.
#[derive(Debug, Default)]
pub(crate) struct Hot {
    hasher: RandomState,
    hashes: Vec<u64>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) address: String,
    /// With what the address whose place it took had, so that a newcomer is not thrown out at once.
    pub(crate) count: u64,
    /// How much of the count that is at most.
    pub(crate) excess: u64,
}

impl Hot {
    /// Notes that a sample of `messages` was about `address`.
    pub(crate) fn add(&mut self, address: &str, messages: u64) {
        let hash = self.hasher.hash_one(address);
        let entries = &mut self.entries;
        let mut same = self.hashes.iter().enumerate();
        if let Some((at, _)) =
            same.find(|(at, known)| **known == hash && entries[*at].address == address)
        {
            entries[at].count += messages;
            return;
        }
        if entries.len() < HOT_ADDRESSES_MAX {
            self.hashes.push(hash);
            entries.push(Entry {
                address: address.to_owned(),
                count: messages,
                excess: 0,
            });
            return;
        }
        let coldest = entries
            .iter()
            .enumerate()
            .min_by_key(|(_, entry)| entry.count);
        let (at, _) = coldest.expect("the table is full");
        let entry = &mut entries[at];
        self.hashes[at] = hash;
        entry.excess = entry.count;
        entry.count += messages;
        entry.address.clear();
        entry.address.push_str(address);
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hot_addresses_stay_and_cold_ones_take_turns() {
        let mut hot = Hot::default();
        for round in 0..1000 {
            hot.add("/hot", 3);
            hot.add("/warm", 2);
            hot.add(&format!("/cold/{round}"), 1);
        }
        assert_eq!(hot.entries().len(), HOT_ADDRESSES_MAX);
        let count = |address: &str| {
            let mut entries = hot.entries().iter();
            let found = entries.find(|entry| entry.address == address);
            found.map(|entry| (entry.count, entry.excess))
        };
        assert_eq!(count("/hot"), Some((3000, 0)));
        assert_eq!(count("/warm"), Some((2000, 0)));
        let (total, excess) = count("/cold/999").unwrap();
        assert_eq!(total, excess + 1);
        let sum: u64 = hot.entries().iter().map(|entry| entry.count).sum();
        assert_eq!(sum, 6000, "no message is lost or counted twice");
    }
}
