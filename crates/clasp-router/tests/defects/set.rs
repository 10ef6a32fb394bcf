//! SET: echo, acknowledgement, revisions, locks, strategies, capacity (protocol/router.md 6).

use std::collections::BTreeMap;
use std::sync::Arc;

use clasp_proto::{Code, Message, Pattern, Qos, Set, Ttl, Value, frame};
use clasp_router::{Session, Strategy, WhenFull};

use crate::stage::{Outcome, Stage, get, set, set_with, subscribe, values};

fn locked(address: &str, value: i64) -> Message {
    set_with(address, value, |set| set.lock = true)
}

fn unlocked(address: &str, value: i64) -> Message {
    set_with(address, value, |set| set.unlock = true)
}

fn expecting(address: &str, revision: u64) -> Message {
    set_with(address, 7, |set| set.revision = Some(revision))
}

// protocol/router.md 6.1
#[test]
fn the_broadcast_repeats_lock_unlock_and_ttl_and_echoes() {
    let mut stage = Stage::new();
    let writer = stage.reader("w", "/x");
    for (lock, unlock, ttl) in [
        (true, false, None),
        (true, true, Some(Ttl::Sliding(60))),
        (false, true, Some(Ttl::Absolute(60))),
        (false, false, Some(Ttl::Never)),
    ] {
        let sent = set_with("/x", 1, |set| {
            (set.lock, set.unlock, set.ttl) = (lock, unlock, ttl);
        });
        let revision = stage.send(&writer, &sent).unwrap().revision;
        let received = stage.received(&writer);
        let expected = set_with("/x", 1, |set| {
            (set.lock, set.unlock, set.ttl, set.revision) = (lock, unlock, ttl, revision);
        });
        assert_eq!(received[0], expected);
        assert!(
            matches!(&received[1], Message::Ack(ack) if ack.revision == revision && ack.address.as_deref() == Some("/x"))
        );
    }
}

// protocol/router.md 6.2: an unasked ACK ends clients that cannot read it
#[test]
fn only_who_asks_for_an_ack_gets_one() {
    for (qos, acks) in [(Qos::Fire, 0), (Qos::Confirm, 1), (Qos::Commit, 1)] {
        let mut stage = Stage::new();
        let writer = stage.session("w");
        stage.send_as(&writer, &set("/x", 1), qos).unwrap();
        assert_eq!(stage.received(&writer).len(), acks, "{qos:?}");
    }
}

// protocol/router.md 6.2
#[test]
fn the_echo_is_sent_as_confirm_and_answers_as_fire() {
    let mut stage = Stage::new();
    let writer = stage.reader("w", "/x");
    stage.send(&writer, &set("/x", 1)).unwrap();
    let qos: Vec<_> = stage
        .frames(&writer)
        .iter()
        .map(|bytes| frame::split(bytes).unwrap().0.qos)
        .collect();
    assert_eq!(qos, [Qos::Confirm, Qos::Fire]);
}

// protocol/router.md 6.4
#[test]
fn revisions_count_every_accepted_write_and_no_other() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    for revision in 1..=3 {
        assert_eq!(
            stage.send(&writer, &set("/x", 1)).unwrap().revision,
            Some(revision)
        );
        assert!(stage.send(&writer, &expecting("/x", 99)).is_err());
    }
    assert_eq!(stage.revision(&writer, "/x"), Some(3));
}

// protocol/router.md 6.4: eviction once made an address begin at 1 again
#[test]
fn revisions_never_go_backwards_over_eviction() {
    let mut stage = Stage::with(|config| {
        config.params_max = 8;
        config.shards = 1;
    });
    let writer = stage.session("w");
    let mut highest: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..500_u64 {
        let address = format!("/p/{}", round * round * 7 % 23);
        let revision = stage.send(&writer, &set(&address, 1)).unwrap().revision;
        let before = highest.insert(address, revision.unwrap());
        assert!(before < revision, "{before:?} then {revision:?}");
        assert!(stage.router.params() <= 8);
    }
}

