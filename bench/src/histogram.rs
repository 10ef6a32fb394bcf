//! Log-linear latency histogram: nanoseconds, about 1.6 % resolution.

pub(crate) struct Histogram {
    buckets: Vec<u32>,
    count: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            max: 0,
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.buckets[bucket_of(nanoseconds)] += 1;
        self.count += 1;
        self.max = self.max.max(nanoseconds);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Quantile in microseconds; NaN when nothing was recorded.
    pub(crate) fn quantile_us(&self, quantile: f64) -> f64 {
        if self.count == 0 {
            return f64::NAN;
        }
        let wanted = ((self.count as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return middle_of(bucket).min(self.max) as f64 / 1000.0;
            }
        }
        self.max_us()
    }

    pub(crate) fn max_us(&self) -> f64 {
        self.max as f64 / 1000.0
    }
}

#[inline]
fn bucket_of(nanoseconds: u64) -> usize {
    if nanoseconds < PER_POWER as u64 {
        return nanoseconds as usize;
    }
    let exponent = 63 - nanoseconds.leading_zeros() as usize; // at least 6
    let step = (nanoseconds >> (exponent - 6)) as usize & (PER_POWER - 1);
    (exponent - 5) * PER_POWER + step
}

fn middle_of(bucket: usize) -> u64 {
    if bucket < PER_POWER {
        return bucket as u64;
    }
    let exponent = bucket / PER_POWER + 5;
    let width = 1u64 << (exponent - 6);
    (PER_POWER + bucket % PER_POWER) as u64 * width + width / 2
}

/// Buckets per power of two.
const PER_POWER: usize = 64;
const BUCKETS: usize = 64 * PER_POWER;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_near_its_middle() {
        for value in [0, 63, 64, 1_000, 123_456_789, u64::MAX / 3] {
            let middle = middle_of(bucket_of(value));
            let error = middle.abs_diff(value) as f64;
            assert!(error <= value as f64 * 0.016, "{value} became {middle}");
        }
    }
}
