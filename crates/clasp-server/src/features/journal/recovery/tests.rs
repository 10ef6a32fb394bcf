//! How long a start takes.

use clasp_proto::{Message, Set, Value, binary};
use clasp_store::journal::{self as store, Durability, Options, Place, Record, Write};

use super::*;

/// Records over so many addresses, in a journal without a snapshot.
fn fill(options: &Options, records: u64, addresses: u64) {
    let journal = store::Journal::open(options, Box::new(|_| {})).unwrap();
    let mut payload = Vec::new();
    for sequence in 1..=records {
        while !journal.reserve(1) {
            std::thread::yield_now();
        }
        let (address, revision) = (sequence % addresses, sequence.div_ceil(addresses));
        payload.clear();
        let set = Message::Set(Set {
            address: format!("/stage/fixture/{address}"),
            value: Value::Float(sequence as f64),
            revision: Some(revision),
            lock: false,
            unlock: false,
            ttl: None,
        });
        binary::encode(&set, &mut payload).unwrap();
        let write = Write {
            signal: None,
            payload: &payload,
        };
        let record = Record {
            sequence,
            at_us: Clock::new().now().wall.0,
            author: "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            writes: &[write],
        };
        journal.append(&record).unwrap();
    }
    journal.close().unwrap();
}

fn recover_all(records: u64, addresses: u64) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        place: Place::File {
            path: folder.path().join("journal.db"),
            durability: Durability::Os,
        },
        batch_size: 100,
        flush: Duration::from_millis(50),
    };
    fill(&options, records, addresses);
    let plan = JournalPlan {
        options,
        acks_wait: true,
        compact_before: None,
        compact_age: None,
    };
    let config = RouterConfig {
        params_max: 0,
        ..RouterConfig::default()
    };
    let begun = Instant::now();
    let nothing = || Ok::<_, RecoveryError>(None);
    let (router, journal) = open(&plan, &config, &Clock::new(), nothing).unwrap();
    let took = begun.elapsed();
    assert_eq!(router.params() as u64, addresses.min(records));
    let export = router.export(Clock::new().now());
    assert_eq!(export.sequence, records, "numbers go on");
    let revisions = export.params.iter().map(|param| param.revision);
    assert_eq!(
        revisions.sum::<u64>(),
        records,
        "each write is one revision"
    );
    journal.unwrap().store.close().unwrap();
    took
}

#[test]
fn everything_comes_back() {
    for (records, addresses) in [(1, 1), (10_000, 100), (3000, 3000)] {
        recover_all(records, addresses);
    }
}

#[test]
#[ignore = "measures: run alone with --release"]
fn a_million_records_are_recovered_in_ten_seconds() {
    let took = recover_all(1_000_000, 10_000);
    println!("1,000,000 records over 10,000 addresses: {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}
