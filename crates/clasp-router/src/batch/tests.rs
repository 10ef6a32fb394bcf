//! The door, seen from its sessions: what each operation changes and whom it tells.

mod sequences;
mod tally;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use clasp_proto::{
    Binding, Message, Set, Subscribe, SubscribeOptions, Ttl, TypeMask, Value, binary, frame,
};

use crate::{
    Bundle, Drained, NewSession, Now, Operation, Receipt, Refusal, Router, RouterConfig, Session,
    Tick, Timestamp, Work,
};

struct Stage {
    router: Router,
    now: Now,
    work: Work,
}

impl Stage {
    fn new() -> Self {
        Self::with(RouterConfig::default())
    }

    fn with(config: RouterConfig) -> Self {
        let now = Now {
            wall: Timestamp(1_000_000_000),
            tick: Tick(0),
        };
        Self {
            router: Router::new(config, now),
            now,
            work: Work::default(),
        }
    }

    fn session(&self, id: &str) -> Arc<Session> {
        let new = NewSession {
            id: id.into(),
            binding: Binding::Length,
            principal: Arc::new(clasp_proto::Principal::anybody()),
        };
        self.router.attach(new).unwrap()
    }

    fn pass(&mut self, micros: u64) {
        self.now.tick.0 += micros;
        self.now.wall.0 += micros;
        self.router.advance(self.now, &mut self.work);
    }

    fn send(&mut self, session: &Arc<Session>, message: &Message) -> Result<Receipt, Refusal> {
        let mut payload = Vec::new();
        binary::encode(message, &mut payload).unwrap();
        let mut batch = self.router.batch(session, self.now, &mut self.work);
        let result = match binary::view(&payload).unwrap() {
            binary::MessageRef::Set(set) => batch.submit(&Operation::Set(set)),
            binary::MessageRef::Publish(publish) => batch.submit(&Operation::Publish(publish)),
            binary::MessageRef::Bundle(_) => batch.submit(&Operation::Bundle(Bundle {
                payload: &payload,
                wants_ack: true,
            })),
            binary::MessageRef::Other(Message::Subscribe(subscribe)) => {
                batch.submit(&Operation::Subscribe(&subscribe))
            }
            binary::MessageRef::Other(Message::Get(get)) => {
                batch.submit(&Operation::Get(&get.address))
            }
            other => panic!("not an operation: {other:?}"),
        };
        batch.finish(None);
        result
    }

    fn received(&self, session: &Session) -> Vec<Message> {
        let mut pieces = VecDeque::new();
        let mut bytes = Vec::new();
        while session.outbox.take(Waker::noop(), &mut pieces) == Drained::Taken {
            for piece in pieces.drain(..) {
                session
                    .outbox
                    .wrote(piece.as_ref().len(), None, self.now.tick);
                bytes.extend_from_slice(piece.as_ref());
            }
        }
        let mut rest = &bytes[..];
        let mut messages = Vec::new();
        while let Some((length, body)) = rest.split_first_chunk::<4>() {
            let (one, more) = body.split_at(u32::from_be_bytes(*length) as usize);
            messages.push(binary::decode(frame::split(one).unwrap().1).unwrap());
            rest = more;
        }
        messages
    }
}

fn set(address: &str, value: i64) -> Message {
    Message::Set(Set {
        address: address.into(),
        value: Value::Int(value),
        ..Set::default()
    })
}

fn subscribe(id: u32, pattern: &str) -> Message {
    Message::Subscribe(Subscribe {
        id,
        pattern: pattern.into(),
        types: TypeMask::ALL,
        options: SubscribeOptions::default(),
    })
}

fn values(messages: &[Message]) -> Vec<(String, Value, Option<u64>)> {
    let of = |message: &Message| match message {
        Message::Set(set) => vec![(set.address.clone(), set.value.clone(), set.revision)],
        Message::Snapshot(snapshot) => snapshot
            .params
            .iter()
            .map(|param| {
                (
                    param.address.clone(),
                    param.value.clone(),
                    Some(param.revision),
                )
            })
            .collect(),
        _ => Vec::new(),
    };
    messages.iter().flat_map(of).collect()
}

