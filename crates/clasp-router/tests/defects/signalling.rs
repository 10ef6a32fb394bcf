//! Signalling between peers (protocol/router.md 13).

use std::collections::BTreeMap;

use clasp_proto::{Code, Message, Signal, TypeMask, Value};

use crate::stage::{Stage, bundle, get, numbers, publish, set, subscribe_with};

/// A signal for session `to` that says it comes from `from`.
fn signal(to: &str, from: Option<Value>) -> Message {
    let kind = ("type".to_owned(), Value::String("offer".into()));
    let from = from.map(|from| ("from".to_owned(), from));
    let map: BTreeMap<_, _> = [Some(kind), from].into_iter().flatten().collect();
    publish(
        &format!("/clasp/p2p/signal/{to}"),
        Signal::Event,
        Value::Map(map),
    )
}

fn text(text: &str) -> Option<Value> {
    Some(Value::String(text.into()))
}

// protocol/router.md 13.1
#[test]
fn a_signal_reaches_its_target_only_unchanged_and_unasked() {
    for is_bundled in [false, true] {
        let mut stage = Stage::new();
        let (sender, target) = (stage.session("a"), stage.session("b"));
        let spy = stage.reader("spy", "/**");
        let sent = signal("b", text("a"));
        let message = if is_bundled {
            bundle([sent.clone()])
        } else {
            sent.clone()
        };
        stage.send(&sender, &message).unwrap();
        let got = stage.received(&target);
        let [Message::Publish(got)] = &got[..] else {
            unreachable!("it got {got:?}")
        };
        let Message::Publish(sent) = sent else {
            unreachable!("a signal is a PUBLISH")
        };
        assert_eq!(
            (&got.address, &got.value, got.signal),
            (&sent.address, &sent.value, sent.signal)
        );
        assert_eq!(stage.received(&spy), [], "in a bundle: {is_bundled}");
    }
}

// protocol/router.md 13.2: anybody could once speak for anybody, and a bundle got around the rest
#[test]
fn a_forged_sender_is_refused_also_inside_a_bundle() {
    for from in [text("c"), text(""), Some(Value::Int(1)), Some(Value::Null)] {
        let mut stage = Stage::new();
        let (sender, target) = (stage.session("a"), stage.session("b"));
        let forged = signal("b", from);
        let refused = Some(Code::Refused);
        assert_eq!(stage.code(&sender, &forged), refused);
        let nested = bundle([bundle([forged.clone()])]);
        for message in [bundle([set("/x", 1), forged]), nested] {
            assert_eq!(stage.code(&sender, &message), refused);
        }
        assert_eq!(stage.received(&target), []);
        assert_eq!(stage.router.params(), 0);
        stage.send(&sender, &signal("b", None)).unwrap();
        assert_eq!(stage.received(&target).len(), 1);
    }
}

// protocol/router.md 13.1
#[test]
fn a_signal_for_nobody_is_refused_with_404_also_inside_a_bundle() {
    let mut stage = Stage::new();
    let (sender, gone) = (stage.session("a"), stage.session("gone"));
    stage.router.detach(&gone);
    let lost = signal("gone", text("a"));
    for message in [lost.clone(), bundle([set("/x", 1), lost])] {
        assert_eq!(stage.code(&sender, &message), Some(Code::SessionNotFound));
        let told = stage.received(&sender);
        assert!(
            matches!(&told[..], [Message::Error(error)] if error.address.as_deref() == Some("/clasp/p2p/signal/gone")),
            "{told:?}"
        );
    }
    assert_eq!(stage.router.params(), 0);
}

// protocol/router.md 9.2, 9.3: a signal has its place among the members
#[test]
fn a_bundled_signal_comes_in_the_order_of_the_members() {
    let mut stage = Stage::new();
    let (sender, target) = (stage.session("a"), stage.reader("b", "/x"));
    let members = [set("/x", 1), signal("b", text("a")), set("/x", 2)];
    stage.send(&sender, &bundle(members)).unwrap();
    let kinds: Vec<_> = stage.received(&target).iter().map(Message::name).collect();
    assert_eq!(kinds, ["SET", "PUBLISH", "SET"]);
}

// protocol/router.md 13.3
#[test]
fn an_announcement_of_a_peer_passes_every_mask_and_is_not_echoed() {
    for is_bundled in [false, true] {
        let mut stage = Stage::new();
        let (peer, reader) = (stage.reader("a", "/clasp/**"), stage.session("r"));
        let asked = subscribe_with(1, "/clasp/p2p/announce", |subscribe| {
            subscribe.types = TypeMask::of(&[Signal::Param]);
        });
        stage.send(&reader, &asked).unwrap();
        let message = publish("/clasp/p2p/announce", Signal::Event, Value::Int(1));
        let message = if is_bundled {
            bundle([message])
        } else {
            message
        };
        stage
            .send_as(&peer, &message, clasp_proto::Qos::Fire)
            .unwrap();
        assert_eq!(numbers(&stage.received(&reader)), [1]);
        assert_eq!(stage.received(&peer), []);
    }
}

// protocol/router.md 13.4
#[test]
fn sets_and_other_addresses_there_are_as_everywhere() {
    let mut stage = Stage::new();
    let (writer, target) = (stage.session("a"), stage.session("b"));
    let reader = stage.reader("r", "/clasp/**");
    for address in ["/clasp/p2p/signal/b", "/clasp/p2p/announce"] {
        stage.send(&writer, &set(address, 1)).unwrap();
        assert!(stage.send(&writer, &get(address)).is_ok());
    }
    for address in ["/clasp/p2p/signal/b/c", "/clasp/p2p/signal", "/clasp/p2p/x"] {
        let message = publish(address, Signal::Event, Value::Int(1));
        stage.send(&writer, &message).unwrap();
    }
    assert_eq!(numbers(&stage.received(&reader)), [1; 5]);
    assert_eq!(stage.received(&target), []);
}

// protocol/router.md 13.5: the sender once waited for the queue of the target, locks held
#[test]
fn a_target_that_does_not_read_delays_nobody() {
    let mut stage = Stage::with(|config| config.outbox_bytes_max = 64 * 1024);
    let (sender, _target) = (stage.session("a"), stage.session("b"));
    for _ in 0..5000 {
        stage.send(&sender, &signal("b", text("a"))).unwrap();
    }
}
