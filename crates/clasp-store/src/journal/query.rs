//! Finds the writes to the addresses of a pattern.

use std::ops::RangeInclusive;

use clasp_proto::{Pattern, Signal};

use super::encoding::Authors;
use super::error::JournalError;
use super::reader::{Cursor, Reader, Source};
use super::record::{Entry, OwnedRecord, Write};
use super::summary::Wanted;

/// What is looked for. All bounds are held against each write before any counts for the limit.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The addresses.
    pub pattern: &'a Pattern,
    /// Not earlier, in microseconds since the Unix epoch.
    pub from_us: Option<u64>,
    /// Not later; this microsecond is included.
    pub to_us: Option<u64>,
    /// Only writes after this sequence number.
    pub after_sequence: u64,
    /// At most so many.
    pub limit: usize,
    /// Only these; nothing means all.
    pub signals: Option<&'a [Signal]>,
}

impl Query<'_> {
    fn is_in_time(&self, at_us: u64) -> bool {
        self.from_us.is_none_or(|from| from <= at_us) && self.to_us.is_none_or(|to| at_us <= to)
    }

    fn takes(&self, write: &Write<'_>) -> bool {
        self.signals
            .is_none_or(|signals| signals.contains(&write.kind()))
            && write
                .address()
                .is_some_and(|address| self.pattern.matches(address))
    }
}

impl Reader {
    /// The writes that match, ascending. `visible` is asked for each that matches; what it refuses does not count.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn query(
        &self,
        query: &Query<'_>,
        visible: &mut dyn FnMut(&Entry) -> bool,
    ) -> Result<Vec<Entry>, JournalError> {
        Ok(self.part(query, visible, usize::MAX)?.entries)
    }

    /// The same of a part of the journal: of so many batches, 64 KiB each, beside those that can be passed by unread.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn part(
        &self,
        query: &Query<'_>,
        visible: &mut dyn FnMut(&Entry) -> bool,
        batches_max: usize,
    ) -> Result<Part, JournalError> {
        let mut batches = 0;
        let mut goes_on_after = None;
        let mut search = Search {
            query,
            visible,
            authors: Authors::default(),
            found: Vec::new(),
        };
        if query.limit == 0 {
            return Ok(Part::default());
        }
        match self.source() {
            Source::File(file) => {
                let wanted = Wanted::of(query.pattern);
                let accepts = |summary: &super::batch::Summary| {
                    query.from_us.is_none_or(|from| from <= summary.to_us)
                        && query.to_us.is_none_or(|to| summary.from_us <= to)
                        && wanted.may_be_in(&summary.filter)
                };
                let mut cursor = Cursor::new(file, query.after_sequence.saturating_add(1));
                while let Some(batch) = cursor.next_row(Some(&accepts))? {
                    cursor.each(&batch, |record| {
                        let numbers = record.first_sequence()..=record.sequence;
                        search.look(numbers, record.at_us, record.author, record.writes())
                    })?;
                    batches += 1;
                    if search.has_enough() {
                        break;
                    }
                    if batches == batches_max {
                        goes_on_after = Some(batch.last);
                        break;
                    }
                }
            }
            Source::Ring(ring) => {
                let mut next = query.after_sequence.saturating_add(1);
                loop {
                    let records = ring.after(next, RING_PAGE);
                    let Some(last) = records.last() else { break };
                    next = last.sequence + 1;
                    if !records.iter().all(|record| search.look_at(record)) {
                        break;
                    }
                }
            }
        }
        Ok(Part {
            entries: search.found,
            goes_on_after,
        })
    }
}

/// What was found in a part of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// As of a query.
    pub entries: Vec<Entry>,
    /// The number after which the next part begins; nothing if there is none, or as much was found as was asked for.
    pub goes_on_after: Option<u64>,
}

struct Search<'a> {
    query: &'a Query<'a>,
    visible: &'a mut dyn FnMut(&Entry) -> bool,
    authors: Authors,
    found: Vec<Entry>,
}

impl Search<'_> {
    fn has_enough(&self) -> bool {
        self.found.len() >= self.query.limit
    }

    fn look_at(&mut self, record: &OwnedRecord) -> bool {
        record.borrowed(|borrowed| {
            let numbers = record.first_sequence()..=record.sequence;
            let writes = borrowed.writes.iter().copied();
            self.look(numbers, record.at_us, &record.author, writes)
        })
    }

    /// Takes the writes of a record that match; says whether to go on.
    fn look<'w>(
        &mut self,
        numbers: RangeInclusive<u64>,
        at_us: u64,
        author: &str,
        writes: impl Iterator<Item = Write<'w>>,
    ) -> bool {
        if !self.query.is_in_time(at_us) {
            return true;
        }
        let record = *numbers.end();
        for (sequence, write) in numbers.zip(writes) {
            if sequence <= self.query.after_sequence || !self.query.takes(&write) {
                continue;
            }
            let entry = Entry {
                sequence,
                record,
                at_us,
                author: self.authors.share(author),
                signal: write.kind(),
                payload: write.payload.to_vec(),
            };
            if (self.visible)(&entry) {
                self.found.push(entry);
            }
            if self.has_enough() {
                return false;
            }
        }
        true
    }
}

/// Records that are copied out of a ring at a time.
const RING_PAGE: usize = 256;
