//! The end of a server: sessions are told, and nobody can hold it up.

use std::time::Duration;

use clasp_proto::{Close, Code, Message, Set, Value};
use clasp_server::Protocol;
use tokio::net::TcpStream;

use crate::harness::{Client, address, read_to_end, socket, soon, start, stuck_reader};

// protocol/router.md 14.5
#[tokio::test]
async fn sessions_are_told_and_the_port_is_closed() {
    let server = start(|config| config.drain_timeout = Duration::from_secs(20)).await;
    let port = address(&server, Protocol::WebSocket);
    let mut websocket = Client::welcomed(&server, Protocol::WebSocket).await;
    let mut tcp = Client::welcomed(&server, Protocol::Tcp).await;
    let mut ungreeted = socket(&server, Protocol::WebSocket).await;
    // What was accepted before is still answered.
    let set = Message::Set(Set {
        address: "/a".to_owned(),
        value: Value::Int(1),
        ..Set::default()
    });
    websocket.send(&set).await;
    assert!(matches!(websocket.next().await, Message::Ack(_)));
    let watch = async {
        assert_eq!(websocket.error().await, Code::Unavailable);
        assert_eq!(websocket.end().await, Some(Close::Shutdown.number()));
        assert_eq!(tcp.error().await, Code::Unavailable);
        assert_eq!(tcp.end().await, None);
        read_to_end(&mut ungreeted).await;
    };
    soon("the end of the server", async {
        tokio::join!(server.shutdown(), watch)
    })
    .await;
    assert!(TcpStream::connect(port).await.is_err());
}

// protocol/router.md 14.5
#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_off_at_the_deadline() {
    let server = start(|config| config.drain_timeout = Duration::from_millis(200)).await;
    let _stuck = stuck_reader(&server).await;
    soon("the end of the server", server.shutdown()).await;
}

#[tokio::test]
async fn a_dropped_server_ends_at_once() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    drop(server);
    client.end().await;
}
