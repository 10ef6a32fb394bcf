//! A depth-limited reader of MessagePack: tokens, values, and the keys of a map in any order.

use std::collections::BTreeMap;

use rmp::Marker;

use crate::binary::{Reader, utf8};
use crate::error::DecodeError;
use crate::limits::{BUNDLE_NESTING_MAX, ELEMENT_BYTES_MIN, NESTING_MAX};
use crate::value::Value;

type Result<T> = std::result::Result<T, DecodeError>;

/// One MessagePack item; of an array or map only its head.
enum Token<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// Greater than any i64.
    Huge(u64),
    Float(f64),
    Str(&'a str),
    Bin(&'a [u8]),
    Array(usize),
    Map(usize),
}

/// The bytes of one item that is known to be whole, not nil.
#[derive(Clone, Copy)]
pub(super) struct Item<'a>(&'a [u8]);

/// The values of the keys that were asked for, in the order they were asked for.
pub(super) struct Fields<'a, const N: usize> {
    keys: [&'static str; N],
    found: [Option<Item<'a>>; N],
}

impl<'a> Item<'a> {
    /// The first item of these bytes, checked to be whole and not too deep.
    pub(super) fn first(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        Self::read(&mut reader)
    }

    /// The values of these keys. Other keys are ignored; a key that comes twice is an error
    /// (protocol/wire.md 8.2, 8.3).
    pub(super) fn fields<const N: usize>(self, keys: [&'static str; N]) -> Result<Fields<'a, N>> {
        let mut reader = self.reader();
        let Token::Map(count) = token(&mut reader)? else {
            return Err(self.unexpected("a map"));
        };
        let mut found = [None; N];
        for _ in 0..count {
            let key = key(&mut reader)?;
            let item = Self::read(&mut reader)?;
            let Some(index) = keys.iter().position(|known| *known == key) else {
                continue;
            };
            if found[index].replace(item).is_some() {
                return Err(DecodeError::DuplicateKey(keys[index]));
            }
        }
        Ok(Fields { keys, found })
    }

    /// The only entry of a map with one entry.
    pub(super) fn single_entry(self) -> Result<(&'a str, Self)> {
        let mut reader = self.reader();
        match token(&mut reader)? {
            Token::Map(1) => Ok((key(&mut reader)?, Self::read(&mut reader)?)),
            _ => Err(self.unexpected("a map with one key")),
        }
    }

    /// The items of an array.
    pub(super) fn array<T>(self, read: impl Fn(Self) -> Result<T>) -> Result<Vec<T>> {
        let mut reader = self.reader();
        let Token::Array(count) = token(&mut reader)? else {
            return Err(self.unexpected("an array"));
        };
        let mut items = reader.list(count, ITEM_BYTES_GUESS);
        for _ in 0..count {
            items.push(read(Self::read(&mut reader)?)?);
        }
        Ok(items)
    }

    /// The entries of a map with text keys; of two with one key the last counts.
    pub(super) fn map<T>(self, read: impl Fn(Self) -> Result<T>) -> Result<BTreeMap<String, T>> {
        let mut reader = self.reader();
        let Token::Map(count) = token(&mut reader)? else {
            return Err(self.unexpected("a map"));
        };
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let key = key(&mut reader)?.to_owned();
            entries.insert(key, read(Self::read(&mut reader)?)?);
        }
        Ok(entries)
    }

    pub(super) fn str(self) -> Result<&'a str> {
        match self.token()? {
            Token::Str(text) => Ok(text),
            _ => Err(self.unexpected("text")),
        }
    }

    pub(super) fn string(self) -> Result<String> {
        self.str().map(str::to_owned)
    }

    pub(super) fn bool(self) -> Result<bool> {
        match self.token()? {
            Token::Bool(truth) => Ok(truth),
            _ => Err(self.unexpected("true or false")),
        }
    }

    pub(super) fn f64(self) -> Result<f64> {
        match self.token()? {
            Token::Float(number) => Ok(number),
            Token::Int(number) => Ok(number as f64),
            Token::Huge(number) => Ok(number as f64),
            _ => Err(self.unexpected("a number")),
        }
    }

    pub(super) fn u64(self) -> Result<u64> {
        match self.token()? {
            Token::Int(number) => number
                .try_into()
                .map_err(|_| self.unexpected("a whole number, not negative")),
            Token::Huge(number) => Ok(number),
            _ => Err(self.unexpected("a whole number, not negative")),
        }
    }

    pub(super) fn u32(self) -> Result<u32> {
        let narrow = self.u64()?.try_into();
        narrow.map_err(|_| self.unexpected("a whole number below 2^32"))
    }

    pub(super) fn u16(self) -> Result<u16> {
        let narrow = self.u64()?.try_into();
        narrow.map_err(|_| self.unexpected("a whole number below 65536"))
    }

    pub(super) fn u8(self) -> Result<u8> {
        let narrow = self.u64()?.try_into();
        narrow.map_err(|_| self.unexpected("a whole number below 256"))
    }

    pub(super) fn value(self) -> Result<Value> {
        value(&mut self.reader(), 0)
    }

    /// One of several words.
    pub(super) fn word<T>(
        self,
        expected: &'static str,
        meaning: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        meaning(self.str()?).ok_or(DecodeError::UnknownWord { expected })
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self.token(), Ok(Token::Str(_)))
    }

    pub(super) const fn unexpected(self, expected: &'static str) -> DecodeError {
        let found = self.0[0];
        DecodeError::Unexpected { expected, found }
    }

    const fn is_nil(self) -> bool {
        self.0[0] == NIL
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let bytes = reader.rest();
        skip(reader, 0)?;
        Ok(Self(&bytes[..bytes.len() - reader.remaining()]))
    }

    fn token(self) -> Result<Token<'a>> {
        token(&mut self.reader())
    }

    const fn reader(self) -> Reader<'a> {
        Reader::new(self.0)
    }
}

