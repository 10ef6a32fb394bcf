//! The one row that says which journal this is and where its records begin.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::watermark::Identity;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) identity: Identity,
    /// The sequence number before that of the first record; nothing before there was one.
    pub(super) floor: Option<u64>,
    /// Somebody writes it, or did until he was killed.
    pub(super) is_open: bool,
}

impl Origin {
    /// Nothing if the row is not as it was written.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        let mut select = connection
            .prepare_cached("SELECT identity, floor, is_open, checksum FROM origin WHERE id = 1")?;
        let row = select.query_row([], |row| {
            let origin = Self {
                identity: row.get(0)?,
                floor: row.get(1)?,
                is_open: row.get(2)?,
            };
            let checksum: u32 = row.get(3)?;
            Ok((checksum == origin.checksum()).then_some(origin))
        });
        Ok(row.optional()?.flatten())
    }

    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut replace = connection.prepare_cached(
            "INSERT OR REPLACE INTO origin (id, identity, floor, is_open, checksum) VALUES (1, ?1, ?2, ?3, ?4)",
        )?;
        replace.execute(params![
            self.identity,
            self.floor,
            self.is_open,
            self.checksum()
        ])?;
        Ok(())
    }

    /// Of a journal that has never been.
    pub(super) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            identity: connection.query_row("SELECT randomblob(16)", [], |row| row.get(0))?,
            floor: None,
            is_open: false,
        })
    }

    fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.identity);
        hasher.update(&self.floor.unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(&[u8::from(self.is_open)]);
        hasher.finalize()
    }
}
