//! Appending the primitives, or nothing (protocol/wire.md 5.6).

use crate::error::EncodeError;
use crate::limits::{COUNT_MAX, STRING_BYTES_MAX};

pub(super) trait Write {
    fn u16(&mut self, number: u16);
    fn u32(&mut self, number: u32);
    fn u64(&mut self, number: u64);
    fn f64(&mut self, number: f64);
    /// Bytes behind their u16 length.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError>;
    /// Text behind its u16 length.
    fn str(&mut self, text: &str) -> Result<(), EncodeError>;
    /// The u16 count of a list.
    fn count(&mut self, count: usize) -> Result<(), EncodeError>;
}

impl Write for Vec<u8> {
    fn u16(&mut self, number: u16) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    fn f64(&mut self, number: f64) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        if bytes.len() > STRING_BYTES_MAX {
            return Err(EncodeError::StringTooLong { found: bytes.len() });
        }
        self.u16(bytes.len() as u16);
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn str(&mut self, text: &str) -> Result<(), EncodeError> {
        self.bytes(text.as_bytes())
    }

    fn count(&mut self, count: usize) -> Result<(), EncodeError> {
        if count > COUNT_MAX {
            return Err(EncodeError::TooManyEntries { found: count });
        }
        self.u16(count as u16);
        Ok(())
    }
}

/// Runs `write` and takes back what it appended when it fails, so that a refused message leaves
/// nothing behind.
pub(super) fn appended(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    write(out).inspect_err(|_| out.truncate(start))
}

/// One bit of a flags byte.
pub(crate) const fn flag(mask: u8, is_set: bool) -> u8 {
    if is_set { mask } else { 0 }
}
