//! Messages as the vectors describe them. Strict: a key that nobody takes is an error, so nothing
//! that a vector says goes unchecked.

use clasp_proto::{
    Ack, Announce, Bundle, Capabilities, Easing, ErrorMessage, Features, FederationOp,
    FederationSync, Get, Hello, Keyframe, Message, Param, Phase, Publish, Query, QueryResult,
    Replay, Set, Signal, SignalDefinition, SignalMeta, Snapshot, Subscribe, SubscribeOptions, Sync,
    Timeline, Ttl, TypeMask, Unsubscribe, Value, Welcome,
};
use serde_json::{Map, Value as Json};

use crate::frame::hex;

pub(crate) fn message(json: &Json) -> Message {
    let mut object = Object::new(json);
    let message = match text(&object.take("type").expect("a type")).as_str() {
        "HELLO" => Message::Hello(hello(&mut object)),
        "WELCOME" => Message::Welcome(welcome(&mut object)),
        "ANNOUNCE" => Message::Announce(announce(&mut object)),
        "FEDERATION_SYNC" => Message::FederationSync(federation_sync(&mut object)),
        "SUBSCRIBE" => Message::Subscribe(subscribe(&mut object)),
        "UNSUBSCRIBE" => Message::Unsubscribe(Unsubscribe {
            id: object.must("id", narrow),
        }),
        "PUBLISH" => Message::Publish(publish(&mut object)),
        "SET" => Message::Set(set(&mut object)),
        "GET" => Message::Get(Get {
            address: object.must("address", text),
        }),
        "SNAPSHOT" => Message::Snapshot(Snapshot {
            params: params(&mut object),
        }),
        "REPLAY" => Message::Replay(replay(&mut object)),
        "BUNDLE" => Message::Bundle(Bundle {
            timestamp: object.may("timestamp", number),
            messages: object.must("messages", |it| list(it, message)),
        }),
        "SYNC" => Message::Sync(Sync {
            t1: object.must("t1", number),
            t2: object.may("t2", number),
            t3: object.may("t3", number),
        }),
        "PING" => Message::Ping,
        "PONG" => Message::Pong,
        "ACK" => Message::Ack(ack(&mut object)),
        "ERROR" => Message::Error(error(&mut object)),
        "QUERY" => Message::Query(Query {
            pattern: object.must("pattern", text),
        }),
        "RESULT" => Message::Result(QueryResult {
            signals: object.must("signals", |it| list(it, signal)),
        }),
        kind => panic!("unknown type {kind}"),
    };
    object.finish(json);
    message
}

/// A SET of `/a` to these bytes: what `v0-bin-*` mean here.
pub(crate) fn set_bytes(bytes: &[u8]) -> Message {
    Message::Set(Set {
        address: "/a".into(),
        value: bytes.to_vec().into(),
        ..Set::default()
    })
}

/// A JSON object whose keys are taken one by one.
struct Object(Map<String, Json>);

impl Object {
    fn new(json: &Json) -> Self {
        Self(
            json.as_object()
                .unwrap_or_else(|| panic!("not an object: {json}"))
                .clone(),
        )
    }

    fn take(&mut self, key: &str) -> Option<Json> {
        self.0.remove(key)
    }

    fn may<T>(&mut self, key: &str, read: impl FnOnce(&Json) -> T) -> Option<T> {
        self.take(key).map(|json| read(&json))
    }

    fn must<T>(&mut self, key: &str, read: impl FnOnce(&Json) -> T) -> T {
        self.may(key, read)
            .unwrap_or_else(|| panic!("no {key} in {:?}", self.0))
    }

    fn finish(self, json: &Json) {
        assert!(self.0.is_empty(), "nobody took {:?} of {json}", self.0);
    }
}

fn hello(object: &mut Object) -> Hello {
    Hello {
        version: object.must("version", byte),
        features: object.must("features", features),
        name: object.must("name", text),
        token: object.may("token", text),
        capabilities: object.may("capabilities", |json| {
            let mut object = Object::new(json);
            let capabilities = Capabilities {
                encryption: object.may("encryption", truth),
                compression: object.may("compression", text),
            };
            object.finish(json);
            capabilities
        }),
    }
}

fn welcome(object: &mut Object) -> Welcome {
    Welcome {
        version: object.must("version", byte),
        features: object.must("features", features),
        time: object.must("time", number),
        session: object.must("session", text),
        name: object.must("name", text),
        token: object.may("token", text),
    }
}

/// Unknown names are dropped by rule (protocol/wire.md 6), so they are dropped here.
fn features(json: &Json) -> Features {
    let named = list(json, |name| Features::from_word(&text(name)));
    named.into_iter().fold(Features::NONE, Features::union)
}

fn announce(object: &mut Object) -> Announce {
    Announce {
        namespace: object.must("namespace", text),
        signals: object.must("signals", |it| list(it, signal)),
        meta: object.may("meta", |json| {
            let entries = json.as_object().expect("an object").iter();
            entries.map(|(key, it)| (key.clone(), value(it))).collect()
        }),
    }
}

