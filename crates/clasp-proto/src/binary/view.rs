//! The hot path: SET and PUBLISH as borrowed views, checked in one pass, without allocation.

use super::reader::Reader;
use super::value::Encoded;
use super::writer::{Write, flag};
use super::{BUNDLE, PUBLISH, SET, decode};
use crate::error::DecodeError;
use crate::limits::{BUNDLE_MEMBERS_MAX, BUNDLE_NESTING_MAX, MEMBER_BYTES_MIN, SAMPLE_BYTES};
use crate::message::{Bundle, Message, Publish, Set};
use crate::signal::{Phase, Signal, Ttl};

/// A message whose frequent kinds borrow from the payload.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageRef<'a> {
    /// A parameter gets a value.
    Set(SetRef<'a>),
    /// A message that is not stored.
    Publish(PublishRef<'a>),
    /// Messages that belong together.
    Bundle(BundleRef<'a>),
    /// Any other message, owned.
    Other(Message),
}

/// A SET in its payload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SetRef<'a> {
    /// Which parameter; at most 65535 bytes, not checked to be an address.
    pub address: &'a str,
    /// The value.
    pub value: Encoded<'a>,
    /// From a client: the revision that it expects.
    pub revision: Option<u64>,
    /// Take the lock.
    pub lock: bool,
    /// Give the lock back.
    pub unlock: bool,
    /// How long the parameter lives from now on.
    pub ttl: Option<Ttl>,
}

/// A PUBLISH in its payload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishRef<'a> {
    /// Where; at most 65535 bytes, not checked to be an address.
    pub address: &'a str,
    /// What kind; the compact encoding always says one.
    pub signal: Option<Signal>,
    /// Where in a gesture.
    pub phase: Phase,
    /// The data.
    pub body: Body<'a>,
    /// When it happened, in microseconds since the Unix epoch.
    pub timestamp: Option<u64>,
    /// Which gesture of several.
    pub id: Option<u32>,
    /// Samples per second.
    pub rate: Option<u32>,
}

/// The data of a PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Body<'a> {
    /// No data.
    None,
    /// One value.
    Value(Encoded<'a>),
    /// Numbers, 8 bytes each: the big-endian bits of an f64.
    Samples(&'a [u8]),
}

/// A BUNDLE in its payload; every member has been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleRef<'a> {
    /// When the members are to be applied, in microseconds since the Unix epoch.
    pub timestamp: Option<u64>,
    members: Vec<MessageRef<'a>>,
}

/// Reads one payload. SET and PUBLISH are checked (bounds, UTF-8, types, depth) and borrowed
/// without allocation; a BUNDLE allocates its list of members.
pub fn view(payload: &[u8]) -> Result<MessageRef<'_>, DecodeError> {
    view_inside(payload, 0)
}

impl MessageRef<'_> {
    /// The same message, owned.
    pub fn into_message(self) -> Message {
        match self {
            Self::Set(set) => Message::Set(set.to_owned()),
            Self::Publish(publish) => Message::Publish(publish.to_owned()),
            Self::Bundle(bundle) => Message::Bundle(bundle.into_owned()),
            Self::Other(message) => message,
        }
    }
}

impl<'a> SetRef<'a> {
    /// Appends the payload of this SET as it is broadcast: with the new revision and with lock,
    /// unlock and ttl repeated (protocol/router.md 6.1).
    pub fn write(&self, revision: u64, out: &mut Vec<u8>) {
        self.write_with(Some(revision), out);
    }

    /// Appends the payload of this SET with this revision or none.
    pub fn write_with(&self, revision: Option<u64>, out: &mut Vec<u8>) {
        out.reserve(SET_BYTES_MAX + self.address.len() + self.value.body().len());
        out.push(SET);
        out.push(
            self.value.code()
                | flag(SET_REVISION, revision.is_some())
                | flag(SET_LOCK, self.lock)
                | flag(SET_UNLOCK, self.unlock)
                | flag(SET_TTL, self.ttl.is_some()),
        );
        write_address(out, self.address);
        out.extend_from_slice(self.value.body());
        if let Some(revision) = revision {
            out.u64(revision);
        }
        if let Some(ttl) = self.ttl {
            out.u32(ttl.bits());
        }
    }

