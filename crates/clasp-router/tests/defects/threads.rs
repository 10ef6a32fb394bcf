//! Several connections at once: order, contiguity, exclusion (protocol/router.md 5.11, 6.5, 6.6,
//! 7.5, 9.3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use clasp_proto::{Message, Param};
use clasp_router::{Session, Work};

use crate::stage::{Stage, bundle, do_one, numbers, set, set_with, subscribe};

/// Room for everything, so that nothing is replaced.
fn roomy() -> Stage {
    Stage::with(|config| {
        config.outbox_bytes_max = 64 * 1024 * 1024;
        config.sessions_max = 0;
    })
}

fn sessions(stage: &Stage, name: &str, count: usize) -> Vec<Arc<Session>> {
    (0..count)
        .map(|number| stage.session(&format!("{name}{number}")))
        .collect()
}

// protocol/router.md 9.3: once other writers got in between
#[test]
fn each_subscriber_gets_its_members_back_to_back() {
    const BUNDLES: i64 = 300;
    let stage = Stage::with(|config| config.outbox_bytes_max = 64 * 1024 * 1024);
    let mut stage = stage;
    let reader = stage.reader("r", "/**");
    let writers: Vec<_> = (0..3)
        .map(|count| stage.session(&format!("w{count}")))
        .collect();
    let (router, now) = (&stage.router, stage.now);
    std::thread::scope(|scope| {
        for (count, writer) in writers.iter().enumerate() {
            scope.spawn(move || {
                let mut work = Work::default();
                for round in 0..BUNDLES {
                    let value = count as i64 * BUNDLES + round;
                    let members: Vec<_> = (0..10)
                        .map(|number| set(&format!("/p/{number}"), value))
                        .collect();
                    do_one(router, writer, now, &mut work, &bundle(members)).unwrap();
                    let single = set(&format!("/p/{}", round % 10), -1);
                    do_one(router, writer, now, &mut work, &single).unwrap();
                }
            });
        }
    });
    let mut came = numbers(&stage.received(&reader));
    came.retain(|value| *value >= 0);
    assert_eq!(came.len() as i64, 3 * BUNDLES * 10);
    let mixed = came
        .chunks(10)
        .find(|chunk| chunk.iter().any(|value| *value != chunk[0]));
    assert_eq!(mixed, None);
}

// protocol/router.md 5.11, 9.3: and in the order of revisions
#[test]
fn revisions_keep_their_order_among_concurrent_writers() {
    const WRITES: u64 = 2000;
    let mut stage = Stage::with(|config| config.outbox_bytes_max = 64 * 1024 * 1024);
    let readers: Vec<_> = (0..12)
        .map(|count| stage.reader(&format!("r{count}"), "/**"))
        .collect();
    let writers: Vec<_> = (0..4)
        .map(|count| stage.session(&format!("w{count}")))
        .collect();
    let (router, now) = (&stage.router, stage.now);
    std::thread::scope(|scope| {
        for writer in &writers {
            scope.spawn(move || {
                let mut work = Work::default();
                for _ in 0..WRITES / 4 {
                    do_one(router, writer, now, &mut work, &set("/x", 1)).unwrap();
                }
            });
        }
    });
    for reader in &readers {
        let received = stage.received(reader);
        let revisions: Vec<_> = received
            .iter()
            .map(|message| match message {
                Message::Set(set) => set.revision.expect("a SET of the router has one"),
                other => unreachable!("only SETs are sent: {other:?}"),
            })
            .collect();
        let expected: Vec<_> = (1..=WRITES).collect();
        assert_eq!(revisions, expected);
    }
}

// protocol/router.md 6.5: of writers that expect the same revision one gets it
#[test]
fn expected_revisions_let_one_writer_through_each() {
    const ROUNDS: u64 = 500;
    let mut stage = Stage::new();
    let writers = sessions(&stage, "w", 4);
    let (router, now, accepted) = (&stage.router, stage.now, AtomicU64::new(0));
    std::thread::scope(|scope| {
        for writer in &writers {
            scope.spawn(|| {
                let mut work = Work::default();
                while accepted.load(Ordering::SeqCst) < ROUNDS {
                    let expected = accepted.load(Ordering::SeqCst);
                    let message = set_with("/x", 1, |set| set.revision = Some(expected));
                    if let Ok(receipt) = do_one(router, writer, now, &mut work, &message) {
                        assert_eq!(receipt.revision, Some(expected + 1));
                        assert_eq!(accepted.fetch_add(1, Ordering::SeqCst), expected);
                    }
                }
            });
        }
    });
    let last = accepted.load(Ordering::SeqCst);
    assert_eq!(stage.revision(&writers[0], "/x"), Some(last));
}

