//! The core flags, one test for each: what it promises is what the relay does.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use clasp_client::{Client, ClientError, Code, Disconnect, Reconnect, Status, Trust};
use clasp_transport::{DialOptions, dial};

use crate::harness::{Relay, command, run};

/// A client that is not connected again when it is disconnected.
async fn connect(url: &str) -> Result<Client, ClientError> {
    let builder = Client::builder(url).trust(Trust::Anybody);
    builder.reconnect(Reconnect::never()).connect().await
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

#[tokio::test]
async fn ws_port_is_where_it_listens_and_0_is_logged_as_what_it_got() {
    let port = free_port();
    for flag in ["--ws-port", "--port", "-p"] {
        let relay = Relay::start(&[&format!("{flag}={port}").replace("-p=", "-p")]);
        assert_eq!(relay.port(), port, "{flag}");
        assert!(connect(&relay.url()).await.is_ok());
    }
    let relay = Relay::start(&["--ws-port=0"]);
    assert_ne!(relay.port(), 0);
    assert!(connect(&relay.url()).await.is_ok());
}

#[tokio::test]
async fn host_takes_an_ipv6_address_with_and_without_brackets() {
    for host in ["::1", "[::1]", "localhost", "127.0.0.1"] {
        let relay = Relay::start(&[&format!("--host={host}")]);
        let address = if host.contains("::1") {
            "[::1]"
        } else {
            "127.0.0.1"
        };
        assert!(
            relay.says(&format!("WebSocket: ws://{address}:")),
            "{:#?}",
            relay.lines
        );
        let url = format!("ws://{address}:{}", relay.port());
        assert!(connect(&url).await.is_ok(), "{url}");
    }
}

#[tokio::test]
async fn name_is_in_welcome() {
    let relay = Relay::start(&["--name", "Stage left"]);
    let client = connect(&relay.url()).await.expect("a session");
    assert_eq!(client.router_name(), "Stage left");
    let relay = Relay::start(&[]);
    let client = connect(&relay.url()).await.expect("a session");
    assert_eq!(client.router_name(), "CLASP Relay");
}

#[tokio::test]
async fn verbose_and_log_level_say_how_much_is_logged() {
    let check = async |arguments: &[&str], expected: bool| {
        let relay = Relay::start(arguments);
        connect(&relay.url())
            .await
            .expect("a session")
            .close()
            .await;
        relay.signal("TERM");
        relay.line_with("stopped");
        let seen = relay.seen();
        let found = seen.iter().any(|line| line.contains("session begins"));
        assert_eq!(found, expected, "{arguments:?}: {seen:#?}");
    };
    check(&[], false).await;
    check(&["-v"], true).await;
    check(&["--verbose", "--log-level", "warn"], true).await;
    check(&["--log-level", "debug"], true).await;
}

#[tokio::test]
async fn max_sessions_counts_all_transports_and_refuses_with_503() {
    let relay = Relay::start(&[
        "--max-sessions=2",
        "--tcp-port=0",
        &crate::certificate::flag("--cert"),
        &crate::certificate::flag("--key"),
        "--quic-port=0",
    ]);
    let urls: Vec<String> = ["WebSocket: ", "QUIC: ", "TCP: "]
        .iter()
        .map(|protocol| relay.url_of(protocol))
        .collect();
    let first = connect(&urls[0]).await.expect("a session");
    let second = connect(&urls[1]).await.expect("a session");
    for url in &urls {
        match connect(url).await {
            Err(ClientError::Rejected { refusal, .. }) => {
                assert!(refusal.is(Code::Overloaded), "{url}: {refusal}");
            }
            other => panic!("{url}: expected a refusal, got {other:?}"),
        }
    }
    first.close().await;
    // The place is free when the relay has noticed.
    let mut third = connect(&urls[2]).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while third.is_err() && Instant::now() < deadline {
        third = connect(&urls[2]).await;
    }
    third.expect("a place");
    drop(second);
}

#[tokio::test]
async fn max_sessions_0_is_any_number() {
    let relay = Relay::start(&["--max-sessions=0"]);
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(connect(&relay.url()).await.expect("a session"));
    }
}

