//! Compact encoding (v1): entry points and type table (protocol/wire.md 6.1).

mod answer;
mod decode;
mod encode;
mod reader;
mod snapshot;
mod value;
mod view;
mod writer;

pub use answer::{split_result, write_ack};
pub use encode::encode;
pub use snapshot::{ParamRef, SnapshotWriter};
pub use value::{Encoded, encode_value};
pub use view::{Body, BundleRef, MessageRef, PublishRef, SetRef, view};

pub(crate) use reader::{Reader, utf8};
pub(crate) use writer::flag;

use crate::error::DecodeError;
use crate::message::Message;

/// Reads one payload; bytes after the message are ignored (protocol/wire.md 6.2).
///
/// ```
/// use clasp_proto::{Get, Message, binary};
/// let get = Message::Get(Get { address: "/a".into() });
/// let mut payload = Vec::new();
/// binary::encode(&get, &mut payload).expect("fits a frame");
/// assert_eq!(payload, [0x22, 0x00, 0x02, b'/', b'a']);
/// assert_eq!(binary::decode(&payload), Ok(get));
/// ```
pub fn decode(payload: &[u8]) -> Result<Message, DecodeError> {
    view(payload).map(MessageRef::into_message)
}

const HELLO: u8 = 0x01;
const WELCOME: u8 = 0x02;
const ANNOUNCE: u8 = 0x03;
const FEDERATION_SYNC: u8 = 0x04;
const SUBSCRIBE: u8 = 0x10;
const UNSUBSCRIBE: u8 = 0x11;
/// The first byte of a PUBLISH payload.
pub const PUBLISH: u8 = 0x20;
/// The first byte of a SET payload.
pub const SET: u8 = 0x21;
const GET: u8 = 0x22;
/// The first byte of a SNAPSHOT payload.
pub const SNAPSHOT: u8 = 0x23;
const REPLAY: u8 = 0x24;
/// The first byte of a BUNDLE payload.
pub const BUNDLE: u8 = 0x30;
const SYNC: u8 = 0x40;
const PING: u8 = 0x41;
const PONG: u8 = 0x42;
const ACK: u8 = 0x50;
const ERROR: u8 = 0x51;
const QUERY: u8 = 0x60;
const RESULT: u8 = 0x61;
