//! BUNDLE: all or nothing, in order, back to back, at its time (protocol/router.md 9).

use std::sync::Arc;
use std::time::Duration;

use clasp_proto::{Code, Message, Phase, Qos, Signal, Value};
use clasp_router::{Session, WhenFull};

use crate::stage::{
    Stage, bundle, bundle_at, gesture, get, numbers, publish, set, set_with, subscribe,
    subscribe_with, values,
};

fn event(address: &str, value: i64) -> Message {
    publish(address, Signal::Event, Value::Int(value))
}

/// A member that is refused takes all others with it: the code and address are its own.
fn check_refused(
    stage: &mut Stage,
    writer: &Arc<Session>,
    bad: Message,
    code: Code,
    address: &str,
) {
    let reader = stage.reader(&format!("reader of {address} {}", code.number()), "/**");
    let params = stage.router.params();
    let before = stage.get(writer, "/old").unwrap();
    let members = [
        event("/e", 1),
        set("/old", 50),
        set("/new/1", 1),
        set_with("/new/2", 2, |set| set.lock = true),
        bad,
        set("/new/3", 3),
    ];
    assert_eq!(
        stage.code(writer, &bundle(members)),
        Some(code),
        "{address}"
    );
    assert_eq!(stage.received(&reader), [], "{address}");
    let told = stage.received(writer);
    assert!(
        matches!(&told[..], [Message::Error(error)] if error.code == code.number() && error.address.as_deref() == Some(address)),
        "{told:?}"
    );
    assert_eq!(stage.router.params(), params, "{address}");
    assert_eq!(stage.get(writer, "/old").unwrap(), before);
    for made in ["/new/1", "/new/2", "/new/3"] {
        assert_eq!(stage.code(writer, &get(made)), Some(Code::AddressNotFound));
    }
    stage.router.detach(&reader);
}

// protocol/router.md 9.1: what was refused was once skipped, the rest applied and acknowledged
#[test]
fn one_refused_member_undoes_the_bundle() {
    let mut stage = Stage::new();
    let (writer, other) = (stage.session("w"), stage.session("o"));
    stage.send(&writer, &set("/old", 1)).unwrap();
    stage
        .send(&other, &set_with("/held", 1, |set| set.lock = true))
        .unwrap();
    let stale = set_with("/old", 0, |set| set.revision = Some(1));
    for (bad, code, address) in [
        (set("/held", 2), Code::LockHeld, "/held"),
        (
            set_with("/held", 2, |set| set.unlock = true),
            Code::LockHeld,
            "/held",
        ),
        (stale, Code::RevisionConflict, "/old"),
        (
            set_with("/x", 0, |set| set.revision = Some(4)),
            Code::RevisionConflict,
            "/x",
        ),
        (set("/a//b", 0), Code::InvalidAddress, "/a//b"),
        (event("/e/*", 0), Code::InvalidAddress, "/e/*"),
        (bundle([set("/held", 9)]), Code::LockHeld, "/held"),
    ] {
        check_refused(&mut stage, &writer, bad, code, address);
    }
    assert!(stage.send(&writer, &bundle([set("/new/1", 1)])).is_ok());
}

// protocol/router.md 9.1
#[test]
fn a_bundle_beyond_the_capacity_is_undone() {
    let mut stage = Stage::with(|config| {
        config.params_max = 3;
        config.when_full = WhenFull::Refuse;
    });
    let writer = stage.session("w");
    stage.send(&writer, &set("/old", 1)).unwrap();
    let many: Vec<_> = (0..3)
        .map(|number| set(&format!("/n/{number}"), 1))
        .collect();
    assert_eq!(stage.code(&writer, &bundle(many)), Some(Code::Overloaded));
    assert_eq!(stage.router.params(), 1);
    stage
        .send(&writer, &bundle([set("/n/0", 1), set("/n/1", 1)]))
        .unwrap();
    assert_eq!(stage.code(&writer, &set("/n/2", 1)), Some(Code::Overloaded));
}

// protocol/router.md 6.11, 9.1
#[test]
fn a_bundle_larger_than_the_store_is_delivered_whole_and_the_store_keeps_its_bound() {
    for shards in [1, 16] {
        let mut stage = Stage::with(|config| {
            config.params_max = 2;
            config.shards = shards;
        });
        let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
        for round in 0..3 {
            let members: Vec<_> = (0..20)
                .map(|number| set(&format!("/{round}/{number}"), number))
                .collect();
            stage.send(&writer, &bundle(members)).unwrap();
            let expected: Vec<_> = (0..20).collect();
            assert_eq!(
                numbers(&stage.received(&reader)),
                expected,
                "{shards} shards"
            );
            let params = stage.router.params();
            assert!(params <= 2 + shards, "{params} params, {shards} shards");
        }
    }
}