#[tokio::test]
async fn session_timeout_ends_who_is_silent_and_nobody_else() {
    let relay = Relay::start(&["--session-timeout=1", "--tcp-port=0"]);
    // It answers by itself when it is asked whether it is there.
    let client = connect(&relay.url()).await.expect("a session");
    for _ in 0..2 {
        let begun = Instant::now();
        let last = last_frame_of_a_silent_peer(&relay).await;
        assert!(
            begun.elapsed() >= Duration::from_millis(900),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(last[4], ERROR, "the last frame says why: {last:?}");
    }
    client.set("/a", 1).await.expect("the session goes on");
}

#[tokio::test]
async fn session_timeout_0_ends_nobody() {
    let relay = Relay::start(&["--session-timeout=0", "--tcp-port=0"]);
    let patient = tokio::time::timeout(
        Duration::from_millis(1500),
        last_frame_of_a_silent_peer(&relay),
    );
    assert!(patient.await.is_err(), "it was ended");
}

/// Says HELLO and nothing more, until the relay ends it.
async fn last_frame_of_a_silent_peer(relay: &Relay) -> Vec<u8> {
    let url = relay.url_of("TCP: ");
    let mut link = dial(&url, &DialOptions::default()).await.expect("a link");
    let hello = b"\x53\x01\x00\x0d\x01\x01\xe0\x00\x06Client\x00\x00";
    link.send_many(&[hello.as_slice().into()])
        .await
        .expect("taken");
    let mut last = Vec::new();
    while let Some(frame) = link.recv().await.expect("the link works") {
        last = frame.to_vec();
    }
    last
}

#[tokio::test]
async fn max_connections_per_ip_turns_further_ones_away() {
    let relay = Relay::start(&["--max-connections-per-ip=1"]);
    let first = connect(&relay.url()).await.expect("a session");
    let second = connect(&relay.url()).await;
    assert!(
        matches!(second, Err(ClientError::Connect { .. })),
        "{second:?}"
    );
    drop(first);
}

#[tokio::test]
async fn allow_origin_is_asked_of_pages_only() {
    let relay = Relay::start(&["--allow-origin=https://app.example.org"]);
    assert!(connect(&relay.url()).await.is_ok());
    for (origin, status) in [
        ("https://app.example.org", "101"),
        ("https://evil.example", "403"),
    ] {
        let line = status_line(&relay, origin);
        assert!(
            line.starts_with(&format!("HTTP/1.1 {status} ")),
            "{origin}: {line}"
        );
    }
}

/// The first line that a page of this origin gets for its upgrade.
fn status_line(relay: &Relay, origin: &str) -> String {
    let socket = TcpStream::connect(("127.0.0.1", relay.port())).expect("the port is open");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: relay.example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: {origin}\r\n\r\n"
    );
    (&socket)
        .write_all(request.as_bytes())
        .expect("the request is taken");
    let mut line = String::new();
    BufReader::new(socket)
        .read_line(&mut line)
        .expect("an answer");
    line
}

#[tokio::test]
async fn no_websocket_needs_another_listener() {
    let (code, _, stderr) = run(command(&["--no-websocket"]));
    assert_eq!(code, 1);
    let expected = "Error: No protocols enabled. Enable at least one of: WebSocket, QUIC, TCP";
    assert!(stderr.starts_with(expected), "{stderr}");
    let relay = Relay::start(&["--no-websocket", "--tcp-port=0"]);
    assert!(!relay.says("WebSocket"), "{:#?}", relay.lines);
    assert!(connect(&relay.url_of("TCP: ")).await.is_ok());
}

#[tokio::test]
async fn a_client_learns_why_it_was_disconnected() {
    let relay = Relay::start(&[]);
    let client = connect(&relay.url()).await.expect("a session");
    let mut changes = client.status_changes();
    relay.signal("TERM");
    let closed = loop {
        match changes.next().await.expect("the end is told") {
            Status::Closed { reason } => break reason,
            _ => continue,
        }
    };
    match closed {
        Disconnect::ByRouter { code, reason } => {
            assert_eq!(code, Some(1001), "{reason}");
            assert!(reason.contains("shutting down"), "{reason}");
        }
        other => panic!("expected the router's goodbye, got {other:?}"),
    }
}

/// The first byte of its payload.
const ERROR: u8 = 0x51;
