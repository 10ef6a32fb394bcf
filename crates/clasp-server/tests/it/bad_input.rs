//! Messages that are wrong inside: the documented error, at once, and the session goes on
//! (T-SEC-03, 05, 06, 08, 09, 10).

use std::time::{Duration, Instant};

use clasp_proto::{
    Bundle, Code, Message, Qos, Set, Subscribe, SubscribeOptions, Ttl, TypeMask, Value,
};
use clasp_server::{Counted, Protocol, Server};

use crate::harness::{Client, check_served, framed_payload, start};
use crate::noise::good_frames;

/// Fewer than end a session.
const PER_SESSION: usize = 12;

/// What an answer may take here, on a busy machine and without optimisation. Quadratic work on
/// 64 KiB takes longer.
const PROMPT: Duration = Duration::from_secs(2);

fn text(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a text has at most 65535 bytes");
    [&length.to_be_bytes()[..], bytes].concat()
}

fn set(address: &[u8], value_code: u8, body: &[u8]) -> Vec<u8> {
    [&[0x21, value_code][..], &text(address), body].concat()
}

fn get(address: &[u8]) -> Vec<u8> {
    [&[0x22][..], &text(address)].concat()
}

fn subscribe(pattern: &[u8]) -> Vec<u8> {
    [&[0x10, 0, 0, 0, 1][..], &text(pattern), &[0xFF, 0]].concat()
}

/// Sends each payload and expects exactly one ERROR of the code for it.
async fn check_refused(server: &Server, code: Code, payloads: &[(&str, Vec<u8>)]) {
    for some in payloads.chunks(PER_SESSION) {
        let mut client = Client::welcomed(server, Protocol::WebSocket).await;
        for (what, payload) in some {
            let sent = Instant::now();
            client
                .send_frames(&[framed_payload(Qos::Confirm, payload)])
                .await;
            let answers = client.sync().await;
            let found: Vec<Code> = answers.iter().filter_map(code_of).collect();
            assert_eq!(found, [code], "{what}: {answers:?}");
            assert!(sent.elapsed() < PROMPT, "{what} took {:?}", sent.elapsed());
        }
    }
    check_served(server).await;
}

fn code_of(message: &Message) -> Option<Code> {
    match message {
        Message::Error(error) => Code::from_number(error.code),
        _ => None,
    }
}

fn bad_addresses() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", vec![]),
        ("no slash in front", b"a/b".to_vec()),
        ("an empty segment", b"/a//b".to_vec()),
        ("a slash at the end", b"/a/".to_vec()),
        ("only a slash", b"/".to_vec()),
        ("NUL", b"/a\0b".to_vec()),
        ("a control character", b"/a\x1bb".to_vec()),
        ("a mark of direction", "/a\u{202e}b".into()),
        ("1025 bytes", [b"/".as_slice(), &[b'a'; 1024]].concat()),
        (
            "a segment of 64 KiB",
            [b"/".as_slice(), &[b'a'; 65_000]].concat(),
        ),
        ("65,000 slashes", vec![b'/'; 65_000]),
        ("10,000 segments", b"/a".repeat(10_000)),
        ("65 segments", b"/a".repeat(65)),
    ]
}

// protocol/router.md 3.1, 3.4, protocol/errors.md 1.3
#[tokio::test]
async fn bad_addresses_are_200() {
    let server = start(|_| {}).await;
    let mut payloads = Vec::new();
    for (what, address) in bad_addresses() {
        payloads.push((what, get(&address)));
        // So that the whole fits into a frame.
        if address.len() < 65_000 {
            payloads.push((what, set(&address, 0, &[])));
        }
    }
    payloads.push(("a wildcard in SET", set(b"/a/*", 0, &[])));
    check_refused(&server, Code::InvalidAddress, &payloads).await;
}

// protocol/router.md 4.6, protocol/errors.md 1.3
#[tokio::test]
async fn bad_patterns_are_202() {
    let server = start(|_| {}).await;
    let mut payloads: Vec<_> = bad_addresses()
        .into_iter()
        // A pattern may end in a slash.
        .filter(|(_, pattern)| !matches!(&pattern[..], b"/a/" | b"/"))
        .map(|(what, pattern)| (what, subscribe(&pattern)))
        .collect();
    payloads.push(("9 globstars", subscribe(&b"/**/a".repeat(9))));
    payloads.push(("1000 globstars", subscribe(&b"/**".repeat(1000))));
    check_refused(&server, Code::InvalidPattern, &payloads).await;
}

