//! Sequences that once broke a promise, each with what it has to keep.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Wake;
use std::time::Duration;

use clasp_proto::{Get, Phase, Publish, Signal, Ttl};

use super::*;
use crate::{Closed, Strategy};

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn bundle(timestamp: Option<u64>, messages: Vec<Message>) -> Message {
    Message::Bundle(clasp_proto::Bundle {
        timestamp,
        messages,
    })
}

fn set_value(address: &str, value: Value) -> Message {
    Message::Set(Set {
        address: address.into(),
        value,
        ..Set::default()
    })
}

fn publish(address: &str, signal: Signal, value: i64) -> Message {
    Message::Publish(Publish {
        address: address.into(),
        signal: Some(signal),
        value: Some(Value::Int(value)),
        ..Publish::default()
    })
}

fn limited(id: u32, pattern: &str, max_rate: u32) -> Message {
    Message::Subscribe(Subscribe {
        id,
        pattern: pattern.into(),
        types: TypeMask::ALL,
        options: SubscribeOptions {
            max_rate: Some(max_rate),
            ..SubscribeOptions::default()
        },
    })
}

fn quick() -> RouterConfig {
    RouterConfig {
        messages_per_second: 0,
        shards: 1,
        ..RouterConfig::default()
    }
}

fn revisions(messages: &[Message]) -> Vec<u64> {
    values(messages)
        .into_iter()
        .filter_map(|(.., revision)| revision)
        .collect()
}

#[test]
fn refusing_a_very_long_address_does_not_panic() {
    let mut stage = Stage::with(quick());
    let writer = stage.session("w");
    let long = "/".to_owned() + &"a".repeat(65_520);
    let refusal = stage.send(&writer, &set(&long, 1)).unwrap_err();
    let mut batch = stage.router.batch(&writer, stage.now, &mut stage.work);
    batch.refuse(&refusal, Some(&long));
}

#[test]
fn a_scheduled_bundle_with_a_very_long_address_does_not_panic_the_timer() {
    let mut stage = Stage::with(quick());
    let writer = stage.session("w");
    let long = "/".to_owned() + &"a".repeat(65_480);
    let at = stage.now.wall.0 + 300_000;
    stage
        .send(&writer, &bundle(Some(at), vec![set(&long, 1)]))
        .unwrap();
    stage.pass(300_001);
}

#[test]
fn refused_bundle_unlocks_its_shards() {
    let mut stage = Stage::with(RouterConfig {
        shards: 16,
        ..quick()
    });
    let writer = stage.session("w");
    let mut members: Vec<_> = (0..50).map(|n| set(&format!("/a/{n}"), 1)).collect();
    members.push(Message::Set(Set {
        address: "/a/0".into(),
        value: Value::Int(1),
        revision: Some(99),
        ..Set::default()
    }));
    let mut payload = Vec::new();
    binary::encode(&bundle(None, members), &mut payload).unwrap();
    let mut batch = stage.router.batch(&writer, stage.now, &mut stage.work);
    batch
        .submit(&Operation::Bundle(Bundle {
            payload: &payload,
            wants_ack: true,
        }))
        .unwrap_err();
    assert_eq!(batch.others.len(), 0, "shards are still locked");
}

#[test]
fn refused_bundles_do_not_deadlock() {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let stage = Stage::with(RouterConfig {
            shards: 4,
            ..quick()
        });
        let (router, now) = (&stage.router, stage.now);
        let sessions = [stage.session("a"), stage.session("b")];
        let conflict = |address: &str| {
            Message::Set(Set {
                address: address.into(),
                value: Value::Int(1),
                revision: Some(99),
                ..Set::default()
            })
        };
        std::thread::scope(|scope| {
            for (index, session) in sessions.iter().enumerate() {
                scope.spawn(move || {
                    let mut work = Work::default();
                    for round in 0..20_000 {
                        let mut batch = router.batch(session, now, &mut work);
                        // A refused bundle of two addresses, then a SET of a third.
                        let two = bundle(
                            None,
                            vec![
                                conflict(&format!("/{index}/{round}/x")),
                                set(&format!("/{index}/{round}/y"), 1),
                            ],
                        );
                        let mut payload = Vec::new();
                        binary::encode(&two, &mut payload).unwrap();
                        batch
                            .submit(&Operation::Bundle(Bundle {
                                payload: &payload,
                                wants_ack: false,
                            }))
                            .unwrap_err();
                        let mut payload = Vec::new();
                        binary::encode(
                            &set(&format!("/{index}/{}/z", round % 64), 1),
                            &mut payload,
                        )
                        .unwrap();
                        let binary::MessageRef::Set(one) = binary::view(&payload).unwrap() else {
                            unreachable!()
                        };
                        batch.submit(&Operation::Set(one)).unwrap();
                        batch.finish(None);
                    }
                });
            }
        });
        done.send(()).unwrap();
    });
    wait.recv_timeout(Duration::from_secs(60))
        .expect("deadlock");
}

