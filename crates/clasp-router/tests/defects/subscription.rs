//! Subscriptions: ids, limits, masks, order (protocol/router.md 5).

use std::time::Duration;

use clasp_proto::{
    Code, Message, MessageRef, PublishRef, Signal, SubscribeOptions, TypeMask, Value, binary,
};
use clasp_router::Operation;

use crate::stage::{
    Stage, get, numbers, publish, set, set_with, subscribe, subscribe_with, unsubscribe, values,
};

fn stream(address: &str, value: f64) -> Message {
    publish(address, Signal::Stream, Value::Float(value))
}

fn limited(pattern: &str, max_rate: Option<u32>, epsilon: Option<f64>) -> Message {
    subscribe_with(1, pattern, |subscribe| {
        subscribe.options = SubscribeOptions {
            max_rate,
            epsilon,
            ..SubscribeOptions::default()
        };
    })
}

// protocol/router.md 5.1: the old pattern once went on for ever
#[test]
fn an_id_in_use_is_replaced_and_its_old_pattern_ends() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/old"));
    stage.send(&reader, &subscribe(1, "/new")).unwrap();
    stage.send(&writer, &set("/old", 1)).unwrap();
    stage.send(&writer, &set("/new", 2)).unwrap();
    assert_eq!(numbers(&stage.received(&reader)), [2]);
    stage.send(&reader, &unsubscribe(1)).unwrap();
    stage.send(&writer, &set("/old", 3)).unwrap();
    stage.send(&writer, &set("/new", 4)).unwrap();
    assert_eq!(stage.received(&reader), []);
}

// protocol/router.md 5.1
#[test]
fn two_sessions_may_use_the_same_ids() {
    let mut stage = Stage::new();
    let (writer, first) = (stage.session("w"), stage.reader("a", "/x"));
    let second = stage.reader("b", "/x");
    stage.send(&first, &unsubscribe(1)).unwrap();
    stage.send(&writer, &set("/x", 1)).unwrap();
    assert_eq!(stage.received(&first), []);
    assert_eq!(numbers(&stage.received(&second)), [1]);
}

// protocol/router.md 5.5: at the limit an id in use was once refused as well
#[test]
fn at_the_limit_ids_in_use_can_be_replaced_but_no_new_ones_taken() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    for id in 1..=1000 {
        stage.send(&reader, &subscribe(id, "/x")).unwrap();
    }
    let told = stage.code(&reader, &subscribe(1001, "/y"));
    assert_eq!(told, Some(Code::RateLimited));
    assert!(
        matches!(&stage.received(&reader)[..], [Message::Error(error)] if error.address.as_deref() == Some("/y"))
    );
    stage.send(&reader, &subscribe(7, "/y")).unwrap();
    stage.send(&writer, &set("/y", 1)).unwrap();
    assert_eq!(numbers(&stage.received(&reader)), [1]);
    stage.send(&reader, &unsubscribe(7)).unwrap();
    stage.send(&reader, &subscribe(1001, "/y")).unwrap();
}

