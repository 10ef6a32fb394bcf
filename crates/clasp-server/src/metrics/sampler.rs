//! Sampling: which batches are looked at, so that a busy thread looks at few, and a calm one at all.

use clasp_router::Tick;

/// Decides for the batches of one thread.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    /// The stretch of time that is going on, and how many batches of it were looked at.
    stretch: u64,
    looked: u32,
    /// Batches to pass over before the next look.
    skip: u32,
    random: Random,
}

/// Xorshift: good enough not to march in step with what peers send.
#[derive(Debug)]
struct Random(u32);

impl Sampler {
    /// Nothing if the batch is passed over, else how many batches it stands for.
    pub(crate) fn weight(&mut self, now: Tick) -> Option<u64> {
        if now.0 >> STRETCH_SHIFT != self.stretch {
            self.stretch = now.0 >> STRETCH_SHIFT;
            (self.looked, self.skip) = (0, 0);
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.looked += 1;
        if self.looked <= CALM_BATCHES {
            return Some(1);
        }
        self.skip = self.random.next() % (2 * MEAN_SKIP + 1);
        Some(u64::from(MEAN_SKIP) + 1)
    }
}

impl Default for Random {
    fn default() -> Self {
        Self(0x9E37_79B9)
    }
}

impl Random {
    const fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

/// About 16 ms.
const STRETCH_SHIFT: u32 = 14;

/// Batches of a stretch that are all looked at: some hundred a second cost nothing.
const CALM_BATCHES: u32 = 8;

/// What is passed over of the others, in the mean.
const MEAN_SKIP: u32 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    /// What the samples of a second with so many batches stand for, and how many they are.
    fn second(batches: u64) -> (u64, usize) {
        let mut sampler = Sampler::default();
        let ticks = (0..batches).map(|number| Tick(number * 1_000_000 / batches));
        let weights: Vec<_> = ticks.filter_map(|tick| sampler.weight(tick)).collect();
        (weights.iter().sum(), weights.len())
    }

    #[test]
    fn a_calm_thread_looks_at_everything_and_a_busy_one_at_enough() {
        assert_eq!(second(100), (100, 100));
        let (sum, looks) = second(100_000);
        assert!((95_000..105_000).contains(&sum), "{sum}");
        assert!(looks < 8000, "{looks}");
    }
}
