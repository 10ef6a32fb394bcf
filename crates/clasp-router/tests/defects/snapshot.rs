//! GET and SNAPSHOT: complete, never too large, never older than what came before
//! (protocol/router.md 7, 2.8).

use std::collections::BTreeMap;
use std::sync::Arc;

use clasp_proto::{Code, Message, Ttl, Value, limits::FRAME_PAYLOAD_MAX};
use clasp_router::Session;

use crate::stage::{Stage, get, set, set_with, subscribe, values};

/// The params in all snapshots that a session got; each frame keeps to its bound.
fn params(stage: &mut Stage, session: &Arc<Session>) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for bytes in stage.frames(session) {
        assert!(
            bytes.len() <= 4 + FRAME_PAYLOAD_MAX,
            "{} bytes",
            bytes.len()
        );
        let message = clasp_proto::binary::decode(&bytes[4..]).expect("a message");
        for (_, address, value) in values(&[message]) {
            found.insert(address, value);
        }
    }
    found
}

// protocol/router.md 7.4: a chunk of 800 once vanished where it did not fit a frame
#[test]
fn no_param_is_missing_from_a_snapshot_however_long_its_address() {
    for (count, padding) in [(800, 20), (799, 900), (2000, 40), (9000, 3)] {
        let mut stage = Stage::new();
        let writer = stage.session("0123456789abcdef0123456789abcdef0123");
        let address = |number: i64| format!("/{}/{number}", "p".repeat(padding));
        for number in 0..count {
            stage
                .send_as(
                    &writer,
                    &set(&address(number), number),
                    clasp_proto::Qos::Fire,
                )
                .unwrap();
        }
        let late = stage.session("late");
        stage.greet(&late);
        let expected: BTreeMap<_, _> = (0..count)
            .map(|number| (address(number), Value::Int(number)))
            .collect();
        assert_eq!(params(&mut stage, &late), expected);
        stage.send(&late, &subscribe(1, "/**")).unwrap();
        assert_eq!(params(&mut stage, &late), expected);
    }
}

// protocol/router.md 2.8
#[test]
fn a_new_session_is_shown_the_state_unasked_also_an_empty_one() {
    let mut stage = Stage::new();
    let first = stage.session("a");
    stage.greet(&first);
    assert!(
        matches!(&stage.received(&first)[..], [Message::Snapshot(snapshot)] if snapshot.params.is_empty())
    );
    stage.send(&first, &set("/x", 1)).unwrap();
    let second = stage.session("b");
    stage.greet(&second);
    let expected = [("snapshot", "/x".to_owned(), Value::Int(1))];
    assert_eq!(values(&stage.received(&second)), expected);
}

// protocol/router.md 7.2: once there was no answer at all, and clients waited 5 s
#[test]
fn get_of_what_is_not_there_is_answered_with_201() {
    let mut stage = Stage::new();
    let reader = stage.session("r");
    stage
        .send(
            &reader,
            &set_with("/gone", 1, |set| set.ttl = Some(Ttl::Absolute(0))),
        )
        .unwrap();
    stage.received(&reader);
    for address in ["/x", "/gone"] {
        assert_eq!(
            stage.code(&reader, &get(address)),
            Some(Code::AddressNotFound)
        );
        let told = stage.received(&reader);
        assert!(
            matches!(&told[..], [Message::Error(error)] if error.address.as_deref() == Some(address) && error.code == 201),
            "{told:?}"
        );
    }
}

// protocol/router.md 7.1, 7.3
#[test]
fn get_answers_with_exactly_this_param_and_who_wrote_it_when() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&writer, &set("/x", 1)).unwrap();
    stage.send(&writer, &set("/x/y", 2)).unwrap();
    let written_at = stage.now.wall.0;
    let param = stage.get(&reader, "/x").unwrap();
    assert_eq!((param.address.as_str(), param.revision), ("/x", 1));
    assert_eq!(
        (param.writer.as_deref(), param.timestamp),
        (Some("w"), Some(written_at))
    );
    assert!(stage.send(&reader, &get("/x/*")).is_err());
}

// protocol/router.md 7.5
#[test]
fn a_long_snapshot_shows_no_older_value_after_a_newer_one() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    let address = |number: i64| format!("/{}/{number}", "p".repeat(100));
    for number in 0..5000 {
        stage.send(&writer, &set(&address(number), 0)).unwrap();
    }
    stage.received(&writer);
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    assert!(reader.wants_snapshot(), "it does not fit at once");
    for number in 0..5000 {
        stage.send(&writer, &set(&address(number), 1)).unwrap();
        stage.received(&writer);
    }
    let mut shown: BTreeMap<String, i64> = BTreeMap::new();
    for (_, address, value) in values(&stage.received(&reader)) {
        let value = value.as_i64().unwrap();
        let before = shown.insert(address, value);
        assert!(before <= Some(value));
    }
    assert_eq!(shown.len(), 5000);
    assert!(shown.values().all(|value| *value == 1));
}

// protocol/router.md 7.5: a state of large values once closed everybody who asked for it
#[test]
fn a_state_larger_than_an_outbox_reaches_who_reads() {
    const COUNT: usize = 200;
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    for number in 0..COUNT {
        let large = set_with(&format!("/large/{number}"), 0, |set| {
            set.value = Value::Bytes(vec![7; 60_000]);
        });
        stage.send(&writer, &large).unwrap();
        stage.received(&writer);
    }
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    assert!(reader.outbox.queued_bytes() < 400_000);
    assert_eq!(params(&mut stage, &reader).len(), COUNT);
    assert_eq!(reader.outbox.closed(), None);
}
