//! Compact encoding (v1): entry points and type table.

mod reader;
mod value;

pub use value::{Encoded, encode_value};

use crate::error::EncodeError;

pub(crate) use reader::Reader;

/// Runs `write` and takes back what it appended when it fails, so that a refused message leaves
/// nothing behind.
fn appended(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    write(out).inspect_err(|_| out.truncate(start))
}
