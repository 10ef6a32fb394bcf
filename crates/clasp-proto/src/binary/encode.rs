//! Writing, one function per message.

use super::value::{code_of, encode_value, write_body};
use super::view::BUNDLE_TIMESTAMP;
use super::writer::{Write, appended, flag};
use super::{
    ACK, ANNOUNCE, BUNDLE, ERROR, FEDERATION_SYNC, GET, HELLO, PING, PONG, PUBLISH, QUERY, REPLAY,
    RESULT, SET, SNAPSHOT, SUBSCRIBE, SYNC, UNSUBSCRIBE, WELCOME,
};
use crate::error::EncodeError;
use crate::limits::{BUNDLE_MEMBERS_MAX, BUNDLE_NESTING_MAX, FRAME_PAYLOAD_MAX};
use crate::message::{
    Ack, Announce, Bundle, ErrorMessage, FederationSync, Hello, Message, Param, Publish, Replay,
    Set, SignalDefinition, SignalMeta, Subscribe, SubscribeOptions, Sync, Welcome,
};
use crate::signal::{Features, Signal};

/// Appends the payload of a message. Fails, and appends nothing, when a part of the message does
/// not fit its field or the payload does not fit a frame (protocol/limits.md 1.4).
///
/// A PUBLISH carries `value`, else `payload`, else `timeline` as a map, else `samples`.
pub fn encode(message: &Message, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    appended(out, |out| write_payload(out, message, 0))
}

type Written = Result<(), EncodeError>;

/// Appends a payload that stands inside `depth` bundles.
fn write_payload(out: &mut Vec<u8>, message: &Message, depth: usize) -> Written {
    let start = out.len();
    write_message(out, message, depth)?;
    let found = out.len() - start;
    if found > FRAME_PAYLOAD_MAX {
        return Err(EncodeError::PayloadTooLarge { found });
    }
    Ok(())
}

fn write_message(out: &mut Vec<u8>, message: &Message, depth: usize) -> Written {
    out.push(kind(message));
    match message {
        Message::Hello(it) => hello(out, it),
        Message::Welcome(it) => welcome(out, it),
        Message::Announce(it) => announce(out, it),
        Message::FederationSync(it) => federation_sync(out, it),
        Message::Subscribe(it) => subscribe(out, it),
        Message::Unsubscribe(it) => {
            out.u32(it.id);
            Ok(())
        }
        Message::Publish(it) => publish(out, it),
        Message::Set(it) => set(out, it),
        Message::Get(it) => out.str(&it.address),
        Message::Snapshot(it) => {
            out.count(it.params.len())?;
            it.params.iter().try_for_each(|it| param(out, it))
        }
        Message::Replay(it) => replay(out, it),
        Message::Bundle(it) => bundle(out, it, depth),
        Message::Sync(it) => {
            sync(out, it);
            Ok(())
        }
        Message::Ping | Message::Pong => Ok(()),
        Message::Ack(it) => ack(out, it),
        Message::Error(it) => error(out, it),
        Message::Query(it) => out.str(&it.pattern),
        Message::Result(it) => {
            out.count(it.signals.len())?;
            it.signals.iter().try_for_each(|it| signal(out, it, None))
        }
    }
}

const fn kind(message: &Message) -> u8 {
    match message {
        Message::Hello(_) => HELLO,
        Message::Welcome(_) => WELCOME,
        Message::Announce(_) => ANNOUNCE,
        Message::FederationSync(_) => FEDERATION_SYNC,
        Message::Subscribe(_) => SUBSCRIBE,
        Message::Unsubscribe(_) => UNSUBSCRIBE,
        Message::Publish(_) => PUBLISH,
        Message::Set(_) => SET,
        Message::Get(_) => GET,
        Message::Snapshot(_) => SNAPSHOT,
        Message::Replay(_) => REPLAY,
        Message::Bundle(_) => BUNDLE,
        Message::Sync(_) => SYNC,
        Message::Ping => PING,
        Message::Pong => PONG,
        Message::Ack(_) => ACK,
        Message::Error(_) => ERROR,
        Message::Query(_) => QUERY,
        Message::Result(_) => RESULT,
    }
}

