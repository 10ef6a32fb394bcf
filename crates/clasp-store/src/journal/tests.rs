//! The journal as a whole: what goes in comes out, whatever happens to the file.

mod damage;
mod files;
mod full;
mod histories;
mod readers;
mod reading;
mod troubles;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use clasp_proto::binary::{Body, Encoded, PublishRef, SetRef};
use clasp_proto::{Pattern, Signal, Value, encode_value};

use parking_lot::Mutex;

use super::*;

/// A file in a folder of its own.
pub(super) struct Files {
    pub(super) folder: tempfile::TempDir,
    pub(super) path: PathBuf,
}

impl Files {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        Self { folder, path }
    }

    pub(super) fn beside(&self, ending: &str) -> PathBuf {
        PathBuf::from(format!("{}{ending}", self.path.display()))
    }

    pub(super) fn open(&self) -> Open {
        Open::at(&self.path).unwrap()
    }
}

/// An open journal, and what it has told.
pub(super) struct Open {
    pub(super) journal: Journal,
    told: Mutex<Receiver<Progress>>,
}

impl Open {
    pub(super) fn at(path: &Path) -> Result<Self, JournalError> {
        Self::with(Place::File {
            path: path.to_owned(),
            durability: Durability::Fsync,
        })
    }

    pub(super) fn with(place: Place) -> Result<Self, JournalError> {
        let (tell, told) = channel();
        let options = Options {
            place,
            batch_size: 100,
            flush: Duration::from_millis(50),
        };
        let on_progress = move |progress| {
            let _ = tell.send(progress);
        };
        let journal = Journal::open(&options, Box::new(on_progress))?;
        let told = Mutex::new(told);
        Ok(Self { journal, told })
    }

    pub(super) fn append(&self, record: &OwnedRecord) {
        record
            .borrowed(|record| self.journal.append(&record))
            .unwrap();
    }

    /// Appends them, and waits until they are durable.
    pub(super) fn keep(&self, records: &[OwnedRecord]) {
        for record in records {
            self.append(record);
        }
        let last = records.last().map_or(0, |record| record.sequence);
        self.until(|progress| progress.durable >= last);
    }

    pub(super) fn until(&self, is_it: impl Fn(Progress) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_it(self.journal.progress()) {
            let left = end.saturating_duration_since(Instant::now());
            let told = self
                .told
                .lock()
                .recv_timeout(left.min(Duration::from_millis(50)));
            assert!(told.is_ok() || Instant::now() < end, "{:?}", self.journal);
        }
    }

    pub(super) fn scan(&self, from: u64) -> Vec<OwnedRecord> {
        let reader = self.journal.reader().unwrap();
        let records: Result<_, _> = reader.scan(from).collect();
        records.unwrap()
    }
}

pub(super) fn set(address: &str, value: &Value, revision: u64) -> OwnedWrite {
    let mut bytes = Vec::new();
    encode_value(&mut bytes, value).unwrap();
    let set = SetRef {
        address,
        value: Encoded::parse_tagged(&bytes).unwrap().0,
        revision: None,
        lock: false,
        unlock: false,
        ttl: None,
    };
    let mut payload = Vec::new();
    set.write(revision, &mut payload);
    OwnedWrite {
        signal: None,
        payload,
    }
}

pub(super) fn publish(address: &str, signal: Signal) -> OwnedWrite {
    let mut payload = Vec::new();
    PublishRef::new(address, signal, Body::None).write(&mut payload);
    OwnedWrite {
        signal: Some(signal),
        payload,
    }
}

pub(super) fn record(sequence: u64, address: &str) -> OwnedRecord {
    OwnedRecord {
        sequence,
        at_us: 1_000_000 + sequence,
        author: "session".into(),
        writes: vec![set(address, &Value::Int(sequence as i64), sequence)],
    }
}

/// SETs of a hundred addresses, numbered from this.
pub(super) fn records(first: u64, count: u64) -> Vec<OwnedRecord> {
    let address = |sequence| format!("/room/{}/light", sequence % 100);
    (first..first + count)
        .map(|sequence| record(sequence, &address(sequence)))
        .collect()
}

pub(super) fn query<'a>(pattern: &'a Pattern) -> Query<'a> {
    Query {
        pattern,
        from_us: None,
        to_us: None,
        after_sequence: 0,
        limit: 10_000,
        signals: None,
    }
}

pub(super) fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

pub(super) fn snapshot(sequence: u64, bytes: usize) -> Snapshot {
    Snapshot {
        sequence,
        at_us: 7,
        state: (0..bytes).map(|byte| byte as u8).collect(),
    }
}

/// Sets it at the end of a scope, also of one that panics, so that other threads end too.
pub(super) struct Over<'a>(pub(super) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All files of the folder, by name.
pub(super) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}
