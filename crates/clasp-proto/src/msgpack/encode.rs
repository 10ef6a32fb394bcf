//! Writing v0 messages, for tools and tests; a server never sends them.

use std::collections::BTreeMap;

use rmp::encode as write;

use crate::error::EncodeError;
use crate::limits::{BUNDLE_MEMBERS_MAX, BUNDLE_NESTING_MAX, FRAME_PAYLOAD_MAX, NESTING_MAX};
use crate::message::{
    Ack, Announce, Capabilities, ErrorMessage, FederationSync, Hello, Message, Param, Publish,
    Replay, Set, SignalDefinition, SignalMeta, Subscribe, SubscribeOptions, Sync, Welcome,
};
use crate::signal::{Features, Signal, Ttl, TypeMask};
use crate::timeline::{Keyframe, Timeline};
use crate::value::Value;

/// Appends the payload of a message; absent fields are left out. Fails, and appends nothing, when
/// the payload does not fit a frame or nests too deep.
pub fn encode(message: &Message, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut payload = Vec::new();
    tree(message, 0)?.write(&mut payload)?;
    if payload.len() > FRAME_PAYLOAD_MAX {
        let found = payload.len();
        return Err(EncodeError::PayloadTooLarge { found });
    }
    out.append(&mut payload);
    Ok(())
}

/// The entries of a map that is being written; MessagePack says their number first.
#[derive(Default)]
struct Entries {
    count: u32,
    bytes: Vec<u8>,
}

impl Entries {
    fn add<T: Write + ?Sized>(mut self, key: &str, value: &T) -> Result<Self, EncodeError> {
        key.write(&mut self.bytes)?;
        value.write(&mut self.bytes)?;
        self.count += 1;
        Ok(self)
    }

    fn maybe<T: Write>(self, key: &str, value: &Option<T>) -> Result<Self, EncodeError> {
        match value {
            Some(value) => self.add(key, value),
            None => Ok(self),
        }
    }
}

