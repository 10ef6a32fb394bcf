//! ANNOUNCE and QUERY (protocol/router.md 10).

use std::collections::BTreeSet;
use std::time::Duration;

use clasp_proto::{Code, Message, limits::FRAME_PAYLOAD_MAX};

use crate::stage::{Stage, announce, query, set};

fn address(number: usize) -> String {
    format!("/signals/of/a/large/installation/{number}")
}

// protocol/router.md 10.3: 2100 signals were once answered with nothing at all
#[test]
fn a_result_too_large_for_a_frame_comes_in_several() {
    let mut stage = Stage::new();
    let (owner, reader) = (stage.session("o"), stage.session("r"));
    let all: Vec<_> = (0..2100).map(address).collect();
    for some in all.chunks(700) {
        stage.send(&owner, &announce(some.to_vec())).unwrap();
    }
    stage.send(&reader, &query("/signals/**")).unwrap();
    let frames = stage.frames(&reader);
    let counts: Vec<_> = frames.iter().map(Vec::len).collect();
    assert!(counts.len() > 1 && counts.iter().all(|count| *count <= 4 + FRAME_PAYLOAD_MAX));
    assert!(
        counts[0] > FRAME_PAYLOAD_MAX - 100,
        "the first is full: {counts:?}"
    );
    let found: BTreeSet<_> = frames
        .iter()
        .flat_map(|bytes| match clasp_proto::binary::decode(&bytes[4..]) {
            Ok(Message::Result(result)) => result.signals,
            other => unreachable!("QUERY is answered with RESULT, not {other:?}"),
        })
        .map(|signal| signal.address)
        .collect();
    assert_eq!(found, all.into_iter().collect());
}

// protocol/router.md 10.2
#[test]
fn only_announced_signals_are_found_and_none_is_an_answer() {
    let mut stage = Stage::new();
    let owner = stage.session("o");
    stage.send(&owner, &set("/x", 1)).unwrap();
    stage.received(&owner);
    stage.send(&owner, &query("/**")).unwrap();
    assert!(
        matches!(&stage.received(&owner)[..], [Message::Result(result)] if result.signals.is_empty())
    );
}

// protocol/router.md 10.1
#[test]
fn other_sessions_are_not_told_of_announcements() {
    let mut stage = Stage::new();
    let (owner, reader) = (stage.session("o"), stage.reader("r", "/**"));
    stage.send(&owner, &announce([address(1)])).unwrap();
    assert_eq!(stage.received(&reader), []);
}

// protocol/router.md 10.4: the bound was once not looked at
#[test]
fn announcements_are_bounded_and_expire() {
    let mut stage = Stage::with(|config| {
        config.signals_max = 10;
        config.signal_ttl = Some(Duration::from_secs(60));
    });
    let owner = stage.session("o");
    stage.send(&owner, &announce((0..10).map(address))).unwrap();
    stage.send(&owner, &announce((0..10).map(address))).unwrap();
    let beyond = announce([address(5), address(10)]);
    assert_eq!(stage.code(&owner, &beyond), Some(Code::Overloaded));
    stage.pass(Duration::from_secs(60));
    stage.received(&owner);
    stage.send(&owner, &query("/**")).unwrap();
    assert!(
        matches!(&stage.received(&owner)[..], [Message::Result(result)] if result.signals.is_empty())
    );
    stage.send(&owner, &beyond).unwrap();
}
