//! Reading v0 messages: one named map per message, keys in any order.

use super::read::Item;
use crate::error::DecodeError;
use crate::limits::{BUNDLE_MEMBERS_MAX, BUNDLE_NESTING_MAX};
use crate::message::{
    Ack, Announce, Bundle, Capabilities, ErrorMessage, FederationOp, FederationSync, Get, Hello,
    Message, Param, Publish, Query, QueryResult, Replay, Set, SignalDefinition, SignalMeta,
    Snapshot, Subscribe, SubscribeOptions, Sync, Unsubscribe, Welcome,
};
use crate::signal::{Features, Phase, Signal, Ttl, TypeMask};
use crate::timeline::{Easing, Keyframe, Timeline};

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads one payload; bytes after the map and unknown keys are ignored (protocol/wire.md 8.1, 8.2).
pub fn decode(payload: &[u8]) -> Result<Message> {
    message(Item::first(payload)?, 0)
}

/// Reads a message that stands inside `depth` bundles.
fn message(item: Item<'_>, depth: usize) -> Result<Message> {
    let kind = item.fields(["type"])?.required(0, Item::str)?;
    Ok(match kind {
        "HELLO" => Message::Hello(hello(item)?),
        "WELCOME" => Message::Welcome(welcome(item)?),
        "ANNOUNCE" => Message::Announce(announce(item)?),
        "FEDERATION_SYNC" => Message::FederationSync(federation_sync(item)?),
        "SUBSCRIBE" => Message::Subscribe(subscribe(item)?),
        "UNSUBSCRIBE" => Message::Unsubscribe(Unsubscribe {
            id: item.fields(["id"])?.required(0, Item::u32)?,
        }),
        "PUBLISH" => Message::Publish(publish(item)?),
        "SET" => Message::Set(set(item)?),
        "GET" => Message::Get(Get {
            address: item.fields(["address"])?.required(0, Item::string)?,
        }),
        "SNAPSHOT" => Message::Snapshot(Snapshot {
            params: list(item, "params", param)?,
        }),
        "REPLAY" => Message::Replay(replay(item)?),
        "BUNDLE" => Message::Bundle(bundle(item, depth)?),
        "SYNC" => Message::Sync(sync(item)?),
        "PING" => Message::Ping,
        "PONG" => Message::Pong,
        "ACK" => Message::Ack(ack(item)?),
        "ERROR" => Message::Error(error(item)?),
        "QUERY" => Message::Query(Query {
            pattern: item.fields(["pattern"])?.required(0, Item::string)?,
        }),
        "RESULT" => Message::Result(QueryResult {
            signals: list(item, "signals", signal)?,
        }),
        _ => {
            let expected = "a message type in capitals, such as SET";
            return Err(DecodeError::UnknownWord { expected });
        }
    })
}

fn hello(item: Item<'_>) -> Result<Hello> {
    let fields = item.fields(["version", "features", "name", "token", "capabilities"])?;
    Ok(Hello {
        version: fields.required(0, Item::u8)?,
        features: fields.optional(1, features)?.unwrap_or_default(),
        name: fields.required(2, Item::string)?,
        token: fields.optional(3, token)?.flatten(),
        capabilities: fields.optional(4, capabilities)?,
    })
}

fn capabilities(item: Item<'_>) -> Result<Capabilities> {
    let fields = item.fields(["encryption", "compression"])?;
    Ok(Capabilities {
        encryption: fields.optional(0, Item::bool)?,
        compression: fields.optional(1, Item::string)?,
    })
}

fn welcome(item: Item<'_>) -> Result<Welcome> {
    let fields = item.fields(["version", "features", "time", "session", "name", "token"])?;
    Ok(Welcome {
        version: fields.required(0, Item::u8)?,
        features: fields.optional(1, features)?.unwrap_or_default(),
        time: fields.required(2, Item::u64)?,
        session: fields.required(3, Item::string)?,
        name: fields.required(4, Item::string)?,
        token: fields.optional(5, token)?.flatten(),
    })
}

/// Unknown names are dropped (protocol/wire.md 6.13).
fn features(item: Item<'_>) -> Result<Features> {
    let named = item.array(|name| name.str().map(Features::from_word))?;
    Ok(named.into_iter().fold(Features::NONE, Features::union))
}

fn announce(item: Item<'_>) -> Result<Announce> {
    let fields = item.fields(["namespace", "signals", "meta"])?;
    Ok(Announce {
        namespace: fields.required(0, Item::string)?,
        signals: fields
            .optional(1, |signals| signals.array(signal))?
            .unwrap_or_default(),
        meta: fields.optional(2, |meta| meta.map(Item::value))?,
    })
}

