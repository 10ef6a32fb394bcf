//! Finds what is damaged in a journal, and says where.

use std::path::Path;

use rusqlite::Connection;

use super::batch::{self, Batch, SUMMARIES, Summary};
use super::compaction;
use super::encoding::{Broken, Chunk, Records};
use super::error::{Fault, JournalError};
use super::file::{connect_to_read, judge};
use super::origin::Origin;
use super::summary::Keys;
use super::watermark;
use crate::limits::FAULTS_MAX;

/// What a journal holds, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Records that were read and are whole.
    pub records: u64,
    /// Batches that hold them.
    pub batches: u64,
    /// The sequence number before the first record.
    pub floor: u64,
    /// The last sequence number.
    pub latest: u64,
    /// What the newest snapshot speaks of, if there is one.
    pub snapshot: Option<u64>,
    /// All damage, up to a thousand faults; none in a whole journal.
    pub faults: Vec<Fault>,
}

/// Reads every record of a journal, also of one that is being written, without changing it.
///
/// # Errors
/// The file cannot be read. Damage is no error: it is in the report.
pub fn verify(path: &Path) -> Result<Report, JournalError> {
    let mut report = Report::default();
    if let Err(error) = report.read(path) {
        match error {
            JournalError::Damaged { fault, .. } => report.add(fault),
            error => return Err(error),
        }
    }
    Ok(report)
}

impl Report {
    fn read(&mut self, path: &Path) -> Result<(), JournalError> {
        let judge = |error| judge(path, error);
        let connection = connect_to_read(path)?;
        let noted = noted(&connection, path);
        let reading = connection.unchecked_transaction().map_err(judge)?;
        self.read_file(&reading).map_err(judge)?;
        let Some(origin) = Origin::read(&reading).map_err(judge)? else {
            self.add(Fault::Origin);
            return Ok(());
        };
        for fault in rows(&reading, &origin).map_err(judge)? {
            self.add(fault);
        }
        self.floor = origin.floor.unwrap_or(0);
        self.latest = self.floor;
        self.read_batches(&reading).map_err(judge)?;
        self.read_snapshot(&reading).map_err(judge)?;
        if let Some(fault) = end(&origin, noted?, self.latest) {
            self.add(fault);
        }
        Ok(())
    }

    fn read_file(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut check = connection.prepare("PRAGMA integrity_check")?;
        let mut rows = check.query([])?;
        while let Some(row) = rows.next()? {
            let found: String = row.get(0)?;
            if found != "ok" {
                self.add(Fault::File { found });
            }
        }
        Ok(())
    }

    fn read_batches(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut summaries = connection.prepare(SUMMARIES)?;
        let mut keys = Keys::default();
        let mut next = 0;
        while let Some(batch) = Batch::after(connection, next)? {
            next = batch.last.saturating_add(1);
            self.batches += 1;
            self.latest = batch.last;
            let chunk = match chunk(&batch) {
                Ok(chunk) => chunk,
                Err(fault) => {
                    self.add(fault);
                    continue;
                }
            };
            self.records += chunk.records as u64;
            let mut rows = summaries.query([batch.last])?;
            let Some(row) = rows.next()? else { continue };
            let summary = Summary::read(row)?;
            if summary.last == batch.last && !summary.is_of(&chunk, &mut keys) {
                self.add(Fault::Summary { last: batch.last });
            }
        }
        Ok(())
    }

    fn read_snapshot(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        match compaction::newest(connection)? {
            Some(Ok(snapshot)) => self.snapshot = Some(snapshot.sequence),
            Some(Err(sequence)) => self.add(Fault::Snapshot { sequence }),
            None => {}
        }
        Ok(())
    }

    fn add(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

/// What is noted beside it. To be read before what is compared with it: what is noted later may be more than is seen.
pub(super) fn noted(connection: &Connection, path: &Path) -> Result<Option<u64>, JournalError> {
    let origin = Origin::read(connection).map_err(|error| judge(path, error))?;
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    origin.map_or(Ok(None), |origin| watermark::read(&place, origin.identity))
}

/// Where a journal begins, if it also ends where it has to. Inside a transaction of the caller.
pub(super) fn whole(
    reading: &Connection,
    path: &Path,
    noted: Option<u64>,
) -> Result<Origin, JournalError> {
    let judge = |error| judge(path, error);
    let damaged = |fault| JournalError::Damaged {
        path: path.to_owned(),
        fault,
    };
    let origin = Origin::read(reading).map_err(judge)?;
    let origin = origin.ok_or_else(|| damaged(Fault::Origin))?;
    let latest = batch::last(reading).map_err(judge)?.or(origin.floor);
    match end(&origin, noted, latest.unwrap_or(0)) {
        Some(fault) => Err(damaged(fault)),
        None => Ok(origin),
    }
}

/// Whether it ends where it has to, as far as is noted beside it.
pub(super) fn end(origin: &Origin, noted: Option<u64>, found: u64) -> Option<Fault> {
    match noted {
        Some(expected) if expected > found => Some(Fault::Short { expected, found }),
        None if origin.is_open => Some(Fault::Watermark),
        Some(_) | None => None,
    }
}

/// What the rows say of each other, without their bytes: that nothing is missing between them.
pub(super) fn rows(connection: &Connection, origin: &Origin) -> rusqlite::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let mut after = origin.floor;
    let mut select = connection.prepare("SELECT first, last FROM batches ORDER BY last")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (first, last): (u64, u64) = (row.get(0)?, row.get(1)?);
        match after {
            Some(after) if after.checked_add(1) == Some(first) && first <= last => {}
            Some(after) => faults.push(Fault::Gap {
                after,
                found: first,
            }),
            None => faults.push(Fault::Origin),
        }
        after = Some(last);
    }
    if let Some(sequence) = compaction::newest_sequence(connection)? {
        let (floor, last) = (origin.floor.unwrap_or(0), after.unwrap_or(0));
        if sequence < floor {
            // What was removed is in no state.
            faults.push(Fault::Gap {
                after: sequence,
                found: floor.saturating_add(1),
            });
        } else if sequence > last {
            // It is of records that are not there.
            faults.push(Fault::Snapshot { sequence });
        }
    }
    // Summaries are of the oldest batches: of all up to some batch.
    let mut without = connection.prepare(
        "SELECT last FROM batches WHERE last <= (SELECT max(last) FROM summaries) \
         AND last NOT IN (SELECT last FROM summaries) \
         UNION ALL SELECT s.last FROM summaries s \
         WHERE NOT EXISTS (SELECT 1 FROM batches b WHERE b.last = s.last AND b.first = s.first)",
    )?;
    for last in without.query_map([], |row| row.get(0))? {
        faults.push(Fault::Summary { last: last? });
    }
    Ok(faults)
}

/// The records of a row, all of them checked.
pub(super) fn chunk(batch: &Batch) -> Result<Chunk, Fault> {
    let mut records = Records::new(batch.first, &batch.bytes);
    let mut chunk = Chunk::of_row(batch);
    let mut reason = None;
    for record in records.by_ref() {
        match record {
            Ok(record) => chunk.count(record.at_us),
            Err(broken) => reason = Some(broken),
        }
    }
    let after = records.next_sequence().saturating_sub(1);
    if after != batch.last {
        reason = reason.or(Some(Broken::Sequence));
    }
    match reason {
        None => Ok(chunk),
        Some(reason) => Err(Fault::Records {
            first: batch.first,
            last: batch.last,
            after,
            reason,
        }),
    }
}
