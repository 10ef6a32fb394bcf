//! Message and its payload structs; data only. Addresses and patterns are the text of the wire,
//! not validated; times are microseconds since the Unix epoch.

use std::collections::BTreeMap;

use crate::signal::{Features, Phase, Qos, Signal, Ttl, TypeMask};
use crate::timeline::Timeline;
use crate::value::Value;

/// Everything that one payload can say (protocol/wire.md 6).
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A client introduces itself.
    Hello(Hello),
    /// The server answers a HELLO.
    Welcome(Welcome),
    /// A client describes its signals.
    Announce(Announce),
    /// Routers agree on what they share.
    FederationSync(FederationSync),
    /// A client asks for messages.
    Subscribe(Subscribe),
    /// A client asks for them no longer.
    Unsubscribe(Unsubscribe),
    /// A message that is not stored.
    Publish(Publish),
    /// A parameter gets a value.
    Set(Set),
    /// A client asks for a value.
    Get(Get),
    /// Values of parameters.
    Snapshot(Snapshot),
    /// A client asks for the past.
    Replay(Replay),
    /// Messages that belong together.
    Bundle(Bundle),
    /// Clocks are compared.
    Sync(Sync),
    /// Is anybody there?
    Ping,
    /// Yes.
    Pong,
    /// A write was accepted.
    Ack(Ack),
    /// Something was refused.
    Error(ErrorMessage),
    /// A client asks for signal definitions.
    Query(Query),
    /// Signal definitions.
    Result(QueryResult),
}

impl Message {
    /// The name of its type, as in MessagePack.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "HELLO",
            Self::Welcome(_) => "WELCOME",
            Self::Announce(_) => "ANNOUNCE",
            Self::FederationSync(_) => "FEDERATION_SYNC",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::Publish(_) => "PUBLISH",
            Self::Set(_) => "SET",
            Self::Get(_) => "GET",
            Self::Snapshot(_) => "SNAPSHOT",
            Self::Replay(_) => "REPLAY",
            Self::Bundle(_) => "BUNDLE",
            Self::Sync(_) => "SYNC",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::Ack(_) => "ACK",
            Self::Error(_) => "ERROR",
            Self::Query(_) => "QUERY",
            Self::Result(_) => "RESULT",
        }
    }

    /// The quality of service of its frame unless the sender wants another (protocol/wire.md 4.2).
    pub fn qos(&self) -> Qos {
        match self {
            Self::FederationSync(_)
            | Self::Subscribe(_)
            | Self::Unsubscribe(_)
            | Self::Set(_)
            | Self::Replay(_) => Qos::Confirm,
            Self::Bundle(_) => Qos::Commit,
            Self::Publish(publish) => publish.signal.map_or(Qos::Fire, Signal::qos),
            _ => Qos::Fire,
        }
    }
}

/// The first message of a client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// The protocol version: 1.
    pub version: u8,
    /// What the client can do.
    pub features: Features,
    /// A name for people.
    pub name: String,
    /// The credential, if there is one; never empty.
    pub token: Option<String>,
    /// Only in MessagePack, and without effect.
    pub capabilities: Option<Capabilities>,
}

/// What a MessagePack HELLO may say about its transport; without effect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Whether the client can encrypt.
    pub encryption: Option<bool>,
    /// The compression that it knows.
    pub compression: Option<String>,
}

/// The first message of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Welcome {
    /// The protocol version: 1.
    pub version: u8,
    /// What the server can do; never federation.
    pub features: Features,
    /// The clock of the server.
    pub time: u64,
    /// The id of the session.
    pub session: String,
    /// A name for people.
    pub name: String,
    /// A credential for later, if there is one; never empty.
    pub token: Option<String>,
}

/// What a client offers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Announce {
    /// The namespace of the client.
    pub namespace: String,
    /// Its signals.
    pub signals: Vec<SignalDefinition>,
    /// Only in MessagePack, and without effect.
    pub meta: Option<BTreeMap<String, Value>>,
}

/// One signal that somebody offers.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalDefinition {
    /// Where it is.
    pub address: String,
    /// What kind it is.
    pub signal: Signal,
    /// The kind of its values, in the words of the application.
    pub datatype: Option<String>,
    /// Who may use it how, in the words of the application.
    pub access: Option<String>,
    /// More about it; never in RESULT.
    pub meta: Option<SignalMeta>,
}

/// More about a signal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SignalMeta {
    /// The unit of its values.
    pub unit: Option<String>,
    /// The least and the greatest value.
    pub range: Option<(f64, f64)>,
    /// The value before anybody set one.
    pub default: Option<Value>,
    /// A description for people.
    pub description: Option<String>,
}

/// What routers say to each other (protocol/router.md 19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederationSync {
    /// What is said.
    pub op: FederationOp,
    /// The namespaces that it is said of.
    pub patterns: Vec<String>,
    /// The revisions that the sender has.
    pub revisions: BTreeMap<String, u64>,
    /// Only newer revisions are wanted.
    pub since_revision: Option<u64>,
    /// The name of the sending router.
    pub origin: Option<String>,
}

/// What a FEDERATION_SYNC says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FederationOp {
    /// These namespaces are mine.
    DeclareNamespaces,
    /// Send me what you have there.
    RequestSync,
    /// This is what I have.
    RevisionVector,
    /// This was all.
    SyncComplete,
}

