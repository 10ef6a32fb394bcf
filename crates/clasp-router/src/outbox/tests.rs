//! The outbox: budget, superseding, wake-ups and the reasons to close.

#[cfg(loom)]
mod interleavings;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use clasp_proto::binary::{self, Body, PublishRef};
use clasp_proto::{Encoded, Message, Phase, Qos, SetRef, Signal, frame};

use super::*;

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn run_of(payloads: &[Vec<u8>]) -> Run {
    let mut run = Run::default();
    payloads
        .iter()
        .for_each(|payload| run.frame(Qos::Fire, payload));
    run
}

fn value(number: f64) -> [u8; 8] {
    number.to_be_bytes()
}

fn set(address: &str, revision: u64) -> Vec<u8> {
    let body = value(revision as f64);
    let set = SetRef {
        address,
        value: Encoded::from_stored(0x07, &body),
        revision: None,
        lock: false,
        unlock: false,
        ttl: None,
    };
    let mut payload = Vec::new();
    set.write(revision, &mut payload);
    payload
}

fn publish(address: &str, signal: Signal, phase: Phase, number: f64) -> Vec<u8> {
    let body = value(number);
    let body = Body::Value(Encoded::from_stored(0x07, &body));
    let mut payload = Vec::new();
    let publish = PublishRef::new(address, signal, body);
    PublishRef {
        phase,
        id: Some(1),
        ..publish
    }
    .write(&mut payload);
    payload
}

fn snapshot() -> Vec<u8> {
    let mut payload = Vec::new();
    let empty = clasp_proto::Snapshot { params: Vec::new() };
    binary::encode(&Message::Snapshot(empty), &mut payload).unwrap();
    payload
}

/// An outbox that is above half of its budget with one large event.
fn pressed_outbox(binding: Binding) -> Outbox {
    let outbox = Outbox::new(binding, 10_000);
    outbox.push(&run_of(&[vec![0x41; 6000]]), Tick(0));
    outbox
}

/// What the outbox holds, without its first frame, as payloads.
fn rest(outbox: &Outbox) -> Vec<Vec<u8>> {
    let mut pieces = VecDeque::new();
    assert_eq!(outbox.take(Waker::noop(), &mut pieces), Drained::Taken);
    let bytes: Vec<u8> = pieces
        .iter()
        .flat_map(|piece| piece.as_ref().to_vec())
        .collect();
    let mut rest = &bytes[..];
    let mut payloads = Vec::new();
    while let Some((length, more)) = rest.split_first_chunk::<4>() {
        let (one, more) = more.split_at(u32::from_be_bytes(*length) as usize);
        payloads.push(frame::split(one).unwrap().1.to_vec());
        rest = more;
    }
    payloads.split_off(1)
}

fn check_pressed(pushed: &[Vec<u8>], kept: &[Vec<u8>]) {
    let outbox = pressed_outbox(Binding::Length);
    for payload in pushed {
        outbox.push(&run_of(core::slice::from_ref(payload)), Tick(0));
    }
    assert_eq!(rest(&outbox), kept);
    assert_eq!(outbox.superseded(), (pushed.len() - kept.len()) as u64);
}

#[test]
fn below_half_of_the_budget_everything_is_kept() {
    let outbox = Outbox::new(Binding::Length, 10_000);
    let pushed: Vec<_> = (1..=4).map(|revision| set("/a", revision)).collect();
    outbox.push(&run_of(&pushed), Tick(0));
    assert_eq!(rest(&outbox), pushed[1..]);
}

#[test]
fn under_pressure_the_latest_value_takes_the_place_of_the_older() {
    check_pressed(
        &[set("/a", 1), set("/b", 1), set("/a", 2), set("/a", 3)],
        &[set("/a", 3), set("/b", 1)],
    );
    let sample = |number| publish("/s", Signal::Stream, Phase::Start, number);
    check_pressed(
        &[sample(1.0), set("/s", 1), sample(2.0)],
        &[sample(2.0), set("/s", 1)],
    );
}

#[test]
fn events_are_never_replaced() {
    let event = |number| publish("/e", Signal::Event, Phase::Start, number);
    check_pressed(&[event(1.0), event(2.0)], &[event(1.0), event(2.0)]);
}

