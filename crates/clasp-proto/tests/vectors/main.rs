//! The golden vectors: every frame in `vectors/vectors.json` under the three rules of
//! protocol/wire.md 12.1, 12.2, 12.3.
#![expect(clippy::panic, reason = "a test stops at the first surprise")]

mod expected;
mod frame;

use clasp_proto::{Code, DecodeError, EncodeError, Message, Value, binary, decode, frame as wire};
use serde_json::{Map, Value as Json};

use expected::message;
use frame::frame_bytes;

// Among them is at least one frame for each of
// protocol/wire.md 1.3, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 3.2, 3.3
// protocol/wire.md 4.1, 4.2, 4.3, 5.1, 5.2, 5.3, 5.4, 5.5, 5.6, 5.7, 5.8
// protocol/wire.md 6.1, 6.2, 6.3, 6.4, 6.5, 6.6, 6.7, 6.8, 6.9, 6.10, 6.11
// protocol/wire.md 6.12, 6.13, 6.14, 6.15, 6.16, 7.1, 7.2
// protocol/wire.md 8.1, 8.2, 8.3, 8.4, 8.5, 8.6, 8.7, 8.8
#[test]
fn all_vectors_follow_the_rules() {
    let text = include_str!("../../vectors/vectors.json");
    let vectors: Vec<Json> = serde_json::from_str(text).expect("vectors.json is JSON");
    let mut counts = Counts::default();
    for vector in &vectors {
        let vector = Vector(vector.as_object().expect("a vector is an object"));
        counts.add(vector.check());
    }
    println!("{} vectors: {counts:?}", vectors.len());
    let expected = Counts {
        decoded: 473,
        too_deep: 16,
        refused: 131,
        bytes_kept: 2,
        not_encodable: 6,
        no_frame: 5,
        re_encoded: 248,
    };
    assert_eq!(counts, expected);
    assert_eq!(counts.vectors(), 633);
}

/// What was checked; the first six add up to the number of vectors.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Rule 1: decodes to what stands beside it.
    decoded: usize,
    /// Rule 1, exception: nests deeper than the limits and is refused with 101.
    too_deep: usize,
    /// Rule 3: refused.
    refused: usize,
    /// Rule 3, exception: raw MessagePack bytes, which others cannot read; here they are bytes.
    bytes_kept: usize,
    /// A message that cannot be encoded.
    not_encodable: usize,
    /// A message that a published client refuses to encode, for a reason of its own.
    no_frame: usize,
    /// Rule 2, on top of rule 1: the encoded message gives the frame.
    re_encoded: usize,
}

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Decoded { re_encoded } => {
                self.decoded += 1;
                self.re_encoded += usize::from(re_encoded);
            }
            Outcome::TooDeep => self.too_deep += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::BytesKept => self.bytes_kept += 1,
            Outcome::NotEncodable => self.not_encodable += 1,
            Outcome::NoFrame => self.no_frame += 1,
        }
    }

    const fn vectors(&self) -> usize {
        self.decoded
            + self.too_deep
            + self.refused
            + self.bytes_kept
            + self.not_encodable
            + self.no_frame
    }
}

enum Outcome {
    Decoded { re_encoded: bool },
    TooDeep,
    Refused,
    BytesKept,
    NotEncodable,
    NoFrame,
}

struct Vector<'a>(&'a Map<String, Json>);

