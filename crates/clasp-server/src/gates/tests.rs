//! Rules of an application in a router, without sockets: races of threads, and every kind of write.

use std::sync::{Arc, Barrier};
use std::thread;

use clasp_proto::text::value_from_text;
use clasp_proto::{
    Binding, Bundle, Message, MessageRef, Principal, Publish, Qos, Set, Signal, Value, binary,
};
use clasp_router::{
    NewSession, Now, Operation, Refusal, Router, RouterConfig, Session, Tick, Timestamp, Work,
};

use super::*;

const NOW: Now = Now {
    wall: Timestamp(1_700_000_000_000_000),
    tick: Tick(5_000_000),
};

fn router(rules: &str) -> Router {
    let (rules, _) = AppConfig::parse(rules).unwrap();
    let config = RouterConfig {
        messages_per_second: 0,
        params_max: 0,
        ..RouterConfig::default()
    };
    guarded(Router::new(config, NOW), Some(&Arc::new(rules)))
}

fn session(router: &Router, subject: &str) -> Arc<Session> {
    let subject = (!subject.is_empty()).then(|| subject.into());
    let new = NewSession {
        id: format!("id-{}", router.sessions()).into(),
        binding: Binding::Length,
        principal: Arc::new(Principal {
            subject,
            ..Principal::anybody()
        }),
    };
    router.attach(new).unwrap()
}

/// Does a write as a connection would; gives the words of its refusal.
fn write(
    router: &Router,
    session: &Arc<Session>,
    work: &mut Work,
    message: &Message,
) -> Result<(), Refusal> {
    let mut payload = Vec::new();
    binary::encode(message, &mut payload).unwrap();
    let operation = match binary::view(&payload).unwrap() {
        MessageRef::Set(set) => Operation::Set(set),
        MessageRef::Publish(publish) => Operation::Publish(publish),
        _ => Operation::Bundle(clasp_router::Bundle {
            payload: &payload,
            wants_ack: message.qos() != Qos::Fire,
        }),
    };
    let mut batch = router.batch(session, NOW, work);
    let outcome = batch.submit(&operation);
    batch.finish(None);
    outcome.map(|_| ())
}

fn set(address: &str, value: &str) -> Message {
    Message::Set(Set {
        address: address.to_owned(),
        value: value_from_text(value),
        ..Set::default()
    })
}

fn publish(address: &str, value: &str) -> Message {
    Message::Publish(Publish {
        address: address.to_owned(),
        signal: Some(Signal::Event),
        value: (!value.is_empty()).then(|| value_from_text(value)),
        ..Publish::default()
    })
}

fn samples(address: &str) -> Message {
    Message::Publish(Publish {
        address: address.to_owned(),
        signal: Some(Signal::Stream),
        samples: Some(vec![1.0, 2.0]),
        ..Publish::default()
    })
}

fn bundle(messages: Vec<Message>) -> Message {
    Message::Bundle(Bundle {
        messages,
        ..Bundle::default()
    })
}

const ROOMS: &str = r#"{"write_rules": [
    {"path": "/room/{room}", "allow_null_write": true,
        "pre_checks": [{"type": "state_field_equals_session", "lookup": "/room/{room}", "field": "owner", "allow_if_missing": true}],
        "checks": [{"type": "value_field_equals_session", "field": "owner"}]},
    {"path": "/room/{room}/note/*", "checks": [{"type": "state_not_null", "lookup": "/room/{room}"}]},
    {"path": "/own/{user}", "checks": [{"type": "segment_equals_session", "segment": "user"}]},
    {"path": "/mine", "allow_null_write": true, "checks": [{"type": "state_not_null", "lookup": "/of/{session}"}]}
]}"#;

