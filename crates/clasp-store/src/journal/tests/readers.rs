//! Those who read, and a compaction: it takes nothing from who was there before, and nobody holds it up for ever.

use super::*;
use crate::limits::READERS_PATIENCE;

/// A journal of 20,000 records.
fn long() -> (Files, Open) {
    let files = Files::new();
    let open = files.open();
    open.keep(&records(1, 20_000));
    (files, open)
}

fn compact(open: &Open, sequence: u64) -> Compacted {
    let state = snapshot(sequence, 10);
    let compacted = open.journal.compact(state, Before::sequence(10_001));
    compacted.unwrap()
}

fn wait_until(what: &str, is_it: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_it() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// A reader that has read the first record.
fn begun(reader: &Reader) -> Scan<'_> {
    let mut scan = reader.scan(0);
    assert_eq!(step(&mut scan), 1);
    scan
}

/// The next number that a scan comes to.
fn step(scan: &mut Scan<'_>) -> u64 {
    scan.next().unwrap().unwrap().sequence
}

#[test]
fn who_reads_finds_all_that_was_there_and_who_comes_later_what_stays() {
    let (_files, open) = long();
    let (old, new) = (
        open.journal.reader().unwrap(),
        open.journal.reader().unwrap(),
    );
    let before = begun(&old);
    std::thread::scope(|scope| {
        let compaction = scope.spawn(|| compact(&open, 20_000));
        // It has begun when others are not shown any more what it will remove.
        let floor = || new.floor().unwrap().unwrap();
        wait_until("the compaction has begun", || FLOORS.contains(&floor()));
        let floor = floor();
        let mut after = new.scan(0);
        assert_eq!(step(&mut after), floor + 1);
        let room = pattern("/room/**");
        let found = new.query(&query(&room), &mut |_| true).unwrap();
        assert_eq!(found[0].sequence, floor + 1);
        // Commits go on meanwhile.
        open.keep(&records(20_001, 10));
        assert!(!compaction.is_finished());
        let rest: Result<Vec<_>, _> = before.collect();
        assert_eq!(rest.unwrap(), records(2, 20_009));
        // Not held up by whoever came behind it.
        assert_eq!(compaction.join().unwrap().floor, floor);
        let rest: Result<Vec<_>, _> = after.collect();
        assert_eq!(rest.unwrap(), records(floor + 2, 20_010 - floor - 1));
    });
    let last = open.scan(0);
    assert!(FLOORS.contains(&(last[0].sequence - 1)));
    assert_eq!(last.len() as u64, 20_011 - last[0].sequence);
}

/// A client that asks again and again, from several sessions, must not keep a disk from being cleared.
#[test]
fn readers_that_relieve_each_other_do_not_hold_a_compaction_up() {
    let (_files, open) = long();
    let reader = open.journal.reader().unwrap();
    let mut scan = begun(&reader);
    std::thread::scope(|scope| {
        let compaction = scope.spawn(|| compact(&open, 20_000));
        while !compaction.is_finished() {
            // At each moment somebody reads.
            let mut next = reader.scan(0);
            step(&mut next);
            scan = next;
        }
        let compacted = compaction.join().unwrap();
        assert!(FLOORS.contains(&compacted.floor), "{compacted:?}");
        drop(scan);
    });
}

#[test]
fn a_reader_that_never_ends_is_waited_for_so_long_and_keeps_what_it_has_to_read() {
    let (_files, open) = long();
    let reader = open.journal.reader().unwrap();
    let scan = begun(&reader);
    let begun = Instant::now();
    assert!(compact(&open, 19_999).floor < *FLOORS.start());
    assert!(begun.elapsed() >= READERS_PATIENCE, "{:?}", begun.elapsed());
    // The end of a journal waits for nobody.
    std::thread::scope(|scope| {
        let compaction = scope.spawn(|| compact(&open, 20_000));
        let kept = || {
            let snapshot = reader.newest_snapshot().unwrap();
            snapshot.map(|snapshot| snapshot.sequence)
        };
        wait_until("the compaction is under way", || kept() == Some(20_000));
        let begun = Instant::now();
        open.journal.close().unwrap();
        assert!(begun.elapsed() < READERS_PATIENCE, "{:?}", begun.elapsed());
        assert!(compaction.join().unwrap().floor < *FLOORS.start());
    });
    assert_eq!(scan.count(), 19_999);
}

/// Where 10,000 records may be cut off: between two rows.
const FLOORS: std::ops::RangeInclusive<u64> = 7000..=10_000;
