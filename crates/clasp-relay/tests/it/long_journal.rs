//! A journal with a long past, made without a relay.

use std::path::Path;
use std::time::{Duration, SystemTime};

use clasp_proto::{Message, Set, Value, binary};
use clasp_store::journal::{Durability, Journal, Options, Place, Record, Write};

/// The SETs of an hour ago, each of its number to one of so many addresses below /old in turn; no snapshot holds them.
pub(crate) fn fill(path: &Path, records: u64, addresses: u64) {
    let journal = written(path, records, addresses);
    journal.close().expect("all of it is kept");
}

/// The same as a kill leaves it.
pub(crate) fn fill_and_kill(path: &Path, records: u64, addresses: u64) {
    let apart = tempfile::tempdir().expect("a folder can be made");
    let made = apart.path().join("journal.db");
    let journal = written(&made, records, addresses);
    while journal.backlog() > 0 {
        std::thread::yield_now();
    }
    for ending in ["", "-wal", "-durable"] {
        let [from, to] = [&made, path].map(|path| format!("{}{ending}", path.display()));
        std::fs::copy(from, to).expect("there is room");
    }
    journal.close().expect("all of it is kept");
}

fn written(path: &Path, records: u64, addresses: u64) -> Journal {
    let options = Options {
        place: Place::File {
            path: path.to_owned(),
            durability: Durability::Os,
        },
        batch_size: 100,
        flush: Duration::from_millis(50),
    };
    let journal = Journal::open(&options, Box::new(|_| {})).expect("a new journal");
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("the clock is set");
    let begun_us = (now.as_micros() as u64) - 3_600_000_000;
    let mut payload = Vec::new();
    for sequence in 1..=records {
        while !journal.reserve(1) {
            std::thread::yield_now();
        }
        let set = Message::Set(Set {
            address: address(sequence, addresses),
            value: Value::Int(sequence as i64),
            revision: Some(sequence.div_ceil(addresses)),
            ..Set::default()
        });
        payload.clear();
        binary::encode(&set, &mut payload).expect("it fits a frame");
        let writes = [Write {
            signal: None,
            payload: &payload,
        }];
        let record = Record {
            sequence,
            at_us: begun_us + sequence,
            author: "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            writes: &writes,
        };
        journal.append(&record).expect("there is room");
    }
    journal
}

/// Where a record of it was written to.
pub(crate) fn address(sequence: u64, addresses: u64) -> String {
    format!("/old/{}/level", sequence % addresses)
}
