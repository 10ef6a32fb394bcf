//! What batches count.

use clasp_proto::{Code, Publish, Signal};

use super::*;
use crate::Tally;

fn event(address: &str, bytes: usize) -> Message {
    Message::Publish(Publish {
        address: address.into(),
        signal: Some(Signal::Event),
        value: Some(Value::Bytes(vec![0; bytes])),
        ..Publish::default()
    })
}

/// What was done since the last call.
fn tally(stage: &mut Stage) -> Tally {
    let mut tally = Tally::default();
    stage.work.move_tally(&mut tally);
    tally
}

/// `tally` with its fan-out told by class: how many messages had that many receivers.
fn check_fanout(tally: &Tally, expected: &[(usize, u64)]) {
    let mut fanout = [0; crate::FANOUT_BOUNDS.len() + 1];
    for (class, messages) in expected {
        fanout[*class] = *messages;
    }
    assert_eq!(tally.fanout, fanout);
    let sum: u64 = expected.iter().map(|(class, n)| *class as u64 * n).sum();
    assert_eq!((tally.fanout_sum, tally.deliveries), (sum, sum));
}

#[test]
fn messages_are_counted_by_their_receivers() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    let limited = Message::Subscribe(Subscribe {
        id: 2,
        pattern: "/limited".into(),
        types: TypeMask::ALL,
        options: SubscribeOptions {
            epsilon: Some(10.0),
            ..SubscribeOptions::default()
        },
    });
    stage.send(&reader, &subscribe(1, "/a/*")).unwrap();
    stage.send(&reader, &limited).unwrap();
    stage.send(&writer, &subscribe(1, "/a/b")).unwrap();
    assert_eq!(tally(&mut stage), Tally::default());
    let bundle = Message::Bundle(clasp_proto::Bundle {
        timestamp: None,
        messages: vec![set("/a/b", 1), event("/a/b", 1), set("/nobody", 1)],
    });
    for message in [
        set("/a/b", 0),
        event("/a/b", 1),
        set("/nobody", 0),
        set("/limited", 0),
        set("/limited", 1),
        bundle,
    ] {
        stage.send(&writer, &message).unwrap();
    }
    check_fanout(&tally(&mut stage), &[(0, 3), (1, 3), (2, 2)]);
    assert_eq!(tally(&mut stage), Tally::default());
    stage.router.detach(&reader);
    assert_eq!(stage.router.subscriptions(), 1);
}

#[test]
fn what_is_not_delivered_is_counted() {
    let mut stage = Stage::with(RouterConfig {
        outbox_bytes_max: 8192,
        messages_per_second: 10,
        ..RouterConfig::default()
    });
    let (writer, reader) = (stage.session("w"), stage.session("r"));
    stage.send(&reader, &subscribe(1, "/**")).unwrap();
    stage.received(&reader);
    tally(&mut stage);
    for message in [event("/e", 4500), set("/a", 1), set("/a", 2), set("/a", 3)] {
        stage.send(&writer, &message).unwrap();
    }
    let done = tally(&mut stage);
    assert_eq!((done.superseded, done.discarded_bytes), (2, 0));
    let queued = reader.outbox.queued_bytes() as u64;
    stage.send(&writer, &event("/e", 4500)).unwrap();
    stage.send(&writer, &event("/e", 1)).unwrap();
    let done = tally(&mut stage);
    assert_eq!(done.too_late, 1);
    let discarded = queued + 4500..queued + 4700;
    assert!(discarded.contains(&done.discarded_bytes), "{done:?}");
    for _ in 0..20 {
        // Some are within the rate of the session.
        stage.send(&writer, &set("/a", 4)).ok();
    }
    assert!((10..20).contains(&tally(&mut stage).over_rate));
    let mut batch = stage.router.batch(&writer, stage.now, &mut stage.work);
    batch.error(Code::LockHeld, "", None);
    batch.finish(None);
    let mut errors = tally(&mut stage).errors.into_iter().zip(Code::ALL);
    assert!(errors.all(|(count, code)| count == u64::from(code == Code::LockHeld)));
}
