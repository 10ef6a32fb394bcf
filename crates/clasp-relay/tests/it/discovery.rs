//! The options of discovery reach the parts that they are for.

use std::net::TcpListener;

use crate::harness::Relay;

/// A port that was free just now.
fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    probe.local_addr().expect("it is bound").port()
}

#[test]
fn a_relay_serves_rendezvous_and_registers() {
    let port = free_port();
    let rendezvous = format!("http://127.0.0.1:{port}");
    // Nobody else is needed: it can register at itself.
    let relay = Relay::start(&[
        &format!("--rendezvous-port={port}"),
        "--rendezvous-ttl=60",
        &format!("--rendezvous-url={rendezvous}/api/v1"),
        "--rendezvous-advertise=wss://stage.example.org",
    ]);
    assert!(
        relay.says(&format!("Rendezvous: {rendezvous} (TTL: 60s)")),
        "{:#?}",
        relay.lines
    );
    let expected = format!("registered at {rendezvous} as wss://stage.example.org for 60 s");
    if !relay.says(&expected) {
        relay.line_with(&expected);
    }
    assert_eq!(relay.end("TERM"), Some(0));
}
