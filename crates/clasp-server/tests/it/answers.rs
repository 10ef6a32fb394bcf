//! Every question has its answer, and nothing else has one.

use std::collections::BTreeSet;
use std::time::Instant;

use clasp_proto::{
    Announce, Bundle, Code, Features, FederationOp, FederationSync, Get, Hello, Message, Qos,
    Query, Replay, Set, Signal, SignalDefinition, Subscribe, Sync, TypeMask, Unsubscribe, Value,
    binary,
};
use clasp_server::Protocol;

use crate::harness::{Client, framed, framed_payload, hello, start};

// protocol/router.md 1.2, 2.5, 2.6, 2.7, 2.8
#[tokio::test]
async fn welcome_comes_first_then_the_state_even_of_nothing() {
    let server = start(|_| {}).await;
    for version in [0, 1, 255] {
        let mut client = Client::dial(&server, Protocol::WebSocket).await;
        let hello = Hello {
            version,
            token: Some("anything".to_owned()),
            ..Hello::default()
        };
        client.send(&Message::Hello(hello)).await;
        let Message::Welcome(welcome) = client.next().await else {
            panic!("WELCOME is the answer to HELLO")
        };
        assert_eq!((welcome.version, welcome.features), (1, Features::SIGNALS));
        let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '-';
        assert!(!welcome.session.is_empty() && welcome.session.chars().all(is_plain));
        assert!(matches!(client.next().await, Message::Snapshot(state) if state.params.is_empty()));
        assert_eq!(client.sync().await, []);
    }
}

// protocol/router.md 12.2
#[tokio::test]
async fn sync_tells_one_time_twice() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::WebSocket).await;
    for t1 in [0, 77, u64::MAX] {
        let question = Sync {
            t1,
            ..Sync::default()
        };
        client.send(&Message::Sync(question)).await;
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let Message::Sync(answer) = client.next().await else {
            panic!("SYNC is answered with SYNC")
        };
        assert_eq!((answer.t1, answer.t2), (t1, answer.t3));
        let (there, here) = (answer.t2.unwrap(), now.as_micros() as u64);
        assert!(there.abs_diff(here) < 10_000_000, "{there} {here}");
    }
}

// protocol/router.md 12.1: it once overtook a snapshot that did not fit what a session may have queued
#[tokio::test]
async fn a_pong_comes_behind_what_was_asked_for_before_its_ping() {
    const PARAMS: usize = 60_000;
    let server = start(|config| config.params_max = 0).await;
    let mut writer = Client::welcomed(&server, Protocol::Tcp).await;
    for first in (0..PARAMS).step_by(1000) {
        let members = (first..first + 1000).map(|number| {
            Message::Set(Set {
                address: format!("/a/param/with/a/long/address/{number}"),
                value: Value::Float(0.5),
                ..Set::default()
            })
        });
        let bundle = Message::Bundle(Bundle {
            timestamp: None,
            messages: members.collect(),
        });
        writer.send(&bundle).await;
        assert!(matches!(writer.next().await, Message::Ack(_)));
    }
    let mut reader = Client::dial(&server, Protocol::Tcp).await;
    let ping = framed(&Message::Ping);
    reader
        .send_frames(&[framed(&hello()), ping.clone(), ping.clone()])
        .await;
    assert!(matches!(reader.next().await, Message::Welcome(_)));
    let mut found = 0;
    while let Message::Snapshot(snapshot) = reader.next().await {
        found += snapshot.params.len();
    }
    // The first PONG ended that.
    assert_eq!(found, PARAMS);
    assert_eq!(reader.next().await, Message::Pong);
    let subscribe = Message::Subscribe(Subscribe {
        id: 1,
        pattern: "/a/**".to_owned(),
        ..Subscribe::default()
    });
    reader.send_frames(&[framed(&subscribe), ping]).await;
    let mut found = 0;
    while let Message::Snapshot(snapshot) = reader.next().await {
        found += snapshot.params.len();
    }
    assert_eq!(found, PARAMS);
}

fn get(address: &str) -> Message {
    Message::Get(Get {
        address: address.to_owned(),
    })
}

fn replay(pattern: &str) -> Message {
    Message::Replay(Replay {
        pattern: pattern.to_owned(),
        from: None,
        to: None,
        limit: None,
        types: TypeMask::ALL,
    })
}

fn federation() -> Message {
    Message::FederationSync(FederationSync {
        op: FederationOp::DeclareNamespaces,
        patterns: vec!["/**".to_owned()],
        revisions: Default::default(),
        since_revision: None,
        origin: None,
    })
}

// protocol/router.md 7.2, 11.1, 19.1, protocol/wire.md 10.1: all of these once were answered with silence
#[tokio::test]
async fn what_is_not_there_is_refused_at_once() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::WebSocket).await;
    for (message, code, address) in [
        (get("/x"), Code::AddressNotFound, Some("/x")),
        (replay("/a/**"), Code::Unavailable, Some("/a/**")),
        (federation(), Code::Unavailable, None),
    ] {
        client.send(&message).await;
        let Message::Error(error) = client.next().await else {
            panic!("{} is refused", message.name())
        };
        let told = (Code::from_number(error.code), error.address.as_deref());
        assert_eq!(told, (Some(code), address));
    }
    assert_eq!(client.sync().await, []);
}