#[test]
fn a_bundle_larger_than_the_store_does_not_panic() {
    let mut stage = Stage::with(RouterConfig {
        params_max: 4,
        ..quick()
    });
    let writer = stage.session("w");
    let members = (0..8).map(|n| set(&format!("/a/{n}"), 1)).collect();
    stage.send(&writer, &bundle(None, members)).unwrap();
}

#[test]
fn bundles_into_a_full_store_of_default_size_do_not_panic() {
    let mut stage = Stage::with(RouterConfig {
        messages_per_second: 0,
        ..RouterConfig::default()
    });
    let writer = stage.session("w");
    for round in 0..60 {
        let members = (0..1000)
            .map(|n| set(&format!("/{round}/{n}"), 1))
            .collect();
        stage.send(&writer, &bundle(None, members)).unwrap();
    }
}

#[test]
fn a_scheduled_bundle_larger_than_the_store_does_not_panic_the_timer() {
    let mut stage = Stage::with(RouterConfig {
        params_max: 4,
        ..quick()
    });
    let writer = stage.session("w");
    let members = (0..8).map(|n| set(&format!("/a/{n}"), 1)).collect();
    let at = stage.now.wall.0 + 300_000;
    stage.send(&writer, &bundle(Some(at), members)).unwrap();
    stage.pass(300_001);
}

#[test]
fn a_bundled_publish_goes_to_subscribers_of_its_own_address() {
    let mut stage = Stage::with(quick());
    let (writer, reader, other) = (stage.session("w"), stage.session("r"), stage.session("o"));
    stage.send(&reader, &subscribe(1, "/secret/one")).unwrap();
    stage.send(&other, &subscribe(1, "/t/**")).unwrap();
    for number in 0..crate::limits::ROUTE_SLOTS_PER_SHARD_MAX - 1 {
        stage
            .send(
                &writer,
                &publish(&format!("/idle/{number}"), Signal::Event, 1),
            )
            .unwrap();
    }
    // The slot of /secret/one is dropped when that of /t/0 is made, which takes its number.
    let members = vec![
        publish("/secret/one", Signal::Event, 1),
        publish("/t/0", Signal::Event, 1),
    ];
    stage.send(&writer, &bundle(None, members)).unwrap();
    let got = (stage.received(&reader).len(), stage.received(&other).len());
    assert_eq!(got, (1, 1));
}

#[test]
fn a_long_bundle_of_publishes_does_not_panic_when_slots_are_dropped() {
    let mut stage = Stage::with(quick());
    let writer = stage.session("w");
    for number in 0..crate::limits::ROUTE_SLOTS_PER_SHARD_MAX - 10 {
        stage
            .send(
                &writer,
                &publish(&format!("/idle/{number}"), Signal::Event, 1),
            )
            .unwrap();
    }
    let members = (0..12)
        .map(|number| publish(&format!("/t/{number}"), Signal::Event, 1))
        .collect();
    stage.send(&writer, &bundle(None, members)).unwrap();
}

