//! A subscriber that does not read: the others notice nothing, and it gets the truth or a reason.

use std::collections::HashMap;

use bytes::Bytes;
use clasp_proto::{Close, Message, Publish, Set, Signal, Subscribe, TypeMask, Value};
use clasp_server::{Protocol, Server};

use crate::harness::{Client, framed, start};

/// More than an outbox and all socket buffers hold together.
const MESSAGES: usize = 800;
const VALUE_BYTES: usize = 50_000;
const ADDRESSES: usize = 10;

fn value(index: usize) -> Value {
    Value::Bytes([&index.to_be_bytes()[..], &[0; VALUE_BYTES]].concat())
}

fn index(value: &Value) -> usize {
    let Value::Bytes(bytes) = value else {
        panic!("expected bytes, got {value:?}")
    };
    let bytes = bytes.first_chunk().expect("the index is in front");
    usize::from_be_bytes(*bytes)
}

fn event(index: usize) -> Bytes {
    framed(&Message::Publish(Publish {
        address: "/event".to_owned(),
        signal: Some(Signal::Event),
        value: Some(value(index)),
        ..Publish::default()
    }))
}

fn set(index: usize) -> Bytes {
    let address = format!("/param/{}", index % ADDRESSES);
    framed(&Message::Set(Set {
        address,
        value: value(index),
        ..Set::default()
    }))
}

async fn subscriber(server: &Server) -> Client {
    let mut client = Client::welcomed(server, Protocol::WebSocket).await;
    let subscribe = Subscribe {
        id: 1,
        pattern: "/**".to_owned(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    };
    client.send(&Message::Subscribe(subscribe)).await;
    client.sync().await;
    client
}

/// Sends everything while the reader reads it; gives what the reader got, up to the last one sent.
async fn flood(server: &Server, reader: &mut Client, frame: fn(usize) -> Bytes) -> Vec<usize> {
    let mut publisher = Client::welcomed(server, Protocol::Tcp).await;
    let publish = async {
        for number in 0..MESSAGES {
            publisher.send_frames(&[frame(number)]).await;
        }
        publisher.sync().await;
    };
    let read = async {
        let mut numbers = Vec::new();
        while numbers.last() != Some(&(MESSAGES - 1)) {
            match reader.next().await {
                Message::Publish(publish) => numbers.push(index(&publish.value.expect("a value"))),
                Message::Set(set) => numbers.push(index(&set.value)),
                other => panic!("unexpected {other:?}"),
            }
        }
        numbers
    };
    tokio::join!(publish, read).1
}

#[tokio::test]
async fn events_reach_those_who_read_and_the_others_are_closed() {
    let server = start(|_| {}).await;
    let mut stuck = subscriber(&server).await;
    let mut reader = subscriber(&server).await;
    let received = flood(&server, &mut reader, event).await;
    assert!(
        received.iter().copied().eq(0..MESSAGES),
        "every event, in order"
    );
    assert_eq!(stuck.end().await, Some(Close::SlowConsumer.number()));
}

#[tokio::test]
async fn params_are_superseded_and_the_last_value_arrives() {
    let server = start(|_| {}).await;
    let mut stuck = subscriber(&server).await;
    let mut reader = subscriber(&server).await;
    let received = flood(&server, &mut reader, set).await;
    assert!(received.is_sorted(), "in order");
    let mut last = HashMap::new();
    while last
        .values()
        .filter(|number| **number >= MESSAGES - ADDRESSES)
        .count()
        < ADDRESSES
    {
        let Message::Set(set) = stuck.next().await else {
            panic!("expected a SET")
        };
        let number = index(&set.value);
        let before = last.insert(set.address, number);
        assert!(
            before.is_none_or(|before| before < number),
            "each address in order"
        );
    }
    assert_eq!(stuck.sync().await, [], "the session goes on");
}