// protocol/router.md 5.3, 6.1, 6.4
#[test]
fn set_is_echoed_and_delivered_once_with_its_revision() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    for id in [1, 2] {
        stage.send(&reader, &subscribe(id, "/a/**")).unwrap();
    }
    stage.send(&writer, &subscribe(1, "/a/*")).unwrap();
    for value in [5, 6] {
        assert_eq!(
            stage.send(&writer, &set("/a/b", value)).unwrap().revision,
            Some(value as u64 - 4)
        );
    }
    let expected = vec![
        ("/a/b".to_owned(), Value::Int(5), Some(1)),
        ("/a/b".to_owned(), Value::Int(6), Some(2)),
    ];
    assert_eq!(values(&stage.received(&reader)), expected);
    assert_eq!(values(&stage.received(&writer)), expected);
}

// protocol/router.md 5.2, 7.4, 7.5
#[test]
fn late_subscriber_gets_the_state() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    for number in 0..3000 {
        stage.now.tick.0 += 10_000;
        stage
            .send(&writer, &set(&format!("/p/{number}"), number))
            .unwrap();
    }
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    let mut found = values(&stage.received(&reader));
    while reader.wants_snapshot() {
        stage.router.fill(&reader, stage.now, &mut stage.work);
        found.extend(values(&stage.received(&reader)));
    }
    found.sort_by_key(|(address, ..)| address.clone());
    found.dedup_by_key(|(address, ..)| address.clone());
    assert_eq!(found.len(), 3000);
}

// protocol/router.md 6.5, 9.1
#[test]
fn refused_bundle_changes_nothing() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    stage.send(&writer, &set("/a", 1)).unwrap();
    let conflict = Message::Set(Set {
        address: "/b".into(),
        value: Value::Int(1),
        revision: Some(9),
        ..Set::default()
    });
    let bundle = Message::Bundle(clasp_proto::Bundle {
        timestamp: None,
        messages: vec![set("/a", 2), set("/c", 1), conflict],
    });
    let refused = stage.send(&writer, &bundle).unwrap_err();
    assert_eq!(refused.code(), clasp_proto::Code::RevisionConflict);
    assert_eq!(values(&stage.received(&reader)).len(), 1);
    assert_eq!(stage.router.params(), 1);
    let expected = vec![("/a".to_owned(), Value::Int(1), Some(1))];
    stage
        .send(
            &reader,
            &Message::Get(clasp_proto::Get {
                address: "/a".into(),
            }),
        )
        .unwrap();
    assert_eq!(values(&stage.received(&reader)), expected);
}

// protocol/router.md 9.4, 9.5
#[test]
fn scheduled_bundle_is_applied_at_its_time() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let bundle = Message::Bundle(clasp_proto::Bundle {
        timestamp: Some(stage.now.wall.0 + 300_000),
        messages: vec![set("/a", 2)],
    });
    assert!(!stage.send(&writer, &bundle).unwrap().is_applied);
    stage.pass(299_999);
    assert_eq!(stage.router.params(), 0);
    stage.pass(1);
    assert_eq!(stage.router.params(), 1);
    let acks = stage.received(&writer);
    assert!(
        matches!(&acks[..], [Message::Ack(ack)] if ack.revision == Some(1)),
        "{acks:?}"
    );
}

// protocol/router.md 6.6, 6.8
#[test]
fn ended_session_gives_its_lock_back() {
    let mut stage = Stage::new();
    let (holder, other) = (stage.session("h"), stage.session("o"));
    let lock = Message::Set(Set {
        address: "/a".into(),
        value: Value::Int(1),
        lock: true,
        ..Set::default()
    });
    stage.send(&holder, &lock).unwrap();
    let refused = stage.send(&other, &set("/a", 2)).unwrap_err();
    assert_eq!(refused.to_string(), "LockHeld { holder: \"h\" }");
    stage.router.detach(&holder);
    assert_eq!(stage.send(&other, &set("/a", 2)).unwrap().revision, Some(2));
}

// protocol/router.md 5.11, 7.5
#[test]
fn get_between_sets_of_one_batch_is_answered_in_their_order() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    stage.send(&writer, &subscribe(1, "/a")).unwrap();
    let payloads = [1, 2].map(|value| {
        let mut payload = Vec::new();
        binary::encode(&set("/a", value), &mut payload).unwrap();
        payload
    });
    let mut batch = stage.router.batch(&writer, stage.now, &mut stage.work);
    for payload in &payloads {
        let Ok(binary::MessageRef::Set(set)) = binary::view(payload) else {
            panic!("a SET was encoded");
        };
        batch.submit(&Operation::Set(set)).unwrap();
    }
    batch.submit(&Operation::Get("/a")).unwrap();
    batch.finish(None);
    let revisions: Vec<_> = values(&stage.received(&writer))
        .into_iter()
        .map(|(_, _, revision)| revision)
        .collect();
    assert_eq!(revisions, [Some(1), Some(2), Some(2)]);
}

