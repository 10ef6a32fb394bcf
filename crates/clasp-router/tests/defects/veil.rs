//! What a gate hides stays hidden on every way out, and what it decides by state holds for the
//! state that is written to (protocol/router.md 17.6 to 17.8).

use std::sync::{Arc, Barrier};
use std::time::Duration;

use clasp_proto::{Code, Encoded, Message, Phase, Signal, Value};
use clasp_router::{
    Caller, Closed, Drained, Gate, Now, Operation, Refusal, Router, RouterConfig, Session, Sight,
    Tick, Timestamp, Veil, View, Work,
};

use crate::stage::{
    Stage, announce, bundle, do_one, get, publish, query, set, set_to, set_with, subscribe,
    subscribe_with,
};

/// `/own/<subject>/..` is for its subject, `/room/<id>` for who is at `/member/<id>/<subject>`, and
/// `secret` is left out of maps below `/card`. `/claim/<id>` may be written only while it is free.
struct House;

fn subject(session: &Session) -> &str {
    session.principal.subject.as_deref().unwrap_or_default()
}

/// The addresses of which none may exist when this one is written.
fn claimed(address: &str) -> Vec<String> {
    let segments: Vec<_> = address.split('/').skip(1).collect();
    match segments[..] {
        ["claim", id] => vec![format!("/claimed/{id}")],
        ["claimed", _] => vec![address.to_owned()],
        // Each of two may be written while the other is free.
        ["left", id] => vec![format!("/right/{id}")],
        ["right", id] => vec![format!("/left/{id}")],
        ["room", _, "claim"] => vec!["/claimed/room".to_owned()],
        _ => Vec::new(),
    }
}

impl Gate for House {
    fn lookups(&self, _: &Caller<'_>, write: &Operation<'_>, lookups: &mut Vec<String>) {
        if let Operation::Set(set) = write {
            lookups.extend(claimed(set.address));
        }
    }

    fn admit_in_view(
        &self,
        _: &Caller<'_>,
        write: &Operation<'_>,
        view: &View<'_>,
    ) -> Result<(), Refusal> {
        let Operation::Set(set) = write else {
            return Ok(());
        };
        let mut lookups = claimed(set.address).into_iter();
        match lookups.any(|lookup| view.value(&lookup).is_some()) {
            false => Ok(()),
            true => Err(Refusal::Rule {
                reason: "it is taken".into(),
            }),
        }
    }

    fn veil(&self, address: &str) -> Veil {
        let sight = match address.split('/').nth(1) {
            Some("own") => Sight::BySession,
            Some("room") => Sight::ByState,
            _ => Sight::Open,
        };
        Veil {
            sight,
            is_redacted: address.starts_with("/card"),
        }
    }

    fn shows(&self, session: &Session, address: &str, view: &View<'_>) -> bool {
        let mut segments = address.split('/').skip(1);
        match (segments.next(), segments.next()) {
            (Some("own"), Some(owner)) => owner == subject(session),
            (Some("room"), Some(id)) => {
                let member = view.value(&format!("/member/{id}/{}", subject(session)));
                member.is_some_and(|value| !value.is_null())
            }
            _ => true,
        }
    }

    fn leaves_out(&self, address: &str, member: &str) -> bool {
        address.starts_with("/card") && member == "secret"
    }
}

fn house() -> Stage {
    Stage::built(|_| {}, |router| router.with_gate(Box::new(House)))
}

