//! Masking of client frames: eight bytes at a time, in a loop that the compiler vectorises.

use std::hash::{BuildHasher, RandomState};

/// Applies or removes a mask.
#[inline]
pub(crate) fn apply(payload: &mut [u8], key: [u8; 4]) {
    let narrow = u32::from_ne_bytes(key);
    let wide = u64::from(narrow) << 32 | u64::from(narrow);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    // Both sizes are multiples of the key's, so that it never has to be rotated.
    let (halves, rest) = rest.as_chunks_mut::<4>();
    for half in halves {
        *half = (u32::from_ne_bytes(*half) ^ narrow).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// Mask keys of one client link, seeded by the operating system's randomness through the standard hasher.
/// They keep proxies from taking payloads for requests; they are no secret.
#[derive(Debug)]
pub(crate) struct Keys {
    state: u64,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self {
            state: RandomState::new().hash_one(KEY_SEED),
        }
    }

    /// The next key (splitmix64).
    #[inline]
    pub(crate) fn next(&mut self) -> [u8; 4] {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let [a, b, c, d, ..] = (mixed ^ (mixed >> 31)).to_le_bytes();
        [a, b, c, d]
    }
}

const KEY_SEED: &str = "websocket mask keys";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_alignment_equals_the_definition() {
        let key = [0x12, 0x34, 0x56, 0x78];
        for start in 0..8 {
            for length in 0..70 {
                let mut bytes: Vec<u8> = (0..start + length).map(|i| i as u8).collect();
                let expected: Vec<u8> = (0..length)
                    .map(|i| (start + i) as u8 ^ key[i % 4])
                    .collect();
                apply(&mut bytes[start..], key);
                assert_eq!(bytes[start..], expected, "start {start}, length {length}");
            }
        }
    }

    #[test]
    fn keys_differ_within_and_between_links() {
        let (mut one, mut other) = (Keys::new(), Keys::new());
        let keys = [one.next(), one.next(), other.next(), other.next()];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }
}