// protocol/router.md 6.11: also where the new address has its part of the store for itself
#[test]
fn a_full_store_makes_room_for_any_new_address() {
    for params_max in [1, 2, 10] {
        let mut stage = Stage::with(|config| config.params_max = params_max);
        let writer = stage.session("w");
        for count in 0..200 {
            let address = format!("/p/{count}");
            let written = stage.send(&writer, &set(&address, 1));
            assert!(written.is_ok(), "{count} of {params_max}: {written:?}");
            // One too many for each shard that had nothing else to give.
            assert!(stage.router.params() <= params_max + 16);
            assert_eq!(stage.revision(&writer, &address), written.unwrap().revision);
        }
    }
}

// protocol/router.md 6.11
#[test]
fn a_store_that_keeps_what_it_has_refuses_and_updates_go_on() {
    let mut stage = Stage::with(|config| {
        config.params_max = 3;
        config.when_full = WhenFull::Refuse;
    });
    let writer = stage.reader("w", "/**");
    for address in ["/a", "/b", "/c"] {
        stage.send(&writer, &set(address, 1)).unwrap();
    }
    stage.received(&writer);
    assert_eq!(stage.code(&writer, &set("/d", 1)), Some(Code::Overloaded));
    let told = stage.received(&writer);
    assert!(
        matches!(&told[..], [Message::Error(error)] if error.address.as_deref() == Some("/d")),
        "{told:?}"
    );
    assert_eq!(stage.code(&writer, &get("/d")), Some(Code::AddressNotFound));
    assert_eq!(
        stage.send(&writer, &set("/b", 2)).unwrap().revision,
        Some(2)
    );
}

/// What a SET with an expected revision does to an address at `revision`, 0 for a missing one.
fn check_expected(at: u64, expected: u64, conflicts: bool) {
    let mut stage = Stage::new();
    let writer = stage.reader("w", "/**");
    for _ in 0..at {
        stage.send(&writer, &set("/x", 1)).unwrap();
    }
    stage.received(&writer);
    let code = stage.code(&writer, &expecting("/x", expected));
    assert_eq!(
        code,
        conflicts.then_some(Code::RevisionConflict),
        "{at} {expected}"
    );
    let received = stage.received(&writer);
    if !conflicts {
        assert_eq!(received.len(), 2);
        return;
    }
    let text = format!("RevisionConflict {{ expected: {expected}, actual: {at} }}");
    assert!(
        matches!(&received[..], [Message::Error(error)] if error.message == text && error.address.as_deref() == Some("/x")),
        "{received:?}"
    );
    assert_eq!(stage.revision(&writer, "/x"), Some(at).filter(|at| *at > 0));
}

// protocol/router.md 6.5
#[test]
fn an_expected_revision_is_held_against_missing_addresses_too() {
    for (at, expected, conflicts) in [
        (0, 0, false),
        (0, 1, true),
        (0, u64::MAX, true),
        (3, 0, true),
        (3, 2, true),
        (3, 3, false),
        (3, 4, true),
        (3, u64::MAX, true),
    ] {
        check_expected(at, expected, conflicts);
    }
}

// protocol/router.md 6.16
#[test]
fn a_refusal_is_told_whatever_the_quality_of_service() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    assert!(
        stage
            .send_as(&writer, &expecting("/x", 5), Qos::Fire)
            .is_err()
    );
    assert!(matches!(&stage.received(&writer)[..], [Message::Error(_)]));
}

/// Two sessions, of which the first holds the lock of `/x`.
fn lock_held() -> (Stage, Arc<Session>, Arc<Session>) {
    let mut stage = Stage::new();
    let (holder, other) = (stage.session("holder"), stage.session("other"));
    stage.send(&holder, &locked("/x", 1)).unwrap();
    (stage, holder, other)
}

fn refused(outcome: Outcome) -> Option<Code> {
    outcome.err().map(|refusal| refusal.code())
}

// protocol/router.md 6.6
#[test]
fn a_lock_keeps_all_others_out_with_401() {
    let (mut stage, holder, other) = lock_held();
    for message in [set("/x", 2), locked("/x", 2), expecting("/x", 1)] {
        let refusal = stage.send(&other, &message).unwrap_err();
        assert_eq!(refusal.code(), Code::LockHeld);
        assert_eq!(refusal.to_string(), "LockHeld { holder: \"holder\" }");
    }
    assert_eq!(
        stage.send(&holder, &set("/x", 3)).unwrap().revision,
        Some(2)
    );
}

