//! Records as bytes, each with a checksum over all that it says, its sequence number and author included.
//!
//! A chunk is a run of records, one behind the other. What equals the record before it is left out, but never
//! at the start of a chunk; so chunks put together are a chunk again.

use std::sync::Arc;

use clasp_proto::Signal;

use super::batch::Batch;
use super::record::{OwnedRecord, OwnedWrite, Record, Write};

/// Consecutive records, encoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The first sequence number in it.
    pub(super) first: u64,
    /// The last one; 0 in an empty chunk.
    pub(super) last: u64,
    pub(super) records: usize,
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    pub(super) bytes: Vec<u8>,
    last_at_us: u64,
    last_author: String,
}

impl Chunk {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn push(&mut self, record: &Record<'_>) {
        let first = record.sequence + 1 - record.writes.len() as u64;
        let is_first = self.is_empty();
        if is_first {
            self.first = first;
        }
        self.last = record.sequence;
        self.count(record.at_us);

        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEAD_BYTES]);
        let delta = record.at_us.checked_sub(self.last_at_us);
        let delta = delta.filter(|_| !is_first);
        let same_author = !is_first && self.last_author == record.author;
        let flags = if same_author { 0 } else { AUTHOR } | if delta.is_some() { 0 } else { TIME };
        self.bytes.push(flags);
        if !same_author {
            put_bytes(&mut self.bytes, record.author.as_bytes());
            record.author.clone_into(&mut self.last_author);
        }
        put_number(&mut self.bytes, delta.unwrap_or(record.at_us));
        self.last_at_us = record.at_us;
        let writes = self.bytes.len();
        put_number(&mut self.bytes, record.writes.len() as u64);
        for write in record.writes {
            self.bytes.push(signal_code(write.signal));
            put_bytes(&mut self.bytes, write.payload);
        }
        let checksum = checksum(
            record.sequence,
            record.at_us,
            record.author,
            &self.bytes[writes..],
        );
        let length = (self.bytes.len() - start - HEAD_BYTES) as u32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.bytes[start + 4..start + HEAD_BYTES].copy_from_slice(&checksum.to_le_bytes());
    }

    /// A chunk with the bytes of a row, whose records are still to be counted.
    pub(super) fn of_row(batch: &Batch) -> Self {
        Self {
            first: batch.first,
            last: batch.last,
            bytes: batch.bytes.clone(),
            ..Self::default()
        }
    }

    /// Counts a record that is in it.
    pub(super) fn count(&mut self, at_us: u64) {
        if self.records == 0 {
            (self.from_us, self.to_us) = (at_us, at_us);
        }
        self.records += 1;
        self.from_us = self.from_us.min(at_us);
        self.to_us = self.to_us.max(at_us);
    }

    /// Puts the next chunk behind this one.
    pub(super) fn join(&mut self, next: &Self) {
        if self.is_empty() {
            self.clone_from(next);
            return;
        }
        self.last = next.last;
        self.records += next.records;
        self.from_us = self.from_us.min(next.from_us);
        self.to_us = self.to_us.max(next.to_us);
        self.bytes.extend_from_slice(&next.bytes);
    }

    /// Empties it and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        (self.first, self.last, self.records) = (0, 0, 0);
    }
}

/// What is wrong with a chunk that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A length leads beyond the end, or something that has to be there is not.
    #[error("its bytes end too early or make no sense")]
    Form,
    /// The bytes are not those that were written.
    #[error("its checksum is not that of its bytes")]
    Checksum,
    /// It is not what the row says that it is.
    #[error("it holds other sequence numbers than its row says")]
    Sequence,
}

/// A record inside a chunk; its bytes have been checked.
pub(super) struct Stored<'a> {
    pub(super) sequence: u64,
    pub(super) at_us: u64,
    pub(super) author: &'a str,
    writes: usize,
    bytes: &'a [u8],
}

impl<'a> Stored<'a> {
    pub(super) fn first_sequence(&self) -> u64 {
        self.sequence + 1 - self.writes as u64
    }

    pub(super) fn writes(&self) -> impl Iterator<Item = Write<'a>> + use<'a> {
        let mut bytes = self.bytes;
        (0..self.writes).map(move |_| take_write(&mut bytes).expect("was read when the record was"))
    }