    /// The same message, owned.
    pub fn to_owned(self) -> Set {
        Set {
            address: self.address.to_owned(),
            value: self.value.to_value(),
            revision: self.revision,
            lock: self.lock,
            unlock: self.unlock,
            ttl: self.ttl,
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags = reader.u8()?;
        let has = |mask| flags & mask != 0;
        Ok(Self {
            address: reader.str()?,
            value: Encoded::read_body(reader, flags & SET_VALUE_CODE)?,
            revision: has(SET_REVISION).then(|| reader.u64()).transpose()?,
            lock: has(SET_LOCK),
            unlock: has(SET_UNLOCK),
            ttl: has(SET_TTL)
                .then(|| reader.u32().map(Ttl::from_bits))
                .transpose()?,
        })
    }
}

impl<'a> PublishRef<'a> {
    /// A PUBLISH with nothing but this.
    pub const fn new(address: &'a str, signal: Signal, body: Body<'a>) -> Self {
        Self {
            address,
            signal: Some(signal),
            phase: Phase::Start,
            body,
            timestamp: None,
            id: None,
            rate: None,
        }
    }

    /// Appends the payload as it is forwarded: what was received, without surplus bytes and with
    /// unknown codes as they were understood (protocol/router.md 8.2).
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(PUBLISH_BYTES_MAX + self.address.len() + self.body.len());
        out.push(PUBLISH);
        out.push(
            self.signal.unwrap_or(Signal::Event).code() << PUBLISH_SIGNAL_SHIFT
                | flag(PUBLISH_TIMESTAMP, self.timestamp.is_some())
                | flag(PUBLISH_ID, self.id.is_some())
                | self.phase.code(),
        );
        write_address(out, self.address);
        self.body.write(out);
        if let Some(timestamp) = self.timestamp {
            out.u64(timestamp);
        }
        if let Some(id) = self.id {
            out.u32(id);
        }
        if let Some(rate) = self.rate {
            out.u32(rate);
        }
    }

    /// Its value as a number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self.body {
            Body::Value(value) => value.as_f64(),
            Body::None | Body::Samples(_) => None,
        }
    }

    /// The same message, owned; the body is its value or its samples.
    pub fn to_owned(self) -> Publish {
        let (value, samples) = match self.body {
            Body::None => (None, None),
            Body::Value(value) => (Some(value.to_value()), None),
            Body::Samples(_) => (None, Some(self.body.samples().collect())),
        };
        Publish {
            address: self.address.to_owned(),
            signal: self.signal,
            value,
            samples,
            rate: self.rate,
            id: self.id,
            phase: Some(self.phase),
            timestamp: self.timestamp,
            ..Publish::default()
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags = reader.u8()?;
        let has = |mask| flags & mask != 0;
        Ok(Self {
            address: reader.str()?,
            signal: Some(Signal::from_code(flags >> PUBLISH_SIGNAL_SHIFT)),
            phase: Phase::from_code(flags & PUBLISH_PHASE),
            body: Body::read(reader)?,
            timestamp: has(PUBLISH_TIMESTAMP).then(|| reader.u64()).transpose()?,
            id: has(PUBLISH_ID).then(|| reader.u32()).transpose()?,
            // The rate has no flag: it is what is left, if there is enough (protocol/wire.md 6.9).
            rate: reader.u32().ok(),
        })
    }
}

