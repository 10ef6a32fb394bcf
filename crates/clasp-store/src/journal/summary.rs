//! Which addresses may be in a batch, in a few bytes: a Bloom filter over their paths and segments.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use clasp_proto::{Pattern, Segment};

/// Collects the keys of a batch.
#[derive(Debug, Default)]
pub(super) struct Keys(HashSet<u64, BuildHasherDefault<Given>>);

impl Keys {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds the address, each path above it, and each of its segments.
    pub(super) fn add(&mut self, address: &str) {
        let whole = hash(PATH, address.as_bytes());
        if !self.0.insert(mix(whole)) {
            return;
        }
        let (mut path, mut segment) = (PATH, SEGMENT);
        for (index, byte) in address.bytes().enumerate() {
            if byte == b'/' && index > 0 {
                self.0.insert(mix(path));
                self.0.insert(mix(segment));
            }
            path = step(path, byte);
            segment = if byte == b'/' {
                SEGMENT
            } else {
                step(segment, byte)
            };
        }
        self.0.insert(mix(segment));
    }

    /// The filter of what was added.
    pub(super) fn filter(&self) -> Vec<u8> {
        let mut filter = vec![0; (self.0.len() * BITS_PER_KEY).div_ceil(8).max(1)];
        for key in &self.0 {
            for bit in bits(*key, filter.len()) {
                filter[bit / 8] |= 1 << (bit % 8);
            }
        }
        filter
    }
}

/// What a batch has to hold if an address in it matches a pattern.
#[derive(Debug)]
pub(super) struct Wanted(Vec<u64>);

impl Wanted {
    pub(super) fn of(pattern: &Pattern) -> Self {
        let prefix = pattern.literal_prefix();
        let mut keys = Vec::new();
        if !prefix.is_empty() {
            keys.push(mix(hash(PATH, prefix.as_bytes())));
        }
        let literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
        for segment in pattern.segments().iter().skip_while(|it| literal(it)) {
            if let Segment::Literal(text) = segment {
                keys.push(mix(hash(SEGMENT, text.as_bytes())));
            }
        }
        Self(keys)
    }

    /// Whether a batch with this filter may hold an address that matches.
    pub(super) fn may_be_in(&self, filter: &[u8]) -> bool {
        let has = |bit: usize| filter[bit / 8] & 1 << (bit % 8) != 0;
        !filter.is_empty() && self.0.iter().all(|key| bits(*key, filter.len()).all(has))
    }
}

/// One in a hundred filters says yes to a key that was never added.
const BITS_PER_KEY: usize = 10;
const PROBES: u64 = 5;

fn bits(key: u64, bytes: usize) -> impl Iterator<Item = usize> {
    let count = bytes as u64 * 8;
    let (first, stride) = (key & 0xFFFF_FFFF, key >> 32 | 1);
    (0..PROBES).map(move |probe| ((first + probe * stride) % count) as usize)
}

// FNV-1a. The numbers are in files: they may never change.
const PATH: u64 = 0xcbf2_9ce4_8422_2325;
const SEGMENT: u64 = 0x9e37_79b9_7f4a_7c15;

fn hash(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |hash, byte| step(hash, *byte))
}

const fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

/// Spreads the last bytes, which FNV leaves in the low bits.
const fn mix(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ hash >> 33
}

/// Keys are hashes already.
#[derive(Debug, Default)]
struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(self.0, bytes);
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
