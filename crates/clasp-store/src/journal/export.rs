//! A journal as lines of JSON, and back: everything that is needed to have the same records again.

use std::fmt::Write as _;
use std::io::{BufRead, BufWriter, Write};
use std::path::Path;

use clasp_proto::Signal;
use serde_json::{Value as Json, json};

use super::compaction::Snapshot;
use super::error::{BadLine, JournalError};
use super::new_file::{Aside, NewFile};
use super::reader::Reader;
use super::record::{OwnedRecord, OwnedWrite, Write as Write_};

/// Writes a journal as lines into a new file that nobody else reads, see [`Reader::export`].
///
/// # Errors
/// The journal cannot be read or is damaged, or the file cannot be written; then there is no new file.
pub fn export(from: &Path, to: &Path) -> Result<(), JournalError> {
    let reader = Reader::open(from)?;
    let aside = Aside::of(to)?;
    let mut out = BufWriter::new(aside.create()?);
    // Which also flushes what it has written.
    reader.export(&mut out)?;
    drop(out);
    aside.finish()
}

impl Reader {
    /// Writes the newest snapshot and all records, one a line; the last line counts them.
    ///
    /// # Errors
    /// The journal cannot be read or is damaged, or the lines cannot be written.
    pub fn export(&self, out: &mut dyn Write) -> Result<(), JournalError> {
        // A compaction in another process knows nothing of what we have still to read.
        let _moment = self.moment()?;
        let mut records = self.scan(0);
        let latest = self.latest_sequence()?;
        let floor = self.floor()?;
        let mut lines = Lines::new(out);
        lines.put(&json!({ "clasp_journal": VERSION, "floor": floor }))?;
        if let Some(snapshot) = self.newest_snapshot()? {
            lines.put(&json!({ "snapshot": snapshot.sequence, "at_us": snapshot.at_us }))?;
            for part in snapshot.state.chunks(STATE_BYTES) {
                lines.put(&json!({ "state": hex(part) }))?;
            }
        }
        let mut count = 0_u64;
        for record in records.by_ref() {
            let record = record?;
            if record.sequence > latest {
                break;
            }
            count += 1;
            lines.put(&line(&record))?;
        }
        lines.end(count)
    }
}

/// Makes a new journal of the lines of an export.
///
/// # Errors
/// The lines are not those of an export, or the file cannot be written; then there is no new file.
pub fn import(lines: &mut dyn BufRead, to: &Path) -> Result<u64, JournalError> {
    let mut import = Import::default();
    let mut text = String::new();
    loop {
        text.clear();
        import.line += 1;
        let read = lines.read_line(&mut text);
        if read.map_err(|error| import.bad()(error.into()))? == 0 {
            return Err(import.bad()(BadLine::Order));
        }
        let json = serde_json::from_str(&text).map_err(|error| import.bad()(error.into()))?;
        if let Some(count) = import.take(&json, to)? {
            return Ok(count);
        }
        import.checksum.update(text.as_bytes());
    }
}

#[derive(Default)]
struct Import {
    line: usize,
    file: Option<NewFile>,
    floor: Option<u64>,
    /// The first sequence number of the next record.
    next: Option<u64>,
    snapshot: Option<Snapshot>,
    records: u64,
    checksum: crc32fast::Hasher,
}

impl Import {
    /// Gives the number of records at the end.
    fn take(&mut self, json: &Json, to: &Path) -> Result<Option<u64>, JournalError> {
        let bad = self.bad();
        let Some(file) = &mut self.file else {
            let version = json["clasp_journal"].as_u64();
            let found = version.ok_or_else(|| bad(BadLine::Order))?;
            if found != VERSION {
                let expected = VERSION;
                return Err(bad(BadLine::Version { expected, found }));
            }
            self.floor = json["floor"].as_u64();
            // SQLite has no larger numbers.
            if self.floor.is_some_and(|floor| floor >= i64::MAX as u64) {
                return Err(bad(BadLine::Order));
            }
            self.next = self.floor.map(|floor| floor + 1);
            self.file = Some(NewFile::create(to, self.floor)?);
            return Ok(None);
        };
        if let (Some(sequence), Some(at_us)) = (json["snapshot"].as_u64(), json["at_us"].as_u64()) {
            let state = Vec::new();
            self.snapshot = Some(Snapshot {
                sequence,
                at_us,
                state,
            });
        } else if let (Some(part), Some(snapshot)) = (json["state"].as_str(), &mut self.snapshot) {
            let part = unhex(part).map_err(bad)?;
            snapshot.state.extend(part);
        } else if json["sequence"].is_u64() {
            if let Some(snapshot) = self.snapshot.take() {
                file.snapshot(snapshot)?;
            }
            let record = record(json).map_err(bad)?;
            let found = record.first_sequence();
            let expected = self.next.unwrap_or(found);
            if expected != found {
                return Err(bad(BadLine::Sequence { expected, found }));
            }
            self.next = Some(record.sequence + 1);
            self.records += 1;
            record.borrowed(|record| file.push(&record))?;
        } else {
            return self.end(json).map(Some);
        }
        Ok(None)
    }

