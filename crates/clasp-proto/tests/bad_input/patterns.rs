//! T-SEC-05 and T-SEC-14: addresses and patterns that are meant to be hard.

use std::time::Duration;

use clasp_proto::limits::{ADDRESS_BYTES_MAX, GLOBSTARS_MAX, SEGMENTS_MAX};
use clasp_proto::{Address, Code, Pattern};

use crate::measure::assert_takes_at_most;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).expect("well formed")
}

// protocol/limits.md 2.1
#[test]
fn t_sec_05_huge_addresses_and_patterns_are_refused_at_once() {
    let texts = [
        "/".repeat(65_535),
        "/a".repeat(10_000),
        "/**".repeat(1_000),
        "/\u{e9}".repeat(500),
    ];
    for text in texts {
        assert_eq!(
            Address::parse(&text).expect_err("too long").code(),
            Code::InvalidAddress
        );
        assert_eq!(
            Pattern::parse(&text).expect_err("too long").code(),
            Code::InvalidPattern
        );
        assert_takes_at_most(Duration::from_millis(1), || {
            drop(Address::parse(&text));
            drop(Pattern::parse(&text));
        });
    }
}

#[test]
fn t_sec_14_globstars_against_a_long_address() {
    let hard = pattern("/**/a/**/a/**/b");
    let address = "/a".repeat(32);
    assert!(!hard.matches(&address));
    assert_takes_at_most(Duration::from_micros(50), || {
        assert!(!hard.matches(&address));
    });
}

// protocol/router.md 4.7
#[test]
fn t_sec_14_the_hardest_patterns_there_are() {
    let globstars = "/**/a".repeat(GLOBSTARS_MAX);
    let hard = [
        format!("{globstars}/b"),
        format!("/**{}/b", "/a".repeat(SEGMENTS_MAX - 2)),
        format!("/**{}/b", "/*a*".repeat(SEGMENTS_MAX - 2)),
        format!("/**/{}b", "*a".repeat(400)),
        format!("/*{}b*", "a".repeat(ADDRESS_BYTES_MAX / 2)),
    ];
    let addresses = [
        "/a".repeat(SEGMENTS_MAX),
        format!("/{}", "a".repeat(ADDRESS_BYTES_MAX - 1)),
    ];
    for text in &hard {
        let hard = pattern(text);
        for address in &addresses {
            assert!(!hard.matches(address));
            assert_takes_at_most(Duration::from_micros(200), || {
                assert!(!hard.matches(address));
            });
        }
    }
}

/// Patterns for which an automaton that keeps every set of its positions grows beyond all bounds.
#[test]
fn t_sec_14_the_hardest_subset_tests_there_are() {
    let ones = |count| "/*".repeat(count);
    let covering = [
        format!("/**/a{}", ones(SEGMENTS_MAX - 2)),
        format!("/**/a{}/**", ones(SEGMENTS_MAX - 3)),
        format!("/**/a{}/a{}/**", ones(28), ones(28)),
        format!("/**/a{}/b/**", ones(SEGMENTS_MAX - 4)),
        "/**/a".repeat(GLOBSTARS_MAX),
        format!("/**{}", "/a*a".repeat(SEGMENTS_MAX - 1)),
    ];
    let covered = [
        "/**/a".repeat(GLOBSTARS_MAX),
        format!(
            "{}{}",
            "/**/a".repeat(GLOBSTARS_MAX),
            "/a".repeat(SEGMENTS_MAX - 16)
        ),
        format!(
            "{}{}",
            "/**/a".repeat(GLOBSTARS_MAX),
            ones(SEGMENTS_MAX - 16)
        ),
        format!(
            "{}{}",
            "/a/**".repeat(GLOBSTARS_MAX),
            "/a*a".repeat(SEGMENTS_MAX - 16)
        ),
        format!("/**{}", "/a*a".repeat(SEGMENTS_MAX - 1)),
    ];
    for covering in covering.iter().map(|text| pattern(text)) {
        for covered in covered.iter().map(|text| pattern(text)) {
            assert_takes_at_most(Duration::from_micros(500), || {
                let _ = covering.covers(&covered);
            });
        }
    }
}
