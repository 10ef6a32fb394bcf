//! Messages that come at the wrong time or from the wrong side (T-SEC-07).

use clasp_proto::{
    Ack, Close, Code, ErrorMessage, Message, Qos, QueryResult, Set, Snapshot, Value, Welcome,
};
use clasp_server::Protocol;

use crate::harness::{Client, check_served, framed_payload, hello, start};

// protocol/router.md 2.2, protocol/wire.md 7.5
#[tokio::test]
async fn anything_but_hello_first_is_told_and_closed() {
    let server = start(|_| {}).await;
    let set = Message::Set(Set {
        address: "/a".to_owned(),
        value: Value::Int(1),
        ..Set::default()
    });
    for first in [set, Message::Ping, Message::Welcome(Welcome::default())] {
        for protocol in [Protocol::WebSocket, Protocol::Tcp] {
            let mut client = Client::dial(&server, protocol).await;
            client.send(&first).await;
            assert_eq!(
                client.error().await,
                Code::InvalidMessage,
                "{}",
                first.name()
            );
            let expected = (protocol == Protocol::WebSocket).then_some(Close::Handshake.number());
            assert_eq!(client.end().await, expected, "{}", first.name());
        }
    }
    check_served(&server).await;
}

// protocol/router.md 2.9, protocol/errors.md 1.4
#[tokio::test]
async fn a_second_hello_is_refused_and_the_session_goes_on() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::WebSocket).await;
    client.send(&hello()).await;
    assert_eq!(client.error().await, Code::InvalidMessage);
    assert_eq!(client.sync().await, []);
}

// protocol/router.md 12.4
#[tokio::test]
async fn messages_of_a_server_are_refused() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::WebSocket).await;
    let messages = [
        Message::Welcome(Welcome::default()),
        Message::Snapshot(Snapshot::default()),
        Message::Ack(Ack::default()),
        Message::Error(ErrorMessage::default()),
        Message::Result(QueryResult::default()),
    ];
    for message in messages {
        client.send(&message).await;
        assert_eq!(
            client.error().await,
            Code::InvalidMessage,
            "{}",
            message.name()
        );
    }
    assert_eq!(client.sync().await, []);
}

// protocol/wire.md 7.4, protocol/limits.md 4.8, protocol/errors.md 1.4
#[tokio::test]
async fn nonsense_is_told_and_ends_the_link_when_it_does_not_stop() {
    let server = start(|_| {}).await;
    for protocol in [Protocol::WebSocket, Protocol::Tcp] {
        let mut client = Client::welcomed(&server, protocol).await;
        client
            .send_frames(&vec![b"no CLASP frame"[..].into(); 3])
            .await;
        for _ in 0..3 {
            assert_eq!(client.error().await, Code::InvalidFrame);
        }
        client
            .send_frames(&[framed_payload(Qos::Fire, &[0x7F])])
            .await;
        assert_eq!(client.error().await, Code::InvalidMessage);
        assert_eq!(client.sync().await, [], "a few are forgiven");
        client
            .send_frames(&vec![b"no CLASP frame"[..].into(); 100])
            .await;
        client.end().await;
    }
    check_served(&server).await;
}