// protocol/router.md 6.11
#[test]
fn new_address_in_a_full_store_finds_room() {
    let config = RouterConfig {
        params_max: 1,
        ..RouterConfig::default()
    };
    let shards = config.shards;
    let mut stage = Stage::with(config);
    let writer = stage.session("w");
    for number in 0..200 {
        stage
            .send(&writer, &set(&format!("/p/{number}"), number))
            .unwrap();
        assert!(stage.router.params() <= 1 + shards, "{number}");
    }
}

// protocol/router.md 6.15
#[test]
fn merged_map_that_fits_no_snapshot_is_refused() {
    let everything = clasp_proto::Pattern::parse("/**").unwrap();
    let mut stage = Stage::with(RouterConfig {
        strategies: vec![(everything, crate::Strategy::Merge)],
        ..RouterConfig::default()
    });
    let writer = stage.session("w");
    let half = |key: &str| {
        Message::Set(Set {
            address: "/a".into(),
            value: Value::Map([(key.to_owned(), Value::Bytes(vec![0; 40_000]))].into()),
            ..Set::default()
        })
    };
    stage.send(&writer, &half("one")).unwrap();
    let refused = stage.send(&writer, &half("two")).unwrap_err();
    assert_eq!(refused, Refusal::ValueTooLarge);
    stage.send(&writer, &subscribe(1, "/a")).unwrap();
    assert_eq!(values(&stage.received(&writer)).len(), 1);
}

#[test]
fn snapshot_ends_where_the_last_slots_are_free() {
    let config = RouterConfig {
        shards: 1,
        messages_per_second: 0,
        ..RouterConfig::default()
    };
    let mut stage = Stage::with(config);
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    for number in 0..1500 {
        let brief = Message::Set(Set {
            address: format!("/p/{number}"),
            value: Value::Null,
            ttl: (number >= 1100).then_some(Ttl::Absolute(1)),
            ..Set::default()
        });
        stage.send(&writer, &brief).unwrap();
    }
    stage.pass(2_000_000);
    assert_eq!(stage.router.params(), 1100);
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    assert_eq!(values(&stage.received(&reader)).len(), 1100);
}

#[test]
fn locks_are_counted_while_they_are_held() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let write = |address: &str, lock, unlock| {
        Message::Set(Set {
            address: address.into(),
            value: Value::Null,
            lock,
            unlock,
            ttl: Some(Ttl::Absolute(1)),
            ..Set::default()
        })
    };
    let held = |session: &Session| session.held.lock().locks.len();
    stage.send(&writer, &write("/a", true, false)).unwrap();
    stage.send(&writer, &write("/a", true, false)).unwrap();
    stage.send(&writer, &write("/b", true, false)).unwrap();
    assert_eq!(held(&writer), 2);
    stage.send(&writer, &write("/a", false, true)).unwrap();
    assert_eq!(held(&writer), 1);
    stage.pass(2_000_000);
    assert_eq!(held(&writer), 0, "the lock of a param ends with it");
    let bundle = Message::Bundle(clasp_proto::Bundle {
        timestamp: None,
        messages: vec![write("/c", true, false), write("no address", false, false)],
    });
    stage.send(&writer, &bundle).unwrap_err();
    assert_eq!(held(&writer), 0, "a refused bundle locks nothing");
}

#[test]
fn bundles_of_a_session_go_with_it() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    for _ in 0..3 {
        let bundle = Message::Bundle(clasp_proto::Bundle {
            timestamp: Some(stage.now.wall.0 + 300_000),
            messages: vec![set("/a", 2)],
        });
        stage.send(&writer, &bundle).unwrap();
    }
    let weak = Arc::downgrade(&writer);
    stage.router.detach(&writer);
    drop(writer);
    assert!(
        weak.upgrade().is_none(),
        "nothing waits on behalf of a session that ended"
    );
    stage.pass(1_000_000);
    assert_eq!(stage.router.params(), 0);
}
