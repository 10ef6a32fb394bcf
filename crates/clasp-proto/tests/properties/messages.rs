//! Any message, and what each encoding carries of it.

use clasp_proto::{
    Ack, Announce, Bundle, Capabilities, Easing, ErrorMessage, Features, FederationOp,
    FederationSync, Get, Hello, Keyframe, Message, Param, Phase, Publish, Query, QueryResult,
    Replay, Set, Signal, SignalDefinition, SignalMeta, Snapshot, Subscribe, SubscribeOptions, Sync,
    Timeline, Ttl, TypeMask, Unsubscribe, Value, Welcome,
};
use proptest::collection::{btree_map, vec};
use proptest::num::f64::ANY;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Any message that a program can make, bundles included.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    single().prop_recursive(3, 24, 4, |inner| {
        let bundle = (of(any::<u64>()), vec(inner, 0..4));
        bundle.prop_map(|(timestamp, messages)| {
            Message::Bundle(Bundle {
                timestamp,
                messages,
            })
        })
    })
}

/// Any value; floats of any bits.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        ANY.prop_map(Value::Float),
        text().prop_map(Value::String),
        vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map(text(), inner, 0..4).prop_map(Value::Map),
        ]
    })
}

/// What is left of a message after a way through the compact encoding (protocol/wire.md 6).
pub(crate) fn carried_by_v1(message: Message) -> Message {
    match message {
        Message::Hello(hello) => Message::Hello(Hello {
            capabilities: None,
            ..hello
        }),
        Message::Welcome(welcome) => {
            let features = welcome.features.intersection(Features::SIGNALS);
            Message::Welcome(Welcome {
                features,
                ..welcome
            })
        }
        Message::Announce(announce) => Message::Announce(Announce {
            meta: None,
            ..announce
        }),
        Message::Set(mut set) => {
            set.ttl = set.ttl.map(|ttl| Ttl::from_bits(ttl.bits()));
            Message::Set(set)
        }
        Message::Publish(publish) => Message::Publish(publish_in_v1(publish)),
        Message::Result(mut result) => {
            result
                .signals
                .iter_mut()
                .for_each(|signal| signal.meta = None);
            Message::Result(result)
        }
        Message::Bundle(mut bundle) => {
            bundle.messages = bundle.messages.into_iter().map(carried_by_v1).collect();
            Message::Bundle(bundle)
        }
        other => other,
    }
}

/// What is left of a message after a way through MessagePack: an optional null is absent
/// (protocol/wire.md 8).
pub(crate) fn carried_by_v0(message: Message) -> Message {
    let not_null = |value: &Value| !value.is_null();
    let definition = |signal: &mut SignalDefinition| {
        if let Some(meta) = &mut signal.meta {
            meta.default = meta.default.take().filter(not_null);
        }
    };
    match message {
        Message::Publish(mut publish) => {
            publish.value = publish.value.filter(not_null);
            publish.payload = publish.payload.filter(not_null);
            Message::Publish(publish)
        }
        Message::Announce(mut announce) => {
            announce.signals.iter_mut().for_each(definition);
            Message::Announce(announce)
        }
        Message::Result(mut result) => {
            result.signals.iter_mut().for_each(definition);
            Message::Result(result)
        }
        Message::Bundle(mut bundle) => {
            bundle.messages = bundle.messages.into_iter().map(carried_by_v0).collect();
            Message::Bundle(bundle)
        }
        other => other,
    }
}

/// One slot for the data, a signal and a phase always (protocol/wire.md 6).
fn publish_in_v1(publish: Publish) -> Publish {
    let timeline = publish.timeline.map(|timeline| timeline.to_value());
    let value = publish.value.or(publish.payload).or(timeline);
    let samples = publish.samples.filter(|_| value.is_none());
    Publish {
        signal: Some(publish.signal.unwrap_or(Signal::Event)),
        phase: Some(publish.phase.unwrap_or_default()),
        value,
        samples,
        payload: None,
        timeline: None,
        ..publish
    }
}