fn signal(json: &Json) -> SignalDefinition {
    let mut object = Object::new(json);
    let signal = SignalDefinition {
        address: object.must("address", text),
        signal: object.must("type", signal_word),
        datatype: object.may("datatype", text),
        access: object.may("access", text),
        meta: object.may("meta", signal_meta),
    };
    object.finish(json);
    signal
}

fn signal_meta(json: &Json) -> SignalMeta {
    let mut object = Object::new(json);
    let meta = SignalMeta {
        unit: object.may("unit", text),
        range: object.may("range", |it| (float(&it[0]), float(&it[1]))),
        default: object.may("default", value),
        description: object.may("description", text),
    };
    object.finish(json);
    meta
}

fn federation_sync(object: &mut Object) -> FederationSync {
    FederationSync {
        op: object.must("op", |it| {
            FederationOp::from_word(&text(it)).expect("an op")
        }),
        patterns: object.must("patterns", |it| list(it, text)),
        revisions: object.must("revisions", |json| {
            let entries = json.as_object().expect("an object").iter();
            entries.map(|(key, it)| (key.clone(), number(it))).collect()
        }),
        since_revision: object.may("since_revision", number),
        origin: object.may("origin", text),
    }
}

/// Empty options are the same as none.
fn subscribe(object: &mut Object) -> Subscribe {
    Subscribe {
        id: object.must("id", narrow),
        pattern: object.must("pattern", text),
        types: object.must("types", types),
        options: object.may("options", options).unwrap_or_default(),
    }
}

fn options(json: &Json) -> SubscribeOptions {
    let mut object = Object::new(json);
    let options = SubscribeOptions {
        max_rate: object.may("max_rate", narrow),
        epsilon: object.may("epsilon", float),
        history: object.may("history", narrow),
        window: object.may("window", narrow),
    };
    object.finish(json);
    options
}

fn publish(object: &mut Object) -> Publish {
    Publish {
        address: object.must("address", text),
        signal: object.may("signal", signal_word),
        value: object.may("value", value),
        payload: object.may("payload", value),
        samples: object.may("samples", samples),
        rate: object.may("rate", narrow),
        id: object.may("id", narrow),
        phase: object.may("phase", |it| Phase::from_word(&text(it)).expect("a phase")),
        timestamp: object.may("timestamp", number),
        timeline: object.may("timeline", timeline),
    }
}

fn timeline(json: &Json) -> Timeline {
    let mut object = Object::new(json);
    let timeline = Timeline {
        keyframes: object.must("keyframes", |it| list(it, keyframe)),
        looping: object.must("loop_", truth),
        start_time: object.may("start_time", number),
        duration: object.may("duration", number),
    };
    object.finish(json);
    timeline
}

/// Values of keyframes are plain JSON numbers in the vectors.
fn keyframe(json: &Json) -> Keyframe {
    let mut object = Object::new(json);
    let keyframe = Keyframe {
        time: object.must("time", number),
        value: object.must("value", |it| Value::Float(it.as_f64().expect("a number"))),
        easing: object.must("easing", |it| {
            Easing::from_word(&text(it)).expect("an easing")
        }),
        bezier: object.may("bezier", |it| {
            let points = list(it, |point| point.as_f64().expect("a number"));
            points.try_into().expect("four numbers")
        }),
    };
    object.finish(json);
    keyframe
}

fn set(object: &mut Object) -> Set {
    Set {
        address: object.must("address", address),
        value: object.must("value", value),
        revision: object.may("revision", number),
        lock: object.may("lock", truth).unwrap_or_default(),
        unlock: object.may("unlock", truth).unwrap_or_default(),
        ttl: object.may("ttl", ttl),
    }
}

fn ttl(json: &Json) -> Ttl {
    if json == "never" {
        return Ttl::Never;
    }
    let mut object = Object::new(json);
    let sliding = object.may("sliding", narrow).map(Ttl::Sliding);
    let ttl = sliding.or_else(|| object.may("absolute", narrow).map(Ttl::Absolute));
    object.finish(json);
    ttl.expect("a kind of ttl")
}

/// A vector too large to print says how many parameters there were and shows the first: the
/// addresses are numbered, writer and timestamp are present.
fn params(object: &mut Object) -> Vec<Param> {
    let Some(count) = object.may("params_count", number) else {
        return object.must("params", |it| list(it, param));
    };
    let first = object.must("first", |it| it.clone());
    let numbered = |index: u64| Param {
        address: text(&first["address"]).replace("0000", &format!("{index:04}")),
        value: value(&first["value"]),
        revision: 1,
        writer: Some("w".repeat(36)),
        timestamp: Some(1),
    };
    (0..count).map(numbered).collect()
}

