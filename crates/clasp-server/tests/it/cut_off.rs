//! Clients that vanish in the middle of a frame, at every byte (T-NET-06).

use clasp_proto::{Message, Set, Subscribe, TypeMask, Value};
use clasp_server::Protocol;
use tokio::io::AsyncWriteExt;

use crate::harness::{Client, check_served, framed, hello, masked, socket, start, until, upgraded};

fn locking_set() -> Message {
    Message::Set(Set {
        address: "/held".to_owned(),
        value: Value::Int(1),
        lock: true,
        ..Set::default()
    })
}

// protocol/wire.md 9.6, protocol/router.md 14.3
#[tokio::test]
async fn nothing_is_left_of_a_client_that_vanishes() {
    let server = start(|_| {}).await;
    let subscribe = Message::Subscribe(Subscribe {
        id: 1,
        pattern: "/**".to_owned(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    });
    let frames = [hello(), subscribe, locking_set()].map(|message| framed(&message));
    let websocket: Vec<u8> = frames
        .iter()
        .flat_map(|frame| masked(0x82, frame))
        .collect();
    let mut tcp = Vec::new();
    for frame in &frames {
        clasp_transport::tcp::write_frame(&mut tcp, frame);
    }
    for end in 0..=websocket.len() {
        let mut client = upgraded(&server).await;
        client.write_all(&websocket[..end]).await.unwrap();
    }
    for end in 0..=tcp.len() {
        let mut client = socket(&server, Protocol::Tcp).await;
        client.write_all(&tcp[..end]).await.unwrap();
    }
    until("the sessions to end", || server.sessions() == 0).await;
    let mut next = Client::welcomed(&server, Protocol::WebSocket).await;
    next.send(&locking_set()).await;
    assert!(
        matches!(next.next().await, Message::Ack(_)),
        "the lock is free again"
    );
    check_served(&server).await;
}