impl<'a> Body<'a> {
    /// The samples in it; none for other bodies.
    pub fn samples(self) -> impl ExactSizeIterator<Item = f64> + 'a {
        let bytes = match self {
            Self::Samples(bytes) => bytes,
            _ => &[],
        };
        let (samples, _) = bytes.as_chunks::<SAMPLE_BYTES>();
        samples.iter().map(|sample| f64::from_be_bytes(*sample))
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            BODY_VALUE => Self::Value(Encoded::read_tagged(reader)?),
            BODY_SAMPLES => {
                let count = reader.count()?;
                Self::Samples(reader.take(count * SAMPLE_BYTES)?)
            }
            _ => Self::None,
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::None => out.push(BODY_NONE),
            Self::Value(value) => {
                out.push(BODY_VALUE);
                value.write_tagged(out);
            }
            Self::Samples(bytes) => {
                out.push(BODY_SAMPLES);
                out.u16((bytes.len() / SAMPLE_BYTES) as u16);
                out.extend_from_slice(bytes);
            }
        }
    }

    const fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Value(value) => value.tagged_len(),
            Self::Samples(bytes) => bytes.len(),
        }
    }
}

impl<'a> BundleRef<'a> {
    /// The members, in order.
    pub fn members(self) -> Vec<MessageRef<'a>> {
        self.members
    }

    /// The members, in order, left where they are.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &MessageRef<'a>> {
        self.members.iter()
    }

    /// The same message, owned.
    pub fn into_owned(self) -> Bundle {
        Bundle {
            timestamp: self.timestamp,
            messages: self
                .members
                .into_iter()
                .map(MessageRef::into_message)
                .collect(),
        }
    }

    // protocol/wire.md 5.8, 7.2
    fn read(reader: &mut Reader<'a>, depth: usize) -> Result<Self, DecodeError> {
        if depth == BUNDLE_NESTING_MAX {
            return Err(DecodeError::BundleTooDeep);
        }
        let flags = reader.u8()?;
        let count = reader.count()?;
        if count > BUNDLE_MEMBERS_MAX {
            return Err(DecodeError::TooManyMembers { found: count });
        }
        let has_timestamp = flags & BUNDLE_TIMESTAMP != 0;
        let timestamp = has_timestamp.then(|| reader.u64()).transpose()?;
        let mut members = reader.list(count, MEMBER_BYTES_MIN);
        for _ in 0..count {
            members.push(view_inside(reader.bytes()?, depth + 1)?);
        }
        Ok(Self { timestamp, members })
    }
}

/// Reads a payload that stands inside `depth` bundles; members are never MessagePack
/// (protocol/wire.md 3.3).
fn view_inside(payload: &[u8], depth: usize) -> Result<MessageRef<'_>, DecodeError> {
    let reader = &mut Reader::new(payload);
    Ok(match reader.u8()? {
        SET => MessageRef::Set(SetRef::read(reader)?),
        PUBLISH => MessageRef::Publish(PublishRef::read(reader)?),
        BUNDLE => MessageRef::Bundle(BundleRef::read(reader, depth)?),
        kind => MessageRef::Other(decode::read(kind, reader)?),
    })
}

fn write_address(out: &mut Vec<u8>, address: &str) {
    out.str(address)
        .expect("an address of a view is at most 65535 bytes");
}

// Flags of SET and PUBLISH, and the indicator of a body (protocol/wire.md 6.3, 6.5, 6.8).
const SET_REVISION: u8 = 0x80;
const SET_LOCK: u8 = 0x40;
const SET_UNLOCK: u8 = 0x20;
const SET_TTL: u8 = 0x10;
const SET_VALUE_CODE: u8 = 0x0F;
const PUBLISH_SIGNAL_SHIFT: u8 = 5;
const PUBLISH_TIMESTAMP: u8 = 0x10;
const PUBLISH_ID: u8 = 0x08;
const PUBLISH_PHASE: u8 = 0x07;
const BODY_NONE: u8 = 0;
const BODY_VALUE: u8 = 1;
const BODY_SAMPLES: u8 = 2;
pub(super) const BUNDLE_TIMESTAMP: u8 = 0x80;

/// Type, flags, address length, revision and ttl.
const SET_BYTES_MAX: usize = 1 + 1 + 2 + 8 + 4;
/// Type, flags, address length, indicator, sample count, timestamp, id and rate.
const PUBLISH_BYTES_MAX: usize = 1 + 1 + 2 + 1 + 2 + 8 + 4 + 4;