/// What can stand behind a key.
trait Write {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

/// A message that stands inside `depth` bundles.
fn tree(message: &Message, depth: usize) -> Result<Entries, EncodeError> {
    let entries = Entries::default().add("type", message.name())?;
    match message {
        Message::Hello(it) => hello(entries, it),
        Message::Welcome(it) => welcome(entries, it),
        Message::Announce(it) => announce(entries, it),
        Message::FederationSync(it) => federation_sync(entries, it),
        Message::Subscribe(it) => subscribe(entries, it),
        Message::Unsubscribe(it) => entries.add("id", &it.id),
        Message::Publish(it) => publish(entries, it),
        Message::Set(it) => set(entries, it),
        Message::Get(it) => entries.add("address", &it.address),
        Message::Snapshot(it) => entries.add("params", &it.params),
        Message::Replay(it) => replay(entries, it),
        Message::Bundle(it) => {
            let members = members(&it.messages, depth)?;
            entries
                .maybe("timestamp", &it.timestamp)?
                .add("messages", &members)
        }
        Message::Sync(it) => sync(entries, it),
        Message::Ping | Message::Pong => Ok(entries),
        Message::Ack(it) => ack(entries, it),
        Message::Error(it) => error(entries, it),
        Message::Query(it) => entries.add("pattern", &it.pattern),
        Message::Result(it) => entries.add("signals", &it.signals),
    }
}

fn hello(entries: Entries, hello: &Hello) -> Result<Entries, EncodeError> {
    entries
        .add("version", &u64::from(hello.version))?
        .add("features", &hello.features)?
        .add("name", &hello.name)?
        .maybe("token", &hello.token)?
        .maybe("capabilities", &hello.capabilities)
}

fn welcome(entries: Entries, welcome: &Welcome) -> Result<Entries, EncodeError> {
    entries
        .add("version", &u64::from(welcome.version))?
        .add("features", &welcome.features)?
        .add("time", &welcome.time)?
        .add("session", &welcome.session)?
        .add("name", &welcome.name)?
        .maybe("token", &welcome.token)
}

fn announce(entries: Entries, announce: &Announce) -> Result<Entries, EncodeError> {
    let meta = announce.meta.as_ref().map(map).transpose()?;
    entries
        .add("namespace", &announce.namespace)?
        .add("signals", &announce.signals)?
        .maybe("meta", &meta)
}

fn federation_sync(entries: Entries, sync: &FederationSync) -> Result<Entries, EncodeError> {
    let revisions = map(&sync.revisions)?;
    entries
        .add("op", sync.op.word())?
        .add("patterns", &sync.patterns)?
        .add("revisions", &revisions)?
        .maybe("since_revision", &sync.since_revision)?
        .maybe("origin", &sync.origin)
}

fn subscribe(entries: Entries, subscribe: &Subscribe) -> Result<Entries, EncodeError> {
    entries
        .add("id", &subscribe.id)?
        .add("pattern", &subscribe.pattern)?
        .add("types", &subscribe.types)?
        .add("options", &subscribe.options)
}

fn publish(entries: Entries, publish: &Publish) -> Result<Entries, EncodeError> {
    entries
        .add("address", &publish.address)?
        .maybe("signal", &publish.signal)?
        .maybe("value", &publish.value)?
        .maybe("payload", &publish.payload)?
        .maybe("samples", &publish.samples)?
        .maybe("rate", &publish.rate)?
        .maybe("id", &publish.id)?
        .maybe("phase", &publish.phase.map(|phase| phase.word().to_owned()))?
        .maybe("timestamp", &publish.timestamp)?
        .maybe("timeline", &publish.timeline)
}

fn set(entries: Entries, set: &Set) -> Result<Entries, EncodeError> {
    entries
        .add("address", &set.address)?
        .add("value", &set.value)?
        .maybe("revision", &set.revision)?
        .add("lock", &set.lock)?
        .add("unlock", &set.unlock)?
        .maybe("ttl", &set.ttl)
}

fn replay(entries: Entries, replay: &Replay) -> Result<Entries, EncodeError> {
    entries
        .add("pattern", &replay.pattern)?
        .maybe("from", &replay.from)?
        .maybe("to", &replay.to)?
        .maybe("limit", &replay.limit)?
        .add("types", &replay.types)
}

fn members(messages: &[Message], depth: usize) -> Result<Vec<Entries>, EncodeError> {
    if depth == BUNDLE_NESTING_MAX {
        return Err(EncodeError::BundleTooDeep);
    }
    let found = messages.len();
    if found > BUNDLE_MEMBERS_MAX {
        return Err(EncodeError::TooManyMembers { found });
    }
    messages.iter().map(|it| tree(it, depth + 1)).collect()
}

fn sync(entries: Entries, sync: &Sync) -> Result<Entries, EncodeError> {
    entries
        .add("t1", &sync.t1)?
        .maybe("t2", &sync.t2)?
        .maybe("t3", &sync.t3)
}

fn ack(entries: Entries, ack: &Ack) -> Result<Entries, EncodeError> {
    entries
        .maybe("address", &ack.address)?
        .maybe("revision", &ack.revision)?
        .maybe("locked", &ack.locked)?
        .maybe("holder", &ack.holder)?
        .maybe("correlation_id", &ack.correlation_id)
}

fn error(entries: Entries, error: &ErrorMessage) -> Result<Entries, EncodeError> {
    entries
        .add("code", &u64::from(error.code))?
        .add("message", &error.message)?
        .maybe("address", &error.address)?
        .maybe("correlation_id", &error.correlation_id)
}

/// Named items that are not a value themselves, so that the nesting of each counts by itself.
fn map<T: Write>(items: &BTreeMap<String, T>) -> Result<Entries, EncodeError> {
    let mut entries = Entries::default();
    for (name, item) in items {
        entries = entries.add(name, item)?;
    }
    Ok(entries)
}

impl Write for Entries {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        infallible(write::write_map_len(out, self.count));
        out.extend_from_slice(&self.bytes);
        Ok(())
    }
}

impl Write for str {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.len() > FRAME_PAYLOAD_MAX {
            return Err(EncodeError::StringTooLong { found: self.len() });
        }
        infallible(write::write_str(out, self));
        Ok(())
    }
}

impl Write for String {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.as_str().write(out)
    }
}

impl Write for bool {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(if *self { 0xC3 } else { 0xC2 });
        Ok(())
    }
}

impl Write for u32 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        u64::from(*self).write(out)
    }
}

impl Write for u64 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        infallible(write::write_uint(out, *self));
        Ok(())
    }
}

