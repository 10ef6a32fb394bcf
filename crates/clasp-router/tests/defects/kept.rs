//! ACKs of writes that have to be kept first (protocol/router.md 18.3 to 18.6).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use clasp_proto::{Binding, Message, Qos, Signal, Value, binary, frame};
use clasp_router::limits::OWED_ANSWERS_MAX;
use clasp_router::{Commit, Kept, Session, Tap};

use crate::stage::{Stage, bundle, bundle_at, publish, set, set_with};

/// Keeps what it is told to.
#[derive(Clone, Default)]
struct Disk {
    up_to: Arc<AtomicU64>,
    has_stopped: Arc<AtomicBool>,
}

impl Tap for Disk {
    fn kept(&self) -> Kept {
        Kept {
            up_to: self.up_to.load(Ordering::SeqCst),
            has_stopped: self.has_stopped.load(Ordering::SeqCst),
        }
    }

    fn committed(&self, _: &Commit<'_>) {}
}

impl Disk {
    fn keep(&self, up_to: u64) {
        self.up_to.store(up_to, Ordering::SeqCst);
    }
}

fn stage() -> (Stage, Disk) {
    let disk = Disk::default();
    let tap = Box::new(disk.clone());
    (Stage::built(|_| {}, |router| router.with_tap(tap)), disk)
}

/// What the session is answered once what has waited long enough goes.
fn answers(stage: &mut Stage, session: &Arc<Session>) -> Vec<String> {
    stage.settle(session);
    let told = stage.received(session);
    let answers = told.iter().filter_map(|message| match message {
        Message::Ack(ack) => Some(format!(
            "{} {}",
            ack.address.as_deref().unwrap_or("bundle"),
            ack.revision.unwrap_or(0)
        )),
        Message::Error(error) => Some(format!(
            "{} {}",
            error.address.as_deref().unwrap_or("bundle"),
            error.code
        )),
        _ => None,
    });
    answers.collect()
}

#[test]
fn an_ack_waits_and_what_subscribers_get_does_not() {
    let (mut stage, disk) = stage();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    stage.send(&writer, &set("/x", 1)).unwrap();
    stage
        .send(&writer, &bundle([set("/x", 2), set("/y", 1)]))
        .unwrap();
    stage.send_as(&writer, &set("/x", 3), Qos::Fire).unwrap();
    assert_eq!(stage.received(&reader).len(), 4);
    assert_eq!(answers(&mut stage, &writer), [""; 0]);
    assert_eq!(writer.owed(), Some(1..=3));
    disk.keep(2);
    assert_eq!(
        answers(&mut stage, &writer),
        ["/x 1"],
        "half a bundle is no bundle"
    );
    disk.keep(4);
    assert_eq!(answers(&mut stage, &writer), ["bundle 1"]);
    assert!(!writer.owes());
    stage.send(&writer, &set("/x", 4)).unwrap();
    assert!(writer.owes());
    disk.keep(u64::MAX);
    assert_eq!(answers(&mut stage, &writer), ["/x 4"]);
    stage.send(&writer, &set("/x", 5)).unwrap();
    assert!(!writer.owes(), "it is kept as soon as it is done");
    assert_eq!(answers(&mut stage, &writer), ["/x 5"]);
}

// A peer would take the refusal for the answer to its first SET of the address.
#[test]
fn a_refusal_waits_behind_the_acks_before_it() {
    let (mut stage, disk) = stage();
    let writer = stage.session("w");
    let stale = set_with("/x", 1, |set| set.revision = Some(7));
    stage.send(&writer, &set("/x", 1)).unwrap();
    stage.send(&writer, &stale).unwrap_err();
    stage.send(&writer, &bundle([stale.clone()])).unwrap_err();
    stage.send(&writer, &set("/y", 1)).unwrap();
    let no_address = publish("/a//b", Signal::Event, Value::Null);
    stage.send(&writer, &no_address).unwrap_err();
    assert_eq!(answers(&mut stage, &writer), [""; 0]);
    disk.keep(1);
    assert_eq!(answers(&mut stage, &writer), ["/x 1", "/x 400", "/x 400"]);
    disk.keep(2);
    assert_eq!(answers(&mut stage, &writer), ["/y 1", "/a//b 200"]);
    stage.send(&writer, &stale).unwrap_err();
    assert_eq!(
        answers(&mut stage, &writer),
        ["/x 400"],
        "there is nothing before it"
    );
}

#[test]
fn what_is_not_kept_is_not_acknowledged_and_yet_answered() {
    let (mut stage, disk) = stage();
    let writer = stage.session("w");
    for address in ["/x", "/y"] {
        stage.send(&writer, &set(address, 1)).unwrap();
    }
    stage
        .send(&writer, &set_with("/x", 1, |set| set.revision = Some(7)))
        .unwrap_err();
    stage.send(&writer, &bundle([set("/z", 1)])).unwrap();
    disk.keep(1);
    disk.has_stopped.store(true, Ordering::SeqCst);
    let expected = ["/x 1", "/y 501", "/x 400", "bundle 501"];
    assert_eq!(answers(&mut stage, &writer), expected);
    assert!(!writer.owes());
}

#[test]
fn a_bundle_that_waited_for_its_time_is_acknowledged_when_it_is_kept() {
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (mut stage, disk) = stage();
    let writer = stage.session("w");
    let at = stage.now.wall.0 + 100_000;
    stage.send(&writer, &bundle_at(at, [set("/x", 1)])).unwrap();
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    writer
        .outbox
        .take(&Waker::from(Arc::clone(&woken)), &mut Default::default());
    stage.pass(Duration::from_secs(1));
    assert!(
        woken.0.load(Ordering::SeqCst),
        "who waits for the disk has to know"
    );
    assert_eq!(answers(&mut stage, &writer), [""; 0]);
    disk.keep(1);
    assert_eq!(answers(&mut stage, &writer), ["bundle 1"]);
}

#[test]
fn a_session_that_is_told_to_end_still_gets_its_acks() {
    let (mut stage, disk) = stage();
    let writer = stage.session("w");
    for address in ["/x", "/y"] {
        stage.send(&writer, &set(address, 1)).unwrap();
    }
    stage.router.shut_down();
    disk.keep(1);
    let framed = stage.router.last_answers(&writer, Binding::Length);
    let (length, bytes) = framed.split_first_chunk::<4>().unwrap();
    assert_eq!(u32::from_be_bytes(*length) as usize, bytes.len());
    let (_, payload) = frame::split(bytes).unwrap();
    let Message::Ack(ack) = binary::decode(payload).unwrap() else {
        unreachable!("no ACK");
    };
    assert_eq!(ack.address.as_deref(), Some("/x"));
    assert_eq!(writer.owed(), Some(2..=2));
}

#[test]
fn a_session_that_is_owed_much_says_so() {
    let (mut stage, _disk) = stage();
    let writer = stage.session("w");
    for number in 0..OWED_ANSWERS_MAX {
        assert!(!writer.owes_much(), "{number}");
        stage.send(&writer, &set("/x", 1)).unwrap();
    }
    assert!(writer.owes_much());
}

#[test]
fn an_export_knows_the_last_write_in_it() {
    let (mut stage, _disk) = stage();
    let writer = stage.session("w");
    stage
        .send(&writer, &bundle([set("/x", 1), set("/y", 1)]))
        .unwrap();
    stage
        .send(&writer, &publish("/e", Signal::Event, Value::Null))
        .unwrap();
    assert_eq!(stage.export().sequence, 3);
}