/// All addresses in what was received, with whether a secret is in it.
fn seen(messages: &[Message]) -> Vec<(String, bool)> {
    let has_secret = |value: Option<&Value>| match value {
        Some(Value::Map(fields)) => fields.get("secret").is_some(),
        _ => false,
    };
    let mut seen = Vec::new();
    for message in messages {
        match message {
            Message::Snapshot(snapshot) => {
                let params = snapshot.params.iter();
                seen.extend(params.map(|it| (it.address.clone(), has_secret(Some(&it.value)))));
            }
            Message::Set(set) => seen.push((set.address.clone(), has_secret(Some(&set.value)))),
            Message::Publish(it) => seen.push((it.address.clone(), has_secret(it.value.as_ref()))),
            Message::Result(result) => {
                let signals = result.signals.iter();
                seen.extend(signals.map(|signal| (signal.address.clone(), false)));
            }
            _ => {}
        }
    }
    seen
}

fn card() -> Value {
    let fields = [("name", 1), ("secret", 2)];
    let fields = fields.map(|(name, value)| (name.to_owned(), Value::Int(value)));
    Value::Map(fields.into_iter().collect())
}

const ALL: [&str; 4] = ["/card/1", "/free", "/own/ann/box", "/room/1"];

/// Writes each address, or publishes to it.
fn writes(kind: &str) -> Vec<Message> {
    let one = |address: &&str| match kind {
        "set" => set_to(address, card()),
        "stream" => publish(address, Signal::Stream, card()),
        _ => publish(address, Signal::Event, card()),
    };
    ALL.iter().map(one).collect()
}

// protocol/router.md 17.7, 17.8: hiding once held for snapshots and GET only
#[test]
fn every_way_out_hides_the_same() {
    for (id, expected) in [
        ("ann", vec!["/card/1", "/free", "/own/ann/box", "/room/1"]),
        ("bob", vec!["/card/1", "/free"]),
    ] {
        let mut stage = house();
        let writer = stage.scoped("writer", "admin:/**");
        stage.send(&writer, &set("/member/1/ann", 1)).unwrap();
        for message in writes("set") {
            stage.send(&writer, &message).unwrap();
        }
        for address in ALL {
            stage
                .send(&writer, &announce([address.to_owned()]))
                .unwrap();
        }
        let session = stage.scoped(id, "read:/**");
        let check = |stage: &mut Stage, way: &str| {
            let mut seen = seen(&stage.received(&session));
            seen.retain(|(address, _)| !address.starts_with("/member"));
            seen.sort();
            let addresses: Vec<&str> = seen.iter().map(|(address, _)| &**address).collect();
            assert_eq!(addresses, expected, "{id} {way}");
            let leaked = seen
                .iter()
                .any(|(address, secret)| *secret && address == "/card/1");
            assert!(!leaked, "{id} {way}");
        };
        stage.greet(&session);
        check(&mut stage, "after WELCOME");
        stage.send(&session, &query("/**")).unwrap();
        check(&mut stage, "QUERY");
        for address in ALL {
            let found = stage.send(&session, &get(address));
            assert_eq!(found.is_ok(), expected.contains(&address), "{id} {address}");
        }
        check(&mut stage, "GET");
        for address in ALL {
            stage.send(&session, &subscribe(1, address)).unwrap();
        }
        check(&mut stage, "SUBSCRIBE to one address");
        stage.send(&session, &subscribe(1, "/**")).unwrap();
        check(&mut stage, "SUBSCRIBE");
        for kind in ["set", "event"] {
            for (message, address) in writes(kind).iter().zip(ALL) {
                let is_shown = stage.recall(&session, message);
                assert_eq!(is_shown, expected.contains(&address), "{id} {address}");
            }
            check(&mut stage, "REPLAY");
        }
        for kind in ["set", "event", "stream"] {
            for message in writes(kind) {
                stage.send(&writer, &message).unwrap();
            }
            check(&mut stage, kind);
            let together = stage.send(&writer, &bundle(writes(kind)));
            together.unwrap();
            check(&mut stage, "bundle");
        }
        stage
            .send(
                &session,
                &subscribe_with(1, "/**", |it| it.options.max_rate = Some(10)),
            )
            .unwrap();
        stage.received(&session);
        for _ in 0..2 {
            for message in writes("set") {
                stage.send(&writer, &message).unwrap();
            }
        }
        stage.received(&session);
        stage.pass(Duration::from_secs(1));
        check(&mut stage, "what waited for its rate");
    }
}

