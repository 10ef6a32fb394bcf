//! Times to live, to the second (protocol/router.md 6.12 to 6.14).

use std::sync::Arc;
use std::time::Duration;

use clasp_proto::{Code, Message, Ttl};
use clasp_router::Session;

use crate::stage::{Stage, get, set, set_with, subscribe, values};

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_micros(1);

fn with_ttl(ttl: Ttl) -> Message {
    set_with("/x", 1, |set| set.ttl = Some(ttl))
}

/// The param lives for just so long from now on: no read shows it after that, and within a
/// second it takes no room either.
fn check_lives(stage: &mut Stage, reader: &Arc<Session>, time: Duration) {
    stage.pass(time - MOMENT);
    assert_eq!(stage.router.params(), 1, "just before the end of {time:?}");
    let late = stage.session("late");
    // What is shown unasked is no use of the param.
    stage.greet(&late);
    assert_eq!(values(&stage.received(&late)).len(), 1);
    stage.pass(MOMENT);
    stage.send(&late, &subscribe(2, "/**")).unwrap();
    stage.send(&late, &subscribe(3, "/x")).unwrap();
    assert_eq!(stage.received(&late), [], "at the end of {time:?}");
    assert_eq!(stage.code(reader, &get("/x")), Some(Code::AddressNotFound));
    stage.pass(SECOND);
    assert_eq!(stage.router.params(), 0, "a second after {time:?}");
    stage.router.detach(&late);
}

// protocol/router.md 6.13, 6.14
#[test]
fn every_ttl_is_exact() {
    for ttl in [
        Ttl::Sliding(1),
        Ttl::Sliding(90),
        Ttl::Absolute(2),
        Ttl::Absolute(86_400),
    ] {
        let mut stage = Stage::new();
        let writer = stage.session("w");
        stage.pass(Duration::from_micros(1_234_567));
        stage.send(&writer, &with_ttl(ttl)).unwrap();
        let (Ttl::Sliding(seconds) | Ttl::Absolute(seconds)) = ttl else {
            unreachable!("all of them end")
        };
        check_lives(&mut stage, &writer, SECOND * seconds);
    }
}

// protocol/router.md 6.13: reads were once promised to count, and did not
#[test]
fn sliding_is_refreshed_by_get_and_by_writes() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    stage.send(&writer, &with_ttl(Ttl::Sliding(10))).unwrap();
    for _ in 0..5 {
        stage.pass(9 * SECOND);
        assert!(stage.get(&writer, "/x").is_some());
    }
    stage.pass(9 * SECOND);
    stage.send(&writer, &set("/x", 2)).unwrap();
    check_lives(&mut stage, &writer, 10 * SECOND);
}

// protocol/router.md 6.13: every write once started it anew
#[test]
fn absolute_counts_from_the_set_that_carried_it() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    stage.send(&writer, &with_ttl(Ttl::Absolute(10))).unwrap();
    stage.pass(4 * SECOND);
    stage.send(&writer, &set("/x", 2)).unwrap();
    stage.pass(2 * SECOND);
    assert!(stage.get(&writer, "/x").is_some());
    check_lives(&mut stage, &writer, 4 * SECOND);
}

// protocol/router.md 6.12
#[test]
fn a_later_ttl_replaces_the_earlier_one() {
    for (first, second, lives) in [
        (Ttl::Never, Ttl::Sliding(5), 5),
        (Ttl::Sliding(500), Ttl::Absolute(5), 5),
        (Ttl::Absolute(2), Ttl::Absolute(50), 50),
        (Ttl::Absolute(2), Ttl::Sliding(50), 50),
    ] {
        let mut stage = Stage::new();
        let writer = stage.session("w");
        stage.send(&writer, &with_ttl(first)).unwrap();
        stage.pass(SECOND);
        stage.send(&writer, &with_ttl(second)).unwrap();
        check_lives(&mut stage, &writer, lives * SECOND);
    }
}

