//! Values both ways: owned, and validated but kept encoded.

use std::collections::BTreeMap;

use super::Reader;
use super::writer::{Write, appended};
use crate::error::{DecodeError, EncodeError};
use crate::limits::{ELEMENT_BYTES_MIN, NESTING_MAX};
use crate::value::Value;

/// A value that is known to be well formed and is kept as it came: type code and body. Bounds,
/// UTF-8, types and depth have been checked, so it can be stored and sent on without a look
/// inside (protocol/wire.md 5.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoded<'a> {
    code: u8,
    body: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// The value null.
    pub const NULL: Encoded<'static> = Encoded {
        code: NULL,
        body: &[],
    };

    /// Checks the tagged value at the start of these bytes; gives it and the bytes that it takes,
    /// its type code included.
    pub fn parse_tagged(bytes: &'a [u8]) -> Result<(Self, usize), DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::read_tagged(&mut reader)?;
        Ok((value, bytes.len() - reader.remaining()))
    }

    /// Checks the body of a value with this type code at the start of these bytes; gives the value
    /// and the bytes of the body.
    pub fn parse_body(code: u8, bytes: &'a [u8]) -> Result<(Self, usize), DecodeError> {
        let value = Self::read_body(&mut Reader::new(bytes), code)?;
        Ok((value, value.body.len()))
    }

    /// A value from parts that came out of [`code`](Self::code) and [`body`](Self::body) before.
    /// Bytes that were never checked make [`to_value`](Self::to_value) panic.
    pub const fn from_stored(code: u8, body: &'a [u8]) -> Self {
        Self { code, body }
    }

    /// The type code: 0x00 to 0x0B.
    pub const fn code(self) -> u8 {
        self.code
    }

    /// The bytes after the type code.
    pub const fn body(self) -> &'a [u8] {
        self.body
    }

    /// Bytes of type code and body.
    pub const fn tagged_len(self) -> usize {
        1 + self.body.len()
    }

    /// Whether it is null.
    pub const fn is_null(self) -> bool {
        self.code == NULL
    }

    /// The value itself.
    pub fn to_value(self) -> Value {
        read_value(&mut Reader::new(self.body), self.code, 0).expect("was checked when it was made")
    }

    /// The number in it, of any width, int or float: 5 and 5.0 are one number (protocol/wire.md 9.1).
    pub fn as_f64(self) -> Option<f64> {
        match (self.code, self.body) {
            (I8, &[byte]) => Some(f64::from(byte as i8)),
            (I16, body) => body.try_into().ok().map(i16::from_be_bytes).map(f64::from),
            (I32, body) => body.try_into().ok().map(i32::from_be_bytes).map(f64::from),
            (I64, body) => body.try_into().ok().map(|it| i64::from_be_bytes(it) as f64),
            (F32, body) => body.try_into().ok().map(f32::from_be_bytes).map(f64::from),
            (F64, body) => body.try_into().ok().map(f64::from_be_bytes),
            _ => None,
        }
    }

    /// The text in it.
    pub fn as_str(self) -> Option<&'a str> {
        match self.code {
            STRING => Reader::new(self.body).str().ok(),
            _ => None,
        }
    }

    /// The map in this without the members that are left out, written into `out`, which takes no
    /// more room; nothing if it is no map, or none of its members is left out.
    ///
    /// ```
    /// use clasp_proto::{Encoded, Value, encode_value};
    /// let members = [("name", 1), ("secret", 2)].map(|(key, value)| (key.into(), Value::Int(value)));
    /// let mut bytes = Vec::new();
    /// encode_value(&mut bytes, &Value::Map(members.into_iter().collect())).expect("fits");
    /// let (map, _) = Encoded::parse_tagged(&bytes).expect("well formed");
    /// let mut out = Vec::new();
    /// let left = map.without(&|member| member == "secret", &mut out).expect("there is one");
    /// assert_eq!(left.to_value(), Value::Map([("name".into(), Value::Int(1))].into_iter().collect()));
    /// assert!(map.without(&|_| false, &mut Vec::new()).is_none());
    /// ```
    pub fn without<'o>(
        self,
        is_left_out: &dyn Fn(&str) -> bool,
        out: &'o mut Vec<u8>,
    ) -> Option<Encoded<'o>> {
        if self.code != MAP {
            return None;
        }
        const CHECKED: &str = "was checked when it was made";
        let mut reader = Reader::new(self.body);
        let count = reader.count().expect(CHECKED);
        let mut kept = 0_u16;
        out.clear();
        out.extend_from_slice(&[0, 0]);
        for _ in 0..count {
            let begin = reader.rest();
            let member = reader.str().expect(CHECKED);
            Self::read_tagged(&mut reader).expect(CHECKED);
            if !is_left_out(member) {
                out.extend_from_slice(&begin[..begin.len() - reader.remaining()]);
                kept += 1;
            }
        }
        if usize::from(kept) == count {
            return None;
        }
        out[..2].copy_from_slice(&kept.to_be_bytes());
        Some(Encoded {
            code: MAP,
            body: out,
        })
    }

    /// Appends type code and body.
    pub fn write_tagged(self, out: &mut Vec<u8>) {
        out.push(self.code);
        out.extend_from_slice(self.body);
    }

    pub(super) fn read_tagged(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let code = reader.u8()?;
        Self::read_body(reader, code)
    }

    pub(super) fn read_body(reader: &mut Reader<'a>, code: u8) -> Result<Self, DecodeError> {
        let bytes = reader.rest();
        check_body(reader, code, 0)?;
        let body = &bytes[..bytes.len() - reader.remaining()];
        Ok(Self { code, body })
    }
}