// protocol/wire.md 5.1, 7.4
#[tokio::test]
async fn texts_that_are_not_utf8_are_101() {
    let server = start(|_| {}).await;
    let payloads: Vec<_> = [
        ("an overlong slash", &b"/a\xC0\xAFb"[..]),
        ("a lone surrogate", b"/a\xED\xA0\x80"),
        ("a stray continuation", b"/a\x80"),
        ("half a character", b"/a\xE2\x82"),
    ]
    .into_iter()
    .flat_map(|(what, bad)| {
        [
            (what, get(bad)),
            (what, set(bad, 0, &[])),
            (what, subscribe(bad)),
        ]
    })
    .collect();
    check_refused(&server, Code::InvalidMessage, &payloads).await;
}

// protocol/wire.md 5.7, 5.8, 7.1, protocol/limits.md 1.1
#[tokio::test]
async fn depth_and_counts_beyond_the_bytes_are_101() {
    let server = start(|_| {}).await;
    let array_of_one = [0x0A, 0, 1];
    let deep_array = [&[0, 1][..], &array_of_one.repeat(20_000), &[0]].concat();
    let deep_map = [0x0B, 0, 1, 0, 0].repeat(12_000);
    let deep_legacy = [
        &b"\x83\xA4type\xA3SET\xA7address\xA2/a\xA5value"[..],
        &vec![0x91; 60_000],
    ]
    .concat();
    let nested_bundle = |levels: usize| {
        (0..levels).fold(vec![0x41], |inner, _| {
            [&[0x30, 0, 0, 1][..], &text(&inner)].concat()
        })
    };
    let members = |count: usize| {
        let count_bytes = u16::try_from(count).expect("a count").to_be_bytes();
        [&[0x30, 0][..], &count_bytes, &[0, 1, 0x41].repeat(count)].concat()
    };
    let payloads = [
        ("20,000 nested arrays", set(b"/a", 0x0A, &deep_array)),
        (
            "65 nested arrays",
            set(
                b"/a",
                0x0A,
                &[&[0, 1][..], &array_of_one.repeat(64), &[0]].concat(),
            ),
        ),
        ("12,000 nested maps", set(b"/a", 0x0B, &deep_map[1..])),
        ("60,000 nested arrays of MessagePack", deep_legacy),
        ("5,000 nested bundles", nested_bundle(5_000)),
        ("9 nested bundles", nested_bundle(9)),
        ("1025 members", members(1025)),
        ("20,000 members", members(20_000)),
        (
            "65,535 elements and none there",
            set(b"/a", 0x0A, &[0xFF, 0xFF]),
        ),
        (
            "65,535 entries and none there",
            set(b"/a", 0x0B, &[0xFF, 0xFF]),
        ),
        ("65,535 members and none there", vec![0x30, 0, 0xFF, 0xFF]),
        (
            "65,535 samples and none there",
            vec![0x20, 0x40, 0, 2, b'/', b'a', 2, 0xFF, 0xFF],
        ),
        (
            "65,535 signals and none there",
            vec![0x03, 0, 0, 0xFF, 0xFF],
        ),
        ("an unknown value type", set(b"/a", 0x0C, &[])),
        ("an unknown message", vec![0x7F]),
    ];
    check_refused(&server, Code::InvalidMessage, &payloads).await;
}

#[tokio::test]
async fn the_most_entries_that_a_frame_holds_are_taken_at_once() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    let count = 16_000_u16;
    let same_key = [&count.to_be_bytes()[..], &[0, 0, 0x01, 1].repeat(16_000)].concat();
    let nulls = [&65_000_u16.to_be_bytes()[..], &vec![0; 65_000]].concat();
    for payload in [
        set(b"/same/key", 0x0B, &same_key),
        set(b"/nulls", 0x0A, &nulls),
    ] {
        let sent = Instant::now();
        client
            .send_frames(&[framed_payload(Qos::Confirm, &payload)])
            .await;
        let answers = client.sync().await;
        assert!(matches!(answers[..], [Message::Ack(_)]), "{answers:?}");
        assert!(sent.elapsed() < PROMPT, "{:?}", sent.elapsed());
    }
}

