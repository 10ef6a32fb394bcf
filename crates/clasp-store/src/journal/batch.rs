//! Rows of records and their summaries.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::encoding::{Chunk, Records};
use super::summary::Keys;

/// A row of records.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) bytes: Vec<u8>,
}

/// A row that says what may be in a batch.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) from_us: u64,
    pub(super) to_us: u64,
    pub(super) filter: Vec<u8>,
    checksum: u32,
}

impl Batch {
    /// The first that ends with this sequence number or later.
    pub(super) fn after(connection: &Connection, sequence: u64) -> rusqlite::Result<Option<Self>> {
        let mut select = connection.prepare_cached(
            "SELECT first, last, records FROM batches WHERE last >= ?1 ORDER BY last LIMIT 1",
        )?;
        select.query_row([sequence], Self::read).optional()
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            first: row.get(0)?,
            last: row.get(1)?,
            bytes: row.get(2)?,
        })
    }
}

impl Summary {
    pub(super) fn of(chunk: &Chunk, keys: &mut Keys) -> Self {
        keys.clear();
        let records = Records::new(chunk.first, &chunk.bytes);
        for record in records.map_while(Result::ok) {
            for address in record.writes().filter_map(|write| write.address()) {
                keys.add(address);
            }
        }
        let mut summary = Self {
            first: chunk.first,
            last: chunk.last,
            from_us: chunk.from_us,
            to_us: chunk.to_us,
            filter: keys.filter(),
            checksum: 0,
        };
        summary.checksum = summary.expected();
        summary
    }

    /// Whether it is what these records were given.
    pub(super) fn is_of(&self, chunk: &Chunk, keys: &mut Keys) -> bool {
        let expected = Self::of(chunk, keys);
        self.is_whole() && self.checksum == expected.checksum
    }

    /// Whether it is as it was written.
    pub(super) fn is_whole(&self) -> bool {
        self.checksum == self.expected()
    }

    pub(super) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO summaries (last, first, from_us, to_us, filter, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        insert.execute(params![
            self.last,
            self.first,
            self.from_us,
            self.to_us,
            self.filter,
            self.checksum
        ])?;
        Ok(())
    }

    /// Reads what [`SUMMARIES`] selects.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            first: row.get(0)?,
            last: row.get(1)?,
            from_us: row.get(2)?,
            to_us: row.get(3)?,
            filter: row.get(4)?,
            checksum: row.get(5)?,
        })
    }

    fn expected(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        for number in [self.first, self.last, self.from_us, self.to_us] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&self.filter);
        hasher.finalize()
    }
}

/// Summaries of batches that end with a sequence number or later, in order.
pub(super) const SUMMARIES: &str = "SELECT first, last, from_us, to_us, filter, checksum FROM summaries WHERE last >= ?1 ORDER BY last";

pub(super) fn insert(connection: &Connection, chunk: &Chunk) -> rusqlite::Result<()> {
    let mut insert = connection
        .prepare_cached("INSERT INTO batches (last, first, records) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![chunk.last, chunk.first, chunk.bytes])?;
    Ok(())
}

/// Removes the rows of these sequence numbers, which a larger one takes the place of.
pub(super) fn remove(connection: &Connection, chunk: &Chunk) -> rusqlite::Result<()> {
    let mut delete =
        connection.prepare_cached("DELETE FROM batches WHERE last BETWEEN ?1 AND ?2")?;
    delete.execute(params![chunk.first, chunk.last])?;
    Ok(())
}

/// The last sequence number that a summary speaks of.
pub(super) fn last_summarized(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    connection.query_row("SELECT max(last) FROM summaries", [], |row| row.get(0))
}

pub(super) fn last(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    connection.query_row("SELECT max(last) FROM batches", [], |row| row.get(0))
}
