//! Allowance: how often one source may ask something of us that nobody has logged in for. Pure; time is an argument.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use clasp_router::Tick;

/// Who asks, as far as limits go: an IPv4 address, or the network of an IPv6 address, since one machine has a whole /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V6(ip) => {
                let network = ip.to_bits() & !u128::from(u64::MAX);
                Self(Ipv6Addr::from_bits(network).into())
            }
            ip => Self(ip),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Requests at once after a pause.
    pub(crate) burst: u32,
    /// From one request to the next in the long run.
    pub(crate) interval: Duration,
}

/// A bucket for each source and one for all together, in bounded memory.
#[derive(Debug)]
pub(crate) struct Allowances {
    each: Pace,
    sources_max: usize,
    sources: HashMap<Source, Bucket>,
    all: Bucket,
    total: Pace,
    /// When full buckets may be looked for again.
    tidy_at: Tick,
}

impl Allowances {
    pub(crate) fn new(each: Pace, total: Pace, sources_max: usize) -> Self {
        Self {
            each,
            sources_max,
            sources: HashMap::new(),
            all: Bucket::default(),
            total,
            tidy_at: Tick::default(),
        }
    }

    /// Takes one request of this source; if there is none left, says how long to wait.
    ///
    /// # Errors
    /// The time until the source, or everybody together, has a request again.
    pub(crate) fn take(&mut self, source: Source, now: Tick) -> Result<(), Duration> {
        if self.sources.len() >= self.sources_max && !self.sources.contains_key(&source) {
            self.forget_rested(now)?;
        }
        // What everybody has left is not spent on a source that has nothing left itself.
        let mut own = self.sources.get(&source).copied().unwrap_or_default();
        let taken = own.take(self.each, now);
        if taken.is_ok() {
            self.all.take(self.total, now)?;
        }
        self.sources.insert(source, own);
        taken
    }

    /// Forgets the sources whose bucket is full again: they lose nothing by it. Done at most once in the time that a
    /// bucket takes to fill, so that a flood of invented sources does not make every request go through the table.
    fn forget_rested(&mut self, now: Tick) -> Result<(), Duration> {
        if now < self.tidy_at {
            return Err(Duration::from_micros(self.tidy_at.since(now)));
        }
        self.sources.retain(|_, bucket| !bucket.is_full(now));
        if self.sources.len() < self.sources_max {
            return Ok(());
        }
        let fill_time = self.each.interval.saturating_mul(self.each.burst);
        self.tidy_at = now.after(fill_time);
        Err(fill_time)
    }

    #[cfg(test)]
    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }
}

/// A token bucket, written as the moment from which on it is full.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    full_at: Tick,
}

impl Bucket {
    fn take(&mut self, pace: Pace, now: Tick) -> Result<(), Duration> {
        let full_at = self.full_at.max(now).after(pace.interval);
        let latest = now.after(pace.interval.saturating_mul(pace.burst));
        if full_at > latest {
            return Err(Duration::from_micros(full_at.since(latest)));
        }
        self.full_at = full_at;
        Ok(())
    }

    fn is_full(&self, now: Tick) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn source(number: u32) -> Source {
        IpAddr::from(number.to_be_bytes()).into()
    }

    fn pace(burst: u32) -> Pace {
        Pace {
            burst,
            interval: Duration::from_secs(1),
        }
    }

    fn taken(allowances: &mut Allowances, number: u32, calls: usize, at: u64) -> usize {
        (0..calls)
            .filter(|_| allowances.take(source(number), Tick(at)).is_ok())
            .count()
    }

    #[test]
    fn a_source_has_its_burst_and_then_its_pace() {
        let mut allowances = Allowances::new(pace(3), pace(100), 10);
        assert_eq!(taken(&mut allowances, 1, 10, 0), 3);
        assert_eq!(
            allowances.take(source(1), Tick(SECOND / 4)),
            Err(Duration::from_millis(750))
        );
        assert_eq!(taken(&mut allowances, 1, 10, SECOND), 1);
        assert_eq!(
            taken(&mut allowances, 2, 10, SECOND),
            3,
            "others have their own"
        );
        assert_eq!(taken(&mut allowances, 1, 10, 100 * SECOND), 3);
    }

    #[test]
    fn all_together_have_a_pace_that_a_greedy_source_does_not_use_up() {
        let mut allowances = Allowances::new(pace(3), pace(5), 10);
        assert_eq!(taken(&mut allowances, 1, 100, 0), 3);
        assert_eq!(taken(&mut allowances, 2, 100, 0), 2);
        assert_eq!(taken(&mut allowances, 3, 100, 0), 0);
        assert_eq!(taken(&mut allowances, 3, 100, SECOND), 1);
    }

    #[test]
    fn invented_sources_do_not_grow_the_table() {
        let mut allowances = Allowances::new(pace(2), pace(u32::MAX), 100);
        let granted: usize = (0..100_000)
            .map(|number| taken(&mut allowances, number, 1, 0))
            .sum();
        assert_eq!((granted, allowances.sources()), (100, 100));
        assert!(allowances.take(source(5), Tick(0)).is_ok(), "it is known");
        assert_eq!(
            taken(&mut allowances, 200_000, 1, SECOND),
            0,
            "the table is full"
        );
        assert_eq!(taken(&mut allowances, 200_000, 1, 2 * SECOND), 1);
        assert!(allowances.sources() < 3, "the others have rested");
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let source = |text: &str| Source::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
        assert_ne!(source("10.0.0.1"), source("10.0.0.2"));
    }
}
