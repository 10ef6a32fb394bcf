//! The outbox under every interleaving of those who push, read, wait for room and close it.
//! `RUSTFLAGS="--cfg loom" cargo test -p clasp-router --lib --release interleavings`

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use clasp_proto::Qos;
use loom::future::block_on;
use loom::thread;

use crate::outbox::*;

/// All interleavings in which a thread is put aside at most so often where it could go on.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

/// An outbox whose budget is so many frames.
fn outbox(frames: usize) -> Arc<Outbox> {
    Arc::new(Outbox::new(Binding::Bare, frames * FRAME_BYTES))
}

/// A frame whose payload is a PING, or PONG: the outbox does not look at it.
fn frame(payload: u8) -> Run {
    let mut run = Run::default();
    run.frame(Qos::Fire, &[payload]);
    run
}

fn push(outbox: &Outbox, payload: u8) {
    let pushed = outbox.push(&frame(payload), NOW);
    pushed.waker.into_iter().for_each(Waker::wake);
}

/// What the writer of a session does: takes what there is, and sleeps until there is something.
fn read(outbox: &Outbox, mut is_enough: impl FnMut(&[u8]) -> bool) -> (Vec<u8>, Option<Closed>) {
    let mut received = Vec::new();
    let mut pieces = VecDeque::new();
    loop {
        let drained = block_on(poll_fn(|cx| match outbox.take(cx.waker(), &mut pieces) {
            Drained::Empty => Poll::Pending,
            drained => Poll::Ready(drained),
        }));
        if let Drained::Closed(reason) = drained {
            return (payloads(&received), Some(reason));
        }
        for piece in pieces.drain(..) {
            received.extend_from_slice(piece.as_ref());
            outbox.wrote(piece.as_ref().len(), None, NOW);
        }
        if is_enough(&payloads(&received)) {
            return (payloads(&received), None);
        }
    }
}

fn payloads(bytes: &[u8]) -> Vec<u8> {
    bytes
        .chunks(FRAME_BYTES)
        .map(|frame| frame[FRAME_BYTES - 1])
        .collect()
}

#[test]
fn a_reader_that_sleeps_is_woken_and_gets_each_pushers_frames_in_order() {
    explore(|| {
        let outbox = outbox(16);
        let pushers = [(1, 2), (11, 12)].map(|(first, second)| {
            let outbox = Arc::clone(&outbox);
            thread::spawn(move || {
                push(&outbox, first);
                push(&outbox, second);
            })
        });
        let (received, closed) = read(&outbox, |payloads| payloads.len() == 4);
        assert_eq!(closed, None);
        for (first, second) in [(1, 2), (11, 12)] {
            let place = |payload| received.iter().position(|held| *held == payload);
            assert!(place(first) < place(second), "{received:?}");
            assert!(place(first).is_some(), "{received:?}");
        }
        pushers
            .into_iter()
            .for_each(|pusher| pusher.join().unwrap());
        assert_eq!(outbox.queued_bytes(), 0);
    });
}

#[test]
fn who_waits_for_room_is_woken_when_the_reader_made_it_or_the_session_ended() {
    for closes in [false, true] {
        explore(move || {
            let outbox = outbox(4);
            (1..=3).for_each(|payload| push(&outbox, payload));
            let other = Arc::clone(&outbox);
            let reader = thread::spawn(move || {
                if closes {
                    other.close(Closed::Detached);
                } else {
                    read(&other, |payloads| payloads.len() == 3);
                }
            });
            block_on(poll_fn(|cx| match outbox.has_room(NOW, cx.waker()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }));
            reader.join().unwrap();
        });
    }
}

#[test]
fn a_close_reaches_the_reader_and_nothing_comes_after_it() {
    explore(|| {
        let outbox = outbox(16);
        let pusher = {
            let outbox = Arc::clone(&outbox);
            thread::spawn(move || {
                push(&outbox, 1);
                push(&outbox, 2);
            })
        };
        let closer = {
            let outbox = Arc::clone(&outbox);
            thread::spawn(move || outbox.close(Closed::Detached))
        };
        let (received, closed) = read(&outbox, |_| false);
        assert_eq!(closed, Some(Closed::Detached));
        assert!(
            [&[][..], &[1], &[1, 2]].contains(&&received[..]),
            "{received:?}"
        );
        pusher.join().unwrap();
        closer.join().unwrap();
        let (late, _) = read(&outbox, |_| false);
        assert!(late.is_empty(), "{late:?}");
    });
}

#[test]
fn a_flood_ends_the_session_and_leaves_nothing_queued() {
    explore(|| {
        let outbox = outbox(4);
        let pushers = [1, 11].map(|first| {
            let outbox = Arc::clone(&outbox);
            thread::spawn(move || (first..first + 3).for_each(|payload| push(&outbox, payload)))
        });
        pushers
            .into_iter()
            .for_each(|pusher| pusher.join().unwrap());
        assert_eq!(outbox.closed(), Some(Closed::SlowConsumer));
        assert_eq!(outbox.queued_bytes(), 0);
        assert_eq!(
            read(&outbox, |_| false),
            (vec![], Some(Closed::SlowConsumer))
        );
    });
}

/// What finds nearly every mistake, in seconds.
const PREEMPTIONS: usize = 3;
/// Four bytes of header and one of payload.
const FRAME_BYTES: usize = 5;
const NOW: Tick = Tick(1_000_000);
