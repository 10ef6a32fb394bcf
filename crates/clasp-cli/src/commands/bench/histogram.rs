//! Counts of delays in buckets that widen with the delay: percentiles within one percent, in constant memory.

use std::time::Duration;

/// Delays from a nanosecond to hours.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            total: 0,
            longest: Duration::ZERO,
        }
    }

    pub(crate) fn record(&mut self, delay: Duration) {
        let nanoseconds = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
        self.longest = self.longest.max(delay);
    }

    /// The delay that this share of all delays does not exceed; `share` is between 0 and 1.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let wanted = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                // Never more than was ever seen.
                return Duration::from_nanos(upper_end(bucket)).min(self.longest);
            }
        }
        self.longest
    }

    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }
}

/// Below `STEPS` each value has its own bucket; above, each doubling has `STEPS` buckets.
fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let doubling = value.ilog2() - STEP_BITS;
    let step = (value >> doubling) - STEPS;
    ((u64::from(doubling) + 1) * STEPS + step) as usize
}

/// The largest value of a bucket.
fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let doubling = bucket / STEPS - 1;
    let step = bucket % STEPS + STEPS;
    (step << doubling) + ((1 << doubling) - 1)
}

/// 128 steps to a doubling: a bucket is at most 1/128 of its value wide.
const STEP_BITS: u32 = 7;
const STEPS: u64 = 1 << STEP_BITS;
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_which_is_narrow() {
        let mut values: Vec<u64> = (0..1000).collect();
        values.extend((0..64).flat_map(|shift| {
            let power = 1_u64 << shift;
            [power - 1, power, power + power / 3]
        }));
        values.push(u64::MAX);
        for value in values {
            let bucket = bucket(value);
            assert!(bucket < BUCKETS, "{value}");
            let upper = upper_end(bucket);
            assert!(upper >= value, "{value} is above {upper}");
            assert!(
                upper - value <= value / STEPS,
                "{value} is far below {upper}"
            );
        }
    }

    #[test]
    fn percentiles_of_a_thousand_even_delays() {
        let mut histogram = Histogram::new();
        (1..=1000).for_each(|micros| histogram.record(Duration::from_micros(micros)));
        let check = |share, micros: u64| {
            let found = histogram.percentile(share).as_micros() as u64;
            assert!(
                found.abs_diff(micros) <= micros / 100,
                "{share}: {found}, not {micros}"
            );
        };
        check(0.0, 1);
        check(0.5, 500);
        check(0.99, 990);
        check(1.0, 1000);
        assert_eq!(histogram.percentile(1.0), histogram.longest());
    }

    #[test]
    fn without_delays_everything_is_zero() {
        assert_eq!(Histogram::new().percentile(0.99), Duration::ZERO);
    }
}
