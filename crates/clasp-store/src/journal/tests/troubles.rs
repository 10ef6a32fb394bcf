//! Others that hold the file, threads that panic, snapshots that come late, and values that are large.

use rusqlite::Connection;

use super::*;
use crate::limits::RING_BYTES;

#[test]
fn a_file_that_somebody_holds_is_waited_for() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 1));
    let other = Connection::open(&files.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    open.append(&record(2, "/a"));
    open.until(|progress| progress.state == State::Blocked);
    other.execute_batch("ROLLBACK").unwrap();
    open.until(|progress| progress.state == State::Running && progress.durable == 2);
    open.journal.close().unwrap();
}

#[test]
fn a_thread_that_panics_is_no_orderly_end() {
    let files = Files::new();
    let options = Options {
        place: Place::File {
            path: files.path.clone(),
            durability: Durability::Fsync,
        },
        batch_size: 1,
        flush: Duration::ZERO,
    };
    let journal = Journal::open(&options, Box::new(|_| panic!("on purpose"))).unwrap();
    record(1, "/a")
        .borrowed(|record| journal.append(&record))
        .unwrap();
    assert!(matches!(journal.close(), Err(JournalError::Failed)));
    assert!(!journal.reserve(1));
}

#[test]
fn a_snapshot_that_comes_late_does_not_replace_a_newer_one() {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 100));
    for sequence in [100, 99] {
        let compacted = open
            .journal
            .compact(snapshot(sequence, 10), Before::sequence(0));
        compacted.unwrap();
        let newest = open.journal.reader().unwrap().newest_snapshot().unwrap();
        assert_eq!(newest, Some(snapshot(100, 10)));
    }
}

/// A state without what was removed is none, and neither is one of records that are not there.
#[test]
fn a_snapshot_that_does_not_fit_its_records_is_refused() {
    let gap = Fault::Gap {
        after: 5,
        found: 11,
    };
    let beyond = Fault::Snapshot { sequence: 101 };
    for (change, floor, fault) in [
        ("DELETE FROM batches", 10, gap),
        ("UPDATE snapshots SET sequence = 101", 0, beyond),
    ] {
        let files = Files::new();
        let open = files.open();
        open.keep(&records(1, 10));
        let kept = open.journal.compact(snapshot(5, 10), Before::sequence(0));
        kept.unwrap();
        open.journal.close().unwrap();
        drop(open);
        let file = Connection::open(&files.path).unwrap();
        file.execute(change, []).unwrap();
        let mut origin = origin::Origin::read(&file).unwrap().unwrap();
        origin.floor = Some(floor);
        origin.write(&file).unwrap();
        file.close().unwrap();
        let report = verify(&files.path).unwrap();
        assert!(report.faults.contains(&fault), "{report:?}");
        let refused = Open::at(&files.path).err();
        let is_it =
            matches!(&refused, Some(JournalError::Damaged { fault: found, .. }) if *found == fault);
        assert!(is_it, "{refused:?}");
    }
}

#[test]
fn a_journal_in_memory_is_no_larger_for_large_values() {
    let open = Open::with(Place::Memory).unwrap();
    let large = |sequence| OwnedRecord {
        writes: vec![set("/a", &Value::Bytes(vec![7; 60_000]), sequence)],
        ..record(sequence, "/a")
    };
    let all: Vec<_> = (1..=1000).map(large).collect();
    for part in all.chunks(100) {
        open.keep(part);
    }
    let kept = open.scan(0);
    let room = RING_BYTES / 60_100..=RING_BYTES / 60_000;
    assert!(room.contains(&kept.len()), "{} records", kept.len());
    assert_eq!(kept.last(), all.last());
}
