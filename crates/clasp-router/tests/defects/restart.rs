//! Params that outlive their router (protocol/router.md 6.4, 6.17).

use std::sync::Arc;
use std::time::{Duration, Instant};

use clasp_proto::{AddressError, Encoded, Signal, Ttl, Value};
use clasp_router::limits::RESTORED_REVISION_MAX;
use clasp_router::{Export, ExportedParam, RestoreError, Restored, Stored, Timestamp, Work};

use crate::stage::{Stage, bundle, do_one, get, publish, set, set_with, subscribe};

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_micros(1);

fn addresses(stage: &Stage) -> Vec<String> {
    let params = stage.export().params.into_iter();
    params.map(|param| param.address.to_string()).collect()
}

fn param(address: &str) -> ExportedParam {
    ExportedParam {
        address: address.into(),
        value: Stored::new(Encoded::NULL),
        revision: 1,
        writer: "w".into(),
        written_at: Timestamp(1),
        ttl: None,
        expires_at: None,
    }
}

fn export(params: impl Into<Vec<ExportedParam>>) -> Export {
    Export {
        params: params.into(),
        ..Export::default()
    }
}

#[test]
fn a_restart_changes_nothing_but_locks() {
    let mut stage = Stage::new();
    let writer = stage.session("writer");
    for (number, value) in [
        Value::Null,
        Value::Bool(true),
        Value::Float(f64::NAN),
        Value::from("a text that is longer than a small one"),
        Value::Bytes(vec![7; 40_000]),
        Value::from([("b", Value::Int(1)), ("a", Value::Array(vec![Value::Null]))]),
    ]
    .into_iter()
    .enumerate()
    {
        let address = format!("/v/{number}");
        let message = set_with(&address, 0, |set| {
            set.value = value;
            set.lock = true;
            set.ttl = [None, Some(Ttl::Never), Some(Ttl::Absolute(90))][number % 3];
        });
        stage.send(&writer, &message).unwrap();
        stage.pass(MOMENT);
    }
    stage.send(&writer, &set("/v/0", 2)).unwrap();
    let before = stage.export();
    assert_eq!(before.params[0].revision, 2);
    let restored = stage.restart(Duration::ZERO, |_| {});
    assert_eq!((restored.params, stage.router.params()), (6, 6));
    assert_eq!(stage.export(), before);
    let other = stage.session("other");
    stage.send(&other, &set("/v/0", 3)).unwrap();
    assert_eq!(stage.revision(&other, "/v/0"), Some(3));
}

// protocol/router.md 6.4
#[test]
fn an_address_that_is_made_anew_starts_above_what_was_forgotten() {
    let brief = set_with("/brief", 0, |set| set.ttl = Some(Ttl::Absolute(2)));
    let check = |what: &str, forget: &dyn Fn(&mut Stage)| {
        let mut stage = Stage::new();
        let writer = stage.session("w");
        for _ in 0..7 {
            stage.send(&writer, &brief).unwrap();
        }
        forget(&mut stage);
        assert_eq!(addresses(&stage), Vec::<String>::new(), "{what}");
        // Over one more restart, and in whichever shard.
        stage.restart(Duration::ZERO, |_| {});
        let writer = stage.session("w");
        for number in 0..100 {
            let new = set(&format!("/new/{number}"), 0);
            let revision = stage.send(&writer, &new).unwrap().revision;
            assert_eq!(revision, Some(8), "{what}");
        }
    };
    check("expired before", &|stage| {
        stage.pass(3 * SECOND);
        stage.restart(Duration::ZERO, |_| {});
    });
    check("expired meanwhile", &|stage| {
        let restored = stage.restart(2 * SECOND, |_| {});
        assert_eq!((restored.params, restored.expired), (0, 1));
    });
    check("left out", &|stage| {
        stage.pass(SECOND);
        let writer = stage.session("later");
        stage.send(&writer, &set("/later", 0)).unwrap();
        stage.restart(Duration::ZERO, |config| {
            config.params_max = 1;
            config.param_ttl = Some(SECOND);
        });
        assert_eq!(addresses(stage), ["/later"]);
        stage.pass(SECOND);
    });
}

