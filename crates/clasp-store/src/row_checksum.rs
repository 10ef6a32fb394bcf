//! A checksum for each row that says who may do what: SQLite has none, and serves a flipped bit as if it had been written.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

/// A table whose rows have a column `checksum` over these others.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static str,
}

/// Gives SQL the function `row_checksum`, of any number of values in their order.
pub(crate) fn define(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("row_checksum", -1, flags, |call| {
        let mut hasher = crc32fast::Hasher::new();
        for at in 0..call.len() {
            add(&mut hasher, call.get_raw(at));
        }
        Ok(hasher.finalize())
    })
}

impl Checked {
    /// Whether each row is as it was written.
    pub(crate) fn is_whole(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let Self { table, columns } = self;
        let sql = format!("SELECT 1 FROM {table} WHERE checksum IS NOT row_checksum({columns})");
        Ok(!connection.prepare(&sql)?.exists([])?)
    }
}

/// With its type and length, so that no two lists of values are the same bytes.
fn add(hasher: &mut crc32fast::Hasher, value: ValueRef<'_>) {
    let mut add = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]);
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    match value {
        ValueRef::Null => add(0, &[]),
        ValueRef::Integer(value) => add(1, &value.to_le_bytes()),
        ValueRef::Real(value) => add(2, &value.to_le_bytes()),
        ValueRef::Text(bytes) => add(3, bytes),
        ValueRef::Blob(bytes) => add(4, bytes),
    }
}