// protocol/router.md 6.12
#[test]
fn without_a_ttl_the_default_counts_from_the_last_write() {
    let mut stage = Stage::with(|config| config.param_ttl = Some(60 * SECOND));
    let writer = stage.session("w");
    stage.send(&writer, &set("/x", 1)).unwrap();
    stage.pass(59 * SECOND);
    stage.send(&writer, &set("/x", 1)).unwrap();
    stage.pass(30 * SECOND);
    assert!(stage.get(&writer, "/x").is_some());
    check_lives(&mut stage, &writer, 30 * SECOND);
}

// protocol/router.md 6.12: without a default, the ttl of a message was once never looked at
#[test]
fn a_ttl_holds_also_where_the_store_has_none() {
    let mut stage = Stage::with(|config| config.param_ttl = None);
    let writer = stage.session("w");
    stage.send(&writer, &with_ttl(Ttl::Sliding(3))).unwrap();
    check_lives(&mut stage, &writer, 3 * SECOND);
}

// protocol/router.md 6.13
#[test]
fn never_and_the_largest_ttls_outlive_everybody() {
    for ttl in [
        Ttl::Never,
        Ttl::Sliding(0x7FFF_FFFF),
        Ttl::Absolute(0x7FFF_FFFF),
    ] {
        let mut stage = Stage::with(|config| config.param_ttl = Some(SECOND));
        let writer = stage.session("w");
        stage.send(&writer, &with_ttl(ttl)).unwrap();
        stage.pass(Duration::from_secs(100 * 3600));
        assert!(stage.get(&writer, "/x").is_some(), "{ttl:?}");
    }
}

// protocol/router.md 6.13, 6.14
#[test]
fn an_absolute_ttl_of_zero_is_over_at_once() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/x"));
    stage.send(&writer, &with_ttl(Ttl::Absolute(0))).unwrap();
    assert_eq!(stage.received(&reader).len(), 1);
    assert_eq!(stage.code(&writer, &get("/x")), Some(Code::AddressNotFound));
    stage.pass(SECOND);
    assert_eq!(stage.router.params(), 0);
}

// protocol/router.md 6.14
#[test]
fn expiry_is_not_announced() {
    let mut stage = Stage::new();
    let (writer, reader) = (stage.session("w"), stage.reader("r", "/**"));
    stage.send(&writer, &with_ttl(Ttl::Sliding(1))).unwrap();
    stage.received(&reader);
    stage.pass(10 * SECOND);
    assert_eq!(stage.received(&reader), []);
}

// protocol/router.md 6.4, 6.5: an address that comes back does not begin at 1
#[test]
fn revisions_never_go_backwards_over_expiry() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let mut last = None;
    for wait in [SECOND / 2, SECOND, 2 * SECOND, SECOND, 3 * SECOND] {
        for _ in 0..3 {
            let revision = stage
                .send(&writer, &with_ttl(Ttl::Sliding(1)))
                .unwrap()
                .revision;
            assert!(last < revision, "{last:?} then {revision:?}");
            last = revision;
        }
        stage.pass(wait);
    }
    stage.pass(3 * SECOND);
    let anew = set_with("/x", 1, |set| set.revision = Some(0));
    assert!(last < stage.send(&writer, &anew).unwrap().revision);
}

// protocol/router.md 6.6, 6.14
#[test]
fn the_lock_of_an_expired_param_is_gone_with_it() {
    let mut stage = Stage::new();
    let (holder, other) = (stage.session("h"), stage.session("o"));
    let locked = set_with("/x", 1, |set| {
        (set.lock, set.ttl) = (true, Some(Ttl::Sliding(1)))
    });
    stage.send(&holder, &locked).unwrap();
    stage.pass(SECOND);
    stage
        .send(&other, &set_with("/x", 2, |set| set.lock = true))
        .unwrap();
    stage.router.detach(&holder);
    assert_eq!(
        stage.code(&stage.session("t"), &set("/x", 3)),
        Some(Code::LockHeld)
    );
}
