//! Gestures: a throttle, not a debounce (protocol/router.md 8.3 to 8.7).

use std::sync::Arc;
use std::time::Duration;

use clasp_proto::{Message, Phase};
use clasp_router::Session;

use crate::stage::{Stage, gesture};

const MILLISECOND: Duration = Duration::from_millis(1);

/// What a session got of gestures: phase, id and value.
fn phases(stage: &mut Stage, session: &Arc<Session>) -> Vec<(Phase, u32, i64)> {
    let received = stage.received(session);
    received
        .iter()
        .map(|message| match message {
            Message::Publish(publish) => (
                publish.phase.expect("every PUBLISH has one"),
                publish.id.expect("it was sent with one"),
                publish
                    .value
                    .as_ref()
                    .and_then(|value| value.as_i64())
                    .expect("a number"),
            ),
            other => unreachable!("only gestures are sent: {other:?}"),
        })
        .collect()
}

fn moves(stage: &mut Stage, session: &Arc<Session>) -> Vec<i64> {
    let mut phases = phases(stage, session);
    phases.retain(|(phase, ..)| *phase == Phase::Move);
    phases.into_iter().map(|(.., value)| value).collect()
}

// protocol/router.md 8.4, 8.5: of 117 moves none came before the end, and 29 went back
#[test]
fn fast_moves_arrive_while_they_are_made_and_never_come_back() {
    let mut stage = Stage::new();
    let (maker, reader) = (stage.reader("m", "/**"), stage.reader("r", "/**"));
    stage
        .send(&maker, &gesture("/g", 1, Phase::Start, 0))
        .unwrap();
    let mut came = Vec::new();
    for value in 1..=125 {
        stage.pass(8 * MILLISECOND);
        stage
            .send(&maker, &gesture("/g", 1, Phase::Move, value))
            .unwrap();
        let now = moves(&mut stage, &reader);
        assert!(now.len() <= 1);
        assert!(
            now.iter().all(|shown| *shown >= value - 2),
            "{now:?} at {value}"
        );
        came.extend(now);
    }
    assert!(
        (60..=63).contains(&came.len()),
        "{} moves in a second",
        came.len()
    );
    assert!(came.is_sorted());
    stage
        .send(&maker, &gesture("/g", 1, Phase::End, 126))
        .unwrap();
    let last = phases(&mut stage, &reader);
    assert_eq!(last.last(), Some(&(Phase::End, 1, 126)));
    assert!(came.last() == Some(&125) || last.first() == Some(&(Phase::Move, 1, 125)));
    assert_eq!(stage.received(&maker), []);
}

// protocol/router.md 8.5
#[test]
fn slow_moves_pass_at_once_and_the_last_of_a_burst_arrives() {
    let mut stage = Stage::new();
    let (maker, reader) = (stage.session("m"), stage.reader("r", "/**"));
    stage
        .send(&maker, &gesture("/g", 1, Phase::Start, 0))
        .unwrap();
    stage.received(&reader);
    for value in 1..=5 {
        stage.pass(16 * MILLISECOND);
        stage
            .send(&maker, &gesture("/g", 1, Phase::Move, value))
            .unwrap();
        assert_eq!(moves(&mut stage, &reader), [value]);
    }
    for value in 6..=9 {
        stage
            .send(&maker, &gesture("/g", 1, Phase::Move, value))
            .unwrap();
    }
    assert!(moves(&mut stage, &reader).is_empty());
    stage.pass(16 * MILLISECOND);
    assert_eq!(moves(&mut stage, &reader), [9]);
}

// protocol/router.md 8.4
#[test]
fn end_and_cancel_come_after_the_move_that_waited() {
    for last in [Phase::End, Phase::Cancel] {
        let mut stage = Stage::new();
        let (maker, reader) = (stage.session("m"), stage.reader("r", "/**"));
        for (phase, value) in [
            (Phase::Start, 0),
            (Phase::Move, 1),
            (Phase::Move, 2),
            (last, 3),
        ] {
            stage.send(&maker, &gesture("/g", 1, phase, value)).unwrap();
        }
        let expected = [(Phase::Start, 1, 0), (Phase::Move, 1, 2), (last, 1, 3)];
        assert_eq!(phases(&mut stage, &reader), expected);
        stage.pass(Duration::from_secs(1));
        assert_eq!(stage.received(&reader), []);
    }
}

