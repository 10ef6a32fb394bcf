//! Peers that say nothing, or not enough: they hold up nobody and are not kept.

use std::time::Duration;

use clasp_proto::{Close, Code};
use clasp_server::Protocol;
use tokio::io::AsyncWriteExt;

use crate::harness::{
    Client, check_served, goodbye, read_to_end, socket, start, upgrade_request, upgraded,
};

const SHORT: Duration = Duration::from_millis(100);

// protocol/router.md 2.1
#[tokio::test]
async fn silent_peers_hold_up_nobody() {
    let server = start(|_| {}).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(socket(&server, Protocol::WebSocket).await);
        silent.push(socket(&server, Protocol::Tcp).await);
        let mut slow = socket(&server, Protocol::WebSocket).await;
        slow.write_all(b"GET / HT").await.unwrap();
        silent.push(slow);
    }
    check_served(&server).await;
    // More of them than the server keeps: they displace each other.
    for _ in 0..300 {
        silent.push(socket(&server, Protocol::WebSocket).await);
    }
    check_served(&server).await;
}

// protocol/limits.md 4.2
#[tokio::test]
async fn a_request_that_does_not_end_is_given_up() {
    let server = start(|config| config.upgrade_timeout = SHORT).await;
    for beginning in ["", "G", &upgrade_request("")[..40]] {
        let mut socket = socket(&server, Protocol::WebSocket).await;
        socket.write_all(beginning.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut socket).await;
        assert!(!answer.starts_with(b"HTTP/1.1 101"), "{beginning}");
    }
    check_served(&server).await;
}

// protocol/router.md 2.2, protocol/limits.md 4.3
#[tokio::test]
async fn a_peer_without_hello_is_told_and_closed() {
    let server = start(|config| config.hello_timeout = SHORT).await;
    for protocol in [Protocol::WebSocket, Protocol::Tcp] {
        let mut client = Client::dial(&server, protocol).await;
        assert_eq!(client.error().await, Code::Timeout, "{protocol}");
        let expected = (protocol == Protocol::WebSocket).then_some(Close::HelloTimeout.number());
        assert_eq!(client.end().await, expected, "{protocol}");
    }
    let mut half_a_frame = upgraded(&server).await;
    half_a_frame.write_all(&[0x82, 0x90, 0, 0]).await.unwrap();
    let closed = goodbye(&mut read_to_end(&mut half_a_frame).await).unwrap();
    assert_eq!(closed.code, Some(Close::HelloTimeout.number()));
    check_served(&server).await;
}

// protocol/router.md 14.1, 14.2, protocol/limits.md 4.7
#[tokio::test]
async fn a_silent_session_is_asked_and_then_ended() {
    let server = start(|config| config.session_timeout = 2 * SHORT).await;
    let mut alive = Client::welcomed(&server, Protocol::WebSocket).await;
    let mut silent = upgraded(&server).await;
    let hello = crate::harness::masked(0x82, &crate::harness::framed(&crate::harness::hello()));
    silent.write_all(&hello).await.unwrap();
    let listening = async {
        // The link answers the pings that tell whether its peer is there.
        let received = alive.link.recv().await;
        panic!("a session that answers pings is kept, got {received:?}");
    };
    tokio::select! {
        mut received = read_to_end(&mut silent) => {
            let closed = goodbye(&mut received).unwrap();
            assert_eq!(closed.code, Some(Close::IdleTimeout.number()));
        }
        () = listening => {}
    }
    assert_eq!(alive.sync().await, []);
}