// protocol/router.md 6.7: this way around any lock was once open to anybody
#[test]
fn unlock_by_another_session_is_refused_and_writes_nothing() {
    let (mut stage, holder, other) = lock_held();
    for both in [false, true] {
        let message = set_with("/x", 2, |set| (set.lock, set.unlock) = (both, true));
        assert_eq!(refused(stage.send(&other, &message)), Some(Code::LockHeld));
    }
    assert_eq!(stage.get(&other, "/x").unwrap().value, Value::Int(1));
    assert_eq!(
        refused(stage.send(&other, &set("/x", 2))),
        Some(Code::LockHeld)
    );
    stage.send(&holder, &unlocked("/x", 3)).unwrap();
    stage.send(&other, &set("/x", 4)).unwrap();
}

// protocol/router.md 6.7
#[test]
fn lock_and_unlock_together_leave_the_writer_holding() {
    let (mut stage, holder, other) = lock_held();
    let both = set_with("/x", 2, |set| (set.lock, set.unlock) = (true, true));
    stage.send(&holder, &both).unwrap();
    assert_eq!(
        refused(stage.send(&other, &set("/x", 2))),
        Some(Code::LockHeld)
    );
    stage.send(&holder, &unlocked("/x", 3)).unwrap();
    stage.send(&other, &both).unwrap();
    assert_eq!(
        refused(stage.send(&holder, &set("/x", 2))),
        Some(Code::LockHeld)
    );
}

// protocol/router.md 6.7
#[test]
fn unlock_on_create_means_nothing() {
    let mut stage = Stage::new();
    let (writer, other) = (stage.session("w"), stage.session("o"));
    stage.send(&writer, &unlocked("/x", 1)).unwrap();
    stage.send(&other, &unlocked("/x", 2)).unwrap();
    stage.send(&writer, &set("/x", 3)).unwrap();
}

// protocol/router.md 6.8: a lock once outlived its holder for ever
#[test]
fn locks_end_with_their_session_and_no_others_do() {
    let (mut stage, holder, other) = lock_held();
    let third = stage.session("third");
    stage.send(&holder, &locked("/y", 1)).unwrap();
    stage.send(&holder, &unlocked("/y", 1)).unwrap();
    stage.send(&third, &locked("/y", 1)).unwrap();
    stage.router.detach(&holder);
    stage.send(&other, &locked("/x", 5)).unwrap();
    assert_eq!(
        refused(stage.send(&other, &set("/y", 5))),
        Some(Code::LockHeld)
    );
    assert_eq!(
        refused(stage.send(&third, &set("/x", 5))),
        Some(Code::LockHeld)
    );
}

// protocol/router.md 6.9
#[test]
fn null_is_a_value_and_deletes_nothing() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    let null = set_with("/x", 0, |set| set.value = Value::Null);
    stage.send(&writer, &null).unwrap();
    assert_eq!(stage.send(&writer, &null).unwrap().revision, Some(2));
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    let expected = [("snapshot", "/x".to_owned(), Value::Null)];
    assert_eq!(values(&stage.received(&reader)), expected);
}

fn with_strategy(strategy: Strategy) -> Stage {
    let pattern = Pattern::parse("/s/**").expect("well formed");
    Stage::with(|config| config.strategies = vec![(pattern, strategy)])
}

fn float(value: f64) -> Message {
    set_with("/s/x", 0, |set| set.value = Value::Float(value))
}

// protocol/router.md 6.10: a whole number and a fraction were once not compared at all
#[test]
fn max_and_min_compare_whole_numbers_with_fractions() {
    let conflict = Some(Code::RevisionConflict);
    for (strategy, refuses, accepts) in [
        (Strategy::Max, [4.5, 5.0, f64::NEG_INFINITY], 5.5),
        (Strategy::Min, [5.5, 5.0, f64::INFINITY], 4.5),
    ] {
        let mut stage = with_strategy(strategy);
        let writer = stage.reader("w", "/**");
        stage.send(&writer, &set("/s/x", 5)).unwrap();
        for value in refuses {
            assert_eq!(
                stage.code(&writer, &float(value)),
                conflict,
                "{strategy:?} {value}"
            );
        }
        assert_eq!(
            stage.send(&writer, &float(accepts)).unwrap().revision,
            Some(2)
        );
        stage.send(&writer, &set("/free", 5)).unwrap();
        stage.send(&writer, &set("/free", 5)).unwrap();
    }
}

