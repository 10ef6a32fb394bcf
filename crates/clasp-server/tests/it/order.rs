//! What subscribers see of many writers at once, and when.

use std::time::{Duration, Instant};

use clasp_proto::{Bundle, Message, Phase, Publish, Set, Signal, Subscribe, TypeMask, Value};
use clasp_server::{Protocol, Server};

use crate::harness::{Client, framed, start, start_alone};

const SUBSCRIBERS: usize = 12;
const WRITERS: usize = 3;
const SETS: usize = 900;

fn set(address: &str, value: i64) -> Message {
    Message::Set(Set {
        address: address.to_owned(),
        value: Value::Int(value),
        ..Set::default()
    })
}

pub(crate) async fn subscriber(server: &Server, protocol: Protocol) -> Client {
    let mut client = Client::welcomed(server, protocol).await;
    let subscribe = Subscribe {
        id: 1,
        pattern: "/**".to_owned(),
        types: TypeMask::ALL,
        ..Subscribe::default()
    };
    client.send(&Message::Subscribe(subscribe)).await;
    assert_eq!(client.sync().await, []);
    client
}

async fn write_many(mut writer: Client) {
    let frames: Vec<_> = (0..SETS / WRITERS)
        .map(|value| framed(&set("/burst", value as i64)))
        .collect();
    for some in frames.chunks(7) {
        writer.send_frames(some).await;
    }
    writer.sync().await;
}

/// The revisions that came, up to the last one.
async fn read_revisions(mut reader: Client) -> Vec<u64> {
    let mut revisions = Vec::new();
    while revisions.last() != Some(&(SETS as u64)) {
        match reader.next().await {
            Message::Set(set) => revisions.extend(set.revision),
            other => panic!("expected a SET, got {other:?}"),
        }
    }
    revisions
}

// protocol/router.md 5.11: of 12 times 900 once 276 came too late, the last value among them
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_reaches_every_subscriber_in_the_order_of_its_revisions() {
    let server = start(|_| {}).await;
    let mut readers = tokio::task::JoinSet::new();
    for count in 0..SUBSCRIBERS {
        let protocol = [Protocol::WebSocket, Protocol::Tcp][count % 2];
        readers.spawn(read_revisions(subscriber(&server, protocol).await));
    }
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(write_many(
            Client::welcomed(&server, Protocol::WebSocket).await,
        ));
    }
    writers.join_all().await;
    let expected: Vec<_> = (1..=SETS as u64).collect();
    for revisions in readers.join_all().await {
        assert_eq!(revisions, expected);
    }
}

// protocol/router.md 8.1, 8.5
#[tokio::test]
async fn moves_arrive_before_the_gesture_ends_and_never_come_back() {
    let server = start(|_| {}).await;
    let mut reader = subscriber(&server, Protocol::WebSocket).await;
    let mut maker = subscriber(&server, Protocol::WebSocket).await;
    let gesture = |phase, value| {
        Message::Publish(Publish {
            address: "/g".to_owned(),
            signal: Some(Signal::Gesture),
            value: Some(Value::Int(value)),
            id: Some(7),
            phase: Some(phase),
            ..Publish::default()
        })
    };
    let mut frames = vec![framed(&gesture(Phase::Start, 0))];
    frames.extend((1..=100).map(|value| framed(&gesture(Phase::Move, value))));
    maker.send_frames(&frames).await;
    let mut came = Vec::new();
    while came.last() != Some(&Some(100)) {
        match reader.next().await {
            Message::Publish(publish) => {
                assert_eq!(publish.id, Some(7));
                came.push(publish.value.and_then(|value| value.as_i64()));
            }
            other => panic!("expected a PUBLISH, got {other:?}"),
        }
    }
    assert!(came.len() < 50 && came.is_sorted(), "{came:?}");
    assert_eq!(maker.sync().await, []);
}

// protocol/router.md 9.4, 9.5
#[tokio::test]
async fn a_bundle_for_later_comes_later() {
    const AHEAD: Duration = Duration::from_millis(300);
    let server = start(|_| {}).await;
    let mut writer = subscriber(&server, Protocol::WebSocket).await;
    let begin = Instant::now();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let bundle = Message::Bundle(Bundle {
        timestamp: Some((now + AHEAD).as_micros() as u64),
        messages: vec![set("/x", 1), set("/y", 2)],
    });
    writer.send(&bundle).await;
    assert_eq!(writer.sync().await, []);
    for address in ["/x", "/y"] {
        assert!(matches!(writer.next().await, Message::Set(set) if set.address == address));
    }
    assert!(matches!(writer.next().await, Message::Ack(ack) if ack.revision == Some(1)));
    // Both clocks are read one after the other.
    assert!(begin.elapsed() > AHEAD - Duration::from_millis(5));
}

const FLOODERS: usize = 40;
const EVENTS: usize = 1000;

async fn flood(mut writer: Client, who: usize) {
    let event = |number: usize| {
        let value = Value::Bytes([&number.to_be_bytes()[..], &[0; 900]].concat());
        framed(&Message::Publish(Publish {
            address: format!("/flood/{who}"),
            signal: Some(Signal::Event),
            value: Some(value),
            ..Publish::default()
        }))
    };
    let frames: Vec<_> = (0..EVENTS).map(event).collect();
    writer.send_frames(&frames).await;
    writer.sync().await;
}

// protocol/router.md 5.11, 16.2: of a flood 42 of 100 were once lost
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_loses_nothing_of_what_many_send_at_once() {
    let server = start_alone(|config| config.sessions_max = 0).await;
    let mut reader = subscriber(&server, Protocol::WebSocket).await;
    let mut flooders = tokio::task::JoinSet::new();
    for who in 0..FLOODERS {
        let writer = Client::welcomed(&server, Protocol::Tcp).await;
        flooders.spawn(flood(writer, who));
    }
    let mut next = vec![0; FLOODERS];
    while next.iter().sum::<usize>() < FLOODERS * EVENTS {
        let publish = match reader.next().await {
            Message::Publish(publish) => publish,
            other => panic!("expected a PUBLISH, got {other:?} after {next:?}"),
        };
        let who: usize = publish.address["/flood/".len()..].parse().unwrap();
        let Some(Value::Bytes(bytes)) = publish.value else {
            panic!("expected bytes")
        };
        assert_eq!(bytes[..8], usize::to_be_bytes(next[who]));
        next[who] += 1;
    }
    flooders.join_all().await;
}
