//! What was appended is found: over restarts, while it is written, and while old records are removed.

use super::*;

#[test]
fn records_survive_a_restart_and_numbers_go_on() {
    let files = Files::new();
    let all = records(1, 3000);
    for part in all.chunks(700) {
        let open = files.open();
        assert_eq!(open.journal.progress().durable, part[0].sequence - 1);
        open.keep(part);
        assert_eq!(open.journal.backlog(), 0);
        open.journal.close().unwrap();
    }
    let open = files.open();
    assert_eq!(open.scan(0), all);
    assert_eq!(open.scan(2999), all[2998..]);
    assert_eq!(open.scan(3001), []);
    assert_eq!(
        open.journal.reader().unwrap().latest_sequence().unwrap(),
        3000
    );
}

#[test]
fn what_does_not_follow_is_refused() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(5, 3));
    for (sequence, found) in [(7, 7), (9, 9), (5, 5)] {
        let refused = record(sequence, "/a").borrowed(|record| open.journal.append(&record));
        assert_eq!(refused, Err(AppendError::OutOfOrder { expected: 8, found }));
    }
    let empty = Record {
        sequence: 8,
        at_us: 0,
        author: "",
        writes: &[],
    };
    assert_eq!(open.journal.append(&empty), Err(AppendError::Empty));
    open.keep(&records(8, 1));
    assert_eq!(open.scan(0).len(), 4);
}

#[test]
fn room_is_bounded_and_comes_back() {
    let files = Files::new();
    let open = files.open();
    let max = crate::limits::QUEUE_RECORDS_MAX;
    assert!(open.journal.reserve(max));
    assert!(!open.journal.reserve(1));
    open.journal.release(1);
    assert!(open.journal.reserve(1));
    // Records take the room that was reserved, and give it back when they are durable.
    open.keep(&records(1, 10));
    assert!(open.journal.reserve(10));
    assert!(!open.journal.reserve(1));
}

#[test]
fn more_than_there_is_room_for_is_let_in_alone() {
    let files = Files::new();
    let open = files.open();
    assert!(open.journal.reserve(usize::MAX / 2));
    assert!(!open.journal.reserve(1));
}

#[test]
fn queries_hold_every_bound_before_the_limit() {
    let files = Files::new();
    let open = files.open();
    let mut all = records(1, 2000);
    all.push(OwnedRecord {
        sequence: 2003,
        at_us: 5_000_000,
        author: "somebody else".into(),
        writes: vec![
            set("/room/1/light", &Value::Bool(true), 7),
            publish("/room/1/bell", Signal::Event),
            publish("/room/1/hand", Signal::Gesture),
        ],
    });
    open.keep(&all);
    let reader = open.journal.reader().unwrap();
    let find = |query: &Query<'_>| -> Vec<u64> {
        let found = reader.query(query, &mut |_| true).unwrap();
        found.iter().map(|entry| entry.sequence).collect()
    };
    let light = pattern("/room/1/light");
    let room = pattern("/room/1/**");
    let all_of = |text: &str| find(&query(&pattern(text)));
    assert_eq!(all_of("/room/1/light").len(), 21);
    assert_eq!(all_of("/room/1/light").last(), Some(&2001));
    assert_eq!(all_of("/room/1/**")[20..], [2001, 2002, 2003]);
    assert_eq!(all_of("/room/*/bell"), [2002]);
    // Underscores and case are what they are.
    assert!(all_of("/room/1/Light").is_empty());
    assert!(all_of("/room/_/light").is_empty());
    assert_eq!(
        find(&Query {
            limit: 3,
            ..query(&light)
        }),
        [1, 101, 201]
    );
    let none = Query {
        limit: 0,
        ..query(&light)
    };
    assert!(find(&none).is_empty());
    assert_eq!(
        find(&Query {
            after_sequence: 1801,
            ..query(&light)
        }),
        [1901, 2001]
    );
    // In the middle of a bundle.
    assert_eq!(
        find(&Query {
            after_sequence: 2001,
            ..query(&room)
        }),
        [2002, 2003]
    );
    let (from, to) = (Some(1_000_101), Some(1_000_201));
    assert_eq!(
        find(&Query {
            from_us: from,
            to_us: to,
            ..query(&light)
        }),
        [101, 201]
    );
    let signals = [Signal::Gesture, Signal::Event];
    assert_eq!(
        find(&Query {
            signals: Some(&signals),
            limit: 1,
            ..query(&room)
        }),
        [2002]
    );

    check_visible(&reader, &all[2000]);
}

fn check_visible(reader: &Reader, last: &OwnedRecord) {
    let room = pattern("/room/1/**");
    let entries = reader.query(&query(&room), &mut |entry| {
        entry.sequence % 2 == 1 && entry.sequence > 2000
    });
    let entries = entries.unwrap();
    let sequences: Vec<u64> = entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, [2001, 2003]);
    assert_eq!(
        (&*entries[0].author, entries[0].signal),
        ("somebody else", Signal::Param)
    );
    assert_eq!(entries[0].payload, last.writes[0].payload);
}

