//! The rate limit (protocol/router.md 15).

use std::sync::Arc;
use std::time::Duration;

use clasp_proto::{Code, Message};
use clasp_router::Session;

use crate::stage::{Stage, bundle, get, set, subscribe};

fn limited(per_second: u32) -> (Stage, Arc<Session>) {
    let stage = Stage::with(|config| config.messages_per_second = per_second);
    let writer = stage.session("w");
    (stage, writer)
}

/// How many ERRORs of a code a session got.
fn told(stage: &mut Stage, session: &Arc<Session>, code: Code) -> usize {
    let is_it =
        |message: &Message| matches!(message, Message::Error(error) if error.code == code.number());
    let received = stage.received(session);
    received.into_iter().filter(is_it).count()
}

// protocol/router.md 15.1, 15.2: every dropped frame was once answered with a 429
#[test]
fn a_flood_is_cut_and_told_of_once_a_second() {
    let (mut stage, writer) = limited(1000);
    let mut taken = 0;
    for _ in 0..5 {
        for _ in 0..3000 {
            taken += usize::from(stage.send(&writer, &set("/x", 1)).is_ok());
        }
        assert_eq!(told(&mut stage, &writer, Code::RateLimited), 1);
        stage.pass(Duration::from_secs(1));
    }
    assert_eq!(taken, 5000);
    assert_eq!(stage.revision(&writer, "/x"), Some(5000));
}

// protocol/router.md 15.1
#[test]
fn refused_messages_are_not_done() {
    let (mut stage, writer) = limited(1);
    stage.send(&writer, &set("/x", 1)).unwrap();
    let limited = Some(Code::RateLimited);
    for message in [
        set("/x", 2),
        subscribe(1, "/**"),
        get("/x"),
        bundle([set("/y", 1)]),
    ] {
        assert_eq!(stage.code(&writer, &message), limited, "{}", message.name());
    }
    assert_eq!(told(&mut stage, &writer, Code::RateLimited), 1);
    stage.pass(Duration::from_secs(1));
    let other = stage.session("o");
    stage.send(&other, &set("/x", 3)).unwrap();
    assert_eq!(stage.received(&writer), []);
}

// protocol/router.md 15.3: a bundle of any size once counted as one
#[test]
fn members_of_bundles_are_counted() {
    let (mut stage, writer) = limited(100);
    let of = |count: i64| {
        bundle(
            (0..count)
                .map(|number| set("/x", number))
                .collect::<Vec<_>>(),
        )
    };
    stage.send(&writer, &of(60)).unwrap();
    assert_eq!(stage.code(&writer, &of(60)), Some(Code::RateLimited));
    stage.send(&writer, &of(40)).unwrap();
    assert_eq!(stage.code(&writer, &set("/x", 1)), Some(Code::RateLimited));
    assert_eq!(stage.router.params(), 1);
}

// protocol/router.md 15.3: a refused bundle is not free
#[test]
fn bundles_that_are_refused_are_counted_too() {
    let (mut stage, writer) = limited(10);
    let pointless = bundle([subscribe(1, "/**")]);
    for _ in 0..1000 {
        assert!(stage.send(&writer, &pointless).is_err());
    }
    assert!(told(&mut stage, &writer, Code::InvalidMessage) <= 10);
}

// protocol/router.md 15.1
#[test]
fn one_session_does_not_use_up_the_allowance_of_another() {
    let (mut stage, writer) = limited(10);
    let other = stage.session("o");
    for _ in 0..50 {
        stage.send(&writer, &set("/x", 1)).ok();
    }
    for _ in 0..10 {
        stage.send(&other, &set("/x", 1)).unwrap();
    }
}