impl Write for f64 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        infallible(write::write_f64(out, *self));
        Ok(())
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let found = self.len();
        let count = u32::try_from(found).map_err(|_| EncodeError::TooManyEntries { found })?;
        infallible(write::write_array_len(out, count));
        self.iter().try_for_each(|item| item.write(out))
    }
}

impl Write for Value {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_value(out, self, 0)
    }
}

impl Write for Features {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let words: Vec<String> = self.words().map(str::to_owned).collect();
        words.write(out)
    }
}

impl Write for TypeMask {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let signals: Vec<Signal> = self.signals().collect();
        signals.write(out)
    }
}

impl Write for Signal {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.word().write(out)
    }
}

impl Write for Ttl {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Never => "Never".write(out),
            Self::Sliding(seconds) => Entries::default().add("Sliding", seconds)?.write(out),
            Self::Absolute(seconds) => Entries::default().add("Absolute", seconds)?.write(out),
        }
    }
}

impl Write for Capabilities {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Entries::default()
            .maybe("encryption", &self.encryption)?
            .maybe("compression", &self.compression)?
            .write(out)
    }
}

impl Write for SubscribeOptions {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Entries::default()
            .maybe("max_rate", &self.max_rate)?
            .maybe("epsilon", &self.epsilon)?
            .maybe("history", &self.history)?
            .maybe("window", &self.window)?
            .write(out)
    }
}

impl Write for SignalDefinition {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Entries::default()
            .add("address", &self.address)?
            .add("type", &self.signal)?
            .maybe("datatype", &self.datatype)?
            .maybe("access", &self.access)?
            .maybe("meta", &self.meta)?
            .write(out)
    }
}

impl Write for SignalMeta {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let range = self.range.map(|(least, greatest)| vec![least, greatest]);
        Entries::default()
            .maybe("unit", &self.unit)?
            .maybe("range", &range)?
            .maybe("default", &self.default)?
            .maybe("description", &self.description)?
            .write(out)
    }
}

impl Write for Param {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Entries::default()
            .add("address", &self.address)?
            .add("value", &self.value)?
            .add("revision", &self.revision)?
            .maybe("writer", &self.writer)?
            .maybe("timestamp", &self.timestamp)?
            .write(out)
    }
}

impl Write for Timeline {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Entries::default()
            .add("keyframes", &self.keyframes)?
            .add("loop_", &self.looping)?
            .maybe("start_time", &self.start_time)?
            .maybe("duration", &self.duration)?
            .write(out)
    }
}

impl Write for Keyframe {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Entries::default()
            .add("time", &self.time)?
            .add("value", &self.value)?
            .add("easing", self.easing.word())?
            .maybe("bezier", &self.bezier.map(|points| points.to_vec()))?
            .write(out)
    }
}

/// Appends a value; `depth` containers are around it.
fn write_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), EncodeError> {
    match value {
        Value::Null => infallible(write::write_nil(out)),
        Value::Bool(truth) => truth.write(out)?,
        Value::Int(number) => {
            infallible(write::write_sint(out, *number));
        }
        Value::Float(number) => number.write(out)?,
        Value::String(text) => text.write(out)?,
        Value::Bytes(bytes) if bytes.len() > FRAME_PAYLOAD_MAX => {
            let found = bytes.len();
            return Err(EncodeError::StringTooLong { found });
        }
        Value::Bytes(bytes) => infallible(write::write_bin(out, bytes)),
        Value::Array(_) | Value::Map(_) if depth == NESTING_MAX => {
            return Err(EncodeError::TooDeep);
        }
        Value::Array(values) => {
            let found = values.len();
            let count = u32::try_from(found).map_err(|_| EncodeError::TooManyEntries { found })?;
            infallible(write::write_array_len(out, count));
            for value in values {
                write_value(out, value, depth + 1)?;
            }
        }
        Value::Map(entries) => {
            let found = entries.len();
            let count = u32::try_from(found).map_err(|_| EncodeError::TooManyEntries { found })?;
            infallible(write::write_map_len(out, count));
            for (key, value) in entries {
                key.write(out)?;
                write_value(out, value, depth + 1)?;
            }
        }
    }
    Ok(())
}

/// Writing to memory does not fail.
fn infallible<T, E: std::fmt::Debug>(written: Result<T, E>) -> T {
    written.expect("writing to a Vec does not fail")
}