#[test]
fn value_that_waits_for_max_rate_survives_a_sweep() {
    let mut stage = Stage::with(quick());
    let (writer, reader, other) = (stage.session("w"), stage.session("r"), stage.session("o"));
    stage.send(&reader, &limited(1, "/a", 1)).unwrap();
    stage.pass(29_500_000);
    stage.send(&writer, &set("/a", 1)).unwrap();
    stage.pass(100_000);
    stage.send(&writer, &set("/a", 2)).unwrap();
    stage.send(&other, &subscribe(1, "/elsewhere")).unwrap();
    stage.pass(500_000);
    stage.pass(2_000_000);
    assert_eq!(revisions(&stage.received(&reader)), [1, 2]);
}

#[test]
fn value_that_waits_for_max_rate_never_follows_a_newer_one() {
    let mut stage = Stage::with(quick());
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &limited(1, "/a", 1)).unwrap();
    stage.pass(2_000_000);
    stage.send(&writer, &set("/a", 1)).unwrap();
    stage.pass(100_000);
    stage.send(&writer, &set("/a", 2)).unwrap();
    stage.send(&reader, &subscribe(2, "/a")).unwrap();
    stage.pass(100_000);
    stage.send(&writer, &set("/a", 3)).unwrap();
    stage.pass(2_000_000);
    let got = revisions(&stage.received(&reader));
    assert!(got.is_sorted(), "{got:?}");
}

#[test]
fn a_stream_sample_does_not_replace_a_param_that_waits() {
    let mut stage = Stage::with(quick());
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &limited(1, "/a", 1)).unwrap();
    stage.send(&writer, &set("/a", 1)).unwrap();
    stage.pass(100_000);
    stage.send(&writer, &set("/a", 2)).unwrap();
    stage
        .send(&writer, &publish("/a", Signal::Stream, 9))
        .unwrap();
    stage.pass(3_000_000);
    assert_eq!(revisions(&stage.received(&reader)), [1, 2]);
}

#[test]
fn max_rate_holds_when_the_timer_is_a_little_late() {
    let mut stage = Stage::with(quick());
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &limited(1, "/a", 10)).unwrap();
    let start = stage.now.tick.0;
    for (value, at) in [0, 1_000, 100_100, 100_200].into_iter().enumerate() {
        stage.now.tick.0 = start + at;
        stage.send(&writer, &set("/a", value as i64)).unwrap();
    }
    stage.now.tick.0 = start + 100_300;
    stage.router.advance(stage.now, &mut stage.work);
    assert_eq!(revisions(&stage.received(&reader)), [1, 3]);
}

#[test]
fn get_shows_no_newer_value_before_older_ones() {
    let mut stage = Stage::with(quick());
    let writer = stage.session("w");
    stage.send(&writer, &subscribe(1, "/a")).unwrap();
    let mut batch = stage.router.batch(&writer, stage.now, &mut stage.work);
    for value in [1, 2] {
        let mut payload = Vec::new();
        binary::encode(&set("/a", value), &mut payload).unwrap();
        let binary::MessageRef::Set(one) = binary::view(&payload).unwrap() else {
            unreachable!()
        };
        let receipt = batch.submit(&Operation::Set(one)).unwrap();
        batch.ack(Some("/a"), receipt.revision);
    }
    batch.submit(&Operation::Get("/a")).unwrap();
    batch.finish(None);
    let got = stage.received(&writer);
    assert!(revisions(&got).is_sorted(), "{got:?}");
    assert!(
        matches!(got[0], Message::Set(_)),
        "echo before ACK: {got:?}"
    );
}

#[test]
fn ttls_that_shrink_do_not_pile_up() {
    let mut stage = Stage::with(quick());
    let writer = stage.session("w");
    for step in 0..10_000 {
        let message = Message::Set(Set {
            address: "/a".into(),
            value: Value::Null,
            ttl: Some(Ttl::Sliding(0x7FFF_0000 - step)),
            ..Set::default()
        });
        stage.send(&writer, &message).unwrap();
    }
    let listed = stage.router.shards[0].lock().due_len();
    let alarms = stage.router.alarms.len();
    assert!(
        listed < 100 && alarms < 100,
        "{listed} listed, {alarms} alarms"
    );
}

