//! A damaged journal under the relay as a program: it does not start and says what to do, or it serves what was there
//! (T-DUR-06).

#![expect(clippy::print_stdout, reason = "a failure is repeated by its seed")]

use std::fs;
use std::path::{Path, PathBuf};

use clasp_client::Value;

use crate::harness::Relay;
use crate::journal::{Random, at, connect, place, runtime, start};

#[test]
fn t_dur_06_a_damaged_journal_is_refused_or_right() {
    damage(ROUNDS_IN_CI);
}

/// The same at a thousand places.
#[test]
#[ignore = "takes some minutes"]
fn t_dur_06_a_journal_that_is_damaged_at_a_thousand_places() {
    damage(1000);
}

fn damage(rounds: usize) {
    let mut random = Random::seeded();
    let (_folder, file) = place();
    killed(&file);
    let whole = FILES.map(|ending| fs::read(beside(&file, ending)).expect("it is there"));
    let (mut refused, mut right) = (0, 0);
    for round in 0..rounds {
        // In turn, so that each of them is damaged in both ways.
        let (which, is_cut) = (round % 3, round / 3 % 4 == 0);
        let (_folder, copy) = place();
        for (ending, bytes) in FILES.iter().zip(&whole) {
            fs::write(beside(&copy, ending), bytes).expect("there is room");
        }
        let mut bytes = whole[which].clone();
        let offset = random.next() as usize % bytes.len();
        match is_cut {
            true => bytes.truncate(offset),
            false => bytes[offset] ^= 1 << (random.next() % 8),
        }
        fs::write(beside(&copy, FILES[which]), bytes).expect("there is room");
        let what = format!("{round}: {} cut {is_cut} at {offset}", FILES[which]);
        match Relay::try_start(&["--journal", copy.to_str().expect("UTF-8"), "--no-ttl"]) {
            Ok(relay) => {
                check_right(&relay, &what);
                right += 1;
            }
            Err((code, stderr)) => {
                assert_eq!(code, Some(1), "{what}: {stderr}");
                check_advice(&copy, &stderr, &what);
                refused += 1;
            }
        }
    }
    println!("{rounds} damages: {refused} refused, {right} of bytes that say nothing");
    assert!(refused * 2 > rounds, "{refused} refused, {right} right");
}

/// A journal with a log and a note beside it, as a kill leaves it.
fn killed(file: &Path) {
    for is_last in [false, true] {
        let relay = start(file, &["--no-ttl"]);
        runtime().block_on(async {
            let client = connect(&relay.url()).await;
            for number in 0..WRITES {
                let value = i64::from(is_last) * 1000 + number;
                let set = client.set(&address(number), value).await;
                set.expect("it is acknowledged");
            }
        });
        relay.end(match is_last {
            true => "KILL",
            false => "TERM",
        });
    }
}

fn check_right(relay: &Relay, what: &str) {
    runtime().block_on(async {
        let client = connect(&relay.url()).await;
        for number in 0..WRITES {
            let expected = Some((Value::from(1000 + number), 2));
            assert_eq!(at(&client, &address(number)).await, expected, "{what}");
        }
    });
}

/// It names the file, and what can be done.
fn check_advice(file: &Path, stderr: &str, what: &str) {
    assert!(
        stderr.contains(file.to_str().expect("UTF-8")),
        "{what}: {stderr}"
    );
    let advice = [
        "put a backup in its place, or move it away to begin a new one",
        // What is found before it is known to be a journal.
        "put a copy of it in its place, or move it away to begin a new one",
        "give another file with --journal",
    ];
    let is_there = advice.iter().any(|advice| stderr.contains(advice));
    assert!(is_there, "{what}: {stderr}");
}

fn address(number: i64) -> String {
    format!("/param/{number}")
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

const FILES: [&str; 3] = ["", "-wal", "-durable"];
const WRITES: i64 = 50;
const ROUNDS_IN_CI: usize = 24;