// protocol/router.md 8.3: two users once shared a gesture of the same id
#[test]
fn gestures_of_two_sessions_two_ids_or_two_addresses_are_apart() {
    let mut stage = Stage::new();
    let (first, second) = (stage.session("a"), stage.session("b"));
    let reader = stage.reader("r", "/**");
    let all = [
        (&first, "/g", 1, 10),
        (&second, "/g", 1, 20),
        (&first, "/g", 2, 30),
        (&first, "/h", 1, 40),
    ];
    for (maker, address, id, value) in all {
        stage
            .send(maker, &gesture(address, id, Phase::Start, value))
            .unwrap();
        stage
            .send(maker, &gesture(address, id, Phase::Move, value + 1))
            .unwrap();
    }
    stage.received(&reader);
    stage
        .send(&second, &gesture("/g", 1, Phase::End, 22))
        .unwrap();
    let expected = [(Phase::Move, 1, 21), (Phase::End, 1, 22)];
    assert_eq!(phases(&mut stage, &reader), expected);
    stage.pass(16 * MILLISECOND);
    assert_eq!(moves(&mut stage, &reader), [11, 31, 41]);
}

// protocol/router.md 8.6
#[test]
fn a_move_without_start_passes_and_starts_the_gesture() {
    let mut stage = Stage::new();
    let (maker, reader) = (stage.session("m"), stage.reader("r", "/**"));
    for value in 1..=3 {
        stage
            .send(&maker, &gesture("/g", 0, Phase::Move, value))
            .unwrap();
    }
    assert_eq!(moves(&mut stage, &reader), [1]);
    stage.pass(16 * MILLISECOND);
    assert_eq!(moves(&mut stage, &reader), [3]);
}

// protocol/router.md 8.7: an active gesture was once forgotten 300 s after its start
#[test]
fn a_long_gesture_is_throttled_to_its_end() {
    let mut stage = Stage::new();
    let (maker, reader) = (stage.session("m"), stage.reader("r", "/**"));
    stage
        .send(&maker, &gesture("/g", 1, Phase::Start, 0))
        .unwrap();
    for value in 0..40 {
        stage.pass(Duration::from_secs(10));
        stage
            .send(&maker, &gesture("/g", 1, Phase::Move, value))
            .unwrap();
    }
    stage.received(&reader);
    stage
        .send(&maker, &gesture("/g", 1, Phase::Move, 41))
        .unwrap();
    assert!(moves(&mut stage, &reader).is_empty());
}

// protocol/router.md 8.7
#[test]
fn gestures_end_with_their_session() {
    let mut stage = Stage::new();
    let (maker, reader) = (stage.session("m"), stage.reader("r", "/**"));
    stage
        .send(&maker, &gesture("/g", 1, Phase::Start, 0))
        .unwrap();
    stage
        .send(&maker, &gesture("/g", 1, Phase::Move, 1))
        .unwrap();
    stage.received(&reader);
    stage.router.detach(&maker);
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.received(&reader), []);
}

// protocol/router.md 8.5: no move follows the one before it sooner than the interval
#[test]
fn a_gesture_made_anew_keeps_the_interval() {
    for end in [None, Some(Phase::End)] {
        let mut stage = Stage::new();
        let (maker, reader) = (stage.session("m"), stage.reader("r", "/**"));
        stage
            .send(&maker, &gesture("/g", 1, Phase::Start, 0))
            .unwrap();
        stage
            .send(&maker, &gesture("/g", 1, Phase::Move, 1))
            .unwrap();
        stage.pass(10 * MILLISECOND);
        for phase in end.into_iter().chain([Phase::Start, Phase::Move]) {
            stage.send(&maker, &gesture("/g", 1, phase, 2)).unwrap();
        }
        stage.received(&reader);
        stage.pass(15 * MILLISECOND);
        assert!(moves(&mut stage, &reader).is_empty(), "{end:?}");
        stage.pass(MILLISECOND);
        assert_eq!(moves(&mut stage, &reader), [2], "{end:?}");
    }
}

// protocol/router.md 8.7, protocol/limits.md 3.1: lost ends once counted for ever
#[test]
fn gestures_whose_end_was_lost_give_their_places_back() {
    let mut stage = Stage::new();
    let (maker, reader) = (stage.session("m"), stage.reader("r", "/**"));
    for _ in 0..2 {
        for id in 0..256 {
            stage
                .send(&maker, &gesture("/g", id, Phase::Start, 0))
                .unwrap();
        }
        stage.pass(Duration::from_secs(400));
    }
    stage
        .send(&maker, &gesture("/h", 1, Phase::Start, 0))
        .unwrap();
    stage.received(&reader);
    stage
        .send(&maker, &gesture("/h", 1, Phase::Move, 1))
        .unwrap();
    assert!(moves(&mut stage, &reader).is_empty());
}
