//! Everything that keeps the relay from starting: told in one line on stderr, with its exit code.

use std::fs;
use std::path::PathBuf;

use crate::certificate::flag;
use crate::harness::{QUIET, Relay, command, run};

/// It ends with the code, and says so.
fn check(arguments: &[&str], code: i32, expected: &str) {
    let (ended, stdout, stderr) = run(command(&[QUIET, arguments].concat()));
    assert_eq!(ended, code, "{arguments:?}: {stdout}{stderr}");
    assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
}

#[test]
fn an_address_that_is_none() {
    check(
        &["--host", "no such host"],
        1,
        "Error: --host no such host: no such address",
    );
    // An address for documentation, which no machine has (RFC 5737).
    check(
        &["--host", "192.0.2.1"],
        1,
        "Error: cannot listen on 192.0.2.1",
    );
}

#[test]
fn a_port_in_use_whatever_is_spoken_there() {
    let taken = Relay::start(&["--tcp-port=0", "--health-port=0"]);
    for (flag, line) in [
        ("--ws-port", "WebSocket: ws://"),
        ("--tcp-port", "TCP: tcp://"),
        ("--health-port", "Health: http://"),
    ] {
        let port = taken.port_of(line);
        let flag_with_port = format!("{flag}={port}");
        check(
            &[&flag_with_port],
            1,
            &format!("choose another port with {flag}"),
        );
    }
}

#[test]
fn a_udp_port_in_use() {
    let (cert, key) = (flag("--cert"), flag("--key"));
    let taken = Relay::start(&[&cert, &key, "--quic-port=0"]);
    let port = format!("--quic-port={}", taken.port_of("QUIC: "));
    check(
        &[&cert, &key, &port],
        1,
        "choose another port with --quic-port",
    );
}

#[test]
fn two_listeners_on_one_port() {
    check(
        &["--tcp-port=7000", "--health-port=7000"],
        1,
        "Error: --health-port 7000: --tcp-port has the same",
    );
}

#[test]
fn a_certificate_that_cannot_be_used() {
    let noise = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("noise.pem");
    fs::write(&noise, "noise").expect("a file can be written");
    let noise = noise.to_str().expect("the path is UTF-8");
    let cert = flag("--cert");
    let key = flag("--key");
    check(
        &["--quic-port=0"],
        1,
        "--cert required for QUIC\n--key required for QUIC",
    );
    check(&[&cert], 1, "--cert needs --key");
    check(&[&key], 1, "--key needs --cert");
    check(&["--cert=/none.pem", &key], 1, "cannot read /none.pem");
    let noise_cert = format!("--cert={noise}");
    check(&[&noise_cert, &key], 1, "No certificate found in PEM file");
    let noise_key = format!("--key={noise}");
    check(&[&cert, &noise_key], 1, "No private key found in PEM file");
}

#[test]
fn nothing_to_serve() {
    check(
        &["--no-websocket"],
        1,
        "No protocols enabled. Enable at least one of",
    );
}

#[test]
fn unknown_flags_and_bad_numbers_are_wrong_usage() {
    check(&["--max-sesions=5"], 2, "--max-sesions");
    check(&["--max-sessions=many"], 2, "invalid value 'many'");
    check(&["--ws-port=70000"], 2, "70000 is not in 0..=65535");
    check(&["--log-level=loud"], 2, "expected trace, debug, info");
}

#[test]
fn promises_of_other_versions() {
    for flag in ["--osc-port", "--mqtt-port", "--rules"] {
        check(
            &[flag, "1"],
            2,
            &format!("Error: {flag} is not in this version"),
        );
    }
}
