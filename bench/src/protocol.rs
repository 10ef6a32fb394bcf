//! What the driven protocols have in common: the events a parser reports, prepared publications, and dispatch.
//! The encoders and parsers are written by hand and hold only what a load generator needs; no CLASP crate is used.

mod clasp;
mod mqtt;
mod nats;
mod redis;
pub(crate) mod websocket;

/// The protocols that can be driven.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    /// CLASP v1, binary, over WebSocket.
    Clasp,
    /// MQTT 3.1.1.
    Mqtt,
    /// NATS client protocol.
    Nats,
    /// RESP, publish and subscribe.
    Redis,
    /// 40-byte frames, see `raw.rs`.
    Raw,
}

/// What a CLASP publisher sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Set,
    Event,
    Stream,
}

/// What a parser reports. `stamp` is the number that the publisher put first into the value.
pub(crate) enum Event<'a> {
    Message {
        stamp: f64,
    },
    Ack {
        address: &'a [u8],
    },
    Pong,
    Welcome,
    SubAck,
    Param {
        address: &'a [u8],
        stamp: f64,
    },
    Snapshot,
    Error {
        code: u16,
        text: &'a [u8],
    },
    /// The peer expects an answer.
    Reply(Reply),
    Closed,
}

/// An answer that the peer waits for.
pub(crate) enum Reply {
    WebSocketPong(Vec<u8>),
    NatsPong,
    MqttPuback(u16),
    ClaspPong,
}

/// What one prepared publication looks like.
#[derive(Clone, Copy)]
pub(crate) struct Publication<'a> {
    pub(crate) kind: Kind,
    pub(crate) address: &'a str,
    /// Bytes of the value; at least eight are sent.
    pub(crate) size: usize,
    pub(crate) qos: u8,
    /// MQTT only.
    pub(crate) retain: bool,
}

/// A publication prepared once and sent many times.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) bytes: Vec<u8>,
    /// Where the eight-byte number goes.
    stamp_at: usize,
    /// Where an MQTT packet id goes; 0 if there is none.
    packet_id_at: usize,
}

impl Template {
    /// Appends the publication with this number and packet id.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>, stamp: f64, packet_id: u16) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let at = start + self.stamp_at;
        out[at..at + 8].copy_from_slice(&stamp.to_be_bytes());
        if self.packet_id_at > 0 {
            let at = start + self.packet_id_at;
            out[at..at + 2].copy_from_slice(&packet_id.to_be_bytes());
        }
    }
}

impl Protocol {
    /// Parses whole messages, reports them, and returns how many bytes they took.
    pub(crate) fn drain(self, bytes: &[u8], report: &mut impl FnMut(Event<'_>)) -> usize {
        match self {
            Self::Clasp => clasp::drain(bytes, report),
            Self::Mqtt => mqtt::drain(bytes, report),
            Self::Nats => nats::drain(bytes, report),
            Self::Redis => redis::drain(bytes, report),
            Self::Raw => drain_raw(bytes, report),
        }
    }

    /// What a client says first, once the link is up.
    pub(crate) fn greet(self, out: &mut Vec<u8>, token: &str, client_id: &str) {
        match self {
            Self::Clasp => clasp::hello(out, token),
            Self::Mqtt => mqtt::connect(out, client_id),
            Self::Nats => nats::connect(out),
            Self::Redis => redis::ping(out),
            Self::Raw => {}
        }
    }

    /// Prepares a publication.
    pub(crate) fn template(self, publication: &Publication<'_>) -> Template {
        let spelled = self.spell(publication.address);
        let publication = Publication {
            address: &spelled,
            ..*publication
        };
        match self {
            Self::Clasp => clasp::template(&publication),
            Self::Mqtt => mqtt::template(&publication),
            Self::Nats => nats::template(&publication),
            Self::Redis => redis::template(&publication),
            Self::Raw => Template {
                bytes: vec![FILLER; RAW_FRAME_BYTES],
                stamp_at: 0,
                packet_id_at: 0,
            },
        }
    }

    /// A subscription request, not yet wrapped for the transport.
    pub(crate) fn subscribe(self, out: &mut Vec<u8>, id: u32, pattern: &str, qos: u8) {
        let pattern = self.spell(pattern);
        match self {
            Self::Clasp => clasp::subscribe(out, id, &pattern),
            Self::Mqtt => mqtt::subscribe(out, id, &pattern, qos),
            Self::Nats => nats::subscribe(out, id, &pattern),
            Self::Redis => redis::subscribe(out, &pattern),
            Self::Raw => out.push(b'S'),
        }
    }

    /// Asks for a sign of life; the answer is a barrier behind everything sent before.
    pub(crate) fn ping(self, out: &mut Vec<u8>) {
        match self {
            Self::Clasp => clasp::ping(out),
            Self::Mqtt => mqtt::ping(out),
            Self::Nats => nats::ping(out),
            Self::Redis => redis::ping(out),
            Self::Raw => {}
        }
    }

    /// Spells a CLASP address or pattern in the protocol's own way.
    fn spell(self, address: &str) -> String {
        let bare = address.trim_start_matches('/');
        match self {
            Self::Clasp => address.to_string(),
            Self::Mqtt => bare.replace("**", "#").replace('*', "+"),
            Self::Nats => bare.replace("**", ">").replace('/', "."),
            Self::Redis => bare.replace("**", "*"),
            Self::Raw => bare.to_string(),
        }
    }
}

/// Writes the answer that a peer waits for.
pub(crate) fn reply(reply: Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::WebSocketPong(body) => {
            websocket::write_header(out, websocket::PONG, body.len());
            out.extend_from_slice(&body);
        }
        Reply::NatsPong => nats::pong(out),
        Reply::MqttPuback(id) => mqtt::puback(out, id),
        Reply::ClaspPong => clasp::pong(out),
    }
}

fn drain_raw(bytes: &[u8], report: &mut impl FnMut(Event<'_>)) -> usize {
    let frames = bytes.chunks_exact(RAW_FRAME_BYTES);
    let used = frames.len() * RAW_FRAME_BYTES;
    for frame in frames {
        report(Event::Message {
            stamp: stamp_at(frame, 0),
        });
    }
    used
}

/// A text behind its length in two bytes, as CLASP and MQTT write it.
fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text);
}

#[inline]
fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
}

#[inline]
fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(
        bytes[at..at + 8]
            .try_into()
            .expect("a slice of eight bytes"),
    )
}

#[inline]
fn stamp_at(bytes: &[u8], at: usize) -> f64 {
    f64::from_bits(be64(bytes, at))
}

/// The number at the start of a payload, NaN if it is too short to hold one.
#[inline]
fn stamp_of(payload: &[u8]) -> f64 {
    if payload.len() >= 8 {
        stamp_at(payload, 0)
    } else {
        f64::NAN
    }
}

const RAW_FRAME_BYTES: usize = 40;
/// What values longer than a number are filled with.
const FILLER: u8 = b'.';