// protocol/router.md 5.6, 6.2, 12.3, protocol/wire.md 4.4: an ACK that was not asked for ends some clients
#[tokio::test]
async fn what_asks_for_nothing_gets_nothing() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::WebSocket).await;
    let set = Message::Set(Set {
        address: "/x".to_owned(),
        value: Value::Null,
        ..Set::default()
    });
    let mut payload = Vec::new();
    binary::encode(&set, &mut payload).unwrap();
    client
        .send_frames(&[framed_payload(Qos::Fire, &payload)])
        .await;
    for message in [Message::Pong, Message::Unsubscribe(Unsubscribe { id: 9 })] {
        client.send(&message).await;
    }
    assert_eq!(client.sync().await, []);
}

fn announce(numbers: std::ops::Range<usize>) -> Message {
    let signal = |number: usize| SignalDefinition {
        address: format!("/signals/of/a/large/installation/{number}"),
        signal: Signal::Param,
        datatype: None,
        access: None,
        meta: None,
    };
    Message::Announce(Announce {
        namespace: "/signals".to_owned(),
        signals: numbers.map(signal).collect(),
        meta: None,
    })
}

// protocol/router.md 10.1, 10.3: the answer once was too large for a frame, so there was none
#[tokio::test]
async fn a_query_for_many_signals_is_answered_completely() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::WebSocket).await;
    for part in 0..3 {
        client.send(&announce(part * 700..(part + 1) * 700)).await;
        assert!(
            matches!(client.next().await, Message::Ack(ack) if ack.address.as_deref() == Some("/signals"))
        );
    }
    let pattern = "/signals/**".to_owned();
    client.send(&Message::Query(Query { pattern })).await;
    let mut found = BTreeSet::new();
    for message in client.sync().await {
        let Message::Result(result) = message else {
            panic!("expected a RESULT, got {message:?}")
        };
        found.extend(result.signals.into_iter().map(|signal| signal.address));
    }
    assert_eq!(found.len(), 2100);
}

// protocol/router.md 12.1, 15.1, 15.2, 15.3, protocol/limits.md 4.4: 2000 of 3000 were once answered with an ERROR each
#[tokio::test]
async fn a_flood_is_told_of_once_a_second() {
    let server = start(|config| config.messages_per_second = 1000).await;
    let mut client = Client::welcomed(&server, Protocol::WebSocket).await;
    let begin = Instant::now();
    let ping = framed(&Message::Ping);
    // Half a message each, and so no answer of their own when they are beyond the rate.
    let unreadable = vec![framed_payload(Qos::Fire, &[0x21]); 10];
    client.send_frames(&vec![ping; 3000]).await;
    client.send_frames(&unreadable).await;
    client.send(&get("/end")).await;
    let (mut pongs, mut errors) = (0, Vec::new());
    // The bucket fills again: what is asked long enough is answered.
    loop {
        match client.next().await {
            Message::Pong => pongs += 1,
            Message::Error(error) if error.code == Code::AddressNotFound.number() => break,
            Message::Error(error) => {
                errors.push(error.code);
                client.send(&get("/end")).await;
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    let seconds = begin.elapsed().as_secs() as usize + 1;
    assert!((1000..1000 + 1000 * seconds).contains(&pongs), "{pongs}");
    let limited = errors
        .iter()
        .filter(|code| **code == Code::RateLimited.number());
    assert!((1..=seconds).contains(&limited.count()), "{errors:?}");
}

// protocol/router.md 2.8: what comes right behind HELLO waits for its turn
#[tokio::test]
async fn messages_sent_with_hello_are_done_after_it() {
    for protocol in [Protocol::WebSocket, Protocol::Tcp] {
        let server = start(|_| {}).await;
        let mut client = Client::dial(&server, protocol).await;
        let mut frames = vec![framed(&hello())];
        frames.extend((0..20).map(|number| framed(&large(number))));
        client.send_frames(&frames).await;
        assert!(matches!(client.next().await, Message::Welcome(_)));
        assert!(matches!(client.next().await, Message::Snapshot(_)));
        for number in 0..20 {
            match client.next().await {
                Message::Ack(ack) => assert_eq!(ack.address, Some(address_of(number))),
                other => panic!("SET {number} is answered with {other:?}"),
            }
        }
    }
}

fn address_of(number: usize) -> String {
    format!("/large/{number}")
}

fn large(number: usize) -> Message {
    Message::Set(Set {
        address: address_of(number),
        value: Value::Bytes(vec![0; 60_000]),
        ..Set::default()
    })
}

/// Sends all questions together and reads all answers; who reads is not slow, however much the
/// answers are.
async fn check_answered(client: &mut Client, questions: Vec<Message>) {
    let count = questions.len();
    let frames: Vec<_> = questions.iter().map(framed).collect();
    client.send_frames(&frames).await;
    for number in 0..count {
        let answer = client.next().await;
        let is_answer = matches!(answer, Message::Snapshot(_) | Message::Result(_));
        assert!(is_answer, "answer {number}: {}", answer.name());
    }
    assert_eq!(client.sync().await, []);
}

// protocol/router.md 7.1, 10.2, 16.3
#[tokio::test]
async fn many_questions_at_once_do_not_make_a_slow_consumer() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::WebSocket).await;
    client.send(&large(1)).await;
    assert!(matches!(client.next().await, Message::Ack(_)));
    check_answered(&mut client, vec![get(&address_of(1)); 300]).await;
    client.send(&announce(0..700)).await;
    assert!(matches!(client.next().await, Message::Ack(_)));
    let pattern = "/**".to_owned();
    check_answered(&mut client, vec![Message::Query(Query { pattern }); 300]).await;
}