impl<'a, const N: usize> Fields<'a, N> {
    /// The value of key number `index`; nil is the same as absent.
    pub(super) fn optional<T>(
        &self,
        index: usize,
        read: impl FnOnce(Item<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        let item = self.found[index].filter(|item| !item.is_nil());
        item.map(read).transpose()
    }

    /// The value of key number `index`, which must be there.
    pub(super) fn required<T>(
        &self,
        index: usize,
        read: impl FnOnce(Item<'a>) -> Result<T>,
    ) -> Result<T> {
        let item = self.found[index].ok_or(DecodeError::MissingKey(self.keys[index]))?;
        read(item)
    }
}

/// Any data (protocol/wire.md 8.5, 8.6): bytes stay bytes, whole numbers beyond i64 become floats.
fn value(reader: &mut Reader<'_>, depth: usize) -> Result<Value> {
    Ok(match token(reader)? {
        Token::Nil => Value::Null,
        Token::Bool(truth) => Value::Bool(truth),
        Token::Int(number) => Value::Int(number),
        Token::Huge(number) => Value::Float(number as f64),
        Token::Float(number) => Value::Float(number),
        Token::Str(text) => Value::String(text.to_owned()),
        Token::Bin(bytes) => Value::Bytes(bytes.to_vec()),
        Token::Array(_) | Token::Map(_) if depth == NESTING_MAX => {
            return Err(DecodeError::TooDeep);
        }
        Token::Array(count) => {
            let mut values = reader.list(count, ELEMENT_BYTES_MIN);
            for _ in 0..count {
                values.push(value(reader, depth + 1)?);
            }
            Value::Array(values)
        }
        Token::Map(count) => {
            let mut entries = BTreeMap::new();
            for _ in 0..count {
                let key = key(reader)?.to_owned();
                entries.insert(key, value(reader, depth + 1)?);
            }
            Value::Map(entries)
        }
    })
}

/// Passes one item; recursion ends at `ITEM_NESTING_MAX`. Every element takes a byte, so a count
/// that lies ends with the bytes.
fn skip(reader: &mut Reader<'_>, depth: usize) -> Result<()> {
    let items = match token(reader)? {
        Token::Array(count) => count,
        Token::Map(count) => 2 * count,
        _ => return Ok(()),
    };
    if depth == ITEM_NESTING_MAX {
        return Err(DecodeError::TooDeep);
    }
    (0..items).try_for_each(|_| skip(reader, depth + 1))
}

// protocol/wire.md 8.7
fn key<'a>(reader: &mut Reader<'a>) -> Result<&'a str> {
    let found = reader.rest().first().copied().unwrap_or_default();
    match token(reader)? {
        Token::Str(key) => Ok(key),
        _ => Err(DecodeError::Unexpected {
            expected: "a text key",
            found,
        }),
    }
}

