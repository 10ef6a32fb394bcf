//! Classes of handling time.

/// The longest time of each class in nanoseconds; the last class has no bound.
pub(crate) const BOUNDS_NANOS: [u64; 16] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    5_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    1_000_000_000,
];

pub(crate) const CLASSES: usize = BOUNDS_NANOS.len() + 1;

pub(crate) fn class(nanos: u64) -> usize {
    BOUNDS_NANOS.partition_point(|bound| *bound < nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_class() {
        for (nanos, expected) in [
            (0, 0),
            (1000, 0),
            (1001, 1),
            (1_000_000_000, 15),
            (u64::MAX, 16),
        ] {
            assert_eq!(class(nanos), expected, "{nanos}");
        }
    }
}