fn hello(out: &mut Vec<u8>, hello: &Hello) -> Written {
    out.push(hello.version);
    out.push(hello.features.bits());
    out.str(&hello.name)?;
    out.str(hello.token.as_deref().unwrap_or_default())
}

fn welcome(out: &mut Vec<u8>, welcome: &Welcome) -> Written {
    out.push(welcome.version);
    out.push(welcome.features.intersection(Features::SIGNALS).bits());
    out.u64(welcome.time);
    out.str(&welcome.session)?;
    out.str(&welcome.name)?;
    // Published clients read the token whether or not there is one (protocol/wire.md 6.14).
    out.str(welcome.token.as_deref().unwrap_or_default())
}

fn announce(out: &mut Vec<u8>, announce: &Announce) -> Written {
    out.str(&announce.namespace)?;
    out.count(announce.signals.len())?;
    announce
        .signals
        .iter()
        .try_for_each(|it| signal(out, it, it.meta.as_ref()))
}

pub(super) fn signal(
    out: &mut Vec<u8>,
    signal: &SignalDefinition,
    meta: Option<&SignalMeta>,
) -> Written {
    out.str(&signal.address)?;
    out.push(signal.signal.code());
    out.push(
        flag(0x01, signal.datatype.is_some())
            | flag(0x02, signal.access.is_some())
            | flag(0x04, meta.is_some()),
    );
    text(out, signal.datatype.as_deref())?;
    text(out, signal.access.as_deref())?;
    meta.map_or(Ok(()), |meta| signal_meta(out, meta))
}

fn signal_meta(out: &mut Vec<u8>, meta: &SignalMeta) -> Written {
    out.push(
        flag(0x01, meta.unit.is_some())
            | flag(0x02, meta.range.is_some())
            | flag(0x04, meta.default.is_some())
            | flag(0x08, meta.description.is_some()),
    );
    text(out, meta.unit.as_deref())?;
    if let Some((least, greatest)) = meta.range {
        out.f64(least);
        out.f64(greatest);
    }
    if let Some(default) = &meta.default {
        encode_value(out, default)?;
    }
    text(out, meta.description.as_deref())
}

fn federation_sync(out: &mut Vec<u8>, sync: &FederationSync) -> Written {
    out.push(sync.op.code());
    out.count(sync.patterns.len())?;
    sync.patterns.iter().try_for_each(|it| out.str(it))?;
    out.count(sync.revisions.len())?;
    for (address, revision) in &sync.revisions {
        out.str(address)?;
        out.u64(*revision);
    }
    out.push(flag(0x80, sync.since_revision.is_some()) | flag(0x40, sync.origin.is_some()));
    number(out, sync.since_revision);
    text(out, sync.origin.as_deref())
}

fn subscribe(out: &mut Vec<u8>, subscribe: &Subscribe) -> Written {
    out.u32(subscribe.id);
    out.str(&subscribe.pattern)?;
    out.push(subscribe.types.bits());
    subscribe_options(out, &subscribe.options);
    Ok(())
}

fn subscribe_options(out: &mut Vec<u8>, options: &SubscribeOptions) {
    out.push(
        flag(0x01, options.max_rate.is_some())
            | flag(0x02, options.epsilon.is_some())
            | flag(0x04, options.history.is_some())
            | flag(0x08, options.window.is_some()),
    );
    short(out, options.max_rate);
    number(out, options.epsilon.map(f64::to_bits));
    short(out, options.history);
    short(out, options.window);
}

fn publish(out: &mut Vec<u8>, publish: &Publish) -> Written {
    let signal = publish.signal.unwrap_or(Signal::Event);
    out.push(
        signal.code() << 5
            | flag(0x10, publish.timestamp.is_some())
            | flag(0x08, publish.id.is_some())
            | publish.phase.unwrap_or_default().code(),
    );
    out.str(&publish.address)?;
    publish_body(out, publish)?;
    number(out, publish.timestamp);
    short(out, publish.id);
    short(out, publish.rate);
    Ok(())
}