fn token<'a>(reader: &mut Reader<'a>) -> Result<Token<'a>> {
    let found = reader.u8()?;
    Ok(match Marker::from_u8(found) {
        Marker::Null => Token::Nil,
        Marker::True => Token::Bool(true),
        Marker::False => Token::Bool(false),
        Marker::FixPos(number) => Token::Int(number.into()),
        Marker::FixNeg(number) => Token::Int(number.into()),
        Marker::U8 => Token::Int(reader.u8()?.into()),
        Marker::U16 => Token::Int(reader.u16()?.into()),
        Marker::U32 => Token::Int(reader.u32()?.into()),
        Marker::U64 => {
            let number = reader.u64()?;
            i64::try_from(number).map_or(Token::Huge(number), Token::Int)
        }
        Marker::I8 => Token::Int((reader.u8()? as i8).into()),
        Marker::I16 => Token::Int((reader.u16()? as i16).into()),
        Marker::I32 => Token::Int((reader.u32()? as i32).into()),
        Marker::I64 => Token::Int(reader.u64()? as i64),
        Marker::F32 => Token::Float(f32::from_bits(reader.u32()?).into()),
        Marker::F64 => Token::Float(reader.f64()?),
        Marker::FixStr(length) => Token::Str(utf8(reader.take(length.into())?)?),
        Marker::Str8 => Token::Str(utf8(long(reader, Reader::u8)?)?),
        Marker::Str16 => Token::Str(utf8(long(reader, Reader::u16)?)?),
        Marker::Str32 => Token::Str(utf8(long(reader, Reader::u32)?)?),
        Marker::Bin8 => Token::Bin(long(reader, Reader::u8)?),
        Marker::Bin16 => Token::Bin(long(reader, Reader::u16)?),
        Marker::Bin32 => Token::Bin(long(reader, Reader::u32)?),
        Marker::FixArray(count) => Token::Array(count.into()),
        Marker::Array16 => Token::Array(reader.count()?),
        Marker::Array32 => Token::Array(wide(reader.u32()?)),
        Marker::FixMap(count) => Token::Map(count.into()),
        Marker::Map16 => Token::Map(reader.count()?),
        Marker::Map32 => Token::Map(wide(reader.u32()?)),
        _ => {
            let expected = "a type that CLASP has";
            return Err(DecodeError::Unexpected { expected, found });
        }
    })
}

/// Bytes behind a length of this width.
fn long<'a, T: Into<u64>>(
    reader: &mut Reader<'a>,
    length: impl FnOnce(&mut Reader<'a>) -> Result<T>,
) -> Result<&'a [u8]> {
    let length: u64 = length(reader)?.into();
    reader.take(usize::try_from(length).unwrap_or(usize::MAX))
}

/// A count that no payload can hold is as good as the largest one.
fn wide(count: u32) -> usize {
    usize::try_from(count).map_or(usize::MAX / 2, |count| count.min(usize::MAX / 2))
}

const NIL: u8 = 0xC0;

/// A value inside as many bundles as may be, each an array and a map, and the same again for the
/// signal definition or keyframe around it.
const ITEM_NESTING_MAX: usize = NESTING_MAX + 2 * BUNDLE_NESTING_MAX + 6;

/// Bytes per item that an array may reserve for: items of messages are larger than one byte.
const ITEM_BYTES_GUESS: usize = 8;
