//! Plain HTTP on the WebSocket port, and pages of other origins.

use clasp_server::Protocol;
use tokio::io::AsyncWriteExt;

use crate::harness::{check_served, read_head, read_to_end, socket, start, upgrade_request};

// protocol/wire.md 1.7
#[tokio::test]
async fn health_probes_are_answered_and_the_connection_ends() {
    let server = start(|_| {}).await;
    let check = async |request: &str, body: &str| {
        let mut socket = socket(&server, Protocol::WebSocket).await;
        socket.write_all(request.as_bytes()).await.unwrap();
        let head = read_head(&mut socket).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{request}: {head}");
        assert!(
            head.contains("Content-Type: text/plain\r\n"),
            "{request}: {head}"
        );
        assert_eq!(read_to_end(&mut socket).await, body.as_bytes(), "{request}");
    };
    check("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "ok\n").await;
    check("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "ok\n").await;
    check("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "ready\n").await;
    check("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "").await;
    check("OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n", "ok\n").await;
    check(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        "ok\n",
    )
    .await;
    check_served(&server).await;
}

/// The status that a page of this origin gets from a server that allows these.
async fn check_origin(allowed: &str, origin: &str, status: &str) {
    let server = start(|config| config.allowed_origins = vec![allowed.to_owned()]).await;
    let mut socket = socket(&server, Protocol::WebSocket).await;
    let request = upgrade_request(&format!("Origin: {origin}\r\n"));
    let sent = socket.write_all(request.as_bytes()).await;
    sent.expect("the request is taken");
    let head = read_head(&mut socket).await;
    assert!(
        head.starts_with(&format!("HTTP/1.1 {status} ")),
        "{origin}: {head}"
    );
}

// protocol/wire.md 1.12
#[tokio::test]
async fn pages_connect_from_the_own_host_and_from_listed_origins() {
    check_origin("https://app.example.org", "https://app.example.org", "101").await;
    check_origin("https://app.example.org", "http://localhost:8080", "101").await;
    check_origin("https://app.example.org", "https://evil.example", "403").await;
    check_origin("*", "https://evil.example", "101").await;
}
