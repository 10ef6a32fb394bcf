//! The health port: what it answers, to whom, and for how long.

use std::time::Duration;

use clasp_server::Protocol;
use tokio::net::TcpStream;

use crate::harness::{address, ask, read_to_end, socket, soon, start, stuck_reader};

#[tokio::test]
async fn probes_are_told_what_they_ask() {
    let server = start(|config| config.health_port = Some(0)).await;
    for (request, status, body) in [
        ("GET /healthz", 200, "ok\n"),
        ("HEAD /healthz", 200, ""),
        ("GET /readyz", 200, "ready\n"),
        ("HEAD /readyz", 200, ""),
        ("GET /readyz?verbose", 200, "ready\n"),
        ("POST /healthz", 405, ""),
        ("GET /", 404, ""),
        ("GET /metrics", 404, ""),
    ] {
        let answer = ask(address(&server, Protocol::Health), request).await;
        assert_eq!(answer, (status, body.to_owned()), "{request}");
    }
}

#[tokio::test]
async fn a_draining_server_lives_and_is_not_ready() {
    let server = start(|config| {
        config.health_port = Some(0);
        config.drain_timeout = Duration::from_secs(60);
    })
    .await;
    let health = address(&server, Protocol::Health);
    let stuck = stuck_reader(&server).await;
    assert_eq!(ask(health, "GET /readyz").await.0, 200);
    let watch = async {
        while ask(health, "GET /readyz").await.0 == 200 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            ask(health, "GET /readyz").await,
            (503, "not ready\n".to_owned())
        );
        assert_eq!(ask(health, "GET /healthz").await, (200, "ok\n".to_owned()));
        drop(stuck);
    };
    soon("the end of the server", async {
        tokio::join!(server.shutdown(), watch)
    })
    .await;
    assert!(TcpStream::connect(health).await.is_err());
}

#[tokio::test]
async fn silent_connections_make_room_for_probes() {
    let server = start(|config| config.health_port = Some(0)).await;
    let health = address(&server, Protocol::Health);
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(socket(&server, Protocol::Health).await);
    }
    let mut oldest = silent.remove(0);
    let flood = async {
        loop {
            silent.push(socket(&server, Protocol::Health).await);
            assert_eq!(ask(health, "GET /healthz").await.0, 200);
        }
    };
    tokio::select! {
        received = read_to_end(&mut oldest) => assert!(received.is_empty()),
        () = flood => unreachable!("it goes on until the oldest has to go"),
    }
}
