//! What a gate hides stays hidden on every way out, and what it decides by state holds for the
//! state that is written to (protocol/router.md 17.6 to 17.8).

use std::sync::{Arc, Barrier};
use std::time::Duration;

use clasp_proto::{Encoded, Message, Signal, Value};
use clasp_router::{
    Caller, Gate, Now, Operation, Refusal, Router, RouterConfig, Session, Sight, Tick, Timestamp,
    Veil, View, Work,
};

use crate::stage::{
    Stage, announce, bundle, do_one, get, publish, query, set, set_to, subscribe, subscribe_with,
};

/// `/own/<subject>/..` is for its subject, `/room/<id>` for who is at `/member/<id>/<subject>`, and
/// `secret` is left out of maps below `/card`. `/claim/<id>` may be written only while it is free.
struct House;

fn subject(session: &Session) -> &str {
    session.principal.subject.as_deref().unwrap_or_default()
}

impl Gate for House {
    fn lookups(&self, _: &Caller<'_>, write: &Operation<'_>, lookups: &mut Vec<String>) {
        if let Operation::Set(set) = write
            && let Some(id) = set.address.strip_prefix("/claim/")
        {
            lookups.push(format!("/claimed/{id}"));
        }
        if let Operation::Set(set) = write
            && set.address.starts_with("/claimed/")
        {
            lookups.push(set.address.to_owned());
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
        let lookup = match set.address.strip_prefix("/claim/") {
            Some(id) => format!("/claimed/{id}"),
            None if set.address.starts_with("/claimed/") => set.address.to_owned(),
            None => return Ok(()),
        };
        match view.value(&lookup) {
            None => Ok(()),
            Some(_) => Err(Refusal::Rule {
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

    fn redact(&self, address: &str, value: Encoded<'_>) -> Option<Value> {
        let Value::Map(mut fields) = value.to_value() else {
            return None;
        };
        let is_redacted = address.starts_with("/card") && fields.remove("secret").is_some();
        is_redacted.then_some(Value::Map(fields))
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

/// Does this in each of `count` threads, each with a session of its own, all at once; returns how
/// many were let through.
fn race(router: &Router, now: Now, count: usize, message: &Message) -> usize {
    let barrier = Barrier::new(count);
    let sessions: Vec<Arc<Session>> = (0..count).map(|id| session(router, id)).collect();
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> = sessions
            .iter()
            .map(|session| {
                scope.spawn(|| {
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
        assert_eq!(race(&router, now, 2, &claim), 1, "round {round}");
    }
}