impl Vector<'_> {
    fn check(&self) -> Outcome {
        let Some(frame) = frame_bytes(self.0) else {
            return self.check_encode_error();
        };
        let name = self.name();
        if BYTES_KEPT.contains(&name) && self.0["decodes"] == false {
            let kept = read(&frame).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(format!("{kept:?}").contains("Bytes([255, 254])"), "{name}");
            return Outcome::BytesKept;
        }
        if self.0["decodes"] == false {
            assert!(read(&frame).is_err(), "{name} must be refused");
            return Outcome::Refused;
        }
        self.check_flags(&frame);
        if self.is_too_deep() {
            let error = read(&frame).expect_err(name);
            assert_eq!(error, Code::InvalidMessage, "{name}");
            return Outcome::TooDeep;
        }
        let found = read(&frame).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_same(name, &found, &self.decoded());
        let re_encoded = name.starts_with("rust/") && self.0["encoding"] == "v1";
        if re_encoded {
            self.check_re_encoded(&frame);
        }
        Outcome::Decoded { re_encoded }
    }

    /// Rule 2. Maps are written in the order of their keys, so a frame with a map of several keys
    /// is compared without regard to order: by length and by what it decodes to.
    fn check_re_encoded(&self, frame: &[u8]) {
        let name = self.name();
        let mut sent = message(&self.0["message"]);
        if name == TIMELINE {
            sent = without_timeline(sent);
        }
        let mut payload = Vec::new();
        binary::encode(&sent, &mut payload).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (mut header, _) = wire::split(frame).expect(name);
        if header.timestamp.is_none() {
            assert_eq!(header.qos, sent.qos(), "{name}");
        }
        header.payload_len = payload.len();
        let mut written = Vec::new();
        header.write(&mut written).expect("the payload fits");
        written.append(&mut payload);
        if has_map_of_several(&sent) {
            assert_eq!(written.len(), frame.len(), "{name}");
            assert_eq!(written[..4], frame[..4], "{name}");
            assert_same(name, &read(&written).expect(name), &self.decoded());
        } else {
            assert_eq!(written, frame, "{name}");
        }
    }

    fn check_encode_error(&self) -> Outcome {
        let name = self.name();
        assert!(self.0.contains_key("encode_error"), "{name} has no frame");
        if !name.starts_with("rust/") {
            return Outcome::NoFrame;
        }
        let refused = binary::encode(&message(&self.0["message"]), &mut Vec::new());
        let reason = self.0["encode_error"].as_str().expect("a reason");
        match refused.expect_err(name) {
            EncodeError::PayloadTooLarge { found } => {
                assert!(reason.contains(&format!(": {found} bytes")), "{name}");
            }
            error => assert_eq!(
                error,
                EncodeError::StringTooLong { found: 65_536 },
                "{name}"
            ),
        }
        Outcome::NotEncodable
    }

    fn check_flags(&self, frame: &[u8]) {
        let name = self.name();
        let (header, payload) = wire::split(frame).expect(name);
        let flags = &self.0["frame_flags"];
        assert_eq!(flags["qos"], header.qos.code(), "{name}");
        assert_eq!(flags["version"], header.version, "{name}");
        assert_eq!(flags["encrypted"], header.encrypted, "{name}");
        assert_eq!(flags["compressed"], header.compressed, "{name}");
        let timestamp = header.timestamp.map(|timestamp| timestamp.to_string());
        assert_eq!(flags["timestamp"].as_str(), timestamp.as_deref(), "{name}");
        if let Some(whole) = self.0.get("payload_hex") {
            // Where bytes follow the frame, this field has them too.
            let whole = frame::hex(whole.as_str().expect("hex"));
            assert!(whole.starts_with(payload), "{name}");
        }
    }

    fn decoded(&self) -> Message {
        match self.name() {
            "raw/v0-bin-utf8" => expected::set_bytes(b"abc"),
            "raw/v0-bin-empty" => expected::set_bytes(b""),
            name if self.0["decoded"] == "same" || BYTES_KEPT.contains(&name) => {
                message(&self.0["message"])
            }
            _ => message(&self.0["decoded"]),
        }
    }

    fn is_too_deep(&self) -> bool {
        let (kind, depth) = self.name().rsplit_once('-').unwrap_or_default();
        let depth = depth.parse().unwrap_or(0);
        kind.ends_with("nested-bundles") && depth > 8 || kind.contains("nested-") && depth > 64
    }

    fn name(&self) -> &str {
        self.0["name"].as_str().expect("a vector has a name")
    }
}

/// What a server does with one WebSocket message.
fn read(message: &[u8]) -> Result<Message, Code> {
    let (_, payload) = wire::split(message).map_err(|error| error.code())?;
    decode(payload).map_err(DecodeError::code)
}

/// Equal in every field, and in every bit of every float: the text of a message shows -0 and all
/// that only MessagePack carries, its v1 payload the payload of a NaN.
fn assert_same(name: &str, found: &Message, expected: &Message) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{name}");
    let payload = |message| {
        let mut payload = Vec::new();
        binary::encode(message, &mut payload).map(|()| payload)
    };
    assert_eq!(payload(found), payload(expected), "{name}");
}

fn has_map_of_several(message: &Message) -> bool {
    fn several(value: &Value) -> bool {
        match value {
            Value::Array(values) => values.iter().any(several),
            Value::Map(entries) => entries.len() > 1 || entries.values().any(several),
            _ => false,
        }
    }
    match message {
        Message::Set(set) => several(&set.value),
        Message::Publish(publish) => publish.value.iter().chain(&publish.payload).any(several),
        Message::Snapshot(snapshot) => snapshot.params.iter().any(|it| several(&it.value)),
        Message::FederationSync(sync) => sync.revisions.len() > 1,
        Message::Bundle(bundle) => bundle.messages.iter().any(has_map_of_several),
        _ => false,
    }
}

/// Other encoders drop a timeline in v1; here it becomes the value (protocol/wire.md 6.11). The
/// frame is what is left of the message without it.
fn without_timeline(sent: Message) -> Message {
    let Message::Publish(mut publish) = sent else {
        panic!("{TIMELINE} is a PUBLISH");
    };
    assert!(publish.timeline.take().is_some());
    Message::Publish(publish)
}

const TIMELINE: &str = "rust/publish-timeline-data-dropped-in-v1";

/// Raw MessagePack bytes: text or an error elsewhere, bytes here (protocol/wire.md 8.6).
const BYTES_KEPT: [&str; 5] = [
    "raw/v0-bin-utf8",
    "raw/v0-bin-empty",
    "raw/v0-bin-nonutf8",
    "python/bundle-bytes-utf8-msgpack",
    "python/bundle-bytes-nonutf8-msgpack",
];
