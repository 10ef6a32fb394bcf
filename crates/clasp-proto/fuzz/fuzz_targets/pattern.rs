//! Three lines: a pattern, another one, and an address. Matching and coverage are compared with
//! the slow matcher of the property tests.
#![no_main]

#[path = "../../tests/properties/slow.rs"]
mod slow;

use clasp_proto::{Address, Pattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (first, second, address) = (next(), next(), next());
    let _ = Address::check(address);
    let (Ok(covering), Ok(covered)) = (Pattern::parse(first), Pattern::parse(second)) else {
        return;
    };
    let covers = covering.covers(&covered);
    let is_small = |text: &str| text.len() <= 40 && text.matches('*').count() <= 12;
    if is_small(first) && is_small(second) {
        assert_eq!(
            covers,
            slow::covers(first, second),
            "{first} covers {second}"
        );
    }
    if !address.starts_with('/') {
        return assert!(!covering.matches(address));
    }
    if is_small(first) && address.len() <= 60 {
        assert_eq!(covering.matches(address), slow::matches(first, address));
    }
    if covers && covered.matches(address) {
        assert!(covering.matches(address));
    }
});
