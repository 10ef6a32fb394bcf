//! PUBLISH (protocol/router.md 8.1, 8.2, 8.8).

use std::collections::BTreeMap;

use clasp_proto::{Code, Message, Phase, Publish, Qos, Signal, Value, frame};

use crate::stage::{Stage, get, publish, set};

// protocol/router.md 8.1
#[test]
fn a_publish_is_neither_echoed_nor_stored_nor_acknowledged() {
    for signal in Signal::ALL {
        let mut stage = Stage::new();
        let (writer, reader) = (stage.reader("w", "/**"), stage.reader("r", "/**"));
        stage
            .send(&writer, &publish("/x", signal, Value::Int(1)))
            .unwrap();
        assert_eq!(stage.received(&writer), [], "{signal:?}");
        assert_eq!(stage.received(&reader).len(), 1, "{signal:?}");
        assert_eq!(stage.code(&reader, &get("/x")), Some(Code::AddressNotFound));
    }
}

// protocol/router.md 8.1
#[test]
fn a_publish_of_signal_param_leaves_the_param_alone() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    stage.send(&writer, &set("/x", 1)).unwrap();
    let message = publish("/x", Signal::Param, Value::Int(2));
    stage.send(&writer, &message).unwrap();
    let param = stage.get(&writer, "/x").unwrap();
    assert_eq!((param.value, param.revision), (Value::Int(1), 1));
}

// protocol/router.md 8.2
#[test]
fn every_field_survives_and_the_frame_gets_the_quality_of_its_signal() {
    let samples = Publish {
        value: None,
        samples: Some(vec![0.5, f64::INFINITY, -0.0]),
        rate: Some(48_000),
        ..Publish::default()
    };
    for (signal, qos) in [
        (Signal::Param, Qos::Confirm),
        (Signal::Event, Qos::Confirm),
        (Signal::Stream, Qos::Fire),
        (Signal::Gesture, Qos::Fire),
        (Signal::Timeline, Qos::Commit),
    ] {
        let sent = Message::Publish(Publish {
            address: "/x".into(),
            signal: Some(signal),
            id: Some(u32::MAX),
            phase: Some(Phase::Cancel),
            timestamp: Some(u64::MAX),
            ..samples.clone()
        });
        let mut stage = Stage::new();
        let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
        stage.send_as(&writer, &sent, Qos::Fire).unwrap();
        let frames = stage.frames(&reader);
        let (header, payload) = frame::split(&frames[0]).unwrap();
        assert_eq!(header.qos, qos, "{signal:?}");
        assert_eq!(header.timestamp, None);
        assert_eq!(clasp_proto::binary::decode(payload).unwrap(), sent);
    }
}

// protocol/router.md 8.8
#[test]
fn a_timeline_is_relayed_as_it_came() {
    let keyframe = |time: i64| {
        let entries = [("time", time), ("value", time * 2)];
        let map: BTreeMap<_, _> = entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Value::Int(value)))
            .collect();
        Value::Map(map)
    };
    let keyframes = Value::Array((0..100).rev().map(keyframe).collect());
    let value = Value::Map(BTreeMap::from([("keyframes".to_owned(), keyframes)]));
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    stage
        .send(&writer, &publish("/x", Signal::Timeline, value.clone()))
        .unwrap();
    assert!(
        matches!(&stage.received(&reader)[..], [Message::Publish(found)] if found.value.as_ref() == Some(&value))
    );
}
