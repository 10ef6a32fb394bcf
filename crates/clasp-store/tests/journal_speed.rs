//! How fast the journal is. Not a test: run it by hand, with
//! `cargo test --release -p clasp-store --test journal_speed -- --ignored --nocapture --test-threads 1`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "prints what it measures"
)]

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use clasp_proto::Pattern;
use clasp_proto::binary::{Encoded, SetRef};
use clasp_store::journal::{
    Before, Durability, Journal, Options, Place, Progress, Query, Reader, Record, Snapshot, Write,
};

const ADDRESSES: u64 = 10_000;
const RECORDS: u64 = 1_000_000;

#[test]
#[ignore = "measures"]
fn durable_records_each_second() {
    for (writers, window) in [(100, 32), (1, 64), (1, 1)] {
        for durability in [Durability::Fsync, Durability::Os] {
            measure(writers, window, durability, f64::INFINITY);
        }
    }
    measure(100, 32, Durability::Fsync, 100_000.0);
}

#[test]
#[ignore = "measures"]
fn reading_a_million_records() {
    for commit in [100_000, 10] {
        let folder = folder();
        let path = folder.path().join("journal.db");
        fill(&path, RECORDS, commit);
        let began = Instant::now();
        let (journal, _) = open(&path, Durability::Os);
        println!(
            "commits of {commit}: open {:?}, {} bytes",
            began.elapsed(),
            size(&path)
        );
        let reader = journal.reader().unwrap();
        let began = Instant::now();
        let count = reader.scan(0).filter(Result::is_ok).count() as u64;
        assert_eq!(count, RECORDS);
        println!(
            "  scan {:?}, {} KiB resident",
            began.elapsed(),
            resident_kib()
        );
        for (pattern, limit) in [
            ("/stage/rack7/light1234/level", 1000),
            ("/stage/rack7/light1234/**", 1000),
            ("/stage/*/light1234/*", 1000),
            ("/**/light1234/*", 1000),
            ("/**", 100),
            ("/stage/**/no/such", 100),
            ("/**/le*el", 100),
            ("/**/l*123/level", 100_000),
        ] {
            query(&reader, pattern, limit);
        }
        let began = Instant::now();
        let snapshot = Snapshot {
            sequence: RECORDS,
            at_us: 1,
            state: vec![7; 1 << 20],
        };
        let compacted = journal
            .compact(snapshot, Before::sequence(RECORDS / 2))
            .unwrap();
        println!("  compaction {:?} {compacted:?}", began.elapsed());
    }
}

/// One record after the other, each when the one before it is durable.
#[test]
#[ignore = "measures"]
fn records_while_a_million_are_removed() {
    for round in 1..=3 {
        let folder = folder();
        let path = folder.path().join("journal.db");
        fill(&path, RECORDS, 10);
        let (journal, progress) = open(&path, Durability::Fsync);
        let mut sequence = RECORDS;
        let begun = Instant::now();
        let alone = || begun.elapsed() < Duration::from_secs(2);
        append_while(&journal, &progress, &mut sequence, alone).tell(&format!("{round}: alone"));
        let snapshot = Snapshot {
            sequence: RECORDS,
            at_us: 1,
            state: vec![7; 1 << 20],
        };
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let compact = || {
                let compacted = journal.compact(snapshot, Before::sequence(RECORDS));
                (compacted.unwrap(), begun.elapsed())
            };
            let compaction = scope.spawn(compact);
            let goes_on = || !compaction.is_finished();
            let waits = append_while(&journal, &progress, &mut sequence, goes_on);
            let (compacted, took) = compaction.join().unwrap();
            assert!(compacted.floor > RECORDS - 10_000, "{compacted:?}");
            waits.tell(&format!("{round}: for {took:?} of a compaction"));
        });
    }
}

struct Waits(Vec<Duration>);

fn append_while(
    journal: &Journal,
    (lock, wake): &(Mutex<Progress>, Condvar),
    sequence: &mut u64,
    goes_on: impl Fn() -> bool,
) -> Waits {
    let mut waits = Vec::new();
    while goes_on() {
        *sequence += 1;
        let sent = Instant::now();
        append(journal, *sequence, "0b4bd5dc-7c5c-4d57-a4ac-d5b4b9b2a3a1");
        let mut progress = lock.lock().unwrap();
        while progress.durable < *sequence {
            progress = wake.wait(progress).unwrap();
        }
        waits.push(sent.elapsed());
    }
    Waits(waits)
}

impl Waits {
    fn tell(mut self, what: &str) {
        let Self(waits) = &mut self;
        waits.sort_unstable();
        let at = |share: usize| waits[(waits.len() - 1) * share / 100];
        let (median, late, most) = (at(50), at(99), at(100));
        let count = waits.len();
        println!("{what}: {count} records, p50 {median:?}, p99 {late:?}, longest {most:?}");
    }
}