#[test]
fn evicted_params_leave_nothing_in_the_expiry_list() {
    let mut stage = Stage::with(RouterConfig {
        params_max: 10,
        ..quick()
    });
    let writer = stage.session("w");
    for number in 0..10_000 {
        let message = Message::Set(Set {
            address: format!("/a/{number}"),
            value: Value::Null,
            ttl: Some(Ttl::Sliding(0x7FFF_0000)),
            ..Set::default()
        });
        stage.send(&writer, &message).unwrap();
    }
    let listed = stage.router.shards[0].lock().due_len();
    assert!(listed < 100, "{listed} listed for 10 params");
}

#[test]
fn locking_again_and_again_keeps_one_entry() {
    let mut stage = Stage::with(quick());
    let writer = stage.session("w");
    for step in 0..10_000 {
        let message = Message::Set(Set {
            address: "/a".into(),
            value: Value::Null,
            lock: step % 2 == 0,
            unlock: step % 2 == 1,
            ..Set::default()
        });
        stage.send(&writer, &message).unwrap();
    }
    let held = writer.held.lock().locks.len();
    assert!(held <= 1, "{held} entries for one address");
}

#[test]
fn scheduled_bundles_go_with_their_session() {
    let mut stage = Stage::with(quick());
    let before = stage.router.alarms.len();
    for round in 0..10 {
        let writer = stage.session(&format!("w{round}"));
        for number in 0..1000 {
            let at = stage.now.wall.0 + 3_000_000_000;
            stage
                .send(
                    &writer,
                    &bundle(Some(at), vec![set(&format!("/{number}"), 1)]),
                )
                .unwrap();
        }
        stage.router.detach(&writer);
    }
    let kept = stage.router.alarms.len() - before;
    assert_eq!(kept, 0, "bundles of sessions that are gone");
}

#[test]
fn subscribing_again_replaces_the_snapshot_that_is_under_way() {
    let mut stage = Stage::with(quick());
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    for number in 0..5000 {
        let value = Value::String("x".repeat(100));
        stage
            .send(&writer, &set_value(&format!("/p/{number}"), value))
            .unwrap();
    }
    for _ in 0..5000 {
        stage.send(&reader, &subscribe(1, "/p/**")).unwrap();
    }
    assert!(reader.outbox.closed().is_none());
    let waiting = reader.held.lock().cursors.len();
    assert!(
        waiting <= 1,
        "{waiting} snapshots wait for one subscription"
    );
}

#[test]
fn forgotten_gestures_are_not_counted_for_ever() {
    let mut stage = Stage::with(quick());
    let writer = stage.session("w");
    for number in 0..256 {
        let start = Message::Publish(Publish {
            address: format!("/g/{number}"),
            signal: Some(Signal::Gesture),
            phase: Some(Phase::Start),
            id: Some(1),
            ..Publish::default()
        });
        stage.send(&writer, &start).unwrap();
    }
    stage.pass(400_000_000);
    assert_eq!(stage.router.shards[0].lock().gestures.len(), 0);
    assert_eq!(writer.held.lock().gestures, 0);
}

#[test]
fn a_state_above_the_outbox_budget_still_reaches_who_connects() {
    for (count, bytes) in [(80, 60_000), (10_000, 9_000)] {
        let mut stage = Stage::with(RouterConfig {
            shards: 16,
            ..quick()
        });
        let writer = stage.session("w");
        for number in 0..count {
            let value = Value::String("x".repeat(bytes));
            let set = set_value(&format!("/big/{number}"), value);
            stage.send(&writer, &set).unwrap();
        }
        let reader = stage.session("r");
        let mut batch = stage.router.batch(&reader, stage.now, &mut stage.work);
        batch.greet();
        batch.finish(None);
        assert_eq!(
            reader.outbox.closed(),
            None,
            "{count} params of {bytes} bytes"
        );
    }
}