/// Published encoders drop a timeline; as a value it reaches every client
/// (protocol/wire.md 6.10, 6.11).
fn publish_body(out: &mut Vec<u8>, publish: &Publish) -> Written {
    if let Some(value) = publish.value.as_ref().or(publish.payload.as_ref()) {
        out.push(1);
        encode_value(out, value)?;
    } else if let Some(timeline) = &publish.timeline {
        out.push(1);
        encode_value(out, &timeline.to_value())?;
    } else if let Some(samples) = &publish.samples {
        out.push(2);
        out.count(samples.len())?;
        samples.iter().for_each(|sample| out.f64(*sample));
    } else {
        out.push(0);
    }
    Ok(())
}

fn set(out: &mut Vec<u8>, set: &Set) -> Written {
    out.push(
        code_of(&set.value)
            | flag(0x80, set.revision.is_some())
            | flag(0x40, set.lock)
            | flag(0x20, set.unlock)
            | flag(0x10, set.ttl.is_some()),
    );
    out.str(&set.address)?;
    write_body(out, &set.value, 0)?;
    number(out, set.revision);
    short(out, set.ttl.map(|ttl| ttl.bits()));
    Ok(())
}

fn param(out: &mut Vec<u8>, param: &Param) -> Written {
    out.str(&param.address)?;
    encode_value(out, &param.value)?;
    out.u64(param.revision);
    out.push(flag(0x01, param.writer.is_some()) | flag(0x02, param.timestamp.is_some()));
    text(out, param.writer.as_deref())?;
    number(out, param.timestamp);
    Ok(())
}

fn replay(out: &mut Vec<u8>, replay: &Replay) -> Written {
    out.push(
        flag(0x80, replay.from.is_some())
            | flag(0x40, replay.to.is_some())
            | flag(0x20, replay.limit.is_some()),
    );
    out.str(&replay.pattern)?;
    number(out, replay.from);
    number(out, replay.to);
    short(out, replay.limit);
    out.push(replay.types.bits());
    Ok(())
}

fn bundle(out: &mut Vec<u8>, bundle: &Bundle, depth: usize) -> Written {
    if depth == BUNDLE_NESTING_MAX {
        return Err(EncodeError::BundleTooDeep);
    }
    let found = bundle.messages.len();
    if found > BUNDLE_MEMBERS_MAX {
        return Err(EncodeError::TooManyMembers { found });
    }
    out.push(flag(BUNDLE_TIMESTAMP, bundle.timestamp.is_some()));
    out.count(found)?;
    number(out, bundle.timestamp);
    for message in &bundle.messages {
        let length_at = out.len();
        out.u16(0);
        write_payload(out, message, depth + 1)?;
        let length = (out.len() - length_at - 2) as u16;
        out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

fn sync(out: &mut Vec<u8>, sync: &Sync) {
    out.push(flag(0x01, sync.t2.is_some()) | flag(0x02, sync.t3.is_some()));
    out.u64(sync.t1);
    number(out, sync.t2);
    number(out, sync.t3);
}

fn ack(out: &mut Vec<u8>, ack: &Ack) -> Written {
    out.push(
        flag(0x01, ack.address.is_some())
            | flag(0x02, ack.revision.is_some())
            | flag(0x04, ack.locked.is_some())
            | flag(0x08, ack.holder.is_some())
            | flag(0x10, ack.correlation_id.is_some()),
    );
    text(out, ack.address.as_deref())?;
    number(out, ack.revision);
    out.extend(ack.locked.map(u8::from));
    text(out, ack.holder.as_deref())?;
    short(out, ack.correlation_id);
    Ok(())
}

fn error(out: &mut Vec<u8>, error: &ErrorMessage) -> Written {
    out.u16(error.code);
    out.str(&error.message)?;
    out.push(flag(0x01, error.address.is_some()) | flag(0x02, error.correlation_id.is_some()));
    text(out, error.address.as_deref())?;
    short(out, error.correlation_id);
    Ok(())
}

fn text(out: &mut Vec<u8>, text: Option<&str>) -> Written {
    text.map_or(Ok(()), |text| out.str(text))
}

fn number(out: &mut Vec<u8>, number: Option<u64>) {
    if let Some(number) = number {
        out.u64(number);
    }
}

fn short(out: &mut Vec<u8>, number: Option<u32>) {
    if let Some(number) = number {
        out.u32(number);
    }
}