fn signal(item: Item<'_>) -> Result<SignalDefinition> {
    let fields = item.fields(["address", "type", "datatype", "access", "meta"])?;
    Ok(SignalDefinition {
        address: fields.required(0, Item::string)?,
        signal: fields.required(1, signal_word)?,
        datatype: fields.optional(2, Item::string)?,
        access: fields.optional(3, Item::string)?,
        meta: fields.optional(4, signal_meta)?,
    })
}

fn signal_meta(item: Item<'_>) -> Result<SignalMeta> {
    let fields = item.fields(["unit", "range", "default", "description"])?;
    let range = fields.optional(1, |range| {
        let bounds = range.array(Item::f64)?;
        let bounds = <[f64; 2]>::try_from(bounds);
        bounds.map_err(|_| range.unexpected("an array of two numbers"))
    })?;
    Ok(SignalMeta {
        unit: fields.optional(0, Item::string)?,
        range: range.map(|[least, greatest]| (least, greatest)),
        default: fields.optional(2, Item::value)?,
        description: fields.optional(3, Item::string)?,
    })
}

fn federation_sync(item: Item<'_>) -> Result<FederationSync> {
    let fields = item.fields(["op", "patterns", "revisions", "since_revision", "origin"])?;
    let op = |op: Item<'_>| op.word("a federation operation", FederationOp::from_word);
    Ok(FederationSync {
        op: fields.required(0, op)?,
        patterns: fields
            .optional(1, |patterns| patterns.array(Item::string))?
            .unwrap_or_default(),
        revisions: fields
            .optional(2, |revisions| revisions.map(Item::u64))?
            .unwrap_or_default(),
        since_revision: fields.optional(3, Item::u64)?,
        origin: fields.optional(4, Item::string)?,
    })
}

fn subscribe(item: Item<'_>) -> Result<Subscribe> {
    let fields = item.fields(["id", "pattern", "types", "options"])?;
    Ok(Subscribe {
        id: fields.required(0, Item::u32)?,
        pattern: fields.required(1, Item::string)?,
        types: fields.optional(2, types)?.unwrap_or_default(),
        options: fields.optional(3, subscribe_options)?.unwrap_or_default(),
    })
}

fn subscribe_options(item: Item<'_>) -> Result<SubscribeOptions> {
    let fields = item.fields(["max_rate", "epsilon", "history", "window"])?;
    Ok(SubscribeOptions {
        max_rate: fields.optional(0, Item::u32)?,
        epsilon: fields.optional(1, Item::f64)?,
        history: fields.optional(2, Item::u32)?,
        window: fields.optional(3, Item::u32)?,
    })
}

fn publish(item: Item<'_>) -> Result<Publish> {
    let fields = item.fields([
        "address",
        "signal",
        "value",
        "payload",
        "samples",
        "rate",
        "id",
        "phase",
        "timestamp",
        "timeline",
    ])?;
    let phase = |phase: Item<'_>| phase.word("start, move, end or cancel", Phase::from_word);
    Ok(Publish {
        address: fields.required(0, Item::string)?,
        signal: fields.optional(1, signal_word)?,
        value: fields.optional(2, Item::value)?,
        payload: fields.optional(3, Item::value)?,
        samples: fields.optional(4, |samples| samples.array(Item::f64))?,
        rate: fields.optional(5, Item::u32)?,
        id: fields.optional(6, Item::u32)?,
        phase: fields.optional(7, phase)?,
        timestamp: fields.optional(8, Item::u64)?,
        timeline: fields.optional(9, timeline)?,
    })
}

/// The key is `loop_`, with the underscore (protocol/wire.md 8.4).
fn timeline(item: Item<'_>) -> Result<Timeline> {
    let fields = item.fields(["keyframes", "loop_", "start_time", "duration"])?;
    Ok(Timeline {
        keyframes: fields.required(0, |keyframes| keyframes.array(keyframe))?,
        looping: fields.optional(1, Item::bool)?.unwrap_or_default(),
        start_time: fields.optional(2, Item::u64)?,
        duration: fields.optional(3, Item::u64)?,
    })
}

fn keyframe(item: Item<'_>) -> Result<Keyframe> {
    let fields = item.fields(["time", "value", "easing", "bezier"])?;
    let easing = |easing: Item<'_>| easing.word("an easing such as linear", Easing::from_word);
    let bezier = fields.optional(3, |bezier| {
        let points = <[f64; 4]>::try_from(bezier.array(Item::f64)?);
        points.map_err(|_| bezier.unexpected("an array of four numbers"))
    })?;
    Ok(Keyframe {
        time: fields.required(0, Item::u64)?,
        value: fields.required(1, Item::value)?,
        easing: fields.optional(2, easing)?.unwrap_or_default(),
        bezier,
    })
}