#[test]
fn a_query_with_a_large_result_is_refused_and_does_not_end_the_session() {
    let mut stage = Stage::with(quick());
    let reader = stage.session("r");
    let announce = |bytes, number| clasp_proto::Announce {
        namespace: "/n".into(),
        meta: None,
        signals: vec![clasp_proto::SignalDefinition {
            address: format!("/s/{number}"),
            signal: Signal::Param,
            datatype: Some("x".repeat(bytes)),
            access: None,
            meta: None,
        }],
    };
    let mut batch = stage.router.batch(&reader, stage.now, &mut stage.work);
    for number in 0..300 {
        let announce = announce(4000, number);
        batch.submit(&Operation::Announce(&announce)).unwrap();
    }
    let refused = batch.submit(&Operation::Announce(&announce(60_000, 0)));
    assert_eq!(refused, Err(Refusal::SignalTooLarge { max: 4096 }));
    let query = Operation::Query(crate::operation::Query {
        pattern: "/**",
        in_one_result: false,
    });
    assert_eq!(batch.submit(&query), Err(Refusal::ResultTooLarge));
    batch.finish(None);
    assert_eq!(reader.outbox.closed(), None);
}

#[test]
fn merged_values_stay_within_a_frame() {
    let mut stage = Stage::with(RouterConfig {
        strategies: vec![(clasp_proto::Pattern::parse("/**").unwrap(), Strategy::Merge)],
        ..quick()
    });
    let writer = stage.session("w");
    for key in ["a", "b"] {
        let map = [(key.to_owned(), Value::String("x".repeat(40_000)))];
        let merged = stage.send(&writer, &set_value("/m", Value::Map(map.into())));
        if merged.is_err() {
            return;
        }
    }
    stage
        .send(
            &writer,
            &Message::Get(Get {
                address: "/m".into(),
            }),
        )
        .unwrap();
}

#[test]
fn subscribers_of_a_merged_param_get_what_is_stored() {
    let mut stage = Stage::with(RouterConfig {
        strategies: vec![(clasp_proto::Pattern::parse("/**").unwrap(), Strategy::Merge)],
        ..quick()
    });
    let writer = stage.session("w");
    stage.send(&writer, &subscribe(1, "/m")).unwrap();
    for key in ["a", "b"] {
        let map = [(key.to_owned(), Value::Int(1))];
        stage
            .send(&writer, &set_value("/m", Value::Map(map.into())))
            .unwrap();
    }
    let live = values(&stage.received(&writer)).pop();
    stage
        .send(
            &writer,
            &Message::Get(Get {
                address: "/m".into(),
            }),
        )
        .unwrap();
    assert_eq!(live, values(&stage.received(&writer)).pop());
}

#[test]
fn a_full_store_that_evicts_takes_a_new_address_whatever_its_shard() {
    let mut stage = Stage::with(RouterConfig {
        params_max: 2,
        shards: 16,
        ..quick()
    });
    let writer = stage.session("w");
    for number in 0..50 {
        stage.send(&writer, &set(&format!("/{number}"), 1)).unwrap();
    }
}