#[test]
fn every_kind_of_write_is_judged() {
    let ann = r#"{"owner": "ann"}"#;
    let missing = "State is null or missing at '/room/blue'";
    let stranger = "Path segment 'user' is 'ann', does not match session identity 'bob'";
    let no_field = "Value must include a owner field";
    let taken = "Field 'owner' at '/room/red' does not match session identity";
    for (subject, message, expected) in [
        ("ann", set("/own/ann", "1"), ""),
        ("bob", set("/own/ann", "1"), stranger),
        ("bob", publish("/own/ann", ""), stranger),
        ("bob", samples("/own/ann"), stranger),
        (
            "bob",
            bundle(vec![set("/free", "1"), publish("/own/ann", "1")]),
            stranger,
        ),
        ("bob", set("/room/red/note/1", "1"), ""),
        ("", publish("/room/red/note/1", ""), ""),
        ("ann", set("/room/blue/note/1", "1"), missing),
        (
            "ann",
            bundle(vec![set("/room/blue", ann), set("/room/blue/note/1", "1")]),
            "",
        ),
        (
            "ann",
            bundle(vec![set("/room/blue/note/1", "1"), set("/room/blue", ann)]),
            missing,
        ),
        ("bob", set("/room/red", r#"{"owner": "bob"}"#), taken),
        ("bob", set("/room/red", "null"), taken),
        ("ann", set("/room/red", "null"), ""),
        ("ann", set("/room/red", "1"), no_field),
        ("ann", publish("/room/red", ""), ""),
        ("ann", samples("/room/red"), no_field),
        ("", set("/mine", "1"), "State is null or missing at '/of/'"),
        (
            "a/b",
            set("/mine", "1"),
            "State is null or missing at '/of/a/b'",
        ),
        ("", set("/mine", "null"), ""),
        (
            "ann",
            set("/mine", "1"),
            "State is null or missing at '/of/ann'",
        ),
    ] {
        let router = router(ROOMS);
        let (owner, caller) = (session(&router, "ann"), session(&router, subject));
        let mut work = Work::default();
        write(&router, &owner, &mut work, &set("/room/red", ann)).unwrap();
        write(&router, &owner, &mut work, &set("/of/a/b", "1")).unwrap();
        let before = router.export(NOW).params.len();
        let outcome = write(&router, &caller, &mut work, &message);
        let Err(refusal) = outcome else {
            assert_eq!(expected, "", "{subject} {message:?}");
            continue;
        };
        let is_bundle = matches!(message, Message::Bundle(_));
        let text = match is_bundle {
            true => format!("Bundle rejected: {expected}"),
            false => expected.to_owned(),
        };
        assert_eq!(refusal.to_string(), text, "{subject} {message:?}");
        assert_eq!(refusal.code().number(), 403, "{message:?}");
        assert_eq!(router.export(NOW).params.len(), before, "{message:?}");
    }
}

/// Two clients that make the same room at the same moment, again and again: one of them has it.
#[test]
fn of_two_that_make_a_room_at_once_one_owns_it() {
    let router = router(ROOMS);
    let barrier = Barrier::new(2);
    let race = |subject: &str| {
        let session = session(&router, subject);
        let mut work = Work::default();
        let value = format!(r#"{{"owner": "{subject}"}}"#);
        let attempt = |round: usize| {
            let message = match round % 2 {
                0 => set(&format!("/room/{round}"), &value),
                _ => bundle(vec![set(&format!("/room/{round}"), &value)]),
            };
            barrier.wait();
            write(&router, &session, &mut work, &message).is_ok()
        };
        (0..RACES).map(attempt).collect::<Vec<bool>>()
    };
    let (ann, bob) = thread::scope(|scope| {
        let ann = scope.spawn(|| race("ann"));
        let bob = scope.spawn(|| race("bob"));
        (ann.join().unwrap(), bob.join().unwrap())
    });
    let mut owners = vec![None; RACES];
    for param in router.export(NOW).params {
        let round: usize = param.address.rsplit('/').next().unwrap().parse().unwrap();
        let value = param.value.encoded().to_value();
        owners[round] = value.as_map().and_then(|map| map.get("owner")).cloned();
    }
    for (round, owner) in owners.into_iter().enumerate() {
        let winner = match (ann[round], bob[round]) {
            (true, false) => "ann",
            (false, true) => "bob",
            both => unreachable!("round {round}: ann and bob were told {both:?}"),
        };
        assert_eq!(owner, Some(Value::from(winner)), "round {round}");
    }
    let wins = ann.iter().filter(|won| **won).count();
    assert!(
        (1..RACES).contains(&wins),
        "there was no race: ann won {wins} times"
    );
}

const RACES: usize = 10_000;

#[test]
fn without_rules_the_router_asks_nothing() {
    let open = guarded(Router::new(RouterConfig::default(), NOW), None);
    let empty = router("{}");
    for router in [open, empty] {
        let caller = session(&router, "");
        let message = set("/room/red", "1");
        assert!(write(&router, &caller, &mut Work::default(), &message).is_ok());
    }
}