// protocol/router.md 6.6, 6.7, 6.8
#[test]
fn a_lock_has_one_holder_at_a_time() {
    let stage = Stage::new();
    let (router, now, holders) = (&stage.router, stage.now, AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (stage, holders) = (&stage, &holders);
            scope.spawn(move || {
                let mut work = Work::default();
                for round in 0..400 {
                    let session = stage.session(&format!("{thread} {round}"));
                    let mut send = |lock, unlock| {
                        let message =
                            set_with("/x", 1, |set| (set.lock, set.unlock) = (lock, unlock));
                        do_one(router, &session, now, &mut work, &message)
                    };
                    if send(true, false).is_ok() {
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        send(false, false).unwrap();
                        holders.fetch_sub(1, Ordering::SeqCst);
                        if round % 2 == 0 {
                            send(false, true).unwrap();
                        }
                    }
                    router.detach(&session);
                }
            });
        }
    });
}

/// The params of all snapshots and SETs, in the order in which they came.
fn shown(messages: &[Message]) -> Vec<Vec<Param>> {
    let of = |message: &Message| match message {
        Message::Snapshot(snapshot) => snapshot.params.clone(),
        Message::Set(set) => vec![Param {
            address: set.address.clone(),
            value: set.value.clone(),
            revision: set.revision.expect("a SET of the router has one"),
            ..Param::default()
        }],
        _ => Vec::new(),
    };
    messages.iter().map(of).collect()
}

// protocol/router.md 5.11, 7.5: state first, then every change of it, none missing, none older
#[test]
fn who_joins_among_writers_misses_nothing() {
    const WRITES: u64 = 3000;
    for addresses in [40, 3000] {
        let mut stage = roomy();
        let first = stage.session("first");
        for number in 0..addresses {
            stage
                .send(&first, &set(&format!("/p/{number}"), 0))
                .unwrap();
        }
        let (writers, joiners) = (sessions(&stage, "w", 2), sessions(&stage, "j", 40));
        let (router, now) = (&stage.router, stage.now);
        std::thread::scope(|scope| {
            for writer in &writers {
                scope.spawn(move || {
                    let mut work = Work::default();
                    for write in 0..WRITES {
                        let address = format!("/p/{}", write * 7 % addresses);
                        do_one(router, writer, now, &mut work, &set(&address, 1)).unwrap();
                    }
                });
            }
            let mut work = Work::default();
            for joiner in &joiners {
                do_one(router, joiner, now, &mut work, &subscribe(1, "/**")).unwrap();
            }
        });
        let writer = &writers[0];
        for joiner in &joiners {
            let mut last: BTreeMap<String, u64> = BTreeMap::new();
            for param in shown(&stage.received(joiner)).into_iter().flatten() {
                let before = last.insert(param.address, param.revision);
                assert!(
                    before.is_none_or(|before| (before..=before + 1).contains(&param.revision)),
                    "{before:?} then {}",
                    param.revision
                );
            }
            assert_eq!(last.len() as u64, addresses);
            for (address, revision) in last.into_iter().take(100) {
                assert_eq!(stage.revision(writer, &address), Some(revision));
            }
        }
    }
}

// protocol/router.md 2.8, 9.1, 9.3: no half of a bundle, in the first state that is shown either
#[test]
fn a_snapshot_shows_no_half_of_a_bundle() {
    let mut stage = roomy();
    let (writer, joiners) = (stage.session("w"), sessions(&stage, "j", 200));
    let all_at = |value: i64| {
        let members: Vec<_> = (0..10)
            .map(|number| set(&format!("/p/{number}"), value))
            .collect();
        bundle(members)
    };
    stage.send(&writer, &all_at(0)).unwrap();
    let (router, now) = (&stage.router, stage.now);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut work = Work::default();
            for value in 1..1000 {
                do_one(router, &writer, now, &mut work, &all_at(value)).unwrap();
            }
        });
        let mut work = Work::default();
        for joiner in &joiners {
            do_one(router, joiner, now, &mut work, &subscribe(1, "/**")).unwrap();
        }
    });
    for joiner in &joiners {
        let received = stage.received(joiner);
        let state = shown(&received).into_iter().find(|params| params.len() > 1);
        let state = state.expect("a snapshot of ten params");
        assert_eq!(state.len(), 10);
        assert!(
            state.iter().all(|param| param.value == state[0].value),
            "{state:?}"
        );
    }
}
