//! One door: gates and taps see every write, whatever it came in (protocol/router.md 18).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clasp_proto::{Code, Message, MessageRef, Phase, Publish, Signal, Value, binary};
use clasp_router::{Caller, Commit, Gate, Operation, Refusal, Tap};

use crate::stage::{Stage, bundle, bundle_at, publish, set};

fn event(address: &str) -> Message {
    publish(address, Signal::Event, Value::Null)
}

/// Shuts when it is told to.
struct Door(Arc<AtomicBool>);

impl Gate for Door {
    fn admit(&self, _: &Caller<'_>, _: &Operation<'_>) -> Result<(), Refusal> {
        if self.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(Refusal::Forbidden {
            code: Code::Forbidden,
            text: "shut",
        })
    }
}

// protocol/router.md 9.5, 18.2
#[test]
fn a_waiting_bundle_passes_the_gates_again_at_its_time() {
    let open = Arc::new(AtomicBool::new(true));
    let door = Door(Arc::clone(&open));
    let mut stage = Stage::built(|_| {}, |router| router.with_gate(Box::new(door)));
    let writer = stage.session("w");
    let at = stage.now.wall.0 + 100_000;
    stage.send(&writer, &bundle_at(at, [set("/x", 1)])).unwrap();
    open.store(false, Ordering::SeqCst);
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.router.params(), 0);
    let told = stage.received(&writer);
    assert!(
        matches!(&told[..], [Message::Error(error)] if error.code == 301),
        "{told:?}"
    );
}

/// Notes what was committed, and has room for so many at a time.
#[derive(Clone, Default)]
struct Journal {
    room: Arc<AtomicUsize>,
    commits: Arc<Mutex<Vec<Written>>>,
}

/// Number of the last write, and payloads.
type Written = (Option<u64>, Vec<Vec<u8>>);

impl Tap for Journal {
    fn reserve(&self, records: usize) -> bool {
        let take = |room: usize| room.checked_sub(records);
        let order = Ordering::SeqCst;
        self.room.fetch_update(order, order, take).is_ok()
    }

    fn release(&self, records: usize) {
        self.room.fetch_add(records, Ordering::SeqCst);
    }

    fn committed(&self, commit: &Commit<'_>) {
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        let written = commit.writes.iter().map(|write| write.payload.to_vec());
        commits.push((commit.sequence, written.collect()));
    }
}

fn journaled(room: usize) -> (Stage, Journal) {
    let journal = Journal::default();
    journal.room.store(room, Ordering::SeqCst);
    let tap = Box::new(journal.clone());
    (Stage::built(|_| {}, |router| router.with_tap(tap)), journal)
}

// protocol/router.md 18.1, 18.2: appends were once started one by one, in any order
#[test]
fn taps_are_told_of_every_write_in_order() {
    let (mut stage, journal) = journaled(1000);
    let writer = stage.session("w");
    let revision = |payload: &[u8]| match binary::view(payload) {
        Ok(MessageRef::Set(set)) => set.revision,
        _ => None,
    };
    for message in [
        set("/x", 1),
        event("/e"),
        bundle([set("/x", 2), event("/e"), set("/x", 3)]),
        publish("/s", Signal::Stream, Value::Int(1)),
        set("/x", 4),
    ] {
        let receipt = stage.send(&writer, &message).unwrap();
        let commits = journal.commits.lock().unwrap();
        let (last, _) = commits.last().unwrap();
        assert_eq!(receipt.sequence, last.unwrap_or(0));
    }
    let refused = set("/a//b", 1);
    assert!(stage.send(&writer, &refused).is_err());
    let commits = journal.commits.lock().unwrap();
    let sequences: Vec<_> = commits.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, [Some(1), Some(2), Some(5), None, Some(6)]);
    let payloads = commits.iter().flat_map(|(_, payloads)| payloads);
    let revisions: Vec<_> = payloads.map(|payload| revision(payload)).collect();
    let expected = [Some(1), None, Some(2), None, Some(3), None, Some(4)];
    assert_eq!(revisions, expected);
}

// protocol/router.md 18.1: a write that the journal has no room for is refused, not lost
#[test]
fn a_tap_without_room_refuses_the_write_and_gets_its_room_back() {
    let (mut stage, journal) = journaled(2);
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    let three = bundle([set("/x", 1), set("/y", 1), set("/z", 1)]);
    assert_eq!(stage.code(&writer, &three), Some(Code::Unavailable));
    assert_eq!(stage.received(&reader), []);
    let stale = crate::stage::set_with("/x", 1, |set| set.revision = Some(5));
    for message in [stale.clone(), bundle([set("/x", 1), stale])] {
        assert!(stage.send(&writer, &message).is_err());
        assert_eq!(journal.room.load(Ordering::SeqCst), 2, "{}", message.name());
    }
    stage
        .send(&writer, &bundle([set("/x", 1), set("/y", 1)]))
        .unwrap();
    assert_eq!(stage.code(&writer, &set("/z", 1)), Some(Code::Unavailable));
    assert_eq!(stage.router.params(), 2);
}

// protocol/router.md 18.1: the end of a gesture was refused after the move that waited had gone out
#[test]
fn a_gesture_whose_end_is_refused_stays_as_it_is() {
    let (mut stage, _) = journaled(1);
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    let gesture = |phase| {
        Message::Publish(Publish {
            address: "/g".to_owned(),
            signal: Some(Signal::Gesture),
            phase: Some(phase),
            id: Some(1),
            value: Some(Value::Int(1)),
            ..Publish::default()
        })
    };
    for phase in [Phase::Start, Phase::Move] {
        stage.send(&writer, &gesture(phase)).unwrap();
    }
    assert_eq!(stage.received(&reader), [gesture(Phase::Start)]);
    assert_eq!(
        stage.code(&writer, &gesture(Phase::End)),
        Some(Code::Unavailable)
    );
    assert_eq!(stage.received(&reader), []);
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.received(&reader), [gesture(Phase::Move)]);
}

// protocol/router.md 18.1: a bundle once wrote more records than it had asked room for
#[test]
fn a_bundle_asks_for_as_much_room_as_it_takes() {
    for (message, records) in [
        (
            publish("/clasp/p2p/announce", Signal::Stream, Value::Int(1)),
            1,
        ),
        (
            publish("/clasp/p2p/signal/w", Signal::Event, Value::Int(1)),
            0,
        ),
        (publish("/s", Signal::Stream, Value::Int(1)), 0),
        (event("/e"), 1),
        (set("/x", 1), 1),
    ] {
        let (mut stage, journal) = journaled(10);
        let writer = stage.session("w");
        stage.send(&writer, &bundle([message.clone()])).unwrap();
        let taken = 10 - journal.room.load(Ordering::SeqCst);
        assert_eq!(taken, records, "{message:?}");
        let commits = journal.commits.lock().unwrap();
        let recorded = commits.iter().filter(|(sequence, _)| sequence.is_some());
        let told: usize = recorded.map(|(_, payloads)| payloads.len()).sum();
        assert_eq!(told, records, "{message:?}");
    }
}