// protocol/router.md 5.3
#[test]
fn overlapping_subscriptions_bring_one_copy() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/a/**"));
    for (id, pattern) in [(2, "/a/*"), (3, "/a/b"), (4, "/**"), (5, "/a/b*")] {
        stage.send(&reader, &subscribe(id, pattern)).unwrap();
    }
    stage.send(&writer, &set("/a/b", 1)).unwrap();
    stage
        .send(&writer, &publish("/a/b", Signal::Event, Value::Int(2)))
        .unwrap();
    assert_eq!(numbers(&stage.received(&reader)), [1, 2]);
}

// protocol/router.md 5.4
#[test]
fn the_type_mask_sorts_live_messages_but_not_the_snapshot() {
    for (types, expected) in [
        (TypeMask::of(&[Signal::Param]), vec![1]),
        (TypeMask::of(&[Signal::Event]), vec![2]),
        (
            TypeMask::of(&[Signal::Stream, Signal::Timeline]),
            vec![3, 5],
        ),
        (TypeMask::of(&[Signal::Gesture]), vec![4]),
        (TypeMask::from_bits(0), vec![1, 2, 3, 4, 5]),
        (TypeMask::from_bits(0xE0), vec![1, 2, 3, 4, 5]),
        (TypeMask::from_bits(0x1F), vec![1, 2, 3, 4, 5]),
    ] {
        let mut stage = Stage::new();
        let (writer, reader) = (stage.session("w"), stage.session("r"));
        stage.send(&writer, &set("/state", 0)).unwrap();
        let asked = subscribe_with(1, "/**", |subscribe| subscribe.types = types);
        stage.send(&reader, &asked).unwrap();
        let state = values(&stage.received(&reader));
        assert!(
            matches!(&state[..], [("snapshot", ..)]),
            "{types:?}: {state:?}"
        );
        stage.send(&writer, &set("/x", 1)).unwrap();
        for (value, signal) in [
            (2, Signal::Event),
            (3, Signal::Stream),
            (4, Signal::Gesture),
            (5, Signal::Timeline),
        ] {
            stage
                .send(&writer, &publish("/x", signal, Value::Int(value)))
                .unwrap();
        }
        assert_eq!(numbers(&stage.received(&reader)), expected, "{types:?}");
    }
}

// protocol/router.md 5.4
#[test]
fn a_publish_without_signal_passes_every_mask() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    let asked = subscribe_with(1, "/x", |subscribe| {
        subscribe.types = TypeMask::of(&[Signal::Gesture]);
    });
    stage.send(&reader, &asked).unwrap();
    let mut payload = Vec::new();
    binary::encode(&publish("/x", Signal::Event, Value::Int(1)), &mut payload).unwrap();
    let Ok(MessageRef::Publish(publish)) = binary::view(&payload) else {
        unreachable!("it is a PUBLISH")
    };
    let nameless = PublishRef {
        signal: None,
        ..publish
    };
    stage
        .submit(&writer, &Operation::Publish(nameless))
        .unwrap();
    assert_eq!(numbers(&stage.received(&reader)), [1]);
}

// protocol/router.md 5.2
#[test]
fn subscribing_to_nothing_is_answered_with_nothing() {
    let mut stage = Stage::new();
    let reader = stage.session("r");
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    stage.send(&reader, &unsubscribe(99)).unwrap();
    assert_eq!(stage.received(&reader), []);
}

// protocol/router.md 5.7: five of five came, and never a last one late
#[test]
fn max_rate_leaves_out_but_the_last_value_always_arrives() {
    for is_stream in [false, true] {
        let mut stage = Stage::new();
        let (writer, reader) = (stage.session("w"), stage.session("r"));
        stage
            .send(&reader, &limited("/**", Some(10), None))
            .unwrap();
        for value in 1..=25 {
            let message = if is_stream {
                stream("/x", f64::from(value))
            } else {
                set("/x", i64::from(value))
            };
            stage.send(&writer, &message).unwrap();
            stage.pass(Duration::from_millis(10));
        }
        stage.pass(Duration::from_millis(100));
        let came: Vec<_> = values(&stage.received(&reader))
            .iter()
            .filter_map(|(_, _, value)| value.as_f64())
            .collect();
        assert_eq!(came, [1.0, 10.0, 20.0, 25.0], "stream: {is_stream}");
        stage.pass(Duration::from_secs(10));
        assert_eq!(stage.received(&reader), []);
    }
}

// protocol/router.md 5.7
#[test]
fn max_rate_counts_each_address_and_spares_events() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &limited("/**", Some(1), None)).unwrap();
    for address in ["/a", "/b", "/c"] {
        stage.send(&writer, &set(address, 1)).unwrap();
        for value in 2..5 {
            let event = publish(address, Signal::Event, Value::Int(value));
            stage.send(&writer, &event).unwrap();
        }
    }
    assert_eq!(stage.received(&reader).len(), 12);
}

// protocol/router.md 5.6, 5.7: what waits for its time is not delivered after UNSUBSCRIBE
#[test]
fn unsubscribe_ends_what_max_rate_held_back() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &limited("/x", Some(10), None)).unwrap();
    stage.send(&writer, &set("/x", 1)).unwrap();
    stage.send(&writer, &set("/x", 2)).unwrap();
    stage.send(&reader, &unsubscribe(1)).unwrap();
    stage.received(&reader);
    stage.pass(Duration::from_secs(2));
    assert_eq!(stage.received(&reader), []);
}

// protocol/router.md 5.7: routes are dropped now and then; what waits may not go with them
#[test]
fn the_last_value_arrives_although_routes_change_meanwhile() {
    for wait in [0, 1, 29] {
        let mut stage = Stage::new();
        let (writer, reader) = (stage.session("w"), stage.session("r"));
        stage.send(&reader, &limited("/**", Some(1), None)).unwrap();
        // The sweep is due 30 s after the start.
        stage.pass(Duration::from_millis(wait * 1000 + 500));
        for value in 1..=3 {
            stage
                .send(&writer, &stream("/x", f64::from(value)))
                .unwrap();
        }
        let other = stage.reader("o", "/y");
        stage.router.detach(&other);
        stage.pass(Duration::from_secs(2));
        assert_eq!(stage.received(&reader).len(), 2, "after {wait} s");
    }
}

// protocol/router.md 5.8
#[test]
fn epsilon_leaves_out_small_steps_and_nothing_else() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage
        .send(&reader, &limited("/**", None, Some(0.5)))
        .unwrap();
    for (value, comes) in [
        (1.0, true),
        (1.4, false),
        (0.6, false),
        (1.5, true),
        (1.9, false),
        (2.0, true),
        (f64::NAN, true),
        (f64::NAN, true),
        (2.0, true),
        (f64::INFINITY, true),
        (-0.0, true),
        (0.0, false),
    ] {
        stage.send(&writer, &stream("/x", value)).unwrap();
        let came = stage.received(&reader).len();
        assert_eq!(came, usize::from(comes), "{value}");
    }
    for value in [
        Value::Null,
        Value::Bool(true),
        Value::String("x".into()),
        Value::Null,
    ] {
        let message = set_with("/y", 0, |set| set.value = value);
        stage.send(&writer, &message).unwrap();
        assert_eq!(stage.received(&reader).len(), 1);
    }
}

// protocol/router.md 5.8: measured from what this subscription was shown, not from an earlier one
#[test]
fn epsilon_begins_anew_with_a_new_subscription() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage
        .send(&reader, &limited("/x", None, Some(0.5)))
        .unwrap();
    stage.send(&writer, &set("/x", 1)).unwrap();
    stage.send(&reader, &unsubscribe(1)).unwrap();
    stage.send(&writer, &set("/x", 9)).unwrap();
    stage
        .send(&reader, &limited("/x", None, Some(0.5)))
        .unwrap();
    stage.send(&writer, &set("/x", 1)).unwrap();
    assert_eq!(numbers(&stage.received(&reader)), [1, 9, 1]);
}

// protocol/router.md 5.9
#[test]
fn a_subscription_without_limits_beside_one_with_them_gets_everything() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage
        .send(&reader, &limited("/x", Some(1), Some(100.0)))
        .unwrap();
    stage.send(&reader, &subscribe(2, "/**")).unwrap();
    for value in 1..=5 {
        stage.send(&writer, &set("/x", value)).unwrap();
    }
    assert_eq!(numbers(&stage.received(&reader)), [1, 2, 3, 4, 5]);
}

// protocol/router.md 5.7, 5.8, 5.10
#[test]
fn extreme_options_have_a_defined_meaning() {
    for (max_rate, epsilon, history) in [
        (Some(0), Some(f64::NAN), Some(u32::MAX)),
        (Some(u32::MAX), Some(-1.0), Some(0)),
        (None, Some(0.0), Some(100)),
        (None, Some(f64::NEG_INFINITY), None),
        (None, Some(-0.0), None),
    ] {
        let mut stage = Stage::new();
        let (writer, reader) = (stage.session("w"), stage.session("r"));
        let asked = subscribe_with(u32::MAX, "/x", |subscribe| {
            subscribe.options = SubscribeOptions {
                max_rate,
                epsilon,
                history,
                window: history,
            };
        });
        stage.send(&reader, &asked).unwrap();
        for value in 1..=3 {
            stage.send(&writer, &set("/x", value)).unwrap();
        }
        let came = numbers(&stage.received(&reader));
        assert_eq!(came, [1, 2, 3], "{max_rate:?} {epsilon:?}");
    }
}

// protocol/router.md 5.11
#[test]
fn consecutive_messages_do_not_overtake_each_other() {
    let mut stage = Stage::with(|config| config.outbox_bytes_max = 64 * 1024 * 1024);
    let writer = stage.session("w");
    let readers: Vec<_> = (0..12)
        .map(|count| stage.reader(&format!("r{count}"), "/**"))
        .collect();
    let messages: Vec<_> = (1..=900).map(|value| set("/x", value)).collect();
    for together in messages.chunks(37) {
        stage.send_together(&writer, together);
    }
    let expected: Vec<_> = (1..=900).collect();
    for reader in &readers {
        let received = stage.received(reader);
        assert_eq!(numbers(&received), expected);
    }
}

// protocol/router.md 5.11, 6.3, 7.5: answers do not overtake what was written before them
#[test]
fn a_get_in_the_same_batch_shows_no_newer_value_before_older_ones() {
    let mut stage = Stage::new();
    let writer = stage.reader("w", "/**");
    let messages = [
        set("/x", 1),
        set("/x", 2),
        get("/x"),
        set("/x", 3),
        subscribe(2, "/x"),
    ];
    stage.send_together(&writer, &messages);
    let received = stage.received(&writer);
    let came = numbers(&received);
    assert!(came.is_sorted(), "{came:?}");
    let first_ack = received
        .iter()
        .position(|message| matches!(message, Message::Ack(_)));
    let echoed = received
        .iter()
        .position(|message| matches!(message, Message::Set(_)));
    assert!(echoed < first_ack, "{received:?}");
}

// protocol/router.md 5.7, 5.9, 5.11
#[test]
fn a_value_that_waited_does_not_come_after_a_newer_one() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &limited("/x", Some(1), None)).unwrap();
    stage.send(&writer, &set("/x", 1)).unwrap();
    stage.send(&writer, &set("/x", 2)).unwrap();
    stage.send(&reader, &subscribe(2, "/**")).unwrap();
    stage.send(&writer, &set("/x", 3)).unwrap();
    stage.pass(Duration::from_secs(2));
    assert_eq!(numbers(&stage.received(&reader)), [1, 2, 3]);
}

// protocol/router.md 5.7: a stream of the same address is no newer value of the param
#[test]
fn the_last_value_of_a_param_arrives_although_a_stream_follows() {
    for signal in [Signal::Stream, Signal::Param] {
        let mut stage = Stage::new();
        let (writer, reader) = (stage.session("w"), stage.session("r"));
        stage.send(&reader, &limited("/x", Some(1), None)).unwrap();
        stage.send(&writer, &set("/x", 1)).unwrap();
        stage.send(&writer, &set("/x", 2)).unwrap();
        for value in 8..10 {
            let message = publish("/x", signal, Value::Int(value));
            stage.send(&writer, &message).unwrap();
        }
        stage.pass(Duration::from_secs(2));
        let mut came = numbers(&stage.received(&reader));
        came.sort_unstable();
        assert_eq!(came, [1, 2, 8, 9], "{signal:?}");
    }
}

// protocol/router.md 5.7, 5.9: an event is no newer value either, whoever lets it through
#[test]
fn the_last_value_of_a_param_arrives_although_an_event_follows() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    let events = subscribe_with(2, "/x", |subscribe| {
        subscribe.types = TypeMask::of(&[Signal::Event]);
    });
    for asked in [limited("/x", Some(1), None), events] {
        stage.send(&reader, &asked).unwrap();
    }
    for message in [
        set("/x", 1),
        set("/x", 2),
        publish("/x", Signal::Event, Value::Int(3)),
    ] {
        stage.send(&writer, &message).unwrap();
    }
    stage.pass(Duration::from_secs(2));
    assert_eq!(numbers(&stage.received(&reader)), [1, 3, 2]);
}

// protocol/router.md 5.7, 5.9: the earlier of two times holds, whichever was known first
#[test]
fn of_two_limits_the_one_that_lets_more_through_holds() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    let fast = subscribe_with(2, "/x", |subscribe| {
        subscribe.options.max_rate = Some(10);
        subscribe.options.epsilon = Some(5.0);
    });
    for asked in [limited("/x", Some(1), None), fast] {
        stage.send(&reader, &asked).unwrap();
    }
    for value in [0, 1, 9] {
        stage.send(&writer, &set("/x", value)).unwrap();
        stage.pass(Duration::from_millis(10));
    }
    stage.pass(Duration::from_millis(80));
    assert_eq!(numbers(&stage.received(&reader)), [0, 9]);
    // 10 is near to 9: only the slow one wants it, a second after 9 was sent.
    for value in [18, 10] {
        stage.send(&writer, &set("/x", value)).unwrap();
    }
    stage.pass(Duration::from_millis(989));
    assert_eq!(stage.received(&reader), []);
    stage.pass(Duration::from_millis(1));
    assert_eq!(numbers(&stage.received(&reader)), [10]);
}
