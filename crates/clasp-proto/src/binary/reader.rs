//! A cursor over bytes; every read is checked (protocol/wire.md 7.1).

use crate::error::DecodeError;
use crate::limits::RESERVE_FACTOR_MAX;

/// What is left of a payload.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.too_short(count));
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.chunk().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.chunk().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.chunk().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.chunk().map(u64::from_be_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, DecodeError> {
        self.u64().map(f64::from_bits)
    }

    /// A u16 as a count or a length.
    pub(crate) fn count(&mut self) -> Result<usize, DecodeError> {
        self.u16().map(usize::from)
    }

    /// Bytes behind their u16 length.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.count()?;
        self.take(length)
    }

    /// Text behind its u16 length; strictly UTF-8 (protocol/wire.md 5.1).
    pub(crate) fn str(&mut self) -> Result<&'a str, DecodeError> {
        utf8(self.bytes()?)
    }

    pub(crate) fn string(&mut self) -> Result<String, DecodeError> {
        self.str().map(str::to_owned)
    }

    /// A list for `count` entries. It reserves no more than the bytes that are there allow: room
    /// for as many entries as they can hold, and not much more memory than they take themselves
    /// (protocol/wire.md 5.9, protocol/limits.md 1.3).
    pub(crate) fn list<T>(&self, count: usize, entry_bytes_min: usize) -> Vec<T> {
        let entries = self.remaining() / entry_bytes_min;
        let room = self.remaining() * RESERVE_FACTOR_MAX / size_of::<T>();
        Vec::with_capacity(count.min(entries).min(room))
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((chunk, rest)) = self.rest.split_first_chunk() else {
            return Err(self.too_short(N));
        };
        self.rest = rest;
        Ok(*chunk)
    }

    const fn too_short(&self, needed: usize) -> DecodeError {
        let found = self.rest.len();
        DecodeError::Truncated { needed, found }
    }
}

pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let position = error.valid_up_to();
        DecodeError::Utf8 { position }
    })
}