#[test]
fn memory_keeps_the_newest() {
    let open = Open::with(Place::Memory).unwrap();
    let all = records(1, 25_000);
    for part in all.chunks(5000) {
        open.keep(part);
    }
    assert_eq!(open.scan(0), all[15_000..]);
    let light = pattern("/room/1/light");
    let reader = open.journal.reader().unwrap();
    let found = reader.query(&query(&light), &mut |_| true).unwrap();
    assert_eq!(found.len(), 100);
    assert_eq!(reader.latest_sequence().unwrap(), 25_000);
    assert!(reader.newest_snapshot().unwrap().is_none());
    let refused = open
        .journal
        .compact(snapshot(25_000, 1), Before::sequence(5));
    assert!(matches!(refused, Err(JournalError::NoFile)));
}

#[test]
fn a_compaction_keeps_a_snapshot_and_what_comes_after() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 5000));
    let state = snapshot(4000, 1_000_000);
    // Not further than the snapshot, whatever is asked for.
    let compacted = open
        .journal
        .compact(state.clone(), Before::sequence(u64::MAX))
        .unwrap();
    assert!(
        compacted.floor <= 4000 && compacted.floor > 2000,
        "{compacted:?}"
    );
    let check = |open: &Open| {
        let reader = open.journal.reader().unwrap();
        assert_eq!(reader.newest_snapshot().unwrap(), Some(state.clone()));
        let first = compacted.floor + 1;
        assert_eq!(open.scan(0), records(first, 5000 - compacted.floor));
        assert_eq!(reader.latest_sequence().unwrap(), 5000);
        assert_eq!(verify(&files.path).unwrap().faults, []);
    };
    check(&open);
    open.journal.close().unwrap();
    let open = files.open();
    check(&open);
    // By time; and the older snapshot is not kept.
    let newer = snapshot(5000, 3);
    let compacted = open
        .journal
        .compact(
            newer.clone(),
            Before {
                sequence: 0,
                at_us: 1_000_000 + 4900,
            },
        )
        .unwrap();
    assert!(compacted.floor < 4900, "{compacted:?}");
    let reader = open.journal.reader().unwrap();
    assert_eq!(reader.newest_snapshot().unwrap(), Some(newer));
    // All that is complete: the number goes on nevertheless.
    open.keep(&records(5001, 2000));
    let compacted = open
        .journal
        .compact(snapshot(7000, 3), Before::sequence(7001))
        .unwrap();
    assert!(compacted.floor > 6000, "{compacted:?}");
    assert_eq!(
        open.scan(0),
        records(compacted.floor + 1, 7000 - compacted.floor)
    );
    // What is left is put together with what comes, and is still there.
    open.keep(&records(7001, 2000));
    open.journal.close().unwrap();
    let open = files.open();
    assert_eq!(open.journal.progress().durable, 9000);
    assert_eq!(
        open.scan(0),
        records(compacted.floor + 1, 9000 - compacted.floor)
    );
    assert_eq!(verify(&files.path).unwrap().faults, []);
}

#[test]
fn a_query_in_parts_finds_the_same() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 5000));
    let reader = open.journal.reader().unwrap();
    let light = pattern("/room/7/*");
    let whole = reader.query(&query(&light), &mut |_| true).unwrap();
    assert_eq!(whole.len(), 50);
    let (mut found, mut parts) = (Vec::new(), 0);
    let mut after = Some(0);
    while let Some(after_sequence) = after {
        let wanted = Query {
            after_sequence,
            ..query(&light)
        };
        let part = reader.part(&wanted, &mut |_| true, 1).unwrap();
        found.extend(part.entries);
        after = part.goes_on_after;
        parts += 1;
    }
    assert_eq!(found, whole);
    assert!(parts > 3, "{parts}");
}

#[test]
fn readers_see_all_while_it_is_written_and_compacted() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 20_000));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        let read = || {
            let reader = open.journal.reader().unwrap();
            let mut scans = 0;
            while !is_over.load(Ordering::Relaxed) {
                let mut last = 0;
                for record in reader.scan(0) {
                    let sequence = record.unwrap().sequence;
                    assert!(last == 0 || sequence == last + 1, "{last}, {sequence}");
                    last = sequence;
                }
                let light = pattern("/room/1/light");
                let found = reader.query(&query(&light), &mut |_| true).unwrap();
                let steps = found
                    .windows(2)
                    .map(|pair| pair[1].sequence - pair[0].sequence);
                assert!(steps.into_iter().all(|step| step == 100));
                scans += 1;
            }
            scans
        };
        let readers = [scope.spawn(read), scope.spawn(read)];
        for round in 0..20 {
            let first = 20_001 + round * 1000;
            open.keep(&records(first, 1000));
            let state = snapshot(first, 100_000);
            open.journal
                .compact(state, Before::sequence(first - 10_000))
                .unwrap();
        }
        drop(over);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
    assert_eq!(verify(&files.path).unwrap().faults, []);
}
