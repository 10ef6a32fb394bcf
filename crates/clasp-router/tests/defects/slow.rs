//! Subscribers that do not keep up (protocol/router.md 16).

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

use clasp_proto::{Message, Phase, Signal, Value};
use clasp_router::limits::PROGRESS_WINDOW;
use clasp_router::{Closed, Drained};

use crate::stage::{Stage, gesture, numbers, publish, set, subscribe, values};

const BUDGET: usize = 64 * 1024;

fn small() -> Stage {
    Stage::with(|config| config.outbox_bytes_max = BUDGET)
}

fn event(value: i64) -> Message {
    publish("/e", Signal::Event, Value::Int(value))
}

// protocol/router.md 16.1, 16.4: what was dropped was once never sent again
#[test]
fn a_late_reader_gets_the_latest_of_every_param_in_bounded_memory() {
    let mut stage = small();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    for round in 0..2000 {
        for number in 0..50 {
            stage
                .send(&writer, &set(&format!("/p/{number}"), round))
                .unwrap();
        }
        stage.received(&writer);
        assert!(reader.outbox.queued_bytes() <= BUDGET);
    }
    assert_eq!(reader.outbox.closed(), None);
    let mut last = BTreeMap::new();
    for (_, address, value) in values(&stage.received(&reader)) {
        let value = value.as_i64().unwrap();
        assert!(last.insert(address, value) < Some(value));
    }
    assert_eq!(last.len(), 50);
    assert!(last.values().all(|value| *value == 1999));
}

// protocol/router.md 16.1
#[test]
fn streams_and_moves_give_way_and_events_starts_and_ends_do_not() {
    let mut stage = Stage::with(|config| {
        config.outbox_bytes_max = BUDGET;
        config.gesture_interval = Duration::ZERO;
    });
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    stage
        .send(
            &writer,
            &publish("/pad", Signal::Event, Value::Bytes(vec![0; BUDGET / 2])),
        )
        .unwrap();
    for value in 0..1000 {
        if value % 200 == 0 {
            stage.send(&writer, &event(value)).unwrap();
            stage
                .send(&writer, &gesture("/g", 1, Phase::Start, value))
                .unwrap();
        }
        stage
            .send(&writer, &publish("/s", Signal::Stream, Value::Int(value)))
            .unwrap();
        stage
            .send(&writer, &gesture("/g", 1, Phase::Move, value))
            .unwrap();
        if value % 200 == 199 {
            stage
                .send(&writer, &gesture("/g", 1, Phase::End, value))
                .unwrap();
        }
    }
    let received = values(&stage.received(&reader));
    let of = |address: &str| -> Vec<_> {
        let mine = received.iter().filter(|(_, found, _)| found == address);
        mine.filter_map(|(_, _, value)| value.as_i64()).collect()
    };
    assert_eq!(of("/e"), [0, 200, 400, 600, 800]);
    assert_eq!(of("/s").last(), Some(&999));
    assert!(of("/s").len() < 100);
    let ends: Vec<_> = (0..5)
        .flat_map(|part| [part * 200, part * 200 + 199, part * 200 + 199])
        .collect();
    assert_eq!(of("/g"), ends);
}

// protocol/router.md 16.3, 16.4
#[test]
fn a_reader_that_takes_no_events_is_closed_and_keeps_nothing() {
    let mut stage = small();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    let healthy = stage.reader("h", "/**");
    let mut came = Vec::new();
    for value in 0..5000 {
        stage.send(&writer, &event(value)).unwrap();
        assert!(reader.outbox.queued_bytes() <= BUDGET);
        came.extend(numbers(&stage.received(&healthy)));
    }
    assert_eq!(reader.outbox.closed(), Some(Closed::SlowConsumer));
    assert_eq!(reader.outbox.queued_bytes(), 0);
    let nothing = reader.outbox.take(Waker::noop(), &mut Default::default());
    assert_eq!(nothing, Drained::Closed(Closed::SlowConsumer));
    let expected: Vec<_> = (0..5000).collect();
    assert_eq!(came, expected);
}

// protocol/router.md 16.2, 13.5
#[test]
fn who_stands_still_holds_nobody_back_and_who_reads_does() {
    let mut stage = small();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    for value in 0..1500 {
        stage.send(&writer, &event(value)).unwrap();
    }
    assert!(!reader.outbox.has_room(stage.now.tick, Waker::noop()));
    stage.pass(PROGRESS_WINDOW);
    assert!(reader.outbox.has_room(stage.now.tick, Waker::noop()));
    reader.outbox.wrote(1, None, stage.now.tick);
    assert!(!reader.outbox.has_room(stage.now.tick, Waker::noop()));
    assert_eq!(numbers(&stage.received(&reader)).len(), 1500);
    assert!(reader.outbox.has_room(stage.now.tick, Waker::noop()));
}

// protocol/router.md 7.5, 16.1
#[test]
fn a_snapshot_that_waits_is_neither_lost_nor_older_than_what_follows() {
    let mut stage = small();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    for number in 0..100 {
        stage
            .send(&writer, &set(&format!("/p/{number}"), 0))
            .unwrap();
    }
    stage.received(&writer);
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    for round in 1..50 {
        for number in 0..100 {
            stage
                .send(&writer, &set(&format!("/p/{number}"), round))
                .unwrap();
        }
        stage.received(&writer);
        if round == 25 {
            stage.send(&reader, &subscribe(2, "/p/7")).unwrap();
        }
    }
    let mut last = BTreeMap::new();
    for (_, address, value) in values(&stage.received(&reader)) {
        let value = value.as_i64().unwrap();
        assert!(last.insert(address, value) <= Some(value));
    }
    assert_eq!(last.len(), 100);
    assert!(last.values().all(|value| *value == 49));
}

// protocol/limits.md 3.1: subscribing over and over without reading takes bounded memory
#[test]
fn snapshots_that_wait_are_those_of_the_present_subscriptions() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    let large = Value::Bytes(vec![0; 60_000]);
    for number in 0..20 {
        let message = crate::stage::set_with(&format!("/p/{number}"), 0, |set| {
            set.value = large.clone();
        });
        stage.send(&writer, &message).unwrap();
        stage.received(&writer);
    }
    for _ in 0..500 {
        stage.send(&reader, &subscribe(1, "/**")).unwrap();
    }
    let shown = values(&stage.received(&reader)).len();
    assert!((20..=80).contains(&shown), "{shown} values of 20 params");
}