fn single() -> impl Strategy<Value = Message> {
    prop_oneof![
        3 => set().prop_map(Message::Set),
        3 => publish().prop_map(Message::Publish),
        1 => vec(param(), 0..4).prop_map(|params| Message::Snapshot(Snapshot { params })),
        1 => hello().prop_map(Message::Hello),
        1 => welcome().prop_map(Message::Welcome),
        1 => announce().prop_map(Message::Announce),
        1 => federation_sync().prop_map(Message::FederationSync),
        1 => subscribe().prop_map(Message::Subscribe),
        1 => replay().prop_map(Message::Replay),
        1 => ack().prop_map(Message::Ack),
        1 => error().prop_map(Message::Error),
        1 => vec(signal(), 0..3).prop_map(|signals| Message::Result(QueryResult { signals })),
        2 => small(),
    ]
}

fn small() -> impl Strategy<Value = Message> {
    prop_oneof![
        any::<u32>().prop_map(|id| Message::Unsubscribe(Unsubscribe { id })),
        text().prop_map(|address| Message::Get(Get { address })),
        text().prop_map(|pattern| Message::Query(Query { pattern })),
        (any::<u64>(), of(any::<u64>()), of(any::<u64>()))
            .prop_map(|(t1, t2, t3)| Message::Sync(Sync { t1, t2, t3 })),
        Just(Message::Ping),
        Just(Message::Pong),
    ]
}

fn hello() -> impl Strategy<Value = Hello> {
    let capabilities =
        (of(any::<bool>()), of(text())).prop_map(|(encryption, compression)| Capabilities {
            encryption,
            compression,
        });
    (any::<u8>(), features(), text(), token(), of(capabilities)).prop_map(
        |(version, features, name, token, capabilities)| Hello {
            version,
            features,
            name,
            token,
            capabilities,
        },
    )
}

fn welcome() -> impl Strategy<Value = Welcome> {
    (
        any::<u8>(),
        features(),
        any::<u64>(),
        text(),
        text(),
        token(),
    )
        .prop_map(|(version, features, time, session, name, token)| Welcome {
            version,
            features,
            time,
            session,
            name,
            token,
        })
}

fn announce() -> impl Strategy<Value = Announce> {
    let meta = of(btree_map(text(), value(), 0..3));
    (text(), vec(signal(), 0..3), meta).prop_map(|(namespace, signals, meta)| Announce {
        namespace,
        signals,
        meta,
    })
}

fn signal() -> impl Strategy<Value = SignalDefinition> {
    (text(), kind(), of(text()), of(text()), of(signal_meta())).prop_map(
        |(address, signal, datatype, access, meta)| SignalDefinition {
            address,
            signal,
            datatype,
            access,
            meta,
        },
    )
}

fn signal_meta() -> impl Strategy<Value = SignalMeta> {
    (of(text()), of((ANY, ANY)), of(value()), of(text())).prop_map(
        |(unit, range, default, description)| SignalMeta {
            unit,
            range,
            default,
            description,
        },
    )
}

fn federation_sync() -> impl Strategy<Value = FederationSync> {
    let op = select(FederationOp::ALL.to_vec());
    let revisions = btree_map(text(), any::<u64>(), 0..4);
    (
        op,
        vec(text(), 0..4),
        revisions,
        of(any::<u64>()),
        of(text()),
    )
        .prop_map(
            |(op, patterns, revisions, since_revision, origin)| FederationSync {
                op,
                patterns,
                revisions,
                since_revision,
                origin,
            },
        )
}

fn subscribe() -> impl Strategy<Value = Subscribe> {
    let options = (
        of(any::<u32>()),
        of(ANY),
        of(any::<u32>()),
        of(any::<u32>()),
    )
        .prop_map(|(max_rate, epsilon, history, window)| SubscribeOptions {
            max_rate,
            epsilon,
            history,
            window,
        });
    (any::<u32>(), text(), types(), options).prop_map(|(id, pattern, types, options)| Subscribe {
        id,
        pattern,
        types,
        options,
    })
}

