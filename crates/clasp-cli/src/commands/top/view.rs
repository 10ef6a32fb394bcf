//! A view: what happened between two looks at a router.

use std::collections::{BTreeMap, HashMap};

use clasp_server::{HotAddress, Top};
use serde_json::{Value as Json, json};

/// Figures to be shown. Rates are per second.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    /// The router at the second look.
    pub(super) now: Top,
    pub(super) received: f64,
    pub(super) delivered: f64,
    pub(super) received_bytes: f64,
    pub(super) sent_bytes: f64,
    pub(super) superseded: f64,
    /// Messages received by type, the most first; only what there was.
    pub(super) types: Vec<(String, f64)>,
    /// Messages dropped by reason, likewise.
    pub(super) dropped: Vec<(String, f64)>,
    pub(super) errors: Vec<(String, f64)>,
    /// The hottest addresses.
    pub(super) addresses: Vec<(String, f64)>,
}

impl View {
    /// Of two looks at one router. One that was started anew in between has done all of it since then.
    pub(super) fn between(before: &Top, now: &Top, addresses: usize) -> Self {
        let fresh = Top::default();
        let before = if before.uptime_seconds > now.uptime_seconds {
            &fresh
        } else {
            before
        };
        let seconds = now.uptime_seconds - before.uptime_seconds;
        let rate = |before: u64, now: u64| match now.saturating_sub(before) {
            0 => 0.0,
            more => more as f64 / seconds.max(SECONDS_MIN),
        };
        let rates = |before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>| {
            let of = |(name, count): (&String, &u64)| {
                let before = before.get(name).copied().unwrap_or_default();
                (name.clone(), rate(before, *count))
            };
            sorted(now.iter().map(of).collect())
        };
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum();
        Self {
            received: rate(sum(&before.messages), sum(&now.messages)),
            delivered: rate(before.deliveries, now.deliveries),
            received_bytes: rate(before.received_bytes, now.received_bytes),
            sent_bytes: rate(before.sent_bytes, now.sent_bytes),
            superseded: rate(before.superseded, now.superseded),
            types: rates(&before.messages, &now.messages),
            dropped: rates(&before.dropped, &now.dropped),
            errors: rates(&before.errors, &now.errors),
            addresses: hottest(before, now, rate, addresses),
            now: now.clone(),
        }
    }

    /// Sessions that were ended because they did not read.
    pub(super) fn slow_consumers(&self) -> u64 {
        let ended = self.now.ended.get("slow_consumer");
        ended.copied().unwrap_or_default()
    }

    /// The totals as the router tells them, and the rates.
    pub(super) fn to_json(&self) -> Json {
        let mut object = json!(self.now);
        object["rates"] = json!({
            "received": self.received,
            "delivered": self.delivered,
            "received_bytes": self.received_bytes,
            "sent_bytes": self.sent_bytes,
            "superseded": self.superseded,
            "messages": map(&self.types),
            "dropped": map(&self.dropped),
            "errors": map(&self.errors),
        });
        let addresses = self.addresses.iter();
        object["addresses"] = addresses
            .map(|(address, rate)| json!({ "address": address, "rate": rate }))
            .collect();
        object
    }
}

/// By what happened between the looks, not by what was hot before.
fn hottest(
    before: &Top,
    now: &Top,
    rate: impl Fn(u64, u64) -> f64,
    count: usize,
) -> Vec<(String, f64)> {
    let known = before.addresses.iter();
    let known: HashMap<&str, &HotAddress> = known.map(|hot| (hot.address.as_str(), hot)).collect();
    let of = |hot: &HotAddress| {
        // One that took the place of another begins with the count of that one.
        let before = match known.get(hot.address.as_str()) {
            Some(before) if before.excess == hot.excess => before.count,
            _ => hot.excess,
        };
        (hot.address.clone(), rate(before, hot.count))
    };
    let mut addresses = sorted(now.addresses.iter().map(of).collect());
    addresses.truncate(count);
    addresses
}

/// The most first, then by name.
fn sorted(mut rates: Vec<(String, f64)>) -> Vec<(String, f64)> {
    rates.sort_by(|left, right| {
        right
            .1
            .total_cmp(&left.1)
            .then_with(|| left.0.cmp(&right.0))
    });
    rates
}

fn map(rates: &[(String, f64)]) -> BTreeMap<&str, f64> {
    let pairs = rates.iter().map(|(name, rate)| (name.as_str(), *rate));
    pairs.collect()
}

/// Two looks are never closer than this, except that a first view has only one.
const SECONDS_MIN: f64 = 1e-3;

#[cfg(test)]
mod tests {
    use super::*;

    fn hot(address: &str, count: u64, excess: u64) -> HotAddress {
        HotAddress {
            address: address.to_owned(),
            count,
            excess,
        }
    }

    fn top(uptime_seconds: f64, sets: u64, addresses: Vec<HotAddress>) -> Top {
        Top {
            uptime_seconds,
            messages: [("set".to_owned(), sets), ("ping".to_owned(), 5)].into(),
            sent_bytes: sets * 10,
            addresses,
            ..Top::default()
        }
    }

    #[test]
    fn rates_are_what_happened_in_between() {
        let before = top(
            10.0,
            100,
            vec![hot("/old", 90, 0), hot("/gone", 10, 0), hot("/a", 5, 1)],
        );
        let now = top(
            12.0,
            120,
            vec![hot("/old", 92, 0), hot("/new", 18, 10), hot("/a", 13, 5)],
        );
        let view = View::between(&before, &now, 2);
        assert_eq!(
            (view.received, view.sent_bytes, view.delivered),
            (10.0, 100.0, 0.0)
        );
        let expected = [("set".to_owned(), 10.0), ("ping".to_owned(), 0.0)];
        assert_eq!(view.types, expected);
        let expected = [("/a".to_owned(), 4.0), ("/new".to_owned(), 4.0)];
        assert_eq!(view.addresses, expected);
        let json = view.to_json();
        assert_eq!(json["rates"]["messages"]["set"], 10.0);
        assert_eq!(json["messages"]["set"], 120);
        assert_eq!(json["addresses"][1]["address"], "/new");
    }

    #[test]
    fn a_router_that_was_started_anew_begins_anew() {
        let view = View::between(&top(1000.0, 5000, Vec::new()), &top(2.0, 10, Vec::new()), 9);
        assert_eq!(view.types[0], ("set".to_owned(), 5.0));
    }

    #[test]
    fn one_look_tells_no_rate() {
        let now = top(10.0, 100, vec![hot("/a", 9, 0)]);
        let view = View::between(&now, &now, 9);
        assert_eq!((view.received, view.addresses[0].1), (0.0, 0.0));
    }
}