// protocol/router.md 6.12, 6.13
#[test]
fn times_to_live_go_on_where_they_were() {
    let ttls = [
        ("/absolute", Some(Ttl::Absolute(100))),
        ("/default", None),
        ("/never", Some(Ttl::Never)),
        ("/sliding", Some(Ttl::Sliding(60))),
    ];
    let mut stage = Stage::with(|config| config.param_ttl = Some(80 * SECOND));
    let writer = stage.session("w");
    for (address, ttl) in ttls {
        let message = set_with(address, 0, |set| set.ttl = ttl);
        stage.send(&writer, &message).unwrap();
    }
    stage.pass(30 * SECOND);
    stage.send(&writer, &get("/sliding")).unwrap();
    let keep = |config: &mut clasp_router::RouterConfig| config.param_ttl = Some(80 * SECOND);
    stage.restart(20 * SECOND, keep);
    let check = |stage: &mut Stage, time: Duration, gone: &str, left: &[&str]| {
        stage.pass(time - MOMENT);
        assert!(
            addresses(stage).contains(&gone.to_owned()),
            "{gone} too early"
        );
        stage.pass(MOMENT);
        assert_eq!(addresses(stage), left);
    };
    // 50 s have passed, 20 of them unseen by the steady clock.
    check(
        &mut stage,
        30 * SECOND,
        "/default",
        &["/absolute", "/never", "/sliding"],
    );
    let reader = stage.session("r");
    stage.send(&reader, &get("/sliding")).unwrap();
    check(
        &mut stage,
        20 * SECOND,
        "/absolute",
        &["/never", "/sliding"],
    );
    check(&mut stage, 40 * SECOND, "/sliding", &["/never"]);
}

#[test]
fn a_wall_clock_that_was_set_back_makes_nothing_expire_early_or_late() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let message = set_with("/x", 0, |set| set.ttl = Some(Ttl::Absolute(10)));
    stage.send(&writer, &message).unwrap();
    let export = stage.export();
    stage.now.wall.0 -= 3600 * 1_000_000;
    stage.restore(export, |_| {}).unwrap();
    stage.pass(10 * SECOND - MOMENT);
    assert_eq!(stage.router.params(), 1);
    stage.pass(SECOND);
    assert_eq!(stage.router.params(), 0);
}

// protocol/router.md 6.12
#[test]
fn another_default_counts_from_the_last_write() {
    for (old, new, left) in [
        (Some(80), Some(80), Some(50)),
        (Some(80), Some(100), Some(70)),
        (Some(80), Some(40), Some(10)),
        (Some(80), Some(20), Some(0)),
        (Some(80), None, None),
        // Nobody counted until now.
        (None, Some(40), Some(40)),
        (None, None, None),
    ] {
        let seconds = |count: Option<u32>| count.map(|count| count * SECOND);
        let mut stage = Stage::with(|config| config.param_ttl = seconds(old));
        let writer = stage.session("w");
        stage.send(&writer, &set("/x", 0)).unwrap();
        stage.pass(20 * SECOND);
        stage.restart(10 * SECOND, |config| config.param_ttl = seconds(new));
        let export = stage.export();
        let expires_at = export.params.first().map(|param| param.expires_at);
        let expected = match left {
            Some(0) => None,
            left => Some(
                seconds(left).map(|left| Timestamp(stage.now.wall.0 + left.as_micros() as u64)),
            ),
        };
        assert_eq!(expires_at, expected, "{old:?} to {new:?}");
    }
}

// protocol/router.md 6.11
#[test]
fn where_room_is_short_what_was_written_last_stays() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    for number in 0..10 {
        stage.send(&writer, &set(&format!("/{number}"), 0)).unwrap();
        stage.pass(SECOND);
    }
    stage.send(&writer, &set("/0", 1)).unwrap();
    let small = |config: &mut clasp_router::RouterConfig| {
        config.params_max = 3;
        config.shards = 1;
    };
    let restored = stage.restart(SECOND, small);
    let expected = Restored {
        params: 3,
        expired: 0,
        left_out: 7,
    };
    assert_eq!(restored, expected);
    assert_eq!(addresses(&stage), ["/0", "/8", "/9"]);
    let writer = stage.session("w");
    stage.send(&writer, &set("/new", 0)).unwrap();
    assert!(addresses(&stage).contains(&"/new".to_owned()));
    assert_eq!(stage.router.params(), 3);
}

#[test]
fn what_no_router_would_have_exported_is_refused() {
    let mut stage = Stage::new();
    let mut check = |export: Export, expected: RestoreError| {
        assert_eq!(stage.restore(export, |_| {}), Err(expected));
    };
    let slash = AddressError::NoLeadingSlash { found: 'a' };
    let refused = RestoreError::Address {
        address: "a".into(),
        cause: slash,
    };
    check(export([param("a")]), refused);
    let twice = RestoreError::Twice {
        address: "/a".into(),
    };
    check(export([param("/a"), param("/b"), param("/a")]), twice);
    let body = [0xFF; 65_520];
    let large = ExportedParam {
        value: Stored::new(Encoded::from_stored(0x09, &body)),
        ..param("/a")
    };
    let too_large = RestoreError::TooLarge {
        address: "/a".into(),
    };
    check(export([large]), too_large);
    for found in [0, RESTORED_REVISION_MAX + 1] {
        let wrong = ExportedParam {
            revision: found,
            ..param("/a")
        };
        let refused = RestoreError::Revision {
            address: "/a".into(),
            found,
        };
        check(export([wrong]), refused);
    }
    let found = u64::MAX;
    let beyond = Export {
        forgotten: found,
        ..Export::default()
    };
    check(beyond, RestoreError::Forgotten { found });
}