impl FederationOp {
    /// Every operation, in the order of their codes.
    pub const ALL: [Self; 4] = [
        Self::DeclareNamespaces,
        Self::RequestSync,
        Self::RevisionVector,
        Self::SyncComplete,
    ];

    /// The code on the wire: 1 to 4.
    pub const fn code(self) -> u8 {
        match self {
            Self::DeclareNamespaces => 1,
            Self::RequestSync => 2,
            Self::RevisionVector => 3,
            Self::SyncComplete => 4,
        }
    }

    /// The operation with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.code() == code)
    }

    /// The word for it in MessagePack.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DeclareNamespaces => "DeclareNamespaces",
            Self::RequestSync => "RequestSync",
            Self::RevisionVector => "RevisionVector",
            Self::SyncComplete => "SyncComplete",
        }
    }

    /// The operation with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.word() == word)
    }
}

/// A wish for messages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subscribe {
    /// Chosen by the client, unique in its session.
    pub id: u32,
    /// Which addresses.
    pub pattern: String,
    /// Which kinds.
    pub types: TypeMask,
    /// How much of it.
    pub options: SubscribeOptions,
}

/// How much of a subscription is wanted; absent means all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SubscribeOptions {
    /// At most so many messages per second and address.
    pub max_rate: Option<u32>,
    /// Only numbers that differ by at least this much (protocol/router.md 5.8).
    pub epsilon: Option<f64>,
    /// Carried and without effect (protocol/router.md 5.10).
    pub history: Option<u32>,
    /// Carried and without effect (protocol/router.md 5.10).
    pub window: Option<u32>,
}

/// The end of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unsubscribe {
    /// The id that the SUBSCRIBE had.
    pub id: u32,
}

/// A message that is not stored.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Publish {
    /// Where.
    pub address: String,
    /// What kind; absent only in MessagePack, written as event.
    pub signal: Option<Signal>,
    /// The data.
    pub value: Option<Value>,
    /// The same under its other name, only in MessagePack; `value` comes first.
    pub payload: Option<Value>,
    /// Many numbers at once, when there is no value.
    pub samples: Option<Vec<f64>>,
    /// Samples per second.
    pub rate: Option<u32>,
    /// Which gesture of several.
    pub id: Option<u32>,
    /// Where in the gesture; the compact encoding reads absent as start.
    pub phase: Option<Phase>,
    /// When it happened, or shall.
    pub timestamp: Option<u64>,
    /// Only in MessagePack; the compact encoding carries it as the value (protocol/wire.md 6.11).
    pub timeline: Option<Timeline>,
}

/// A parameter gets a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Set {
    /// Which parameter.
    pub address: String,
    /// The value.
    pub value: Value,
    /// From a client: the revision that it expects. From a server: the new one.
    pub revision: Option<u64>,
    /// Take the lock.
    pub lock: bool,
    /// Give the lock back.
    pub unlock: bool,
    /// How long the parameter lives from now on; absent means as before.
    pub ttl: Option<Ttl>,
}

/// A question for one value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Get {
    /// Which parameter.
    pub address: String,
}

/// Values of parameters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// In no particular order.
    pub params: Vec<Param>,
}

/// One parameter in a SNAPSHOT.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Param {
    /// Which parameter.
    pub address: String,
    /// Its value.
    pub value: Value,
    /// How often it was written.
    pub revision: u64,
    /// The session that wrote it.
    pub writer: Option<String>,
    /// When it was written.
    pub timestamp: Option<u64>,
}

/// A question for the past.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replay {
    /// Which addresses.
    pub pattern: String,
    /// Not before this time.
    pub from: Option<u64>,
    /// Not after this time.
    pub to: Option<u64>,
    /// At most so many, the oldest first.
    pub limit: Option<u32>,
    /// Which kinds.
    pub types: TypeMask,
}

/// Messages that belong together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bundle {
    /// When they are to be applied; at once if absent.
    pub timestamp: Option<u64>,
    /// The members, in order.
    pub messages: Vec<Message>,
}

/// A comparison of clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sync {
    /// When the question left.
    pub t1: u64,
    /// When it arrived.
    pub t2: Option<u64>,
    /// When the answer left.
    pub t3: Option<u64>,
}

/// A write was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ack {
    /// Which address was written.
    pub address: Option<String>,
    /// Its new revision.
    pub revision: Option<u64>,
    /// Whether it is locked now.
    pub locked: Option<bool>,
    /// The session that holds the lock.
    pub holder: Option<String>,
    /// Carried and without effect: no request has an id.
    pub correlation_id: Option<u32>,
}

/// Something was refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorMessage {
    /// The number of a [`Code`](crate::Code), or one that is not known here.
    pub code: u16,
    /// For people.
    pub message: String,
    /// The address or pattern that it is about.
    pub address: Option<String>,
    /// Carried and without effect: no request has an id.
    pub correlation_id: Option<u32>,
}

/// A question for signal definitions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Which addresses.
    pub pattern: String,
}

/// Signal definitions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueryResult {
    /// Without `meta`.
    pub signals: Vec<SignalDefinition>,
}