fn param(json: &Json) -> Param {
    let mut object = Object::new(json);
    let param = Param {
        address: object.must("address", text),
        value: object.must("value", value),
        revision: object.must("revision", number),
        writer: object.may("writer", text),
        timestamp: object.may("timestamp", number),
    };
    object.finish(json);
    param
}

fn replay(object: &mut Object) -> Replay {
    Replay {
        pattern: object.must("pattern", text),
        from: object.may("from", number),
        to: object.may("to", number),
        limit: object.may("limit", narrow),
        types: object.must("types", types),
    }
}

fn ack(object: &mut Object) -> Ack {
    Ack {
        address: object.may("address", text),
        revision: object.may("revision", number),
        locked: object.may("locked", truth),
        holder: object.may("holder", text),
        correlation_id: object.may("correlation_id", narrow),
    }
}

fn error(object: &mut Object) -> ErrorMessage {
    ErrorMessage {
        code: object.must("code", |it| number(it).try_into().expect("a u16")),
        message: object.must("message", text),
        address: object.may("address", text),
        correlation_id: object.may("correlation_id", narrow),
    }
}

/// Values that are too long to print are one thing repeated; which, their frames show.
fn value(json: &Json) -> Value {
    let mut object = Object::new(json);
    let value = match text(&object.take("t").expect("a type")).as_str() {
        "null" => Value::Null,
        "bool" => Value::Bool(object.must("v", truth)),
        "i64" => Value::Int(object.must("v", |it| text(it).parse().expect("an i64"))),
        "f64" => Value::Float(object.must("bits", |it| bits(&text(it)))),
        "string" => Value::String(string(&mut object)),
        "bytes" => Value::Bytes(match object.may("len", number) {
            Some(length) => vec![0xAB; length as usize],
            None => object.must("hex", |it| hex(&text(it))),
        }),
        "array" => array(&mut object),
        "map" => map(&mut object),
        kind => panic!("unknown type {kind}"),
    };
    if matches!(value, Value::Float(_)) {
        object.take("v");
    }
    object.finish(json);
    value
}

fn string(object: &mut Object) -> String {
    match object.may("len_bytes", number) {
        Some(length) => {
            let starts = object.must("starts", text);
            starts[..1].repeat(length as usize)
        }
        None => object.must("v", text),
    }
}

fn array(object: &mut Object) -> Value {
    if let Some(depth) = object.may("nesting_depth", number) {
        return (1..depth).fold(Value::Array(Vec::new()), |inner, _| {
            Value::Array(vec![inner])
        });
    }
    Value::Array(match object.may("len", number) {
        Some(count) => vec![object.must("first", value); count as usize],
        None => object.must("v", |it| list(it, value)),
    })
}

fn map(object: &mut Object) -> Value {
    if let Some(depth) = object.may("nesting_depth", number) {
        let outer = |inner| Value::from([("", inner)]);
        return (1..depth).fold(Value::Map([].into()), |inner, _| outer(inner));
    }
    Value::Map(object.must("v", |it| list(it, entry).into_iter().collect()))
}

fn entry(json: &Json) -> (String, Value) {
    (text(&json[0]), value(&json[1]))
}

fn samples(json: &Json) -> Vec<f64> {
    match json.as_object() {
        Some(long) => vec![1.0; number(&long["len"]) as usize],
        None => list(json, float),
    }
}

fn address(json: &Json) -> String {
    match json.as_object() {
        Some(long) => format!("/{}", "a".repeat(number(&long["len_bytes"]) as usize - 1)),
        None => text(json),
    }
}

fn types(json: &Json) -> TypeMask {
    TypeMask::of(&list(json, signal_word))
}

fn signal_word(json: &Json) -> Signal {
    Signal::from_word(&text(json)).expect("a signal kind")
}

fn list<T>(json: &Json, read: impl Fn(&Json) -> T) -> Vec<T> {
    json.as_array()
        .unwrap_or_else(|| panic!("not a list: {json}"))
        .iter()
        .map(read)
        .collect()
}

fn text(json: &Json) -> String {
    json.as_str()
        .unwrap_or_else(|| panic!("not text: {json}"))
        .to_owned()
}

/// 64-bit numbers are text in the vectors, smaller ones are numbers.
fn number(json: &Json) -> u64 {
    let number = json
        .as_u64()
        .or_else(|| json.as_str().and_then(|text| text.parse().ok()));
    number.unwrap_or_else(|| panic!("not a number: {json}"))
}

fn narrow(json: &Json) -> u32 {
    number(json).try_into().expect("a u32")
}

fn byte(json: &Json) -> u8 {
    number(json).try_into().expect("a u8")
}

fn float(json: &Json) -> f64 {
    text(json).parse().expect("a float")
}

fn bits(text: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(text, 16).expect("hex"))
}

fn truth(json: &Json) -> bool {
    json.as_bool()
        .unwrap_or_else(|| panic!("not a truth value: {json}"))
}