#[test]
fn only_what_an_export_shows_counts_as_a_change() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let reader = stage.reader("r", "/none");
    let mut last = stage.router.changes();
    let mut check = |stage: &Stage, what: &str, is_change: bool| {
        let changes = stage.router.changes();
        assert_eq!(changes != last, is_change, "{what}");
        last = changes;
    };
    let sliding = set_with("/s", 0, |set| set.ttl = Some(Ttl::Sliding(5)));
    for message in [set("/a", 0), sliding, bundle([set("/a", 1), set("/b", 1)])] {
        stage.send(&writer, &message).unwrap();
        check(&stage, "a write", true);
    }
    for (message, is_change) in [
        (publish("/e", Signal::Event, Value::Null), false),
        (get("/a"), false),
        (get("/s"), true),
        (subscribe(2, "/a"), false),
        (subscribe(2, "/s"), true),
        (subscribe(2, "/**"), true),
    ] {
        stage.send(&reader, &message).unwrap();
        stage.received(&reader);
        check(&stage, &format!("{message:?}"), is_change);
    }
    let refused = set_with("/a", 0, |set| set.revision = Some(9));
    stage.send(&writer, &refused).unwrap_err();
    check(&stage, "a refused write", false);
    stage.pass(6 * SECOND);
    check(&stage, "an expiry", true);
    stage.pass(6 * SECOND);
    check(&stage, "nothing", false);
}

#[test]
fn an_export_has_no_half_of_a_bundle() {
    let mut stage = Stage::with(|config| config.outbox_bytes_max = 64 * 1024 * 1024);
    let writers = [stage.session("a"), stage.session("b")];
    let all_at = |value: i64| {
        let members: Vec<_> = (0..10)
            .map(|number| set(&format!("/p/{number}"), value))
            .collect();
        bundle(members)
    };
    stage.send(&writers[0], &all_at(0)).unwrap();
    let (router, now) = (&stage.router, stage.now);
    std::thread::scope(|scope| {
        let writing: Vec<_> = writers
            .iter()
            .map(|writer: &Arc<_>| {
                scope.spawn(move || {
                    let mut work = Work::default();
                    for value in 1..3000 {
                        do_one(router, writer, now, &mut work, &all_at(value)).unwrap();
                    }
                })
            })
            .collect();
        while !writing.iter().all(|thread| thread.is_finished()) {
            let params = router.export(now).params;
            assert_eq!(params.len(), 10);
            let first = &params[0];
            assert!(
                params
                    .iter()
                    .all(|param| (&param.value, param.revision) == (&first.value, first.revision)),
                "{params:?}"
            );
        }
    });
}

#[test]
#[ignore = "measures: run alone with --release"]
fn an_export_holds_up_writers_briefly() {
    for count in [100_000, 1_000_000] {
        let mut stage = Stage::with(|config| config.params_max = 0);
        let writer = stage.session("w");
        for number in 0..count {
            let address = format!("/stage/fixture/{number}/dim");
            stage.send(&writer, &set(&address, number)).unwrap();
        }
        let router = &stage.router;
        let mut exports: Vec<_> = (0..9)
            .map(|_| {
                let begin = Instant::now();
                let export = router.export(stage.now);
                let length = begin.elapsed();
                assert_eq!(export.params.len() as i64, count);
                length
            })
            .collect();
        exports.sort();
        println!(
            "export of {count}: median {:?}, longest {:?}",
            exports[4], exports[8]
        );
        assert!(exports[4] < Duration::from_secs(1));
    }
}

// protocol/router.md 6.4: between the expiry of a param and the moment that it is taken away
#[test]
fn a_param_that_has_just_expired_is_remembered() {
    let mut stage = Stage::new();
    let writer = stage.session("w");
    let short = set_with("/x", 1, |set| set.ttl = Some(Ttl::Absolute(1)));
    for _ in 0..5 {
        stage.send(&writer, &short).unwrap();
    }
    // Nobody has advanced the router since.
    stage.now.tick.0 += 1_000_000;
    stage.now.wall.0 += 1_000_000;
    let export = stage.export();
    assert_eq!((export.params.len(), export.forgotten), (0, 5));
}