fn query(reader: &Reader, text: &str, limit: usize) {
    let pattern = Pattern::parse(text).unwrap();
    let query = Query {
        pattern: &pattern,
        from_us: None,
        to_us: None,
        after_sequence: 0,
        limit,
        signals: None,
    };
    let began = Instant::now();
    let found = reader.query(&query, &mut |_| true).unwrap();
    println!("  query {text}: {} in {:?}", found.len(), began.elapsed());
}

/// Offers no more than so many records each second.
fn measure(writers: usize, window: usize, durability: Durability, rate: f64) {
    let folder = folder();
    let path = folder.path().join("journal.db");
    let (journal, progress) = open(&path, durability);
    let mut waiting: Vec<VecDeque<(u64, Instant)>> = vec![VecDeque::new(); writers];
    let mut latencies = Vec::new();
    let (mut sequence, mut commits) = (0, 0);
    let (cpu, began) = (writer_cpu_ms(), Instant::now());
    let mut seen = 0;
    while began.elapsed() < Duration::from_secs(4) {
        let mut idle = true;
        for waiting in &mut waiting {
            while waiting.front().is_some_and(|front| front.0 <= seen) {
                let (_, since) = waiting.pop_front().unwrap();
                latencies.push(since.elapsed());
            }
            while waiting.len() < window && (sequence as f64) < began.elapsed().as_secs_f64() * rate
            {
                idle = false;
                sequence += 1;
                append(&journal, sequence, "0b4bd5dc-7c5c-4d57-a4ac-d5b4b9b2a3a1");
                waiting.push_back((sequence, Instant::now()));
            }
        }
        let (lock, wake) = &*progress;
        let mut durable = lock.lock().unwrap();
        while idle && durable.durable == seen && durable.durable < sequence {
            durable = wake.wait(durable).unwrap();
        }
        commits += usize::from(seen != durable.durable);
        seen = durable.durable;
    }
    let elapsed = began.elapsed().as_secs_f64();
    latencies.sort();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!(
        "{writers} x {window} {durability:?} at {rate}: {:.0} records/s, p50 {:?}, p99 {:?}, p99.9 {:?}, {:.0} commits/s, writer {:.0} ms CPU/s, {:.2} us CPU/record, {} bytes/record",
        seen as f64 / elapsed,
        at(0.5),
        at(0.99),
        at(0.999),
        commits as f64 / elapsed,
        (writer_cpu_ms() - cpu) / elapsed,
        (writer_cpu_ms() - cpu) * 1000.0 / seen as f64,
        size(&path) / sequence,
    );
}

fn fill(path: &Path, records: u64, commit: u64) {
    let (journal, _) = open(path, Durability::Os);
    for sequence in 1..=records {
        append(&journal, sequence, "0b4bd5dc-7c5c-4d57-a4ac-d5b4b9b2a3a1");
        while journal.backlog() as u64 > commit {
            std::thread::yield_now();
        }
    }
    journal.close().unwrap();
}

fn append(journal: &Journal, sequence: u64, author: &str) {
    let number = sequence * 7919 % ADDRESSES;
    let address = format!("/stage/rack{}/light{number}/level", number % 97);
    let address = if number == 1234 {
        "/stage/rack7/light1234/level"
    } else {
        &address
    };
    let text = [&[0, 21][..], &[b'x'; 21]].concat();
    let set = SetRef {
        address,
        value: Encoded::parse_body(8, &text).unwrap().0,
        revision: None,
        lock: false,
        unlock: false,
        ttl: None,
    };
    let mut payload = Vec::with_capacity(100);
    set.write(sequence, &mut payload);
    let writes = [Write {
        signal: None,
        payload: &payload,
    }];
    let at_us = 1_700_000_000_000_000 + sequence * 10;
    journal
        .append(&Record {
            sequence,
            at_us,
            author,
            writes: &writes,
        })
        .unwrap();
}

type Told = Arc<(Mutex<Progress>, Condvar)>;

fn open(path: &Path, durability: Durability) -> (Journal, Told) {
    let state = clasp_store::journal::State::Running;
    let told: Told = Arc::new((Mutex::new(Progress { durable: 0, state }), Condvar::new()));
    let tell = Arc::clone(&told);
    let options = Options {
        place: Place::File {
            path: path.to_owned(),
            durability,
        },
        batch_size: 100,
        flush: Duration::from_millis(50),
    };
    let journal = Journal::open(
        &options,
        Box::new(move |progress| {
            *tell.0.lock().unwrap() = progress;
            tell.1.notify_one();
        }),
    );
    (journal.unwrap(), told)
}

/// Beside the build, which is on a disk.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn size(path: &Path) -> u64 {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    [path.to_owned(), log]
        .iter()
        .filter_map(|path| fs::metadata(path).ok())
        .map(|it| it.len())
        .sum()
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Of the thread named journal.
fn writer_cpu_ms() -> f64 {
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.trim() == "journal" {
            let stat = fs::read_to_string(task.join("schedstat")).unwrap();
            let nanoseconds: f64 = stat.split_whitespace().next().unwrap().parse().unwrap();
            return nanoseconds / 1e6;
        }
    }
    0.0
}