fn set() -> impl Strategy<Value = Set> {
    (
        text(),
        value(),
        of(any::<u64>()),
        any::<bool>(),
        any::<bool>(),
        of(ttl()),
    )
        .prop_map(|(address, value, revision, lock, unlock, ttl)| Set {
            address,
            value,
            revision,
            lock,
            unlock,
            ttl,
        })
}

fn ttl() -> impl Strategy<Value = Ttl> {
    prop_oneof![
        Just(Ttl::Never),
        any::<u32>().prop_map(Ttl::Sliding),
        any::<u32>().prop_map(Ttl::Absolute),
    ]
}

fn publish() -> impl Strategy<Value = Publish> {
    let data = (of(value()), of(value()), of(vec(ANY, 0..4)), of(timeline()));
    let numbers = (of(any::<u32>()), of(any::<u32>()), of(any::<u64>()));
    let phase = of(select(Phase::ALL.to_vec()));
    (text(), of(kind()), phase, data, numbers).prop_map(
        |(address, signal, phase, data, (rate, id, timestamp))| {
            let (value, payload, samples, timeline) = data;
            Publish {
                address,
                signal,
                value,
                payload,
                samples,
                rate,
                id,
                phase,
                timestamp,
                timeline,
            }
        },
    )
}

fn timeline() -> impl Strategy<Value = Timeline> {
    let keyframes = vec(keyframe(), 0..3);
    (keyframes, any::<bool>(), of(any::<u64>()), of(any::<u64>())).prop_map(
        |(keyframes, looping, start_time, duration)| Timeline {
            keyframes,
            looping,
            start_time,
            duration,
        },
    )
}

fn keyframe() -> impl Strategy<Value = Keyframe> {
    let bezier = of(prop::array::uniform4(ANY));
    (any::<u64>(), value(), select(Easing::ALL.to_vec()), bezier).prop_map(
        |(time, value, easing, bezier)| Keyframe {
            time,
            value,
            easing,
            bezier,
        },
    )
}

fn param() -> impl Strategy<Value = Param> {
    (text(), value(), any::<u64>(), of(text()), of(any::<u64>())).prop_map(
        |(address, value, revision, writer, timestamp)| Param {
            address,
            value,
            revision,
            writer,
            timestamp,
        },
    )
}

fn replay() -> impl Strategy<Value = Replay> {
    (
        text(),
        of(any::<u64>()),
        of(any::<u64>()),
        of(any::<u32>()),
        types(),
    )
        .prop_map(|(pattern, from, to, limit, types)| Replay {
            pattern,
            from,
            to,
            limit,
            types,
        })
}

fn ack() -> impl Strategy<Value = Ack> {
    (
        of(text()),
        of(any::<u64>()),
        of(any::<bool>()),
        of(text()),
        of(any::<u32>()),
    )
        .prop_map(|(address, revision, locked, holder, correlation_id)| Ack {
            address,
            revision,
            locked,
            holder,
            correlation_id,
        })
}

fn error() -> impl Strategy<Value = ErrorMessage> {
    (any::<u16>(), text(), of(text()), of(any::<u32>())).prop_map(
        |(code, message, address, correlation_id)| ErrorMessage {
            code,
            message,
            address,
            correlation_id,
        },
    )
}

fn features() -> impl Strategy<Value = Features> {
    any::<u8>().prop_map(Features::from_bits)
}

fn types() -> impl Strategy<Value = TypeMask> {
    subsequence(Signal::ALL.to_vec(), 0..=5).prop_map(|signals| TypeMask::of(&signals))
}

fn kind() -> impl Strategy<Value = Signal> {
    select(Signal::ALL.to_vec())
}

/// A token is never empty: an empty one is none.
fn token() -> impl Strategy<Value = Option<String>> {
    of("[a-z_0-9]{1,12}")
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["/[a-c]{1,3}(/[a-c]{1,3}){0,2}", ".{0,8}"]
}