#[test]
fn a_move_stays_inside_its_gesture() {
    let of = |phase, number| publish("/g", Signal::Gesture, phase, number);
    let (start, end) = (of(Phase::Start, 0.0), of(Phase::End, 0.0));
    check_pressed(
        &[
            start.clone(),
            of(Phase::Move, 1.0),
            of(Phase::Move, 2.0),
            end.clone(),
            start.clone(),
            of(Phase::Move, 3.0),
        ],
        &[
            start.clone(),
            of(Phase::Move, 2.0),
            end,
            start,
            of(Phase::Move, 3.0),
        ],
    );
}

#[test]
fn no_newer_value_steps_in_front_of_a_snapshot() {
    let pushed = [set("/a", 1), snapshot(), set("/a", 3)];
    check_pressed(&pushed, &pushed);
}

#[test]
fn at_the_budget_the_session_ends_and_its_memory_is_freed() {
    let outbox = pressed_outbox(Binding::WebSocket);
    for number in 0..1000 {
        let event = publish("/e", Signal::Event, Phase::Start, f64::from(number));
        outbox.push(&run_of(&[event]), Tick(0));
        assert!(outbox.queued_bytes() <= 10_000);
    }
    assert_eq!(outbox.closed(), Some(Closed::SlowConsumer));
    assert_eq!(outbox.queued_bytes(), 0);
    let drained = outbox.take(Waker::noop(), &mut VecDeque::new());
    assert_eq!(drained, Drained::Closed(Closed::SlowConsumer));
}

#[test]
fn many_params_under_pressure_stay_within_the_budget() {
    let outbox = pressed_outbox(Binding::WebSocket);
    for revision in 1..10_000 {
        outbox.push(
            &run_of(&[set(["/a", "/b"][revision as usize % 2], revision)]),
            Tick(0),
        );
    }
    assert_eq!(outbox.closed(), None);
}

#[test]
fn a_waiting_writer_is_woken_once_by_the_first_push() {
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let outbox = Outbox::new(Binding::WebSocket, 10_000);
    assert_eq!(outbox.take(&waker, &mut VecDeque::new()), Drained::Empty);
    for _ in 0..2 {
        let pushed = outbox.push(&run_of(&[set("/a", 1)]), Tick(0));
        pushed.waker.into_iter().for_each(Waker::wake);
    }
    assert_eq!(bell.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_publisher_waits_for_a_reader_that_reads_and_for_no_other() {
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let outbox = pressed_outbox(Binding::WebSocket);
    assert!(
        !outbox.has_room(Tick(50_000), &waker),
        "it may still be reading"
    );
    outbox.wrote(4000, None, Tick(60_000));
    assert_eq!(
        bell.0.load(Ordering::Relaxed),
        1,
        "below half there is room"
    );
    assert!(outbox.has_room(Tick(60_000), &waker));
    outbox.push(&run_of(&[vec![0x41; 6000]]), Tick(60_000));
    assert!(outbox.has_room(Tick(310_000), &waker), "it stands still");
    assert!(
        !outbox.has_room_for_answers(&waker),
        "its own questions wait all the same"
    );
}

#[test]
fn shutting_down_sends_what_is_queued_and_takes_nothing_more() {
    let outbox = Outbox::new(Binding::Length, 10_000);
    outbox.push(&run_of(&[set("/a", 1), set("/a", 2)]), Tick(0));
    outbox.close(Closed::ShuttingDown);
    outbox.push(&run_of(&[set("/a", 3)]), Tick(0));
    assert_eq!(rest(&outbox), [set("/a", 2)]);
    let drained = outbox.take(Waker::noop(), &mut VecDeque::new());
    assert_eq!(drained, Drained::Closed(Closed::ShuttingDown));
}

#[test]
fn large_frames_are_shared_and_framed_for_each_binding() {
    for (binding, prefix) in [
        (Binding::WebSocket, &[0x82, 126, 0x08, 0x04][..]),
        (Binding::Length, &[0, 0, 0x08, 0x04]),
        (Binding::Bare, &[]),
    ] {
        let mut run = run_of(&[vec![0x41; 2048]]);
        run.share();
        let outbox = Outbox::new(binding, 10_000);
        outbox.push(&run, Tick(0));
        let mut pieces = VecDeque::new();
        outbox.take(Waker::noop(), &mut pieces);
        assert!(
            pieces.iter().any(|piece| matches!(piece, Piece::Shared(_))),
            "{binding:?}"
        );
        let bytes: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.as_ref().to_vec())
            .collect();
        let mut expected = prefix.to_vec();
        frame::write(&mut expected, Qos::Fire, &[0x41; 2048]).unwrap();
        assert_eq!(bytes, expected, "{binding:?}");
    }
}