// protocol/router.md 9.2, 9.3: routes of many new addresses are made and dropped meanwhile
#[test]
fn events_of_a_bundle_reach_their_own_subscribers_among_many_addresses() {
    let mut stage = Stage::with(|config| config.shards = 1);
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/mine/**"));
    for number in 0..8000 {
        stage
            .send(&writer, &event(&format!("/other/{number}"), 0))
            .unwrap();
    }
    let members: Vec<_> = (0..500)
        .flat_map(|number| {
            [
                event(&format!("/mine/{number}"), number),
                event(&format!("/its/{number}"), number),
            ]
        })
        .collect();
    stage.send(&writer, &bundle(members)).unwrap();
    let received = values(&stage.received(&reader));
    assert_eq!(received.len(), 500);
    for (number, (_, address, value)) in received.iter().enumerate() {
        assert_eq!(
            (address.as_str(), value.as_i64()),
            (&*format!("/mine/{number}"), Some(number as i64))
        );
    }
}

// protocol/router.md 9.2, 9.3: SETs once came first, whatever the order
#[test]
fn members_arrive_in_their_order_as_single_messages_and_only_sets_come_back() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.reader("w", "/**"), stage.reader("r", "/**"));
    let inner = bundle([event("/d", 4), set("/a", 5)]);
    let members = [
        event("/a", 1),
        set("/a", 2),
        event("/c", 3),
        inner,
        gesture("/g", 1, Phase::Move, 6),
    ];
    stage.send(&writer, &bundle(members)).unwrap();
    assert_eq!(numbers(&stage.received(&reader)), [1, 2, 3, 4, 5, 6]);
    let received = stage.received(&writer);
    assert_eq!(numbers(&received), [2, 5]);
    assert!(
        matches!(received.last(), Some(Message::Ack(ack)) if ack.revision == Some(2) && ack.address.is_none())
    );
}

// protocol/router.md 9.2
#[test]
fn members_see_those_before_them() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let expecting = |revision| set_with("/x", 1, |set| set.revision = Some(revision));
    stage
        .send(&writer, &bundle([expecting(0), expecting(1), expecting(2)]))
        .unwrap();
    assert_eq!(stage.revision(&writer, "/x"), Some(3));
}

// protocol/router.md 6.2, 9.4
#[test]
fn a_bundle_is_acknowledged_only_to_who_asks() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    stage
        .send_as(&writer, &bundle([set("/x", 1)]), Qos::Fire)
        .unwrap();
    assert_eq!(stage.received(&writer), []);
    stage.send(&writer, &bundle([event("/x", 1)])).unwrap();
    assert!(matches!(&stage.received(&writer)[..], [Message::Ack(ack)] if ack.revision.is_none()));
    stage.send(&writer, &bundle([])).unwrap();
    assert!(matches!(&stage.received(&writer)[..], [Message::Ack(_)]));
}

// protocol/router.md 9.2: they were once ignored, and the bundle acknowledged
#[test]
fn members_that_are_no_writes_are_refused() {
    for member in [subscribe(1, "/**"), get("/x"), Message::Ping] {
        let mut stage = Stage::new();
        let writer = stage.session("w");
        let name = member.name();
        let refused = stage.code(&writer, &bundle([set("/x", 1), member]));
        assert_eq!(refused, Some(Code::InvalidMessage), "{name}");
        assert_eq!(stage.router.params(), 0);
    }
}

const MILLISECOND: u64 = 1000;
const HOUR: u64 = 3_600_000_000;

// protocol/router.md 9.5: the timestamp was once not looked at
#[test]
fn a_bundle_is_applied_at_its_time_and_acknowledged_then() {
    for ahead in [2 * MILLISECOND, 300 * MILLISECOND, HOUR] {
        let mut stage = Stage::new();
        let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
        let at = stage.now.wall.0 + ahead;
        stage.send(&writer, &bundle_at(at, [set("/x", 1)])).unwrap();
        stage.pass(Duration::from_micros(ahead - 1));
        assert_eq!(stage.received(&reader), [], "{ahead}");
        assert_eq!(stage.received(&writer), []);
        stage.pass(Duration::from_micros(1));
        assert_eq!(numbers(&stage.received(&reader)), [1]);
        assert!(matches!(&stage.received(&writer)[..], [Message::Ack(_)]));
    }
}

// protocol/router.md 9.5
#[test]
fn a_bundle_of_the_past_is_applied_now() {
    for behind in [u64::MAX, HOUR, 1, 0] {
        let mut stage = Stage::new();
        let writer = stage.session("w");
        let at = stage.now.wall.0.saturating_sub(behind);
        assert!(
            stage
                .send(&writer, &bundle_at(at, [set("/x", 1)]))
                .unwrap()
                .is_applied
        );
    }
}

// protocol/router.md 9.6
#[test]
fn a_bundle_too_far_ahead_or_too_many_are_refused_with_402() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let wall = stage.now.wall.0;
    for at in [wall + HOUR + 1, u64::MAX] {
        let refused = stage.code(&writer, &bundle_at(at, [set("/x", 1)]));
        assert_eq!(refused, Some(Code::InvalidValue));
    }
    for _ in 0..1000 {
        stage
            .send(&writer, &bundle_at(wall + HOUR, [set("/x", 1)]))
            .unwrap();
    }
    let refused = stage.code(&writer, &bundle_at(wall + HOUR, [set("/x", 1)]));
    assert_eq!(refused, Some(Code::InvalidValue));
    stage.pass(Duration::from_micros(HOUR));
    assert_eq!(stage.revision(&writer, "/x"), Some(1000));
    stage
        .send(&writer, &bundle_at(wall + 2 * HOUR, [set("/x", 1)]))
        .unwrap();
}

// protocol/router.md 9.5: the checks are those of its time
#[test]
fn a_waiting_bundle_is_judged_when_its_time_comes() {
    let mut stage = Stage::new();
    let (writer, other) = (stage.session("w"), stage.session("o"));
    let at = stage.now.wall.0 + 100 * MILLISECOND;
    let members = [set("/y", 1), set("/x", 1)];
    stage.send(&writer, &bundle_at(at, members)).unwrap();
    stage
        .send(&other, &set_with("/x", 1, |set| set.lock = true))
        .unwrap();
    stage.pass(Duration::from_secs(1));
    assert!(
        matches!(&stage.received(&writer)[..], [Message::Error(error)] if error.code == 401 && error.address.as_deref() == Some("/x"))
    );
    assert_eq!(stage.code(&other, &get("/y")), Some(Code::AddressNotFound));
}

// protocol/router.md 9.7
#[test]
fn waiting_bundles_are_dropped_with_their_session() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let at = stage.now.wall.0 + 100 * MILLISECOND;
    stage.send(&writer, &bundle_at(at, [set("/x", 1)])).unwrap();
    stage.router.detach(&writer);
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.router.params(), 0);
}

// protocol/router.md 9.6, protocol/limits.md 3.1: what waits is bounded in bytes, and is not kept
// for those who left
#[test]
fn waiting_bundles_of_a_session_take_bounded_memory() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let at = stage.now.wall.0 + HOUR;
    let large = set_with("/x", 0, |set| set.value = Value::Bytes(vec![0; 60_000]));
    let taken = (0..1000)
        .take_while(|_| stage.send(&writer, &bundle_at(at, [large.clone()])).is_ok())
        .count();
    assert!((16..200).contains(&taken), "{taken} bundles of 60 kB wait");
    let refused = stage.code(&writer, &bundle_at(at, [large]));
    assert_eq!(refused, Some(Code::InvalidValue));
    stage
        .send(&stage.session("other"), &bundle_at(at, [set("/y", 1)]))
        .unwrap();
}

// protocol/router.md 5.7, 9.3: limits hold inside of bundles
#[test]
fn max_rate_holds_for_the_members_of_bundles() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    let asked = subscribe_with(1, "/**", |subscribe| subscribe.options.max_rate = Some(1));
    stage.send(&reader, &asked).unwrap();
    let members: Vec<_> = (1..=5).map(|value| set("/x", value)).collect();
    stage.send(&writer, &bundle(members)).unwrap();
    stage.pass(Duration::from_secs(2));
    assert_eq!(numbers(&stage.received(&reader)), [1, 5]);
}

// protocol/router.md 8.5, 9.8: bundled moves once got around the throttle
#[test]
fn gestures_in_bundles_are_throttled() {
    let mut stage = Stage::new();
    let (maker, reader) = (stage.session("m"), stage.reader("r", "/**"));
    let members: Vec<_> = (1..=5)
        .map(|value| gesture("/g", 1, Phase::Move, value))
        .collect();
    stage.send(&maker, &bundle(members)).unwrap();
    assert_eq!(numbers(&stage.received(&reader)), [1]);
    stage.pass(Duration::from_millis(16));
    assert_eq!(numbers(&stage.received(&reader)), [5]);
}
