//! Copies a journal of CLASP 4.5 into a new one of ours.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clasp_proto::binary::{Body, Encoded, PublishRef, SetRef};
use clasp_proto::{Signal, Value, encode_value};
use rusqlite::{Connection, Row};
use serde_json::Value as Json;

use super::error::{BadEntry, JournalError};
use super::file::judge;
use super::new_file::NewFile;
use super::record::{Record, Write};
use crate::database::Kind;
use crate::database::{beside, with_ending};
use crate::error::StoreError;

/// Makes a new journal of one that CLASP 4.5 has written, and gives the number of its records. The old one is only
/// copied. Entries are numbered on from the first where numbers are missing; raw bytes have become arrays of ints
/// in the old one, and stay such.
///
/// # Errors
/// It is no journal of 4.5, an entry makes no sense, or the new one cannot be written; then there is no new file.
pub fn import_v45(from: &Path, to: &Path) -> Result<u64, JournalError> {
    let copy = Copy::of(from, to)?;
    let connection = Connection::open(&copy.place).map_err(|error| judge(from, error))?;
    let judge = |error| judge(from, error);
    if !connection
        .table_exists(None, "journal_entries")
        .map_err(judge)?
    {
        let path = from.to_owned();
        let kind = Kind::Journal;
        return Err(StoreError::Foreign { kind, path }.into());
    }
    let mut file = NewFile::create(to, None)?;
    let mut select = connection
        .prepare(
            "SELECT seq, timestamp, author, address, signal_type, value_json, revision, msg_type \
             FROM journal_entries ORDER BY seq",
        )
        .map_err(judge)?;
    let mut rows = select.query([]).map_err(judge)?;
    let mut next = None;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(judge)? {
        let entry = Published::read(row).map_err(judge)?;
        let bad = |reason| JournalError::BadEntry {
            sequence: entry.sequence,
            reason,
        };
        let first = u64::try_from(entry.sequence)
            .ok()
            .filter(|first| *first > 0);
        let sequence = next.or(first).ok_or_else(|| bad(BadEntry::Negative))?;
        entry.push(sequence, &mut file, bad)?;
        next = Some(sequence + 1);
        count += 1;
    }
    file.finish()?;
    Ok(count)
}

/// A row of `journal_entries`.
struct Published {
    sequence: i64,
    timestamp: i64,
    author: String,
    address: String,
    signal: String,
    value: String,
    revision: Option<i64>,
    message: i64,
}

impl Published {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            timestamp: row.get(1)?,
            author: row.get(2)?,
            address: row.get(3)?,
            signal: row.get(4)?,
            value: row.get(5)?,
            revision: row.get(6)?,
            message: row.get(7)?,
        })
    }

    fn push(
        &self,
        sequence: u64,
        file: &mut NewFile,
        bad: impl Fn(BadEntry) -> JournalError,
    ) -> Result<(), JournalError> {
        let (signal, payload) = self.payload().map_err(&bad)?;
        let at_us = u64::try_from(self.timestamp).map_err(|_| bad(BadEntry::Negative))?;
        file.push(&Record {
            sequence,
            at_us,
            author: &self.author,
            writes: &[Write {
                signal,
                payload: &payload,
            }],
        })
    }

    fn payload(&self) -> Result<(Option<Signal>, Vec<u8>), BadEntry> {
        let value = value(serde_json::from_str(&self.value)?);
        let mut bytes = Vec::new();
        encode_value(&mut bytes, &value)?;
        let (value, _) = Encoded::parse_tagged(&bytes)?;
        if self.address.len() > clasp_proto::limits::ADDRESS_BYTES_MAX {
            return Err(BadEntry::Address(self.address.len()));
        }
        let mut payload = Vec::new();
        let signal = match self.message {
            SET => {
                let revision = self.revision.map(u64::try_from).transpose();
                let set = SetRef {
                    address: &self.address,
                    value,
                    revision: None,
                    lock: false,
                    unlock: false,
                    ttl: None,
                };
                set.write_with(revision.map_err(|_| BadEntry::Negative)?, &mut payload);
                None
            }
            PUBLISH => {
                let signal = Signal::from_word(&self.signal).unwrap_or(Signal::Event);
                PublishRef::new(&self.address, signal, Body::Value(value)).write(&mut payload);
                Some(signal)
            }
            found => return Err(BadEntry::Message(found)),
        };
        Ok((signal, payload))
    }
}

fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(bool),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => number.as_f64().map_or(Value::Null, Value::Float),
        },
        Json::String(text) => Value::String(text),
        Json::Array(values) => Value::Array(values.into_iter().map(value).collect()),
        Json::Object(values) => {
            let values = values.into_iter().map(|(name, json)| (name, value(json)));
            Value::Map(values.collect::<BTreeMap<_, _>>())
        }
    }
}

/// The old files beside the new one: SQLite may move a log, which changes what it opens.
struct Copy {
    place: PathBuf,
}

impl Copy {
    fn of(from: &Path, to: &Path) -> Result<Self, JournalError> {
        let copy = Self {
            place: beside(to, "v45"),
        };
        copy.remove();
        fs::copy(from, &copy.place).map_err(|source| JournalError::Io {
            path: from.to_owned(),
            source,
        })?;
        let log = with_ending(from, "-wal");
        match fs::copy(&log, with_ending(&copy.place, "-wal")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(JournalError::Io {
                path: log,
                source: error,
            }),
            _ => Ok(copy),
        }
    }

    fn remove(&self) {
        for ending in ["", "-wal", "-shm"] {
            // What is not there need not be removed.
            let _ = fs::remove_file(with_ending(&self.place, ending));
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The message types of 4.5.
const SET: i64 = 33;
const PUBLISH: i64 = 32;