/// Every field of every message with its bytes set to the maximum, and cut off right behind.
// protocol/wire.md 7.3
#[tokio::test]
async fn no_field_is_believed() {
    let server = start(|config| config.params_max = 100).await;
    let mut payloads = Vec::new();
    for good in good_frames() {
        let payload = &good[4..];
        for at in 0..payload.len() {
            let mut bad = payload.to_vec();
            bad.truncate(at + 2);
            bad[at..].fill(0xFF);
            payloads.push(framed_payload(Qos::Confirm, &bad));
            payloads.push(framed_payload(Qos::Confirm, &payload[..at.max(1)]));
        }
    }
    for some in payloads.chunks(PER_SESSION) {
        let mut client = Client::welcomed(&server, Protocol::Tcp).await;
        client.send_frames(some).await;
        client.sync().await;
    }
    check_served(&server).await;
}

fn set_message(address: &str, value: Value) -> Set {
    Set {
        address: address.to_owned(),
        value,
        ..Set::default()
    }
}

/// Sends a write that must be accepted; updates of subscriptions may come before the ACK.
async fn check_accepted(client: &mut Client, message: Message) {
    client.send(&message).await;
    let answers = client.sync().await;
    assert!(
        matches!(answers.last(), Some(Message::Ack(_))),
        "{message:?}: {answers:?}"
    );
}

#[tokio::test]
async fn strange_numbers_pass_strange_filters() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    let options = [(f64::NAN, 0), (-1.0, u32::MAX), (f64::INFINITY, 1)];
    for (id, (epsilon, max_rate)) in (0..).zip(options) {
        let options = SubscribeOptions {
            epsilon: Some(epsilon),
            max_rate: Some(max_rate),
            ..SubscribeOptions::default()
        };
        let (pattern, types) = (format!("/strange/{id}"), TypeMask::ALL);
        client
            .send(&Message::Subscribe(Subscribe {
                id,
                pattern,
                types,
                options,
            }))
            .await;
    }
    let numbers = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        f64::MIN_POSITIVE / 2.0,
    ];
    let numbers = numbers.map(Value::Float).into_iter();
    for value in numbers.chain([i64::MIN, i64::MAX].map(Value::Int)) {
        for address in ["/strange/0", "/strange/1", "/strange/2"] {
            check_accepted(
                &mut client,
                Message::Set(set_message(address, value.clone())),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn strange_times_and_revisions_have_a_defined_result() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::Tcp).await;
    let null = || set_message("/a", Value::Null);
    let bundle = |timestamp| {
        Message::Bundle(Bundle {
            timestamp: Some(timestamp),
            messages: vec![Message::Set(null())],
        })
    };
    for ttl in [
        Ttl::Sliding(0x7FFF_FFFF),
        Ttl::Absolute(0x7FFF_FFFF),
        Ttl::Absolute(0),
        Ttl::Never,
    ] {
        check_accepted(
            &mut client,
            Message::Set(Set {
                ttl: Some(ttl),
                ..null()
            }),
        )
        .await;
    }
    check_accepted(&mut client, bundle(0)).await;
    let expected = Message::Set(Set {
        revision: Some(u64::MAX),
        ..null()
    });
    for (message, code) in [
        (expected, Code::RevisionConflict),
        (bundle(u64::MAX), Code::InvalidValue),
    ] {
        client.send(&message).await;
        assert_eq!(client.error().await, code, "{message:?}");
    }
}

#[tokio::test]
async fn a_very_long_address_is_refused_without_a_panic() {
    let server = start(|_| {}).await;
    let mut client = Client::welcomed(&server, Protocol::WebSocket).await;
    let set = Message::Set(Set {
        address: "/".to_owned() + &"a".repeat(65_500),
        value: Value::Null,
        ..Set::default()
    });
    client.send(&set).await;
    client.link.recv().await.ok();
    assert_eq!(server.counters().read(Counted::Panicked), 0);
}
