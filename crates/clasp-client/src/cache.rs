//! Last known values, and which subscription has seen them.

use std::collections::HashMap;
use std::sync::Arc;

use clasp_proto::{Param, Value};

/// Remembers the newest value of each address the router has told of, up to a number of addresses.
#[derive(Debug)]
pub(crate) struct Cache {
    entries: HashMap<Arc<str>, Entry>,
    addresses_max: usize,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    revision: u64,
    writer: Option<String>,
    timestamp: Option<u64>,
    /// Subscriptions that were given this very value.
    seen_by: Vec<u32>,
}

impl Cache {
    pub(crate) fn new(addresses_max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            addresses_max,
        }
    }

    /// The last known value of an address.
    pub(crate) fn param(&self, address: &str) -> Option<Param> {
        let entry = self.entries.get(address)?;
        Some(Param {
            address: address.to_owned(),
            value: entry.value.clone(),
            revision: entry.revision,
            writer: entry.writer.clone(),
            timestamp: entry.timestamp,
        })
    }

    /// Takes in what the router told and returns those of the subscriptions for which it is news.
    ///
    /// A value can come several times: by snapshot on connecting, by snapshot on subscribing, and live. protocol/router.md 7
    pub(crate) fn store(&mut self, param: &Param, mut subscriptions: Vec<u32>) -> Vec<u32> {
        let full = self.entries.len() >= self.addresses_max;
        match self.entries.get_mut(param.address.as_str()) {
            Some(entry) if entry.is(param) => {
                subscriptions.retain(|id| !entry.seen_by.contains(id));
                entry.seen_by.extend(&subscriptions);
                entry.complete(param);
            }
            Some(entry) => *entry = Entry::new(param, subscriptions.clone()),
            None if full => {}
            None => {
                let entry = Entry::new(param, subscriptions.clone());
                self.entries.insert(param.address.as_str().into(), entry);
            }
        }
        subscriptions
    }

    /// A subscription has ended; its number will not be used again.
    pub(crate) fn forget_subscription(&mut self, id: u32) {
        for entry in self.entries.values_mut() {
            entry.seen_by.retain(|seen| *seen != id);
        }
    }
}

impl Entry {
    fn new(param: &Param, seen_by: Vec<u32>) -> Self {
        Self {
            value: param.value.clone(),
            revision: param.revision,
            writer: param.writer.clone(),
            timestamp: param.timestamp,
            seen_by,
        }
    }

    fn is(&self, param: &Param) -> bool {
        self.revision == param.revision && self.value == param.value
    }

    /// A live SET carries no writer and no time, the snapshot of the same revision does.
    fn complete(&mut self, param: &Param) {
        if param.writer.is_some() {
            self.writer.clone_from(&param.writer);
        }
        self.timestamp = param.timestamp.or(self.timestamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(address: &str, value: i64, revision: u64) -> Param {
        Param {
            address: address.to_owned(),
            value: Value::Int(value),
            revision,
            writer: None,
            timestamp: None,
        }
    }

    /// Stores (address, value, revision) for the subscriptions and checks who is told.
    fn check(cache: &mut Cache, told: (&str, i64, u64), subscriptions: &[u32], expected: &[u32]) {
        let news = cache.store(&param(told.0, told.1, told.2), subscriptions.to_vec());
        assert_eq!(news, expected, "{told:?} to {subscriptions:?}");
    }

    #[test]
    fn a_value_is_news_once_for_each_subscription() {
        let mut cache = Cache::new(10);
        check(&mut cache, ("/a", 5, 1), &[1], &[1]);
        check(&mut cache, ("/a", 5, 1), &[1, 2], &[2]);
        check(&mut cache, ("/a", 5, 1), &[1, 2], &[]);
    }

    #[test]
    fn a_new_revision_or_another_value_is_news_for_all() {
        let mut cache = Cache::new(10);
        check(&mut cache, ("/a", 5, 1), &[1, 2], &[1, 2]);
        check(&mut cache, ("/a", 5, 2), &[1, 2], &[1, 2]);
        // A router that restarted without a journal counts again from 1.
        check(&mut cache, ("/a", 7, 2), &[1, 2], &[1, 2]);
        check(&mut cache, ("/a", 7, 1), &[1], &[1]);
        assert_eq!(cache.param("/a").unwrap().revision, 1);
    }

    #[test]
    fn beyond_its_bound_nothing_is_remembered_and_everything_is_told() {
        let mut cache = Cache::new(1);
        check(&mut cache, ("/a", 1, 1), &[1], &[1]);
        check(&mut cache, ("/b", 1, 1), &[1], &[1]);
        check(&mut cache, ("/b", 1, 1), &[1], &[1]);
        assert!(cache.param("/b").is_none());
        check(&mut cache, ("/a", 2, 2), &[], &[]);
        assert_eq!(cache.param("/a").unwrap().value, Value::Int(2));
    }

    #[test]
    fn an_ended_subscription_leaves_nothing_behind() {
        let mut cache = Cache::new(1);
        check(&mut cache, ("/a", 1, 1), &[1, 2], &[1, 2]);
        cache.forget_subscription(1);
        assert_eq!(cache.entries["/a"].seen_by, [2]);
    }
}
