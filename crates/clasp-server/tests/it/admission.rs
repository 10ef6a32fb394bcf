//! How many may come in: connections by address, those that have not greeted, sessions.

use clasp_proto::{Close, Code};
use clasp_server::{Counted, Protocol, Server};

use tokio::io::AsyncWriteExt;

use crate::harness::{Client, check_served, hello, read_to_end, socket, soon, start, until};

// protocol/limits.md 4.1
#[tokio::test]
async fn an_address_has_its_share_of_connections() {
    let server = start(|config| config.connections_per_ip_max = 2).await;
    let first = Client::welcomed(&server, Protocol::WebSocket).await;
    let _second = Client::welcomed(&server, Protocol::Tcp).await;
    let answer = read_to_end(&mut socket(&server, Protocol::WebSocket).await).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 503 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(
        read_to_end(&mut socket(&server, Protocol::Tcp).await).await,
        b""
    );
    assert_eq!(server.counters().read(Counted::TurnedAway), 2);
    drop(first);
    free_place(&server).await;
}

/// A place that somebody left is free again.
async fn free_place(server: &Server) {
    let come = async { while Client::try_welcomed(server).await.is_none() {} };
    soon("a free place", come).await;
}

// protocol/limits.md 4.1
#[tokio::test]
async fn who_says_nothing_keeps_nobody_out() {
    let server = start(|config| config.pending_max = 8).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(socket(&server, Protocol::WebSocket).await);
    }
    check_served(&server).await;
    assert_eq!(server.counters().read(Counted::Displaced), 0);
}

// protocol/limits.md 4.1
#[tokio::test]
async fn those_who_do_not_go_on_displace_each_other() {
    let server = start(|config| config.pending_max = 8).await;
    let mut stuck = Vec::new();
    for _ in 0..50 {
        let mut socket = socket(&server, Protocol::WebSocket).await;
        socket
            .write_all(b"GET / HT")
            .await
            .expect("bytes are taken");
        stuck.push(socket);
    }
    // Whoever came last is let in first, so that these come between those that are stuck.
    check_served(&server).await;
    // And every one of them loses its place some time.
    until("displaced connections", || {
        server.counters().read(Counted::Displaced) >= 8
    })
    .await;
}

// protocol/router.md 2.3, 2.4
#[tokio::test]
async fn sessions_beyond_the_maximum_are_told_to_come_back() {
    let server = start(|config| config.sessions_max = 2).await;
    let first = Client::welcomed(&server, Protocol::WebSocket).await;
    let mut second = Client::welcomed(&server, Protocol::Tcp).await;
    for protocol in [Protocol::WebSocket, Protocol::Tcp] {
        let mut third = Client::dial(&server, protocol).await;
        third.send(&hello()).await;
        assert_eq!(third.error().await, Code::Overloaded);
        let expected = (protocol == Protocol::WebSocket).then_some(Close::Overloaded.number());
        assert_eq!(third.end().await, expected);
    }
    assert_eq!(second.sync().await, []);
    drop(first);
    free_place(&server).await;
}

#[tokio::test]
async fn any_number_of_sessions_is_0() {
    let server = start(|config| config.sessions_max = 0).await;
    let mut clients = Vec::new();
    for _ in 0..150 {
        clients.push(Client::welcomed(&server, Protocol::Tcp).await);
    }
    for client in &mut clients {
        assert_eq!(client.sync().await, []);
    }
}