/// Appends a value with its type code: `null` for 0x00, ints as i64, floats as f64. Fails before
/// anything is written when a part of it does not fit the encoding.
///
/// ```
/// use clasp_proto::{Encoded, Value, encode_value};
/// let mut bytes = Vec::new();
/// encode_value(&mut bytes, &Value::Bool(true)).expect("fits");
/// assert_eq!(bytes, [0x01, 0x01]);
/// let (value, _) = Encoded::parse_tagged(&bytes).expect("well formed");
/// assert_eq!(value.to_value(), Value::Bool(true));
/// ```
pub fn encode_value(out: &mut Vec<u8>, value: &Value) -> Result<(), EncodeError> {
    appended(out, |out| {
        out.push(code_of(value));
        write_body(out, value, 0)
    })
}

/// The type code that a value is written with.
pub(super) const fn code_of(value: &Value) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => BOOL,
        Value::Int(_) => I64,
        Value::Float(_) => F64,
        Value::String(_) => STRING,
        Value::Bytes(_) => BYTES,
        Value::Array(_) => ARRAY,
        Value::Map(_) => MAP,
    }
}

/// Appends the body of a value; `depth` containers are around it.
pub(super) fn write_body(
    out: &mut Vec<u8>,
    value: &Value,
    depth: usize,
) -> Result<(), EncodeError> {
    match value {
        Value::Null => {}
        Value::Bool(truth) => out.push(u8::from(*truth)),
        Value::Int(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::Float(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::String(text) => out.str(text)?,
        Value::Bytes(bytes) => out.bytes(bytes)?,
        Value::Array(values) => {
            write_open(out, values.len(), depth)?;
            for value in values {
                write_tagged(out, value, depth + 1)?;
            }
        }
        Value::Map(entries) => {
            write_open(out, entries.len(), depth)?;
            for (key, value) in entries {
                out.str(key)?;
                write_tagged(out, value, depth + 1)?;
            }
        }
    }
    Ok(())
}

/// Reads a value with its type code.
pub(super) fn read_tagged(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let code = reader.u8()?;
    read_value(reader, code, 0)
}

/// Reads the body of a value; `depth` containers are around it. Narrow numbers are widened, and a
/// float keeps its bits (protocol/wire.md 5.2, 5.3).
fn read_value(reader: &mut Reader<'_>, code: u8, depth: usize) -> Result<Value, DecodeError> {
    Ok(match code {
        NULL => Value::Null,
        BOOL => Value::Bool(reader.u8()? != 0),
        I8 => Value::Int(i64::from(reader.u8()? as i8)),
        I16 => Value::Int(i64::from(reader.u16()? as i16)),
        I32 => Value::Int(i64::from(reader.u32()? as i32)),
        I64 => Value::Int(reader.u64()? as i64),
        F32 => Value::Float(f64::from(f32::from_bits(reader.u32()?))),
        F64 => Value::Float(reader.f64()?),
        STRING => Value::String(reader.string()?),
        BYTES => Value::Bytes(reader.bytes()?.to_vec()),
        ARRAY => Value::Array(read_array(reader, depth)?),
        MAP => Value::Map(read_map(reader, depth)?),
        code => return Err(DecodeError::UnknownValue(code)),
    })
}

fn read_array(reader: &mut Reader<'_>, depth: usize) -> Result<Vec<Value>, DecodeError> {
    let count = read_open(reader, depth)?;
    let mut values = reader.list(count, ELEMENT_BYTES_MIN);
    for _ in 0..count {
        let code = reader.u8()?;
        values.push(read_value(reader, code, depth + 1)?);
    }
    Ok(values)
}

/// Of two entries with one key the last counts (protocol/wire.md 5.4).
fn read_map(reader: &mut Reader<'_>, depth: usize) -> Result<BTreeMap<String, Value>, DecodeError> {
    let count = read_open(reader, depth)?;
    let mut entries = BTreeMap::new();
    for _ in 0..count {
        let key = reader.string()?;
        let code = reader.u8()?;
        entries.insert(key, read_value(reader, code, depth + 1)?);
    }
    Ok(entries)
}

/// Walks over the body of a value without keeping anything; recursion ends at `NESTING_MAX`
/// (protocol/wire.md 5.7, 7.3).
fn check_body(reader: &mut Reader<'_>, code: u8, depth: usize) -> Result<(), DecodeError> {
    match code {
        NULL => Ok(()),
        BOOL | I8 => reader.take(1).map(drop),
        I16 => reader.take(2).map(drop),
        I32 | F32 => reader.take(4).map(drop),
        I64 | F64 => reader.take(8).map(drop),
        STRING => reader.str().map(drop),
        BYTES => reader.bytes().map(drop),
        ARRAY | MAP => {
            for _ in 0..read_open(reader, depth)? {
                if code == MAP {
                    reader.str()?;
                }
                let code = reader.u8()?;
                check_body(reader, code, depth + 1)?;
            }
            Ok(())
        }
        code => Err(DecodeError::UnknownValue(code)),
    }
}

/// The count of an array or map that stands inside `depth` others.
fn read_open(reader: &mut Reader<'_>, depth: usize) -> Result<usize, DecodeError> {
    if depth == NESTING_MAX {
        return Err(DecodeError::TooDeep);
    }
    reader.count()
}

fn write_open(out: &mut Vec<u8>, count: usize, depth: usize) -> Result<(), EncodeError> {
    if depth == NESTING_MAX {
        return Err(EncodeError::TooDeep);
    }
    out.count(count)
}

fn write_tagged(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), EncodeError> {
    out.push(code_of(value));
    write_body(out, value, depth)
}

// protocol/wire.md 5.2, 5.5
const NULL: u8 = 0x00;
const BOOL: u8 = 0x01;
const I8: u8 = 0x02;
const I16: u8 = 0x03;
const I32: u8 = 0x04;
const I64: u8 = 0x05;
const F32: u8 = 0x06;
const F64: u8 = 0x07;
const STRING: u8 = 0x08;
const BYTES: u8 = 0x09;
const ARRAY: u8 = 0x0A;
const MAP: u8 = 0x0B;