// protocol/router.md 17.7: sight that depends on params is judged when something is shown
#[test]
fn who_is_no_member_any_more_sees_nothing_more() {
    let mut stage = house();
    let (writer, ann) = (stage.session("w"), stage.scoped("ann", "read:/**"));
    stage.send(&ann, &subscribe(1, "/room/*")).unwrap();
    let sees = |stage: &mut Stage, membership: Value| {
        stage
            .send(&writer, &set_to("/member/1/ann", membership))
            .unwrap();
        stage.send(&writer, &set("/room/1", 1)).unwrap();
        !stage.received(&ann).is_empty()
    };
    assert!(!sees(&mut stage, Value::Null));
    assert!(sees(&mut stage, Value::Bool(true)));
    assert!(!sees(&mut stage, Value::Null));
}

// protocol/router.md 17.6
#[test]
fn a_member_of_a_bundle_is_judged_by_what_the_ones_before_it_did() {
    let mut stage = house();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    let both = bundle([set("/claimed/1", 1), set("/claim/1", 1)]);
    let refusal = stage.send(&writer, &both).unwrap_err();
    assert_eq!(refusal.to_string(), "Bundle rejected: it is taken");
    assert_eq!(refusal.code().number(), 403);
    assert_eq!(
        (stage.router.params(), stage.received(&reader)),
        (0, vec![])
    );
    let other_order = bundle([set("/claim/1", 1), set("/claimed/1", 1)]);
    stage.send(&writer, &other_order).unwrap();
    assert_eq!(stage.router.params(), 2);
}

/// Does these all at once, each in a thread and with a session of its own; returns how many were
/// let through.
fn race(router: &Router, now: Now, messages: &[&Message]) -> usize {
    let barrier = &Barrier::new(messages.len());
    let ids = 0..messages.len();
    let sessions: Vec<Arc<Session>> = ids.map(|id| session(router, id)).collect();
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> = sessions
            .iter()
            .zip(messages)
            .map(|(session, message)| {
                scope.spawn(move || {
                    barrier.wait();
                    do_one(router, session, now, &mut Work::default(), message).is_ok()
                })
            })
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap());
        ended.filter(|won| *won).count()
    });
    sessions.iter().for_each(|session| router.detach(session));
    won
}

fn session(router: &Router, id: usize) -> Arc<Session> {
    let new = clasp_router::NewSession {
        id: format!("s{id}").into(),
        binding: clasp_proto::Binding::Length,
        principal: Arc::new(clasp_proto::Principal::anybody()),
    };
    router.attach(new).unwrap()
}

// protocol/router.md 17.6
#[test]
fn of_two_who_claim_the_same_at_once_one_wins() {
    let now = Now {
        wall: Timestamp(1_700_000_000_000_000),
        tick: Tick(5_000_000),
    };
    let config = RouterConfig {
        messages_per_second: 0,
        ..RouterConfig::default()
    };
    let router = Router::new(config, now).with_gate(Box::new(House));
    for round in 0..1000 {
        let claim = set(&format!("/claimed/{round}"), 1);
        let won = race(&router, now, &[&claim, &claim]);
        assert_eq!(won, 1, "round {round}");
        // Each looks at what the other writes, in another shard.
        let (left, right) = (format!("/left/{round}"), format!("/right/{round}"));
        let won = race(&router, now, &[&set(&left, 1), &set(&right, 1)]);
        assert_eq!(won, 1, "round {round}");
    }
}

