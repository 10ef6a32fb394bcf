//! Many subscribers that never read: memory keeps to its bound, and who reads notices nothing.

use std::time::{Duration, Instant};

use clasp_proto::{Close, Message, Phase, Publish, Signal, Value};
use clasp_server::Protocol;

use crate::harness::{Client, framed, resident_bytes, start_alone};
use crate::order::subscriber;

const STUCK: usize = 8;
const EVENTS: usize = 24_000;
/// Too small to be shared, so that every outbox has its own copy.
const EVENT_BYTES: usize = 900;
const OUTBOX_BYTES_MAX: usize = 4 * 1024 * 1024;

fn event(number: usize) -> Message {
    Message::Publish(Publish {
        address: "/event".to_owned(),
        signal: Some(Signal::Event),
        value: Some(Value::Bytes(
            [&number.to_be_bytes()[..], &[0; EVENT_BYTES]].concat(),
        )),
        // What the wire makes of none.
        phase: Some(Phase::Start),
        ..Publish::default()
    })
}

/// Sends everything to a reader that reads; returns how long that takes.
async fn flood(server: &clasp_server::Server, reader: &mut Client) -> Duration {
    let mut publisher = Client::welcomed(server, Protocol::Tcp).await;
    let begin = Instant::now();
    let publish = async {
        for first in (0..EVENTS).step_by(50) {
            let frames: Vec<_> = (first..first + 50)
                .map(|number| framed(&event(number)))
                .collect();
            publisher.send_frames(&frames).await;
        }
    };
    let read = async {
        for number in 0..EVENTS {
            assert!(reader.next().await == event(number), "event {number}");
        }
    };
    tokio::join!(publish, read);
    begin.elapsed()
}

// protocol/router.md 16.1, 16.3, protocol/limits.md 4.5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded_and_others_keep_their_pace() {
    let server = start_alone(|_| {}).await;
    let mut reader = subscriber(&server, Protocol::WebSocket).await;
    let alone = flood(&server, &mut reader).await;
    let before = resident_bytes();
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        stuck.push(subscriber(&server, Protocol::WebSocket).await);
    }
    let together = flood(&server, &mut reader).await;
    let grown = resident_bytes().saturating_sub(before);
    let bound = (STUCK + 2) * OUTBOX_BYTES_MAX;
    assert!(grown < bound, "{grown} bytes more, {bound} are allowed");
    // Eight more receivers are work too, but nobody was waited for.
    let bound = 4 * alone + Duration::from_secs(2);
    assert!(
        together < bound,
        "{together:?} with them, {alone:?} without"
    );
    for mut client in stuck {
        assert_eq!(client.end().await, Some(Close::SlowConsumer.number()));
    }
}
