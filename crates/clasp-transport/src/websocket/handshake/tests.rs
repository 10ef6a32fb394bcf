//! Requests of every kind against the answers that they must get.

use tokio::io::AsyncReadExt;

use super::*;
use crate::memory;

/// Sends the request, in two pieces split anywhere, and gives the outcome with everything answered.
async fn exchange(request: &[u8], split: usize) -> (Result<Vec<u8>, HandshakeError>, String) {
    exchange_with(request, split, true).await
}

/// The same with a server that may not be ready.
async fn exchange_with(
    request: &[u8],
    split: usize,
    is_ready: bool,
) -> (Result<Vec<u8>, HandshakeError>, String) {
    let (server_end, mut client_end) = memory::pair(256 * 1024);
    let rules = UpgradeRules { origins: listed() };
    let client = async {
        let (first, second) = request.split_at(split);
        client_end.write_all(first).await.unwrap();
        tokio::task::yield_now().await;
        // A server that has already answered reads no more, which is its right.
        client_end.write_all(second).await.ok();
        client_end.shutdown().await.unwrap();
        let mut answer = Vec::new();
        client_end.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    let server = async {
        accept(server_end, &rules, || is_ready)
            .await
            .map(|upgraded| upgraded.leftover)
    };
    tokio::join!(server, client)
}

fn upgrade(extra: &str) -> String {
    format!(
        "GET /any/path?x HTTP/1.1\r\nHost: localhost:7330\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
    )
}

const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

fn listed() -> Origins {
    Origins::listed(["https://app.example.org".to_owned()])
}

// protocol/wire.md 1.1, 1.2, 1.8, 9.5
#[tokio::test]
async fn upgrades_are_accepted_with_what_came_behind_them() {
    let check = async |extra: &str, expected_protocol: Option<&str>| {
        let mut request = upgrade(&format!("{VERSION}{extra}")).into_bytes();
        request.extend_from_slice(b"\x82\x80hello");
        for split in [0, 1, request.len() - 8, request.len() - 10, request.len()] {
            let (outcome, answer) = exchange(&request, split).await;
            assert!(
                b"\x82\x80hello".starts_with(&outcome.unwrap()),
                "{extra} split at {split}"
            );
            assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
            assert!(
                answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
                "{answer}"
            );
            assert!(!answer.contains("Extensions"), "{answer}");
            let protocol = answer
                .lines()
                .find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
            assert_eq!(protocol, expected_protocol, "{extra}");
        }
    };
    check("", None).await;
    check("Sec-WebSocket-Protocol: clasp\r\n", Some("clasp")).await;
    check("Sec-WebSocket-Protocol: mqtt, clasp\r\n", Some("clasp")).await;
    check(
        "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Protocol: clasp\r\n",
        Some("clasp"),
    )
    .await;
    check("Sec-WebSocket-Protocol: mqtt\r\n", None).await;
    check("Sec-WebSocket-Extensions: permessage-deflate\r\n", None).await;
    check("Origin: http://localhost:3000\r\n", None).await;
    check("Origin: https://app.example.org\r\n", None).await;
}

/// Sends a request that is no upgrade; gives the head of the answer.
async fn check(
    request: &str,
    error: fn(&HandshakeError) -> bool,
    status: &str,
    body: &str,
) -> String {
    let (outcome, answer) = exchange(request.as_bytes(), request.len() / 2).await;
    let found = outcome.unwrap_err();
    assert!(error(&found), "{request}: {found:?}");
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
        "{request}: {answer}"
    );
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Type: text/plain\r\n"), "{head}");
    assert!(
        text.contains(body) && text.is_empty() == body.is_empty(),
        "{request}: {text}"
    );
    head.to_owned()
}

// protocol/wire.md 1.7
#[tokio::test]
async fn plain_http_is_answered_ok() {
    let check = async |request: &str, body: &str| {
        check(
            request,
            |error| matches!(error, HandshakeError::PlainHttp),
            "200 OK",
            body,
        )
        .await;
    };
    check("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "ok\n").await;
    check("GET / HTTP/1.0\r\n\r\n", "ok\n").await;
    check("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "").await;
    check("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "ok\n").await;
    check("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", "ok\n").await;
    check(
        "GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "ok\n",
    )
    .await;
}

// protocol/wire.md 1.7
#[tokio::test]
async fn readiness_is_told_to_who_asks_for_it() {
    let check = async |path: &str, is_ready: bool, status: &str, body: &str| {
        let request = format!("GET {path} HTTP/1.1\r\n\r\n");
        let (_, answer) = exchange_with(request.as_bytes(), 0, is_ready).await;
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{path}: {head}"
        );
        assert_eq!(text, body, "{path}");
    };
    check("/readyz", true, "200 OK", "ready\n").await;
    check("/readyz", false, "503 Service Unavailable", "not ready\n").await;
    check(
        "/readyz?verbose",
        false,
        "503 Service Unavailable",
        "not ready\n",
    )
    .await;
    check("/healthz", false, "200 OK", "ok\n").await;
}

#[tokio::test]
async fn other_versions_are_told_which_one_is_spoken() {
    for version in ["Sec-WebSocket-Version: 8\r\n", ""] {
        let is_version = |error: &HandshakeError| matches!(error, HandshakeError::Version);
        let head = check(
            &upgrade(version),
            is_version,
            "426 Upgrade Required",
            "version 13",
        )
        .await;
        assert!(head.contains("Sec-WebSocket-Version: 13"), "{head}");
    }
}

// protocol/wire.md 1.12
#[tokio::test]
async fn foreign_pages_are_told_what_to_configure() {
    let foreign = upgrade(&format!("{VERSION}Origin: http://evil.example\r\n"));
    let error = |error: &HandshakeError| matches!(error, HandshakeError::Origin { origin } if origin == "http://evil.example");
    check(
        &foreign,
        error,
        "403 Forbidden",
        "--allow-origin http://evil.example",
    )
    .await;
}

// protocol/wire.md 1.13
#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let keyless = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let incomplete = |error: &HandshakeError| matches!(error, HandshakeError::Incomplete);
    check(keyless, incomplete, "400 Bad Request", "upgrade").await;

    let not_http = |error: &HandshakeError| matches!(error, HandshakeError::NotHttp);
    check(
        "\x16\x03\x01\x02\x00\x01",
        not_http,
        "400 Bad Request",
        "expected",
    )
    .await;
    check("GET\r\n\r\n", not_http, "400 Bad Request", "expected").await;

    let too_large = |error: &HandshakeError| matches!(error, HandshakeError::HeadTooLarge);
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(HTTP_HEAD_BYTES_MAX));
    check(
        &long,
        too_large,
        "431 Request Header Fields Too Large",
        "16384",
    )
    .await;
    let many = format!(
        "GET / HTTP/1.1\r\n{}\r\n",
        "X: y\r\n".repeat(HTTP_HEADERS_MAX + 1)
    );
    check(
        &many,
        too_large,
        "431 Request Header Fields Too Large",
        "16384",
    )
    .await;
}

#[tokio::test]
async fn a_peer_that_leaves_early_is_told_nothing() {
    let (outcome, answer) = exchange(b"GET / HTTP/1.1\r\nHost", 3).await;
    assert!(matches!(outcome, Err(HandshakeError::Closed)));
    assert_eq!(answer, "");
}