// protocol/router.md 17.7: what waited was once sent behind something newer
#[test]
fn what_waited_while_it_was_hidden_is_not_sent_later() {
    for epsilon in [None, Some(5.0)] {
        let mut stage = house();
        let (writer, ann) = (stage.session("w"), stage.scoped("ann", "read:/**"));
        let join = set_to("/member/1/ann", Value::Bool(true));
        let leave = set_to("/member/1/ann", Value::Null);
        stage.send(&writer, &join).unwrap();
        let limited = subscribe_with(1, "/room/1", |it| {
            it.options.max_rate = Some(1);
            it.options.epsilon = epsilon;
        });
        stage.send(&ann, &limited).unwrap();
        for message in [
            set("/room/1", 0),
            set("/room/1", 100),
            leave,
            set("/room/1", 200),
        ] {
            stage.send(&writer, &message).unwrap();
        }
        stage.pass(Duration::from_secs(3));
        stage.send(&writer, &join).unwrap();
        stage.send(&writer, &set("/room/1", 102)).unwrap();
        stage.pass(Duration::from_secs(3));
        let received = stage.received(&ann);
        assert_eq!(crate::stage::numbers(&received), [0, 102], "{epsilon:?}");
    }
}

// protocol/router.md 8.5, 17.7
#[test]
fn a_move_that_waited_is_judged_when_it_is_sent() {
    let mut stage = house();
    let (writer, ann) = (stage.session("w"), stage.scoped("ann", "read:/**"));
    stage.send(&writer, &set("/member/1/ann", 1)).unwrap();
    stage.send(&ann, &subscribe(1, "/room/1")).unwrap();
    let gesture = |phase, value| crate::stage::gesture("/room/1", 1, phase, value);
    stage.send(&writer, &gesture(Phase::Start, 1)).unwrap();
    stage.send(&writer, &gesture(Phase::Move, 2)).unwrap();
    assert_eq!(stage.received(&ann).len(), 1);
    stage
        .send(&writer, &set_to("/member/1/ann", Value::Null))
        .unwrap();
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.received(&ann), []);
}

// protocol/router.md 17.6, 17.7: a write that looks at one param and is seen by others by another
#[test]
fn a_hidden_write_is_admitted_by_state_too() {
    let mut stage = house();
    let (writer, ann) = (stage.session("w"), stage.scoped("ann", "read:/**"));
    stage.send(&ann, &subscribe(1, "/room/**")).unwrap();
    stage.send(&writer, &set("/member/1/ann", 1)).unwrap();
    stage.send(&writer, &set("/room/1/claim", 1)).unwrap();
    assert_eq!(stage.received(&ann).len(), 1);
    stage.send(&writer, &set("/claimed/room", 1)).unwrap();
    let refused = stage.code(&writer, &set("/room/1/claim", 2));
    assert_eq!(refused, Some(Code::Refused));
    assert_eq!(stage.received(&ann), []);
}

// protocol/router.md 7.4, 17.7: snapshots of more than one step
#[test]
fn a_large_snapshot_is_judged_to_its_end() {
    let mut stage = house();
    let writer = stage.session("w");
    stage.send(&writer, &set("/member/1/ann", 1)).unwrap();
    for number in 0..3000 {
        let address = match number % 3 {
            0 => format!("/own/ann/{number}"),
            1 => format!("/own/bob/{number}"),
            _ => format!("/room/1/{number}"),
        };
        stage.send(&writer, &set(&address, number)).unwrap();
    }
    for (subject, expected) in [("ann", 2000), ("bob", 1000)] {
        let session = stage.scoped(subject, "read:/own/**,read:/room/**");
        stage.greet(&session);
        assert_eq!(seen(&stage.received(&session)).len(), expected, "{subject}");
        stage.send(&session, &subscribe(1, "/own/bob/*")).unwrap();
        let own = if subject == "bob" { 1000 } else { 0 };
        assert_eq!(seen(&stage.received(&session)).len(), own, "{subject}");
    }
}

