//! How long a relay with a long journal takes to start and to find what is asked for. Run by hand, alone, with a release build:
//! `RELAY=target/release/clasp-relay cargo test -p clasp-relay --features full --test it journal_figures -- --ignored --nocapture --test-threads 1`.

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::Relay;
use crate::journal::{at, connect, place, runtime, start};
use crate::long_journal::{address, fill, fill_and_kill};
use crate::wire::{Wire, framed, number, replay};

const RECORDS: u64 = 1_000_000;

#[test]
#[ignore = "measures"]
fn figures_of_the_recovery_of_a_million_records() {
    const ADDRESSES: u64 = 10_000;
    for round in 1..=3 {
        // Made anew each time: a relay that has started has written a snapshot, which would help the next one.
        let (_folder, file) = place();
        fill_and_kill(&file, RECORDS, ADDRESSES);
        let begun = Instant::now();
        let relay = start(&file, &["--no-ttl"]);
        let took = begun.elapsed();
        let peak = peak_kib(&relay);
        runtime().block_on(async {
            let client = connect(&relay.url()).await;
            for number in [1, ADDRESSES / 2, ADDRESSES] {
                let (value, revision) = at(&client, &address(number, ADDRESSES)).await.unwrap();
                let expected = (RECORDS - ADDRESSES + number) as i64;
                assert_eq!(
                    (value.as_i64(), revision),
                    (Some(expected), RECORDS / ADDRESSES)
                );
            }
        });
        assert_eq!(relay.end("KILL"), None);
        println!("round {round}: ready after {took:?}, peak {peak} KiB");
    }
}

#[test]
#[ignore = "measures"]
fn figures_of_a_replay_of_a_hundred_among_a_million() {
    const ADDRESSES: u64 = 10_000;
    let (_folder, file) = place();
    fill(&file, RECORDS, ADDRESSES);
    let relay = start(&file, &["--no-ttl"]);
    runtime().block_on(async {
        let mut wire = Wire::open(&relay.url(), None).await;
        for pattern in [
            "/old/1234/level",
            "/old/1234/**",
            "/old/*234/level",
            "/**/1234/*",
        ] {
            let mut took = Vec::new();
            for _ in 0..20 {
                let wish = framed(&replay(pattern, MATCHES as u32));
                let begun = Instant::now();
                wire.send(&[wish]).await;
                let mut last = 0;
                for _ in 0..MATCHES {
                    let message = wire.next().await;
                    let (_, value) = number(&message);
                    assert!(value > last, "{value} after {last}");
                    last = value;
                }
                took.push(begun.elapsed());
            }
            took.sort_unstable();
            let (least, median, most) = (took[0], took[took.len() / 2], took[took.len() - 1]);
            println!("{pattern}: median {median:?}, {least:?} to {most:?}");
            if pattern == "/old/1234/level" {
                assert!(median < Duration::from_millis(50), "{median:?}");
            }
        }
    });
    relay.end("KILL");
}

/// What it has ever had in memory.
fn peak_kib(relay: &Relay) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", relay.pid()));
    let status = status.expect("it runs");
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.split_whitespace().next());
    peak.and_then(|peak| peak.parse().ok())
        .expect("a number of KiB")
}

const MATCHES: usize = 100;