#[test]
fn the_close_of_an_outbox_wakes_its_writer_though_it_waits_for_the_socket() {
    let mut stage = Stage::with(RouterConfig {
        outbox_bytes_max: 10_000,
        ..quick()
    });
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    stage
        .send(&writer, &publish("/e", Signal::Event, 1))
        .unwrap();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut pieces = VecDeque::new();
    assert_eq!(reader.outbox.take(&waker, &mut pieces), Drained::Taken);
    // The socket takes nothing from here on: `pieces` are never written.
    for number in 0..1000 {
        stage
            .send(&writer, &publish("/e", Signal::Event, number))
            .unwrap();
    }
    assert_eq!(reader.outbox.closed(), Some(Closed::SlowConsumer));
    assert_eq!(bell.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_bundle_stays_together_under_pressure() {
    let mut stage = Stage::with(RouterConfig {
        outbox_bytes_max: 100_000,
        ..quick()
    });
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    while reader.outbox.queued_bytes() <= 50_000 {
        stage
            .send(&writer, &publish("/e", Signal::Event, 1))
            .unwrap();
    }
    stage.send(&writer, &set("/a", 1)).unwrap();
    stage
        .send(&writer, &publish("/e", Signal::Event, 2))
        .unwrap();
    stage
        .send(&writer, &bundle(None, vec![set("/a", 2), set("/b", 2)]))
        .unwrap();
    let got = stage.received(&reader);
    let at = |address: &str| {
        got.iter()
            .rposition(|m| matches!(m, Message::Set(set) if set.address == address))
            .unwrap()
    };
    assert_eq!(at("/b"), at("/a") + 1);
}

#[test]
fn restarting_a_gesture_keeps_its_last_move() {
    let mut stage = Stage::with(quick());
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &subscribe(1, "/g")).unwrap();
    for (phase, value) in [(Phase::Start, 0), (Phase::Move, 7), (Phase::Start, 8)] {
        let message = Message::Publish(Publish {
            address: "/g".into(),
            signal: Some(Signal::Gesture),
            phase: Some(phase),
            id: Some(1),
            value: Some(Value::Int(value)),
            ..Publish::default()
        });
        stage.send(&writer, &message).unwrap();
    }
    stage.pass(100_000);
    let got = stage.received(&reader);
    assert!(
        got.iter()
            .any(|m| matches!(m, Message::Publish(p) if p.value == Some(Value::Int(7)))),
        "{got:?}"
    );
}

#[test]
fn routes_are_bounded_whatever_addresses_are_used() {
    let mut stage = Stage::with(quick());
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    for (id, letter) in ('a'..='p').enumerate() {
        stage
            .send(&reader, &subscribe(id as u32, &format!("/*{letter}*")))
            .unwrap();
    }
    for set in 1..30_000u32 {
        let letters = ('a'..='p')
            .enumerate()
            .filter(|(bit, _)| set & (1 << bit) != 0);
        let address: String = letters.map(|(_, letter)| letter).collect();
        stage
            .send(&writer, &publish(&format!("/{address}"), Signal::Event, 1))
            .unwrap();
        stage.received(&reader);
    }
    let routes = stage.router.index.routes_len();
    assert!(routes <= 16_384, "{routes} routes kept");
}

#[test]
fn undoing_a_param_that_expired_within_its_bundle_counts_right() {
    let mut stage = Stage::with(quick());
    let writer = stage.session("w");
    let short = |revision| {
        Message::Set(Set {
            address: "/a".into(),
            value: Value::Null,
            ttl: Some(Ttl::Absolute(0)),
            revision,
            ..Set::default()
        })
    };
    let members = vec![short(None), short(None), short(Some(99))];
    stage.send(&writer, &bundle(None, members)).unwrap_err();
    assert_eq!(stage.router.params(), 0);
}

#[test]
fn a_lock_taken_by_a_bundle_ends_with_the_session_whatever_the_timer_does() {
    let mut stage = Stage::with(quick());
    let (holder, other) = (stage.session("h"), stage.session("o"));
    let lock = Message::Set(Set {
        address: "/a".into(),
        value: Value::Null,
        lock: true,
        ..Set::default()
    });
    // What the timer does when the session ends between its look at the outbox and the bundle.
    stage.router.detach(&holder);
    stage.send(&holder, &lock).unwrap();
    stage.send(&other, &set("/a", 1)).unwrap();
}

#[test]
fn taps_get_back_the_room_that_directed_members_never_use() {
    use std::sync::atomic::{AtomicI64, Ordering};
    struct Room(Arc<AtomicI64>);
    impl crate::Tap for Room {
        fn reserve(&self, records: usize) -> bool {
            self.0.fetch_add(records as i64, Ordering::Relaxed);
            true
        }
        fn release(&self, records: usize) {
            self.0.fetch_sub(records as i64, Ordering::Relaxed);
        }
        fn committed(&self, _: &crate::Commit<'_>) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let reserved = Arc::new(AtomicI64::new(0));
    let mut stage = Stage::with(quick());
    stage.router = Router::new(quick(), stage.now).with_tap(Box::new(Room(Arc::clone(&reserved))));
    let (writer, _target) = (stage.session("w"), stage.session("t"));
    let members = vec![publish("/clasp/p2p/signal/t", Signal::Event, 1)];
    stage.send(&writer, &bundle(None, members)).unwrap();
    assert_eq!(reserved.load(Ordering::Relaxed), 0);
}
