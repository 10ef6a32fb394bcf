//! Copies a journal of CLASP 4.5 into a new one of ours.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use clasp_proto::binary::{Body, Encoded, PublishRef, SetRef};
use clasp_proto::{Address, Signal, Value, encode_value};
use rusqlite::{Connection, Row};
use serde_json::Value as Json;

use super::error::{BadEntry, Fault, JournalError};
use super::file::{connect_to_read, judge};
use super::new_file::NewFile;
use super::record::{Record, Write};
use crate::database::Kind;
use crate::error::StoreError;

/// Makes a new journal of one that CLASP 4.5 has written, and gives the number of its records. The old one is only
/// read. Entries are in the order of their stamps, and those of an address in that of its revisions; they are numbered
/// on from the first. Raw bytes have become arrays of ints in the old one, and stay such.
///
/// # Errors
/// It is no journal of 4.5, an entry makes no sense, or the new one cannot be written; then there is no new file.
pub fn import_v45(from: &Path, to: &Path) -> Result<u64, JournalError> {
    let connection = connect_to_read(from)?;
    let judge = |error| judge(from, error);
    // Also one that is being written: all that is read is of one moment.
    let connection = connection.unchecked_transaction().map_err(judge)?;
    if !connection
        .table_exists(None, "journal_entries")
        .map_err(judge)?
    {
        let path = from.to_owned();
        let kind = Kind::Journal;
        return Err(StoreError::Foreign { kind, path }.into());
    }
    check(&connection, from)?;
    if has_snapshot(&connection).map_err(judge)? {
        let path = from.to_owned();
        return Err(JournalError::PublishedSnapshot { path });
    }
    let first = first_sequence(&connection).map_err(judge)?;
    let mut file = NewFile::create(to, None)?;
    let mut select = connection
        .prepare(
            "SELECT seq, timestamp, author, address, signal_type, value_json, revision, msg_type \
             FROM journal_entries ORDER BY timestamp, revision, seq",
        )
        .map_err(judge)?;
    let mut rows = select.query([]).map_err(judge)?;
    let mut held = Held::default();
    let mut next = first;
    while let Some(row) = rows.next().map_err(judge)? {
        held.insert(Published::read(row).map_err(judge)?);
        if held.0.len() > HELD_ROWS {
            held.write_first(&mut next, &mut file)?;
        }
    }
    while !held.0.is_empty() {
        held.write_first(&mut next, &mut file)?;
    }
    file.finish()?;
    Ok(next - first)
}

/// The rows that were read last. Tasks of 4.5 stamp and append each by itself after the write, so that neither stamp nor
/// number is quite in the order of the writes; the revisions of one address are. A revision that starts anew long after
/// the last one is of a param that was gone meanwhile, and stays where it is.
#[derive(Default)]
struct Held(VecDeque<Published>);

impl Held {
    /// A SET changes places with those of its address that came after it.
    fn insert(&mut self, entry: Published) {
        self.0.push_back(entry);
        let mut at = self.0.len() - 1;
        for earlier in (0..at).rev() {
            let (entry, before) = (&self.0[at], &self.0[earlier]);
            if before.timestamp < entry.timestamp.saturating_sub(RACE_US) {
                return;
            }
            if before.is_later_set(entry) {
                self.0.swap(earlier, at);
                at = earlier;
            }
        }
    }

    fn write_first(&mut self, next: &mut u64, file: &mut NewFile) -> Result<(), JournalError> {
        if let Some(entry) = self.0.pop_front() {
            entry.push(*next, file)?;
            *next += 1;
        }
        Ok(())
    }
}

/// Looks at every page: an entry that is gone would not be missed.
fn check(connection: &Connection, from: &Path) -> Result<(), JournalError> {
    let verdict = connection.query_row("PRAGMA integrity_check(1)", [], |row| {
        row.get::<_, String>(0)
    });
    let found = verdict.map_err(|error| judge(from, error))?;
    if found == "ok" {
        return Ok(());
    }
    Err(JournalError::Damaged {
        path: from.to_owned(),
        fault: Fault::File { found },
    })
}

/// The state of one is in a form that is not known here.
fn has_snapshot(connection: &Connection) -> rusqlite::Result<bool> {
    if !connection.table_exists(None, "snapshots")? {
        return Ok(false);
    }
    connection.query_row("SELECT EXISTS (SELECT 1 FROM snapshots)", [], |row| {
        row.get(0)
    })
}

/// What is numbered first, if that makes sense; a row that does not is found when it is read.
fn first_sequence(connection: &Connection) -> rusqlite::Result<u64> {
    let first = connection.query_row("SELECT min(seq) FROM journal_entries", [], |row| {
        row.get::<_, Option<i64>>(0)
    })?;
    Ok(first.map_or(1, |first| first.max(1).unsigned_abs()))
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

    /// A SET of the same address, and of a later revision than this.
    fn is_later_set(&self, entry: &Self) -> bool {
        self.message == SET
            && entry.message == SET
            && self.revision > entry.revision
            && self.address == entry.address
    }

    fn push(&self, sequence: u64, file: &mut NewFile) -> Result<(), JournalError> {
        let bad = |reason| JournalError::BadEntry {
            sequence: self.sequence,
            reason,
        };
        let (signal, payload) = self.payload().map_err(bad)?;
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
        Address::check(&self.address)?;
        let mut payload = Vec::new();
        let signal = match self.message {
            SET => {
                let revision = self.revision.filter(|revision| *revision > 0);
                let revision = revision.ok_or(BadEntry::Revision(self.revision))?;
                let set = SetRef {
                    address: &self.address,
                    value,
                    revision: None,
                    lock: false,
                    unlock: false,
                    ttl: None,
                };
                set.write(revision.unsigned_abs(), &mut payload);
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

/// Of microseconds between a write and its stamp: more than a task waits for its turn, and less than a param is gone.
const RACE_US: i64 = 100_000;
/// Rows that are held at a time, some megabytes: more than are written in that time.
const HELD_ROWS: usize = 4096;
/// The message types of 4.5.
const SET: i64 = 33;
const PUBLISH: i64 = 32;
