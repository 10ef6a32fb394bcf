//! Reads a journal, also while it is written and compacted: each row in a transaction of its own, in order, with
//! nothing left out and nothing twice.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction};

use super::batch::{self, Batch, SUMMARIES, Summary};
use super::compaction::{self, Snapshot};
use super::encoding::{Authors, Records};
use super::error::{Fault, JournalError};
use super::file::{connect_to_read, judge};
use super::origin::Origin;
use super::pins::{Pin, Pins};
use super::record::OwnedRecord;
use super::ring::Ring;
use super::verify;

/// One way to read; each thread that reads has its own.
#[derive(Debug)]
pub struct Reader(Source);

#[derive(Debug)]
pub(super) enum Source {
    File(FileReader),
    Ring(Arc<Ring>),
}

#[derive(Debug)]
pub(super) struct FileReader {
    connection: Connection,
    path: PathBuf,
    pins: Arc<Pins>,
}

impl Reader {
    /// Reads a journal without the right to write it, also one that a server is writing.
    ///
    /// # Errors
    /// The file cannot be read or is no journal.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Self::file(path, Arc::default())
    }

    pub(super) fn file(path: &Path, pins: Arc<Pins>) -> Result<Self, JournalError> {
        let connection = connect_to_read(path)?;
        let path = path.to_owned();
        let file = FileReader {
            connection,
            path,
            pins,
        };
        file.origin()?;
        Ok(Self(Source::File(file)))
    }

    pub(super) fn ring(ring: Arc<Ring>) -> Self {
        Self(Source::Ring(ring))
    }

    pub(super) fn source(&self) -> &Source {
        &self.0
    }

    /// The last sequence number; 0 before the first.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn latest_sequence(&self) -> Result<u64, JournalError> {
        match &self.0 {
            Source::Ring(ring) => Ok(ring.latest()),
            Source::File(file) => {
                let _reading = file.reading()?;
                let last = batch::last(&file.connection).map_err(|error| file.judge(error))?;
                Ok(last.or(file.origin()?.floor).unwrap_or(0))
            }
        }
    }

    /// The sequence number before the first record that is kept; nothing if there has never been one.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn floor(&self) -> Result<Option<u64>, JournalError> {
        match &self.0 {
            Source::Ring(ring) => Ok(ring.floor()),
            Source::File(file) => Ok(file.origin()?.floor.max(file.pins.floor())),
        }
    }

    /// Holds this moment: what is read of a file until it is let go of is of one journal that has the end which was
    /// noted. A writer goes on; it only cannot begin its log anew meanwhile.
    pub(super) fn moment(&self) -> Result<Option<Transaction<'_>>, JournalError> {
        let Source::File(file) = &self.0 else {
            return Ok(None);
        };
        let noted = verify::noted(&file.connection, &file.path)?;
        let reading = file.reading()?;
        verify::whole(&file.connection, &file.path, noted)?;
        Ok(reading)
    }

    /// All records that end with this sequence number or later, as far as they are kept: ascending, in bounded memory.
    pub fn scan(&self, from_sequence: u64) -> Scan<'_> {
        Scan {
            cursor: self.cursor(from_sequence),
            authors: Authors::default(),
            read: Vec::new().into_iter(),
            reader: self,
            next: from_sequence,
            is_over: false,
        }
    }

    /// The first sequence number of the first batch that is not wholly older than this.
    pub(super) fn first_since(&self, at_us: u64) -> Result<u64, JournalError> {
        let mut cursor = self.cursor(0).ok_or(JournalError::NoFile)?;
        let accepts = |summary: &Summary| summary.to_us >= at_us;
        let found = cursor.next_row(Some(&accepts))?;
        Ok(found.map_or(cursor.next, |batch| batch.first))
    }

    /// The newest snapshot.
    ///
    /// # Errors
    /// The file cannot be read, or the snapshot is damaged.
    pub fn newest_snapshot(&self) -> Result<Option<Snapshot>, JournalError> {
        let Source::File(file) = &self.0 else {
            return Ok(None);
        };
        let _reading = file.reading()?;
        let newest = compaction::newest(&file.connection).map_err(|error| file.judge(error))?;
        let newest = newest.transpose();
        newest.map_err(|sequence| file.damaged(Fault::Snapshot { sequence }))
    }

    fn cursor(&self, from_sequence: u64) -> Option<Cursor<'_>> {
        match &self.0 {
            Source::File(file) => Some(Cursor::new(file, from_sequence)),
            Source::Ring(_) => None,
        }
    }
}

impl FileReader {
    fn judge(&self, error: rusqlite::Error) -> JournalError {
        judge(&self.path, error)
    }

    fn damaged(&self, fault: Fault) -> JournalError {
        JournalError::Damaged {
            path: self.path.clone(),
            fault,
        }
    }

