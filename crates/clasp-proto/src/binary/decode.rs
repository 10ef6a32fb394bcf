//! Reading the messages that are not on the hot path, one function per message.

use std::collections::BTreeMap;

use super::reader::Reader;
use super::value::read_tagged;
use super::{
    ACK, ANNOUNCE, ERROR, FEDERATION_SYNC, GET, HELLO, PING, PONG, QUERY, REPLAY, RESULT, SNAPSHOT,
    SUBSCRIBE, SYNC, UNSUBSCRIBE, WELCOME,
};
use crate::error::DecodeError;
use crate::limits::{PARAM_BYTES_MIN, SIGNAL_BYTES_MIN};
use crate::message::{
    Ack, Announce, ErrorMessage, FederationOp, FederationSync, Get, Hello, Message, Param, Query,
    QueryResult, Replay, SignalDefinition, SignalMeta, Snapshot, Subscribe, SubscribeOptions, Sync,
    Unsubscribe, Welcome,
};
use crate::signal::{Features, Signal, TypeMask};

/// Reads what stands behind this message type.
pub(super) fn read(kind: u8, reader: &mut Reader<'_>) -> Result<Message, DecodeError> {
    Ok(match kind {
        HELLO => Message::Hello(hello(reader)?),
        WELCOME => Message::Welcome(welcome(reader)?),
        ANNOUNCE => Message::Announce(announce(reader)?),
        FEDERATION_SYNC => Message::FederationSync(federation_sync(reader)?),
        SUBSCRIBE => Message::Subscribe(subscribe(reader)?),
        UNSUBSCRIBE => Message::Unsubscribe(Unsubscribe { id: reader.u32()? }),
        GET => Message::Get(Get {
            address: reader.string()?,
        }),
        SNAPSHOT => Message::Snapshot(snapshot(reader)?),
        REPLAY => Message::Replay(replay(reader)?),
        SYNC => Message::Sync(sync(reader)?),
        PING => Message::Ping,
        PONG => Message::Pong,
        ACK => Message::Ack(ack(reader)?),
        ERROR => Message::Error(error(reader)?),
        QUERY => Message::Query(Query {
            pattern: reader.string()?,
        }),
        RESULT => Message::Result(result(reader)?),
        kind => return Err(DecodeError::UnknownMessage(kind)),
    })
}

fn hello(reader: &mut Reader<'_>) -> Result<Hello, DecodeError> {
    Ok(Hello {
        version: reader.u8()?,
        features: Features::from_bits(reader.u8()?),
        name: reader.string()?,
        token: token(reader)?,
        capabilities: None,
    })
}

fn welcome(reader: &mut Reader<'_>) -> Result<Welcome, DecodeError> {
    Ok(Welcome {
        version: reader.u8()?,
        features: Features::from_bits(reader.u8()?).intersection(Features::SIGNALS),
        time: reader.u64()?,
        session: reader.string()?,
        name: reader.string()?,
        token: token(reader)?,
    })
}

fn announce(reader: &mut Reader<'_>) -> Result<Announce, DecodeError> {
    Ok(Announce {
        namespace: reader.string()?,
        signals: signals(reader, meta)?,
        meta: None,
    })
}

// protocol/wire.md 6.16
fn federation_sync(reader: &mut Reader<'_>) -> Result<FederationSync, DecodeError> {
    let op = reader.u8()?;
    let op = FederationOp::from_code(op).ok_or(DecodeError::UnknownFederationOp(op))?;
    let count = reader.count()?;
    let mut patterns = reader.list(count, STRING_BYTES_MIN);
    for _ in 0..count {
        patterns.push(reader.string()?);
    }
    let mut revisions = BTreeMap::new();
    for _ in 0..reader.count()? {
        revisions.insert(reader.string()?, reader.u64()?);
    }
    let flags = reader.u8()?;
    Ok(FederationSync {
        op,
        patterns,
        revisions,
        since_revision: when(flags, 0x80, reader, Reader::u64)?,
        origin: when(flags, 0x40, reader, Reader::string)?,
    })
}

fn subscribe(reader: &mut Reader<'_>) -> Result<Subscribe, DecodeError> {
    Ok(Subscribe {
        id: reader.u32()?,
        pattern: reader.string()?,
        types: TypeMask::from_bits(reader.u8()?),
        options: subscribe_options(reader)?,
    })
}

fn subscribe_options(reader: &mut Reader<'_>) -> Result<SubscribeOptions, DecodeError> {
    let flags = reader.u8()?;
    Ok(SubscribeOptions {
        max_rate: when(flags, 0x01, reader, Reader::u32)?,
        epsilon: when(flags, 0x02, reader, Reader::f64)?,
        history: when(flags, 0x04, reader, Reader::u32)?,
        window: when(flags, 0x08, reader, Reader::u32)?,
    })
}