// protocol/router.md 6.10: a clock step backwards once made the last write lose
#[test]
fn the_last_write_wins_whatever_the_wall_clock_says() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    stage.send(&writer, &set("/x", 1)).unwrap();
    stage.now.wall.0 -= 3_600_000_000;
    stage.send(&writer, &set("/x", 2)).unwrap();
    assert_eq!(stage.get(&writer, "/x").unwrap().value, Value::Int(2));
}

fn map(entries: impl IntoIterator<Item = (String, Value)>) -> Message {
    Message::Set(Set {
        address: "/s/x".into(),
        value: Value::Map(entries.into_iter().collect()),
        ..Set::default()
    })
}

// protocol/router.md 6.1, 6.10: live subscribers see what later ones find
#[test]
fn merged_maps_are_delivered_as_they_are_stored() {
    let mut stage = with_strategy(Strategy::Merge);
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    for key in ["a", "b"] {
        let message = map([(key.to_owned(), Value::Int(1))]);
        stage.send(&writer, &message).unwrap();
    }
    let stored = stage.get(&writer, "/s/x").unwrap().value;
    assert_eq!(stored.as_map().map(BTreeMap::len), Some(2));
    let delivered = values(&stage.received(&reader));
    assert_eq!(delivered.last().map(|(_, _, value)| value), Some(&stored));
}

// protocol/router.md 6.15: a value that no SNAPSHOT can show is refused when it is written
#[test]
fn values_that_no_frame_could_show_are_refused() {
    let mut stage = with_strategy(Strategy::Merge);
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    let text = |bytes: usize| Value::String("x".repeat(bytes));
    let huge = set_with("/x", 0, |set| set.value = text(65_520));
    assert_eq!(stage.code(&writer, &huge), Some(Code::InvalidValue));
    stage
        .send(&writer, &map([("a".to_owned(), text(40_000))]))
        .unwrap();
    let second = map([("b".to_owned(), text(40_000))]);
    assert_eq!(stage.code(&writer, &second), Some(Code::InvalidValue));
    let large = set_with("/y", 0, |set| set.value = text(65_000));
    stage.send(&writer, &large).unwrap();
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    assert_eq!(values(&stage.received(&reader)).len(), 2);
}

// protocol/router.md 6.15
#[test]
fn extreme_values_are_kept_to_the_bit() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    for value in [
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::Float(-0.0),
        Value::Float(f64::INFINITY),
        Value::Float(f64::NAN),
        Value::Float(f64::MIN_POSITIVE / 2.0),
        Value::String(String::new()),
        Value::Bytes(vec![0; 22]),
        Value::Array(Vec::new()),
    ] {
        let message = set_with("/x", 0, |set| set.value = value.clone());
        stage.send(&writer, &message).unwrap();
        let stored = stage.get(&writer, "/x").unwrap().value;
        match (&stored, &value) {
            (Value::Float(stored), Value::Float(value)) => {
                assert_eq!(stored.to_bits(), value.to_bits());
            }
            _ => assert_eq!(stored, value),
        }
    }
}

// protocol/router.md 6.11: the smallest timestamp was once sought among all params
#[test]
fn a_full_store_evicts_without_looking_at_everything_and_spares_what_is_written() {
    let mut stage = Stage::with(|config| {
        config.params_max = 50_000;
        config.shards = 1;
    });
    let writer = stage.session("w");
    let begin = std::time::Instant::now();
    for number in 0..100_000 {
        let address = format!("/p/{number}");
        stage
            .send_as(&writer, &set(&address, 1), Qos::Fire)
            .unwrap();
        if number % 1000 == 0 {
            stage.send_as(&writer, &set("/hot", 1), Qos::Fire).unwrap();
        }
    }
    assert_eq!(stage.router.params(), 50_000);
    assert_eq!(stage.revision(&writer, "/hot"), Some(100));
    let took = begin.elapsed();
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
}
