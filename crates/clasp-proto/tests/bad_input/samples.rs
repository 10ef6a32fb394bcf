//! One message of each type that has a length or count field, with every field present.

use clasp_proto::{
    Ack, Announce, Bundle, ErrorMessage, FederationOp, FederationSync, Get, Hello, Message, Param,
    Publish, Query, QueryResult, Replay, Set, Signal, SignalDefinition, SignalMeta, Snapshot,
    Subscribe, Value, Welcome,
};

pub(crate) fn messages() -> Vec<Message> {
    let mut messages = data();
    messages.push(Message::Bundle(Bundle {
        timestamp: Some(1),
        messages: data(),
    }));
    messages.extend(session());
    messages.extend(answers());
    messages
}

fn data() -> Vec<Message> {
    let set = Set {
        address: "/a".into(),
        value: value(),
        ..Set::default()
    };
    let publish = Publish {
        address: "/a".into(),
        value: Some(value()),
        ..Publish::default()
    };
    let samples = Publish {
        value: None,
        samples: Some(vec![1.0; 3]),
        ..publish.clone()
    };
    vec![
        Message::Set(set),
        Message::Publish(publish),
        Message::Publish(samples),
    ]
}

fn session() -> Vec<Message> {
    vec![
        Message::Hello(Hello {
            name: "n".into(),
            token: text(),
            ..Hello::default()
        }),
        Message::Welcome(Welcome {
            session: "s".into(),
            token: text(),
            ..Welcome::default()
        }),
        Message::Announce(Announce {
            signals: vec![signal(); 2],
            ..Announce::default()
        }),
        Message::FederationSync(FederationSync {
            op: FederationOp::RevisionVector,
            patterns: vec!["/a".into(); 2],
            revisions: [("/a".to_owned(), 1)].into(),
            since_revision: Some(1),
            origin: text(),
        }),
        Message::Subscribe(Subscribe {
            pattern: "/a".into(),
            ..Subscribe::default()
        }),
        Message::Get(Get {
            address: "/a".into(),
        }),
        Message::Replay(Replay {
            pattern: "/a".into(),
            ..Replay::default()
        }),
        Message::Query(Query {
            pattern: "/a".into(),
        }),
    ]
}

fn answers() -> Vec<Message> {
    let param = Param {
        address: "/a".into(),
        value: value(),
        writer: text(),
        ..Param::default()
    };
    let error = ErrorMessage {
        message: "m".into(),
        address: text(),
        ..ErrorMessage::default()
    };
    vec![
        Message::Snapshot(Snapshot {
            params: vec![param; 2],
        }),
        Message::Ack(Ack {
            address: text(),
            holder: text(),
            ..Ack::default()
        }),
        Message::Error(error),
        Message::Result(QueryResult {
            signals: vec![signal(); 2],
        }),
    ]
}

fn signal() -> SignalDefinition {
    SignalDefinition {
        address: "/a".into(),
        signal: Signal::Stream,
        datatype: text(),
        access: text(),
        meta: Some(SignalMeta {
            unit: text(),
            range: Some((0.0, 1.0)),
            default: Some(value()),
            description: text(),
        }),
    }
}

fn value() -> Value {
    Value::from([(
        "k",
        Value::Array(vec![Value::from("v"), Value::Bytes(vec![1])]),
    )])
}

fn text() -> Option<String> {
    Some("t".to_owned())
}