fn snapshot(reader: &mut Reader<'_>) -> Result<Snapshot, DecodeError> {
    let count = reader.count()?;
    let mut params = reader.list(count, PARAM_BYTES_MIN);
    for _ in 0..count {
        params.push(param(reader)?);
    }
    Ok(Snapshot { params })
}

fn param(reader: &mut Reader<'_>) -> Result<Param, DecodeError> {
    let address = reader.string()?;
    let value = read_tagged(reader)?;
    let revision = reader.u64()?;
    let flags = reader.u8()?;
    Ok(Param {
        address,
        value,
        revision,
        writer: when(flags, 0x01, reader, Reader::string)?,
        timestamp: when(flags, 0x02, reader, Reader::u64)?,
    })
}

fn replay(reader: &mut Reader<'_>) -> Result<Replay, DecodeError> {
    let flags = reader.u8()?;
    Ok(Replay {
        pattern: reader.string()?,
        from: when(flags, 0x80, reader, Reader::u64)?,
        to: when(flags, 0x40, reader, Reader::u64)?,
        limit: when(flags, 0x20, reader, Reader::u32)?,
        types: TypeMask::from_bits(reader.u8()?),
    })
}

fn sync(reader: &mut Reader<'_>) -> Result<Sync, DecodeError> {
    let flags = reader.u8()?;
    Ok(Sync {
        t1: reader.u64()?,
        t2: when(flags, 0x01, reader, Reader::u64)?,
        t3: when(flags, 0x02, reader, Reader::u64)?,
    })
}

fn ack(reader: &mut Reader<'_>) -> Result<Ack, DecodeError> {
    let flags = reader.u8()?;
    Ok(Ack {
        address: when(flags, 0x01, reader, Reader::string)?,
        revision: when(flags, 0x02, reader, Reader::u64)?,
        locked: when(flags, 0x04, reader, Reader::u8)?.map(|byte| byte != 0),
        holder: when(flags, 0x08, reader, Reader::string)?,
        correlation_id: when(flags, 0x10, reader, Reader::u32)?,
    })
}

fn error(reader: &mut Reader<'_>) -> Result<ErrorMessage, DecodeError> {
    let code = reader.u16()?;
    let message = reader.string()?;
    let flags = reader.u8()?;
    Ok(ErrorMessage {
        code,
        message,
        address: when(flags, 0x01, reader, Reader::string)?,
        correlation_id: when(flags, 0x02, reader, Reader::u32)?,
    })
}

fn result(reader: &mut Reader<'_>) -> Result<QueryResult, DecodeError> {
    let signals = signals(reader, |_, _| Ok(None))?;
    Ok(QueryResult { signals })
}

type ReadMeta = fn(u8, &mut Reader<'_>) -> Result<Option<SignalMeta>, DecodeError>;

/// Signal definitions; RESULT has no meta even where the bit says so (protocol/wire.md 6.15).
fn signals(
    reader: &mut Reader<'_>,
    read_meta: ReadMeta,
) -> Result<Vec<SignalDefinition>, DecodeError> {
    let count = reader.count()?;
    let mut signals = reader.list(count, SIGNAL_BYTES_MIN);
    for _ in 0..count {
        let address = reader.string()?;
        let signal = Signal::from_code(reader.u8()?);
        let flags = reader.u8()?;
        signals.push(SignalDefinition {
            address,
            signal,
            datatype: when(flags, 0x01, reader, Reader::string)?,
            access: when(flags, 0x02, reader, Reader::string)?,
            meta: read_meta(flags, reader)?,
        });
    }
    Ok(signals)
}

fn meta(flags: u8, reader: &mut Reader<'_>) -> Result<Option<SignalMeta>, DecodeError> {
    when(flags, 0x04, reader, |reader| {
        let flags = reader.u8()?;
        Ok(SignalMeta {
            unit: when(flags, 0x01, reader, Reader::string)?,
            range: when(flags, 0x02, reader, |it| Ok((it.f64()?, it.f64()?)))?,
            default: when(flags, 0x04, reader, read_tagged)?,
            description: when(flags, 0x08, reader, Reader::string)?,
        })
    })
}

/// An empty token is none.
fn token(reader: &mut Reader<'_>) -> Result<Option<String>, DecodeError> {
    let token = reader.string()?;
    Ok((!token.is_empty()).then_some(token))
}

/// A field that is there when its bit is set.
fn when<'a, T>(
    flags: u8,
    mask: u8,
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Option<T>, DecodeError> {
    (flags & mask != 0).then(|| read(reader)).transpose()
}

/// An empty string is its length.
const STRING_BYTES_MIN: usize = 2;