    pub(super) fn to_owned(&self, authors: &mut Authors) -> OwnedRecord {
        let own = |write: Write<'_>| OwnedWrite {
            signal: write.signal,
            payload: write.payload.to_vec(),
        };
        OwnedRecord {
            sequence: self.sequence,
            at_us: self.at_us,
            author: authors.share(self.author),
            writes: self.writes().map(own).collect(),
        }
    }
}

/// Gives one text to all records in a row that have the same author.
#[derive(Debug, Default)]
pub(super) struct Authors(Option<Arc<str>>);

impl Authors {
    pub(super) fn share(&mut self, author: &str) -> Arc<str> {
        match &self.0 {
            Some(last) if **last == *author => Arc::clone(last),
            _ => Arc::clone(self.0.insert(author.into())),
        }
    }
}

/// Reads the records of a chunk that begins with this sequence number.
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    next: u64,
    at_us: u64,
    author: Option<&'a str>,
}

impl<'a> Records<'a> {
    pub(super) fn new(first: u64, bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            next: first,
            at_us: 0,
            author: None,
        }
    }

    /// The sequence number after the last record that was read.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next
    }

    fn read(&mut self) -> Result<Stored<'a>, Broken> {
        let head = take(&mut self.bytes, HEAD_BYTES)?;
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let mut body = take(&mut self.bytes, word(0) as usize)?;
        let flags = take(&mut body, 1)?[0];
        let is_first = self.author.is_none();
        if flags & !(AUTHOR | TIME) != 0 || (is_first && flags != AUTHOR | TIME) {
            return Err(Broken::Form);
        }
        if flags & AUTHOR != 0 {
            let text = take_bytes(&mut body)?;
            self.author = Some(std::str::from_utf8(text).map_err(|_| Broken::Form)?);
        }
        let author = self.author.ok_or(Broken::Form)?;
        let number = take_number(&mut body)?;
        let base = if flags & TIME != 0 { 0 } else { self.at_us };
        self.at_us = base.checked_add(number).ok_or(Broken::Form)?;
        let writes = body;
        let count = take_number(&mut body)?;
        let stored = Stored {
            sequence: self
                .next
                .checked_add(count)
                .and_then(|after| after.checked_sub(1))
                .ok_or(Broken::Form)?,
            at_us: self.at_us,
            author,
            writes: usize::try_from(count).map_err(|_| Broken::Form)?,
            bytes: body,
        };
        if checksum(stored.sequence, stored.at_us, author, writes) != word(4) {
            return Err(Broken::Checksum);
        }
        for _ in 0..count {
            take_write(&mut body)?;
        }
        if count == 0 || !body.is_empty() {
            return Err(Broken::Form);
        }
        self.next = stored.sequence + 1;
        Ok(stored)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Stored<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.bytes = &[];
        }
        Some(read)
    }
}

/// The length and checksum of the bytes of a record are two numbers of four bytes in front of it.
const HEAD_BYTES: usize = 8;
/// The author follows; else it is that of the record before.
const AUTHOR: u8 = 1;
/// The time follows; else what follows is added to that of the record before.
const TIME: u8 = 2;

fn checksum(sequence: u64, at_us: u64, author: &str, writes: &[u8]) -> u32 {
    let mut numbers = [0; 20];
    numbers[..8].copy_from_slice(&sequence.to_le_bytes());
    numbers[8..16].copy_from_slice(&at_us.to_le_bytes());
    numbers[16..].copy_from_slice(&(author.len() as u32).to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&numbers);
    hasher.update(author.as_bytes());
    hasher.update(writes);
    hasher.finalize()
}

fn signal_code(signal: Option<Signal>) -> u8 {
    signal.map_or(0, |signal| signal.code() + 1)
}

fn take_write<'a>(bytes: &mut &'a [u8]) -> Result<Write<'a>, Broken> {
    let signal = match take(bytes, 1)?[0] {
        0 => None,
        code => Some(Signal::from_code(code - 1)),
    };
    Ok(Write {
        signal,
        payload: take_bytes(bytes)?,
    })
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], Broken> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(Broken::Form)?;
    *bytes = rest;
    Ok(taken)
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Broken> {
    let count = take_number(bytes)?;
    take(bytes, usize::try_from(count).map_err(|_| Broken::Form)?)
}

fn take_number(bytes: &mut &[u8]) -> Result<u64, Broken> {
    let mut number = 0;
    for shift in 0..10 {
        let byte = take(bytes, 1)?[0];
        if shift == 9 && byte > 1 {
            break;
        }
        number |= u64::from(byte & 0x7F) << (7 * shift);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Broken::Form)
}