    /// A transaction, unless there is one.
    fn reading(&self) -> Result<Option<Transaction<'_>>, JournalError> {
        let is_free = self.connection.is_autocommit();
        let reading = is_free.then(|| self.connection.unchecked_transaction());
        reading.transpose().map_err(|error| self.judge(error))
    }

    fn origin(&self) -> Result<Origin, JournalError> {
        let origin = Origin::read(&self.connection).map_err(|error| self.judge(error))?;
        origin.ok_or_else(|| self.damaged(Fault::Origin))
    }
}

/// Where a reader of a file is.
pub(super) struct Cursor<'a> {
    file: &'a FileReader,
    pin: Pin,
    /// The next sequence number that is wanted.
    next: u64,
    /// The first that is wanted of the row that was read: small rows that were read may have become part of a larger one.
    wanted: u64,
    /// A row was read.
    has_begun: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(file: &'a FileReader, next: u64) -> Self {
        let (pin, next) = file.pins.pin(next);
        Self {
            file,
            pin,
            next,
            wanted: next,
            has_begun: false,
        }
    }

    /// The next row whose summary this accepts, or that has none; the rows between are passed by.
    pub(super) fn next_row(
        &mut self,
        accepts: Option<&dyn Fn(&Summary) -> bool>,
    ) -> Result<Option<Batch>, JournalError> {
        let file = self.file;
        let _reading = file.reading()?;
        let origin = file.origin()?;
        if let Some(last) = origin
            .floor
            .filter(|floor| self.has_begun && *floor >= self.next)
        {
            // Readers of another process hold up no compaction.
            let first = self.next;
            return Err(JournalError::Removed { first, last });
        }
        // What was removed before we came is not missed.
        self.next = self.next.max(origin.floor.map_or(0, |floor| floor + 1));
        if let Some(accepts) = accepts {
            self.pass_by(accepts)?;
        }
        let batch = Batch::after(&file.connection, self.next).map_err(|error| file.judge(error))?;
        let Some(batch) = batch else {
            return Ok(None);
        };
        if batch.first > self.next {
            let (after, found) = (self.next.saturating_sub(1), batch.first);
            return Err(file.damaged(Fault::Gap { after, found }));
        }
        self.wanted = self.next;
        self.has_begun = true;
        self.next = batch.last.saturating_add(1);
        self.pin.advance(self.next);
        Ok(Some(batch))
    }

    fn pass_by(&mut self, accepts: &dyn Fn(&Summary) -> bool) -> Result<(), JournalError> {
        let file = self.file;
        let judge = |error| file.judge(error);
        let mut select = file.connection.prepare_cached(SUMMARIES).map_err(judge)?;
        let mut rows = select.query([self.next]).map_err(judge)?;
        while let Some(row) = rows.next().map_err(judge)? {
            let summary = Summary::read(row).map_err(judge)?;
            if !summary.is_whole() {
                return Err(file.damaged(Fault::Summary { last: summary.last }));
            }
            if summary.first > self.next {
                let (after, found) = (self.next.saturating_sub(1), summary.first);
                return Err(file.damaged(Fault::Gap { after, found }));
            }
            if accepts(&summary) {
                return Ok(());
            }
            self.next = summary.last.saturating_add(1);
        }
        Ok(())
    }

    /// Calls this with each record of a row that was asked for; until it says that it has enough.
    pub(super) fn each(
        &self,
        batch: &Batch,
        mut then: impl FnMut(super::encoding::Stored<'_>) -> bool,
    ) -> Result<(), JournalError> {
        let mut records = Records::new(batch.first, &batch.bytes);
        for record in records.by_ref() {
            let Ok(record) = record else { break };
            if record.sequence >= self.wanted && !then(record) {
                return Ok(());
            }
        }
        if records.next_sequence() == batch.last.saturating_add(1) {
            return Ok(());
        }
        let fault = verify::chunk(batch).err();
        fault.map_or(Ok(()), |fault| Err(self.file.damaged(fault)))
    }
}

/// Records in order.
pub struct Scan<'a> {
    reader: &'a Reader,
    cursor: Option<Cursor<'a>>,
    authors: Authors,
    read: std::vec::IntoIter<OwnedRecord>,
    next: u64,
    is_over: bool,
}

impl Scan<'_> {
    fn read_on(&mut self) -> Result<(), JournalError> {
        let mut read = Vec::new();
        if let Source::Ring(ring) = self.reader.source() {
            read = ring.after(self.next, RING_PAGE);
        }
        if let Some(cursor) = &mut self.cursor
            && let Some(batch) = cursor.next_row(None)?
        {
            let authors = &mut self.authors;
            cursor.each(&batch, |record| {
                read.push(record.to_owned(authors));
                true
            })?;
        }
        match read.last() {
            Some(last) => self.next = last.sequence + 1,
            None => self.is_over = true,
        }
        self.read = read.into_iter();
        Ok(())
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<OwnedRecord, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.read.next() {
                return Some(Ok(record));
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.read_on() {
                self.is_over = true;
                return Some(Err(error));
            }
        }
    }
}

/// Records that are copied out of a ring at a time.
const RING_PAGE: usize = 256;