fn set(item: Item<'_>) -> Result<Set> {
    let fields = item.fields(["address", "value", "revision", "lock", "unlock", "ttl"])?;
    Ok(Set {
        address: fields.required(0, Item::string)?,
        value: fields.required(1, Item::value)?,
        revision: fields.optional(2, Item::u64)?,
        lock: fields.optional(3, Item::bool)?.unwrap_or_default(),
        unlock: fields.optional(4, Item::bool)?.unwrap_or_default(),
        ttl: fields.optional(5, ttl)?,
    })
}

/// `"Never"`, or a map with one key that says which kind (protocol/wire.md 8.4).
fn ttl(item: Item<'_>) -> Result<Ttl> {
    let expected = "\"Never\", {\"Sliding\": n} or {\"Absolute\": n}";
    if item.is_text() {
        return item.word(expected, |word| (word == "Never").then_some(Ttl::Never));
    }
    match item.single_entry()? {
        ("Sliding", seconds) => seconds.u32().map(Ttl::Sliding),
        ("Absolute", seconds) => seconds.u32().map(Ttl::Absolute),
        _ => Err(DecodeError::UnknownWord { expected }),
    }
}

fn param(item: Item<'_>) -> Result<Param> {
    let fields = item.fields(["address", "value", "revision", "writer", "timestamp"])?;
    Ok(Param {
        address: fields.required(0, Item::string)?,
        value: fields.required(1, Item::value)?,
        revision: fields.required(2, Item::u64)?,
        writer: fields.optional(3, Item::string)?,
        timestamp: fields.optional(4, Item::u64)?,
    })
}

fn replay(item: Item<'_>) -> Result<Replay> {
    let fields = item.fields(["pattern", "from", "to", "limit", "types"])?;
    Ok(Replay {
        pattern: fields.required(0, Item::string)?,
        from: fields.optional(1, Item::u64)?,
        to: fields.optional(2, Item::u64)?,
        limit: fields.optional(3, Item::u32)?,
        types: fields.optional(4, types)?.unwrap_or_default(),
    })
}

// protocol/wire.md 8.8
fn bundle(item: Item<'_>, depth: usize) -> Result<Bundle> {
    if depth == BUNDLE_NESTING_MAX {
        return Err(DecodeError::BundleTooDeep);
    }
    let fields = item.fields(["timestamp", "messages"])?;
    let members = fields.required(1, |messages| messages.array(Ok))?;
    let found = members.len();
    if found > BUNDLE_MEMBERS_MAX {
        return Err(DecodeError::TooManyMembers { found });
    }
    let members = members.into_iter().map(|member| message(member, depth + 1));
    Ok(Bundle {
        timestamp: fields.optional(0, Item::u64)?,
        messages: members.collect::<Result<_>>()?,
    })
}

fn sync(item: Item<'_>) -> Result<Sync> {
    let fields = item.fields(["t1", "t2", "t3"])?;
    Ok(Sync {
        t1: fields.required(0, Item::u64)?,
        t2: fields.optional(1, Item::u64)?,
        t3: fields.optional(2, Item::u64)?,
    })
}

fn ack(item: Item<'_>) -> Result<Ack> {
    let fields = item.fields(["address", "revision", "locked", "holder", "correlation_id"])?;
    Ok(Ack {
        address: fields.optional(0, Item::string)?,
        revision: fields.optional(1, Item::u64)?,
        locked: fields.optional(2, Item::bool)?,
        holder: fields.optional(3, Item::string)?,
        correlation_id: fields.optional(4, Item::u32)?,
    })
}

fn error(item: Item<'_>) -> Result<ErrorMessage> {
    let fields = item.fields(["code", "message", "address", "correlation_id"])?;
    Ok(ErrorMessage {
        code: fields.required(0, Item::u16)?,
        message: fields.required(1, Item::string)?,
        address: fields.optional(2, Item::string)?,
        correlation_id: fields.optional(3, Item::u32)?,
    })
}

/// The required list of a message that has nothing else.
fn list<'a, T>(
    item: Item<'a>,
    key: &'static str,
    read: impl Fn(Item<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    item.fields([key])?.required(0, |items| items.array(read))
}

fn types(item: Item<'_>) -> Result<TypeMask> {
    let signals = item.array(signal_word)?;
    Ok(TypeMask::of(&signals))
}

fn signal_word(item: Item<'_>) -> Result<Signal> {
    let expected = "param, event, stream, gesture or timeline";
    item.word(expected, Signal::from_word)
}

/// An empty token is none, as in the compact encoding.
fn token(item: Item<'_>) -> Result<Option<String>> {
    let token = item.string()?;
    Ok((!token.is_empty()).then_some(token))
}