    fn end(&mut self, json: &Json) -> Result<u64, JournalError> {
        let checksum = u64::from(self.checksum.clone().finalize());
        let is_end = json["records"].as_u64() == Some(self.records)
            && json["checksum"].as_u64() == Some(checksum);
        let Some(mut file) = self.file.take().filter(|_| is_end) else {
            return Err(self.bad()(BadLine::Order));
        };
        if let Some(snapshot) = self.snapshot.take() {
            file.snapshot(snapshot)?;
        }
        file.finish()?;
        Ok(self.records)
    }

    fn bad(&self) -> impl Fn(BadLine) -> JournalError + Copy + use<> {
        let line = self.line;
        move |reason| JournalError::Line { line, reason }
    }
}

struct Lines<'a> {
    out: &'a mut dyn Write,
    checksum: crc32fast::Hasher,
}

impl<'a> Lines<'a> {
    fn new(out: &'a mut dyn Write) -> Self {
        let checksum = crc32fast::Hasher::new();
        Self { out, checksum }
    }

    fn put(&mut self, line: &Json) -> Result<(), JournalError> {
        let text = format!("{line}\n");
        self.checksum.update(text.as_bytes());
        self.out
            .write_all(text.as_bytes())
            .map_err(JournalError::Write)
    }

    fn end(self, records: u64) -> Result<(), JournalError> {
        let checksum = self.checksum.finalize();
        let line = json!({ "records": records, "checksum": checksum });
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        written.map_err(JournalError::Write)
    }
}

fn line(record: &OwnedRecord) -> Json {
    let write = |write: &OwnedWrite| {
        let address = Write_ {
            signal: None,
            payload: &write.payload,
        }
        .address();
        json!({
            "signal": write.signal.map(Signal::word),
            "payload": hex(&write.payload),
            // For people: import does not look at it.
            "address": address,
        })
    };
    let writes: Vec<Json> = record.writes.iter().map(write).collect();
    json!({
        "sequence": record.sequence,
        "at_us": record.at_us,
        "author": *record.author,
        "writes": writes,
    })
}

fn record(json: &Json) -> Result<OwnedRecord, BadLine> {
    let write = |json: &Json| {
        let signal = json["signal"].as_str();
        let signal = signal.map(|word| Signal::from_word(word).ok_or(BadLine::Signal));
        Ok(OwnedWrite {
            signal: signal.transpose()?,
            payload: unhex(json["payload"].as_str().ok_or(BadLine::Hex)?)?,
        })
    };
    let writes = json["writes"].as_array().ok_or(BadLine::Order)?;
    let writes: Vec<OwnedWrite> = writes.iter().map(write).collect::<Result<_, BadLine>>()?;
    let sequence = json["sequence"].as_u64().ok_or(BadLine::Order)?;
    if writes.is_empty() || sequence < writes.len() as u64 || sequence > i64::MAX as u64 {
        return Err(BadLine::Order);
    }
    Ok(OwnedRecord {
        sequence,
        at_us: json["at_us"].as_u64().ok_or(BadLine::Order)?,
        author: json["author"].as_str().ok_or(BadLine::Order)?.into(),
        writes,
    })
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    text
}

fn unhex(text: &str) -> Result<Vec<u8>, BadLine> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(BadLine::Hex);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(BadLine::Hex);
    }
    let byte = |pair: &[u8; 2]| Ok((digit(pair[0])? * 16 + digit(pair[1])?) as u8);
    pairs.iter().map(byte).collect()
}

const VERSION: u64 = 1;
/// Of a snapshot in one line.
const STATE_BYTES: usize = 64 << 10;
