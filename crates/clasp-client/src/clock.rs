//! The router's clock as seen from here: offset, round trip and their quality; pure.

use std::collections::VecDeque;

/// One reading of the router's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockReading {
    /// Microseconds to add to the local clock to get the router's.
    pub offset_us: f64,
    /// Smoothed round trip in microseconds.
    pub round_trip_us: f64,
    /// Standard deviation of the last ten round trips in microseconds.
    pub jitter_us: f64,
    /// 0 (worthless) to 1 (ten readings, no delay, no jitter).
    pub quality: f64,
}

/// The four times of one SYNC exchange, in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    pub(crate) sent: u64,
    pub(crate) router_received: u64,
    pub(crate) router_sent: u64,
    pub(crate) received: u64,
}

/// Gathers SYNC exchanges. protocol/router.md 12.5
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_us: f64,
    round_trip_us: f64,
    recent: VecDeque<f64>,
}

impl Clock {
    /// Before any SYNC the offset is that of WELCOME; it replaces what an earlier session knew.
    pub(crate) fn welcome(&mut self, router: u64, local: u64) {
        *self = Self {
            offset_us: difference(router, local),
            ..Self::default()
        };
    }

    pub(crate) fn exchange(&mut self, times: Exchange) {
        let there = difference(times.router_received, times.sent);
        let back = difference(times.router_sent, times.received);
        let round_trip = difference(times.received, times.sent)
            - difference(times.router_sent, times.router_received);
        let offset = f64::midpoint(there, back);
        if self.recent.is_empty() {
            self.offset_us = offset;
            self.round_trip_us = round_trip;
        } else {
            self.offset_us = smooth(self.offset_us, offset);
            self.round_trip_us = smooth(self.round_trip_us, round_trip);
        }
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(round_trip);
    }

    /// What the local clock shows when the router's shows this.
    pub(crate) fn local(&self, router: u64) -> u64 {
        router.saturating_add_signed(-(self.offset_us as i64))
    }

    pub(crate) fn reading(&self) -> ClockReading {
        let jitter_us = deviation(&self.recent);
        let quality = 0.4 * (1.0 - self.round_trip_us.clamp(0.0, 10_000.0) / 10_000.0)
            + 0.4 * (1.0 - jitter_us.min(1_000.0) / 1_000.0)
            + 0.2 * self.recent.len() as f64 / RECENT_MAX as f64;
        ClockReading {
            offset_us: self.offset_us,
            round_trip_us: self.round_trip_us,
            jitter_us,
            quality: if self.recent.is_empty() { 0.0 } else { quality },
        }
    }
}

fn difference(later: u64, earlier: u64) -> f64 {
    // As integers first: a float has no room for microseconds since 1970 and their fractions.
    let distance = i128::from(later) - i128::from(earlier);
    distance as f64
}

fn smooth(old: f64, new: f64) -> f64 {
    0.3 * new + 0.7 * old
}

fn deviation(values: &VecDeque<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    variance.sqrt()
}

/// Round trips that jitter looks at.
const RECENT_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Exchanges as (sent, router, received), all in microseconds; the router answers at once.
    fn check(exchanges: &[(u64, u64, u64)], expected: (f64, f64, f64, f64)) {
        let mut clock = Clock::default();
        for &(sent, router, received) in exchanges {
            clock.exchange(Exchange {
                sent,
                router_received: router,
                router_sent: router,
                received,
            });
        }
        let reading = clock.reading();
        let found = (
            reading.offset_us,
            reading.round_trip_us,
            reading.jitter_us,
            reading.quality,
        );
        let far = [
            found.0 - expected.0,
            found.1 - expected.1,
            found.2 - expected.2,
            found.3 - expected.3,
        ];
        assert!(
            far.iter().all(|distance| distance.abs() < 1e-6),
            "found {found:?}, expected {expected:?}"
        );
    }

    // protocol/router.md 12.5
    #[test]
    fn one_exchange_gives_offset_and_round_trip() {
        check(&[(1_000, 6_000, 3_000)], (4_000.0, 2_000.0, 0.0, 0.74));
        check(&[(9_000, 5_000, 9_000)], (-4_000.0, 0.0, 0.0, 0.82));
    }

    // protocol/router.md 12.5
    #[test]
    fn further_exchanges_are_smoothed() {
        let exchanges = [(0, 1_000, 2_000), (10_000, 11_500, 11_000)];
        // Offsets 0 and 1000, round trips 2000 and 1000.
        let quality = 0.4 * (1.0 - 0.17) + 0.4 * 0.5 + 0.04;
        check(&exchanges, (300.0, 1_700.0, 500.0, quality));
    }

    #[test]
    fn ten_equal_exchanges_without_delay_are_perfect() {
        check(&[(5, 5, 5); 12], (0.0, 0.0, 0.0, 1.0));
    }

    #[test]
    fn welcome_gives_a_first_offset_of_no_quality() {
        let mut clock = Clock::default();
        clock.welcome(1_800_000_000_000_500, 1_800_000_000_000_000);
        assert_eq!(clock.reading().offset_us, 500.0);
        assert_eq!(clock.reading().quality, 0.0);
    }
}