// protocol/router.md 17.8: a value is stored as narrow as it came, and what is left of it fits
// where it fitted
#[test]
fn what_is_left_of_a_value_takes_no_more_room() {
    let mut stage = house();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    // {"list": [7, 7, ..], "secret": null} with numbers of one byte.
    let mut bytes = vec![0x0B, 0, 2, 0, 4];
    bytes.extend(b"list");
    bytes.push(0x0A);
    bytes.extend(20_000_u16.to_be_bytes());
    bytes.extend([0x02, 7].repeat(20_000));
    bytes.extend(b"\0\x06secret\0");
    let (value, _) = Encoded::parse_tagged(&bytes).unwrap();
    let write = clasp_proto::SetRef {
        address: "/card/1",
        value,
        revision: None,
        lock: false,
        unlock: false,
        ttl: None,
    };
    stage.submit(&writer, &Operation::Set(write)).unwrap();
    assert_eq!(
        seen(&stage.received(&reader)),
        [("/card/1".to_owned(), false)]
    );
    let late = stage.session("late");
    stage.greet(&late);
    assert_eq!(
        seen(&stage.received(&late)),
        [("/card/1".to_owned(), false)]
    );
}

// protocol/router.md 17.7: a refusal told who holds a lock, and at which revision a param was
#[test]
fn refusals_tell_nothing_of_what_is_hidden() {
    let mut stage = house();
    let (ann, bob) = (
        stage.scoped("ann", "admin:/**"),
        stage.scoped("bob", "admin:/**"),
    );
    let lock = set_with("/own/ann/1", 1, |set| set.lock = true);
    stage.send(&ann, &lock).unwrap();
    stage.send(&ann, &set("/own/ann/2", 1)).unwrap();
    let stale = set_with("/own/ann/2", 1, |set| set.revision = Some(77));
    for (message, code) in [
        (set("/own/ann/1", 2), Code::LockHeld),
        (bundle([set("/own/ann/1", 2)]), Code::LockHeld),
        (stale.clone(), Code::RevisionConflict),
    ] {
        let refusal = stage.send(&bob, &message).unwrap_err();
        assert_eq!(refusal.code(), code);
        let text = refusal.to_string();
        assert!(!text.contains("ann") && !text.contains("actual"), "{text}");
    }
    let told = stage.send(&ann, &stale).unwrap_err().to_string();
    assert!(told.contains("actual: 1"), "{told}");
}

// protocol/router.md 9.7, 17.9: what a session had waiting was once done after its end
#[test]
fn a_session_that_is_over_does_nothing_more() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    let at = stage.now.wall.0 + 100_000;
    let later = crate::stage::bundle_at(at, [set("/x", 1)]);
    stage.send(&writer, &later).unwrap();
    let gesture = |phase, value| crate::stage::gesture("/g", 1, phase, value);
    stage.send(&writer, &gesture(Phase::Start, 1)).unwrap();
    stage.send(&writer, &gesture(Phase::Move, 2)).unwrap();
    stage.received(&reader);
    stage.router.end(&writer, Closed::Revoked);
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.received(&reader), []);
    assert!(stage.send(&writer, &set("/y", 1)).is_err());
    assert_eq!(stage.router.params(), 0);
}

// protocol/router.md 17.9
#[test]
fn who_has_no_rights_any_more_gets_nothing_more() {
    let stage = Stage::new();
    for before in [None, Some(Closed::ShuttingDown), Some(Closed::SlowConsumer)] {
        let session = stage.session("s");
        if let Some(before) = before {
            stage.router.end(&session, before);
        }
        stage.router.end(&session, Closed::Revoked);
        assert!(session.outbox.is_cut_off(), "{before:?}");
        session.outbox.push_control(b"ping", stage.now.tick);
        let mut pieces = std::collections::VecDeque::new();
        let drained = session.outbox.take(std::task::Waker::noop(), &mut pieces);
        assert_eq!(drained, Drained::Closed(Closed::Revoked), "{before:?}");
        stage.router.detach(&session);
    }
}
