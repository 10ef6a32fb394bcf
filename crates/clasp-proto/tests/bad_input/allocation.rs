//! The hot path takes no memory: a view of SET and PUBLISH, and matching a pattern.

use allocation_counter::measure;
use clasp_proto::{
    Address, Message, MessageRef, Pattern, Phase, Publish, Set, Signal, Ttl, Value, binary, view,
};

fn payload(message: &Message) -> Vec<u8> {
    let mut payload = Vec::new();
    binary::encode(message, &mut payload).expect("fits");
    payload
}

fn assert_allocates_nothing(name: &str, run: impl FnOnce()) {
    assert_eq!(measure(run).count_total, 0, "{name}");
}

#[test]
fn views_do_not_allocate() {
    let value = Value::from([
        ("text", Value::from("warm")),
        (
            "list",
            Value::Array(vec![
                Value::Int(1),
                Value::Float(0.5),
                Value::Bytes(vec![1]),
            ]),
        ),
    ]);
    let set = Message::Set(Set {
        address: "/lights/1".into(),
        value: value.clone(),
        revision: Some(7),
        lock: true,
        unlock: false,
        ttl: Some(Ttl::Absolute(60)),
    });
    let gesture = Publish {
        address: "/pad/1".into(),
        signal: Some(Signal::Gesture),
        value: Some(value),
        id: Some(3),
        phase: Some(Phase::Move),
        timestamp: Some(9),
        ..Publish::default()
    };
    let samples = Publish {
        value: None,
        samples: Some(vec![0.5; 64]),
        ..gesture.clone()
    };
    for message in [set, Message::Publish(gesture), Message::Publish(samples)] {
        let payload = payload(&message);
        assert_allocates_nothing(message.name(), || {
            let seen = view(&payload).expect("well formed");
            assert!(!matches!(seen, MessageRef::Other(_)));
        });
        let mut written = Vec::with_capacity(payload.len() + 32);
        assert_allocates_nothing("write", || match view(&payload).expect("well formed") {
            MessageRef::Set(set) => set.write_with(set.revision, &mut written),
            MessageRef::Publish(publish) => publish.write(&mut written),
            _ => unreachable!("the message is one of the two"),
        });
        assert_eq!(written, payload);
    }
}

#[test]
fn matching_does_not_allocate() {
    for text in [
        "/lights/1/hue",
        "/lights/**",
        "/*/1/*",
        "/l*s/**/h*e",
        "/**/1/**/hue",
    ] {
        let pattern = Pattern::parse(text).expect("well formed");
        assert_allocates_nothing(text, || assert!(pattern.matches("/lights/1/hue")));
    }
    assert_allocates_nothing("check", || {
        Address::check("/lights/\u{e9}/hue").expect("well formed");
    });
}
